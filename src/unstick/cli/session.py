"""What a board shows and what may be asked of it: one session over whatever is played, live or recorded."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from msgspec.structs import replace

from unstick.board.board import Board, fold
from unstick.facts.frame import Frame
from unstick.feeds.deck import Deck
from unstick.feeds.recorder import Recording
from unstick.settings import Context
from unstick.views.differ import differences
from unstick.views.pane import PaneView
from unstick.views.screen import Told
from unstick.views.shelf import shelf
from unstick.views.tell import tell


class Session:
    """The feed, the story and the cursor of one board, used by the engine's thread alone."""

    def __init__(self, context: Context, deck: Deck | None = None) -> None:
        self.context = context
        self.deck = deck
        self._told: tuple[Board, Told] | None = None
        self._compared: tuple[Board, Board, PaneView] | None = None

    @property
    def cursor(self) -> Deck | None:
        """The place in time; ``None`` before there is any."""
        return self.deck if self.deck is not None and self.deck.board is not None else None

    @property
    def tapes(self) -> list[Recording]:
        """The tapes that were made meanwhile."""
        recorder = self.deck.recorder if self.deck is not None else None
        return [] if recorder is None else recorder.finished

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """What is played."""
        if self.deck is not None:
            async with aclosing(self.deck.frames()) as frames:
                async for frame in frames:
                    yield frame

    def fold(self, frame: Frame) -> Board:
        """The board after ``frame``."""
        if self.cursor is None or self.cursor.board is None:
            return fold(None, frame, self.context)
        return self.cursor.board

    def tell(self, board: object) -> Told:
        """``board`` as a screen; it is what :meth:`fold` gave."""
        if not isinstance(board, Board):
            raise TypeError(f"not a board: {type(board).__name__}")
        if self._told is None or self._told[0] is not board:
            self._told = board, replace(tell(board), board=board)
        if self.cursor is None:
            return self._told[1]
        return replace(self._told[1], place=self.cursor.place, pages=self._pages(board))

    def _pages(self, board: Board) -> tuple[PaneView, ...]:
        deck = self.cursor
        pages: list[PaneView] = []
        if deck is not None and deck.compared is not None:
            if self._compared is None or self._compared[:2] != (deck.compared, board):
                self._compared = deck.compared, board, differences(deck.compared, board)
            pages.append(self._compared[2])
        if deck is not None and deck.shelf is not None:
            pages.append(shelf(deck.shelf.titles, deck.playing))
        return tuple(pages)
