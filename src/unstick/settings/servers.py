"""The servers that systems share: PostgreSQL, Redis and RabbitMQ."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from unstick.settings.forms import AmqpUrl, Count, HttpUrl, PostgresUrl, RedisUrl, Seconds


class Postgres(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The PostgreSQL server of the crawler tables, locks and balances."""

    url: PostgresUrl | None = None
    """``postgresql://USER:PASSWORD@HOST:PORT/DATABASE``; unset: ``DATABASE_URL``."""
    statement_timeout_s: Seconds = 1.5
    """The server cancels a statement of unstick that takes longer."""
    lock_timeout_s: Seconds = 0.3
    """A statement of unstick gives up when it waits longer for a lock."""


class Redis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The Redis server that systems use when they name none of their own."""

    url: RedisUrl | None = None
    """``redis://USER:PASSWORD@HOST:PORT/DB``; unset: ``REDIS_URL``."""


class RabbitMQ(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The broker: management API where there is one, else AMQP alone (then ``queues`` names what to ask for)."""

    url: AmqpUrl | None = None
    """``amqp://USER:PASSWORD@HOST:PORT/VHOST``; unset: ``RABBITMQ_URL``."""
    management_url: HttpUrl | None = None
    """``http://USER:PASSWORD@HOST:15672``; unset: ``RABBITMQ_MANAGEMENT_URL``."""
    vhosts: tuple[str, ...] = ()
    """Only these virtual hosts; empty: all that the user may see."""
    queues: tuple[str, ...] = ()
    """Queues to ask for where there is no management API: AMQP cannot list them."""
    channels_warning: Count = 50
    """Channels on one connection."""
    channel_growth_per_min: Annotated[float, Meta(gt=0)] = 5.0
    """New channels per minute on one connection that count as a leak."""
    reconnects_per_min: Annotated[float, Meta(gt=0)] = 30.0
    """Connections per minute that are opened and lost again: more is a storm, ten times as many a critical one."""


class Servers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The PostgreSQL and Redis servers themselves, over the connections that are there already."""

    postgres: bool = True
    """``false`` leaves connections, transactions, waiting sessions and replicas of PostgreSQL out."""
    redis: bool = True
    """``false`` leaves memory, clients and replicas of the Redis servers out."""
