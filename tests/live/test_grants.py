"""Roles made by the printed lines feed every poller, and can do nothing else."""

from __future__ import annotations

import asyncio
import secrets
import shlex
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.lab.fixtures import Vhost
from tests.lab.processes import LabError
from tests.lab.servers import Postgres as PostgresServer
from tests.lab.servers import Redis as RedisServer
from unstick.cli.discovery import discover
from unstick.cli.grants import postgres_lines, rabbitmq_lines, redis_lines
from unstick.cli.wiring import lane_specs
from unstick.facts.frame import AnyReading
from unstick.facts.rabbitmq import RabbitFacts
from unstick.facts.reading import Fresh
from unstick.secret import Url
from unstick.settings import (
    Celery,
    Context,
    Crawler,
    Dramatiq,
    Host,
    Locks,
    Postgres,
    RabbitMQ,
    Redis,
    Sync,
)


def readings(context: Context) -> dict[str, AnyReading]:
    """One look through the lanes that the board itself uses."""

    async def look() -> dict[str, AnyReading]:
        found: dict[str, AnyReading] = {}
        for spec in lane_specs(context):
            lane = spec.build()
            await lane.once()
            found |= {one.source.id: one.reading for one in lane.observations()}
            await lane.close()
        return found

    return asyncio.run(look())


def with_user(url: str, user: str, password: str) -> Url:
    parts = urlsplit(url)
    return Url(parts._replace(netloc=f"{user}:{password}@{parts.netloc.rpartition('@')[2]}").geturl())


@pytest.fixture
def role(postgres: PostgresServer) -> Iterator[str]:
    name = "Eye-" + secrets.token_hex(4)
    yield name
    if postgres.psql(f"SELECT 1 FROM pg_roles WHERE rolname = '{name}';"):
        postgres.psql(f'DROP ROLE "{name}";')


MAPPED = {"crawler": Crawler(), "locks": Locks(), "sync": Sync()}


@pytest.mark.parametrize("kind", ["watcher", "operator"])
def test_postgres(postgres: PostgresServer, database: str, role: str, kind: str) -> None:
    name = urlsplit(database).path[1:]
    admin = Context(postgres=Postgres(url=Url(database)), host=Host(enabled=False), **MAPPED)  # type: ignore[arg-type]
    postgres.psql(
        "REVOKE ALL ON SCHEMA public FROM PUBLIC;" + "\n".join(postgres_lines(admin, role, kind)),  # type: ignore[arg-type]
        name,
    )
    postgres.psql(f"ALTER ROLE \"{role}\" PASSWORD 'pw';")
    url = with_user(database, role, "pw")
    try:
        seen = readings(Context(postgres=Postgres(url=url), host=Host(enabled=False), **MAPPED))  # type: ignore[arg-type]
        assert set(seen) == {"crawler", "locks", "sync-data", "postgres-server"}
        assert [name for name, reading in seen.items() if not isinstance(reading, Fresh)] == []
        assert asyncio.run(discover(Context(postgres=Postgres(url=url)))).crawler == Crawler()
        refused = ["SELECT address FROM proxies", "SELECT * FROM users", "DELETE FROM catalog_tasks"]
        refused += [
            "INSERT INTO proxies (address) VALUES ('x')",
            "DELETE FROM proxies",
            "UPDATE proxies SET address = ''",
        ]
        refused += ["CREATE TABLE t (i int)", "DELETE FROM user_balances", "TRUNCATE dashboard_tasklock"]
        allowed = [
            "UPDATE proxies SET is_in_use = false, worker_id = NULL WHERE id = 1",
            "UPDATE catalog_tasks SET status = 'pending' WHERE id = 1",
            "LOCK TABLE object_tasks IN SHARE MODE",
            "DELETE FROM dashboard_tasklock",
        ]
        for statement in refused + (allowed if kind == "watcher" else []):
            with pytest.raises(LabError, match="permission denied"):
                postgres.psql(_as(role, statement), name)
        for statement in allowed if kind == "operator" else []:
            postgres.psql(_as(role, statement), name)
        assert "read-only transaction" in _said(
            postgres, name, f'SET ROLE "{role}"; {_limits(postgres, role)} DELETE FROM x'
        )
    finally:
        postgres.psql(f'DROP OWNED BY "{role}";', name)


def _as(role: str, statement: str) -> str:
    return (
        f'SET SESSION AUTHORIZATION "{role}"; SET default_transaction_read_only = off; BEGIN; {statement}; ROLLBACK;'
    )


