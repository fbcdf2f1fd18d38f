"""Pollers driven from tests that are not asynchronous: one on a Redis, one on a table of a fresh database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeAlias, TypeVar
from urllib.parse import urlsplit

import pytest

from tests.lab.servers import Postgres
from unstick.backends.base import BackendError
from unstick.backends.postgres import PostgresConnection
from unstick.backends.redis import RedisConnection
from unstick.facts.reading import Fresh
from unstick.pollers.base import Lane
from unstick.secret import Url

FactsT = TypeVar("FactsT")
SettingsT = TypeVar("SettingsT")


class Watch(Generic[FactsT]):
    """A lane with one poller of a Redis, whose answers are ``kind``."""

    def __init__(self, url: str, poller: Any, kind: type[FactsT]) -> None:
        self._kind = kind
        self._runner = asyncio.Runner()
        self.lane = Lane(RedisConnection(Url(url)), [poller], deadline_s=2)

    def look(self) -> FactsT:
        reading = self.try_look()
        assert isinstance(reading, Fresh), reading
        assert isinstance(reading.value, self._kind)
        return reading.value

    def try_look(self) -> object:
        self._runner.run(self.lane.once())
        return self.lane.observations()[0].reading

    def until(self, check: Callable[[FactsT], bool], timeout_s: float = 15) -> FactsT:
        end = time.monotonic() + timeout_s
        while not check(facts := self.look()):
            assert time.monotonic() < end, facts
            time.sleep(0.05)
        return facts

    def close(self) -> None:
        self._runner.run(self.lane.close())
        self._runner.close()


Watching: TypeAlias = Callable[..., Watch[FactsT]]


def watches(make: Watching[FactsT]) -> Iterator[Watching[FactsT]]:
    """A ``make`` whose watches are closed in the end."""
    opened: list[Watch[FactsT]] = []

    def watch(*args: Any, **settings: Any) -> Watch[FactsT]:
        opened.append(make(*args, **settings))
        return opened[-1]

    yield watch
    for one in opened:
        one.close()


class Tables(Generic[SettingsT, FactsT]):
    """One fresh database with SQL from psql and looks through a poller."""

    grace_s: float

    def __init__(self, server: Postgres, url: str) -> None:
        self.server = server
        self.url = url
        self.name = urlsplit(url).path[1:]

    def poller(self, settings: SettingsT | None, grace_s: float) -> Any:
        raise NotImplementedError

    def sql(self, text: str) -> str:
        return self.server.psql(text, self.name)

    def look(self, settings: SettingsT | None = None, url: str | None = None, grace_s: float | None = None) -> FactsT:
        async def run() -> FactsT:
            connection = PostgresConnection(Url(url or self.url))
            try:
                await connection.open()
                poller = self.poller(settings, self.grace_s if grace_s is None else grace_s)
                facts: FactsT = await poller.look(connection)
            finally:
                await connection.close()
            return facts

        return asyncio.run(run())

    def trouble(self, settings: SettingsT | None = None, url: str | None = None) -> BackendError:
        with pytest.raises(BackendError) as caught:
            self.look(settings, url)
        return caught.value
