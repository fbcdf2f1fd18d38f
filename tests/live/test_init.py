"""``init`` against real servers, and the written file in use."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.lab.servers import Redis as RedisServer
from unstick.cli.doctor import run as doctor
from unstick.cli.init import run
from unstick.config import load
from unstick.settings import Crawler, Dramatiq, Locks, Sync


def test_what_the_servers_hold_is_written_and_watched(
    database: str, redis_url: str, redis_server: RedisServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    number = int(redis_url.rpartition("/")[2])
    redis_server.cli("ZADD", "dramatiq:__heartbeats__", "1", "5f0c", db=number)
    redis_server.cli("RPUSH", "dramatiq:mail", "id", db=number)
    environ = {"DATABASE_URL": database, "REDIS_URL": redis_url}
    target = tmp_path / "unstick.toml"
    assert run(environ, output=target) == 0
    assert str(urlsplit(database).password) not in target.read_text()
    loaded = load(target, None, environ)
    assert not loaded.discover
    context = loaded.context
    assert (context.crawler, context.locks, context.sync) == (Crawler(), Locks(), Sync())
    assert context.dramatiq == (Dramatiq(queues=("mail",)),)
    assert doctor(loaded) == 0
    assert "proxies: reads id" in capsys.readouterr().out
    assert run(environ) == 0
    assert capsys.readouterr().out == target.read_text()
