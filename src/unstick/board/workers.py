"""Workers: every sign of life of each, and everything it holds."""

from __future__ import annotations

import msgspec

from unstick.board.celery_workers import celery_workers
from unstick.board.endpoint_workers import automation_workers, http_workers
from unstick.board.holders import Names, outlived
from unstick.board.memory import Notes, Track
from unstick.board.sources import Seen, Sight
from unstick.board.worker import SKEW_S, Fault, Holds, Life, Worker, held
from unstick.facts.crawler import CrawlerFacts, CrawlerWorker
from unstick.facts.dramatiq import DramatiqFacts, DramatiqProcess
from unstick.facts.level import Level, worst
from unstick.facts.locks import LockFacts
from unstick.facts.text import natural
from unstick.facts.units import duration
from unstick.settings import Context

__all__ = ["Container", "Holds", "Worker", "Workers", "fold_workers"]

BEATS = 3
"""Heartbeats that must be missing before silence is more than a late one."""


class Container(msgspec.Struct, frozen=True):
    """The crawler workers of one container. ``gone``: none of them gave a sign of life within the grace."""

    id: str
    workers: int
    alive: int
    proxies: int
    tasks: int
    last_seen_s: float | None
    gone: bool
    silent: bool
    """Gone, or about to: one of them is dead, and none gave a sign of life for three heartbeats."""


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
        """The worker called ``worker_id``, by its source or by the board."""
        found = [worker for worker in self.items if worker_id in {worker.id, worker.holder}]
        return min(found, key=lambda worker: worker.id != worker_id, default=None)


def fold_workers(sight: Sight, notes: Notes, context: Context) -> Workers | None:
    """Join the signs of life; ``None`` when no system with workers is configured."""
    states = sight.states("dramatiq", "crawler", "health", "automation", "celery-events")
    if not states:
        return None
    names = Names(context)
    locks = _locks_by_worker(sight, names)
    items: list[Worker] = []
    for dramatiq in sight.seen(DramatiqFacts):
        items += _dramatiq_workers(dramatiq, notes, context)
    for crawler in sight.seen(CrawlerFacts):
        items += _crawler_workers(crawler, notes, context, locks, names)
    items += http_workers(sight, context, locks, names)
    items += automation_workers(sight, locks, names)
    items += celery_workers(sight, notes, context)
    items = outlived(_known_as(items, names))
    items.sort(key=lambda w: (-w.level.rank, w.life == "left", w.kind, natural(w.id)))
    counted = [worker for worker in items if worker.life != "left"]
    blind = any(not s.pending for s in sight.blind("dramatiq", "crawler", "celery-events"))
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
        _containers(items, context),
    )


def _known_as(items: list[Worker], names: Names) -> list[Worker]:
    """Each with the worker that it is, where its source calls that otherwise."""
    return [
        worker
        if (whose := names.worker(worker.kind, worker.id)) == worker.id
        else msgspec.structs.replace(worker, holder=whose)
        for worker in items
    ]


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
    fault: Fault = ""
    if not seen.current:
        life, level, fault, note = "unknown", Level.UNKNOWN, "unseen", "Redis unseen"
    elif silent > timeout_s and (beat is None or beat.looks < 2):
        life, level, fault, note = "unknown", Level.UNKNOWN, "unsure", "silent by its own clock; looking again"
    elif silent > timeout_s and holds.unacked:
        life, level, fault = "dead", Level.CRITICAL, "silent"
        note = f"silent, still holds {holds.unacked} messages"
    elif silent > timeout_s and beat and beat.changed:
        life, level, fault, note = "dead", Level.WARNING, "silent", "fell silent while watched, holds nothing"
    elif silent > timeout_s:
        life, level, note = "left", Level.OK, "left, holds nothing"
    elif skew and not (beat and beat.changed):
        life, level, fault, note = "unknown", Level.UNKNOWN, "unsure", f"{skew}; looking again"
    elif held and stuck_s >= stall_s and waiting:
        life, level, fault = "stalled", Level.CRITICAL, "stuck"
        note = f"beats, acknowledged nothing for at least {duration(stuck_s)}"
    else:
        life, level, note = "alive", Level.OK, skew
    since = stuck_s if life == "stalled" else None
    last = silent if seen.current else None
    moved = beat is not None and beat.changed and watched <= timeout_s
    off = watched - by_clock if moved and seen.current else None
    return Worker(process.id, "dramatiq", life, level, None, last, holds, note, source, since, fault, off)


