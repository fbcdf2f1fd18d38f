"""Celery on Redis: depths over the priority steps, and which queue the unacknowledged deliveries came from.

Keys and their meaning: ``kombu/transport/redis.py`` (``_q_for_pri``, ``QoS.append``).
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Final

import msgspec

from unstick import clock
from unstick.backends.redis import RedisConnection, scored
from unstick.facts.celery import CeleryFacts, CeleryQueue
from unstick.facts.reading import Source, TroubleKind
from unstick.facts.text import clean
from unstick.pollers.redis_discovery import BINDING, KeyScan, escape, read_bindings
from unstick.pollers.redis_round import Answer, RoundTrip
from unstick.settings import Celery

QUEUE_CAP: Final = 200
"""Queues that are found by themselves; configured ones are always asked for."""
UNACKED_CAP: Final = 200
"""Deliveries that are told apart by queue; with more of them only their total is known."""
BODY_CAP: Final = 65_536
BODIES_CAP: Final = 1_048_576
"""Bytes of one delivery, and of all that are read in one look."""


class _Delivery(msgspec.Struct, array_like=True):
    message: msgspec.Raw
    exchange: str | None
    routing_key: str | None


class CeleryPoller:
    """One broker database. A look takes one round trip, and two more when there are deliveries it has not seen."""

    def __init__(self, source: Source, settings: Celery) -> None:
        self.source = source
        self._settings = settings
        self._configured = dict.fromkeys(settings.queues)
        self._found: dict[str, None] = {}
        self._bindings: dict[str, list[tuple[str, str]]] = {}
        self._scan = KeyScan(f"{escape(settings.key_prefix + BINDING)}*")
        self._deliveries: dict[bytes, str | None] = {}

    async def look(self, connection: RedisConnection) -> CeleryFacts:
        """Ask once. Raises :class:`BackendError`, also when not one queue may be read."""
        await self._discover(connection)
        names = [*self._configured, *sorted(self._found)]
        prefix, settings = self._settings.key_prefix, self._settings
        trip = RoundTrip()
        server = trip.ask("TIME")
        unacked = trip.ask("HLEN", prefix + settings.unacked_key)
        index = trip.ask("ZRANGE", prefix + settings.unacked_index_key, 0, UNACKED_CAP - 1, "WITHSCORES")
        late_at = clock.now() - settings.visibility_timeout_s
        late = trip.ask("ZCOUNT", prefix + settings.unacked_index_key, "-inf", late_at)
        depths = {name: self._ask_depths(trip, name) for name in names}
        await trip.go(connection)
        _check_readable([answer for steps in depths.values() for answer in steps.values()])
        oldest = list(scored(index.value))
        in_flight = await self._in_flight(connection, unacked.count, [tag for tag, _ in oldest])
        return CeleryFacts(
            name=clean(settings.name),
            server_at=server.server_at,
            queues=tuple(_fact(name, depths[name], in_flight) for name in names),
            unacked=unacked.count,
            unacked_oldest_at=_instant(oldest[0][1]) if oldest and unacked.count else None,
            visibility_timeout_s=settings.visibility_timeout_s,
            overdue=late.count,
        )

    def _ask_depths(self, trip: RoundTrip, name: str) -> dict[int, Answer]:
        key = self._settings.key_prefix + name
        separator = self._settings.separator
        steps = dict.fromkeys(self._settings.priority_steps)
        return {step: trip.ask("LLEN", f"{key}{separator}{step}" if step else key) for step in steps}

    async def _discover(self, connection: RedisConnection) -> None:
        keys = await self._scan.step(connection)
        if not keys:
            return
        for key, bound in (await read_bindings(connection, keys, self._settings.separator)).items():
            self._bindings[key.partition(BINDING)[2]] = bound
            for _, queue in bound:
                self._note(queue)

    def _note(self, queue: str) -> None:
        if queue not in self._configured and len(self._found) < QUEUE_CAP:
            self._found[queue] = None

    async def _in_flight(
        self, connection: RedisConnection, unacked: int | None, tags: list[bytes]
    ) -> Counter[str] | None:
        """Deliveries by queue; ``None`` unless the queue of every one is known. A delivery never changes: what was
        read of it once is kept for as long as it is there.
        """
        if unacked is None or unacked > UNACKED_CAP or len(tags) < unacked:
            return None if unacked != 0 else Counter()
        self._deliveries = {tag: queue for tag, queue in self._deliveries.items() if tag in set(tags)}
        new = [tag for tag in tags if tag not in self._deliveries]
        gone = await self._read(connection, new) if new else set()
        queues = [self._deliveries.get(tag) for tag in tags if tag not in gone]
        return None if None in queues else Counter(queue for queue in queues if queue is not None)

    async def _read(self, connection: RedisConnection, tags: list[bytes]) -> set[bytes]:
        """Read deliveries for the first time; those that were acknowledged meanwhile are returned."""
        key = self._settings.key_prefix + self._settings.unacked_key
        trip = RoundTrip()
        sizes = {tag: trip.ask("HSTRLEN", key, tag) for tag in tags}
        await trip.go(connection)
        trip = RoundTrip()
        left = BODIES_CAP
        bodies: dict[bytes, Answer] = {}
        for tag, answer in sizes.items():
            size = answer.count or 0
            if size > BODY_CAP:
                self._deliveries[tag] = None
            elif 0 < size <= left:
                left -= size
                bodies[tag] = trip.ask("HGET", key, tag)
        await trip.go(connection)
        for tag, body in bodies.items():
            if body.text is not None:
                self._deliveries[tag] = queue = self._queue_of(body.text)
                if queue is not None:
                    self._note(queue)
        absent = {tag for tag, answer in sizes.items() if answer.count == 0}
        return absent | {tag for tag, body in bodies.items() if body.value is None}

    def _queue_of(self, body: bytes) -> str | None:
        """The queue that a delivery came from, as far as the bindings tell."""
        try:
            delivery = msgspec.json.decode(body, type=_Delivery)
        except (msgspec.MsgspecError, RecursionError):
            return None
        if not delivery.exchange:
            return delivery.routing_key
        bound = self._bindings.get(delivery.exchange, [])
        matching = {queue for key, queue in bound if key == delivery.routing_key} or {queue for _, queue in bound}
        return next(iter(matching)) if len(matching) == 1 else None


def _fact(name: str, steps: dict[int, Answer], in_flight: Counter[str] | None) -> CeleryQueue:
    counts = [(step, answer.count) for step, answer in steps.items()]
    known = tuple((step, count) for step, count in counts if count is not None)
    return CeleryQueue(
        name=clean(name),
        ready=sum(count for _, count in known) if len(known) == len(counts) else None,
        by_priority=known,
        in_flight=None if in_flight is None else in_flight[name],
    )


def _check_readable(answers: list[Answer]) -> None:
    """Raises the refusal when every queue is forbidden."""
    denied = [answer.refusal for answer in answers if answer.refusal is not None]
    denied = [error for error in denied if error.trouble.kind is TroubleKind.DENIED]
    if denied and len(denied) == len(answers):
        raise denied[0]


def _instant(score: float) -> float | None:
    return score if math.isfinite(score) and score > 0 else None
