"""A connection that is given up while it is being made leaves no socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from tests.lab.servers import Postgres, Rabbit, Redis
from tests.live.stack import (
    BROKER_QUEUES,
    Urls,
    sockets_to,
    standing,
    uncaught,
    until,
)
from unstick.backends.amqp import AmqpConnection
from unstick.backends.base import BackendError
from unstick.backends.postgres import PostgresConnection
from unstick.backends.redis import RedisConnection
from unstick.secret import Url


@pytest.fixture(scope="module")
def urls(postgres: Postgres, seeded: str, redis_server: Redis, rabbit: Rabbit) -> Iterator[Urls]:
    with standing(postgres, seeded, redis_server, rabbit) as found:
        yield found


def doors(urls: Urls) -> dict[str, tuple[Any, Callable[[Any], Awaitable[object]]]]:
    """Every kind of connection, and a question to ask on it."""

    async def one_row(connection: PostgresConnection) -> None:
        async with connection.look() as look:
            await look.rows("SELECT 1")

    return {
        "postgres": (PostgresConnection(Url(urls.postgres)), one_row),
        "redis": (RedisConnection(Url(urls.redis)), lambda connection: connection.pipeline([("PING",)])),
        "amqp": (AmqpConnection(Url(urls.amqp)), lambda connection: connection.depth(BROKER_QUEUES[0])),
    }


@pytest.mark.parametrize("name", ["postgres", "redis", "amqp"])
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
