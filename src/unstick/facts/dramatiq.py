"""Dramatiq on Redis: what its keys say (queues on RabbitMQ are :mod:`unstick.facts.rabbitmq` facts)."""

from __future__ import annotations

import msgspec


class DramatiqProcess(msgspec.Struct, frozen=True):
    """One id in ``__heartbeats__``: a worker process, or any process that ever enqueued.

    ``beat_at`` is the score, written from the worker's own clock. ``in_flight_mark`` changes whenever a message that
    it held is gone: unchanged over several looks with ``held`` > 0, nothing was acknowledged, whatever it fetched.
    """

    id: str
    beat_at: float
    held: int | None
    held_delayed: int | None
    in_flight_mark: str | None = None


class DramatiqQueue(msgspec.Struct, frozen=True):
    """Depths of one queue; ``None`` where the value could not be had. ``oldest_at``: producer's clock."""

    name: str
    ready: int | None
    in_flight: int | None
    delayed: int | None
    dead: int | None
    oldest_at: float | None = None


class DramatiqFacts(msgspec.Struct, frozen=True, tag="dramatiq"):
    """One namespace on one Redis. ``server_at`` is Redis TIME of the look."""

    name: str
    server_at: float
    processes: tuple[DramatiqProcess, ...]
    queues: tuple[DramatiqQueue, ...]
    process_count: int
    """All ids in the heartbeat set; ``processes`` may be capped."""
