"""The lab's workers really work, on both brokers, and die as asked."""

from __future__ import annotations

import pytest
import redis

from tests.lab.fixtures import Vhost
from tests.lab.processes import lives, wait_until
from tests.lab.workers import CeleryWorker, DramatiqWorker


def queue_counts(vhost: Vhost) -> dict[str, int]:
    """Messages per queue, from the management API."""
    found = vhost.server.api("GET", f"queues/{vhost.name}?disable_stats=true&enable_queue_totals=true")
    return {queue["name"]: queue.get("messages", 0) for queue in found}


def test_dramatiq_on_redis_works_and_leaves_traces(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url, decode_responses=True)
    with DramatiqWorker(redis_url, ["default", "reports"], namespace="app", threads=2) as worker:
        worker.send("reports", "sleep", 0)
        worker.send("reports", "fail")
        wait_until(lambda: client.zcard("app:reports.XQ") == 1, 10, "the dead letter")
        worker.send("default", "hang", count=5)
        wait_until(lambda: client.hlen("app:default.msgs") == 5 and client.llen("app:default") == 1, 10, "the stall")
        assert client.zcard("app:__heartbeats__") == 1, "only the worker is a heartbeat"
        pids = worker.pids
        worker.kill()
    assert not [pid for pid in pids if lives(pid)]
    assert client.keys("app:__acks__.*.default"), "a killed worker's messages stay fetched"
    client.close()


def test_dramatiq_on_rabbitmq_works(vhost: Vhost) -> None:
    with DramatiqWorker(vhost.amqp_url, ["thumbs"]) as worker:
        worker.send("thumbs", "sleep", 0, count=3)
        worker.send("thumbs", "fail")
        wait_until(lambda: queue_counts(vhost).get("thumbs.XQ") == 1, 20, "the dead letter")


@pytest.mark.parametrize("prefix", ["", "shop:"])
def test_celery_on_redis_works(redis_url: str, prefix: str) -> None:
    client = redis.Redis.from_url(redis_url, decode_responses=True)
    worker = CeleryWorker(
        redis_url, ["balance_sync", "default"], backend=redis_url, prefix=prefix, priority_steps=[0, 3, 6, 9]
    )
    with worker:
        worker.send("add", 2, 3, queue="balance_sync")
        wait_until(lambda: bool(client.keys("*celery-task-meta-*")), 10, "the result")
        worker.send("hang", queue="default")
        wait_until(lambda: client.hlen(f"{prefix}unacked") == 1, 10, "the hung task")
        worker.send("add", 1, 1, priority=9, count=2)
        worker.pause()
        assert worker.alive
        worker.resume()
        worker.kill()
    assert client.hlen(f"{prefix}unacked") >= 1, "what a killed worker had stays unacknowledged"
    client.close()


def test_celery_on_rabbitmq_works(vhost: Vhost) -> None:
    with CeleryWorker(vhost.amqp_url, ["thumbnails"], name="pics") as worker:
        worker.send("sleep", 0, count=3)
        wait_until(lambda: queue_counts(vhost).get("thumbnails") == 0, 20, "an empty queue")
