"""Workers: every sign of life of each, and everything it holds."""

from __future__ import annotations

from typing import Literal

import msgspec

from unstick.board.memory import Notes, Track
from unstick.board.sources import HICCUP_S, Seen, Sight, SourceState
from unstick.facts.crawler import CrawlerFacts, CrawlerWorker
from unstick.facts.dramatiq import DramatiqFacts, DramatiqProcess
from unstick.facts.health import HealthFacts
from unstick.facts.level import Level, worst
from unstick.facts.locks import LockFacts
from unstick.facts.rabbitmq import RabbitFacts
from unstick.facts.reading import TroubleKind
from unstick.facts.text import natural
from unstick.facts.units import duration
from unstick.settings import Context

Kind = Literal["crawler", "dramatiq", "celery", "http"]
Life = Literal["alive", "dead", "stalled", "unknown", "left"]

SKEW_S = 2.0
"""A sign of life this far in the future comes from a clock that is off."""


class Holds(msgspec.Struct, frozen=True):
    """What a worker holds; ``None`` where the source that would tell was not seen."""

    proxies: int | None = None
    locks: int | None = None
    tasks: int | None = None
    unacked: int | None = None


class Worker(msgspec.Struct, frozen=True):
    """One worker. ``last_seen_s``: seconds since its newest sign of life; negative is clock skew, shown as such."""

    id: str
    kind: Kind
    life: Life
    level: Level
    container: str | None
    last_seen_s: float | None
    holds: Holds
    note: str
    source: str
    stuck_s: float | None = None
    """For how long at least it has acknowledged nothing, while that is what is wrong with it."""

    @property
    def name(self) -> str:
        """Short enough for a line: Dramatiq ids are UUIDs, eight characters tell them apart."""
        return f"{self.source}/{self.id[:8]}" if self.kind == "dramatiq" else self.id


class Container(msgspec.Struct, frozen=True):
    """The crawler workers of one container. ``gone``: none of them gave a sign of life within the grace."""

    id: str
    workers: int
    alive: int
    proxies: int
    tasks: int
    last_seen_s: float | None
    gone: bool


class Workers(msgspec.Struct, frozen=True):
    """All workers, worst first. Counts are ``None`` while a source of workers can't be seen."""

    level: Level
    total: int | None
    alive: int | None
    """Those that beat, the stalled ones included."""
    stalled: int | None
    dead: int | None
    unknown: int | None
    """Those that did not travel are among them."""
    items: tuple[Worker, ...]
    containers: tuple[Container, ...]

    def find(self, worker_id: str) -> Worker | None:
        """The worker called ``worker_id``."""
        return next((worker for worker in self.items if worker.id == worker_id), None)


def fold_workers(sight: Sight, notes: Notes, context: Context) -> Workers | None:
    """Join the signs of life; ``None`` when no system with workers is configured."""
    states = sight.states("dramatiq", "crawler", "health")
    if not states:
        return None
    locks = _locks_by_worker(sight)
    items: list[Worker] = []
    for dramatiq in sight.seen(DramatiqFacts):
        items += _dramatiq_workers(dramatiq, notes, context)
    for crawler in sight.seen(CrawlerFacts):
        items += _crawler_workers(crawler, notes, context, locks)
    items += _http_workers(sight, context, locks)
    items.sort(key=lambda w: (-w.level.rank, w.life == "left", w.kind, natural(w.id)))
    counted = [worker for worker in items if worker.life != "left"]
    blind = any(not s.pending for s in sight.blind("dramatiq", "crawler"))
    pending = any(s.pending for s in states)
    unseen = blind or pending
    cut = sum(max(0, s.value.worker_count - len(s.value.workers)) for s in sight.seen(CrawlerFacts) if s.current)
    count = {life: sum(worker.life == life for worker in counted) for life in ("alive", "dead", "stalled", "unknown")}
    level = worst([*(worker.level for worker in counted), Level.UNKNOWN if unseen else Level.OK])
    return Workers(
        level,
        None if unseen else len(counted) + cut,
        None if unseen else count["alive"] + count["stalled"],
        None if unseen else count["stalled"],
        None if unseen else count["dead"],
        None if unseen else count["unknown"] + cut,
        tuple(items),
        _containers(items),
    )


def _dramatiq_workers(seen: Seen[DramatiqFacts], notes: Notes, context: Context) -> list[Worker]:
    source = seen.source.id
    tracked: dict[str, str | float | None] = {}
    for process in seen.value.processes:
        tracked[f"beat:{process.id}"] = process.beat_at
        tracked[f"mark:{process.id}"] = process.in_flight_mark if process.held else None
    notes.remember(source, seen.at, tracked)
    waiting = sum(queue.ready or 0 for queue in seen.value.queues)
    name = seen.value.name
    timeout = next((d.heartbeat_timeout_s for d in context.dramatiq if d.name == name), 60.0)
    return [
        _dramatiq_worker(p, seen, notes, timeout, context.thresholds.stall_s, waiting) for p in seen.value.processes
    ]


