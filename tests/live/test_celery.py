"""Celery's Redis keys as its own library and workers write them."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from tests.lab.workers import CeleryWorker
from tests.live.looks import Watch, Watching, watches
from unstick import clock
from unstick.backends.redis import RedisConnection
from unstick.facts.celery import CeleryFacts, CeleryQueue
from unstick.facts.reading import Source
from unstick.pollers.celery import CeleryPoller
from unstick.pollers.redis_discovery import discover
from unstick.secret import Url
from unstick.settings import Celery

# Its classes have no annotations that a strict checker could use.
kombu: Any = importlib.import_module("kombu")
SOURCE = Source("redis/celery", "celery", "redis", 2.0)
STEPS = [0, 3, 6, 9]


@pytest.fixture
def watching() -> Iterator[Watching[CeleryFacts]]:
    yield from watches(
        lambda url, **settings: Watch[CeleryFacts](url, CeleryPoller(SOURCE, Celery(**settings)), CeleryFacts)
    )


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as connected:
        yield connected


def queue(facts: CeleryFacts, name: str) -> CeleryQueue:
    return next(one for one in facts.queues if one.name == name)


@pytest.mark.parametrize("prefix", ["", "shop:"])
def test_priorities_and_prefix(redis_url: str, client: Any, prefix: str, watching: Watching[CeleryFacts]) -> None:
    worker = CeleryWorker(redis_url, ["balance_sync"], prefix=prefix, priority_steps=STEPS)
    for priority, count in ((0, 4), (3, 3), (5, 2), (9, 1)):
        worker.send("add", 1, 1, priority=priority, count=count)
    facts = watching(redis_url, queues=(), key_prefix=prefix).look()
    assert facts.queues == (CeleryQueue("balance_sync", 10, ((0, 4), (3, 5), (6, 0), (9, 1)), 0),)
    raw = {step: client.llen(f"{prefix}balance_sync" + (f"\x06\x16{step}" if step else "")) for step in STEPS}
    assert facts.queues[0].by_priority == tuple(raw.items())
    options = {"global_keyprefix": prefix, "priority_steps": STEPS}
    with kombu.Connection(redis_url, transport_options=options) as connection:
        assert connection.default_channel._size("balance_sync") == facts.queues[0].ready
    other = watching(redis_url, queues=("balance_sync",), key_prefix="other:").look()
    assert other.queues == (CeleryQueue("balance_sync", 0, tuple((step, 0) for step in STEPS), 0),)
    worker.stop()


def test_in_flight_of_a_late_acknowledging_worker_and_after_its_death(
    redis_url: str, client: Any, watching: Watching[CeleryFacts]
) -> None:
    watch = watching(redis_url, queues=("default",), visibility_timeout_s=600.0)
    queues = ["default", "balance_sync"]
    with CeleryWorker(redis_url, queues, priority_steps=STEPS, concurrency=2) as worker:
        before = clock.now()
        worker.send("hang", queue="default")
        worker.send("hang", queue="balance_sync")
        watch.until(lambda facts: facts.unacked == 2)
        worker.send("add", 1, 1, queue="default", count=6)
        facts = watch.look()
        assert (client.llen("default"), client.hlen("unacked")) == (6, 2)
        assert (queue(facts, "default").ready, facts.unacked) == (6, 2)
        assert {one.name: one.in_flight for one in facts.queues} == {"default": 1, "balance_sync": 1}
        assert facts.unacked_oldest_at is not None
        assert before - 1 <= facts.unacked_oldest_at <= facts.server_at + 1
        worker.kill()
        dead = watch.look()
        assert (dead.unacked, dead.unacked_oldest_at) == (facts.unacked, facts.unacked_oldest_at)
        assert dead.visibility_timeout_s == 600.0
    assert [one.name for one in watch.look().queues] == ["default", "balance_sync"], (
        "none of remote control or events"
    )


def test_deliveries_end(redis_url: str, watching: Watching[CeleryFacts]) -> None:
    watch = watching(redis_url, queues=("default",))
    with CeleryWorker(redis_url, ["default"]) as worker:
        worker.send("sleep", 0.5)
        watch.until(lambda facts: queue(facts, "default").in_flight == 1)
        done = watch.until(lambda facts: facts.unacked == 0)
        assert (queue(done, "default").in_flight, done.unacked_oldest_at) == (0, None)


def test_exchanges_that_name_queues_otherwise(redis_url: str, watching: Watching[CeleryFacts]) -> None:
    """A queue bound to an exchange by a routing key that is not its name."""
    work = kombu.Exchange("work", type="direct")
    odd = [kombu.Queue("почта", work, routing_key="mail"), kombu.Queue("two words", work, routing_key="words")]
    with kombu.Connection(redis_url) as connection, connection.channel() as channel:
        for one in odd:
            one(channel).declare()
        producer = kombu.Producer(channel, exchange=work)
        for key, count in (("mail", 3), ("words", 2)):
            for _ in range(count):
                producer.publish({"x": 1}, routing_key=key)
        held = [odd[0](channel).get(), odd[0](channel).get(), odd[1](channel).get()]
        assert None not in held
        facts = watching(redis_url, queues=()).look()
        assert {one.name: (one.ready, one.in_flight) for one in facts.queues} == {
            "почта": (1, 2),
            "two words": (1, 1),
        }
        assert facts.unacked == 3
        for message in held:
            message.ack()


def test_discovery(redis_url: str) -> None:
    for prefix, name in (("", "default"), ("shop:", "mail")):
        worker = CeleryWorker(redis_url, [name], prefix=prefix)
        worker.send("add", 1, 1)
        worker.stop()

    async def run() -> Any:
        connection = RedisConnection(Url(redis_url))
        await connection.open()
        try:
            return await discover(connection)
        finally:
            await connection.close()

    found = asyncio.run(run())
    assert [(one.key_prefix, one.queues) for one in found.celery] == [("", ("default",)), ("shop:", ("mail",))]
    assert (found.dramatiq, found.complete) == ((), True)
