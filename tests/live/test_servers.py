"""The PostgreSQL and Redis servers themselves, while they run out of what they have."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from functools import partial
from urllib.parse import urlsplit

import asyncpg
import pytest
import redis

from tests.lab.servers import Postgres, Redis
from tests.live.stack import Watch
from tests.live.systems import finding, numbers, row, seen, title, value_of, watching_only
from unstick import settings
from unstick.facts.level import Level
from unstick.facts.servers import PostgresServerFacts
from unstick.secret import Url
from unstick.settings import Context, Crawler

pytestmark = pytest.mark.usefixtures("hasty")
watched = partial(watching_only, servers=settings.Servers())


@contextlib.asynccontextmanager
async def sessions(url: str, application: str, count: int) -> AsyncIterator[list[asyncpg.Connection[asyncpg.Record]]]:
    """So many connections of one application, closed at the end."""
    async with contextlib.AsyncExitStack() as stack:
        links = []
        for _ in range(count):
            link = await asyncpg.connect(url, server_settings={"application_name": application})
            stack.push_async_callback(link.close)
            links.append(link)
        yield links


async def facts_of(context: Context) -> PostgresServerFacts:
    """What one look at PostgreSQL says."""
    async with Watch(context) as watch:
        await seen(lambda: row(watch, "postgres-server") is not None, "a row")
        facts = value_of(watch, "postgres-server")
    assert isinstance(facts, PostgresServerFacts)
    return facts


def test_connections_by_application_and_state(postgres: Postgres, database: str) -> None:
    async def run() -> tuple[PostgresServerFacts, str]:
        odd = sessions(database, "cron [bold]\x1b", 1)
        async with sessions(database, "web", 3) as web, odd, web[0].transaction():
            facts = await facts_of(watched(postgres=settings.Postgres(Url(database))))
            counted = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend';"
            return facts, await asyncio.to_thread(postgres.psql, counted)

    facts, counted = asyncio.run(run())
    groups = {(each.application, each.state): each.count for each in facts.sessions}
    assert groups["web", "idle"] == 2
    assert groups["web", "idle in transaction"] == 1
    assert groups["cron [bold]?", "idle"] == 1, "PostgreSQL itself replaces what is no ASCII"
    assert groups["unstick", "active"] == 1
    assert abs(facts.connections - int(counted)) <= 1, "psql counts itself, the board has left"
    assert facts.max_connections == 100
    assert facts.reserved == int(postgres.psql("SHOW superuser_reserved_connections;"))
    assert facts.oldest is not None
    assert (facts.oldest.application, facts.oldest.state) == ("web", "idle in transaction")
    assert facts.sees_all


def test_a_role_without_rights_counts_what_it_cannot_see(postgres: Postgres, database: str) -> None:
    role, name = f"watcher_{secrets.token_hex(3)}", urlsplit(database).path[1:]
    postgres.psql(f"CREATE ROLE {role} LOGIN PASSWORD 'x';")
    url = urlsplit(database)._replace(netloc=f"{role}:x@127.0.0.1:{postgres.port}").geturl()

    async def run() -> PostgresServerFacts:
        async with sessions(database, "web", 2) as web, web[0].transaction():
            return await facts_of(watched(postgres=settings.Postgres(Url(url))))

    facts = asyncio.run(run())
    assert not facts.sees_all
    assert {each.state for each in facts.sessions if each.application == "web"} == {None}
    assert sum(each.count for each in facts.sessions if each.application == "web") == 2
    assert facts.oldest is None or facts.oldest.application == "unstick"
    postgres.psql(f"DROP ROLE {role};", name)


def test_who_waits_and_who_holds_it_up(postgres: Postgres, database: str) -> None:
    limits = settings.Thresholds(blocked_s=0.5)
    context = watched(postgres=settings.Postgres(Url(database)), crawler=Crawler(), thresholds=limits)
    change = "UPDATE proxies SET worker_id = worker_id WHERE id = (SELECT min(id) FROM proxies)"

    async def run() -> tuple[str, dict[str, float | None]]:
        async with sessions(database, "importer", 1) as (holder,), sessions(database, "crawler", 3) as waiters:
            async with holder.transaction():
                await holder.execute(change)
                waiting = [asyncio.ensure_future(link.execute(change)) for link in waiters]
                async with Watch(context) as watch:
                    name = "postgres-server:blocked"
                    await seen(lambda: "3 sessions wait" in title(watch, name), name)
                    found = title(watch, name), numbers(watch, "postgres-server")
            await asyncio.gather(*waiting)
        return found

    told, counts = asyncio.run(run())
    assert told.startswith("postgres-server: 3 sessions wait for locks, the longest ")
    assert "(proxies 3): held up by importer (pid " in told
    assert ", idle in transaction, its transaction open for " in told
    assert counts["waiting_sessions"] == 3


def test_a_server_that_runs_out_of_connections() -> None:
    async def run(url: str) -> None:
        context = watched(postgres=settings.Postgres(Url(url)))
        async with sessions(url, "web", 13), Watch(context) as watch:
            await seen(lambda: finding(watch, "postgres-server:connections") is not None, "a warning")
            first = finding(watch, "postgres-server:connections")
            assert first is not None
            assert first.level is Level.WARNING
            assert first.title.startswith("postgres-server: too many connections are coming: ")
            assert "; web 13, " in first.title
            # Superusers may take the places that are kept for them: the lab's user is one.
            async with sessions(url, "storm", 6):
                await seen(lambda: "out of connections" in title(watch, first.id), "all taken")
                assert finding(watch, first.id).level is Level.CRITICAL  # type: ignore[union-attr]
                async with Watch(context) as late:
                    await seen(lambda: late.board is not None and bool(late.board.findings), "the one that came late")
                    assert late.board is not None
                    assert "too many " in late.board.findings[0].title
            await seen(lambda: "out of connections" not in title(watch, first.id), "room again")

    with Postgres(max_connections=20) as server:
        asyncio.run(run(server.url))


def test_a_redis_at_its_limit_refuses_then_evicts() -> None:
    async def run(server: Redis) -> None:
        url = server.database_url(1)
        context = watched(
            redis=settings.Redis(Url(url)),
            celery=(settings.Celery(results_url=Url(server.database_url(2))),),
            thresholds=settings.Thresholds(endless_results=3),
        )
        with redis.Redis.from_url(url) as client, redis.Redis.from_url(server.database_url(2)) as results:
            results.mset({f"celery-task-meta-{n}": "{}" for n in range(5)})
            results.set("celery-task-meta-x", "{}", ex=600)
            client.config_set("maxmemory", client.info()["used_memory"] + 2_000_000)
            async with Watch(context) as watch:
                await seen(lambda: row(watch, "redis-server") is not None, "a calm server")
                told = finding(watch, "redis-server:results:2")
                assert told is not None
                assert told.title == "redis-server: 5 results in db2 never expire"
                fill(client)
                await seen(lambda: finding(watch, "redis-server:memory") is not None, "full")
                full = finding(watch, "redis-server:memory")
                assert full is not None
                assert full.level is Level.CRITICAL
                assert "refuses every write" in full.title
                client.config_set("maxmemory-policy", "allkeys-lru")
                await seen(lambda: evicting(client, watch), "evictions")
                evicts = finding(watch, "redis-server:evicts")
                assert evicts is not None
                assert "queues among them" in evicts.title
                told_numbers = numbers(watch, "redis-server")
                assert told_numbers["memory_limit_bytes"] == int(client.config_get("maxmemory")["maxmemory"])
                assert told_numbers["evicted_keys_total"] > 0  # type: ignore[operator]

    with Redis() as server:
        asyncio.run(run(server))


def fill(client: redis.Redis) -> None:
    """Writes until the server refuses."""
    with contextlib.suppress(redis.exceptions.OutOfMemoryError):
        for n in range(5000):
            client.set(f"fill:{n}", b"x" * 10_000)
        pytest.fail("it never refused")


def evicting(client: redis.Redis, watch: Watch) -> bool:
    client.mset({f"more:{secrets.token_hex(4)}": b"x" * 1000 for _ in range(20)})
    return finding(watch, "redis-server:evicts") is not None


def test_a_replica_that_lost_its_master(redis_server: Redis, redis_url: str) -> None:
    async def run(replica: Redis) -> None:
        context = watched(redis=settings.Redis(Url(replica.url)))
        async with Watch(context) as watch:
            await seen(lambda: getattr(row(watch, "redis-server"), "note", "") != "", "a row")
            await asyncio.to_thread(replica.cli, "REPLICAOF", "127.0.0.1", "1")
            await seen(lambda: finding(watch, "redis-server:link") is not None, "a lost master")
            assert finding(watch, "redis-server:link").level is Level.CRITICAL  # type: ignore[union-attr]

    with Redis() as replica:
        asyncio.run(run(replica))
