"""What one look of every source costs the watched server: round trips, bytes, CPU of the server's processes.

``python -m tests.benchmarks.polling``. The servers are private and otherwise idle, so their CPU time is ours.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import redis

from tests.lab.servers import Postgres, Rabbit, Redis
from unstick import settings
from unstick.cli.wiring import lane_specs
from unstick.facts.reading import Fresh
from unstick.feeds.live import LaneSpec
from unstick.secret import Url

LOOKS = 200
QUEUES = 20
MESSAGES = 500
DEMO = Path(__file__).parents[2] / "demo_data"


def main() -> None:
    """Start the servers, fill them, look often, print a table."""
    with contextlib.ExitStack() as stack:
        postgres, cache = stack.enter_context(Postgres()), stack.enter_context(Redis())
        context = prepared(postgres, cache, stack.enter_context(Rabbit()))
        print(f"polling: per look, mean of {LOOKS}   (python -m tests.benchmarks.polling)")
        print(
            f"{'source':<12}{'every s':>8}{'trips':>7}{'bytes':>8}{'took ms':>9}{'server CPU ms':>15}{'CPU % as polled':>17}"
        )
        for spec in lane_specs(context):
            asyncio.run(measure(spec))


def prepared(postgres: Postgres, cache: Redis, rabbit: Rabbit) -> settings.Context:
    """A world of stated size: 100 proxies, 500 balances, 20 queues with 500 messages in each broker."""
    postgres.psql("CREATE DATABASE bench")
    for name in ("schema.sql", "seed.sql"):
        postgres.psql((DEMO / name).read_text(), "bench")
    client = redis.Redis.from_url(cache.database_url(0))
    with client.pipeline(transaction=False) as pipe:
        for queue in range(QUEUES):
            for message in range(MESSAGES):
                pipe.rpush(f"dramatiq:q{queue}", f"m{message}")
                pipe.hset(f"dramatiq:q{queue}.msgs", f"m{message}", '{"message_timestamp": 1000}')
                pipe.lpush(f"c{queue}", "{}")
        for process in range(20):
            pipe.zadd("dramatiq:__heartbeats__", {f"process-{process}": 1e12})
        pipe.execute()
    client.close()
    for queue in range(QUEUES):
        rabbit.api("PUT", f"queues/%2F/q{queue}", {})
    names = tuple(f"q{n}" for n in range(QUEUES))
    return settings.Context(
        name="bench",
        postgres=settings.Postgres(url=Url(postgres.database_url("bench"))),
        redis=settings.Redis(url=Url(cache.database_url(0))),
        rabbitmq=settings.RabbitMQ(management_url=Url(rabbit.management_url)),
        dramatiq=(settings.Dramatiq(queues=names),),
        celery=(settings.Celery(queues=tuple(f"c{n}" for n in range(QUEUES))),),
        crawler=settings.Crawler(),
        locks=settings.Locks(),
        sync=settings.Sync(),
    )


async def measure(spec: LaneSpec) -> None:
    """Look :data:`LOOKS` times at each source of one lane and print its row."""
    lane: Any = spec.build()
    try:
        await lane.once()
        for number, source in enumerate(spec.sources):
            question = lane._questions[number]
            spent = sum(cpu_seconds(source.server))
            trips = size = took = 0.0
            for _ in range(LOOKS):
                await lane._ask(question)
                reading = question.reading
                if not isinstance(reading, Fresh):
                    print(f"{source.id:<12}  {reading.trouble.text}")
                    break
                trips += reading.cost.queries
                size += reading.cost.bytes_in + reading.cost.bytes_out
                took += reading.cost.took_s
            cpu = (sum(cpu_seconds(source.server)) - spent) / LOOKS
            share = cpu / source.interval_s * 100
            print(
                f"{source.id:<12}{source.interval_s:>8g}{trips / LOOKS:>7.1f}{size / LOOKS:>8.0f}"
                f"{took / LOOKS * 1000:>9.2f}{cpu * 1000:>15.2f}{share:>17.2f}"
            )
    finally:
        await lane.close()


def cpu_seconds(server: str) -> Iterator[float]:
    """User and system time of every process of ``server`` below this one."""
    names = {"postgres": "postgres", "redis": "redis-server", "rabbitmq": "beam.smp"}
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if process.name() == names.get(server):
                times = process.cpu_times()
                yield times.user + times.system


if __name__ == "__main__":
    main()
