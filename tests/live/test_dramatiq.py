"""Dramatiq's Redis keys as its own library and workers write them."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from dramatiq import Message

from tests.lab.processes import wait_until
from tests.lab.servers import Redis
from tests.lab.workers import DramatiqWorker
from tests.live.looks import Watch, Watching, watches
from unstick import clock
from unstick.backends.redis import RedisConnection
from unstick.facts.dramatiq import DramatiqFacts, DramatiqProcess, DramatiqQueue
from unstick.facts.reading import Source, Stale
from unstick.pollers.dramatiq import DramatiqPoller
from unstick.pollers.redis_discovery import discover
from unstick.secret import Url
from unstick.settings import Dramatiq

# Its classes have no annotations that a strict checker could use.
RedisBroker: Any = importlib.import_module("dramatiq.brokers.redis").RedisBroker
SOURCE = Source("redis/dramatiq", "dramatiq", "redis", 1.0)


@pytest.fixture
def watching() -> Iterator[Watching[DramatiqFacts]]:
    yield from watches(
        lambda url, **settings: Watch[DramatiqFacts](url, DramatiqPoller(SOURCE, Dramatiq(**settings)), DramatiqFacts)
    )


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as connected:
        yield connected


def queue(facts: DramatiqFacts, name: str = "default") -> DramatiqQueue:
    return next(one for one in facts.queues if one.name == name)


def holder(facts: DramatiqFacts) -> DramatiqProcess:
    return next(one for one in facts.processes if one.held)


def enqueue(url: str, namespace: str, name: str, count: int = 1, delay: int | None = None) -> None:
    broker = RedisBroker(url=url, namespace=namespace)
    broker.declare_queue(name)
    for _ in range(count):
        broker.enqueue(Message(queue_name=name, actor_name="a", args=(), kwargs={}, options={}), delay=delay)
    broker.close()


def test_counts_are_those_of_dramatiq_and_of_redis(
    redis_url: str, client: Any, watching: Watching[DramatiqFacts]
) -> None:
    watch = watching(redis_url, queues=("idle",))
    with DramatiqWorker(redis_url, ["default", "reports", "later"], threads=2) as worker:
        worker.send("reports", "fail", count=3)
        worker.send("later", "sleep", 0, delay_ms=3_600_000, count=5)
        worker.send("default", "hang", count=2)
        wait_until(lambda: client.llen("dramatiq:default") == 0, 10, "the stall")
        worker.send("default", "sleep", 0, count=30)
        wait_until(lambda: client.zcard("dramatiq:reports.XQ") == 3, 20, "dead letters")
        wait_until(lambda: client.llen("dramatiq:default") == 28, 10, "the prefetch")
        facts = watch.look()
        broker = RedisBroker(url=redis_url)
        sizes = {name: broker.do_qsize(name) for name in ("default", "reports", "later", "later.DQ")}
        broker.close()
        assert queue(facts) == DramatiqQueue("default", 28, 4, 0, 0, queue(facts).oldest_at)
        assert queue(facts, "reports") == DramatiqQueue("reports", 0, 0, 0, 3)
        assert queue(facts, "later") == DramatiqQueue("later", 0, 0, 5, 0)
        assert queue(facts, "idle") == DramatiqQueue("idle", 0, 0, 0, 0)
        # Dramatiq's own size of a queue counts what waits and what is being worked on.
        assert sizes["default"] == 28 + 4
        assert (sizes["reports"], sizes["later.DQ"]) == (0, 5)
        head = json.loads(client.hget("dramatiq:default.msgs", client.lindex("dramatiq:default", 0)))
        assert queue(facts).oldest_at == head["message_timestamp"] / 1000
        assert (holder(facts).held, holder(facts).held_delayed) == (4, 5)
        assert holder(facts).beat_at == pytest.approx(facts.server_at, abs=2)
        assert facts.server_at == pytest.approx(clock.now(), abs=2)


def test_a_hung_worker_and_then_a_killed_one(redis_url: str, client: Any, watching: Watching[DramatiqFacts]) -> None:
    watch = watching(redis_url)
    with DramatiqWorker(redis_url, ["default"], threads=2) as worker:
        worker.send("default", "hang", count=12)
        first = watch.until(lambda facts: any(one.held == 4 and one.in_flight_mark for one in facts.processes))
        worker.send("default", "sleep", 0, count=5)
        later = watch.until(lambda facts: holder(facts).beat_at > holder(first).beat_at)
        assert holder(later).id == holder(first).id
        assert holder(later).in_flight_mark == holder(first).in_flight_mark
        assert (queue(first).ready, queue(later).ready) == (8, 13)
        assert queue(later).oldest_at == queue(first).oldest_at
        worker.kill()
        dead = watch.look()
        wait_until(lambda: clock.now() - dead.server_at > 1.5, 5, "the silence")
        later = watch.look()
        assert later.server_at > dead.server_at
        assert holder(later) == holder(dead)
        assert (holder(later).held, queue(later).in_flight) == (4, 4)


def test_an_acknowledged_message_changes_the_mark(redis_url: str, watching: Watching[DramatiqFacts]) -> None:
    watch = watching(redis_url)
    with DramatiqWorker(redis_url, ["default"], threads=1) as worker:
        worker.send("default", "sleep", 0.4, count=8)
        first = watch.until(lambda facts: any(one.in_flight_mark for one in facts.processes))
        mark = holder(first).in_flight_mark
        watch.until(lambda facts: any(one.in_flight_mark not in {mark, None} for one in facts.processes))
        done = watch.until(lambda facts: queue(facts).ready == queue(facts).in_flight == 0)
        assert [(one.held, one.in_flight_mark) for one in done.processes] == [(0, None)]


def test_what_maintenance_takes_from_a_dead_process_is_noticed(
    redis_url: str, client: Any, watching: Watching[DramatiqFacts]
) -> None:
    """The dead one's score stands still, but its messages go back to the queue."""
    client.zadd("dramatiq:__heartbeats__", {"dead-process": 1000})
    client.sadd("dramatiq:__acks__.dead-process.default", "m1")
    client.hset("dramatiq:default.msgs", "m1", "{}")
    watch = watching(redis_url)
    assert holder(watch.look()).id == "dead-process"
    broker = RedisBroker(url=redis_url, maintenance_chance=1_000_000)
    broker.do_qsize("default")
    broker.close()
    facts = watch.look()
    assert "dead-process" not in {one.id for one in facts.processes}
    assert (queue(facts).ready, queue(facts).in_flight) == (1, 0)


