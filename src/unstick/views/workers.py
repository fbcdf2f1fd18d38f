"""Workers, told."""

from __future__ import annotations

from unstick.board.board import Board
from unstick.board.workers import Holds, Worker, Workers
from unstick.facts.level import Level
from unstick.facts.text import natural
from unstick.facts.units import count
from unstick.views.field import MARKS
from unstick.views.pane import Column, Field, Line, PaneView, Role, Row, Span
from unstick.views.words import absent, age, cell, details, nothing, span, tally

ABOUT = "The workers that were seen, the worst first: every sign of life, and what each still holds."
COLUMNS = (
    Column("worker", "worker", 14, flex=1, about="its id; of Dramatiq the broker and eight characters of its UUID"),
    Column(
        "kind", "kind", 8, priority=4, about="crawler, dramatiq, celery or http: where its signs of life come from"
    ),
    Column("seen", "last sign", 9, "right", about="how long ago it gave its last sign of life"),
    Column("holds", "holds", 10, priority=1, about="P proxies, T tasks, L locks, M messages not acknowledged"),
    Column("note", "note", 12, flex=3, priority=3, about="what is wrong with it, in words"),
)


def view(board: Board) -> PaneView:
    """One row per worker, the worst first."""
    workers = board.subjects.workers
    if workers is None:
        return absent("workers", "Workers", "set redis.url, postgres.url or [[health]]")
    counts = tally(
        (None if workers.alive is None else workers.alive - (workers.stalled or 0), "●", Role.OK),
        (workers.dead, "✖", Role.CRITICAL),
        (workers.stalled, "stalled", Role.CRITICAL),
        (workers.unknown, "?", Role.UNKNOWN),
    )
    rows = tuple(_row(worker) for worker in workers.items)
    empty = nothing("no worker has been seen", workers.total)
    summary = (_field(workers),) if workers.items else ()
    return PaneView("workers", "Workers", workers.level, counts, summary, COLUMNS, rows, (), empty)


def _field(workers: Workers) -> Field:
    """A cell for every worker, by container or by kind, always in the same order."""
    groups: dict[str, list[Worker]] = {}
    for worker in workers.items:
        groups.setdefault(worker.container or worker.kind, []).append(worker)
    return Field(
        tuple(
            (span(name).text, "".join(_mark(worker) for worker in sorted(group, key=lambda w: natural(w.id))))
            for name, group in sorted(groups.items(), key=lambda item: natural(item[0]))
        )
    )


def _mark(worker: Worker) -> str:
    return "l" if worker.life == "left" else MARKS[worker.level]


def worker_key(worker: Worker) -> str:
    """The key of its row and of its page."""
    return f"worker:{worker.source}:{worker.id}"


def _row(worker: Worker) -> Row:
    dim = Role.DIM if worker.life == "left" else Role.TEXT
    held = sum(
        value or 0 for value in (worker.holds.proxies, worker.holds.locks, worker.holds.tasks, worker.holds.unacked)
    )
    return Row(
        worker_key(worker),
        worker.level,
        (
            cell(worker.name, dim),
            cell(worker.kind, Role.DIM),
            age(worker.last_seen_s, worker.level),
            holds(worker.holds),
            cell(worker.note, dim if worker.level is Level.OK else Role.TEXT),
        ),
        (worker.id, worker.kind, worker.last_seen_s, held, worker.note),
        (
            *details("id", (worker.id,)),
            *details("container", (worker.container or "–",)),
            *details("seen by", (worker.source,)),
            *details("holds", _spelled(worker.holds)),
        ),
    )


def holds(held: Holds) -> Line:
    """What a worker holds, in short: ``2P 1T 3L 4M``; nothing is a dot."""
    counts = ((held.proxies, "P"), (held.tasks, "T"), (held.locks, "L"), (held.unacked, "M"))
    text = " ".join(f"{count(value)}{letter}" for value, letter in counts if value)
    return (Span(text),) if text else (Span("·", Role.DIM),)


def _spelled(held: Holds) -> list[str]:
    """Every kind of thing it could hold, with what nobody could tell."""
    counts = (("proxies", held.proxies), ("tasks", held.tasks), ("locks", held.locks), ("messages", held.unacked))
    return [f"{word}: {'unknown' if value is None else value}" for word, value in counts]