def _crawler_workers(
    seen: Seen[CrawlerFacts], notes: Notes, context: Context, locks: dict[str, int] | None, names: Names
) -> list[Worker]:
    source = f"{seen.source.id}/workers"
    beats = {w.worker_id: _newest(notes.track(source, w.worker_id), w.task_beat_at) for w in seen.value.workers}
    notes.remember(source, seen.at, beats)
    return [
        _crawler_worker(
            w, seen, notes, context, None if locks is None else locks.get(names.worker("crawler", w.worker_id), 0)
        )
        for w in seen.value.workers
    ]


def _newest(track: Track | None, beat_at: float | None) -> float | None:
    """The newest heartbeat so far: one that goes away or back means that a task was taken from the worker."""
    known = None if track is None or isinstance(track.value, str) else track.value
    return max((at for at in (known, beat_at) if at is not None), default=None)


def _crawler_worker(
    worker: CrawlerWorker,
    seen: Seen[CrawlerFacts],
    notes: Notes,
    context: Context,
    locks: int | None,
) -> Worker:
    grace = context.thresholds.grace_s
    track = notes.track(f"{seen.source.id}/workers", worker.worker_id)
    signs = [s for s in (_newest(track, worker.task_beat_at), worker.proxy_changed_at) if s is not None]
    age = seen.value.server_at - max(signs) + seen.age_s if signs else None
    if track is not None and track.changed:
        watched = notes.at - track.since
        age = watched if age is None else min(age, watched)
    holds = Holds(worker.proxies, locks, worker.processing)
    life: Life
    fault: Fault = ""
    if not seen.current:
        life, level, fault, note = "unknown", Level.UNKNOWN, "unseen", "PostgreSQL unseen"
    elif age is None:
        life, level, fault, note = "unknown", Level.UNKNOWN, "unseen", "no sign of life is recorded"
    elif age <= grace:
        life, level, note = "alive", Level.OK, f"clock {age:+.0f} s off" if age < -SKEW_S else ""
    elif track is None or track.looks < 2:
        life, level, fault, note = "unknown", Level.UNKNOWN, "unsure", "silent; looking again"
    else:
        life, level, fault, note = "dead", Level.CRITICAL, "silent", "silent, still holds " + held(holds)
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
        None,
        fault,
    )


def _locks_by_worker(sight: Sight, names: Names) -> dict[str, int] | None:
    counts: dict[str, int] = {}
    found = False
    for seen in sight.seen(LockFacts):
        if seen.current and seen.value.via == "postgres":
            found = True
            for name, count in seen.value.by_worker:
                worker = names.worker("locks", name)
                counts[worker] = counts.get(worker, 0) + count
    return counts if found else None


def _containers(items: list[Worker], context: Context) -> tuple[Container, ...]:
    beats_s = BEATS * context.crawler.heartbeat_every_s if context.crawler else context.thresholds.grace_s
    quiet_s = min(beats_s, context.thresholds.grace_s)
    by_container: dict[str, list[Worker]] = {}
    for worker in items:
        if worker.kind == "crawler" and worker.container:
            by_container.setdefault(worker.container, []).append(worker)
    containers = []
    for name, workers in by_container.items():
        ages = [worker.last_seen_s for worker in workers if worker.last_seen_s is not None]
        dead = sum(worker.life == "dead" for worker in workers)
        quiet = len(ages) == len(workers) and min(ages) > quiet_s
        containers.append(
            Container(
                name,
                len(workers),
                sum(worker.life == "alive" for worker in workers),
                sum(worker.holds.proxies or 0 for worker in workers),
                sum(worker.holds.tasks or 0 for worker in workers),
                min(ages) if ages else None,
                gone=dead == len(workers),
                silent=dead == len(workers) or (dead > 0 and quiet),
            )
        )
    return tuple(sorted(containers, key=lambda c: (not c.gone, c.id)))
