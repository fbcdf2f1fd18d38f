"""How the command line starts the board. Textual is loaded only when it runs."""

from __future__ import annotations

import gc
import os
import sys
import time
from typing import TYPE_CHECKING

from unstick.tui import first
from unstick.tui.options import BoardOptions
from unstick.tui.terminal import refusal

__all__ = ["BoardOptions", "open_board", "refusal", "run_board"]

if TYPE_CHECKING:
    from unstick.feeds.base import Feed
    from unstick.tui.asking import Inspect
    from unstick.tui.engine import Engine, Story
    from unstick.tui.opening import Opening
    from unstick.tui.operator import Hands

_ENGINE_END_S = 1.0
_FIRST_LOOK_S = 0.5
"""So long the first answers may hold up Textual, if what they wait for is this processor."""
_GLANCE_S = 0.03


def open_board(options: BoardOptions) -> None:
    """The empty board stands on the terminal from now on, until :func:`run_board` ends or ``first.give_back``."""
    first.stand().draw(options)


def run_board(
    feed: Feed, story: Story, options: BoardOptions, hands: Hands | None = None, inspect: Inspect | None = None
) -> int:
    """Show ``feed`` as ``story`` tells it until the person or a signal ends it.

    Without ``hands`` nobody can act, without ``inspect`` no worker can be asked by hand.

    Exit code: 0 on ``q``, 130 on ctrl+c, 128 + n on SIGTERM and SIGHUP, 70 after an error of the board's own. On
    return the terminal is as it was, the feed is closed and its thread ended, or given up after a second.
    """
    if os.environ.get("NO_COLOR") == "":
        del os.environ["NO_COLOR"]  # Textual takes an empty value for a wish; the convention does not.
    if options.fps is not None:
        os.environ["TEXTUAL_FPS"] = str(options.fps)
    gc.disable()  # nothing that is imported becomes garbage; the app enables it when the first picture stands
    opening = first.stand()
    try:
        opening.draw(options)
        return _run(feed, story, options, opening, hands, inspect)
    finally:
        first.give_back()


def _run(
    feed: Feed, story: Story, options: BoardOptions, opening: Opening, hands: Hands | None, inspect: Inspect | None
) -> int:
    from unstick.tui.engine import Engine  # noqa: PLC0415 - the empty board stands before it is loaded

    engine = Engine(feed, story, lambda: _show(engine, opening))
    engine.start()
    _first_look(engine)
    from unstick.tui.app import BoardApp  # noqa: PLC0415 - commands without a board must not load Textual
    from unstick.tui.operator import Operator  # noqa: PLC0415 - the same

    operator = Operator(engine, hands)
    app = BoardApp(engine, options, opening, operator=operator, inspect=inspect)
    opening.leave = app.leave_soon
    try:
        app.run(mouse=options.mouse)
    finally:
        engine.stop(_ENGINE_END_S)
        opening.give_up()
    if app.crash is not None:
        from unstick.tui import crash  # noqa: PLC0415 - only when it crashed

        folder = options.crash_folder or (options.log_path.parent if options.log_path else None)
        sys.stderr.write(crash.sentence(app.crash, crash.write(app.crash, folder)) + "\n")
    sys.stderr.writelines(f"unstick: {words}\n" for words in operator.parted)
    return app.return_code or 0


def _show(engine: Engine, opening: Opening) -> None:
    """Draw the newest picture while Textual is not there to do it."""
    news = engine.take()
    if news.told is not None and not news.bare:
        opening.show(news.told)


def _first_look(engine: Engine) -> None:
    """Leave the processor to the engine until its first answers stand, or until it only waits for servers."""
    end, idle, spent = time.monotonic() + _FIRST_LOOK_S, 0, time.process_time()
    while idle < 2 and time.monotonic() < end and not engine.complete.wait(_GLANCE_S):
        spent, before = time.process_time(), spent
        idle = idle + 1 if spent - before < _GLANCE_S / 10 else 0
