"""What lanes are made of: sources with their intervals, pollers whose drivers are imported late."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from unstick.facts.reading import Source
from unstick.feeds.live import LaneSpec
from unstick.pollers.base import Lane
from unstick.secret import Url
from unstick.settings import FLOORS, Context, Intervals

REDIS = frozenset({"redis", "rediss", "unix"})
Question = tuple[Source, Callable[[Source], Any]]
"""Who is asked, and what makes the poller that asks."""


def source_of(name: str, system: str, server: str, every: Callable[[Intervals], float], context: Context) -> Source:
    """A source that is asked as often as its context says, never more often than its floor allows."""
    return Source(name, system, server, max(every(context.intervals), every(FLOORS)))


def poller(module: str, name: str, *args: Any, **options: Any) -> Callable[[Source], Any]:
    """What makes a poller of :mod:`unstick.pollers`, whose driver is imported only then."""

    def make(source: Source) -> Any:
        import importlib  # noqa: PLC0415

        return getattr(importlib.import_module(f"unstick.pollers.{module}"), name)(source, *args, **options)

    return make


def http_lane(url: Url, questions: Sequence[Question], *, deadline_s: float = 4.0, total_s: float = 3.0) -> LaneSpec:
    """One HTTP server: each request within ``total_s``, all those of one look within ``deadline_s``."""

    def build() -> Lane[Any]:
        from unstick.backends.http import WORKER_CAP, HttpConnection  # noqa: PLC0415

        pollers = [make(source) for source, make in questions]
        return Lane(HttpConnection(url, total_s=total_s, cap=WORKER_CAP), pollers, deadline_s=deadline_s)

    return LaneSpec(tuple(source for source, _ in questions), build)
