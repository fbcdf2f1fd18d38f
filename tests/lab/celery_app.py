"""A Celery application for tests, configured by environment variables (``tests.lab.workers`` sets them).

Tasks: ``lab.add``, ``lab.sleep`` (works that many seconds), ``lab.hang`` (blocks its slot), ``lab.fail`` (raises).
"""

from __future__ import annotations

import json
import os
import threading
import time
from typing import Any

from celery import Celery

SETTINGS = "LAB_CELERY_SETTINGS"


def make_app(broker_url: str, backend_url: str | None, options: dict[str, Any]) -> Celery:
    """An application with late acknowledgement and a prefetch of one, as careful users run it."""
    app = Celery("lab", broker=broker_url, backend=backend_url)
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_default_queue="default",
        broker_connection_retry_on_startup=True,
        worker_hijack_root_logger=False,
        **options,
    )
    app.task(add, name="lab.add")
    app.task(sleep, name="lab.sleep")
    app.task(hang, name="lab.hang")
    app.task(fail, name="lab.fail")
    return app


def add(first: int, second: int) -> int:
    """The sum."""
    return first + second


def sleep(seconds: float = 0) -> None:
    """Works for a while."""
    time.sleep(seconds)


def hang() -> None:
    """Never comes back."""
    threading.Event().wait()


def fail(text: str = "asked to fail") -> None:
    """Raises."""
    raise RuntimeError(text)


_settings = json.loads(
    os.environ.get(SETTINGS, '{"broker": "redis://127.0.0.1:1/0", "backend": null, "options": {}}')
)
app = make_app(_settings["broker"], _settings["backend"], _settings["options"])
