"""Task locks: rows of the lock table, or what a worker's ``/api/v1/locks`` lists."""

from __future__ import annotations

from typing import Literal

import msgspec


class LockRow(msgspec.Struct, frozen=True):
    """One lock. ``expires_at`` is ``None`` for a lock without an end."""

    id: str
    kind: str
    task_id: str
    worker_id: str
    acquired_at: float | None
    expires_at: float | None


class LockFacts(msgspec.Struct, frozen=True, tag="locks"):
    """``rows`` are capped, most overdue first, then endless ones, then the rest; the counts are the server's."""

    via: Literal["postgres", "http"]
    name: str
    server_at: float
    total: int
    expired: int
    endless: int
    by_worker: tuple[tuple[str, int], ...]
    rows: tuple[LockRow, ...]
