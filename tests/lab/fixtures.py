"""pytest fixtures over the lab. Servers start with the first test that asks for them and are shared by the run.

Session: ``postgres``, ``redis_server``, ``rabbit`` (the server objects of ``tests.lab.servers``).
Function: ``database`` (connection string of a fresh database with the demo schema and seed), ``redis_url`` (an
empty numbered database), ``vhost`` (a fresh vhost).

A missing server skips the tests that need it and says which package to install; ``--require-servers`` or the
environment variable ``CI`` turns that into a failure. ``--no-servers`` leaves out every test that needs one.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from tests.lab.processes import TempDir
from tests.lab.servers import MissingServerError, Postgres, Rabbit, Redis, Server

__all__ = [
    "Vhost",
    "database",
    "lab_dir",
    "new_database",
    "postgres",
    "pytest_addoption",
    "pytest_collection_finish",
    "pytest_collection_modifyitems",
    "rabbit",
    "redis_server",
    "redis_url",
    "seeded",
    "vhost",
]

DEMO_DATA = Path(__file__).resolve().parents[2] / "demo_data"
_SERVER_FIXTURES = {"postgres", "redis_server", "rabbit"}
S = TypeVar("S", bound=Server)

_numbers = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The lab's two options."""
    group = parser.getgroup("lab")
    group.addoption("--require-servers", action="store_true", help="fail instead of skip when a server is missing")
    group.addoption("--no-servers", action="store_true", help="leave out the tests that need a real server")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what needs a server when that was asked for."""
    if config.getoption("--no-servers"):
        skip = pytest.mark.skip(reason="--no-servers")
        for item in items:
            if _SERVER_FIXTURES & set(getattr(item, "fixturenames", ())):
                item.add_marker(skip)


class _Early:
    """RabbitMQ takes ten seconds to start: it does so in the background while other tests already run."""

    def __init__(self) -> None:
        self._server: Rabbit | None = None
        self._error: Exception | None = None
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Starts RabbitMQ in a thread, once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="rabbit-start")
            self._thread.start()

    def _run(self) -> None:
        try:
            self._server = Rabbit()
            self._server.start()
        except Exception as error:
            self._error = error

    def take(self) -> Rabbit:
        """The started server, or the error its start had."""
        self.begin()
        assert self._thread is not None
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._server is not None
        return self._server

    def end(self) -> None:
        """Stops what was started, also when no test took it."""
        if self._thread is not None:
            self._thread.join()
        if self._server is not None:
            self._server.stop()
        self.__init__()  # type: ignore[misc]


_rabbit = _Early()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begins the slow start when the collected tests will need it."""
    if session.config.getoption("--collect-only") or session.config.getoption("--no-servers"):
        return
    if any("rabbit" in getattr(item, "fixturenames", ()) for item in session.items):
        session.config.add_cleanup(_rabbit.end)
        _rabbit.begin()


def _started(make: Callable[[], S], request: pytest.FixtureRequest) -> S:
    """Starts a server; skips or fails the test when its program is missing."""
    try:
        return make()
    except MissingServerError as error:
        if request.config.getoption("--require-servers") or os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


def _start(kind: type[S], **options: str) -> S:
    server = kind(**options)  # type: ignore[arg-type]
    server.start()
    return server


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """The run's PostgreSQL; it logs every statement that changes something (``postgres.logged()``)."""
    server = _started(lambda: _start(Postgres, log_statement="mod"), request)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_server(request: pytest.FixtureRequest) -> Iterator[Redis]:
    """The run's Redis."""
    server = _started(lambda: _start(Redis), request)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def rabbit(request: pytest.FixtureRequest) -> Iterator[Rabbit]:
    """The run's RabbitMQ with the management plugin."""
    server = _started(_rabbit.take, request)
    yield server
    _rabbit.end()


@pytest.fixture(scope="session")
def seeded(postgres: Postgres) -> str:
    """The name of the template database with the demo schema and seed."""
    postgres.psql("CREATE DATABASE seeded;")
    schema, seed = ((DEMO_DATA / name).read_text() for name in ("schema.sql", "seed.sql"))
    postgres.psql(schema + seed, "seeded")
    return "seeded"


@pytest.fixture
def new_database(postgres: Postgres, seeded: str) -> Iterator[Callable[[], str]]:
    """Makes fresh databases, as many as a test wants; each call gives a connection string."""
    made: list[str] = []

    def make() -> str:
        name = f"test_{os.getpid()}_{next(_numbers)}"
        postgres.psql(f"CREATE DATABASE {name} TEMPLATE {seeded};")
        made.append(name)
        return postgres.database_url(name)

    yield make
    if not postgres.running:
        postgres.start()
    postgres.resume()
    postgres.psql("".join(f"DROP DATABASE {name} WITH (FORCE);\n" for name in made))


@pytest.fixture
def database(new_database: Callable[[], str]) -> str:
    """The connection string of a fresh database with the demo schema and seed."""
    return new_database()


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    """The URL of an empty numbered database (pub/sub is shared by all of them: Redis knows no other way)."""
    number = 1 + next(_numbers) % (Redis.databases - 1)
    if not redis_server.running:
        redis_server.start()
    redis_server.resume()
    redis_server.cli("FLUSHDB", db=number)
    return redis_server.database_url(number)


@dataclass(frozen=True, slots=True)
class Vhost:
    """A fresh vhost: its name, its AMQP URL, and the management API's URL with credentials."""

    name: str
    amqp_url: str
    management_url: str
    server: Rabbit


@pytest.fixture
def vhost(rabbit: Rabbit) -> Iterator[Vhost]:
    """A fresh vhost, deleted after the test together with its connections."""
    if not rabbit.running:
        rabbit.start()
    rabbit.resume()
    name = f"test-{next(_numbers)}"
    rabbit.add_vhost(name)
    yield Vhost(name, rabbit.amqp_url(name), rabbit.management_url, rabbit)
    if rabbit.running:
        rabbit.resume()
        rabbit.delete_vhost(name)


@pytest.fixture
def lab_dir() -> Iterator[Path]:
    """A private directory for a test's own child processes, removed afterwards."""
    directory = TempDir("test")
    yield directory.path
    directory.remove()