def _limits(postgres: PostgresServer, role: str) -> str:
    """The settings that every login of the role begins with."""
    settings = postgres.psql(f"SELECT unnest(rolconfig) FROM pg_roles WHERE rolname = '{role}';").splitlines()
    assert "statement_timeout=3s" in settings
    return "".join(f"SET {name} = '{value}';" for name, _, value in (line.partition("=") for line in settings))


def _said(postgres: PostgresServer, database: str, statement: str) -> str:
    with pytest.raises(LabError) as caught:
        postgres.psql(
            "CREATE TEMP TABLE x (i int); DROP TABLE x;" + statement.replace("FROM x", "FROM proxies"), database
        )
    return str(caught.value)


@pytest.fixture
def acl_user(redis_server: RedisServer) -> Iterator[str]:
    name = "eye-" + secrets.token_hex(4)
    yield name
    redis_server.cli("ACL", "DELUSER", name)


def test_redis(redis_server: RedisServer, redis_url: str, acl_user: str) -> None:
    number = int(redis_url.rpartition("/")[2])
    mapped = Context(
        redis=Redis(url=Url(redis_url)),
        dramatiq=(Dramatiq(queues=("mail",)),),
        celery=(Celery(),),
        host=Host(enabled=False),
    )
    redis_server.cli("ZADD", "dramatiq:__heartbeats__", "1", "5f0c", db=number)
    redis_server.cli("RPUSH", "dramatiq:mail", "id", db=number)
    redis_server.cli("RPUSH", "celery\x06\x163", "{}", db=number)
    redis_server.cli("SET", "session:1", "private", db=number)
    line = next(line for line in redis_lines(mapped, acl_user) if line.startswith("ACL"))
    assert redis_server.cli(*line.split()) == "OK"
    assert redis_server.cli("ACL", "SETUSER", acl_user, ">pw") == "OK"
    url = with_user(redis_url, acl_user, "pw")
    seen = readings(
        Context(redis=Redis(url=url), dramatiq=mapped.dramatiq, celery=mapped.celery, host=Host(enabled=False))
    )
    assert set(seen) == {"dramatiq", "celery", "redis-server"}
    assert [reading for reading in seen.values() if not isinstance(reading, Fresh)] == []
    assert asyncio.run(discover(Context(redis=Redis(url=url)))).dramatiq[0].queues == ("mail",)
    for command in ("DEL dramatiq:mail", "LPUSH dramatiq:mail x", "SET a b", "KEYS *", "FLUSHALL", "CONFIG GET *"):
        assert redis_server.cli("ACL", "DRYRUN", acl_user, *command.split()) != "OK"
    for command in ("GET session:1", "EVAL 1 0", "CLIENT LIST", "SUBSCRIBE x", "MONITOR", "ACL LIST"):
        assert redis_server.cli("ACL", "DRYRUN", acl_user, *command.split()) != "OK"


def test_rabbitmq(vhost: Vhost) -> None:
    name = "eye-" + secrets.token_hex(4)
    server = vhost.server
    server.api("PUT", f"queues/{vhost.name}/mail", {"durable": True})
    mapped = RabbitMQ(vhosts=(vhost.name,))
    for line in rabbitmq_lines(Context(rabbitmq=mapped), name):
        words = shlex.split(line, comments=True)
        if words[1:2] == ["add_user"]:
            server.api("PUT", f"users/{name}", {"password": "pw", "tags": ""})
        elif words:
            server.ctl(*words[1:])
    try:
        management = with_user(vhost.management_url, name, "pw")
        watched = RabbitMQ(management_url=management, vhosts=(vhost.name,))
        (reading,) = readings(Context(rabbitmq=watched, host=Host(enabled=False))).values()
        assert isinstance(reading, Fresh)
        assert isinstance(reading.value, RabbitFacts)
        assert reading.value.connections is not None
        assert [queue.name for queue in reading.value.queues or ()] == ["mail"]
        amqp = RabbitMQ(url=with_user(vhost.amqp_url, name, "pw"), queues=("mail",))
        (declared,) = readings(Context(rabbitmq=amqp, host=Host(enabled=False))).values()
        assert isinstance(declared, Fresh)
        (rights,) = server.api("GET", f"users/{name}/permissions")
        assert (rights["configure"], rights["write"], rights["read"]) == ("^$", "^$", "^$")
    finally:
        server.api("DELETE", f"users/{name}")
