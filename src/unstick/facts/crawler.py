"""Crawler containers in PostgreSQL: the proxy pool, who holds it, and which tasks they work on."""

from __future__ import annotations

import msgspec


class ProxyPool(msgspec.Struct, frozen=True):
    """``in_use`` counts held rows, ``blocked`` those blocked and not held, ``free`` the rest: they add up."""

    total: int
    in_use: int
    blocked: int
    free: int
    unowned: int
    """In use without a worker: counted in ``in_use``, listed apart."""


class CrawlerWorker(msgspec.Struct, frozen=True):
    """One ``worker_id`` that holds a proxy or a processing task. Instants are the database's.

    ``task_beat_at`` is the newest heartbeat of its processing tasks; ``proxy_changed_at`` the newest change of its
    proxies, where the table has such a column.
    """

    worker_id: str
    container: str
    proxies: int
    processing: int
    task_beat_at: float | None
    proxy_changed_at: float | None


class ProxyRow(msgspec.Struct, frozen=True):
    """A held proxy whose worker has no processing task in any task table: a candidate, not yet stuck.

    ``version`` is the row's ``xmin``: unchanged between two looks means that nobody touched the row.
    """

    id: str
    worker_id: str | None
    container: str | None
    version: str | None
    changed_at: float | None


class TaskTable(msgspec.Struct, frozen=True):
    """``expired``: processing with a heartbeat older than the configured limit; ``None`` where there is no column."""

    name: str
    processing: int
    expired: int | None


class CrawlerFacts(msgspec.Struct, frozen=True, tag="crawler"):
    """One look in one transaction. ``workers`` and ``candidates`` are capped, the counts are not."""

    server_at: float
    pool: ProxyPool
    tables: tuple[TaskTable, ...]
    workers: tuple[CrawlerWorker, ...]
    worker_count: int
    candidates: tuple[ProxyRow, ...]
    candidate_count: int
