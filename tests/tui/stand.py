"""A board without a terminal: a feed that stays silent, news handed over by the test, the screen as text."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot

from tests.tui.play import SampleStory
from tests.tui.samples import incident
from unstick import clock
from unstick.facts.frame import Frame
from unstick.tui.app import BoardApp
from unstick.tui.engine import Engine, News
from unstick.tui.options import BoardOptions
from unstick.views.screen import Told

GOLDENS = Path(__file__).parents[1] / "goldens"
Scenario = Callable[["Stand"], Awaitable[None]]


class SilentFeed:
    """Yields nothing until it is closed."""

    async def frames(self) -> AsyncGenerator[Frame, None]:
        await asyncio.sleep(3600)
        yield Frame(0, 0.0, "never", ())


def silent() -> Engine:
    """An engine that brings no news: they are handed over by the test."""
    engine = Engine(SilentFeed(), SampleStory(incident), lambda: None)
    engine.start()
    return engine


async def resized(pilot: Pilot[None], width: int, height: int) -> None:
    """Give the terminal another size, and wait until the screen has it."""
    await pilot.resize_terminal(width, height)
    async with asyncio.timeout(60):
        while pilot.app.screen.size != (width, height):
            await pilot.pause(0.01)


class Stand:
    """What a scenario needs: the app, its pilot, and short words for what is done most."""

    def __init__(self, app: BoardApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    async def show(self, told: Told, **more: object) -> None:
        self.app.board.receive(News(told, 0.0, clock.monotonic(), **more))  # type: ignore[arg-type]
        await self.settle()

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
            await self.settle()

    async def resize(self, width: int, height: int) -> None:
        await resized(self.pilot, width, height)
        await self.settle()

    async def settle(self) -> None:
        for _ in range(3):
            await self.pilot.pause(0)

    @property
    def lines(self) -> list[str]:
        return [strip.text for strip in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def on_stage(scenario: Scenario, size: tuple[int, int] = (120, 36), **options: object) -> None:
    """Run ``scenario`` against a mounted board; its errors and the app's fail the test."""

    async def run() -> None:
        app = BoardApp(silent(), BoardOptions(context="prod-eu", **options))  # type: ignore[arg-type]
        try:
            async with app.run_test(size=size) as pilot:
                await scenario(Stand(app, pilot))
        finally:
            app.engine.stop()

    asyncio.run(run())


def golden(name: str, text: str) -> None:
    """Compare with the golden file; ``UNSTICK_GOLDENS=write`` renews it."""
    file = GOLDENS / f"{name}.txt"
    found = "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
    if os.environ.get("UNSTICK_GOLDENS") == "write":
        file.write_text(found)
    assert found == file.read_text()