def _dramatiq_worker(
    process: DramatiqProcess, seen: Seen[DramatiqFacts], notes: Notes, timeout_s: float, stall_s: float, waiting: int
) -> Worker:
    source = seen.source.id
    beat = notes.track(source, f"beat:{process.id}")
    mark = notes.track(source, f"mark:{process.id}")
    by_clock = seen.value.server_at - process.beat_at + seen.age_s
    watched = notes.at - beat.since if beat else 0.0
    silent = watched if beat and beat.changed else max(by_clock, watched)
    if beat and beat.changed and watched <= timeout_s:
        silent = by_clock if 0 <= by_clock <= timeout_s else watched
    held = process.held
    holds = Holds(unacked=None if held is None else held + (process.held_delayed or 0))
    stuck_s = notes.at - mark.since if mark and mark.value is not None else 0.0
    skew = f"clock {by_clock:+.0f} s off" if by_clock < -SKEW_S else ""
    life: Life
    if not seen.current:
        life, level, note = "unknown", Level.UNKNOWN, "Redis unseen"
    elif silent > timeout_s and (beat is None or beat.looks < 2):
        life, level, note = "unknown", Level.UNKNOWN, "silent by its own clock; looking again"
    elif silent > timeout_s and holds.unacked:
        life, level, note = "dead", Level.CRITICAL, f"silent, still holds {holds.unacked} messages"
    elif silent > timeout_s and beat and beat.changed:
        life, level, note = "dead", Level.WARNING, "fell silent while watched, holds nothing"
    elif silent > timeout_s:
        life, level, note = "left", Level.OK, "left, holds nothing"
    elif skew and not (beat and beat.changed):
        life, level, note = "unknown", Level.UNKNOWN, f"{skew}; looking again"
    elif held and stuck_s >= stall_s and waiting:
        life, level, note = "stalled", Level.CRITICAL, f"beats, acknowledged nothing for at least {duration(stuck_s)}"
    else:
        life, level, note = "alive", Level.OK, skew
    since = stuck_s if life == "stalled" else None
    last = silent if seen.current else None
    return Worker(process.id, "dramatiq", life, level, None, last, holds, note, source, since)


def _crawler_workers(
    seen: Seen[CrawlerFacts], notes: Notes, context: Context, locks: dict[str, int] | None
) -> list[Worker]:
    source = f"{seen.source.id}/workers"
    beats = {w.worker_id: _newest(notes.track(source, w.worker_id), w.task_beat_at) for w in seen.value.workers}
    notes.remember(source, seen.at, beats)
    return [_crawler_worker(worker, seen, notes, context, locks) for worker in seen.value.workers]


def _newest(track: Track | None, beat_at: float | None) -> float | None:
    """The newest heartbeat so far: one that goes away or back means that a task was taken from the worker."""
    known = None if track is None or isinstance(track.value, str) else track.value
    return max((at for at in (known, beat_at) if at is not None), default=None)


def _crawler_worker(
    worker: CrawlerWorker,
    seen: Seen[CrawlerFacts],
    notes: Notes,
    context: Context,
    locks: dict[str, int] | None,
) -> Worker:
    grace = context.thresholds.grace_s
    track = notes.track(f"{seen.source.id}/workers", worker.worker_id)
    signs = [s for s in (_newest(track, worker.task_beat_at), worker.proxy_changed_at) if s is not None]
    age = seen.value.server_at - max(signs) + seen.age_s if signs else None
    if track is not None and track.changed:
        watched = notes.at - track.since
        age = watched if age is None else min(age, watched)
    holds = Holds(worker.proxies, None if locks is None else locks.get(worker.worker_id, 0), worker.processing)
    life: Life
    if not seen.current:
        life, level, note = "unknown", Level.UNKNOWN, "PostgreSQL unseen"
    elif age is None:
        life, level, note = "unknown", Level.UNKNOWN, "no sign of life is recorded"
    elif age <= grace:
        life, level, note = "alive", Level.OK, f"clock {age:+.0f} s off" if age < -SKEW_S else ""
    elif track is None or track.looks < 2:
        life, level, note = "unknown", Level.UNKNOWN, "silent; looking again"
    else:
        life, level, note = "dead", Level.CRITICAL, "silent, still holds " + _held(holds)
    return Worker(
        worker.worker_id,
        "crawler",
        life,
        level,
        worker.container,
        age if seen.current else None,
        holds,
        note,
        seen.source.id,
    )


