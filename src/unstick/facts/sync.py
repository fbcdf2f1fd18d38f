"""Balance sync: what its API says of itself, and what the data says."""

from __future__ import annotations

import msgspec


class SyncApiFacts(msgspec.Struct, frozen=True, tag="sync_api"):
    """``/sync-management/{status,schedule,health,stats}``; ``None`` where the answer has no such field."""

    server_at: float | None
    last_success_at: float | None
    last_duration_s: float | None
    next_due_at: float | None
    running: bool | None
    processed: int | None
    updated: int | None
    errors: int | None
    redis_ok: bool | None
    database_ok: bool | None
    status: str | None = None
    partial: tuple[str, ...] = ()
    """Paths that could not be read this time, with the reason."""


class Drift(msgspec.Struct, frozen=True):
    """A sample of keys that were compared as decimals. ``largest`` is the biggest absolute difference, as text."""

    sampled: int
    differing: int
    missing: int
    unreadable: int
    largest: str | None
    examples: tuple[tuple[str, str, str], ...] = ()
    """(key, value in Redis, value in PostgreSQL) of the worst few."""


class SyncDataFacts(msgspec.Struct, frozen=True, tag="sync_data"):
    """The balance rows themselves. Instants are the database's; ``rows`` is the planner's estimate."""

    server_at: float
    rows: int | None
    newest_at: float | None
    oldest_at: float | None
    drift: Drift | None
    drift_trouble: str | None = None
    """Why there is no drift although it was asked for: Redis could not be read."""
    instants_trouble: str | None = None
    """Why nobody asked for the newest and the oldest row: it would take a pass over a large table."""
