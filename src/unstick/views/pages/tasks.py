"""The page of a task table: how many of its tasks are processed, by whom, and how many expired."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.facts.crawler import TaskTable
from unstick.facts.level import Level
from unstick.facts.units import duration
from unstick.views.pages.model import Fact, Known, Page, Part, findings, happened
from unstick.views.proxies import tasks_key
from unstick.views.words import cell
from unstick.views.workers import worker_key

_MOST = 50
"""Workers that are named."""


def tasks(known: Known, key: str) -> Page | None:
    """One task table."""
    proxies = known.subjects.proxies
    table = next((table for table in proxies.tables if tasks_key(table) == key), None) if proxies else None
    if table is None:
        return None
    return Page(
        key,
        "proxies",
        f"tasks of {table.name}",
        Level.WARNING if table.expired else Level.OK,
        cell(_says(table)),
        (
            Part("What is processed", tuple(_facts(known, table))),
            Part("What is wrong", findings(known, table.name), "nothing is"),
            Part("Who has a task, in any table", tuple(_workers(known)), "nobody"),
            happened(known, table.name),
        ),
        (
            *known.curve(f"tasks:{table.name}:processing", "tasks processed", "count"),
            *known.curve(f"tasks:{table.name}:expired", "tasks expired", "count"),
        ),
    )


def table_fact(known: Known, table: TaskTable, name: str = "tasks of") -> Fact:
    """A line that leads to the page of ``table``."""
    level = Level.WARNING if table.expired else Level.OK
    source = known.of_system("crawler")
    return known.fact(name, f"{table.name}: {_says(table)}", source, jump=tasks_key(table), level=level)


def _says(table: TaskTable) -> str:
    expired = f", {table.expired:,} of them expired" if table.expired else ""
    return f"{table.processing:,} processing{expired}"


def _facts(known: Known, table: TaskTable) -> Iterator[Fact]:
    source = known.of_system("crawler")
    limit = duration(known.board.context.thresholds.heartbeat_s)
    yield known.fact("table", table.name, source)
    yield known.fact("processing", f"{table.processing:,}", source)
    level = Level.WARNING if table.expired else Level.OK
    yield known.fact("expired", "–" if table.expired is None else f"{table.expired:,}", source, level=level)
    yield known.fact("", f"expired: processing, and without a heartbeat for {limit}", source)


def _workers(known: Known) -> Iterator[Fact]:
    workers = known.subjects.workers
    busy = [worker for worker in workers.items if worker.holds.tasks and worker.kind == "crawler"] if workers else []
    for worker in busy[:_MOST]:
        text = f"{worker.life}, {worker.holds.tasks} processing"
        yield known.fact(worker.name, text, worker.source, jump=worker_key(worker), level=worker.level)
    if len(busy) > _MOST:
        yield known.fact("", f"and {len(busy) - _MOST} more")
