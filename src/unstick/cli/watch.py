"""``unstick watch``: a line per change, for pipes and logs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec

from unstick import loops
from unstick.alerts.desk import Desk
from unstick.alerts.outlets import Courier
from unstick.board.board import Board, fold
from unstick.cli.codes import DONE, INTERRUPTED
from unstick.cli.logs import log_to_file
from unstick.cli.noticing import Glances, drawer_of
from unstick.cli.start import open_context
from unstick.cli.stdout import say
from unstick.cli.wiring import lane_specs
from unstick.facts.units import timestamp
from unstick.feeds.live import LiveFeed
from unstick.settings import Context


class Change(msgspec.Struct, frozen=True):
    """An event as a line; ``what`` is one of :data:`unstick.board.events.What`."""

    at: str | None
    what: str
    level: str
    id: str
    text: str

    def line(self) -> str:
        """The change as one line of text."""
        return f"{self.at} {self.level:<8} {self.what:<6} {self.text}"


def run_watch(path: Path | None, context: str | None, *, as_json: bool) -> int:
    """Print changes until interrupted, or until nobody reads them; the exit code."""
    log_to_file()
    opened = open_context(path, context)
    if isinstance(opened, int):
        return opened
    return loops.run(_watch(opened, as_json=as_json))


async def _watch(context: Context, *, as_json: bool) -> int:
    loop = asyncio.get_running_loop()
    printing = asyncio.ensure_future(_print(context, as_json=as_json))
    received: list[int] = []

    def leave(number: int) -> None:
        received.append(number)
        printing.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, leave, number)
    with contextlib.suppress(asyncio.CancelledError):
        await printing
        return DONE
    return 128 + received[0] if received else INTERRUPTED


async def _print(context: Context, *, as_json: bool) -> None:
    board: Board | None = None
    desk, courier, glances = Desk(context.alerts), Courier(context.alerts), Glances(drawer_of(context.name))
    async with contextlib.aclosing(LiveFeed(lane_specs(context), context.name).frames()) as frames:
        async for frame in frames:
            board = fold(board, frame, context, glances.fresh(frame.at))
            lines = [json.dumps(msgspec.to_builtins(c)) if as_json else c.line() for c in changes(board)]
            courier.carry(desk.take(board))
            if lines and not say(lines):
                break
    await courier.close()


def changes(board: Board) -> Iterator[Change]:
    """What the newest Frame changed."""
    for event in board.news:
        yield Change(timestamp(event.at), event.what, event.level.value, event.id, event.text)
