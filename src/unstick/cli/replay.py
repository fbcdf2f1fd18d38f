"""``unstick replay``: the board from a tape. No server is asked and no driver is imported."""

from __future__ import annotations

from pathlib import Path

from unstick.cli.codes import USAGE
from unstick.cli.logs import log_to_file
from unstick.cli.main import complain
from unstick.cli.tapes import ReplaySession, at_moment, with_tape
from unstick.feeds.replay import AtEnd, ReplayFeed
from unstick.tape.reader import Tape
from unstick.tui.options import BoardOptions
from unstick.tui.terminal import refusal


def run_replay(path: Path, *, at: str | None, speed: float, theme: str | None, mouse: bool) -> int:
    """Play the tape at ``path``; the exit code."""
    return with_tape(path, lambda tape: play(tape, at=at, speed=speed, theme=theme, mouse=mouse, at_end="stay"))


def play(tape: Tape, *, at: str | None, speed: float, theme: str | None, mouse: bool, at_end: AtEnd) -> int:
    """Show the board from ``tape`` until it is left; the exit code."""
    begin = at_moment(tape, at, tape.at(0))
    refused = refusal()
    if refused:
        complain(refused)
        return USAGE
    log = log_to_file()
    from unstick.tui.run import run_board  # noqa: PLC0415 - imports Textual

    session = ReplaySession(ReplayFeed(tape, speed=speed, at=begin, at_end=at_end))
    context = session.context
    options = BoardOptions(
        context=context.name,
        production=context.production,
        color=context.color,
        theme=theme or context.screen.theme,
        mouse=mouse,
        log_path=log,
    )
    return run_board(session, session, options)
