"""The PostgreSQL and Redis servers themselves: what they hold, against what they allow."""

from __future__ import annotations

import msgspec


class Sessions(msgspec.Struct, frozen=True):
    """Client connections of one application in one state; ``state`` is ``None`` where the role may not see it."""

    application: str
    state: str | None
    count: int


class OpenTransaction(msgspec.Struct, frozen=True):
    """The oldest one. ``began_at`` is the server's clock."""

    pid: int
    application: str
    state: str | None
    began_at: float


class Waiter(msgspec.Struct, frozen=True):
    """A session that waits for a lock, and the first of those who hold it up. ``since_at``: the server's clock."""

    pid: int
    application: str
    since_at: float | None
    table: str | None
    blocker_pid: int | None
    blocker: str | None
    blocker_state: str | None
    blocker_began_at: float | None


class Standby(msgspec.Struct, frozen=True):
    """One replica as its primary tells it; lags are ``None`` where the role may not see them."""

    name: str
    state: str | None
    lag_bytes: int | None
    lag_s: float | None


class PostgresServerFacts(msgspec.Struct, frozen=True, tag="postgres_server"):
    """One server. ``connections`` counts clients, ``reserved`` the places that are kept for superusers.

    ``waiters`` are capped, ``waiting`` is not; ``watched`` are configured tables with the sessions that wait there.
    """

    name: str
    server_at: float
    version: str
    max_connections: int
    reserved: int
    connections: int
    sessions: tuple[Sessions, ...]
    sees_all: bool
    """``False``: of other roles' sessions only the number is known, neither state nor transaction."""
    oldest: OpenTransaction | None
    waiting: int
    waiters: tuple[Waiter, ...]
    watched: tuple[tuple[str, int], ...]
    standby: bool
    replay_lag_s: float | None
    """Of this server, when it is a standby."""
    standbys: tuple[Standby, ...]


class Keyspace(msgspec.Struct, frozen=True):
    """One numbered database. ``purpose`` is what the configuration uses it for; ``expiring`` keys have an end."""

    number: int
    purpose: str
    keys: int
    expiring: int


class RedisServerFacts(msgspec.Struct, frozen=True, tag="redis_server"):
    """One server as ``INFO`` tells it; a field that it does not have is ``None``. Counters are since its start.

    ``link_up`` and ``silent_s`` are a replica's link to its master; ``replicas`` are a master's own, with their lag
    in seconds.
    """

    name: str
    version: str | None
    used_bytes: int | None
    max_bytes: int | None
    """0: no limit."""
    host_bytes: int | None
    policy: str | None
    clients: int | None
    max_clients: int | None
    blocked_clients: int | None
    rejected: int | None
    evicted: int | None
    slow_log: int | None
    ops_per_s: float | None
    role: str | None
    link_up: bool | None
    silent_s: float | None
    replicas: tuple[tuple[str, float | None], ...]
    snapshot_failed: bool | None
    keyspaces: tuple[Keyspace, ...]
