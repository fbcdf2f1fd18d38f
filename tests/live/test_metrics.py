"""``unstick metrics`` as its users run it: scraped, printed once, on a port that is taken, and ended by a signal."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import redis

from tests.lab.processes import clean_env, wait_until
from tests.lab.servers import Postgres, direct_http
from tests.unit.test_metrics import value

SOURCE = Path(__file__).resolve().parents[2] / "src"


def configured(folder: Path, database: str, redis_url: str) -> list[str]:
    """The command, with a configuration of its own."""
    path = folder / "unstick.toml"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(
            f'config_version = 1\n[postgres]\nurl = "{database}"\n[redis]\nurl = "{redis_url}"\n'
            '[crawler]\n[[dramatiq]]\nqueues = ["mail"]\n'
            '[[probe]]\nname = "blocked"\nsql = "SELECT count(*) FROM users WHERE is_blocked"\n'
        )
    return [sys.executable, "-m", "unstick", "metrics", "-c", str(path)]


def environment(folder: Path) -> dict[str, str]:
    home = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"), str(folder))
    return clean_env(**home, PYTHONPATH=str(SOURCE))


def scraped(url: str) -> str:
    with direct_http(url) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        return answer.read().decode()  # type: ignore[no-any-return]


def test_what_is_scraped_is_what_the_servers_say(
    lab_dir: Path, database: str, postgres: Postgres, redis_url: str
) -> None:
    command, env = configured(lab_dir, database, redis_url), environment(lab_dir)
    with redis.Redis.from_url(redis_url) as client:
        client.rpush("dramatiq:mail", "a", "b", "c")
        client.hset("dramatiq:mail.msgs", mapping=dict.fromkeys("abc", "{}"))
    with subprocess.Popen([*command, "--port", "0"], env=env, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            url = running.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:")
            assert url.endswith("/metrics")
            queue = {"queue": "mail", "system": "dramatiq", "place": "dramatiq"}
            wait_until(lambda: value(scraped(url), "queue_messages", **queue, state="ready") == 3, 30, "the queue")
            name = database.rpartition("/")[2]
            total = int(postgres.psql("SELECT count(*) FROM proxies", name))
            blocked = int(postgres.psql("SELECT count(*) FROM users WHERE is_blocked", name))
            wait_until(
                lambda: value(scraped(url), "probe_value", source="probe:blocked") is not None, 30, "the probe"
            )
            text = scraped(url)
            states = [value(text, "proxies", state=state) or 0 for state in ("in_use", "blocked", "free")]
            assert sum(states) == total
            assert value(text, "probe_value", source="probe:blocked") == blocked
            server = {"source": "postgres-server"}
            wait_until(
                lambda: value(scraped(url), "postgres_connections_limit", **server) is not None, 30, "the server"
            )
            assert value(scraped(url), "postgres_connections_limit", **server) == int(
                postgres.psql("SHOW max_connections")
            ) - int(postgres.psql("SHOW superuser_reserved_connections"))
            wait_until(
                lambda: (value(scraped(url), "redis_memory_used_bytes", source="redis-server") or 0) > 100_000,
                30,
                "Redis",
            )
            running.send_signal(signal.SIGTERM)
            assert running.wait(30) == 0
        finally:
            running.kill()
    once = subprocess.run([*command, "--once"], env=env, capture_output=True, text=True, timeout=60, check=True)
    assert once.stderr == ""
    assert value(once.stdout, "queue_messages", **queue, state="ready") == 3


def test_a_port_that_is_taken(lab_dir: Path, database: str, redis_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [*configured(lab_dir, database, redis_url), "--port", str(port)]
        done = subprocess.run(
            command, env=environment(lab_dir), capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 74
    assert done.stderr == f"unstick: 127.0.0.1:{port}: address already in use; mend: name another --port\n"
    assert done.stdout == ""
