from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.lab.fault_proxy import FaultProxy
from tests.lab.servers import Postgres
from unstick import clock
from unstick.backends.base import BackendError
from unstick.backends.postgres import PostgresConnection
from unstick.facts.crawler import CrawlerFacts
from unstick.facts.reading import Fresh, Missing, Source, Stale, TroubleKind
from unstick.pollers.base import Lane
from unstick.pollers.crawler import CrawlerPoller
from unstick.secret import Url
from unstick.settings import Crawler

T = TypeVar("T")
SOURCE = Source("crawler", "crawler", "pg", 1.0)


def through(proxy: FaultProxy, database: str) -> str:
    """The same database by way of the proxy."""
    parts = urlsplit(database)
    return parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{proxy.port}").geturl()


@asynccontextmanager
async def connected(url: str, **limits: Any) -> AsyncIterator[PostgresConnection]:
    connection = PostgresConnection(Url(url), **limits)
    await connection.open()
    try:
        yield connection
    finally:
        await connection.close()


async def value(connection: PostgresConnection, sql: str, *args: object) -> object:
    async with connection.look() as look:
        (row,) = await look.rows(sql, *args)
    return next(iter(row.values()))


async def refused(call: Awaitable[object]) -> BackendError:
    with pytest.raises(BackendError) as caught:
        await call
    return caught.value


def on(database: str, test: Callable[[PostgresConnection], Awaitable[T]], **limits: float) -> T:
    async def run() -> T:
        async with connected(database, **limits) as connection:
            return await test(connection)

    return asyncio.run(run())


async def until(done: Callable[[], Awaitable[bool]], patience_s: float = 10.0) -> None:
    for _ in range(int(patience_s / 0.02)):
        if await done():
            return
        await asyncio.sleep(0.02)
    pytest.fail("the condition did not come true")


def test_a_look_is_limited_and_leaves_the_session_as_it_was(database: str) -> None:
    names = ["statement_timeout", "lock_timeout", "jit", "max_parallel_workers_per_gather", "TimeZone"]
    names += ["idle_in_transaction_session_timeout", "transaction_read_only", "default_transaction_read_only"]
    asked = "SELECT " + ", ".join(f"current_setting('{name}') AS \"{name}\"" for name in names)

    async def test(connection: PostgresConnection) -> None:
        link = connection._link
        assert link is not None
        before = dict((await link.fetch(asked))[0])
        async with connection.look() as look:
            (inside,) = await look.rows(asked)
            (me,) = await look.rows(
                "SELECT application_name AS name FROM pg_stat_activity WHERE pid = pg_backend_pid()"
            )
        assert list(inside.values()) == ["700ms", "200ms", "off", "0", "UTC", "5s", "on", "off"]
        assert me["name"] == "unstick"
        assert dict((await link.fetch(asked))[0]) == before
        assert not link.is_in_transaction()

    on(database, test, statement_timeout_s=0.7, lock_timeout_s=0.2)


def test_a_write_inside_a_look_is_refused_and_nothing_is_logged_as_one(postgres: Postgres, database: str) -> None:
    before = len(postgres.logged("unstick"))

    async def test(connection: PostgresConnection) -> None:
        error = await refused(value(connection, "UPDATE proxies SET is_in_use = true RETURNING id"))
        assert (error.trouble.kind, error.transport) == (TroubleKind.DENIED, False)
        assert "read-only" in error.trouble.text
        assert await value(connection, "SELECT count(*) FROM proxies WHERE is_in_use") == 0
        await CrawlerPoller(SOURCE, Crawler(), grace_s=120).look(connection)

    on(database, test)
    assert [entry.text[:6] for entry in postgres.logged("unstick")[before:]] == ["UPDATE"]


def test_looks_alone_leave_the_log_of_writes_empty(postgres: Postgres, database: str) -> None:
    before = len(postgres.logged("unstick"))
    on(database, CrawlerPoller(SOURCE, Crawler(), grace_s=120).look)
    assert postgres.logged("unstick")[before:] == []


