"""One look at one Celery worker by remote control, for whoever asks for it: never part of a lane."""

from __future__ import annotations

from typing import Any

from unstick.facts.celery_look import CeleryLook, TaskInHand
from unstick.facts.text import clean
from unstick.pollers.values import number, path_of, span, whole
from unstick.secret import Url
from unstick.settings import Celery

TASKS_CAP = 50


async def look_at(entry: Celery, url: Url, hostname: str) -> CeleryLook:
    """Ask ``hostname`` on the broker at ``url``. Raises :class:`BackendError`: one that hangs gives no answer."""
    from unstick.backends.celery_inspect import inspect  # noqa: PLC0415 - drivers, only when somebody asks

    told = await inspect(url, hostname, prefix=entry.key_prefix)
    return celery_look(hostname, told.get("stats"), told.get("active"))


def celery_look(hostname: str, stats: Any, active: Any) -> CeleryLook:
    """The answers to ``stats`` and ``active`` as a fact: pure."""
    processes = path_of(stats, "pool.processes")
    totals = path_of(stats, "total")
    done = [whole(value) or 0 for value in totals.values()] if isinstance(totals, dict) else None
    pool = path_of(stats, "pool.implementation")
    return CeleryLook(
        hostname=clean(hostname, 128),
        pool=clean(pool, 100) if isinstance(pool, str) else None,
        concurrency=whole(path_of(stats, "pool.max-concurrency")),
        processes=len(processes) if isinstance(processes, list) else None,
        prefetch=whole(path_of(stats, "prefetch_count")),
        done=None if done is None else sum(done),
        uptime_s=span(path_of(stats, "uptime")),
        active=tuple(_task(task) for task in active[:TASKS_CAP]) if isinstance(active, list) else (),
    )


def _task(task: Any) -> TaskInHand:
    queue = path_of(task, "delivery_info.routing_key")
    return TaskInHand(
        id=clean(str(path_of(task, "id") or ""), 64),
        name=clean(str(path_of(task, "name") or "?"), 200),
        queue=clean(queue, 200) if isinstance(queue, str) else None,
        started_at=number(path_of(task, "time_start")),
    )
