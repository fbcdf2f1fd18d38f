"""Queues of every job system on one shelf: waiting, running, delayed, dead."""

from __future__ import annotations

from typing import Literal

import msgspec

from unstick.board.memory import Notes
from unstick.board.sources import Seen, Sight
from unstick.facts.celery import CeleryFacts
from unstick.facts.dramatiq import DramatiqFacts
from unstick.facts.level import Level, above, worst
from unstick.facts.rabbitmq import RabbitFacts, RabbitQueue
from unstick.facts.text import natural
from unstick.settings import Context

System = Literal["dramatiq", "celery", "rabbitmq"]


class Queue(msgspec.Struct, frozen=True):
    """One queue; ``None`` is unknown. ``place`` is the broker entry or virtual host that it lives in."""

    name: str
    system: System
    place: str
    ready: int | None
    in_flight: int | None
    delayed: int | None
    dead: int | None
    consumers: int | None
    oldest_s: float | None
    growth_per_min: float | None
    level: Level
    note: str
    source: str

    @property
    def key(self) -> str:
        """Identity across looks."""
        return f"{self.source}|{self.place}|{self.name}"


class Late(msgspec.Struct, frozen=True):
    """Deliveries of a Celery broker that outlived its visibility timeout: their worker is gone, or too slow."""

    place: str
    unacked: int | None
    oldest_s: float
    timeout_s: float
    source: str = ""
    overdue: int | None = None
    """How many of them are that old."""


class Stand(msgspec.Struct, frozen=True):
    """A broker on Redis where messages wait and nothing was taken or acknowledged for ``for_s``."""

    system: System
    place: str
    source: str
    for_s: float
    unacked: int


class Queues(msgspec.Struct, frozen=True):
    """All queues, worst first. ``waiting`` is ``None`` while a broker can't be seen."""

    level: Level
    waiting: int | None
    in_flight: int | None
    items: tuple[Queue, ...]
    count: int
    """Queues that the brokers have, which may be more than travelled."""
    late: tuple[Late, ...] = ()
    stands: tuple[Stand, ...] = ()


def fold_queues(sight: Sight, notes: Notes, context: Context) -> Queues | None:
    """Collect the queues of all brokers; ``None`` when no broker is configured."""
    systems = ("dramatiq", "celery", "rabbitmq")
    states = sight.states(*systems)
    if not states:
        return None
    items: list[Queue] = []
    count = 0
    partial = False
    stands: list[Stand] = []
    for dramatiq in sight.seen(DramatiqFacts):
        stands += _dramatiq_stands(dramatiq, notes)
        items += [_judged(queue, notes, context) for queue in _dramatiq(dramatiq)]
    late: list[Late] = []
    for celery in sight.seen(CeleryFacts):
        late += _late(celery)
        stands += _celery_stands(celery, notes)
        items += [_judged(queue, notes, context) for queue in _celery(celery)]
    count = len(items)
    for rabbit in sight.seen(RabbitFacts):
        found = [_judged(queue, notes, context) for queue in _rabbit(rabbit)]
        items += found
        count += len(found) + max(0, (rabbit.value.queue_count or 0) - len(rabbit.value.queues or ()))
        partial = partial or rabbit.value.queues is None
    items.sort(key=lambda q: (-q.level.rank, -_magnitude(q.ready), q.system, q.place, natural(q.name)))
    blind = partial or bool(sight.blind(*systems))
    depths = [queue.ready for queue in items if queue.ready is not None]
    waiting = None if blind or (items and not depths) else sum(depths)
    running = None if blind else sum(queue.in_flight or 0 for queue in items)
    notes.record("queues:waiting", waiting)
    levels = [*(queue.level for queue in items), Level.UNKNOWN if blind else Level.OK]
    levels += [Level.CRITICAL] if late else []
    return Queues(worst(levels), waiting, running, tuple(items), count, tuple(late), tuple(stands))


def _late(seen: Seen[CeleryFacts]) -> list[Late]:
    facts = seen.value
    if not seen.current or facts.unacked_oldest_at is None:
        return []
    age = facts.server_at - facts.unacked_oldest_at + seen.age_s
    if age <= facts.visibility_timeout_s:
        return []
    overdue = None if facts.overdue is None else max(facts.overdue, 1)
    return [Late(facts.name, facts.unacked, age, facts.visibility_timeout_s, seen.source.id, overdue)]


def _celery_stands(seen: Seen[CeleryFacts], notes: Notes) -> list[Stand]:
    """Held up: the oldest delivery is the same one, or there is none."""
    facts = seen.value
    oldest = facts.unacked_oldest_at if facts.unacked else 0.0
    known = facts.unacked is not None and oldest is not None
    since = _since(seen, [queue.ready for queue in facts.queues], f"{oldest}" if known else None, notes)
    return (
        [] if since is None else [Stand("celery", facts.name, seen.source.id, notes.at - since, facts.unacked or 0)]
    )


