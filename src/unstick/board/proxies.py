"""The proxy pool: who holds it, and which rows nobody alive holds."""

from __future__ import annotations

from typing import Literal

import msgspec

from unstick.board.memory import Notes
from unstick.board.sources import Seen, Sight
from unstick.board.workers import Container, Workers
from unstick.facts.crawler import CrawlerFacts, ProxyRow, TaskTable
from unstick.facts.level import Level, worst
from unstick.facts.text import natural
from unstick.facts.units import duration
from unstick.settings import Context

LOOKS = 2
LOOKS_BESIDE_THE_LIVING = 3
"""A worker between two tasks holds its proxy without a task: where its container lives, look once more."""


class Proxy(msgspec.Struct, frozen=True):
    """A held proxy without a task. ``stuck`` only with evidence; a ``suspect`` needs another look or more time."""

    id: str
    worker_id: str | None
    container: str | None
    state: Literal["stuck", "suspect"]
    held_s: float | None
    evidence: tuple[str, ...]


class Proxies(msgspec.Struct, frozen=True):
    """The pool. Counts are ``None`` while PostgreSQL can't be seen."""

    level: Level
    total: int | None
    in_use: int | None
    blocked: int | None
    free: int | None
    unowned: int | None
    stuck: int | None
    items: tuple[Proxy, ...]
    more: int
    """Candidates beyond those that travelled."""
    containers: tuple[Container, ...]
    tables: tuple[TaskTable, ...]
    undecided: bool
    """Another look would tell suspects from stuck rows."""
    free_level: Level = Level.UNKNOWN
    """Of what is left in the pool, whoever holds the rest."""


def fold_proxies(sight: Sight, notes: Notes, context: Context, workers: Workers | None) -> Proxies | None:
    """Judge the candidates of the newest look; ``None`` when no proxy table is configured."""
    if not sight.states("crawler"):
        return None
    containers = workers.containers if workers else ()
    seen = next(sight.seen(CrawlerFacts), None)
    if seen is None or not seen.current:
        notes.record("proxies:free", None)
        tables = seen.value.tables if seen else ()
        return Proxies(Level.UNKNOWN, None, None, None, None, None, None, (), 0, containers, tables, undecided=False)
    facts = seen.value
    versions = {f"{row.id}|{row.worker_id}": row.version for row in facts.candidates}
    notes.remember(f"{seen.source.id}/candidates", seen.at, versions)
    living = {container.id for container in containers if container.alive}
    alive = {w.id for w in workers.items if w.kind == "crawler" and w.life == "alive"} if workers else set[str]()
    items = [_judge(row, seen, notes, context, living, alive) for row in facts.candidates]
    items.sort(key=lambda proxy: (proxy.state != "stuck", natural(proxy.worker_id or ""), natural(proxy.id)))
    stuck = sum(proxy.state == "stuck" for proxy in items)
    pool = facts.pool
    for name, value in (("free", pool.free), ("in_use", pool.in_use), ("stuck", stuck)):
        notes.record(f"proxies:{name}", value)
    for table in facts.tables:
        notes.record(f"tasks:{table.name}:processing", table.processing)
        notes.record(f"tasks:{table.name}:expired", table.expired)
    undecided = any(proxy.state == "suspect" and "looking again" in proxy.evidence for proxy in items)
    free_level = _free_level(pool.free, pool.total, context)
    return Proxies(
        worst([Level.CRITICAL if stuck else Level.OK, free_level]),
        pool.total,
        pool.in_use,
        pool.blocked,
        pool.free,
        pool.unowned,
        stuck,
        tuple(items),
        facts.candidate_count - len(items),
        containers,
        facts.tables,
        undecided,
        free_level,
    )


def _free_level(free: int, total: int, context: Context) -> Level:
    if not total:
        return Level.OK
    percent = 100.0 * free / total
    if percent <= context.thresholds.pool_free_critical:
        return Level.CRITICAL
    return Level.WARNING if percent <= context.thresholds.pool_free_warning else Level.OK


def _judge(
    row: ProxyRow, seen: Seen[CrawlerFacts], notes: Notes, context: Context, living: set[str], alive: set[str]
) -> Proxy:
    grace = context.thresholds.grace_s
    track = notes.track(f"{seen.source.id}/candidates", f"{row.id}|{row.worker_id}")
    looks = track.looks if track else 1
    watched = notes.at - track.since if track else 0.0
    held = watched if row.changed_at is None else max(watched, seen.value.server_at - row.changed_at + seen.age_s)
    lives = row.container is not None and row.container in living
    needed = LOOKS_BESIDE_THE_LIVING if lives else LOOKS
    evidence = [
        f"no processing task of {row.worker_id} in {_tables(seen.value.tables)}",
        f"row unchanged for {duration(held)} (grace {duration(grace)})",
        f"container {row.container} " + ("still works" if lives else "gives no sign of life"),
    ]
    if held < grace:
        evidence.append(f"within the grace for {duration(grace - held)} more")
    elif row.worker_id in alive:
        evidence.append("its worker gave a sign of life within the grace")
    elif looks < needed:
        evidence.append("looking again")
    else:
        return Proxy(row.id, row.worker_id, row.container, "stuck", held, tuple(evidence))
    return Proxy(row.id, row.worker_id, row.container, "suspect", held, tuple(evidence))


def _tables(tables: tuple[TaskTable, ...]) -> str:
    return ", ".join(table.name for table in tables) or "any table"
