"""A thousand lost connections per server, at any moment of a look: nothing is left of them, here or there."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import psutil
import pytest

from tests.lab.fault_proxy import FaultProxy
from tests.lab.servers import Postgres, Rabbit, Redis
from tests.live.stack import (
    BROKER_QUEUES,
    Urls,
    Watch,
    port_of,
    sockets_to,
    standing,
    through,
    uncaught,
    until,
    watching,
)
from unstick import settings
from unstick.backends.amqp import AmqpConnection
from unstick.backends.base import BackendError
from unstick.backends.http import HttpConnection
from unstick.backends.postgres import PostgresConnection
from unstick.backends.redis import RedisConnection
from unstick.cli import wiring
from unstick.pollers import base
from unstick.secret import Url

MB = 1 << 20
TIMES = {"postgres": 1000, "redis": 1000, "worker": 1000, "management": 500, "amqp": 300}
"""How often every connection to a server is reset; the broker takes its time for each."""


@pytest.fixture(scope="module")
def urls(postgres: Postgres, seeded: str, redis_server: Redis, rabbit: Rabbit) -> Iterator[Urls]:
    with standing(postgres, seeded, redis_server, rabbit) as found:
        yield found


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> settings.Intervals:
    """Intervals and pauses without the patience that real servers need."""
    every = settings.Intervals(*[0.01] * len(msgspec.structs.fields(settings.Intervals)))
    monkeypatch.setattr(wiring, "FLOORS", every)
    for pause in ("BACKOFF_FIRST_S", "BACKOFF_CAP_S", "REST_S", "PAUSE_PER_LOOK"):
        monkeypatch.setattr(base, pause, 0.001)
    return every


@dataclass(frozen=True)
class Holdings:
    """What this process holds, and what the servers hold for it."""

    descriptors: int
    threads: int
    tasks: int
    sockets: tuple[int, ...]
    database: str
    cache: int
    broker: list[str]


async def holdings(urls: Urls, postgres: Postgres, redis_server: Redis, rabbit: Rabbit) -> Holdings:
    asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'unstick';"
    database = await asyncio.to_thread(postgres.psql, asked)
    cache = await asyncio.to_thread(redis_server.cli, "CLIENT", "LIST")
    broker = await asyncio.to_thread(rabbit.ctl, "list_connections", "channels", "client_properties")
    return Holdings(
        psutil.Process().num_fds(),
        # The pool of the loop grows to as many threads as were ever busy at once, and keeps them.
        sum(not thread.name.startswith("asyncio_") for thread in threading.enumerate()),
        len(asyncio.all_tasks()),
        tuple(sockets_to(url) for url in vars(urls).values()),
        database,
        cache.count("name=unstick"),
        [line.split()[0] for line in broker.splitlines() if '"unstick"' in line],
    )


async def storm(proxies: Mapping[FaultProxy, int]) -> None:
    """Reset every connection as often as is wanted, at moments that no look can foresee."""
    chance = random.Random(1)
    goals = {proxy: proxy.accepted + wanted for proxy, wanted in proxies.items()}
    while left := [proxy for proxy, goal in goals.items() if proxy.accepted < goal]:
        await asyncio.sleep(chance.uniform(0.0, 0.02))
        for proxy in left:
            proxy.rst_all()


def test_a_thousand_lost_connections_leave_nothing_behind(
    urls: Urls, hurried: settings.Intervals, postgres: Postgres, redis_server: Redis, rabbit: Rabbit
) -> None:
    async def survive(via: Urls, proxies: Mapping[FaultProxy, int]) -> None:
        whole = msgspec.structs.replace(watching(via), intervals=hurried)
        by_amqp = settings.RabbitMQ(url=Url(via.amqp), queues=BROKER_QUEUES)
        queues = settings.Context(rabbitmq=by_amqp, host=settings.Host(enabled=False), intervals=hurried)
        asked = functools.partial(holdings, via, postgres, redis_server, rabbit)
        async with Watch(whole) as one, Watch(queues) as other:
            assert await until(lambda: one.fresh() and other.fresh(), 30.0) is not None
            before, memory = await asked(), psutil.Process().memory_info().rss
            await storm(proxies)
            assert await until(lambda: one.fresh() and other.fresh(), 30.0) is not None
            for _ in range(10):
                after = await asked()
                if after == before:
                    break
            assert after == before
            assert psutil.Process().memory_info().rss - memory < 40 * MB

    async def main() -> None:
        async with uncaught() as found:
            await survive(via, {proxies[name]: wanted for name, wanted in TIMES.items()})
        assert found == []

    with contextlib.ExitStack() as stack:
        proxies = {name: stack.enter_context(FaultProxy(port_of(getattr(urls, name)))) for name in TIMES}
        via = replace(urls, **{name: through(getattr(urls, name), proxy) for name, proxy in proxies.items()})
        asyncio.run(main())


def doors(urls: Urls) -> dict[str, tuple[Any, Callable[[Any], Awaitable[object]]]]:
    """Every kind of connection, and a question to ask on it."""

    async def one_row(connection: PostgresConnection) -> None:
        async with connection.look() as look:
            await look.rows("SELECT 1")

    return {
        "postgres": (PostgresConnection(Url(urls.postgres)), one_row),
        "redis": (RedisConnection(Url(urls.redis)), lambda connection: connection.pipeline([("PING",)])),
        "worker": (HttpConnection(Url(urls.worker)), lambda connection: connection.get("/health")),
        "amqp": (AmqpConnection(Url(urls.amqp)), lambda connection: connection.depth(BROKER_QUEUES[0])),
    }


@pytest.mark.parametrize("name", ["postgres", "redis", "worker", "amqp"])
def test_a_connection_that_is_given_up_while_it_is_made_leaves_no_socket(urls: Urls, name: str) -> None:
    async def main() -> None:
        connection, ask = doors(urls)[name]

        async def look() -> None:
            await connection.open()
            await ask(connection)

        for turns in range(60):
            looking = asyncio.ensure_future(look())
            for _ in range(turns):
                await asyncio.sleep(0.0003 if turns % 2 else 0)
            connection.abort()
            with contextlib.suppress(BackendError):
                await asyncio.wait_for(looking, 5.0)
            connection.abort()
        assert await until(lambda: sockets_to(getattr(urls, name)) == 0, 5.0) is not None
        await connection.close()

    async def watched() -> None:
        async with uncaught() as found:
            await main()
        assert found == []

    asyncio.run(watched())
