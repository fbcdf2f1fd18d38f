"""Dramatiq on Redis: depths of its queues, and which process holds what.

The library is never used to look: whatever it calls enters this program among the workers. Keys and their meaning:
``dramatiq/brokers/redis/dispatch.lua``.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from unstick import clock
from unstick.backends.redis import RedisConnection, scored
from unstick.facts.dramatiq import DramatiqFacts, DramatiqQueue
from unstick.facts.reading import Source, TroubleKind
from unstick.facts.text import clean
from unstick.pollers.dramatiq_processes import PAGE, PAGES, Processes
from unstick.pollers.redis_discovery import HEARTBEATS, KeyScan, dramatiq_queue, escape, exact
from unstick.pollers.redis_round import Answer, RoundTrip
from unstick.settings import Dramatiq

QUEUE_CAP: Final = 200
"""Queues that are found by themselves; configured ones are always asked for."""
BODY_CAP: Final = 65_536
"""Bytes of a message that are read for its age; the age of a longer one stays unknown."""
ALL_AGAIN_S: Final = 60.0


class _Message(msgspec.Struct):
    message_timestamp: float


class _Depths:
    """The questions about one queue."""

    def __init__(self, trip: RoundTrip, key: str) -> None:
        self.ready = trip.ask("LLEN", key)
        self.messages = trip.ask("HLEN", f"{key}.msgs")
        self.delayed = trip.ask("HLEN", f"{key}.DQ.msgs")
        self.dead = trip.ask("ZCARD", f"{key}.XQ")
        self.head = trip.ask("LINDEX", key, 0)

    def fact(self, name: str, oldest_at: float | None) -> DramatiqQueue:
        ready, messages = self.ready.count, self.messages.count
        # The two are not read in one instant: a message that moves between them must not make a negative count.
        in_flight = None if ready is None or messages is None else max(0, messages - ready)
        return DramatiqQueue(clean(name), ready, in_flight, self.delayed.count, self.dead.count, oldest_at)


class DramatiqPoller:
    """One namespace. A look takes two round trips while nothing moves, and a third to read what is new."""

    def __init__(self, source: Source, settings: Dramatiq) -> None:
        self.source = source
        self._name = settings.name
        self._prefix = f"{settings.namespace}:"
        self._configured = dict.fromkeys(settings.queues)
        self._found: dict[str, None] = {}
        self._foreign: set[str] = set()
        self._scan = KeyScan(f"{escape(self._prefix)}*")
        self._processes = Processes(self._prefix)
        self._heads: dict[str, tuple[bytes, float | None]] = {}
        self._all_again_at = -math.inf

    async def look(self, connection: RedisConnection) -> DramatiqFacts:
        """Ask once. Raises :class:`BackendError`, also when not one queue may be read."""
        for key in await self._scan.step(connection):
            self._note(dramatiq_queue(key.removeprefix(self._prefix)))
        beats = f"{self._prefix}{HEARTBEATS}"
        trip = RoundTrip()
        server = trip.ask("TIME")
        process_count = trip.ask("ZCARD", beats)
        newest = trip.ask("ZREVRANGE", beats, 0, PAGE - 1, "WITHSCORES")
        queues = {name: _Depths(trip, self._prefix + name) for name in [*self._configured, *sorted(self._found)]}
        await trip.go(connection)
        self._readable(queues)
        known = await self._meet(connection, newest.sure(), process_count.count or 0)
        await self._follow(connection, queues)
        return DramatiqFacts(
            name=clean(self._name),
            server_at=server.server_at,
            processes=self._processes.facts(),
            queues=tuple(depths.fact(name, self._heads.get(name, (b"", None))[1]) for name, depths in queues.items()),
            process_count=known if process_count.count is None else process_count.count,
        )

    async def _meet(self, connection: RedisConnection, newest: Answer, count: int) -> int:
        """Learn who beats: the newest at every look, those behind them once a minute. How many were met."""
        pages = [newest]
        again = clock.monotonic() >= self._all_again_at
        if again:
            self._all_again_at = clock.monotonic() + ALL_AGAIN_S
            trip = RoundTrip()
            beats = f"{self._prefix}{HEARTBEATS}"
            starts = range(PAGE, min(count, PAGE * PAGES), PAGE)
            pages += [trip.ask("ZREVRANGE", beats, start, start + PAGE - 1, "WITHSCORES") for start in starts]
            await trip.go(connection)
        met = {exact(member): score for page in pages for member, score in scored(page.value)}
        self._processes.meet(met, everyone=again or count <= PAGE, again=again)
        return len(met)

    async def _follow(self, connection: RedisConnection, queues: dict[str, _Depths]) -> None:
        """Ask who holds what, and how old the first message of each queue is."""
        heads = {name: depths.head.text for name, depths in queues.items()}
        self._heads = {name: known for name, known in self._heads.items() if heads.get(name) == known[0]}
        new = {name: head for name, head in heads.items() if head is not None and name not in self._heads}
        trip = RoundTrip()
        self._processes.ask(trip, list(queues))
        sizes = {name: trip.ask("HSTRLEN", f"{self._prefix}{name}.msgs", head) for name, head in new.items()}
        await trip.go(connection)
        trip = RoundTrip()
        self._processes.ask_more(trip)
        short = {name: head for name, head in new.items() if 0 < (sizes[name].count or 0) <= BODY_CAP}
        bodies = {name: trip.ask("HGET", f"{self._prefix}{name}.msgs", head) for name, head in short.items()}
        await trip.go(connection)
        self._processes.settle()
        for name, head in new.items():
            if name in bodies or (sizes[name].count or 0) > BODY_CAP:
                self._heads[name] = head, _sent_at(bodies[name].text) if name in bodies else None

    def _readable(self, queues: dict[str, _Depths]) -> None:
        """Leave out found keys that are no lists. Raises the refusal when every queue is forbidden."""
        refusals = [depths.ready.refusal for depths in queues.values()]
        denied = [error for error in refusals if error is not None and error.trouble.kind is TroubleKind.DENIED]
        if denied and len(denied) == len(queues):
            raise denied[0]
        for name in list(queues):
            refusal = queues[name].ready.refusal
            if refusal is not None and refusal.trouble.kind is TroubleKind.SCHEMA and name not in self._configured:
                self._foreign.add(name)
                self._found.pop(name, None)
                del queues[name]

    def _note(self, name: str | None) -> None:
        known = name in self._configured or name in self._found or name in self._foreign
        if name is not None and not known and len(self._found) < QUEUE_CAP:
            self._found[name] = None


def _sent_at(body: bytes | None) -> float | None:
    """When the producer made the message; ``None`` when it is not JSON, as other encoders have it."""
    try:
        sent_at = msgspec.json.decode(body or b"", type=_Message).message_timestamp / 1000
    except (msgspec.MsgspecError, RecursionError):
        return None
    return sent_at if math.isfinite(sent_at) and sent_at > 0 else None
