"""What one Celery worker says of itself when it is asked by hand."""

from __future__ import annotations

import msgspec


class TaskInHand(msgspec.Struct, frozen=True):
    """A task that runs now. ``started_at`` is the worker's clock; arguments are not read."""

    id: str
    name: str
    queue: str | None
    started_at: float | None


class CeleryLook(msgspec.Struct, frozen=True):
    """Pool, prefetch and tasks in hand of one worker; a field is ``None`` when it does not say it."""

    hostname: str
    pool: str | None
    concurrency: int | None
    processes: int | None
    prefetch: int | None
    done: int | None
    uptime_s: float | None
    active: tuple[TaskInHand, ...]