def test_all_statements_of_a_look_see_one_snapshot(postgres: Postgres, database: str) -> None:
    name = urlsplit(database).path[1:]

    async def test(connection: PostgresConnection) -> None:
        async with connection.look() as look:
            first = await look.rows("SELECT count(*) AS n FROM proxies")
            await asyncio.to_thread(postgres.psql, "DELETE FROM proxies;", name)
            assert await look.rows("SELECT count(*) AS n FROM proxies") == first
        assert await value(connection, "SELECT count(*) FROM proxies") == 0

    on(database, test)


def test_a_slow_statement_and_a_locked_table_time_out_and_the_connection_stays(database: str) -> None:
    async def test(connection: PostgresConnection) -> None:
        error = await refused(value(connection, "SELECT pg_sleep(30)"))
        assert (error.trouble.kind, error.transport) == (TroubleKind.TIMEOUT, False)
        assert "statement timeout" in error.trouble.text
        other = await asyncpg.connect(database)
        try:
            await other.execute("BEGIN; LOCK TABLE proxies IN ACCESS EXCLUSIVE MODE")
            error = await refused(value(connection, "SELECT count(*) FROM proxies"))
            assert (error.trouble.kind, error.transport) == (TroubleKind.TIMEOUT, False)
            assert "lock timeout" in error.trouble.text
        finally:
            await other.close()
        assert await value(connection, "SELECT 1") == 1

    on(database, test, statement_timeout_s=0.3, lock_timeout_s=0.1)


def test_costs_count_statements_and_start_again_when_taken(database: str) -> None:
    async def test(connection: PostgresConnection) -> None:
        connection.take_cost()
        await value(connection, "SELECT repeat('x', 5000)")
        cost = connection.take_cost()
        assert (cost.queries, cost.bytes_in) == (3, 5000)
        assert connection.take_cost().queries == 0

    on(database, test)


def test_a_killed_backend_is_closed_and_the_next_open_reconnects(postgres: Postgres, database: str) -> None:
    async def test(connection: PostgresConnection) -> None:
        for _ in range(3):
            pid = await value(connection, "SELECT pg_backend_pid()")
            await asyncio.to_thread(postgres.psql, f"SELECT pg_terminate_backend({pid}, 5000);")
            error = await refused(value(connection, "SELECT 1"))
            assert (error.trouble.kind, error.transport) == (TroubleKind.CLOSED, True)
            await connection.open()
            assert await value(connection, "SELECT 1") == 1

    on(database, test)


def test_a_backend_killed_during_a_statement_is_closed(postgres: Postgres, database: str) -> None:
    async def test(connection: PostgresConnection) -> None:
        pid = await value(connection, "SELECT pg_backend_pid()")
        asked = asyncio.ensure_future(refused(value(connection, "SELECT pg_sleep(30)")))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(postgres.psql, f"SELECT pg_terminate_backend({pid}, 5000);")
        error = await asked
        assert (error.trouble.kind, error.transport) == (TroubleKind.CLOSED, True)
        assert "administrator" in error.trouble.text

    on(database, test, statement_timeout_s=20)


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"password": "S3CR3T-canary"}, TroubleKind.AUTH, "postgres.url"),
        ({"user": "nobody-here"}, TroubleKind.AUTH, "postgres.url"),
        ({"database": "no-such-db"}, TroubleKind.SCHEMA, "no such database"),
        ({"host": "db.invalid"}, TroubleKind.DNS, "[Errno -"),
        ({"port": "1"}, TroubleKind.REFUSED, "connection refused: 127.0.0.1:1"),
        ({"query": "sslmode=require"}, TroubleKind.TLS, "offers none"),
        (
            {"query": "sslmode=verify-full&sslrootcert=/nowhere/ca.crt"},
            TroubleKind.REFUSED,
            "the socket or certificate",
        ),
    ],
)
def test_a_refused_connection_says_why_and_never_the_password(
    database: str, change: dict[str, str], kind: TroubleKind, words: str
) -> None:
    parts = urlsplit(database)
    known = {"user": parts.username, "password": parts.password, "host": parts.hostname, "port": parts.port}
    place = known | {"database": parts.path[1:], "query": ""} | change
    url = "postgresql://{user}:{password}@{host}:{port}/{database}?{query}".format(**place)
    error = asyncio.run(refused(PostgresConnection(Url(url)).open()))
    assert (error.trouble.kind, error.transport) == (kind, True)
    assert words in error.trouble.text
    assert str(place["password"]) not in error.trouble.text


