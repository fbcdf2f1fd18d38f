"""While the board runs, the servers see reads and nothing else."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.lab.servers import Postgres, Rabbit, Redis
from tests.live.stack import Urls, Watch, standing, until, watching
from unstick.backends.redis_reads import READ_COMMANDS

SECONDS = 8.0
_COMMAND = re.compile(r'^\S+ \[(\d+) (\S+)\] "([^"]+)"')


@dataclass
class Seen:
    """What the servers noted of one watch."""

    fresh: bool
    written: list[str]
    commands: list[str]
    keys: tuple[str, str]
    names: tuple[list[str], list[str]]
    published: int
    connections: dict[str, int]
    channels: tuple[int, int]


@pytest.fixture(scope="module")
def seen(postgres: Postgres, seeded: str, redis_server: Redis, rabbit: Rabbit) -> Iterator[Seen]:
    with standing(postgres, seeded, redis_server, rabbit) as urls:
        yield asyncio.run(watched(urls, postgres, redis_server, rabbit))


def names(rabbit: Rabbit) -> list[str]:
    """Every queue and exchange of the broker."""
    return sorted(
        f"{kind}:{thing['vhost']}:{thing['name']}"
        for kind in ("queues", "exchanges")
        for thing in rabbit.api("GET", kind)
    )


def publishes(rabbit: Rabbit) -> int:
    """Messages that the broker has been given since it started."""
    return int((rabbit.api("GET", "overview").get("message_stats") or {}).get("publish", 0))


async def watched(urls: Urls, postgres: Postgres, redis_server: Redis, rabbit: Rabbit) -> Seen:
    before, database = names(rabbit), int(urls.redis.rpartition("/")[2])
    keys = redis_server.cli("KEYS", "*", db=database)
    logged = len(postgres.logged("unstick"))
    published, channels_before = publishes(rabbit), len(rabbit.api("GET", "channels"))
    with redis_server.monitor() as lines:
        async with Watch(watching(urls)) as watch:
            fresh = await until(watch.fresh, 30.0) is not None
            await asyncio.sleep(SECONDS)
            connections = {
                "postgres": int(
                    postgres.psql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'unstick'")
                ),
                "redis": redis_server.cli("CLIENT", "LIST").count("name=unstick"),
                "rabbitmq": sum(
                    (c.get("user_provided_name") or "").startswith("unstick")
                    for c in rabbit.api("GET", "connections")
                ),
            }
            channels = len(rabbit.api("GET", "channels"))
    commands = [m[3].upper() for line in lines if (m := _COMMAND.match(line)) and int(m[1]) == database]
    return Seen(
        fresh,
        [statement.text for statement in postgres.logged("unstick")[logged:]],
        commands,
        (keys, redis_server.cli("KEYS", "*", db=database)),
        (before, names(rabbit)),
        publishes(rabbit) - published,
        connections,
        (channels_before, channels),
    )


def test_everything_was_looked_at(seen: Seen) -> None:
    assert seen.fresh
    assert len(seen.commands) > 20


def test_postgresql_logged_no_statement_that_changes_anything(seen: Seen) -> None:
    assert seen.written == []


def test_redis_saw_only_reads_that_are_on_the_list(seen: Seen) -> None:
    ours = set(seen.commands) - {"KEYS", "MONITOR"}
    assert ours <= {command.split("|")[0].upper() for command in READ_COMMANDS} | {
        "HELLO",
        "SELECT",
        "CLIENT",
        "AUTH",
    }


def test_nothing_was_left_behind(seen: Seen) -> None:
    assert sorted(seen.keys[0].split()) == sorted(seen.keys[1].split())
    assert seen.names[0] == seen.names[1]


def test_rabbitmq_saw_no_publish_and_no_connection(seen: Seen) -> None:
    assert seen.published == 0
    assert seen.channels[0] == seen.channels[1]


def test_connections_are_those_that_the_readme_states(seen: Seen) -> None:
    assert seen.connections == {"postgres": 2, "redis": 2, "rabbitmq": 0}
