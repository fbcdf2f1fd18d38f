"""The live feed: lanes poll, each at its own pace, and a Frame is cut from their newest readings."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Container, Sequence
from typing import Any

import msgspec

from unstick import clock
from unstick.facts.frame import Frame, Observation
from unstick.facts.reading import Missing, Source, Trouble, TroubleKind
from unstick.pollers.base import Lane

TICK_S = 1.0
HURRY_S = 1.5
"""So long after a start answers are shown as they come, not a tick later."""
_TOGETHER_S = 0.05
"""Answers that come within so long are shown together."""
CLOSE_S = 1.0


class LaneSpec(msgspec.Struct, frozen=True, eq=False):
    """A lane to be: what it will ask is known, its driver is imported only by ``build``."""

    sources: tuple[Source, ...]
    build: Callable[[], Lane[Any]]


class LiveFeed:
    """Frames once a second while the lanes poll beside it."""

    def __init__(self, specs: Sequence[LaneSpec], context: str, tick_s: float = TICK_S) -> None:
        self._specs = specs
        self._context = context
        self._tick_s = tick_s
        self._seq = 0
        self._started_at = clock.now()
        self._lanes: list[Lane[Any]] = []
        self._answered = asyncio.Event()

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """Frames until the iterator is closed; then every connection is closed within a second."""
        tasks: list[asyncio.Task[None]] = []
        tasks.append(asyncio.ensure_future(self._build(tasks)))
        try:
            due = begun = asyncio.get_running_loop().time()
            while True:
                self._answered.clear()
                yield self.frame()
                if tasks[0].done():
                    tasks[0].result()
                now = asyncio.get_running_loop().time()
                due = max(due + self._tick_s, now)
                if now < begun + HURRY_S:
                    due = min(due, await self._answer(due))
                else:
                    await asyncio.sleep(due - now)
        finally:
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks, timeout=CLOSE_S)
            for lane in self._lanes:
                lane.connection.abort()
            self._lanes.clear()

    async def _answer(self, due: float) -> float:
        """Wait for an answer, at most until ``due``; when it came."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(due):
                await self._answered.wait()
                await asyncio.sleep(_TOGETHER_S)
        return asyncio.get_running_loop().time()

    async def look(self, only: Container[str] | None = None) -> Frame:
        """Ask every source once, or only some of them, side by side.

        The Frame is of the instant when the look began: an answer does not age while another server is waited for.
        """
        if not self._lanes:
            await self._build(None)
        begun = clock.now()
        await asyncio.gather(*(lane.once(only) for lane in self._lanes))
        return msgspec.structs.replace(self.frame(), at=begun)

    async def close(self) -> None:
        """Part from every server."""
        await asyncio.gather(*(lane.close() for lane in self._lanes))

    def frame(self) -> Frame:
        """The newest readings as one Frame; lanes that are not built yet are pending."""
        self._seq += 1
        pending = Missing(Trouble(TroubleKind.PENDING, "not asked yet"), self._started_at)
        observations = [o for lane in self._lanes for o in lane.observations()]
        observations += [
            Observation(source, pending) for spec in self._specs[len(self._lanes) :] for source in spec.sources
        ]
        return Frame(self._seq, clock.now(), self._context, tuple(observations))

    async def _build(self, tasks: list[asyncio.Task[None]] | None) -> None:
        """Build the lanes one by one; a lane polls while the drivers of the next are imported in a thread."""
        for spec in self._specs:
            lane = await asyncio.to_thread(spec.build)
            self._lanes.append(lane)
            lane.on_change(self._answered.set)
            if tasks is not None:
                tasks.append(asyncio.ensure_future(lane.run()))
