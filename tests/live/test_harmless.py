"""The board runs over the whole stack, with real job keys in it; no server can tell afterwards that it was there."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import pytest
import redis

from tests.lab.processes import wait_until
from tests.lab.servers import LoggedStatement, Postgres, Rabbit, Redis
from tests.lab.workers import CeleryWorker, DramatiqWorker
from tests.live.stack import (
    BROKER_QUEUES,
    CELERY_QUEUE,
    DRAMATIQ_QUEUE,
    HttpWorker,
    Urls,
    Watch,
    sockets_to,
    standing,
    until,
    watching,
)
from unstick import settings
from unstick.backends.http import SOCKETS
from unstick.backends.redis_reads import READ_COMMANDS
from unstick.secret import Url

WATCHED_S = 15.0
STATISTICS_S = 6.0
"""The broker counts what happened every five seconds."""
CONNECTING = {("HELLO",), ("SELECT",), ("CLIENT", "SETNAME"), ("CLIENT", "SETINFO")}
LISTENING = {("PSUBSCRIBE",), ("SUBSCRIBE",), ("PING",)}
MOST = {"postgres": 3, "redis": 4, "management": 1, "amqp": 1, "worker": 4 * SOCKETS}
"""Connections to each server: one, one more for the drift sample; the worker is three sources and a dependency. A
second context, of the systems beside the queues, has one more to each database, and one for Celery's events."""


@dataclass
class Evidence:
    """What the servers said before, meanwhile and after."""

    before: dict[str, object] = field(default_factory=dict)
    after: dict[str, object] = field(default_factory=dict)
    watched: set[str] = field(default_factory=set)
    """Sources that answered."""
    statements: list[LoggedStatement] = field(default_factory=list)
    monitor: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    most: Counter[str] = field(default_factory=Counter)
    """The highest number of connections to each server at any time."""
    channels: list[int] = field(default_factory=list)
    """Of each connection to the broker that calls itself unstick."""


def state(urls: Urls, postgres: Postgres, rabbit: Rabbit) -> dict[str, object]:
    """Everything in the stack that a writer would change."""
    vhost = urlsplit(urls.amqp).path[1:]
    counters = "SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables ORDER BY 1;"
    queues = rabbit.api("GET", f"queues/{vhost}?disable_stats=true&enable_queue_totals=true")
    overview = rabbit.api("GET", "overview")
    with redis.Redis.from_url(urls.redis) as client:
        keys = {key: (client.dump(key), client.ttl(key)) for key in sorted(client.keys())}
    return {
        "rows": postgres.psql(counters, urlsplit(urls.postgres).path[1:]),
        "keys": keys,
        "queues": [(queue["name"], queue["messages"]) for queue in queues],
        "exchanges": [exchange["name"] for exchange in rabbit.api("GET", f"exchanges/{vhost}")],
        "bindings": len(rabbit.api("GET", f"bindings/{vhost}")),
        "published": overview["message_stats"].get("publish", 0),
        "queue churn": [overview["churn_rates"].get(f"queue_{verb}") for verb in ("declared", "created", "deleted")],
    }


def work(urls: Urls, rabbit: Rabbit) -> None:
    """Real workers of both systems, killed with a task in hand: their keys and queues stay."""
    for queue in BROKER_QUEUES:
        rabbit.api("DELETE", f"queues{urlsplit(urls.amqp).path}/{queue}")
    with contextlib.ExitStack() as stack, redis.Redis.from_url(urls.redis) as client:
        client.flushdb()
        client.mset({f"balance:{user}": "1.00" for user in range(1, 50)})
        jobs = DramatiqWorker(urls.redis, [DRAMATIQ_QUEUE])
        sync = CeleryWorker(urls.redis, [CELERY_QUEUE])
        exports = DramatiqWorker(urls.amqp, ["exports"])
        workers = (jobs, sync, exports)
        with ThreadPoolExecutor(len(workers)) as threads:
            list(threads.map(stack.enter_context, workers))
        jobs.send(DRAMATIQ_QUEUE, "hang", count=3)
        sync.send("hang", count=3)
        exports.send("exports", "hang", count=3)
        wait_until(lambda: client.hlen("unacked") > 0 and any(client.keys("dramatiq:__acks__.*")), 15, "a task")
        for worker in workers:
            worker.kill()


