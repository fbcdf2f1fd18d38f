"""The page of a task lock: who holds it, since when, and until when."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.locks import Lock
from unstick.facts.level import Level
from unstick.facts.units import clock_time, duration
from unstick.views.pages.model import Fact, Known, Page, Part, findings, happened
from unstick.views.words import cell
from unstick.views.workers import worker_key

MOST = 50


def lock(known: Known, key: str) -> Page | None:
    """One lock."""
    locks, name = known.subjects.locks, key.partition(":")[2]
    found = next((one for one in locks.items if one.key == name), None) if locks else None
    if locks is None or found is None:
        return None
    row = found.row
    others = tuple(o for o in locks.items if o.holder == found.holder and o.key != found.key)[:MOST]
    return Page(
        key,
        "locks",
        f"lock {row.kind} {row.task_id}",
        found.level,
        cell(_says(found)),
        (
            Part("What it locks", tuple(_identity(known, found))),
            Part("Who holds it", tuple(_holder(known, found))),
            Part("What is wrong", findings(known, row.task_id, row.worker_id), "nothing is"),
            Part("Other locks of the same holder", tuple(_other(known, other) for other in others), "none"),
            happened(known, row.worker_id),
        ),
        (
            *known.curve("locks:total", "locks held", "count"),
            *known.curve("locks:expired", "locks expired", "count"),
        ),
    )


def _says(found: Lock) -> str:
    """What stops while it is held."""
    task = f"no other worker may run {found.row.kind} {found.row.task_id}"
    if found.left_s is None:
        return f"{found.state}: {task}, and the lock has no end"
    if found.left_s < 0:
        return f"{found.state}: {task} since its end {duration(-found.left_s)} ago"
    return f"{found.state}: {task} for {duration(found.left_s)} more"


def _identity(known: Known, found: Lock) -> Iterator[Fact]:
    row, source = found.row, found.source
    yield known.fact("kind", row.kind, source)
    yield known.fact("task", row.task_id, source)
    yield known.fact("row", row.id, source)
    yield known.fact("taken at", f"{clock_time(row.acquired_at)}Z, {duration(found.age_s)} ago", source)
    end = "no end" if row.expires_at is None else f"{clock_time(row.expires_at)}Z"
    yield known.fact("ends at", end, source, level=found.level)
    grace = known.board.context.thresholds.lock_grace_s
    yield known.fact("grace", f"{duration(grace)} after its end")


def _holder(known: Known, found: Lock) -> Iterator[Fact]:
    workers, name = known.subjects.workers, found.row.worker_id
    holder = workers.find(found.holder) if workers else None
    if holder is None:
        unseen = f"{name}: no sign of life is known of it" if name else "nobody"
        yield known.fact("worker", unseen, found.source, level=Level.UNKNOWN)
        return
    ago = "never" if holder.last_seen_s is None else f"{duration(holder.last_seen_s)} ago"
    called = f", here {name}" if name != found.holder else ""
    text = f"{holder.name}, {holder.life}, last sign {ago}{called}"
    yield known.fact("worker", text, holder.source, jump=worker_key(holder), level=holder.level)
    if holder.container:
        yield known.fact("container", holder.container, holder.source, jump=f"container:{holder.container}")


def _other(known: Known, found: Lock) -> Fact:
    name = f"{found.row.kind} {found.row.task_id}"
    return known.fact(name, found.state, found.source, jump=f"lock:{found.key}", level=found.level)
