"""A thousand lost connections per server, at any moment of a look: nothing is left of them, here or there."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import msgspec
import psutil
import pytest

from tests.lab.fault_proxy import FaultProxy
from tests.lab.servers import Postgres, Rabbit, Redis
from tests.live.stack import BROKER_QUEUES, Urls, Watch, port_of, sockets_to, standing, through, uncaught, until, watching
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


@pytest.fixture(scope="module")
def urls(postgres: Postgres, seeded: str, redis_server: Redis, rabbit: Rabbit) -> Iterator[Urls]:
    with standing(postgres, seeded, redis_server, rabbit) as found:
        yield found


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> settings.Intervals:
    """Intervals and pauses without the patience that real servers need."""
    every = settings.Intervals(*[0.01] * len(msgspec.structs.fields(settings.Intervals)))
    monkeypatch.setattr(wiring, "FLOORS", every)
    monkeypatch.setattr(base, "BACKOFF_FIRST_S", 0.001)
    monkeypatch.setattr(base, "BACKOFF_CAP_S", 0.01)
    monkeypatch.setattr(base, "REST_S", 0.0)
    return every


@dataclass(frozen=True)
class Holdings:
    """What this process and the servers hold for it."""

    descriptors: int
    threads: int
    tasks: int
    database: int
    cache: int
    broker: int
    sockets: tuple[int, ...]


class Ledger:
    """Counts what is held on behalf of the stack at ``urls``."""

    def __init__(self, urls: Urls, postgres: Postgres, redis_server: Redis, rabbit: Rabbit) -> None:
        self._urls = urls
        self._servers = postgres, redis_server, rabbit

    async def count(self) -> Holdings:
        """Threads of the loop's own pool are as many as were ever busy at once: they say nothing."""
        postgres, redis_server, rabbit = self._servers
        asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'unstick';"
        database = await asyncio.to_thread(postgres.psql, asked)
        cache = await asyncio.to_thread(redis_server.cli, "CLIENT", "LIST")
        broker = await asyncio.to_thread(rabbit.ctl, "list_connections", "name", "channels", "client_properties")
        return Holdings(
            psutil.Process().num_fds(),
            sum(not thread.name.startswith("asyncio_") for thread in threading.enumerate()),
            len(asyncio.all_tasks()),
            int(database),
            cache.count("name=unstick"),
            broker.count('"unstick"'),
            tuple(sockets_to(getattr(self._urls, field.name)) for field in fields(self._urls)),
        )

    async def settled(self, wanted: Holdings) -> Holdings:
        """What is held as soon as that is ``wanted``, or after ten seconds."""
        for _ in range(10):
            if (found := await self.count()) == wanted:
                break
            await asyncio.sleep(1.0)
        return found


async def storm(watch: Watch, proxies: dict[str, FaultProxy], wanted: int) -> None:
    """Reset every connection again and again, at moments that no look can foresee."""
    chance = random.Random(1)
    goals = {proxy: proxy.accepted + wanted for proxy in proxies.values()}
    while left := [proxy for proxy, goal in goals.items() if proxy.accepted < goal]:
        await asyncio.sleep(chance.uniform(0.0, 0.02))
        for proxy in left:
            proxy.rst_all()