async def watch(urls: Urls, rabbit: Rabbit, evidence: Evidence) -> None:
    by_amqp = settings.RabbitMQ(url=Url(urls.amqp), queues=BROKER_QUEUES)
    queues = settings.Context(rabbitmq=by_amqp, host=settings.Host(enabled=False), intervals=settings.FLOORS)

    beside = settings.Context(
        postgres=settings.Postgres(Url(urls.postgres)),
        redis=settings.Redis(Url(urls.redis)),
        celery=(settings.Celery(name="heard", queues=(CELERY_QUEUE,), events="tasks", redbeat=True),),
        dependency=(settings.Dependency(name="worker", url=Url(f"{urls.worker}/health")),),
        probe=(
            settings.Probe(name="waiting", redis=("LLEN", CELERY_QUEUE)),
            settings.Probe(name="proxies", sql="SELECT count(*) FROM proxies"),
        ),
        host=settings.Host(enabled=False),
        intervals=settings.FLOORS,
    )
    ours = {name: sockets_to(url) for name, url in vars(urls).items()}  # MONITOR holds one

    def count() -> bool:
        for name, url in vars(urls).items():
            evidence.most[name] = max(evidence.most[name], sockets_to(url) - ours[name])
        return False

    async with Watch(watching(urls)) as whole, Watch(queues) as other, Watch(beside) as more:
        assert await until(lambda: whole.fresh() and other.fresh() and more.fresh(), 60.0) is not None
        evidence.watched = set(whole.states) | set(more.states)
        await until(count, WATCHED_S)
        listed = await asyncio.to_thread(rabbit.ctl, "list_connections", "channels", "client_properties")
        evidence.channels = [int(line.split()[0]) for line in listed.splitlines() if '"unstick"' in line]


@pytest.fixture(scope="module")
def evidence(postgres: Postgres, seeded: str, redis_server: Redis, rabbit: Rabbit) -> Iterator[Evidence]:
    async def settle() -> None:
        await asyncio.sleep(STATISTICS_S)

    found = Evidence()
    with standing(postgres, seeded, redis_server, rabbit) as stack, HttpWorker() as worker:
        urls = replace(stack, worker=worker.url)
        work(urls, rabbit)
        asyncio.run(settle())
        found.before = state(urls, postgres, rabbit)
        logged = len(postgres.logged("unstick"))
        with redis_server.monitor() as found.monitor:
            asyncio.run(watch(urls, rabbit, found))
        asyncio.run(settle())
        found.after = state(urls, postgres, rabbit)
        found.statements = postgres.logged("unstick")[logged:]
        found.asked = worker.asked
        yield found


def commands(monitor: list[str]) -> Iterator[tuple[str, ...]]:
    """What was sent by connections that called themselves unstick: lines like ``1.5 [3 127.0.0.1:5] "GET" "a"``."""
    lines = [(line.partition("]")[0].split()[-1], line.partition("] ")[2]) for line in monitor]
    own = {address for address, said in lines if said.upper().startswith('"CLIENT" "SETNAME" "UNSTICK"')}
    for address, said in lines:
        if address in own:
            yield tuple(word.upper() for word in shlex.split(said))


def test_everything_was_watched(evidence: Evidence) -> None:
    kinds = {source.partition(":")[0] for source in evidence.watched}
    assert kinds >= {"dramatiq", "celery", "crawler", "locks", "sync", "sync-data", "rabbitmq", "health"}
    assert kinds >= {"celery-events", "beat", "dependency", "probe", "postgres-server", "redis-server"}
    assert any(key.startswith(b"dramatiq:__acks__") for key in evidence.before["keys"])  # type: ignore[attr-defined]


def test_every_server_is_as_it_was(evidence: Evidence) -> None:
    assert evidence.after == evidence.before


def test_postgresql_logged_no_statement_that_changes_something(evidence: Evidence) -> None:
    assert evidence.statements == []


def test_redis_was_only_read(evidence: Evidence) -> None:
    said = list(commands(evidence.monitor))
    assert {words[0] for words in said} >= {"TIME", "LLEN", "SCAN", "HGET", "MGET", "ZREVRANGE"}
    others = {words for words in said if words[0] not in READ_COMMANDS}
    assert {words[:1] if words[0] != "CLIENT" else words[:2] for words in others} <= CONNECTING | LISTENING


def test_the_worker_was_only_asked(evidence: Evidence) -> None:
    assert evidence.asked
    assert all(line.startswith("GET ") for line in evidence.asked)


@pytest.mark.parametrize("server", MOST)
def test_few_connections_are_held(evidence: Evidence, server: str) -> None:
    assert 1 <= evidence.most[server] <= MOST[server]


def test_the_broker_holds_one_channel_on_one_connection(evidence: Evidence) -> None:
    assert evidence.channels == [1]
