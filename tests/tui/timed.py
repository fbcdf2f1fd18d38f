"""A board whose feed has a past: real frames in memory or on a tape, folded and told in the engine's thread."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

from tests.tui.stand import Stand
from tests.unit.boards import CONTEXT
from tests.unit.tapes import META, Stack
from unstick.cli.session import Session
from unstick.facts.frame import Frame
from unstick.feeds.deck import Deck
from unstick.feeds.drawer import Drawer
from unstick.feeds.incidents import Reporter
from unstick.feeds.recorder import Recorder
from unstick.tape.reader import Tape
from unstick.tape.recent import Recent
from unstick.tape.shelf import Shelf
from unstick.tape.writer import Writer
from unstick.tui.app import BoardApp
from unstick.tui.engine import Engine
from unstick.tui.operator import Hands, Operator
from unstick.tui.options import BoardOptions

TIMEOUT_S = 60.0


class Tap:
    """A live feed that the test opens Frame by Frame, from its own thread."""

    def __init__(self, seed: int = 9) -> None:
        self.stack = Stack(seed)
        self.came: list[Frame] = []
        self.waiting: queue.SimpleQueue[Frame] = queue.SimpleQueue()

    def flow(self, count: int) -> None:
        """So many Frames more."""
        for frame in self.stack.frames(count):
            self.came.append(frame)
            self.waiting.put(frame)

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """What flowed."""
        while True:
            while not self.waiting.empty():
                yield self.waiting.get()
            await asyncio.sleep(0.005)


class TimedStand(Stand):
    """A stand that knows the session behind the board."""

    def __init__(self, stand: Stand, session: Session, tap: Tap) -> None:
        super().__init__(stand.app, stand.pilot)
        self.session = session
        self.tap = tap

    async def until(self, met: Callable[[], object]) -> None:
        """Wait until ``met`` holds for what is on the screen."""
        loop = asyncio.get_running_loop()
        end = loop.time() + TIMEOUT_S
        while not met():
            assert loop.time() < end, self.text
            await self.pilot.pause(0.01)
        await self.settle()

    async def flows_until(self, met: Callable[[], object]) -> None:
        """Frames come one by one until ``met`` holds."""
        while not met():
            self.tap.flow(1)
            await self.shows(len(self.tap.came) - 1)

    async def shows(self, number: int) -> None:
        """Wait until the Frame of that number is on the screen."""
        at = self.tap.came[number].at
        await self.until(lambda: (place := self.app.board.told.place) is not None and place.at == at)

    @property
    def header(self) -> str:
        """The line on top."""
        return self.lines[0]


def _staged(
    deck: Callable[[Tap], Deck],
    scenario: Callable[[TimedStand], Awaitable[None]],
    size: tuple[int, int],
    hands: Hands | None = None,
    **options: object,
) -> None:
    async def run() -> None:
        tap = Tap()
        session = Session(CONTEXT, deck(tap))
        engine = Engine(session, session, lambda: None)
        engine.start()
        operator = Operator(engine, hands)
        app = BoardApp(engine, BoardOptions(context="test", **options), operator=operator)  # type: ignore[arg-type]
        try:
            async with app.run_test(size=size) as pilot:
                await scenario(TimedStand(Stand(app, pilot), session, tap))
                assert app.crash is None
        finally:
            app.engine.stop(5.0)

    asyncio.run(run())


def live_on_stage(
    scenario: Callable[[TimedStand], Awaitable[None]],
    size: tuple[int, int] = (120, 36),
    opened: Callable[[], Writer] | None = None,
    hands: Hands | None = None,
    drawer: Drawer | None = None,
    reporter: Reporter | None = None,
    **options: object,
) -> None:
    """Run ``scenario`` against a board that is live; ``opened`` makes the tapes that are recorded."""
    recorder = Recorder(opened) if opened else None

    def made(tap: Tap) -> Deck:
        return Deck(Recent(META), CONTEXT, "live", source=tap, recorder=recorder, drawer=drawer, reporter=reporter)

    _staged(made, scenario, size, hands, **options)


def tape_on_stage(
    path: Path,
    scenario: Callable[[TimedStand], Awaitable[None]],
    size: tuple[int, int] = (120, 36),
    shelf: Shelf | None = None,
    **options: object,
) -> None:
    """Run ``scenario`` against a board that plays a tape; its Frames are those of a tap with its seed."""
    with Tape.open(path) as tape:

        def made(tap: Tap) -> Deck:
            tap.came.extend(Stack(9).frames(len(tape)))
            deck = Deck(tape, CONTEXT, "replay", shelf=shelf)
            deck.playing = path.stem
            return deck

        _staged(made, scenario, size, None, **options)
