"""What Celery workers say of themselves in their events, and which scheduled tasks were seen to run."""

from __future__ import annotations

import msgspec


class CeleryNode(msgspec.Struct, frozen=True):
    """One worker. ``heard_at`` is when its last event came, by this host's clock: workers' clocks are not asked.

    ``active`` and ``processed`` are those of its last heartbeat; ``left``: it said goodbye.
    """

    hostname: str
    heard_at: float
    every_s: float
    active: int | None
    processed: int | None
    pid: int | None
    load_1: float | None
    version: str | None
    left: bool = False


class CeleryTask(msgspec.Struct, frozen=True):
    """Tasks of one name, as far as workers send task events (``-E``). Instants are of arrival."""

    name: str
    started_at: float | None
    succeeded: int
    failed: int
    longest_s: float | None


class ScheduledTask(msgspec.Struct, frozen=True):
    """A task that beat should fire, and when it was last seen to run."""

    task: str
    every_s: float
    seen_at: float | None


class CeleryEventsFacts(msgspec.Struct, frozen=True, tag="celery_events"):
    """One broker, listened to since ``since_at``. ``nodes`` and ``tasks`` are capped, ``node_count`` is not.

    ``dropped`` events came faster than they were read.
    """

    name: str
    looked_at: float
    since_at: float
    nodes: tuple[CeleryNode, ...]
    node_count: int
    tasks: tuple[CeleryTask, ...]
    scheduled: tuple[ScheduledTask, ...]
    received: int
    dropped: int
    hears_tasks: bool = True
    """``False``: only heartbeats are listened to, and nobody knows what tasks came to."""
