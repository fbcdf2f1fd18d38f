"""Celery on Redis: queue lists with priority steps, and the ``unacked`` hash (RabbitMQ: facts.rabbitmq)."""

from __future__ import annotations

import msgspec


class CeleryQueue(msgspec.Struct, frozen=True):
    """``ready`` sums the lists of all priority steps; ``in_flight`` is ``None`` when unacked is too long to read."""

    name: str
    ready: int | None
    by_priority: tuple[tuple[int, int], ...]
    in_flight: int | None


class CeleryFacts(msgspec.Struct, frozen=True, tag="celery"):
    """One broker database. ``unacked`` counts deliveries of all queues of that database."""

    name: str
    server_at: float
    queues: tuple[CeleryQueue, ...]
    unacked: int | None
    unacked_oldest_at: float | None
    """Delivery instant of the oldest unacked message, by the worker's clock."""
    visibility_timeout_s: float
    overdue: int | None = None
    """Deliveries that are older than that: Celery delivers them again."""
