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
from unstick.board.board import Board, fold
from unstick.cli.codes import DONE, INTERRUPTED
from unstick.cli.logs import log_to_file
from unstick.cli.start import open_context
from unstick.cli.stdout import say
from unstick.cli.wiring import lane_specs
from unstick.facts.units import timestamp
from unstick.feeds.live import LiveFeed
from unstick.settings import Context


class Change(msgspec.Struct, frozen=True):
    """``what`` is ``begins``, ``ends``, ``source`` or ``level``; ``level`` is that of the subject of the change."""

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
    async with contextlib.aclosing(LiveFeed(lane_specs(context), context.name).frames()) as frames:
        async for frame in frames:
            after = fold(board, frame, context)
            lines = [json.dumps(msgspec.to_builtins(c)) if as_json else c.line() for c in changes(board, after)]
            if lines and not say(lines):
                return
            board = after


def changes(before: Board | None, after: Board) -> Iterator[Change]:
    """What differs between two boards: findings that began or ended, sources that changed state, the level."""
    at = timestamp(after.frame.at)
    known = {finding.id: finding for finding in before.findings} if before else {}
    now = {finding.id: finding for finding in after.findings}
    states = {state.source.id: state for state in before.sources} if before else {}
    for state in after.sources:
        old = states.get(state.source.id)
        if state.pending or (old is not None and old.state == state.state and old.pending == state.pending):
            continue
        text = f"{state.source.id} is {state.state}" + (f": {state.trouble.text}" if state.trouble else "")
        level = "ok" if state.state == "fresh" else "unknown"
        yield Change(at, "source", level, state.source.id, text)
    for name, finding in now.items():
        if name not in known or known[name].level != finding.level:
            yield Change(at, "begins", finding.level.value, name, finding.title)
    for name, finding in known.items():
        if name not in now:
            yield Change(at, "ends", "ok", name, finding.title)
    if before is None or before.level != after.level:
        yield Change(at, "level", after.level.value, "level", f"{after.context.name} is {after.level.value}")
