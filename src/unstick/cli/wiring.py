"""Which lanes a context needs: one line per system. Drivers are imported when a lane is built."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from unstick.cli.event_lanes import event_lanes
from unstick.cli.lanes import REDIS, Question, http_lane, poller, source_of
from unstick.cli.side_lanes import (
    automation_lanes,
    dependency_lanes,
    log_lanes,
    maintenance_lanes,
    probe_lanes,
    probe_question,
)
from unstick.facts.reading import Source
from unstick.feeds.live import LaneSpec
from unstick.pollers.base import Lane
from unstick.secret import Url
from unstick.settings import Celery, Context, Dramatiq

if TYPE_CHECKING:
    from unstick.backends.redis import RedisConnection

Owner = Literal["dramatiq", "celery"]
Owners = dict[tuple[str | None, str], Owner]


def lane_specs(context: Context) -> tuple[LaneSpec, ...]:
    """The lanes of everything that ``context`` configures, cheapest first."""
    return (
        *_host(context),
        *_redis(context),
        *_postgres(context),
        *_rabbitmq(context),
        *event_lanes(context),
        *_sync(context),
        *_endpoints(context),
        *automation_lanes(context),
        *dependency_lanes(context),
        *maintenance_lanes(context),
        *probe_lanes(context),
        *log_lanes(context),
    )


def _host(context: Context) -> Iterator[LaneSpec]:
    if not context.host.enabled:
        return
    source = source_of("host", "host", "host", lambda i: i.host_s, context)

    def build() -> Lane[Any]:
        from unstick.backends.host import HostConnection  # noqa: PLC0415
        from unstick.pollers.host import HostPoller  # noqa: PLC0415

        return Lane(HostConnection(), [HostPoller(source)])

    yield LaneSpec((source,), build)


def _redis(context: Context) -> Iterator[LaneSpec]:
    """One lane per Redis database, with every entry that lives there; the server itself is asked on one of them."""
    lanes: dict[Url, list[Question]] = {}
    for dramatiq in context.dramatiq:
        url = dramatiq.url or context.redis.url
        if url is not None and url.scheme in REDIS:
            name = _unique("dramatiq", dramatiq.name, len(context.dramatiq))
            source = source_of(name, "dramatiq", "redis", lambda i: i.dramatiq_s, context)
            lanes.setdefault(url, []).append((source, poller("dramatiq", "DramatiqPoller", dramatiq)))
    for celery in context.celery:
        url = celery.url or context.redis.url
        if url is not None and url.scheme in REDIS:
            name = _unique("celery", celery.name, len(context.celery))
            source = source_of(name, "celery", "redis", lambda i: i.celery_s, context)
            lanes.setdefault(url, []).append((source, poller("celery", "CeleryPoller", celery)))
        url = celery.redbeat_url or url
        if celery.redbeat and url is not None and url.scheme in REDIS:
            source = source_of(f"beat:{celery.name}", "beat", "redis", lambda i: i.beat_s, context)
            lanes.setdefault(url, []).append((source, poller("beat", "BeatPoller", celery)))
    for probe in context.probe:
        url = probe.redis_url or context.redis.url
        if probe.redis and url is not None:
            lanes.setdefault(url, []).append(probe_question("RedisProbe", "redis", probe, context))
    for url, questions in _redis_servers(context, tuple(lanes)):
        lanes.setdefault(url, []).extend(questions)
    for url, questions in lanes.items():
        setting = "redis.url" if url == context.redis.url else f"{questions[0][0].system}.url"
        yield LaneSpec(tuple(source for source, _ in questions), _redis_lane(url, setting, questions))


def _redis_lane(url: Url, setting: str, questions: Sequence[Question]) -> Callable[[], Lane[Any]]:
    def build() -> Lane[Any]:
        from unstick.backends.redis import RedisConnection  # noqa: PLC0415

        return Lane(RedisConnection(url, setting=setting), [make(source) for source, make in questions])

    return build


def _redis_servers(context: Context, asked: Sequence[Url]) -> Iterator[tuple[Url, list[Question]]]:
    """Each Redis server once, on a connection that is there already where there is one."""
    if not context.servers.redis:
        return
    urls = [*asked, *([context.redis.url] if context.redis.url else []), *(url for url, _ in _purposes(context))]
    first: dict[str, Url] = {}
    for url in urls:
        first.setdefault(_server(url), url)
    for number, (server, url) in enumerate(first.items()):
        name = "redis-server" if number == 0 else f"redis-server:{server}"
        source = source_of(name, "server", "redis", lambda i: i.servers_s, context)
        purposes: dict[int, str] = {}
        for used, purpose in _purposes(context):
            if _server(used) == server:
                at = used.redis_database
                purposes[at] = ", ".join(dict.fromkeys([*filter(None, [purposes.get(at)]), purpose]))
        yield url, [(source, poller("redis_server", "RedisServerPoller", server, purposes))]


def _purposes(context: Context) -> Iterator[tuple[Url, str]]:
    """Every Redis database that the configuration names, and what for."""
    entries: tuple[Dramatiq | Celery, ...] = (*context.dramatiq, *context.celery)
    used = [(entry.url or context.redis.url, entry.name) for entry in entries]
    used += [(entry.results_url, f"{entry.name} results") for entry in context.celery]
    if context.sync is not None:
        used.append((context.sync.redis_url or context.redis.url, "balances"))
    return ((url, purpose) for url, purpose in used if url is not None and url.scheme in REDIS)


def _server(url: Url) -> str:
    return url.address if url.scheme == "unix" else url.address.partition("/")[0]


def _postgres(context: Context) -> Iterator[LaneSpec]:
    settings, crawler, locks = context.postgres, context.crawler, context.locks
    url = settings.url
    if url is None:
        return
    questions: list[Question] = []
    if crawler is not None:
        source = source_of("crawler", "crawler", "postgres", lambda i: i.crawler_s, context)
        grace_s = context.thresholds.heartbeat_s
        questions.append((source, poller("crawler", "CrawlerPoller", crawler, grace_s=grace_s)))
    if locks is not None and locks.table is not None:
        source = source_of("locks", "locks", "postgres", lambda i: i.locks_s, context)
        questions.append((source, poller("locks", "LockTablePoller", locks, grace_s=0.0)))
    questions += [probe_question("SqlProbe", "postgres", probe, context) for probe in context.probe if probe.sql]
    if context.servers.postgres:
        source = source_of("postgres-server", "server", "postgres", lambda i: i.servers_s, context)
        questions.append((source, poller("postgres_server", "PostgresServerPoller", context)))
    if not questions:
        return

    def build() -> Lane[Any]:
        from unstick.backends.postgres import PostgresConnection  # noqa: PLC0415

        connection = PostgresConnection(
            url, statement_timeout_s=settings.statement_timeout_s, lock_timeout_s=settings.lock_timeout_s
        )
        return Lane(connection, [make(source) for source, make in questions])

    yield LaneSpec(tuple(source for source, _ in questions), build)


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
        source = source_of("rabbitmq", "rabbitmq", "rabbitmq", lambda i: i.rabbitmq_s, context)

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
        source = source_of(name, "rabbitmq", "rabbitmq", lambda i: i.rabbitmq_s, context)
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
        source = source_of("sync", "sync", "http", lambda i: i.sync_s, context)
        yield http_lane(sync.url, [(source, poller("sync_api", "SyncApiPoller", sync))])
    url, redis_url = postgres.url, sync.redis_url or context.redis.url
    if url is None:
        return
    source = source_of("sync-data", "sync", "postgres", lambda i: i.sync_data_s, context)

    def build() -> Lane[Any]:
        from unstick.backends.pair import Pair  # noqa: PLC0415
        from unstick.backends.postgres import PostgresConnection  # noqa: PLC0415
        from unstick.pollers.sync_data import SyncDataPoller  # noqa: PLC0415

        rows = PostgresConnection(
            url, statement_timeout_s=postgres.statement_timeout_s, lock_timeout_s=postgres.lock_timeout_s
        )
        return Lane(Pair(rows, keys()), [SyncDataPoller(source, sync)])

    def keys() -> RedisConnection | None:
        if redis_url is None:
            return None
        from unstick.backends.redis import RedisConnection  # noqa: PLC0415

        return RedisConnection(redis_url)

    yield LaneSpec((source,), build)


def _endpoints(context: Context) -> Iterator[LaneSpec]:
    for entry in context.health:
        name = entry.known_as
        source = source_of(f"health:{name}", "health", "http", lambda i: i.health_s, context)
        yield http_lane(entry.url, [(source, poller("health", "HealthPoller", entry))])
    locks = context.locks
    for url in locks.urls if locks is not None else ():
        source = source_of(f"locks:{url.address}", "locks", "http", lambda i: i.lock_endpoints_s, context)
        yield http_lane(url, [(source, poller("lock_endpoints", "LockEndpointPoller", locks, url))])


def _unique(system: str, name: str, entries: int) -> str:
    return system if entries == 1 or name == system else f"{system}:{name}"


def _speaks_amqp(url: Url | None) -> bool:
    return url is not None and url.scheme in {"amqp", "amqps"}


def _vhost(url: Url | None) -> str:
    return (url.path if url is not None else "") or "/"
