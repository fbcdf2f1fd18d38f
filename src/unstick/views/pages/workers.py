"""The page of a worker: every sign of life, by whomever and under whatever name, and everything that it holds."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.holders import Holder, holder
from unstick.board.workers import Worker
from unstick.facts.level import Level
from unstick.facts.units import duration, exact
from unstick.views.pages.model import Fact, Known, Limit, Page, Part, ago, findings, happened
from unstick.views.pages.signs import signs
from unstick.views.pages.tasks import table_fact
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
    whole = holder(known.subjects, known.board.context, found.whose)
    limits = known.board.context.thresholds
    silence = Limit(limits.grace_s, "grace") if found.kind == "crawler" else Limit(limits.heartbeat_s, "heartbeat")
    names = tuple(dict.fromkeys((found.id, found.whose, *(each.id for each in whole.workers))))
    return Page(
        key,
        "workers",
        f"worker {found.holder or found.name}",
        found.level,
        cell(found.note or f"is {found.life}"),
        (
            Part("What it is", tuple(_identity(known, found, whole))),
            Part("Signs of life", tuple(signs(known, whole)), "none is recorded"),
            Part("Holds", tuple(_holds(known, whole)), "nothing"),
            Part("What is wrong", findings(known, *names, found.container or ""), "nothing is"),
            happened(known, *names, found.name),
        ),
        (
            *known.curve(f"silent:{found.source}:{found.id}", "since its last sign of life", "seconds", silence),
            *(known.curve(f"processed:{found.source}", "tasks done", "count") if found.kind == "http" else ()),
            *(known.curve(f"took:{found.source}", "answers in", "ms") if found.kind == "http" else ()),
        ),
    )


def _identity(known: Known, found: Worker, whole: Holder) -> Iterator[Fact]:
    yield known.fact("id", found.id, found.source)
    yield known.fact("kind", found.kind, found.source)
    yield known.fact("is", found.life, level=found.level)
    if found.container:
        yield known.fact("container", found.container, found.source, jump=f"container:{found.container}")
    yield known.fact("last sign", ago(found.last_seen_s), found.source, level=found.level)
    if found.stuck_s is not None:
        yield known.fact("acknowledged nothing", f"for {duration(found.stuck_s)}", found.source, level=found.level)
    if found.pool:
        yield known.fact("does messages of", found.pool, found.pool, jump=f"service:{found.pool}")
    for other in whole.workers:
        if worker_key(other) != worker_key(found):
            text = f"{other.kind} {other.id}: {other.note or other.life}"
            yield known.fact("is also", text, other.source, jump=worker_key(other), level=other.level)
    if whole.twins:
        text = f"{', '.join(whole.twins)} each tell of a {whole.name}: two may be taken for one"
        yield known.fact("not certain", text, level=Level.WARNING)


def _holds(known: Known, whole: Holder) -> Iterator[Fact]:
    crawler = known.of_system("crawler")
    for proxy in whole.proxies[:MOST]:
        level = Level.CRITICAL if proxy.state == "stuck" else Level.UNKNOWN
        text = f"{proxy.state}, held for {duration(proxy.held_s)}"
        yield known.fact(f"proxy {proxy.id}", text, crawler, jump=f"proxy:{proxy.id}", level=level)
    rest = sum(each.holds.proxies or 0 for each in whole.workers) - len(whole.proxies)
    if rest > 0:
        yield known.fact("proxies", f"{rest} at work", crawler)
    for each in whole.workers:
        if each.holds.tasks:
            yield known.fact("tasks", f"{each.holds.tasks} processing", each.source)
            if each.kind == "crawler":
                yield from _tables(known)
    for link in whole.links[:MOST]:
        text = f"{exact(link.connection.channels)} on connection {link.connection.name}"
        source = known.of_system("rabbitmq")
        yield known.fact("channels", text, source, jump=f"link:{link.key}", level=link.level)
    for lock in whole.locks[:MOST]:
        name = f"lock {lock.row.kind} {lock.row.task_id}"
        yield known.fact(name, lock.state, lock.source, jump=f"lock:{lock.key}", level=lock.level)
    for each in whole.workers:
        if each.holds.unacked:
            yield known.fact("messages", f"{each.holds.unacked} not acknowledged", each.source, level=each.level)
            yield from _queues(known, each)


def _tables(known: Known) -> Iterator[Fact]:
    """Where a crawler's tasks may be: facts do not tell which table has the one."""
    proxies = known.subjects.proxies
    for table in proxies.tables if proxies else ():
        yield table_fact(known, table)


def _queues(known: Known, found: Worker) -> Iterator[Fact]:
    """The queues of its broker that have messages in flight or waiting."""
    queues = known.subjects.queues
    for queue in queues.items if queues else ():
        if queue.source == found.source and (queue.ready or queue.in_flight):
            text = f"{exact(queue.ready)} wait, {exact(queue.in_flight)} in flight"
            yield known.fact(f"queue {queue.name}", text, queue.source, jump=f"queue:{queue.key}", level=queue.level)
