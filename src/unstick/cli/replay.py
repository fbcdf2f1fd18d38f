"""``unstick replay``: the board from a tape. No server is asked and no driver is imported."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

import msgspec

from unstick.cli.codes import USAGE
from unstick.cli.complaint import complain
from unstick.cli.logs import log_to_file
from unstick.cli.session import Session
from unstick.cli.tapes import at_moment, with_tape
from unstick.config.problem import ConfigError
from unstick.config.screen import load_screen
from unstick.feeds.deck import Deck
from unstick.feeds.player import AtEnd
from unstick.settings import Context
from unstick.tape.meta import context_of
from unstick.tape.parts import Parts
from unstick.tape.shelf import Shelf
from unstick.tui.options import BoardOptions
from unstick.tui.own import check_screen
from unstick.tui.terminal import refusal
from unstick.views.shelf import KEY as SHELF


class ScreenChoice(TypedDict):
    """The options of the board on the command line, and where its looks are configured."""

    path: Path | None
    context: str | None
    theme: str | None
    no_mouse: bool | None
    fps: int | None
    low_bandwidth: bool | None
    wall: bool | None


class Choice(msgspec.Struct, frozen=True):
    """What else may be played: ``menu`` asks for it at once."""

    shelf: Shelf
    playing: str
    menu: bool = False


def run_replay(path: Path, *, at: str | None, speed: float, screen: ScreenChoice) -> int:
    """Play the tape at ``path``; the exit code."""
    return with_tape(path, lambda tape: play(tape, at=at, speed=speed, screen=screen, at_end="stay"))


def play(
    tape: Parts,
    *,
    at: str | None,
    speed: float,
    screen: ScreenChoice,
    at_end: AtEnd,
    choice: Choice | None = None,
) -> int:
    """Show the board from ``tape`` until it is left; the exit code."""
    begin = at_moment(tape, at, tape.at(0))
    refused = refusal()
    if refused:
        complain(refused)
        return USAGE
    context = context_of(tape.meta.settings)
    options = board_options(context, screen)
    if isinstance(options, int):
        return options
    from unstick.tui.run import run_board  # noqa: PLC0415 - imports Textual

    shelf = choice.shelf if choice else None
    deck = Deck(tape, context, "replay", shelf=shelf, speed=speed, at=begin, at_end=at_end)
    deck.playing = choice.playing if choice else ""
    session = Session(context, deck)
    if choice and choice.menu:
        options = msgspec.structs.replace(options, opens=SHELF)
    return run_board(session, session, options)


def board_options(context: Context, screen: ScreenChoice) -> BoardOptions | int:
    """How the board looks that shows what was recorded with the settings of ``context``.

    Theme, keys and presets are those of the configuration here; or the exit code after complaining of them.
    """
    try:
        own = load_screen(screen["path"], screen["context"], context.name, check_screen)
    except ConfigError as error:
        for problem in error.problems:
            complain(str(problem))
        return error.exit_code
    looks = own or context.screen
    return BoardOptions(
        context=context.name,
        production=context.production,
        color=context.color,
        theme=screen["theme"] or looks.theme,
        mouse=looks.mouse and not screen["no_mouse"],
        ascii=looks.ascii,
        keys=looks.keys,
        presets=looks.presets,
        wall=bool(screen["wall"]),
        fps=screen["fps"],
        slow=bool(screen["low_bandwidth"]),
        log_path=log_to_file(),
    )
