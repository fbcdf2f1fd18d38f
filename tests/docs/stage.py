"""The real board at any moment of a shipped tape, without a terminal: for pictures, and for tests of what is found."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from pathlib import Path
from unittest import mock

from msgspec.structs import replace

from tests.tui.stand import Stand, silent
from unstick import clock
from unstick.board.board import Board, fold
from unstick.board.levels import Levels
from unstick.facts.place import Place, Tick
from unstick.tape.event import ACTION, MARK
from unstick.tape.meta import context_of
from unstick.tape.reader import Tape
from unstick.tui.app import BoardApp
from unstick.tui.engine import News
from unstick.tui.options import BoardOptions
from unstick.views.screen import Told
from unstick.views.tell import tell

TAPES = Path(__file__).parents[2] / "snapshots"
TERMINAL = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}


@lru_cache(maxsize=8)
def moment(name: str, second: float) -> Told:
    """What the board tells ``second`` seconds into a shipped tape."""
    with Tape.open(TAPES / f"{name}.tape") as tape:
        context = context_of(tape.meta.settings)
        last = tape.find(tape.at(0) + second)
        board: Board | None = None
        levels = Levels()
        for _, frame in tape.frames(0, last):
            board = fold(board, frame, context)
            levels.add(frame.at, board.level)
        if board is None:
            raise ValueError(f"{name} has no frame before {second} s")
        ticks = tuple(Tick(e.event, e.at, e.text) for e in tape.events() if e.event in {MARK, ACTION})
        place = Place(
            "replay", board.frame.at, tape.at(0), tape.at(len(tape) - 1), surveyed_at=board.frame.at,
            stretches=levels.stretches, ticks=ticks,
        )  # fmt: skip
    told = tell(board)
    return replace(told, place=place, board=board)


def played(
    told: Told, scenario: Callable[[Stand], Awaitable[None]], size: tuple[int, int], options: BoardOptions
) -> None:
    """Run ``scenario`` on a board that shows ``told``, whatever the environment says of the terminal."""

    async def run() -> None:
        app = BoardApp(silent(), options)
        try:
            async with app.run_test(size=size) as pilot:
                stand = Stand(app, pilot)
                app.board.receive(News(told, 0.0, clock.monotonic()))
                await stand.settle()
                await scenario(stand)
        finally:
            app.engine.stop()

    environ = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "LC_ALL", "LC_CTYPE")}
    with mock.patch.dict(os.environ, environ | TERMINAL, clear=True):
        asyncio.run(run())


def pressed(keys: Sequence[str]) -> Callable[[Stand], Awaitable[None]]:
    """A scenario: these keys, one after the other, and charts that are drawn."""

    async def scenario(stand: Stand) -> None:
        for key in keys:
            await stand.press(key)
        for _ in range(600):
            if "drawing …" not in stand.text:
                break
            await asyncio.sleep(0.05)
            await stand.settle()

    return scenario
