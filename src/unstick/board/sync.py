"""Balance sync: how long since it really worked, and whether the data agrees."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from unstick.board.memory import Notes
from unstick.board.sources import Sight
from unstick.facts.level import Level, worst
from unstick.facts.sync import Drift, SyncApiFacts, SyncDataFacts
from unstick.settings import Context

CLOCK_S = 60.0
"""Clocks of two hosts may differ this much."""
FAILED = frozenset({"error", "failed", "failure"})


class Sync(msgspec.Struct, frozen=True):
    """``lag_s`` by the API's last success, else by the newest balance row (``lag_from`` tells which)."""

    level: Level
    lag_s: float | None
    lag_from: str
    last_success_at: float | None
    next_due_at: float | None
    due_in_s: float | None
    overdue: bool | None
    running: bool | None
    processed: int | None
    updated: int | None
    errors: int | None
    last_duration_s: float | None
    redis_ok: bool | None
    database_ok: bool | None
    rows: int | None
    oldest_row_s: float | None
    drift: Drift | None
    drift_trouble: str | None
    every_s: float
    status: str | None = None
    """What the service calls itself."""
    in_future: bool = False
    """Its last success has yet to come: a clock or a time zone is off."""


def fold_sync(sight: Sight, notes: Notes, context: Context) -> Sync | None:
    """Join what the API says with what the rows say; ``None`` when no sync is configured."""
    if not sight.states("sync") or context.sync is None:
        return None
    api = next((s for s in sight.seen(SyncApiFacts) if s.current), None)
    data = next((s for s in sight.seen(SyncDataFacts) if s.current), None)
    a = api.value if api else None
    d = data.value if data else None
    every = context.sync.every_s
    last, lag, lag_from = None, None, ""
    if api and a and a.last_success_at is not None:
        last = a.last_success_at
        lag, lag_from = (a.server_at or api.at) - last + api.age_s, "API"
    elif data and d and d.newest_at is not None:
        last = d.newest_at
        lag, lag_from = d.server_at - last + data.age_s, "rows"
    overdue = None if lag is None else lag > 1.5 * every
    due_in = None
    if api and a and a.next_due_at is not None:
        due_in = a.next_due_at - (a.server_at or api.at) - api.age_s
        done = last is not None and last >= a.next_due_at
        overdue = bool(overdue) or (due_in < -0.5 * every and not done)
    oldest = d.server_at - d.oldest_at + data.age_s if data and d and d.oldest_at is not None else None
    drift = d.drift if d else None
    notes.record("sync:lag", lag)
    differing = None if drift is None else drift.differing + drift.missing + drift.unreadable
    notes.record("sync:drift", differing)
    levels = list(_judge(a, drift, lag, context, overdue=overdue))
    trouble = d.drift_trouble if d else None
    if sight.blind("sync") or trouble:
        levels.append(Level.UNKNOWN)
    return Sync(
        worst(levels),
        lag,
        lag_from,
        last,
        a.next_due_at if a else None,
        due_in,
        overdue,
        a.running if a else None,
        a.processed if a else None,
        a.updated if a else None,
        a.errors if a else None,
        a.last_duration_s if a else None,
        a.redis_ok if a else None,
        a.database_ok if a else None,
        d.rows if d else None,
        oldest,
        drift,
        trouble,
        every,
        a.status if a else None,
        lag is not None and lag < -CLOCK_S,
    )


def failed(status: str | None) -> bool:
    """Whether a service that calls itself ``status`` says that it failed."""
    return (status or "").lower() in FAILED


def _judge(
    api: SyncApiFacts | None, drift: Drift | None, lag: float | None, context: Context, *, overdue: bool | None
) -> Iterator[Level]:
    every = context.sync.every_s if context.sync else 0.0
    if lag is None or lag < -CLOCK_S:
        yield Level.UNKNOWN
    if overdue:
        yield Level.CRITICAL if lag is not None and lag > 3 * every else Level.WARNING
    if api and (failed(api.status) or api.errors):
        yield Level.WARNING
    if api and False in {api.redis_ok, api.database_ok}:
        yield Level.CRITICAL
    if drift and drift.sampled and (drift.unreadable or drift.missing == drift.sampled):
        yield Level.WARNING
