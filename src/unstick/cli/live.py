"""``unstick live``: the board on this terminal."""

from __future__ import annotations

from pathlib import Path

from unstick.board.board import Board, fold
from unstick.cli.codes import USAGE
from unstick.cli.logs import log_to_file
from unstick.cli.main import complain
from unstick.cli.start import open_context
from unstick.cli.wiring import lane_specs
from unstick.facts.frame import Frame
from unstick.feeds.live import LiveFeed
from unstick.settings import Context
from unstick.tui.options import BoardOptions
from unstick.tui.terminal import refusal
from unstick.views.screen import Told
from unstick.views.tell import tell


class BoardStory:
    """Folds the Frames of one context and tells them; used by one thread."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._board: Board | None = None

    def fold(self, frame: Frame) -> Board:
        """The board after ``frame``."""
        self._board = fold(self._board, frame, self._context)
        return self._board

    def tell(self, board: object) -> Told:
        """``board`` as a screen; it is what :meth:`fold` gave."""
        if not isinstance(board, Board):
            raise TypeError(f"not a board: {type(board).__name__}")
        return tell(board)


def run_live(path: Path | None, context: str | None, *, theme: str | None, mouse: bool) -> int:
    """Show the board until it is left; the exit code."""
    refused = refusal()
    if refused:
        complain(refused)
        return USAGE
    log = log_to_file()
    opened = open_context(path, context)
    if isinstance(opened, int):
        return opened
    from unstick.tui.run import run_board  # noqa: PLC0415 - imports Textual

    screen = opened.screen
    options = BoardOptions(
        context=opened.name,
        production=opened.production,
        color=opened.color,
        theme=theme or screen.theme,
        mouse=mouse and screen.mouse,
        ascii=screen.ascii,
        keys=screen.keys,
        log_path=log,
    )
    return run_board(LiveFeed(lane_specs(opened), opened.name), BoardStory(opened), options)
