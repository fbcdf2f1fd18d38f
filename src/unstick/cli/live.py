"""``unstick live``: the board on this terminal."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from unstick.cli.codes import CONFIG, USAGE
from unstick.cli.complaint import complain
from unstick.cli.start import open_config, watchable
from unstick.cli.stdout import say
from unstick.facts.units import size
from unstick.tui.options import BoardOptions
from unstick.tui.terminal import refusal


def run_live(
    path: Path | None,
    context: str | None,
    *,
    theme: str | None,
    mouse: bool,
    fps: int | None = None,
    low_bandwidth: bool = False,
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
    options = BoardOptions(
        context=opened.name,
        production=opened.production,
        color=opened.color,
        theme=theme or opened.screen.theme,
        mouse=mouse and opened.screen.mouse,
        ascii=opened.screen.ascii,
        keys=opened.screen.keys,
        presets=opened.screen.presets,
        fps=fps,
        slow=low_bandwidth,
    )
    from unstick.tui.run import open_board, run_board  # noqa: PLC0415 - a complaint must not wait for it

    open_board(options)
    from unstick.cli.live_session import LiveSession  # noqa: PLC0415 - imported behind the first picture
    from unstick.cli.logs import log_to_file  # noqa: PLC0415

    session = LiveSession(loaded)
    code = run_board(session, session, replace(options, log_path=log_to_file()))
    for tape in session.tapes:
        say([f"{tape.path}: {tape.frames} frames, {size(tape.bytes)}"])
    return code
