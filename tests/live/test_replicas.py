"""Replicas that really stream: PostgreSQL's by both ends, Redis's by both ends, while they follow and while they do not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial

import pytest

from tests.lab.servers import Postgres, PostgresStandby, Redis
from tests.live.stack import Watch
from tests.live.systems import finding, numbers, row, seen, title, value_of, watching_only
from unstick import settings
from unstick.facts.servers import PostgresServerFacts, RedisServerFacts
from unstick.secret import Url
from unstick.settings import Thresholds

pytestmark = pytest.mark.usefixtures("hasty")
SERVER = "postgres-server"
watched = partial(watching_only, servers=settings.Servers(), thresholds=Thresholds(replica_lag_s=1.0))


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Postgres, Postgres]]:
    with Postgres(standbys=1) as primary, PostgresStandby(primary) as standby:
        primary.psql("CREATE TABLE written (at timestamptz);")
        yield primary, standby


def write(primary: Postgres) -> None:
    primary.psql("INSERT INTO written VALUES (now());")


def facts_of(watch: Watch) -> PostgresServerFacts:
    facts = value_of(watch, SERVER)
    assert isinstance(facts, PostgresServerFacts)
    return facts


def test_a_standby_that_stops_to_replay_falls_behind_at_both_ends(pair: tuple[Postgres, Postgres]) -> None:
    primary, standby = pair

    async def run() -> None:
        here = watched(postgres=settings.Postgres(Url(primary.url)))
        there = watched(postgres=settings.Postgres(Url(standby.url)))
        async with Watch(here) as first, Watch(there) as second:
            await seen(lambda: row(first, SERVER) is not None and row(second, SERVER) is not None, "both")
            (told,) = facts_of(first).standbys
            true = await asyncio.to_thread(primary.psql, "SELECT application_name, state FROM pg_stat_replication;")
            assert [told.name, told.state] == true.split("|") == ["standby", "streaming"]
            assert (facts_of(first).standby, facts_of(second).standby) == (False, True)
            await seen(lambda: numbers(second, SERVER)["replay_lag_seconds"] == 0, "level")
            assert finding(first, f"{SERVER}:standby:standby") is None
            await asyncio.to_thread(standby.psql, "SELECT pg_wal_replay_pause();")
            await fallen(first, second)
            await asyncio.to_thread(standby.psql, "SELECT pg_wal_replay_resume();")
            await seen(lambda: numbers(second, SERVER)["replay_lag_seconds"] == 0, "level again")
            await seen(lambda: finding(second, f"{SERVER}:replay") is None, "mended")
            await seen(lambda: finding(first, f"{SERVER}:standby:standby") is None, "mended at the primary")

    async def fallen(first: Watch, second: Watch) -> None:
        def behind() -> bool:
            write(primary)
            return finding(second, f"{SERVER}:replay") is not None

        await seen(behind, "behind")
        assert title(second, f"{SERVER}:replay").startswith(f"{SERVER}: this standby is ")
        lag = "SELECT pg_current_wal_lsn() - replay_lsn FROM pg_stat_replication;"
        true = int(await asyncio.to_thread(primary.psql, lag))
        await seen(lambda: facts_of(first).standbys[0].lag_bytes == true > 0, "so many bytes")
        await seen(lambda: finding(first, f"{SERVER}:standby:standby") is not None, "told at the primary")

    asyncio.run(run())


def test_a_standby_that_is_gone_is_listed_no_more(pair: tuple[Postgres, Postgres]) -> None:
    primary, standby = pair

    async def run() -> None:
        async with Watch(watched(postgres=settings.Postgres(Url(primary.url)))) as watch:
            await seen(lambda: row(watch, SERVER) is not None and len(facts_of(watch).standbys) == 1, "there")
            await asyncio.to_thread(standby.halt)
            await seen(lambda: facts_of(watch).standbys == (), "gone")
            await asyncio.to_thread(standby.start)
            await seen(lambda: len(facts_of(watch).standbys) == 1, "back")

    asyncio.run(run())


def test_a_replica_of_redis_and_one_that_lost_its_master() -> None:
    async def run(master: Redis, replica: Redis) -> None:
        here = watched(redis=settings.Redis(Url(master.url)))
        there = watched(redis=settings.Redis(Url(replica.url)))
        async with Watch(here) as first, Watch(there) as second:
            await seen(lambda: bool(replicas(first)), "a replica")
            ((name, lag_s),) = replicas(first)
            assert name.endswith(f":{replica.port}")
            assert lag_s is not None
            await seen(lambda: bool(row(second, "redis-server")) and facts(second).link_up is True, "its master")
            assert finding(second, "redis-server:link") is None
            replica.pause()
            await seen(lambda: finding(first, f"redis-server:replica:{name}") is not None, "late")
            replica.resume()
            await asyncio.to_thread(master.kill)
            await seen(lambda: "has lost its master" in title(second, "redis-server:link"), "lost")
            await asyncio.to_thread(master.start)
            await seen(lambda: finding(second, "redis-server:link") is None, "found again")

    def facts(watch: Watch) -> RedisServerFacts:
        value = value_of(watch, "redis-server")
        assert isinstance(value, RedisServerFacts)
        return value

    def replicas(watch: Watch) -> tuple[tuple[str, float | None], ...]:
        return facts(watch).replicas if row(watch, "redis-server") else ()

    with Redis() as master, Redis() as replica:
        replica.cli("REPLICAOF", "127.0.0.1", str(master.port))
        master.cli("CONFIG", "SET", "repl-ping-replica-period", "1")
        asyncio.run(run(master, replica))
