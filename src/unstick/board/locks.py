"""Task locks: which outlived their holder, and which have no end."""

from __future__ import annotations

from typing import Literal

import msgspec

from unstick.board.holders import Names, the_dead
from unstick.board.memory import Notes
from unstick.board.sources import Seen, Sight
from unstick.board.workers import Workers
from unstick.facts.level import Level, worst
from unstick.facts.locks import LockFacts, LockRow
from unstick.facts.reading import TroubleKind
from unstick.settings import Context

LockState = Literal["expired", "orphaned", "endless", "held"]


class Lock(msgspec.Struct, frozen=True):
    """One lock as judged. ``left_s``: until it expires, negative when overdue, ``None`` without an end."""

    key: str
    row: LockRow
    state: LockState
    age_s: float | None
    left_s: float | None
    level: Level
    source: str
    container: str = ""
    """Of its holder, by the name."""
    holder: str = ""
    """The worker that holds it, as the board calls it."""


class Locks(msgspec.Struct, frozen=True):
    """All locks, worst first. Counts are ``None`` while a source of locks can't be seen."""

    level: Level
    total: int | None
    expired: int | None
    orphaned: int | None
    endless: int | None
    items: tuple[Lock, ...]
    more: int


def fold_locks(sight: Sight, notes: Notes, context: Context, workers: Workers | None) -> Locks | None:
    """Judge every lock; ``None`` when no lock table or endpoint is configured."""
    if not sight.states("locks"):
        return None
    names = Names(context)
    dead = _silenced(sight) | the_dead(workers.items if workers else ())
    gone = {container.id for container in workers.containers if container.gone} if workers else set()
    items: list[Lock] = []
    counts = {"total": 0, "expired": 0, "endless": 0}
    more = 0
    table = any(seen.value.via == "postgres" for seen in sight.seen(LockFacts))
    listed: set[tuple[str, ...]] = set()
    for seen in sight.seen(LockFacts):
        # Workers list locks that stand in the table too: where the table is seen, it alone is counted.
        if table and seen.value.via == "http":
            continue
        # Two workers may list the same lock: it is one.
        rows = [row for row in seen.value.rows if _identity(row) not in listed]
        again = [row for row in seen.value.rows if _identity(row) in listed]
        listed.update(map(_identity, rows))
        items += [_judge(row, seen, names.worker("locks", row.worker_id), dead, gone, context) for row in rows]
        more += max(0, seen.value.total - len(seen.value.rows))
        counts["total"] += seen.value.total - len(again)
        counts["endless"] += seen.value.endless - sum(row.expires_at is None for row in again)
        counts["expired"] += seen.value.expired - sum(_overdue(row, seen.value.server_at) for row in again)
    items.sort(key=lambda lock: (-lock.level.rank, lock.left_s is None, lock.left_s or 0.0, lock.key))
    blind = sight.blind("locks")
    known = not [state for state in blind if state.source.id == "locks" or not table]
    orphaned = sum(lock.state == "orphaned" for lock in items)
    notes.record("locks:total", counts["total"] if known else None)
    notes.record("locks:expired", counts["expired"] if known else None)
    return Locks(
        worst([*(lock.level for lock in items), Level.UNKNOWN if blind else Level.OK]),
        counts["total"] if known else None,
        counts["expired"] if known else None,
        orphaned if known else None,
        counts["endless"] if known else None,
        tuple(items),
        more,
    )


def _identity(row: LockRow) -> tuple[str, ...]:
    return row.kind, row.task_id, row.id, row.worker_id


def _overdue(row: LockRow, server_at: float) -> bool:
    return row.expires_at is not None and row.expires_at <= server_at


def _silenced(sight: Sight) -> set[str]:
    """Workers whose own lock endpoint now refuses connections.

    An endpoint may list the locks of others too: a worker is only taken for its owner when another endpoint answers
    and does not list it.
    """
    refusing = {
        state.source.id
        for state in sight.states("locks")
        if state.trouble is not None and state.trouble.kind is TroubleKind.REFUSED
    }
    owners: set[str] = set()
    answering: list[set[str]] = []
    for seen in sight.seen(LockFacts):
        if seen.value.via == "http":
            listed = {worker for worker, _ in seen.value.by_worker}
            if seen.source.id in refusing:
                owners |= listed if len(listed) == 1 else set()
            elif seen.current:
                answering.append(listed)
    return owners.difference(*answering) if answering else set()


def _judge(
    row: LockRow, seen: Seen[LockFacts], holder: str, the_dead: set[str], gone: set[str], context: Context
) -> Lock:
    now = seen.value.server_at + seen.age_s
    left = None if row.expires_at is None else row.expires_at - now
    age = None if row.acquired_at is None else now - row.acquired_at
    separator = context.crawler.separator if context.crawler else "_"
    container = holder.rpartition(separator)[0] if separator else ""
    dead = holder in the_dead or (bool(container) and container in gone)
    key = f"{seen.source.id}|{row.kind}|{row.task_id}|{row.id}"
    state: LockState
    if not seen.current:
        return Lock(key, row, "held", age, left, Level.UNKNOWN, seen.source.id, container, holder)
    if dead:
        state, level = "orphaned", Level.CRITICAL
    elif left is not None and left < 0:
        state, level = "expired", Level.WARNING if left < -context.thresholds.lock_grace_s else Level.OK
    elif left is None:
        state, level = "endless", Level.WARNING
    else:
        state, level = "held", Level.OK
    return Lock(key, row, state, age, left, level, seen.source.id, container, holder)
