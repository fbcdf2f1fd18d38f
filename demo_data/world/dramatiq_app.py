"""The Dramatiq application on Redis: portfolio analysis, notifications and reports.

Run by ``dramatiq demo_data.world.dramatiq_app:broker``. While the file named by ``WORLD_STALL_FILE`` exists, every
message blocks its thread for ever, as an upload without a timeout to a storage that does not answer.
"""

from __future__ import annotations

import os
import random
import threading
import time
from pathlib import Path

import dramatiq
from dramatiq import Broker
from dramatiq.brokers.redis import RedisBroker

from demo_data.world.healthcheck import HeartbeatMiddleware

broker: Broker = RedisBroker(  # type: ignore[no-untyped-call]
    url=os.environ.get("WORLD_DRAMATIQ_URL", "redis://127.0.0.1:1/0"),
    maintenance_chance=20_000,  # in a million: what a dead worker held is soon given to another
)
if port := os.environ.get("WORLD_HEALTH_PORT"):
    broker.add_middleware(HeartbeatMiddleware(int(port)))


def upload(seconds: float) -> None:
    """Takes its time with the storage, or all the time there is."""
    if Path(os.environ.get("WORLD_STALL_FILE", "/nonexistent")).exists():
        threading.Event().wait()
    time.sleep(seconds)


@dramatiq.actor(broker=broker, queue_name="default", max_retries=3, time_limit=120_000)
def process_csv_analysis_task(analysis_id: int, user_id: int) -> None:  # noqa: ARG001 - the message carries them
    """Analyses a portfolio and stores the result."""
    upload(random.uniform(0.2, 0.8))


@dramatiq.actor(broker=broker, queue_name="notifications", max_retries=1, min_backoff=20_000)
def send_notification(user_id: int) -> None:
    """Sends a message; some users have blocked the bot."""
    upload(random.uniform(0.02, 0.2))
    if user_id % 97 == 0:
        raise RuntimeError("Forbidden: bot was blocked by the user")


@dramatiq.actor(broker=broker, queue_name="reports", max_retries=0)
def generate_report(report_id: int) -> None:  # noqa: ARG001 - the message carries it
    """Writes a report."""
    upload(random.uniform(0.5, 1.5))


@dramatiq.actor(broker=broker, queue_name="default", max_retries=0)
def cleanup_temp_files() -> None:
    """Clears up behind the others."""
    upload(0.05)
