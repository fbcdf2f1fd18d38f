"""Many lost connections per server, at any moment of a look: nothing is left of them, here or there."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import random
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

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
from unstick.cli import wiring
from unstick.pollers import base
from unstick.secret import Url

MB = 1 << 20
WANTED = int(os.environ.get("UNSTICK_RECONNECTS", "1000"))
"""Of each kind of connection; fewer by environment."""
TIMES = {"postgres": WANTED, "redis": WANTED, "worker": WANTED, "management": WANTED // 2, "amqp": WANTED // 3}
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

    def none_more_than(self, before: Holdings) -> bool:
        """Whether nothing was added; a task or thread of one short moment may have been counted before."""
        passing = (self.descriptors, self.threads, self.tasks), (before.descriptors, before.threads, before.tasks)
        servers = (self.sockets, self.database, self.cache, self.broker)
        same = servers == (before.sockets, before.database, before.cache, before.broker)
        return same and all(now <= then for now, then in zip(*passing, strict=True))


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


def test_lost_connections_leave_nothing_behind(
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
                if after.none_more_than(before):
                    break
            assert after.none_more_than(before), (before, after)
            assert psutil.Process().memory_info().rss - memory < 40 * MB

    async def main() -> None:
        async with uncaught() as found:
            await survive(via, {proxies[name]: wanted for name, wanted in TIMES.items()})
        assert found == []

    with contextlib.ExitStack() as stack:
        proxies = {name: stack.enter_context(FaultProxy(port_of(getattr(urls, name)))) for name in TIMES}
        via = replace(urls, **{name: through(getattr(urls, name), proxy) for name, proxy in proxies.items()})
        asyncio.run(main())
