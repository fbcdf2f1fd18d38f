"""Job systems and their workers: Dramatiq, Celery, and those that answer over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from unstick.settings.forms import BrokerUrl, Count, HttpUrl, Label, RedisUrl, Seconds, UrlPath


class Dramatiq(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One Dramatiq broker. On ``amqp://`` its queues are read with the broker's."""

    name: Label = "dramatiq"
    """How the board calls it; two brokers need two names."""
    url: BrokerUrl | None = None
    """Unset: the Redis server above."""
    namespace: str = "dramatiq"
    """What its keys begin with."""
    queues: tuple[str, ...] = ()
    """Idle queues have no key: name them; those with messages are found by themselves."""
    heartbeat_timeout_s: Seconds = 60.0
    """A worker whose heartbeat stood still for longer is silent."""


class Celery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One Celery broker. On ``amqp://`` its queues are read with the broker's."""

    name: Label = "celery"
    """How the board calls it; two brokers need two names."""
    url: BrokerUrl | None = None
    """Unset: ``CELERY_BROKER_URL``, else the Redis server above."""
    queues: tuple[str, ...] = ("celery",)
    """Queues whose depth is read."""
    key_prefix: str = ""
    """``global_keyprefix`` of the transport options."""
    priority_steps: tuple[Annotated[int, Meta(ge=0, le=255)], ...] = (0, 3, 6, 9)
    """``priority_steps`` of the transport options: each step is a list of its own."""
    separator: str = "\x06\x16"
    """Between queue and priority step in a key: ``sep`` of the transport options."""
    unacked_key: str = "unacked"
    """Hash of what was delivered and not acknowledged."""
    unacked_index_key: str = "unacked_index"
    """Sorted set with the time of each delivery."""
    visibility_timeout_s: Seconds = 3600.0
    """After this long Celery delivers again what nobody acknowledged."""
    events: Literal["off", "workers", "tasks"] = "off"
    """Listen to what workers say of themselves; ``tasks``: also to what they run, where they send it (``-E``)."""
    schedule: dict[str, str] = {}
    """Tasks that beat fires, and how often: ``"app.sync" = "1h"``; judged by what runs, with ``events = "tasks"``."""
    redbeat: bool = False
    """Read the schedule of RedBeat."""
    redbeat_url: RedisUrl | None = None
    """``redbeat_redis_url`` of the application; unset: the broker."""
    redbeat_prefix: str = "redbeat:"
    """``redbeat_key_prefix`` of the application."""
    results_url: RedisUrl | None = None
    """The Redis that keeps the results; unset: ``CELERY_RESULT_BACKEND``, else their growth is not watched."""


class Health(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One worker with ``/health``, ``/ready`` and ``/metrics``."""

    url: HttpUrl
    """Where the worker listens: ``http://HOST:PORT``."""
    name: Label = ""
    """How the board calls it; unset: its address."""
    health_path: UrlPath = "/health"
    """Is it alive."""
    ready_path: UrlPath = "/ready"
    """Does it take work."""
    metrics_path: UrlPath = "/metrics"
    """Its Prometheus text."""
    metric_prefix: str = "dramatiq_worker"
    """What its metric names begin with: ``dramatiq_worker_uptime_seconds``."""
    broker: Label = ""
    """Whose messages it does: the ``name`` of a ``[[dramatiq]]`` or ``[[celery]]``; unset: of any."""

    @property
    def known_as(self) -> str:
        """Its name on the board."""
        return self.name or self.url.address


class Automation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Automation workers (FastAPI): one, or several on ports one after the other."""

    url: HttpUrl
    """The first of them: ``http://HOST:8088``."""
    name: Label = ""
    """How the board calls it; ``{n}`` counts them from 1. Unset: its address; its own id once it says one."""
    workers: Annotated[int, Meta(ge=1, le=64)] = 1
    """How many listen, on this port and those that follow."""
    prefix: UrlPath = "/api/v1"
    """Before ``/health``, ``/health/simple``, ``/status``, ``/metrics`` and ``/locks``."""
    memory_limit_mb: Count | None = None
    """``MEMORY_LIMIT_MB`` of workers that do not say it themselves."""
    max_tasks: Count | None = None
    """``MAX_CONCURRENT_TASKS`` of workers that do not say it themselves."""
    locks: bool = True
    """Read the locks that they list, too."""

    @property
    def known_as(self) -> str:
        """Its name on the board."""
        return self.name or self.url.address


class Holder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another name that a worker has somewhere: what is said and held under it is joined with the worker.

    Names that are the same need no entry. The first entry that fits a name decides.
    """

    match: Label
    """The name there, as a template: ``crawler-{container}-{n}``, ``celery@{host}``, ``{host}:{pid}``."""
    worker: Label
    """How the board calls that worker, of the same fields: ``{container}_{n}``."""
    source: Literal["any", "crawler", "dramatiq", "celery", "http", "locks", "rabbitmq"] = "any"
    """Who calls it so: ``http`` are health endpoints and automation workers; ``rabbitmq`` knows a connection by the
    name that its client gives it, and by ``HOST:PID`` where its properties say that."""