def _held(holds: Holds) -> str:
    parts = [
        f"{count} {word if count == 1 else plural}"
        for count, word, plural in (
            (holds.proxies, "proxy", "proxies"),
            (holds.tasks, "task", "tasks"),
            (holds.locks, "lock", "locks"),
            (holds.unacked, "message", "messages"),
        )
        if count
    ]
    return ", ".join(parts) or "nothing"


def _http_workers(sight: Sight, context: Context, locks: dict[str, int] | None) -> list[Worker]:
    waiting = _waiting(sight)
    seen_ids = {seen.source.id: seen for seen in sight.seen(HealthFacts)}
    workers: list[Worker] = []
    for state in sight.states("health"):
        if state.pending:
            continue
        name = state.source.id.partition(":")[2] or state.source.id
        seen = seen_ids.get(state.source.id)
        life: Life
        if _hung_up(state):
            life, level, note = "dead", Level.CRITICAL, state.trouble.text if state.trouble else ""
        elif seen is None or not seen.current:
            life, level, note = "unknown", Level.UNKNOWN, state.trouble.text if state.trouble else "unseen"
        else:
            life, level, note = _judge_health(seen.value, context, waiting)
        last = seen.value.heartbeat_age_s + seen.age_s if seen and seen.value.heartbeat_age_s is not None else None
        holds = Holds(locks=None if locks is None else locks.get(name, 0))
        if life == "dead" and holds.locks:
            note = f"{note}, still holds {_held(holds)}"
        workers.append(Worker(name, "http", life, level, None, last, holds, note, state.source.id))
    return workers


def _hung_up(state: SourceState) -> bool:
    """Nobody listens there, or whoever does has hung up for longer than a hiccup."""
    if state.state == "fresh" or state.trouble is None:
        return False
    lasts = state.state == "missing" or (state.failing_s or 0.0) >= HICCUP_S
    return state.trouble.kind is TroubleKind.REFUSED or (state.trouble.kind is TroubleKind.CLOSED and lasts)


def _waiting(sight: Sight) -> int | None:
    """Messages that wait for Dramatiq workers on all brokers; ``None`` when none are seen and some may be hidden."""
    redis = [seen.value.queues for seen in sight.seen(DramatiqFacts) if seen.current]
    rabbit = [seen.value.queues for seen in sight.seen(RabbitFacts) if seen.current]
    depths = [queue.ready for queues in redis for queue in queues]
    for queues in rabbit:
        jobs = [queue for queue in queues or () if queue.owner == "dramatiq"]
        depths += [queue.ready for queue in jobs if not queue.name.endswith((".DQ", ".XQ"))]
    hidden = bool(sight.blind("dramatiq", "rabbitmq")) or None in rabbit or None in depths
    return sum(depth or 0 for depth in depths) or (None if hidden or not (redis or rabbit) else 0)


def _judge_health(facts: HealthFacts, context: Context, waiting: int | None) -> tuple[Life, Level, str]:
    if facts.broker_connected is False:
        return "alive", Level.CRITICAL, "broker link lost"
    silent = facts.heartbeat_age_s is not None and facts.heartbeat_age_s >= context.thresholds.heartbeat_s
    if facts.healthy is False or silent:
        age = "" if facts.heartbeat_age_s is None else f", no task done for {facts.heartbeat_age_s:.0f} s"
        if waiting:
            return "stalled", Level.CRITICAL, f"unhealthy{age} while {waiting} messages wait"
        unsure = "what waits for it can't be seen" if waiting is None else "nothing waits for it"
        return "alive", Level.WARNING, f"unhealthy{age}; {unsure}"
    if facts.healthy is None:
        return "unknown", Level.UNKNOWN, "says nothing of its health"
    return "alive", Level.OK, ""


def _locks_by_worker(sight: Sight) -> dict[str, int] | None:
    counts: dict[str, int] = {}
    found = False
    for seen in sight.seen(LockFacts):
        if seen.current and seen.value.via == "postgres":
            found = True
            for worker, count in seen.value.by_worker:
                counts[worker] = counts.get(worker, 0) + count
    return counts if found else None


def _containers(items: list[Worker]) -> tuple[Container, ...]:
    by_container: dict[str, list[Worker]] = {}
    for worker in items:
        if worker.kind == "crawler" and worker.container:
            by_container.setdefault(worker.container, []).append(worker)
    containers = []
    for name, workers in by_container.items():
        ages = [worker.last_seen_s for worker in workers if worker.last_seen_s is not None]
        containers.append(
            Container(
                name,
                len(workers),
                sum(worker.life == "alive" for worker in workers),
                sum(worker.holds.proxies or 0 for worker in workers),
                sum(worker.holds.tasks or 0 for worker in workers),
                min(ages) if ages else None,
                gone=all(worker.life == "dead" for worker in workers),
            )
        )
    return tuple(sorted(containers, key=lambda c: (not c.gone, c.id)))
