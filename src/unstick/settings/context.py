"""One environment: every table of the file."""

from __future__ import annotations

from typing import Literal

import msgspec

from unstick.settings.actions import Actions
from unstick.settings.beside import Dependency, Host, Log, Maintenance, Probe
from unstick.settings.data import Crawler, Locks, Sync
from unstick.settings.limits import Intervals, Thresholds
from unstick.settings.screen import Alerts, Screen
from unstick.settings.servers import Postgres, RabbitMQ, Redis, Servers
from unstick.settings.workers import Automation, Celery, Dramatiq, Health, Holder


class Context(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One environment: what is watched there, and how loudly it says which one it is."""

    name: str = "default"
    """The table's own name: ``[context.NAME]``."""
    production: bool = False
    """The header says loudly that this is production, and actions need their count typed."""
    color: Literal["red", "orange", "yellow", "green", "cyan", "blue", "magenta"] | None = None
    """Of the context's name on the screen."""
    postgres: Postgres = Postgres()
    redis: Redis = Redis()
    rabbitmq: RabbitMQ = RabbitMQ()
    dramatiq: tuple[Dramatiq, ...] = ()
    celery: tuple[Celery, ...] = ()
    health: tuple[Health, ...] = ()
    holder: tuple[Holder, ...] = ()
    crawler: Crawler | None = None
    locks: Locks | None = None
    sync: Sync | None = None
    host: Host = Host()
    servers: Servers = Servers()
    automation: tuple[Automation, ...] = ()
    dependency: tuple[Dependency, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    probe: tuple[Probe, ...] = ()
    log: tuple[Log, ...] = ()
    thresholds: Thresholds = Thresholds()
    intervals: Intervals = Intervals()
    actions: Actions = Actions()
    alerts: Alerts = Alerts()
    screen: Screen = Screen()
