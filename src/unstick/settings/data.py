"""What workers hold and write: proxies and tasks, locks, balances."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from unstick.settings.forms import Column, HttpUrl, Label, RedisUrl, Seconds, Table, UrlPath


class TaskTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table whose rows in state ``processing`` belong to a worker."""

    table: Table
    """Its name."""
    id: Column = "id"
    """Its key column."""
    status: Column = "status"
    """Column with the state of a task."""
    processing: str = "processing"
    """The state in which a worker owns the task."""
    pending: str = "pending"
    """The state in which a task waits for a worker: where an action returns expired ones to."""
    worker: Column = "worker_id"
    """Column with the worker's id."""
    heartbeat: Column | None = "heartbeat_at"
    """Column with the last sign of life of the task's worker; ``false`` where there is none."""


class Crawler(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The proxy pool and the tasks of the crawler containers."""

    proxies: Table = "proxies"
    """Table of the pool."""
    id: Column = "id"
    """Its key column."""
    in_use: Column = "is_in_use"
    """Column that says whether somebody holds the proxy."""
    blocked: Column | None = "is_blocked"
    """Column that says whether the proxy is blocked; ``false`` where there is none."""
    worker: Column = "worker_id"
    """Column with the holder's worker id."""
    changed_at: Column | None = "updated_at"
    """Column with the instant of the last change; ``false`` where there is none."""
    separator: str = "_"
    """Between container and number in a worker id: ``8b4f59aa_3``."""
    heartbeat_every_s: Seconds = 30.0
    """How often a worker writes the heartbeat of its task; ``thresholds.grace`` is at least three times that."""
    tasks: tuple[TaskTable, ...] = (TaskTable("catalog_tasks"), TaskTable("object_tasks"))
    """Every table with processing tasks: a worker with a row in any of them is at work."""


class Locks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The lock table, and workers that list their locks over HTTP."""

    table: Table | None = "dashboard_tasklock"
    """Table of the locks; ``false`` where they are read over HTTP only."""
    id: Column = "id"
    """Its key column."""
    kind: Column = "kind"
    """Column with the kind of the locked task."""
    task: Column = "task_id"
    """Column with the id of the locked task."""
    worker: Column = "worker_id"
    """Column with the holder's worker id."""
    acquired_at: Column = "acquired_at"
    """Column with the instant when the lock was taken."""
    expires_at: Column = "expires_at"
    """Column with the instant when the lock ends; NULL there is a lock without an end."""
    urls: tuple[HttpUrl, ...] = ()
    """Workers that list their locks: ``http://HOST:PORT``."""
    path: UrlPath = "/api/v1/locks"
    """Where they list them."""
    redis_keys: tuple[str, ...] = ()
    """Patterns of locks that are keys of Redis with their holder's token as text: ``lock:*``. For ``drain-locks``."""
    redis_url: RedisUrl | None = None
    """Where those are; unset: the Redis server above."""
    redis_worker: str | None = None
    """Field of a JSON token with the holder's worker id; unset: what stands in the token before the first colon."""


class Sync(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The balance sync: its API, the rows it writes and the keys it reads."""

    url: HttpUrl | None = None
    """Where its API listens: ``http://HOST:PORT``; unset: only the data is looked at."""
    prefix: UrlPath = "/sync-management"
    """Before ``/status``, ``/schedule``, ``/health`` and ``/stats``."""
    force_path: UrlPath = "/force-sync"
    """Below the prefix: a POST there starts a sync."""
    task: str | None = None
    """Name of the Celery task that syncs; set, ``sync-balances`` sends it instead of a POST."""
    task_queue: str = "balance_sync"
    """Queue that it is sent to."""
    task_args: tuple[str, ...] = ()
    """Its arguments, texts."""
    task_broker: Label | None = None
    """``name`` of the ``[[celery]]`` entry whose broker it is sent to; unset: the first."""
    every_s: Seconds = 3600.0
    """How often a sync is due; overdue is one and a half times that."""
    fields: dict[str, str] = {}
    """Dotted JSON paths for fields whose names differ, for example ``last_success_at = "result.finished"``."""
    redis_url: RedisUrl | None = None
    """The cache that holds the balances; unset: the Redis server above."""
    balance_key: str = "balance:{id}"
    """Key of one balance; ``{id}`` stands for the user's id."""
    balance_field: str | None = None
    """Field of a hash or of a JSON object; unset: the value itself is the balance."""
    table: Table = "user_balances"
    """Table of the balances."""
    id: Column = "user_id"
    """Its key column."""
    balance: Column = "balance"
    """Column with the balance."""
    synced_at: Column | None = "last_synced_at"
    """Column with the instant of the row's last sync; ``false`` where there is none."""
    sample: Annotated[int, Meta(ge=1, le=2000)] = 200
    """Rows that are compared with the cache in one look."""
