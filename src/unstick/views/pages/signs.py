"""The signs of life of one worker: who says what of it, under which name, and how long ago."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.holders import Holder
from unstick.board.workers import Worker
from unstick.facts.automation import AutomationFacts
from unstick.facts.celery_events import CeleryEventsFacts
from unstick.facts.crawler import CrawlerFacts
from unstick.facts.dramatiq import DramatiqFacts
from unstick.facts.frame import Fact as Seen
from unstick.facts.health import HealthFacts
from unstick.facts.level import Level
from unstick.facts.reading import Fresh, Stale
from unstick.facts.units import clock_time, duration, exact
from unstick.views.pages.model import Fact, Known, ago

MOST = 50


def signs(known: Known, whole: Holder) -> Iterator[Fact]:
    """Of every source that tells of it, and of what it took and opened."""
    readings = {o.source.id: o.reading for o in known.board.frame.observations}
    for worker in whole.workers:
        reading = readings.get(worker.source)
        if isinstance(reading, Fresh | Stale):
            yield from _said(known, worker, reading.value)
        else:
            yield known.fact(worker.kind, "never seen", worker.source, level=Level.UNKNOWN)
    for lock in sorted(whole.locks, key=lambda lock: lock.age_s if lock.age_s is not None else 1e12)[:1]:
        text = f"{ago(lock.age_s)}{_as(lock.row.worker_id, whole.name)}"
        yield known.fact("took its newest lock", text, lock.source, jump=f"lock:{lock.key}")
    for link in whole.links[:MOST]:
        seen = link.connection
        words = [seen.state or "state unknown", f"from {seen.peer or seen.name}", *link.notes]
        text = ", ".join(words) + _as(seen.client or seen.process or "", whole.name)
        yield known.fact("connection", text, known.of_system("rabbitmq"), jump=f"link:{link.key}", level=link.level)


def _as(name: str, whose: str) -> str:
    return f", as {name}" if name and name != whose else ""


def _said(known: Known, found: Worker, seen: Seen) -> Iterator[Fact]:
    match seen:
        case CrawlerFacts():
            yield from _tables(known, found, seen)
        case DramatiqFacts():
            for process in [process for process in seen.processes if process.id == found.id]:
                yield known.fact("heartbeat", _instant(process.beat_at, seen.server_at), found.source)
                yield known.fact("in flight", _messages(process.held, process.held_delayed), found.source)
        case CeleryEventsFacts():
            yield from _events(known, found, seen)
        case AutomationFacts():
            yield known.fact("address", seen.address, found.source, jump=f"service:{found.source}")
            yield known.fact("answers", _yes(seen.alive, "yes", "NO"), found.source)
            yield known.fact("tasks", f"{exact(seen.active)} in hand, {exact(seen.completed)} done", found.source)
            yield known.fact("up for", duration(seen.uptime_s), found.source)
        case HealthFacts():
            yield from _endpoint(known, found, seen)


def _tables(known: Known, found: Worker, seen: CrawlerFacts) -> Iterator[Fact]:
    for row in [row for row in seen.workers if row.worker_id == found.id]:
        for name, at in (("task heartbeat", row.task_beat_at), ("proxy changed", row.proxy_changed_at)):
            yield known.fact(name, _instant(at, seen.server_at), found.source)
        yield known.fact("processing", f"{row.processing} tasks", found.source)


def _events(known: Known, found: Worker, seen: CeleryEventsFacts) -> Iterator[Fact]:
    for node in [node for node in seen.nodes if node.hostname == found.id]:
        yield known.fact("event", _instant(node.heard_at, seen.looked_at), found.source)
        yield known.fact("tasks in hand", exact(node.active), found.source)
        yield known.fact("tasks done", exact(node.processed), found.source)
        yield known.fact("process", "–" if node.pid is None else str(node.pid), found.source)


def _endpoint(known: Known, found: Worker, seen: HealthFacts) -> Iterator[Fact]:
    source = found.source
    yield known.fact("address", seen.address, source, jump=f"service:{source}")
    yield known.fact("status", seen.status or "–", source)
    yield known.fact("last task done", ago(seen.heartbeat_age_s), source)
    yield known.fact("up for", duration(seen.uptime_s), source)
    yield known.fact("tasks done", exact(seen.processed), source)
    yield known.fact("broker", _yes(seen.broker_connected, "connected", "LOST"), source)


def _instant(at: float | None, now: float) -> str:
    """An instant of the server's clock, and how long ago that was there."""
    return "–" if at is None else f"{clock_time(at)}Z, {duration(now - at)} ago"


def _messages(held: int | None, delayed: int | None) -> str:
    later = f", {delayed} delayed" if delayed else ""
    return "–" if held is None else f"{held} messages{later}"


def _yes(flag: bool | None, yes: str, no: str) -> str:  # noqa: FBT001 - a fact, not a switch
    return "–" if flag is None else yes if flag else no
