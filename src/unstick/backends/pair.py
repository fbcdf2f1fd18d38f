"""Two servers for one question: PostgreSQL rows compared with what Redis holds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from unstick.facts.reading import Cost

if TYPE_CHECKING:
    from unstick.backends.postgres import PostgresConnection
    from unstick.backends.redis import RedisConnection


class Pair:
    """A lane's connection made of two. Redis is opened by the question: its absence must not hide the rows."""

    def __init__(self, postgres: PostgresConnection, redis: RedisConnection | None) -> None:
        self.postgres = postgres
        self.redis = redis

    async def open(self) -> None:
        """Connect to PostgreSQL. Raises ``BackendError``."""
        await self.postgres.open()

    def abort(self) -> None:
        """Close both sockets at once."""
        self.postgres.abort()
        if self.redis is not None:
            self.redis.abort()

    async def close(self) -> None:
        """Part from both politely, at the same time."""
        if self.redis is None:
            await self.postgres.close()
        else:
            await asyncio.gather(self.postgres.close(), self.redis.close())

    def take_cost(self) -> Cost:
        """What both were asked together."""
        first = self.postgres.take_cost()
        second = self.redis.take_cost() if self.redis is not None else Cost()
        return Cost(
            first.queries + second.queries, first.bytes_in + second.bytes_in, first.bytes_out + second.bytes_out
        )
