"""Workers and services that answer over HTTP: a real Dramatiq worker, the sync's API, an automation worker."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from tests.lab.processes import Child, clean_env, free_port, port_answers
from tests.lab.servers import Postgres, Redis
from unstick import clock
from unstick.backends.base import BackendError
from unstick.backends.http import HttpConnection
from unstick.facts.health import HealthFacts
from unstick.facts.locks import LockFacts
from unstick.facts.reading import Source, TroubleKind
from unstick.facts.sync import SyncApiFacts
from unstick.pollers.health import HealthPoller
from unstick.pollers.lock_endpoints import LockEndpointPoller
from unstick.pollers.sync_api import SyncApiPoller
from unstick.secret import Url
from unstick.settings import Health, Locks, Sync

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCE = Source("x", "x", "http", 5.0)
SEND = "from demo_data.world.dramatiq_app import cleanup_temp_files as task; [task.send() for _ in range(3)]"
T = TypeVar("T")


@contextmanager
def program(folder: Path, port: int, *args: str, **settings: str) -> Iterator[Child]:
    """``python args`` until the block ends, once its port answers."""
    env = clean_env(**settings, PYTHONPATH=str(CHECKOUT))
    child = Child([sys.executable, *args], log=folder / f"{port}.log", env=env, cwd=CHECKOUT)
    try:
        child.wait_ready(lambda: port_answers(port), 30)
        yield child
    finally:
        child.kill()


@contextmanager
def worker(folder: Path, redis_url: str, port: int) -> Iterator[Child]:
    args = ("-m", "dramatiq", "demo_data.world.dramatiq_app:broker", "--processes", "1", "--threads", "1")
    with program(folder, port, *args, WORLD_DRAMATIQ_URL=redis_url, WORLD_HEALTH_PORT=str(port)) as child:
        yield child


def once(url: str, look: Callable[[HttpConnection], Awaitable[T]]) -> T:
    async def run() -> T:
        connection = HttpConnection(Url(url), total_s=3.0)
        try:
            return await look(connection)
        finally:
            await connection.close()

    return asyncio.run(run())


def eventually(look: Callable[[], T], wanted: Callable[[T], bool]) -> T:
    end = time.monotonic() + 15
    while not wanted(seen := look()):
        assert time.monotonic() < end, seen
        time.sleep(0.1)
    return seen


def health_of(port: int) -> HealthFacts:
    url = f"http://127.0.0.1:{port}"
    return once(url, HealthPoller(SOURCE, Health(Url(url))).look)


def test_a_worker_works_loses_its_broker_restarts_and_freezes(lab_dir: Path) -> None:
    port = free_port()
    with Redis() as redis:
        url = redis.database_url(0)
        with worker(lab_dir, url, port) as child:
            first = health_of(port)
            assert (first.status, first.healthy, first.ready, first.health_code) == ("healthy", True, True, 200)
            assert (first.processed, first.broker_connected, first.bad_metric_lines) == (0, True, 0)
            assert first.address == f"127.0.0.1:{port}"
            sender = Child([sys.executable, "-c", SEND], log=lab_dir / "send.log", cwd=CHECKOUT,
                           env=clean_env(WORLD_DRAMATIQ_URL=url, PYTHONPATH=str(CHECKOUT)))  # fmt: skip
            worked = eventually(lambda: health_of(port), lambda facts: facts.processed == 3)
            sender.end()
            assert worked.uptime_s is not None
            assert first.uptime_s is not None
            assert worked.uptime_s > first.uptime_s
            assert worked.heartbeat_age_s is not None
            assert worked.heartbeat_age_s < 10
            redis.kill()
            cut = eventually(lambda: health_of(port), lambda facts: facts.broker_connected is False)
            assert (cut.status, cut.healthy, cut.ready, cut.health_code) == ("unhealthy", False, False, 503)
            redis.start()
            uptime = eventually(lambda: health_of(port), lambda facts: facts.broker_connected is True).uptime_s
            child.kill()
        with pytest.raises(BackendError) as caught:
            health_of(port)
        assert (caught.value.trouble.kind, caught.value.transport) == (TroubleKind.REFUSED, True)
        with worker(lab_dir, url, port) as child:
            again = health_of(port)
            assert uptime is not None
            assert again.uptime_s is not None
            assert again.uptime_s < uptime
            freeze_and_look(child, port)


def freeze_and_look(child: Child, port: int) -> None:
    import signal  # noqa: PLC0415

    child.send(signal.SIGSTOP, whole_family=True)
    begun = time.monotonic()
    with pytest.raises(BackendError) as caught:
        health_of(port)
    assert caught.value.trouble.kind is TroubleKind.TIMEOUT
    assert time.monotonic() - begun < 4, "a look must end before the deadline of its lane"
    child.send(signal.SIGCONT, whole_family=True)


def test_the_syncs_own_account(
    lab_dir: Path, database: str, redis_server: Redis, redis_url: str, postgres: Postgres
) -> None:
    port, number = free_port(), int(redis_url.rpartition("/")[2])
    url = f"http://127.0.0.1:{port}"
    started = clock.now()

    def look(path: str = "/sync-management") -> SyncApiFacts:
        return once(url, SyncApiPoller(SOURCE, Sync(prefix=path)).look)

    settings = {"WORLD_PORT": str(port), "WORLD_BALANCES_URL": redis_url, "DATABASE_URL": database}
    with program(lab_dir, port, "-m", "demo_data.world.sync_api", **settings):
        never = look()
        assert (never.last_success_at, never.processed, never.running, never.status) == (
            None,
            None,
            False,
            "never ran",
        )
        assert (never.redis_ok, never.database_ok, never.partial) == (True, True, ())
        note = ["last_sync_at", "2026-11-22T04:00:03Z", "last_duration_seconds", "12.8", "processed", "500"]
        redis_server.cli("HSET", "sync:status", *note, "updated", "31", "errors", "0", "status", "ok", db=number)
        told = look()
        assert (told.last_success_at, told.last_duration_s) == (1795320003.0, 12.8)
        assert (told.processed, told.updated, told.errors, told.status) == (500, 31, 0, "ok")
        assert told.server_at is not None
        assert abs(told.server_at - clock.now()) < 5
        assert told.next_due_at is not None
        assert told.next_due_at > started
        redis_server.cli("SET", "sync:running", "1", db=number)
        assert look().running is True
        with pytest.raises(BackendError) as caught:
            look("/elsewhere")
        assert caught.value.trouble.kind is TroubleKind.ABSENT
        redis_server.pause()
        try:
            blind = look()
        finally:
            redis_server.resume()
        assert (blind.redis_ok, blind.database_ok, blind.status) == (False, True, "unhealthy")
        assert (blind.last_success_at, blind.processed, blind.running) == (None, None, None)
        assert blind.partial[0] == "status: 500 internal server error"


def test_the_locks_of_a_worker_and_its_rate_limit(lab_dir: Path, database: str, postgres: Postgres) -> None:
    name = database.rpartition("/")[2]
    postgres.psql("DELETE FROM dashboard_tasklock;", name)
    postgres.psql(
        "INSERT INTO dashboard_tasklock (kind, task_id, worker_id, acquired_at, expires_at) VALUES"
        " ('late', 1, 'w1', now() - interval '2 hours', now() - interval '1 hour'),"
        " ('live', 2, 'w1', now(), now() + interval '1 hour'), ('endless', 3, 'w2', now(), NULL);",
        name,
    )
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    poller = LockEndpointPoller(SOURCE, Locks(), Url(url))
    # A worker that works no tasks of its own: it cannot reach the UI service, so it takes no locks during the test.
    settings = {"WORLD_PORT": str(port), "WORLD_WORKER_ID": "w1", "DATABASE_URL": database, "WORLD_UI_URL": url}
    with program(lab_dir, port, "-m", "demo_data.world.automation_worker", **settings):
        facts: LockFacts = once(url, poller.look)
        rows = {row.kind: row for row in facts.rows}
        assert rows["late"].expires_at is not None
        assert abs(rows["late"].expires_at - (facts.server_at - 3600)) < 5
        assert (rows["late"].task_id, rows["late"].worker_id, rows["endless"].expires_at) == ("1", "w1", None)
        assert [row.kind for row in facts.rows][:2] == ["late", "endless"]
        assert (facts.expired, facts.endless, facts.total) == (1, 1, len(facts.rows))

        async def too_often(connection: HttpConnection) -> BackendError:
            for _ in range(200):
                try:
                    await poller.look(connection)
                except BackendError as error:
                    return error
            raise AssertionError("never refused")

        error = once(url, too_often)
        assert error.trouble.kind is TroubleKind.OVERLOAD
        assert error.trouble.retry_after_s is not None
        assert 0 < error.trouble.retry_after_s <= 60
        assert not error.transport
