"""``unstick live``: the board on this terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from unstick.cli.codes import CONFIG, REFUSED, USAGE
from unstick.cli.complaint import complain
from unstick.cli.start import open_config, watchable
from unstick.cli.stdout import say
from unstick.facts.units import size
from unstick.tui.options import BoardOptions
from unstick.tui.terminal import refusal

if TYPE_CHECKING:
    from unstick.cli.session import Session
    from unstick.facts.celery_look import CeleryLook
    from unstick.tui.asking import Inspect
    from unstick.tui.operator import Actuator, Hands


def run_live(
    path: Path | None,
    context: str | None,
    *,
    theme: str | None,
    mouse: bool,
    fps: int | None = None,
    low_bandwidth: bool = False,
    wall: bool = False,
    operate: bool = False,
) -> int:
    """Show the board until it is left; the exit code.

    What is wrong with the configuration is said before the board is drawn, or with what a start like this one drew
    the last time taken back; everything else is imported behind the first picture.
    """
    refused = refusal()
    if refused:
        complain(refused)
        return USAGE
    loaded = open_config(path, context)
    if isinstance(loaded, int):
        return loaded
    if not watchable(loaded):
        return CONFIG
    opened = loaded.context
    if operate and opened.actions.read_only:
        complain(f"{opened.name}: actions.read_only: this context is read only; mend: leave --operate out")
        return REFUSED
    options = BoardOptions(
        context=opened.name,
        production=opened.production,
        color=opened.color,
        theme=theme or opened.screen.theme,
        mouse=mouse and opened.screen.mouse,
        ascii=opened.screen.ascii,
        keys=opened.screen.keys,
        presets=opened.screen.presets,
        own=opened.actions.own,
        wall=wall,
        fps=fps,
        slow=low_bandwidth,
    )
    from unstick.tui.run import open_board, run_board  # noqa: PLC0415 - a complaint must not wait for it

    open_board(options)
    from unstick.cli.live_session import LiveSession  # noqa: PLC0415 - imported behind the first picture
    from unstick.cli.logs import log_to_file  # noqa: PLC0415

    session = LiveSession(loaded)
    options = replace(options, log_path=log_to_file())
    code = run_board(session, session, options, hands_of(session, operate=operate), inspect_of(session))
    for tape in session.tapes:
        say([f"{tape.path}: {tape.frames} frames, {size(tape.bytes)}"])
    return code


def hands_of(session: Session, *, operate: bool) -> Hands:
    """Where the board's actions come from; the gate is imported and built when it is needed first."""

    def build() -> Actuator:
        from unstick.cli.actions import gate_of  # noqa: PLC0415 - whoever only looks never loads it

        return gate_of(session.context)

    from unstick.tui.operator import Hands  # noqa: PLC0415 - imported behind the first picture

    reason = "this context is read only (actions.read_only)" if session.context.actions.read_only else ""
    return Hands(build, reason, operate)


def inspect_of(session: Session) -> Inspect:
    """What asks a Celery worker by hand, on the broker whose events tell of it."""

    async def inspect(source: str, hostname: str) -> CeleryLook:
        from unstick.cli.event_lanes import listened  # noqa: PLC0415 - only when somebody asks
        from unstick.pollers.celery_look import look_at  # noqa: PLC0415 - the same

        entry, url = listened(session.context)[source]
        return await look_at(entry, url, hostname)

    return inspect
