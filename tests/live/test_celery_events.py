"""Celery's workers and beat while they work, are killed, say goodbye, hang, and have nothing to fire."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from tests.lab.fixtures import Vhost
from tests.lab.servers import Redis
from tests.lab.workers import CeleryBeat, CeleryWorker, Worker
from tests.live.brokers import add_user, as_user
from tests.live.stack import Watch
from tests.live.systems import finding, numbers, row, seen, title, value_of, watching_only
from unstick.backends.base import BackendError
from unstick.board import celery_workers
from unstick.board.worker import Worker as Told
from unstick.facts.celery_events import CeleryEventsFacts
from unstick.facts.level import Level
from unstick.facts.reading import TroubleKind
from unstick.pollers.celery_look import look_at
from unstick.secret import Url
from unstick.settings import Celery, Context, Thresholds

pytestmark = pytest.mark.usefixtures("hasty")
EVENTS = "celery-events:celery"


def of(url: str, **options: Any) -> Context:
    entry = Celery(url=Url(url), queues=("default", "other"), **options)
    return watching_only(celery=(entry,), thresholds=Thresholds(stall_s=1.0, beat_late_s=2.0))


def evidence(watch: Watch, name: str) -> list[str]:
    told = finding(watch, name)
    return [each.text for each in told.evidence] if told else []


def started(*workers: Worker) -> contextlib.ExitStack:
    """All of them started side by side."""
    with contextlib.ExitStack() as stack:
        with ThreadPoolExecutor(len(workers)) as threads:
            list(threads.map(stack.enter_context, workers))
        return stack.pop_all()


def worker(watch: Watch, name: str) -> Told | None:
    found = watch.board.subjects.workers if watch.board else None
    return found.find(name) if found else None


def life(watch: Watch, name: str) -> str | None:
    told = worker(watch, name)
    return told.life if told else None


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two heartbeats missed are enough for a test that waits for a death."""
    monkeypatch.setattr(celery_workers, "BEATS_MISSED", 2)
    monkeypatch.setattr(celery_workers, "SILENT_S", 4.0)


@pytest.mark.usefixtures("impatient")
def test_workers_on_redis_work_hang_say_goodbye_and_are_killed(redis_url: str) -> None:
    prefix = "shop:"
    one = CeleryWorker(redis_url, ["default"], prefix=prefix, concurrency=2, name="one", events=True)
    two = CeleryWorker(redis_url, ["other"], prefix=prefix, name="two")

    async def run() -> None:
        async with Watch(of(redis_url, key_prefix=prefix, events="tasks")) as watch:
            await seen(lambda: life(watch, "one@lab") == life(watch, "two@lab") == "alive", "both alive")
            await asyncio.to_thread(one.send, "add", 1, 2, count=3)
            await asyncio.to_thread(one.send, "fail")
            await seen(lambda: done(watch) == {"lab.add": (3, 0), "lab.fail": (0, 1)}, "what they did")
            await seen(lambda: node(watch, "one@lab").processed == 4, "four done")
            assert node(watch, "one@lab").version is not None
            assert node(watch, "two@lab").processed == 0
            assert await look(one) == (2, 2, 4, [])
            await asyncio.to_thread(one.send, "hang", count=4)
            await seen(lambda: life(watch, "one@lab") == "stalled", "a worker that finishes nothing")
            told = worker(watch, "one@lab")
            assert told is not None
            assert (told.kind, told.level, told.holds.tasks) == ("celery", Level.CRITICAL, 2)
            assert (await look(one))[3] == ["lab.hang", "lab.hang"]
            await asyncio.to_thread(two.stop)
            await seen(lambda: life(watch, "two@lab") == "left", "a goodbye")
            one.kill()
            await seen(lambda: life(watch, "one@lab") == "dead", "a dead worker")
            assert "worker one@lab is dead: silent, had 2 tasks in hand" in [f.title for f in watch.board.findings]  # type: ignore[union-attr]
            assert numbers(watch, EVENTS)["workers"] == 0

    async def look(asked: CeleryWorker) -> tuple[int | None, int | None, int | None, list[str]]:
        told = await look_at(Celery(key_prefix=prefix), Url(redis_url), asked.hostname)
        return told.concurrency, told.prefetch, told.done, [task.name for task in told.active]

    with redis.Redis.from_url(redis_url) as client, started(one, two):
        keys = set(client.keys())
        asyncio.run(run())
        assert [each for each in client.client_list() if each["name"] == "unstick"] == []
        left = {key for key in set(client.keys()) - keys if b"reply" in key or b"unstick" in key}
        assert left == set()
        assert not client.smembers(f"{prefix}_kombu.binding.reply.celery.pidbox")


def done(watch: Watch) -> dict[str, tuple[int, int]]:
    facts: CeleryEventsFacts | None = value_of(watch, EVENTS)
    return {task.name: (task.succeeded, task.failed) for task in facts.tasks} if facts else {}