def _dramatiq_stands(seen: Seen[DramatiqFacts], notes: Notes) -> list[Stand]:
    """Held up: no process holds a message, not even one that beats."""
    facts = seen.value
    idle = all(process.held == 0 for process in facts.processes) and facts.process_count == len(facts.processes)
    since = _since(seen, [queue.ready for queue in facts.queues], "idle" if idle else None, notes)
    return [] if since is None else [Stand("dramatiq", facts.name, seen.source.id, notes.at - since, 0)]


def _since(
    seen: Seen[CeleryFacts] | Seen[DramatiqFacts], depths: list[int | None], state: str | None, notes: Notes
) -> float | None:
    """Since when messages wait, none was taken and ``state`` is the same; ``None`` where that is not so."""
    key = f"{seen.source.id}/stand"
    if not seen.current:
        return None
    waiting = sum(depth or 0 for depth in depths)
    waited, taken = notes.track(key, "waiting"), notes.track(key, "taken")
    fell = waited is not None and isinstance(waited.value, int) and waiting < waited.value
    times = (taken.value if taken is not None and isinstance(taken.value, int) else 0) + fell
    stand = None if state is None or not waiting or None in depths else f"{times}|{state}"
    notes.remember(key, seen.at, {"waiting": waiting, "taken": times, "stand": stand})
    track = notes.track(key, "stand")
    return None if stand is None or track is None or track.looks < 2 else track.since


def _magnitude(ready: int | None) -> int:
    """Digits of a depth of ten and more: full queues stand first, but rows do not swap at every message."""
    return len(str(ready)) if ready is not None and ready >= 10 else 0


def _dramatiq(seen: Seen[DramatiqFacts]) -> list[Queue]:
    facts = seen.value
    queues = []
    for queue in facts.queues:
        oldest = None if queue.oldest_at is None else facts.server_at - queue.oldest_at + seen.age_s
        queues.append(
            _queue(
                seen,
                queue.name,
                "dramatiq",
                facts.name,
                queue.ready,
                queue.in_flight,
                queue.delayed,
                queue.dead,
                oldest,
            )
        )
    return queues


def _celery(seen: Seen[CeleryFacts]) -> list[Queue]:
    facts = seen.value
    return [
        _queue(seen, queue.name, "celery", facts.name, queue.ready, queue.in_flight, None, None, None)
        for queue in facts.queues
    ]


def _rabbit(seen: Seen[RabbitFacts]) -> list[Queue]:
    """Queues of the broker; the ``.DQ`` and ``.XQ`` companions of a Dramatiq queue count as its delayed and dead."""
    rows = seen.value.queues or ()
    by_name = {(row.vhost, row.name): row for row in rows}
    queues = []
    for row in rows:
        base, _, suffix = row.name.rpartition(".")
        if row.owner == "dramatiq" and suffix in {"DQ", "XQ"} and (row.vhost, base) in by_name:
            continue
        delayed = dead = None
        if row.owner == "dramatiq":
            delayed = _all(by_name.get((row.vhost, f"{row.name}.DQ")))
            dead = _all(by_name.get((row.vhost, f"{row.name}.XQ")))
        queue = _queue(
            seen, row.name, row.owner or "rabbitmq", row.vhost, row.ready, row.unacked, delayed, dead, None
        )
        note = "the broker has no such queue" if row.absent else ""
        queues.append(msgspec.structs.replace(queue, consumers=row.consumers, note=note))
    return queues


def _all(row: RabbitQueue | None) -> int | None:
    if row is None or row.ready is None:
        return None
    return row.ready + (row.unacked or 0)


def _queue(
    seen: Seen[DramatiqFacts] | Seen[CeleryFacts] | Seen[RabbitFacts],
    name: str,
    system: System,
    place: str,
    ready: int | None,
    in_flight: int | None,
    delayed: int | None,
    dead: int | None,
    oldest_s: float | None,
) -> Queue:
    level = Level.OK if seen.current else Level.UNKNOWN
    return Queue(
        name, system, place, ready, in_flight, delayed, dead, None, oldest_s, None, level, "", seen.source.id
    )


def _judged(queue: Queue, notes: Notes, context: Context) -> Queue:
    """The queue with its growth and level; a stale one stays unknown, and its history gets a gap."""
    current = queue.level is Level.OK
    series = f"queue:{queue.key}"
    notes.record(series, queue.ready if current else None)
    if not current:
        return queue
    limits = context.thresholds
    growth = notes.before.rate_per_min(series)
    levels = [above(queue.ready or 0, limits.queue_warning, limits.queue_critical)]
    note = queue.note
    if queue.ready is None:
        levels.append(Level.UNKNOWN)
    if queue.oldest_s is not None and queue.ready:
        levels.append(above(queue.oldest_s, limits.oldest_warning_s, limits.oldest_critical_s))
    if queue.consumers == 0 and queue.ready:
        levels.append(Level.CRITICAL)
        note = "nobody consumes it"
    return msgspec.structs.replace(queue, growth_per_min=growth, level=worst(levels), note=note)
