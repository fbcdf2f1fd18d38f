"""The board as a picture, painted by the same program but on no terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from unstick import clock
from unstick.facts.frame import Frame
from unstick.tui import themes
from unstick.tui.app import BoardApp
from unstick.tui.engine import Engine, News
from unstick.tui.options import BoardOptions
from unstick.tui.paint import Painter
from unstick.tui.svg import svg
from unstick.views.screen import Told

_SETTLING = 3
"""Rounds of messages until everything is painted."""


class _Still:
    """A feed and a story of nothing: what is shown is handed over."""

    cursor = None

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """None, until it is closed."""
        await asyncio.Event().wait()
        yield Frame(0, 0.0, "", ())

    def fold(self, frame: Frame) -> object:
        """The Frame itself."""
        return frame

    def tell(self, board: object) -> Told:
        """Nothing is ever told."""
        raise TypeError(f"nothing to tell of {board!r}")


def picture(told: Told, options: BoardOptions, size: tuple[int, int], title: str) -> str:
    """``told`` on a screen of ``size`` cells, as SVG. Raises ``ThemeError`` for a theme that there is not."""
    return asyncio.run(_painted(told, options, size, title))


async def _painted(told: Told, options: BoardOptions, size: tuple[int, int], title: str) -> str:
    still = _Still()
    app = BoardApp(Engine(still, still, lambda: None), options)
    app.keep_colors()
    app.painter = Painter(themes.load(options.theme))
    try:
        async with app.run_test(size=size) as pilot:
            app.board.receive(News(told, 0.0, clock.monotonic()))
            for _ in range(_SETTLING):
                await pilot.pause(0)
            return svg(app.board.painted(), size[0], title)
    finally:
        app.engine.stop()
