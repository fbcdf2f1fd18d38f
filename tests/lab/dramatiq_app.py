"""A Dramatiq application for tests, configured by environment variables (``tests.lab.workers`` sets them).

For each queue ``q`` it has the actors ``sleep.q`` (works that many seconds), ``hang.q`` (blocks its thread until the
process ends), ``fail.q`` (raises), and ``retry.q`` (raises, to be tried again later).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import dramatiq
from dramatiq import Broker

BROKER_URL = "LAB_DRAMATIQ_URL"
NAMESPACE = "LAB_DRAMATIQ_NAMESPACE"
QUEUES = "LAB_DRAMATIQ_QUEUES"


def make_broker(url: str, namespace: str, queues: Sequence[str]) -> Broker:
    """A broker for a Redis or an AMQP URL, with its actors declared; nothing connects before it is used."""
    broker: Broker
    if url.startswith("redis"):
        from dramatiq.brokers.redis import RedisBroker  # noqa: PLC0415 - only the driver that is used

        broker = RedisBroker(url=url, namespace=namespace)  # type: ignore[no-untyped-call]
    else:
        from dramatiq.brokers.rabbitmq import RabbitmqBroker  # noqa: PLC0415

        broker = RabbitmqBroker(url=url)
    for queue in queues:
        _declare(broker, queue)
    return broker


def _declare(broker: Broker, queue: str) -> None:
    def sleep(seconds: float = 0) -> None:
        time.sleep(seconds)

    def hang() -> None:
        threading.Event().wait()

    def fail(text: str = "asked to fail") -> None:
        raise RuntimeError(text)

    def actor(function: Callable[..., None], name: str, **options: Any) -> None:
        dramatiq.actor(actor_name=f"{name}.{queue}", queue_name=queue, broker=broker, **options)(function)

    actor(sleep, "sleep", max_retries=0)
    actor(hang, "hang", max_retries=0, time_limit=24 * 3_600_000)
    actor(fail, "fail", max_retries=0)
    actor(fail, "retry", max_retries=20, min_backoff=3_600_000, max_backoff=7_200_000)


broker = make_broker(
    os.environ.get(BROKER_URL, "redis://127.0.0.1:1/0"),
    os.environ.get(NAMESPACE, "dramatiq"),
    os.environ.get(QUEUES, "default").split(","),
)
