"""Task locks, told."""

from __future__ import annotations

from unstick.board.board import Board
from unstick.board.locks import Lock, Locks
from unstick.facts.level import Level
from unstick.facts.units import count
from unstick.views.pane import LEVEL_GLYPH, LEVEL_ROLE, Column, Line, PaneView, Role, Row, Span, Spark
from unstick.views.words import absent, age, cell, nothing, tally

ABOUT = "The task locks, those that outlived their end or their holder first."
COLUMNS = (
    Column("lock", "lock", 12, flex=1, about="kind and id of the locked task"),
    Column("worker", "holder", 10, flex=1, about="who holds it"),
    Column(
        "state",
        "state",
        8,
        priority=1,
        about="orphaned: its holder is dead; expired: over its end; endless: without an end",
    ),
    Column("age", "age", 7, "right", priority=2, about="how long it is held"),
    Column("left", "left", 8, "right", about="how long until its end; negative: since then"),
)


def view(board: Board) -> PaneView:
    """One row per lock, the most overdue first."""
    locks = board.subjects.locks
    if locks is None:
        return absent("locks", "Locks", "no lock table; map it in [locks]")
    counts = tally(
        (locks.total, "held", Role.TEXT),
        (locks.expired, "expired", Role.WARNING),
        (locks.orphaned, "orphaned", Role.CRITICAL),
        (locks.endless, "endless", Role.WARNING),
    )
    note = (Span(f"showing {len(locks.items)} of {len(locks.items) + locks.more}", Role.DIM),) if locks.more else ()
    held = Spark("locks", board.memory.values("locks:total"), count(locks.total))
    return PaneView(
        "locks",
        "Locks",
        locks.level,
        counts,
        (held, *_ages(locks)),
        COLUMNS,
        tuple(_row(lock) for lock in locks.items),
        note,
        nothing("no lock is held", locks.total),
    )


AGES = ((60.0, "<1m"), (300.0, "<5m"), (1800.0, "<30m"), (7200.0, "<2h"), (float("inf"), "older"))


def _ages(locks: Locks) -> tuple[Line, ...]:
    """How many locks are how old; the worst of each age gives its colour and glyph."""
    bins: list[list[Lock]] = [[] for _ in AGES]
    for lock in locks.items:
        if lock.age_s is not None:
            bins[next(nth for nth, (limit, _) in enumerate(AGES) if lock.age_s < limit)].append(lock)
    if not any(bins):
        return ()
    most = max(map(len, bins))
    spans = [Span("age  ", Role.DIM)]
    for (_, name), found in zip(AGES, bins, strict=True):
        level = max((lock.level for lock in found), key=lambda each: each.rank, default=Level.OK)
        role = LEVEL_ROLE[level] if level.rank >= Level.WARNING.rank else Role.SPARK
        glyph = LEVEL_GLYPH[level] if level.rank >= Level.WARNING.rank else ""
        height = -(-7 * len(found) // most)
        bar = Span(f"{'▁▂▃▄▅▆▇█'[height]}{glyph}", role) if found else Span("▁", Role.DIM)
        spans += [Span(f"{name} ", Role.DIM), bar, Span(f" {len(found)}  ", Role.TEXT if found else Role.DIM)]
    return (tuple(spans),)


def _row(lock: Lock) -> Row:
    name = f"{lock.row.kind} {lock.row.task_id}"
    role = {Level.CRITICAL: Role.CRITICAL, Level.WARNING: Role.WARNING}.get(lock.level, Role.DIM)
    left = cell("no end", Role.WARNING) if lock.left_s is None else age(lock.left_s, lock.level)
    return Row(
        f"lock:{lock.key}",
        lock.level,
        (
            cell(name),
            cell(lock.row.worker_id or "–"),
            cell(lock.state, role),
            age(lock.age_s),
            left,
        ),
        (name, lock.row.worker_id, lock.state, lock.age_s, lock.left_s),
    )
