"""A schedule that Celery's beat keeps in Redis (RedBeat): what is due when, and whether a beat holds its lock."""

from __future__ import annotations

import msgspec


class BeatEntry(msgspec.Struct, frozen=True):
    """One entry. ``due_at`` is its next run; ``last_run_at`` of an entry that never ran is when beat first saw it."""

    name: str
    task: str | None
    due_at: float
    last_run_at: float | None
    runs: int | None
    enabled: bool


class BeatFacts(msgspec.Struct, frozen=True, tag="beat"):
    """``entries`` are capped, the most overdue first. ``lock_s``: until the lock of the living beat would end."""

    name: str
    server_at: float
    entries: tuple[BeatEntry, ...]
    entry_count: int
    lock_s: float | None
