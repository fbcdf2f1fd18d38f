"""The lanes that listen to Celery's events: a connection of their own for each broker, where that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from unstick.cli.lanes import REDIS, poller, source_of
from unstick.facts.reading import Source
from unstick.feeds.live import LaneSpec
from unstick.pollers.base import Lane
from unstick.secret import Url
from unstick.settings import Celery, Context

EXCHANGE = "celeryev"
WORKER_EVENTS = ("worker.heartbeat", "worker.online", "worker.offline")
DEADLINE_S = 8.0
"""The first look listens for some seconds."""


def event_lanes(context: Context) -> Iterator[LaneSpec]:
    """One lane for each broker whose entry says so."""
    for name, (entry, url) in listened(context).items():
        server = "redis" if url.scheme in REDIS else "rabbitmq"
        source = source_of(name, "celery-events", server, lambda i: i.celery_events_s, context)
        yield LaneSpec((source,), _lane(source, entry, url))


def listened(context: Context) -> dict[str, tuple[Celery, Url]]:
    """The entries whose events are heard, and their brokers, by the name of the source."""
    urls = ((entry, entry.url or context.redis.url) for entry in context.celery if entry.events != "off")
    return {f"celery-events:{entry.name}": (entry, url) for entry, url in urls if url is not None}


def _lane(source: Source, entry: Celery, url: Url) -> Callable[[], Lane[Any]]:
    make = poller("celery_events", "CeleryEventsPoller", entry)
    return lambda: Lane(_listener(entry, url), [make(source)], deadline_s=DEADLINE_S)


def _listener(entry: Celery, url: Url) -> Any:
    if url.scheme in REDIS:
        from unstick.backends.redis_events import RedisEvents  # noqa: PLC0415

        start = f"{entry.key_prefix}/{url.redis_database}.{EXCHANGE}/"
        if entry.events == "tasks":
            return RedisEvents(url, patterns=(f"{start}*",))
        return RedisEvents(url, channels=tuple(start + event for event in WORKER_EVENTS))
    from unstick.backends.amqp_events import AmqpEvents  # noqa: PLC0415

    return AmqpEvents(url, exchange=EXCHANGE, routing_key="#" if entry.events == "tasks" else "worker.#")
