"""Whose a RabbitMQ queue is: by configuration, else by the names that a job system gives its queues."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from typing import Literal

Owner = Literal["dramatiq", "celery"]
Owners = Mapping[tuple[str | None, str], Owner]
"""(virtual host, or ``None`` for any, and queue name) to the job system that uses it."""

_DRAMATIQ_SUFFIXES = (".DQ", ".XQ")
_CELERY_INTERNAL = ("*.celery.pidbox", "celeryev.*")


def internal(name: str) -> bool:
    """Whether a queue carries Celery's remote control or events: plumbing, not work.

    >>> internal("a1@web.celery.pidbox"), internal("celeryev.450ba233"), internal("celery")
    (True, True, False)
    """
    return any(fnmatchcase(name, pattern) for pattern in _CELERY_INTERNAL)


def configured(vhost: str, name: str, owners: Owners) -> Owner | None:
    """The owner by configuration. Dramatiq's delayed and dead-letter queues belong with the queue they serve."""
    base = name[:-3] if name.endswith(_DRAMATIQ_SUFFIXES) else name
    for place in (vhost, None):
        if (owner := owners.get((place, name))) is not None:
            return owner
        if base != name and owners.get((place, base)) == "dramatiq":
            return "dramatiq"
    return None


def owner_of(vhost: str, name: str, owners: Owners, existing: Collection[tuple[str, str]]) -> Owner | None:
    """The owner by configuration or by pattern: ``q``, ``q.DQ`` and ``q.XQ`` together are Dramatiq's."""
    if (owner := configured(vhost, name, owners)) is not None:
        return owner
    base = name[:-3] if name.endswith(_DRAMATIQ_SUFFIXES) else name
    if all((vhost, base + suffix) in existing for suffix in ("", *_DRAMATIQ_SUFFIXES)):
        return "dramatiq"
    return "celery" if name == "celery" else None
