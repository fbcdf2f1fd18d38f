"""RabbitMQ as the management API, or a passive declare where there is none, tells it."""

from __future__ import annotations

from typing import Literal

import msgspec


class RabbitConnection(msgspec.Struct, frozen=True):
    """One client connection; identity is ``name`` with ``connected_at`` (a name is reused after a reconnect).

    ``heartbeat_s`` is the negotiated interval, 0 when switched off. ``client`` is the name the client gave itself.
    """

    name: str
    connected_at: float | None
    client: str | None
    product: str | None
    user: str | None
    vhost: str | None
    peer: str | None
    channels: int | None
    channel_max: int | None
    heartbeat_s: float | None
    state: str | None
    process: str | None = None
    """``HOST:PID``, where the client says both in its properties."""


class RabbitQueue(msgspec.Struct, frozen=True):
    """One queue. ``owner``: which job system uses it, by configuration or by its pattern of names."""

    vhost: str
    name: str
    ready: int | None
    unacked: int | None
    consumers: int | None
    state: str | None = None
    owner: Literal["dramatiq", "celery"] | None = None
    absent: bool = False
    """Configured, but the broker has no such queue."""


class RabbitChurn(msgspec.Struct, frozen=True):
    """Counters since the broker started; the fold makes rates of them."""

    connections_opened: int | None = None
    connections_closed: int | None = None
    channels_opened: int | None = None
    channels_closed: int | None = None


class RabbitFacts(msgspec.Struct, frozen=True, tag="rabbitmq"):
    """One broker. ``via`` tells how much can be known: AMQP alone sees ready and consumers of named queues.

    ``connections`` is ``None`` when they cannot be seen (AMQP alone, statistics off, no rights): unknown, not zero.
    """

    via: Literal["management", "amqp"]
    name: str
    version: str | None
    connections: tuple[RabbitConnection, ...] | None
    connection_count: int | None
    channel_count: int | None
    queues: tuple[RabbitQueue, ...] | None
    queue_count: int | None
    churn: RabbitChurn = RabbitChurn()
    alarms: tuple[str, ...] = ()
    alarms_known: bool = True
    statistics_off: bool = False
