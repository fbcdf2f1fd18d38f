"""Starting from nothing but URLs, against the real servers."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace

from tests.lab.fixtures import Vhost
from tests.lab.servers import Postgres as PostgresServer
from tests.lab.servers import Redis as RedisServer
from unstick.cli.discovery import discover
from unstick.secret import Url
from unstick.settings import Celery, Context, Crawler, Dramatiq, Locks, Postgres, RabbitMQ, Redis, Sync


def found(**tables: object) -> Context:
    return asyncio.run(discover(Context(**tables)))  # type: ignore[arg-type]


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that accepts and never speaks."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_the_known_tables_are_found(database: str) -> None:
    context = found(postgres=Postgres(url=Url(database)))
    assert (context.crawler, context.locks, context.sync) == (Crawler(), Locks(), Sync())


def test_tables_and_columns_that_are_not_there_are_left_out(
    new_database: Callable[[], str], postgres: PostgresServer
) -> None:
    url = new_database()
    name = url.rpartition("/")[2].partition("?")[0]
    postgres.psql(
        "DROP TABLE object_tasks, dashboard_tasklock; ALTER TABLE proxies DROP updated_at;"
        "ALTER TABLE catalog_tasks DROP heartbeat_at; ALTER TABLE user_balances DROP last_synced_at;",
        name,
    )
    context = found(postgres=Postgres(url=Url(url)))
    assert context.locks is None
    assert context.crawler is not None
    assert context.sync is not None
    assert (context.crawler.changed_at, context.crawler.blocked) == (None, "is_blocked")
    assert [(task.table, task.heartbeat) for task in context.crawler.tasks] == [("catalog_tasks", None)]
    assert context.sync.synced_at is None
    postgres.psql("DROP TABLE catalog_tasks, user_balances;", name)
    context = found(postgres=Postgres(url=Url(url)))
    assert (context.crawler, context.locks, context.sync) == (None, None, None)


def test_what_a_redis_holds_is_found(redis_url: str, redis_server: RedisServer) -> None:
    number = int(redis_url.rpartition("/")[2].partition("?")[0])
    assert found(redis=Redis(url=Url(redis_url))).dramatiq == ()
    redis_server.cli("ZADD", "dramatiq:__heartbeats__", "1", "a", db=number)
    redis_server.cli("RPUSH", "dramatiq:mail", "id", db=number)
    redis_server.cli("ZADD", "other:__heartbeats__", "1", "b", db=number)
    redis_server.cli("SADD", "_kombu.binding.celery", "celery\x06\x16\x06\x16balance_sync", db=number)
    context = found(redis=Redis(url=Url(redis_url)))
    assert context.dramatiq == (
        Dramatiq(name="dramatiq", namespace="dramatiq", queues=("mail",)),
        Dramatiq(name="other", namespace="other"),
    )
    found_there = Celery(queues=("balance_sync",), priority_steps=tuple(range(10)))
    assert context.celery == (found_there,)
    broker = Url(redis_url)
    entered = found(redis=Redis(url=Url(redis_url)), celery=(Celery(url=broker),))
    assert entered.celery == (replace(found_there, url=broker),)


def test_queues_of_a_broker_tell_whose_they_are(vhost: Vhost) -> None:
    for name in ("mail", "mail.DQ", "mail.XQ", "orders", "celery"):
        vhost.server.api("PUT", f"queues/{vhost.name}/{name}", {"durable": True})
    context = found(
        rabbitmq=RabbitMQ(url=Url(vhost.amqp_url), management_url=Url(vhost.management_url), vhosts=(vhost.name,))
    )
    (dramatiq,), (celery,) = context.dramatiq, context.celery
    assert (dramatiq.queues, dramatiq.url and dramatiq.url.path) == (("mail",), vhost.name)
    assert (celery.queues, celery.url and celery.url.path) == (("celery",), vhost.name)


def test_servers_that_cannot_be_asked_stay_configured(silent: str) -> None:
    begun = time.monotonic()
    context = found(
        postgres=Postgres(url=Url(f"postgresql://u@{silent}/x")),
        redis=Redis(url=Url(f"redis://{silent}/0")),
        rabbitmq=RabbitMQ(management_url=Url(f"http://{silent}")),
        celery=(Celery(url=Url(f"redis://{silent}/1")),),
    )
    assert time.monotonic() - begun < 20
    assert (context.crawler, context.locks, context.sync) == (Crawler(), Locks(), Sync())
    assert context.dramatiq == (Dramatiq(),)
    assert context.celery == (Celery(url=Url(f"redis://{silent}/1")),)
    assert context.rabbitmq.management_url is not None


def test_nothing_is_asked_when_nothing_is_named() -> None:
    assert found() == Context()
