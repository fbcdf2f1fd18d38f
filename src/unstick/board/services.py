"""Services: every source that is asked, what it answers and what asking it costs; and the workers' endpoints."""

from __future__ import annotations

from itertools import pairwise

import msgspec

from unstick.board.memory import Notes
from unstick.board.sources import HICCUP_S, Sight, SourceState
from unstick.board.workers import Workers
from unstick.facts.health import HealthFacts
from unstick.facts.level import Level, worst
from unstick.facts.reading import TroubleKind


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


class Services(msgspec.Struct, frozen=True):
    """Endpoints first, then servers; worst first in each."""

    level: Level
    items: tuple[Service, ...]


def fold_services(sight: Sight, notes: Notes, workers: Workers | None) -> Services:
    """One row per source; a worker's endpoint takes the level of the worker."""
    facts = {seen.source.id: seen.value for seen in sight.seen(HealthFacts)}
    lives = {worker.source: worker for worker in workers.items if worker.kind == "http"} if workers else {}
    items = []
    for state in sight.sources:
        source = state.source
        fact = facts.get(source.id)
        worker = lives.get(source.id)
        per_min, note = None, state.trouble.text if state.trouble and not state.pending else ""
        level = _level(state)
        if fact is not None:
            series = f"processed:{source.id}"
            notes.record(series, fact.processed if state.state == "fresh" else None)
            per_min = notes.before.rate_per_min(series, counter=True)
            if fact.uptime_s is not None:
                note = note or _restart(notes, source.id, fact.uptime_s)
        if worker is not None:
            level, note = worst([level, worker.level]), note or worker.note
        every = max(source.interval_s, 0.001)
        items.append(
            Service(
                source.id,
                source.system,
                level,
                state,
                state.cost.queries / every if state.state == "fresh" else 0.0,
                (state.cost.bytes_in + state.cost.bytes_out) / every if state.state == "fresh" else 0.0,
                fact,
                per_min,
                note,
            )
        )
        notes.record(f"took:{source.id}", state.cost.took_s * 1000 if state.state == "fresh" else None)
    items.sort(key=lambda item: (-item.level.rank, item.kind != "health", item.name))
    return Services(worst(item.level for item in items), tuple(items))


_GONE = frozenset(
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
    if state.trouble is None or state.trouble.kind not in _GONE or state.trouble.retry_after_s is not None:
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