def test_a_role_out_of_connections_is_overload(postgres: Postgres, database: str) -> None:
    postgres.psql("DROP ROLE IF EXISTS crowd; CREATE ROLE crowd LOGIN PASSWORD 'pw' CONNECTION LIMIT 0;")
    url = f"postgresql://crowd:pw@127.0.0.1:{postgres.port}{urlsplit(database).path}"
    error = asyncio.run(refused(PostgresConnection(Url(url)).open()))
    assert (error.trouble.kind, error.transport) == (TroubleKind.OVERLOAD, True)
    assert "too many connections" in error.trouble.text


AUTHORITY = """
[ca]
default_ca = own
[own]
database = index
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = host
[any]
commonName = supplied
[host]
subjectAltName = DNS:{name}
basicConstraints = critical, CA:TRUE
"""


def certificate(directory: Path, name: str, end: str) -> None:
    """A self-signed certificate ``crt.pem`` for the host ``name`` that is valid from 2020 until ``end``."""
    (directory / "ca.cnf").write_text(AUTHORITY.format(name=name))
    (directory / "index").write_text("")
    for args in (
        f"req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} -keyout key.pem -out csr.pem",
        f"ca -batch -selfsign -notext -config ca.cnf -keyfile key.pem -in csr.pem -out crt.pem -startdate 200101000000Z -enddate {end}",
    ):
        subprocess.run(["openssl", *args.split()], check=True, capture_output=True, cwd=directory)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_certificate_is_refused_for_the_reason_it_has(lab_dir: Path) -> None:
    def reason(query: str) -> str:
        error = asyncio.run(
            refused(PostgresConnection(Url(f"{server.url.replace('127.0.0.1', 'localhost')}?{query}")).open())
        )
        assert error.trouble.kind is TroubleKind.TLS
        return error.trouble.text

    with Postgres() as server:
        data = Path(server.psql("SHOW data_directory;"))
        for name, end, words in (
            ("localhost", "200201000000Z", "expired"),
            ("elsewhere", "490101000000Z", "another host name"),
        ):
            certificate(lab_dir, name, end)
            for part in ("key.pem", "crt.pem"):
                shutil.copy(lab_dir / part, data / part)
                shutil.chown(data / part, data.owner())
                (data / part).chmod(0o600)
            server.psql(
                "ALTER SYSTEM SET ssl_cert_file = 'crt.pem'; ALTER SYSTEM SET ssl_key_file = 'key.pem'; ALTER SYSTEM SET ssl = on;"
            )
            server.restart()
            assert words in reason(f"sslmode=verify-full&sslrootcert={lab_dir / 'crt.pem'}")
        certificate(lab_dir, "elsewhere", "490101000000Z")
        assert "unknown authority" in reason(f"sslmode=verify-full&sslrootcert={lab_dir / 'crt.pem'}")


def test_a_frozen_wire_ends_at_the_deadline_and_the_lane_recovers(postgres: Postgres, database: str) -> None:
    async def test(proxy: FaultProxy) -> None:
        lane = Lane(
            PostgresConnection(Url(through(proxy, database))),
            [CrawlerPoller(SOURCE, Crawler(), grace_s=120)],
            deadline_s=0.5,
        )
        await lane.once()
        seen = lane.observations()[0].reading
        assert isinstance(seen, Fresh)
        proxy.freeze()
        begun = clock.monotonic()
        await lane.once()
        assert clock.monotonic() - begun < 20
        stale = lane.observations()[0].reading
        assert isinstance(stale, Stale)
        assert stale.value == seen.value
        assert stale.trouble.kind is TroubleKind.TIMEOUT
        proxy.clear()
        await lane.once()
        assert isinstance(lane.observations()[0].reading, Fresh)
        await lane.close()
        await until(lambda: asyncio.sleep(0, proxy.open == 0))

    with FaultProxy(postgres.port) as proxy:
        asyncio.run(test(proxy))


def test_a_frozen_wire_without_a_lane_ends_with_the_statement(postgres: Postgres, database: str) -> None:
    async def test(connection: PostgresConnection) -> None:
        proxy.freeze()
        error = await refused(value(connection, "SELECT 1"))
        assert (error.trouble.kind, error.transport) == (TroubleKind.TIMEOUT, True)
        proxy.clear()

    with FaultProxy(postgres.port) as proxy:
        on(through(proxy, database), test, statement_timeout_s=0.2)


