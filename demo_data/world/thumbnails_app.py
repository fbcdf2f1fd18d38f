"""The second Celery application, on RabbitMQ: thumbnails.

``celery -A demo_data.world.thumbnails_app worker -Q thumbnails``.
"""

from __future__ import annotations

import os
import random
import time

from celery import Celery

app = Celery("thumbnails", broker=os.environ.get("WORLD_THUMBNAILS_URL", "amqp://127.0.0.1:1//"))
app.conf.update(
    task_default_queue="thumbnails",
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    task_acks_late=True,
    broker_connection_retry_on_startup=True,
)


@app.task(name="images.make_thumbnail")  # type: ignore[untyped-decorator]
def make_thumbnail(name: str) -> None:  # noqa: ARG001 - the message carries it
    """Scales an image."""
    time.sleep(random.uniform(0.1, 0.4))
