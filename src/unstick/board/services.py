"""Services: every source that is asked, what it answers and what asking it costs; what it means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import msgspec

from unstick.board import (
    automation,
    beat,
    celery_events,
    dependency,
    log,
    maintenance,
    postgres_server,
    probe,
    redis_server,
)
from unstick.board.judged import Judged
from unstick.board.memory import Notes
from unstick.board.sources import HICCUP_S, Seen, Sight, SourceState
from unstick.board.workers import Workers
from unstick.facts.automation import AutomationFacts
from unstick.facts.beat import BeatFacts
from unstick.facts.celery_events import CeleryEventsFacts
from unstick.facts.dependency import DependencyFacts
from unstick.facts.health import HealthFacts
from unstick.facts.level import Level, worst
from unstick.facts.log import LogFacts
from unstick.facts.maintenance import MaintenanceFacts
from unstick.facts.probe import ProbeFacts
from unstick.facts.reading import TroubleKind
from unstick.facts.servers import PostgresServerFacts, RedisServerFacts
from unstick.settings import Context

Judge = Callable[[Seen[Any], Notes, Context], Judged]

JUDGES: Mapping[type, Judge] = {
    PostgresServerFacts: postgres_server.judge,
    RedisServerFacts: redis_server.judge,
    AutomationFacts: automation.judge,
    CeleryEventsFacts: celery_events.judge,
    BeatFacts: beat.judge,
    DependencyFacts: dependency.judge,
    MaintenanceFacts: maintenance.judge,
    ProbeFacts: probe.judge,
    LogFacts: log.judge,
}
"""One line per system that is told among the services, and nowhere else."""


class Service(msgspec.Struct, frozen=True):
    """One source. ``*_per_s`` are what unstick asks of it; ``worker`` is set for worker endpoints."""

    name: str
    kind: str
    level: Level
    state: SourceState
    queries_per_s: float
    bytes_per_s: float
    worker: HealthFacts | None
    per_min: float | None
    """Tasks done per minute, by the worker's own counter."""
    note: str
    judged: Judged | None = None
    """What was made of its newest answer, while that is young enough to count."""


class Services(msgspec.Struct, frozen=True):
    """Worst first; rows of one level stand together by their kind."""

    level: Level
    items: tuple[Service, ...]


def fold_services(sight: Sight, notes: Notes, workers: Workers | None, context: Context) -> Services:
    """One row per source; a worker's endpoint takes the level of the worker."""
    kinds: tuple[type[Any], ...] = (HealthFacts, *JUDGES)
    seen: dict[str, Seen[Any]] = {one.source.id: one for kind in kinds for one in sight.seen(kind)}
    lives = {worker.source: worker for worker in workers.items if worker.kind == "http"} if workers else {}
    items = []
    for state in sight.sources:
        found, worker = seen.get(state.source.id), lives.get(state.source.id)
        service = _service(state, found.value if found and isinstance(found.value, HealthFacts) else None, notes)
        if found is not None and found.current and type(found.value) in JUDGES:
            service = _judged(service, JUDGES[type(found.value)](found, notes, context), notes)
        if worker is not None:
            level, note = worst([service.level, worker.level]), service.note or worker.note
            service = msgspec.structs.replace(service, level=level, note=note)
        items.append(service)
        notes.record(f"took:{state.source.id}", state.cost.took_s * 1000 if state.state == "fresh" else None)
    items.sort(key=lambda item: (-item.level.rank, item.kind != "health", item.kind, item.name))
    return Services(worst(item.level for item in items), tuple(items))


def _service(state: SourceState, fact: HealthFacts | None, notes: Notes) -> Service:
    """The row of a source as such: what asking it costs, and the tasks of a worker's endpoint."""
    source, cost = state.source, state.cost
    per_min, note = None, state.trouble.text if state.trouble and not state.pending else ""
    if fact is not None:
        series = f"processed:{source.id}"
        notes.record(series, fact.processed if state.state == "fresh" else None)
        per_min = notes.before.rate_per_min(series, counter=True)
        if fact.uptime_s is not None:
            note = note or _restart(notes, source.id, fact.uptime_s)
        if fact.bad_metric_lines:
            note = note or f"{fact.bad_metric_lines} lines of its metrics cannot be read"
    every = max(source.interval_s, 0.001)
    fresh = state.state == "fresh"
    queries, payload = (cost.queries, cost.bytes_in + cost.bytes_out) if fresh else (0, 0)
    return Service(
        source.id, source.system, _level(state), state, queries / every, payload / every, fact, per_min, note
    )


def _judged(service: Service, judged: Judged, notes: Notes) -> Service:
    for name, value in judged.numbers:
        if name == judged.charted:
            notes.record(f"{service.name}:{name}", value)
    level = worst([service.level, judged.level])
    return msgspec.structs.replace(service, level=level, note=service.note or judged.note, judged=judged)


GONE = frozenset(
    {
        TroubleKind.REFUSED,
        TroubleKind.TIMEOUT,
        TroubleKind.DNS,
        TroubleKind.CLOSED,
        TroubleKind.TLS,
        TroubleKind.AUTH,
        TroubleKind.OVERLOAD,
    }
)
"""The server itself can't be used; other troubles leave it up and its answer unknown."""


def _level(state: SourceState) -> Level:
    """A server that was never reached is down; one that was seen may have a short hiccup first.

    One that asked to be left alone for a while (HTTP 429) is up. A worker that lists its locks is one of many signs.
    """
    if state.state == "fresh":
        return Level.OK
    if state.trouble is None or state.trouble.kind not in GONE or state.trouble.retry_after_s is not None:
        return Level.UNKNOWN
    hiccup = state.state == "stale" and (state.failing_s or 0.0) < HICCUP_S
    lists_locks = state.source.system == "locks" and state.source.server == "http"
    return Level.WARNING if hiccup or lists_locks else Level.CRITICAL


def _restart(notes: Notes, source: str, uptime_s: float) -> str:
    """A word when the worker's uptime fell since the last look."""
    series = notes.before.values(f"uptime:{source}")
    notes.record(f"uptime:{source}", uptime_s)
    before = next((value for value in reversed(series) if value is not None), None)
    recent = [value for value in series if value is not None]
    fell = any(later < earlier for earlier, later in pairwise(recent))
    return "restarted" if fell or (before is not None and uptime_s < before) else ""
