"""The page of a worker, and that of a container with all of its workers."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.workers import Container, Worker
from unstick.facts.crawler import CrawlerFacts
from unstick.facts.dramatiq import DramatiqFacts
from unstick.facts.frame import Fact as Seen
from unstick.facts.health import HealthFacts
from unstick.facts.level import Level
from unstick.facts.reading import Fresh, Stale
from unstick.facts.units import clock_time, count, duration
from unstick.views.pages.model import Fact, Known, Limit, Page, Part, findings, happened
from unstick.views.pane import Line, Role
from unstick.views.words import cell
from unstick.views.workers import worker_key

MOST = 50
"""Rows of one kind on a page."""


def worker(known: Known, key: str) -> Page | None:
    """Every sign of life of a worker, and everything that it holds."""
    workers = known.subjects.workers
    found = next((w for w in workers.items if worker_key(w) == key), None) if workers else None
    if found is None:
        return None
    limits = known.board.context.thresholds
    silence = Limit(limits.grace_s, "grace") if found.kind == "crawler" else Limit(limits.heartbeat_s, "heartbeat")
    return Page(
        key,
        "workers",
        f"worker {found.name}",
        found.level,
        cell(found.note or f"is {found.life}"),
        (
            Part("What it is", tuple(_identity(known, found))),
            Part("Signs of life", tuple(_signs(known, found)), "none is recorded"),
            Part("Holds", tuple(_holds(known, found)), "nothing"),
            Part("What is wrong", findings(known, found.id, found.container or ""), "nothing is"),
            happened(known, found.id, found.name),
        ),
        (
            *known.curve(f"silent:{found.source}:{found.id}", "since its last sign of life", "seconds", silence),
            *(known.curve(f"processed:{found.source}", "tasks done", "count") if found.kind == "http" else ()),
            *(known.curve(f"took:{found.source}", "answers in", "ms") if found.kind == "http" else ()),
        ),
    )


def _identity(known: Known, found: Worker) -> Iterator[Fact]:
    yield known.fact("id", found.id, found.source)
    yield known.fact("kind", found.kind, found.source)
    yield known.fact("is", found.life, level=found.level)
    if found.container:
        yield known.fact("container", found.container, found.source, jump=f"container:{found.container}")
    yield known.fact("last sign", _ago(found.last_seen_s), found.source, level=found.level)
    if found.stuck_s is not None:
        yield known.fact("acknowledged nothing", f"for {duration(found.stuck_s)}", found.source, level=found.level)


def _signs(known: Known, found: Worker) -> Iterator[Fact]:
    for observation in known.board.frame.observations:
        reading = observation.reading
        if observation.source.id == found.source and isinstance(reading, Fresh | Stale):
            yield from _signs_of(known, found, reading.value)


def _signs_of(known: Known, found: Worker, seen: Seen) -> Iterator[Fact]:
    source = found.source
    if isinstance(seen, CrawlerFacts):
        for row in seen.workers:
            if row.worker_id == found.id:
                for name, at in (("task heartbeat", row.task_beat_at), ("proxy changed", row.proxy_changed_at)):
                    yield known.fact(name, _instant(at, seen.server_at), source)
                yield known.fact("processing", f"{row.processing} tasks", source)
    elif isinstance(seen, DramatiqFacts):
        for process in seen.processes:
            if process.id == found.id:
                yield known.fact("heartbeat", _instant(process.beat_at, seen.server_at), source)
                yield known.fact("in flight", _messages(process.held, process.held_delayed), source)
    elif isinstance(seen, HealthFacts):
        yield known.fact("address", seen.address, source, jump=f"service:{source}")
        yield known.fact("status", seen.status or "–", source)
        yield known.fact("last task done", _ago(seen.heartbeat_age_s), source)
        yield known.fact("up for", duration(seen.uptime_s), source)
        yield known.fact("tasks done", count(seen.processed), source)
        yield known.fact("broker", _yes(seen.broker_connected, "connected", "LOST"), source)


def _holds(known: Known, found: Worker) -> Iterator[Fact]:
    proxies, locks = known.subjects.proxies, known.subjects.locks
    crawler = known.of_system("crawler")
    held = [proxy for proxy in proxies.items if proxy.worker_id == found.id] if proxies else []
    for proxy in held[:MOST]:
        level = Level.CRITICAL if proxy.state == "stuck" else Level.UNKNOWN
        text = f"{proxy.state}, held for {duration(proxy.held_s)}"
        yield known.fact(f"proxy {proxy.id}", text, crawler, jump=f"proxy:{proxy.id}", level=level)
    rest = (found.holds.proxies or 0) - len(held)
    if rest > 0:
        yield known.fact("proxies", f"{rest} at work", crawler)
    if found.holds.tasks:
        yield known.fact("tasks", f"{found.holds.tasks} processing", crawler)
    for lock in [lock for lock in locks.items if lock.row.worker_id == found.id][:MOST] if locks else ():
        name = f"lock {lock.row.kind} {lock.row.task_id}"
        yield known.fact(name, lock.state, lock.source, jump=f"lock:{lock.key}", level=lock.level)
    if found.holds.unacked:
        yield known.fact("messages", f"{found.holds.unacked} not acknowledged", found.source, level=found.level)
        yield from _queues(known, found)


def _queues(known: Known, found: Worker) -> Iterator[Fact]:
    """The queues of its broker that have messages in flight or waiting."""
    queues = known.subjects.queues
    for queue in queues.items if queues else ():
        if queue.source == found.source and (queue.ready or queue.in_flight):
            text = f"{count(queue.ready)} wait, {count(queue.in_flight)} in flight"
            yield known.fact(f"queue {queue.name}", text, queue.source, jump=f"queue:{queue.key}", level=queue.level)


def container(known: Known, key: str) -> Page | None:
    """The workers of one container, and what they hold together."""
    workers, name = known.subjects.workers, key.partition(":")[2]
    found = next((c for c in workers.containers if c.id == name), None) if workers else None
    if workers is None or found is None:
        return None
    mine = [worker for worker in workers.items if worker.container == name]
    level = Level.CRITICAL if found.gone else max((w.level for w in mine), key=lambda each: each.rank)
    return Page(
        key,
        "proxies",
        f"container {name}",
        level,
        _container_says(found),
        (
            Part("What it is", tuple(_container_facts(known, found))),
            Part("What is wrong", findings(known, name), "nothing is"),
            Part("Its workers", tuple(_worker_fact(known, worker) for worker in mine[:MOST])),
            Part("Proxies that none of them uses", tuple(_stuck(known, name)), "none"),
            happened(known, name, *(worker.id for worker in mine)),
        ),
        (
            *known.curve(f"held:{name}", "proxies held", "count"),
            *known.curve("proxies:free", "proxies free", "count"),
        ),
    )


def _container_says(found: Container) -> Line:
    if found.gone:
        return cell(f"is gone: last sign {_ago(found.last_seen_s)}", Role.CRITICAL)
    return cell(f"{found.alive} of {found.workers} workers alive")


def _container_facts(known: Known, found: Container) -> Iterator[Fact]:
    source = known.of_system("crawler")
    yield known.fact("workers", f"{found.workers}, {found.alive} alive", source)
    yield known.fact("last sign", _ago(found.last_seen_s), source)
    yield known.fact("proxies", count(found.proxies), source)
    yield known.fact("tasks", count(found.tasks), source)


def _worker_fact(known: Known, found: Worker) -> Fact:
    text = f"{found.life}, last sign {_ago(found.last_seen_s)}"
    return known.fact(found.name, text, found.source, jump=worker_key(found), level=found.level)


def _stuck(known: Known, container: str) -> Iterator[Fact]:
    proxies = known.subjects.proxies
    for proxy in [p for p in proxies.items if p.container == container][:MOST] if proxies else ():
        level = Level.CRITICAL if proxy.state == "stuck" else Level.UNKNOWN
        text = f"{proxy.state}, held by {proxy.worker_id} for {duration(proxy.held_s)}"
        yield known.fact(f"proxy {proxy.id}", text, known.of_system("crawler"), jump=f"proxy:{proxy.id}", level=level)


def _ago(seconds: float | None) -> str:
    return "–" if seconds is None else f"{duration(seconds)} ago"


def _instant(at: float | None, now: float) -> str:
    """An instant of the server's clock, and how long ago that was there."""
    return "–" if at is None else f"{clock_time(at)}Z, {duration(now - at)} ago"


def _messages(held: int | None, delayed: int | None) -> str:
    later = f", {delayed} delayed" if delayed else ""
    return "–" if held is None else f"{held} messages{later}"


def _yes(flag: bool | None, yes: str, no: str) -> str:  # noqa: FBT001 - a fact, not a switch
    return "–" if flag is None else yes if flag else no
