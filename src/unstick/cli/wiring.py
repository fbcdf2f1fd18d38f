"""Which lanes a context needs: one line per system. Drivers are imported when a lane is built."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from unstick.facts.reading import Source
from unstick.feeds.live import LaneSpec
from unstick.pollers.base import Lane
from unstick.secret import Url
from unstick.settings import FLOORS, Celery, Context, Dramatiq, Health, Intervals, Locks

Owner = Literal["dramatiq", "celery"]
Owners = dict[tuple[str | None, str], Owner]


def lane_specs(context: Context) -> tuple[LaneSpec, ...]:
    """The lanes of everything that ``context`` configures, cheapest first."""
    return (
        *_host(context),
        *_redis(context),
        *_postgres(context),
        *_rabbitmq(context),
        *_sync(context),
        *_endpoints(context),
    )


def _source(name: str, system: str, server: str, every: Callable[[Intervals], float], context: Context) -> Source:
    return Source(name, system, server, max(every(context.intervals), every(FLOORS)))


def _host(context: Context) -> Iterator[LaneSpec]:
    if not context.host.enabled:
        return
    source = _source("host", "host", "host", lambda i: i.host_s, context)

    def build() -> Lane[Any]:
        from unstick.backends.host import HostConnection  # noqa: PLC0415
        from unstick.pollers.host import HostPoller  # noqa: PLC0415

        return Lane(HostConnection(), [HostPoller(source)])

    yield LaneSpec((source,), build)


def _redis(context: Context) -> Iterator[LaneSpec]:
    """One lane per Redis database, with every Dramatiq and Celery entry that lives there."""
    lanes: dict[Url, list[tuple[Source, Dramatiq | Celery]]] = {}
    for dramatiq in context.dramatiq:
        url = dramatiq.url or context.redis.url
        if url is not None and url.scheme in {"redis", "rediss", "unix"}:
            name = _unique("dramatiq", dramatiq.name, len(context.dramatiq))
            lanes.setdefault(url, []).append(
                (_source(name, "dramatiq", "redis", lambda i: i.dramatiq_s, context), dramatiq)
            )
    for celery in context.celery:
        url = celery.url or context.redis.url
        if url is not None and url.scheme in {"redis", "rediss", "unix"}:
            name = _unique("celery", celery.name, len(context.celery))
            lanes.setdefault(url, []).append(
                (_source(name, "celery", "redis", lambda i: i.celery_s, context), celery)
            )
    for url, entries in lanes.items():
        yield LaneSpec(tuple(source for source, _ in entries), _redis_lane(url, entries))


def _redis_lane(url: Url, entries: Sequence[tuple[Source, Dramatiq | Celery]]) -> Callable[[], Lane[Any]]:
    def build() -> Lane[Any]:
        from unstick.backends.redis import RedisConnection  # noqa: PLC0415
        from unstick.pollers.celery import CeleryPoller  # noqa: PLC0415
        from unstick.pollers.dramatiq import DramatiqPoller  # noqa: PLC0415

        pollers = [
            DramatiqPoller(source, entry) if isinstance(entry, Dramatiq) else CeleryPoller(source, entry)
            for source, entry in entries
        ]
        setting = "redis.url" if entries[0][1].url is None else f"{entries[0][0].system}.url"
        return Lane(RedisConnection(url, setting=setting), pollers)

    return build


def _postgres(context: Context) -> Iterator[LaneSpec]:
    settings, crawler, locks = context.postgres, context.crawler, context.locks
    url = settings.url
    if url is None:
        return
    asks_crawler, asks_locks = crawler is not None, locks is not None and locks.table is not None
    sources = []
    if asks_crawler:
        sources.append(_source("crawler", "crawler", "postgres", lambda i: i.crawler_s, context))
    if asks_locks:
        sources.append(_source("locks", "locks", "postgres", lambda i: i.locks_s, context))
    if not sources:
        return

    def build() -> Lane[Any]:
        from unstick.backends.postgres import PostgresConnection  # noqa: PLC0415
        from unstick.pollers.crawler import CrawlerPoller  # noqa: PLC0415
        from unstick.pollers.locks import LockTablePoller  # noqa: PLC0415

        connection = PostgresConnection(
            url, statement_timeout_s=settings.statement_timeout_s, lock_timeout_s=settings.lock_timeout_s
        )
        pollers: list[Any] = []
        if crawler is not None:
            pollers.append(CrawlerPoller(sources[0], crawler, grace_s=context.thresholds.heartbeat_s))
        if asks_locks and locks is not None:
            pollers.append(LockTablePoller(sources[-1], locks, grace_s=0.0))
        return Lane(connection, pollers)

    yield LaneSpec(tuple(sources), build)


def owners(context: Context) -> Owners:
    """Which job system the configured queues of a broker belong to, by virtual host and name."""
    found: Owners = {}
    for dramatiq in context.dramatiq:
        for queue in dramatiq.queues if _speaks_amqp(dramatiq.url) else ():
            for suffix in ("", ".DQ", ".XQ"):
                found[_vhost(dramatiq.url), queue + suffix] = "dramatiq"
    for celery in context.celery:
        for queue in celery.queues if _speaks_amqp(celery.url) else ():
            found[_vhost(celery.url), queue] = "celery"
    return found


def _rabbitmq(context: Context) -> Iterator[LaneSpec]:
    """The management API where there is one; else one AMQP lane per virtual host, asking for named queues."""
    known = owners(context)
    management = context.rabbitmq.management_url
    if management is not None:
        source = _source("rabbitmq", "rabbitmq", "rabbitmq", lambda i: i.rabbitmq_s, context)

        def build() -> Lane[Any]:
            from unstick.backends.http import HttpConnection  # noqa: PLC0415
            from unstick.pollers.rabbitmq import RabbitPoller  # noqa: PLC0415

            connection = HttpConnection(management, total_s=5.0, cap=8 << 20)
            return Lane(connection, [RabbitPoller(source, context.rabbitmq, known)], deadline_s=8.0)

        yield LaneSpec((source,), build)
        return
    urls: dict[Url, list[str]] = {}
    if context.rabbitmq.url is not None:
        urls[context.rabbitmq.url] = list(context.rabbitmq.queues)
    entries: tuple[Dramatiq | Celery, ...] = (*context.dramatiq, *context.celery)
    for entry in entries:
        if entry.url is not None and _speaks_amqp(entry.url):
            suffixes = ("", ".DQ", ".XQ") if isinstance(entry, Dramatiq) else ("",)
            urls.setdefault(entry.url, []).extend(queue + suffix for queue in entry.queues for suffix in suffixes)
    for number, (url, queues) in enumerate(urls.items()):
        name = "rabbitmq" if number == 0 else f"rabbitmq:{number + 1}"
        source = _source(name, "rabbitmq", "rabbitmq", lambda i: i.rabbitmq_s, context)
        yield LaneSpec((source,), _amqp_lane(source, url, queues, known))


def _amqp_lane(source: Source, url: Url, queues: Sequence[str], known: Owners) -> Callable[[], Lane[Any]]:
    def build() -> Lane[Any]:
        from unstick.backends.amqp import AmqpConnection  # noqa: PLC0415
        from unstick.pollers.amqp_queues import AmqpQueuePoller  # noqa: PLC0415

        return Lane(AmqpConnection(url), [AmqpQueuePoller(source, tuple(dict.fromkeys(queues)), known)])

    return build


def _sync(context: Context) -> Iterator[LaneSpec]:
    sync, postgres = context.sync, context.postgres
    if sync is None:
        return
    if sync.url is not None:
        yield _http_lane(
            _source("sync", "sync", "http", lambda i: i.sync_s, context),
            sync.url,
            lambda source: _import("sync_api", "SyncApiPoller")(source, sync),
        )
    url, redis_url = postgres.url, sync.redis_url or context.redis.url
    if url is None:
        return
    source = _source("sync-data", "sync", "postgres", lambda i: i.sync_data_s, context)

    def build() -> Lane[Any]:
        from unstick.backends.pair import Pair  # noqa: PLC0415
        from unstick.backends.postgres import PostgresConnection  # noqa: PLC0415
        from unstick.backends.redis import RedisConnection  # noqa: PLC0415
        from unstick.pollers.sync_data import SyncDataPoller  # noqa: PLC0415

        rows = PostgresConnection(
            url, statement_timeout_s=postgres.statement_timeout_s, lock_timeout_s=postgres.lock_timeout_s
        )
        keys = None if redis_url is None else RedisConnection(redis_url)
        return Lane(Pair(rows, keys), [SyncDataPoller(source, sync)])

    yield LaneSpec((source,), build)


def _endpoints(context: Context) -> Iterator[LaneSpec]:
    for entry in context.health:
        name = entry.name or entry.url.address
        source = _source(f"health:{name}", "health", "http", lambda i: i.health_s, context)
        yield _http_lane(source, entry.url, _health(entry))
    locks = context.locks
    for url in locks.urls if locks is not None else ():
        source = _source(f"locks:{url.address}", "locks", "http", lambda i: i.lock_endpoints_s, context)
        yield _http_lane(source, url, _lock_endpoint(locks, url))


def _lock_endpoint(locks: Locks | None, url: Url) -> Callable[[Source], Any]:
    return lambda source: _import("lock_endpoints", "LockEndpointPoller")(source, locks, url)


def _health(entry: Health) -> Callable[[Source], Any]:
    return lambda source: _import("health", "HealthPoller")(source, entry)


def _http_lane(source: Source, url: Url, poller: Callable[[Source], Any]) -> LaneSpec:
    def build() -> Lane[Any]:
        from unstick.backends.http import HttpConnection  # noqa: PLC0415

        return Lane(HttpConnection(url, cap=1 << 20), [poller(source)])

    return LaneSpec((source,), build)


def _import(module: str, name: str) -> Any:
    import importlib  # noqa: PLC0415

    return getattr(importlib.import_module(f"unstick.pollers.{module}"), name)


def _unique(system: str, name: str, entries: int) -> str:
    return system if entries == 1 or name == system else f"{system}:{name}"


def _speaks_amqp(url: Url | None) -> bool:
    return url is not None and url.scheme in {"amqp", "amqps"}


def _vhost(url: Url | None) -> str:
    return (url.path if url is not None else "") or "/"