def test_namespaces_are_kept_apart(redis_url: str, watching: Watching[DramatiqFacts]) -> None:
    for namespace in ("shop", "shop*", "shop[1]"):
        enqueue(redis_url, namespace, "mail", count=len(namespace))
    for namespace in ("shop", "shop*", "shop[1]"):
        facts = watching(redis_url, namespace=namespace, name="n").look()
        assert facts.queues == (DramatiqQueue("mail", len(namespace), 0, 0, 0, queue(facts, "mail").oldest_at),)
        assert facts.process_count == 1
    found = asyncio.run(_discover(redis_url))
    assert [(one.namespace, one.queues) for one in found.dramatiq] == [
        ("shop", ("mail",)),
        ("shop*", ("mail",)),
        ("shop[1]", ("mail",)),
    ]


async def _discover(url: str) -> Any:
    connection = RedisConnection(Url(url))
    await connection.open()
    try:
        return await discover(connection)
    finally:
        await connection.close()


@pytest.mark.parametrize("name", ["почта", "two words", "a:b.c", "x" * 300, "e\x1b[31m", "{slot}", "q*"])
def test_odd_queue_names(redis_url: str, name: str, watching: Watching[DramatiqFacts]) -> None:
    enqueue(redis_url, "dramatiq", name, count=3)
    enqueue(redis_url, "dramatiq", name, delay=60_000)
    facts = watching(redis_url).look()
    assert [(one.ready, one.delayed) for one in facts.queues] == [(3, 1)]
    assert facts.queues[0].name == name.replace("\x1b", "^[")


def test_nobody_is_added_to_the_heartbeats(redis_url: str, client: Any, watching: Watching[DramatiqFacts]) -> None:
    enqueue(redis_url, "dramatiq", "mail")
    before = client.zrange("dramatiq:__heartbeats__", 0, -1, withscores=True)
    keys = sorted(client.keys("*"))
    watch = watching(redis_url)
    for _ in range(5):
        watch.look()
    assert client.zrange("dramatiq:__heartbeats__", 0, -1, withscores=True) == before
    assert sorted(client.keys("*")) == keys


def test_a_restarted_server_is_read_again(watching: Watching[DramatiqFacts]) -> None:
    with Redis() as server:
        enqueue(server.url, "dramatiq", "mail", count=7)
        watch = watching(server.url)
        assert queue(watch.look(), "mail").ready == 7
        server.cli("SAVE")
        server.kill()
        reading = watch.try_look()
        assert isinstance(reading, Stale)
        assert isinstance(reading.value, DramatiqFacts)
        assert queue(reading.value, "mail").ready == 7, "the last look stays, as stale"
        server.start()
        assert queue(watch.look(), "mail").ready == 7
