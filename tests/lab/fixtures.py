"""pytest fixtures over the lab. Servers start with the first test that asks for them and are shared by the run.

Session: ``postgres``, ``redis_server``, ``rabbit`` (the server objects of ``tests.lab.servers``).
Function: ``database`` (connection string of a fresh database with the demo schema and seed), ``redis_url`` (an
empty numbered database), ``vhost`` (a fresh vhost).

A missing server skips the tests that need it and says which package to install; ``--require-servers`` or the
environment variable ``CI`` turns that into a failure. ``--no-servers`` leaves out every test that needs one.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.processes import TempDir
from tests.lab.servers import MissingServerError, Postgres, Rabbit, Redis, forbid_servers

__all__ = [
    "Vhost",
    "database",
    "lab_dir",
    "new_database",
    "postgres",
    "pytest_addoption",
    "pytest_collection_finish",
    "pytest_configure",
    "pytest_runtest_call",
    "pytest_runtest_setup",
    "rabbit",
    "redis_server",
    "redis_url",
    "seeded",
    "vhost",
]

DEMO_DATA = Path(__file__).resolve().parents[2] / "demo_data"
_numbers = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The lab's two options."""
    group = parser.getgroup("lab")
    group.addoption("--require-servers", action="store_true", help="fail instead of skip when a server is missing")
    group.addoption("--no-servers", action="store_true", help="leave out the tests that need a real server")


def pytest_configure(config: pytest.Config) -> None:
    """With ``--no-servers`` every server counts as missing."""
    if config.getoption("--no-servers"):
        forbid_servers("--no-servers")


@contextlib.contextmanager
def _missing_is_no_failure(item: pytest.Item) -> Iterator[None]:
    """Skips a test whose server is not installed, wherever the test starts it; fails it where skips are not wanted."""
    try:
        yield
    except MissingServerError as error:
        options = item.config.option
        if (options.require_servers or os.environ.get("CI")) and not options.no_servers:
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """See :func:`_missing_is_no_failure`."""
    with _missing_is_no_failure(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """See :func:`_missing_is_no_failure`."""
    with _missing_is_no_failure(item):
        return (yield)


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


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The run's PostgreSQL; it logs every statement that changes something (``postgres.logged()``)."""
    with Postgres(log_statement="mod") as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    """The run's Redis."""
    with Redis() as server:
        yield server


@pytest.fixture(scope="session")
def rabbit() -> Iterator[Rabbit]:
    """The run's RabbitMQ with the management plugin."""
    yield _rabbit.take()
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