def test_abort_ends_a_look_that_waits(database: str) -> None:
    async def test(connection: PostgresConnection) -> None:
        asked = asyncio.ensure_future(refused(value(connection, "SELECT pg_sleep(30)")))
        await asyncio.sleep(0.2)
        connection.abort()
        error = await asyncio.wait_for(asked, 1.0)
        assert (error.trouble.kind, error.transport) == (TroubleKind.CLOSED, True)
        connection.abort()

    on(database, test, statement_timeout_s=20)


def test_a_server_that_accepts_and_never_speaks_is_given_up(postgres: Postgres, database: str) -> None:
    with FaultProxy(postgres.port) as proxy:
        proxy.mute()
        connection = PostgresConnection(Url(through(proxy, database)), connect_timeout_s=0.3)
        error = asyncio.run(refused(connection.open()))
    assert error.trouble.kind is TroubleKind.TIMEOUT
    assert "within 0.3 s" in error.trouble.text


@pytest.mark.parametrize("limit", [1, 20, 200, 420, 700, 1000, 1500])
def test_a_reply_cut_anywhere_is_a_trouble_and_no_half_fact(postgres: Postgres, database: str, limit: int) -> None:
    async def test() -> None:
        connection = PostgresConnection(Url(through(proxy, database)), statement_timeout_s=1, connect_timeout_s=1)
        lane = Lane(connection, [CrawlerPoller(SOURCE, Crawler(), grace_s=120)], deadline_s=3)
        await lane.once()
        reading = lane.observations()[0].reading
        await lane.close()
        if proxy.triggered:
            assert isinstance(reading, Missing)
            assert reading.trouble.kind in {TroubleKind.CLOSED, TroubleKind.PROTOCOL}
        else:
            assert isinstance(reading, Fresh)

    with FaultProxy(postgres.port) as proxy:
        proxy.cut_after(limit)
        asyncio.run(test())
        assert proxy.triggered or limit > 1000


def test_garbage_is_a_bad_reply(postgres: Postgres, database: str) -> None:
    with FaultProxy(postgres.port) as proxy:
        proxy.garbage()
        connection = PostgresConnection(Url(through(proxy, database)), connect_timeout_s=1)
        error = asyncio.run(refused(connection.open()))
    assert error.transport
    assert error.trouble.kind in {TroubleKind.PROTOCOL, TroubleKind.TLS, TroubleKind.CLOSED, TroubleKind.TIMEOUT}


def test_reconnecting_leaves_nothing_behind(postgres: Postgres, database: str) -> None:
    async def test() -> None:
        connection = PostgresConnection(Url(through(proxy, database)))
        tasks = len(asyncio.all_tasks())
        for number in range(30):
            await connection.open()
            await value(connection, "SELECT 1")
            if number % 3 == 0:
                proxy.rst_all()
            elif number % 3 == 1:
                connection.abort()
            else:
                await connection.close()
            if number % 3 == 0:
                await refused(value(connection, "SELECT 1"))
        await connection.close()
        assert len(asyncio.all_tasks()) == tasks
        left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'unstick';"
        await until(lambda: asyncio.to_thread(lambda: postgres.psql(left) == "0"))

    with FaultProxy(postgres.port) as proxy:
        asyncio.run(test())


def test_a_restarted_server_is_found_again(lab_dir: Path) -> None:
    async def test() -> None:
        async with connected(server.url) as connection:
            await asyncio.to_thread(server.restart)
            error = await refused(value(connection, "SELECT 1"))
            assert error.transport
            await connection.open()
            assert await value(connection, "SELECT 1") == 1

    with Postgres(lab_dir) as server:
        asyncio.run(test())


def test_facts_arrive_through_a_lane(database: str) -> None:
    async def test() -> CrawlerFacts:
        lane = Lane(PostgresConnection(Url(database)), [CrawlerPoller(SOURCE, Crawler(), grace_s=120)])
        await lane.once()
        await lane.close()
        reading = lane.observations()[0].reading
        assert isinstance(reading, Fresh)
        assert isinstance(reading.value, CrawlerFacts)
        assert reading.cost.queries == 6
        return reading.value

    assert asyncio.run(test()).pool.total == 100
