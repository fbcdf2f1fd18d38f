"""Events that stop: because the link died without a word, and because beat was killed."""

from __future__ import annotations

import asyncio

import pytest

from tests.lab.fault_proxy import FaultProxy
from tests.lab.workers import CeleryBeat, CeleryWorker
from tests.live.conftest import hasty
from tests.live.stack import Watch, port_of, through
from tests.live.systems import finding, numbers, seen, title, value_of
from tests.live.test_celery_events import EVENTS, life, of, started
from unstick.facts.celery_events import CeleryEventsFacts

__all__ = ["hasty"]
pytestmark = pytest.mark.usefixtures("hasty")


def test_a_beat_that_is_known_by_what_runs(redis_url: str) -> None:
    """The ordinary beat keeps its schedule in a file of its own: the tasks that run tell whether it fires."""
    context = of(redis_url, events="tasks", schedule={"lab.add": "1s"})
    beat = CeleryBeat(redis_url, {"tick": ("add", 1.0)})
    told = f"{EVENTS}:unfired:lab.add"

    async def run() -> None:
        async with Watch(context) as watch:
            await seen(lambda: numbers(watch, EVENTS).get("workers") == 1, "a worker")
            await seen(lambda: ran(watch), "the task ran")
            assert finding(watch, told) is None
            beat.kill()
            await seen(lambda: finding(watch, told) is not None, "nothing is fired")
            assert "beat fires nothing: lab.add ran " in title(watch, told)

    with started(CeleryWorker(redis_url, events=True), beat):
        asyncio.run(run())


def ran(watch: Watch) -> bool:
    facts: CeleryEventsFacts | None = value_of(watch, EVENTS)
    return facts is not None and facts.scheduled[0].seen_at is not None


def test_a_link_that_died_without_a_word_makes_nobody_dead(redis_url: str) -> None:
    async def run(proxy: FaultProxy) -> None:
        context = of(through(redis_url, proxy), events="workers")
        lives: set[str | None] = set()
        async with Watch(context) as watch:
            watch.seen.append(lambda _: lives.add(life(watch, "celery@lab")))
            await seen(lambda: life(watch, "celery@lab") == "alive", "alive")
            proxy.freeze()
            await seen(lambda: life(watch, "celery@lab") == "unknown", "unheard")
            proxy.clear()
            await seen(lambda: life(watch, "celery@lab") == "alive", "alive again")
        assert "dead" not in lives

    with started(CeleryWorker(redis_url, name="celery")), FaultProxy(port_of(redis_url)) as proxy:
        asyncio.run(run(proxy))
