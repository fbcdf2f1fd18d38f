"""The lab's servers and fixtures: they answer, they are fresh, and they leave nothing behind."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import asyncpg
import pytest
import redis

from tests.lab.fixtures import Vhost
from tests.lab.processes import LabError, lives
from tests.lab.servers import Postgres, Rabbit, Redis, require_servers

CHECKOUT = Path(__file__).resolve().parents[1]


async def _row(dsn: str, sql: str) -> list[object]:
    connection = await asyncpg.connect(dsn)
    try:
        row = await connection.fetchrow(sql)
        assert row is not None
        return list(row)
    finally:
        await connection.close()


def run(coroutine: object) -> object:
    """Runs a coroutine to its end."""
    return asyncio.run(coroutine)  # type: ignore[arg-type]


def test_database_has_the_seed(database: str) -> None:
    counts = run(
        _row(
            database,
            "SELECT (SELECT count(*) FROM proxies), (SELECT count(*) FROM proxies WHERE is_blocked),"
            " (SELECT count(*) FROM user_balances), (SELECT count(*) FROM catalog_tasks WHERE status = 'pending')",
        )
    )
    assert counts == [100, 27, 500, 176]


def test_databases_are_fresh_and_apart(postgres: Postgres, database: str, new_database: object) -> None:
    other = new_database()  # type: ignore[operator]
    assert other != database
    postgres.psql("DELETE FROM proxies;", database.rsplit("/", 1)[1])
    assert run(_row(other, "SELECT count(*) FROM proxies")) == [100]


def test_postgres_needs_its_password(postgres: Postgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        run(_row(postgres.url.replace(postgres.password, "wrong"), "SELECT 1"))


def test_postgres_tells_who_wrote(postgres: Postgres, database: str) -> None:
    name = database.rsplit("/", 1)[1]
    postgres.psql("SELECT 1; UPDATE proxies SET worker_id = 'x'\n WHERE id = 1;", name)
    written = [entry.text for entry in postgres.logged("lab") if entry.database == name]
    assert written == ["UPDATE proxies SET worker_id = 'x'\n WHERE id = 1;"]


def test_redis_url_is_an_empty_database(redis_server: Redis, redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    assert client.dbsize() == 0
    client.set("a", 1)
    client.close()


def test_redis_monitor_shows_commands(redis_server: Redis, redis_url: str) -> None:
    with redis_server.monitor() as lines:
        redis_server.cli("SET", "who", "me")
    assert any('"SET" "who" "me"' in line for line in lines)


def test_vhost_is_usable(vhost: Vhost, rabbit: Rabbit) -> None:
    rabbit.api("PUT", f"queues/{vhost.name}/q", {"durable": True})
    assert [queue["name"] for queue in rabbit.api("GET", f"queues/{vhost.name}")] == ["q"]


def test_a_paused_server_keeps_its_port_and_does_not_answer() -> None:
    with Redis() as server:
        server.pause()
        client = redis.Redis.from_url(server.url, socket_timeout=0.3, retry=None)
        with pytest.raises(redis.TimeoutError):
            client.ping()
        server.resume()
        assert client.ping()
        client.close()


def test_data_survives_restart_and_kill() -> None:
    with Postgres() as server:
        server.psql("CREATE TABLE t (n int); INSERT INTO t VALUES (7);")
        server.restart()
        assert server.psql("SELECT n FROM t;") == "7"
        server.kill()
        with pytest.raises(LabError):
            server.psql("SELECT 1;")
        server.start()
        assert server.psql("SELECT n FROM t;") == "7"


@pytest.mark.parametrize("how", ["return", "kill"])
def test_nothing_is_left_when_the_lab_ends(tmp_path: Path, how: str) -> None:
    """Even ``kill -9`` of the process that started servers leaves neither processes nor directories."""
    require_servers()
    note = tmp_path / "note"
    script = f"""
        import os, pathlib, signal
        from tests.lab.processes import guard
        from tests.lab.servers import Postgres, Redis
        servers = [Postgres(), Redis()]
        for server in servers:
            server.start()
        pids = [pid for server in servers for pid in server.pids()]
        pathlib.Path({str(note)!r}).write_text("\\n".join(
            [" ".join(map(str, [*pids, guard.pid])), *(str(server.directory) for server in servers)]))
        if {how!r} == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=CHECKOUT, check=how == "return", timeout=60)
    pids, *directories = note.read_text().splitlines()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        left = [pid for pid in map(int, pids.split()) if lives(pid)]
        left_dirs = [directory for directory in directories if Path(directory).exists()]
        if not left and not left_dirs:
            return
        time.sleep(0.05)
    pytest.fail(f"left behind: {left} {left_dirs}")
