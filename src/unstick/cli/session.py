"""What the live board shows: the feed and the story of one configuration."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from unstick import clock
from unstick.board.board import Board, fold
from unstick.cli.wiring import lane_specs
from unstick.config import Loaded
from unstick.facts.frame import Frame, Observation
from unstick.facts.reading import Missing, Source, Trouble, TroubleKind
from unstick.feeds.live import LiveFeed
from unstick.views.screen import Told
from unstick.views.tell import tell


class Session:
    """The feed and the story of one configuration, used by the engine's thread alone.

    Where the configuration names no system, the first Frame says that discovery is under way: the board stands
    before a server is asked and before a driver is imported.
    """

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._context = loaded.context
        self._board: Board | None = None

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """Frames of what is configured or found."""
        if self._loaded.discover:
            yield self._looking()
            from unstick.cli.discovery import discover  # noqa: PLC0415 - imports the drivers of what it asks

            self._context = await discover(self._loaded.context)
            self._board = None
        async with aclosing(LiveFeed(lane_specs(self._context), self._context.name).frames()) as frames:
            async for frame in frames:
                yield frame

    def fold(self, frame: Frame) -> Board:
        """The board after ``frame``."""
        self._board = fold(self._board, frame, self._context)
        return self._board

    def tell(self, board: object) -> Told:
        """``board`` as a screen; it is what :meth:`fold` gave."""
        if not isinstance(board, Board):
            raise TypeError(f"not a board: {type(board).__name__}")
        return tell(board)

    def _looking(self) -> Frame:
        now = clock.now()
        pending = Missing(Trouble(TroubleKind.PENDING, "looking for what there is"), now)
        return Frame(
            0, now, self._context.name, (Observation(Source("discovery", "discovery", "looking", 1.0), pending),)
        )
