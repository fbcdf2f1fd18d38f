"""How the command line starts the board. Textual is loaded only when it runs."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

from unstick.tui.opening import Opening
from unstick.tui.options import BoardOptions
from unstick.tui.terminal import refusal

__all__ = ["BoardOptions", "Opening", "refusal", "run_board"]

if TYPE_CHECKING:
    from unstick.feeds.base import Feed
    from unstick.tui.engine import Story

_ENGINE_END_S = 1.0


def run_board(feed: Feed, story: Story, options: BoardOptions, opening: Opening | None = None) -> int:
    """Show ``feed`` as ``story`` tells it until the person or a signal ends it.

    Exit code: 0 on ``q``, 130 on ctrl+c, 128 + n on SIGTERM and SIGHUP, 70 after an error of the board's own. On
    return the terminal is as it was, the feed is closed and its thread ended, or given up after a second. With an
    ``opening`` that was entered before, the terminal is given back where that ends.
    """
    if opening is None:
        with Opening(options) as entered:
            return run_board(feed, story, options, entered)
    if os.environ.get("NO_COLOR") == "":
        del os.environ["NO_COLOR"]  # Textual takes an empty value for a wish; the convention does not.
    if options.fps is not None:
        os.environ["TEXTUAL_FPS"] = str(options.fps)
    gc.disable()  # nothing that is imported becomes garbage; the app enables it when the first picture stands
    from unstick.tui.app import BoardApp  # noqa: PLC0415 - commands without a board must not load Textual

    app = BoardApp(feed, story, options, opening)
    opening.leave = app.leave_soon
    try:
        app.run(mouse=options.mouse)
    finally:
        app.engine.stop(_ENGINE_END_S)
        opening.give_up()
    if app.crash is not None:
        from unstick.tui import crash  # noqa: PLC0415 - only when it crashed

        folder = options.crash_folder or (options.log_path.parent if options.log_path else None)
        sys.stderr.write(crash.sentence(app.crash, crash.write(app.crash, folder)) + "\n")
    return app.return_code or 0
