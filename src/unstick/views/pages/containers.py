"""The page of a container, with all of its workers."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.workers import Container, Worker
from unstick.facts.level import Level
from unstick.facts.units import duration, exact
from unstick.views.pages.model import Fact, Known, Page, Part, ago, findings, happened
from unstick.views.pages.tasks import table_fact
from unstick.views.pane import Line, Role
from unstick.views.words import cell
from unstick.views.workers import worker_key

MOST = 50
"""Rows of one kind on a page."""


def container(known: Known, key: str) -> Page | None:
    """The workers of one container, and what they hold together."""
    workers, name = known.subjects.workers, key.partition(":")[2]
    found = next((c for c in workers.containers if c.id == name), None) if workers else None
    if workers is None or found is None:
        return None
    mine = [worker for worker in workers.items if worker.container == name]
    tables = known.subjects.proxies.tables if known.subjects.proxies else ()
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
            Part("Where their tasks are", tuple(table_fact(known, table) for table in tables), "in no table"),
            happened(known, name, *(worker.id for worker in mine)),
        ),
        (
            *known.curve(f"held:{name}", "proxies held", "count"),
            *known.curve("proxies:free", "proxies free", "count"),
        ),
    )


def _container_says(found: Container) -> Line:
    if found.gone:
        return cell(f"is gone: last sign {ago(found.last_seen_s)}", Role.CRITICAL)
    return cell(f"{found.alive} of {found.workers} workers alive")


def _container_facts(known: Known, found: Container) -> Iterator[Fact]:
    source = known.of_system("crawler")
    yield known.fact("workers", f"{found.workers}, {found.alive} alive", source)
    yield known.fact("last sign", ago(found.last_seen_s), source)
    yield known.fact("proxies", exact(found.proxies), source)
    yield known.fact("tasks", exact(found.tasks), source)


def _worker_fact(known: Known, found: Worker) -> Fact:
    text = f"{found.life}, last sign {ago(found.last_seen_s)}"
    return known.fact(found.name, text, found.source, jump=worker_key(found), level=found.level)


def _stuck(known: Known, container: str) -> Iterator[Fact]:
    proxies = known.subjects.proxies
    for proxy in [p for p in proxies.items if p.container == container][:MOST] if proxies else ():
        level = Level.CRITICAL if proxy.state == "stuck" else Level.UNKNOWN
        text = f"{proxy.state}, held by {proxy.worker_id} for {duration(proxy.held_s)}"
        yield known.fact(f"proxy {proxy.id}", text, known.of_system("crawler"), jump=f"proxy:{proxy.id}", level=level)
