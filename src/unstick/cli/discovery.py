"""What a configuration that names no system leaves to be found: known tables, keys and queues, within three seconds.

What cannot be asked stays configured with its defaults, so that its pane tells the trouble instead of missing.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlsplit

import msgspec
from msgspec.structs import replace

from unstick.backends.base import BackendError, Connection, failure
from unstick.cli.discovery_here import here
from unstick.facts.reading import TroubleKind
from unstick.facts.text import clean
from unstick.secret import Url
from unstick.settings import Celery, Context, Crawler, Dramatiq, Locks, RabbitMQ, Sync

if TYPE_CHECKING:
    from unstick.backends.postgres import PostgresConnection
    from unstick.backends.redis import RedisConnection
    from unstick.config import Loaded

BUDGET_S = 2.5
QUEUE_CAP = 200
"""Queues of one virtual host that are named in an entry."""

EVERY_PRIORITY = tuple(range(10))
"""Which priorities a Celery application gives lists of their own no key tells: all that Celery has are asked for."""

ConnectionT = TypeVar("ConnectionT", bound=Connection)
AnswerT = TypeVar("AnswerT")
Columns = dict[str, frozenset[str]]
"""Table -> its columns."""

_AMQP = frozenset({"amqp", "amqps"})
_REDIS = frozenset({"redis", "rediss", "unix"})


class _Queue(msgspec.Struct):
    """What is read of one queue of the management API."""

    name: str
    vhost: str


def discovered(loaded: Loaded) -> Context:
    """The context of ``loaded``, with what there is found out where its configuration names no system."""
    return asyncio.run(discover(loaded.context)) if loaded.discover else loaded.context


async def discover(context: Context, budget_s: float = BUDGET_S) -> Context:
    """``context`` with the systems that its servers hold; all of them are asked at once, ``budget_s`` in all."""
    changes = await asyncio.gather(
        _postgres(context, budget_s),
        _redis(context, budget_s),
        _celery(context, budget_s),
        _broker(context, budget_s),
        here(context, budget_s),
    )
    found: dict[str, Any] = {}
    for change in changes:
        for name, value in change.items():
            found[name] = (*found[name], *value) if isinstance(value, tuple) and name in found else value
    if "celery" in found:
        found["celery"] = tuple(_merged(found["celery"]))
    return replace(context, **found)


async def within(
    connection: ConnectionT, ask: Callable[[ConnectionT], Awaitable[AnswerT]], budget_s: float
) -> AnswerT | BackendError:
    """The answer, or why there is none; when the budget is over the socket is closed first."""

    async def once() -> AnswerT:
        await connection.open()
        return await ask(connection)

    task = asyncio.ensure_future(once())
    done, _ = await asyncio.wait({task}, timeout=budget_s)
    if not done:
        connection.abort()
        task.cancel()
        await asyncio.wait({task}, timeout=0.2)
        return failure(TroubleKind.TIMEOUT, f"no answer within {budget_s:g} s", transport=True)
    error = task.exception()
    await connection.close()
    if isinstance(error, BackendError):
        return error
    if error is not None:
        return failure(TroubleKind.INTERNAL, f"{type(error).__name__}: {error}", transport=True)
    return task.result()


async def _postgres(context: Context, budget_s: float) -> dict[str, Any]:
    settings = context.postgres
    if settings.url is None:
        return {}
    from unstick.backends.postgres import PostgresConnection  # noqa: PLC0415 - a driver, imported when there is a URL

    connection = PostgresConnection(
        settings.url, statement_timeout_s=settings.statement_timeout_s, lock_timeout_s=settings.lock_timeout_s
    )
    answer = await within(connection, known_tables, budget_s)
    if isinstance(answer, dict):
        return fitting(answer)
    return {"crawler": Crawler(), "locks": Locks(), "sync": Sync()}


async def known_tables(connection: PostgresConnection) -> Columns:
    """The tables of the default mapping that exist, with their columns."""
    from unstick.sql import statement, table  # noqa: PLC0415 - only where there is PostgreSQL

    names = {Crawler().proxies, *(task.table for task in Crawler().tasks), Locks().table or "", Sync().table}
    spelled = {table(name): name for name in names if name}
    async with connection.look() as look:
        rows = await look.rows(statement("known_tables"), list(spelled))
    return {spelled[row["name"]]: frozenset(row["columns"]) for row in rows}


def fitting(tables: Columns) -> dict[str, Any]:
    """The default mapping cut down to the tables and optional columns that there are."""
    crawler, locks, sync = Crawler(), Locks(), Sync()
    found: dict[str, Any] = {}
    tasks = tuple(
        replace(task, heartbeat=_if_there(task.heartbeat, tables[task.table]))
        for task in crawler.tasks
        if task.table in tables
    )
    if crawler.proxies in tables and tasks:
        columns = tables[crawler.proxies]
        blocked, changed_at = _if_there(crawler.blocked, columns), _if_there(crawler.changed_at, columns)
        found["crawler"] = replace(crawler, tasks=tasks, blocked=blocked, changed_at=changed_at)
    if locks.table in tables:
        found["locks"] = locks
    if sync.table in tables:
        found["sync"] = replace(sync, synced_at=_if_there(sync.synced_at, tables[sync.table]))
    return found


def _if_there(column: str | None, columns: frozenset[str]) -> str | None:
    return column if column in columns else None


async def _redis(context: Context, budget_s: float) -> dict[str, Any]:
    url = context.redis.url
    if url is None:
        return {}
    answer = await _found_in(url, budget_s)
    if answer is None:
        return {"dramatiq": (Dramatiq(),)}
    dramatiq = tuple(
        Dramatiq(name=name, namespace=found.namespace, queues=found.queues)
        for found in answer.dramatiq
        for name in (_label(found.namespace),)
    )
    elsewhere = any(entry.url is not None and entry.url != url for entry in context.celery)
    celery = () if context.celery and not elsewhere else _celery_entries(answer, None)
    return {"dramatiq": dramatiq} | ({"celery": celery} if celery else {})


async def _celery(context: Context, budget_s: float) -> dict[str, Any]:
    """The entries that ``CELERY_BROKER_URL`` made, with the queues that are bound on their Redis."""
    entries: list[Celery] = []
    for entry in context.celery:
        answer = None
        if entry.url is not None and entry.url.scheme in _REDIS:
            answer = await _found_in(entry.url, budget_s)
        found = _celery_entries(answer, entry.url, entry.results_url) if answer else ()
        entries += found or (entry,)
    return {"celery": tuple(entries)} if entries else {}


async def _found_in(url: Url, budget_s: float) -> Any:
    from unstick.backends.redis import RedisConnection  # noqa: PLC0415 - a driver, imported when there is a URL
    from unstick.pollers import redis_discovery  # noqa: PLC0415

    def ask(connection: RedisConnection) -> Awaitable[redis_discovery.Found]:
        return redis_discovery.discover(connection)

    answer = await within(RedisConnection(url), ask, budget_s)
    return answer if isinstance(answer, redis_discovery.Found) else None


def _celery_entries(found: Any, url: Url | None, results_url: Url | None = None) -> tuple[Celery, ...]:
    return tuple(
        Celery(
            name=_label(f"celery-{broker.key_prefix}") if broker.key_prefix else "celery",
            url=url,
            queues=broker.queues or Celery().queues,
            key_prefix=broker.key_prefix,
            priority_steps=EVERY_PRIORITY,
            results_url=results_url,
            redbeat=found.redbeat and not broker.key_prefix,
        )
        for broker in found.celery
    )


async def _broker(context: Context, budget_s: float) -> dict[str, Any]:
    """Queues tell whose they are by their names: Dramatiq makes ``q``, ``q.DQ`` and ``q.XQ``."""
    rabbitmq = context.rabbitmq
    for management in _management_urls(rabbitmq):
        answer = await _queues_of(management, budget_s)
        if isinstance(answer, list):
            change: dict[str, Any] = {"rabbitmq": replace(rabbitmq, management_url=management)}
            return change | _by_vhost(context, answer, management)
        if rabbitmq.management_url is not None:
            return {}
    return {}


def _management_urls(rabbitmq: RabbitMQ) -> list[Url]:
    """The configured management URL, else the usual port beside AMQP, with the same user."""
    if rabbitmq.management_url is not None:
        return [rabbitmq.management_url]
    if rabbitmq.url is None:
        return []
    parts = urlsplit(rabbitmq.url.reveal())
    credentials, at, _ = parts.netloc.rpartition("@")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    scheme, port = ("https", 15671) if parts.scheme == "amqps" else ("http", 15672)
    return [Url(f"{scheme}://{credentials or 'guest:guest'}{at or '@'}{host}:{port}")]


async def _queues_of(management: Url, budget_s: float) -> list[_Queue] | BackendError:
    from unstick.backends.http import HttpConnection, check  # noqa: PLC0415 - a driver, imported when there is a URL

    async def ask(connection: HttpConnection) -> list[_Queue]:
        path = "/api/queues?disable_stats=true&enable_queue_totals=true&columns=name,vhost"
        answer = check(await connection.get(path, total_s=budget_s))
        try:
            return msgspec.json.decode(answer.body, type=list[_Queue])
        except (msgspec.DecodeError, RecursionError):
            return []

    return await within(HttpConnection(management, total_s=budget_s), ask, budget_s)


def _by_vhost(context: Context, queues: Iterable[_Queue], management: Url) -> dict[str, Any]:
    names: defaultdict[str, set[str]] = defaultdict(set)
    for queue in queues:
        if not context.rabbitmq.vhosts or queue.vhost in context.rabbitmq.vhosts:
            names[queue.vhost].add(queue.name)
    dramatiq: list[Dramatiq] = []
    celery: list[Celery] = []
    taken = {entry.url.path or "/" for entry in context.celery if entry.url and entry.url.scheme in _AMQP}
    for vhost, inside in sorted(names.items()):
        url = _amqp_url(context.rabbitmq, management, vhost)
        jobs = sorted(name for name in inside if {f"{name}.DQ", f"{name}.XQ"} <= inside)[:QUEUE_CAP]
        label = "" if vhost == "/" else f"-{vhost}"
        if jobs:
            dramatiq.append(Dramatiq(name=_label(f"dramatiq-rabbitmq{label}"), url=url, queues=tuple(jobs)))
        if "celery" in inside and vhost not in taken:
            celery.append(Celery(name=_label(f"celery-rabbitmq{label}"), url=url))
    return ({"dramatiq": tuple(dramatiq)} if dramatiq else {}) | ({"celery": tuple(celery)} if celery else {})


def _amqp_url(rabbitmq: RabbitMQ, management: Url, vhost: str) -> Url:
    """The broker's AMQP URL for ``vhost``; made from the management host when none is configured."""
    if rabbitmq.url is not None:
        return rabbitmq.url.with_path(vhost)
    return Url(f"amqp://{urlsplit(management.reveal()).hostname}/{quote(vhost, safe='')}")


def _label(text: str) -> str:
    return clean(text)[:64] or "dramatiq"


def _merged(entries: Iterable[Celery]) -> list[Celery]:
    """Entries found by two roads are one; names that meet get a number."""
    kept: dict[tuple[Url | None, str], Celery] = {}
    for entry in entries:
        kept.setdefault((entry.url, entry.key_prefix), entry)
    names: set[str] = set()
    made = []
    for entry in kept.values():
        name, number = entry.name, 2
        while name in names:
            name, number = f"{entry.name[:60]}-{number}", number + 1
        names.add(name)
        made.append(replace(entry, name=name))
    return made
