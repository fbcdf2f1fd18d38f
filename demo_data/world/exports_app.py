"""The second Dramatiq application, on RabbitMQ: exports.

Run by ``dramatiq demo_data.world.exports_app:broker``.
"""

from __future__ import annotations

import os
import random
import time

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker

broker = RabbitmqBroker(url=os.environ.get("WORLD_EXPORTS_URL", "amqp://127.0.0.1:1/"))


@dramatiq.actor(broker=broker, queue_name="exports", max_retries=0)
def export_portfolio(user_id: int) -> None:
    """Writes a file for a user."""
    time.sleep(random.uniform(0.2, 0.6))
    if user_id % 120 == 0:
        raise RuntimeError("[Errno -2] Name or service not known")
