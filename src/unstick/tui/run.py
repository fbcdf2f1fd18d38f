"""How the command line starts the board. Textual is loaded only when it runs."""

from __future__ import annotations

import os
import sys

from unstick.feeds.base import Feed
from unstick.tui import crash
from unstick.tui.engine import Story
from unstick.tui.leaving import Leaving
from unstick.tui.options import BoardOptions
from unstick.tui.terminal import refusal

__all__ = ["BoardOptions", "Story", "refusal", "run_board"]

_ENGINE_END_S = 1.0


def run_board(feed: Feed, story: Story, options: BoardOptions) -> int:
    """Show ``feed`` as ``story`` tells it until the person or a signal ends it.

    Exit code: 0 on ``q``, 130 on ctrl+c, 128 + n on SIGTERM and SIGHUP, 70 after an error of the board's own. On
    return the terminal is as it was, the feed is closed and its thread ended, or given up after a second.
    """
    if os.environ.get("NO_COLOR") == "":
        del os.environ["NO_COLOR"]  # Textual takes an empty value for a wish; the convention does not.
    from unstick.tui.app import BoardApp  # noqa: PLC0415 - commands without a board must not load Textual

    app = BoardApp(feed, story, options)
    with Leaving(app.leave_soon):
        try:
            app.run(mouse=options.mouse)
        finally:
            app.engine.stop(_ENGINE_END_S)
    if app.crash is not None:
        folder = options.crash_folder or (options.log_path.parent if options.log_path else None)
        sys.stderr.write(crash.sentence(app.crash, crash.write(app.crash, folder)) + "\n")
    return app.return_code or 0