def node(watch: Watch, name: str) -> Any:
    facts: CeleryEventsFacts | None = value_of(watch, EVENTS)
    return next((node for node in facts.nodes if node.hostname == name), None) if facts else None


def test_workers_on_rabbitmq_and_nothing_left_behind(vhost: Vhost) -> None:
    asked = CeleryWorker(vhost.amqp_url, ["default"], name="rabbit", concurrency=2)

    def queues() -> set[str]:
        return {queue["name"] for queue in vhost.server.api("GET", f"queues/{vhost.name}")}

    async def run() -> None:
        async with Watch(of(vhost.amqp_url, events="workers")) as watch:
            await seen(lambda: life(watch, "rabbit@lab") == "alive", "a heartbeat")
            own = {name for name in await asyncio.to_thread(queues) if name.startswith("celeryev.unstick.")}
            assert len(own) == 1
            told = await look_at(Celery(), Url(vhost.amqp_url), "rabbit@lab")
            assert (told.concurrency, told.processes, told.active) == (2, 2, ())
            assert told.pool == "celery.concurrency.prefork:TaskPool"
            asked.pause()
            try:
                with pytest.raises(BackendError) as caught:
                    await look_at(Celery(), Url(vhost.amqp_url), "rabbit@lab")
                assert caught.value.trouble.kind is TroubleKind.TIMEOUT
            finally:
                asked.resume()

    async def absent() -> None:
        async with Watch(of(vhost.amqp_url, events="workers")) as watch:
            await seen(lambda: "no exchange celeryev" in title(watch, "unseen:rabbitmq"), "nobody speaks")

    async def denied() -> None:
        user = add_user(vhost.server, "deaf", "", vhost.name)
        async with Watch(of(as_user(vhost.amqp_url, user), events="workers")) as watch:
            await seen(lambda: "may not listen to events" in title(watch, "unseen:rabbitmq"), "no right")

    asyncio.run(absent())
    with started(asked):
        before = queues()
        asyncio.run(denied())
        asyncio.run(run())
        assert queues() == before


def test_a_beat_that_keeps_its_schedule_in_redis(redis_url: str) -> None:
    name = "beat:celery"
    beat = CeleryBeat(redis_url, {"tick": ("add", 1.0), "hourly": ("add", 3600.0)}, redbeat=True)
    context = of(redis_url, redbeat=True)

    async def run(client: redis.Redis) -> None:
        async with Watch(context) as watch:
            await seen(
                lambda: row(watch, name) is not None and finding(watch, f"{name}:empty") is not None, "no schedule"
            )
            assert "no beat holds its lock" in title(watch, f"{name}:empty")
            with started(beat):
                await seen(lambda: numbers(watch, name).get("entries") == 3, "two entries and one of Celery's own")
                await seen(lambda: finding(watch, f"{name}:empty") is None, "a schedule")
                entries = {entry.name: entry for entry in value_of(watch, name).entries}
                true: dict[Any, Any] = dict(client.zrange("redbeat::schedule", 0, -1, withscores=True))  # type: ignore[arg-type]
                assert entries["hourly"].due_at == true[b"redbeat:hourly"]
                assert (entries["hourly"].task, entries["tick"].enabled) == ("lab.add", True)
                await seen(lambda: finding(watch, f"{name}:silent") is None, "it fires")
                beat.kill()
                await seen(lambda: finding(watch, f"{name}:silent") is not None, "a beat that was killed")
                assert title(watch, f"{name}:silent").startswith(f"{name}: beat is silent: tick was due ")
            with started(CeleryBeat(redis_url, {}, redbeat=True)):
                client.delete("redbeat::lock")
                await seen(lambda: "a beat holds its lock" in title(watch, f"{name}:empty"), "a beat without a task")
                assert finding(watch, f"{name}:empty").level is Level.CRITICAL  # type: ignore[union-attr]

    with redis.Redis.from_url(redis_url) as client:
        asyncio.run(run(client))


def test_deliveries_that_outlived_their_worker_are_counted(redis_url: str, redis_server: Redis) -> None:
    context = of(redis_url, visibility_timeout_s=1.0)
    holder = CeleryWorker(redis_url, concurrency=2)

    async def run() -> None:
        async with Watch(context) as watch:
            held = int(redis_server.cli("HLEN", "unacked", db=int(redis_url.rpartition("/")[2])))
            told = [f"{held} messages are delivered and not acknowledged; {held} of them are that old"]
            await seen(lambda: evidence(watch, "unacked:celery") == told, "late")

    with started(holder):
        holder.send("hang", count=3)
        asyncio.run(held(redis_url))
        holder.kill()
        asyncio.run(run())


async def held(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        await seen(lambda: client.hlen("unacked") >= 2, "two in hand")
