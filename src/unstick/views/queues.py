"""Queues, told."""

from __future__ import annotations

from unstick.board.board import Board
from unstick.board.queues import Queue
from unstick.facts.level import Level
from unstick.facts.units import count
from unstick.views.pane import Column, Line, PaneView, Role, Row, Span, Spark
from unstick.views.words import absent, age, cell, nothing, number, span, tally

COLUMNS = (
    Column("queue", "queue", 16, flex=2),
    Column("ready", "ready", 6, "right"),
    Column("in_flight", "running", 7, "right", priority=1),
    Column("delayed", "delayed", 7, "right", priority=5),
    Column("dead", "dead", 5, "right", priority=3),
    Column("consumers", "cons", 4, "right", priority=6),
    Column("oldest", "oldest", 7, "right", priority=2),
    Column("growth", "/min", 6, "right", priority=2),
)


def view(board: Board) -> PaneView:
    """One row per queue, the worst first."""
    queues = board.subjects.queues
    if queues is None:
        return absent("queues", "Queues", "set redis.url, rabbitmq.url or [[celery]]")
    found = queues.count if queues.items or queues.waiting is not None else None
    counts = tally((found, "queues", Role.TEXT), (queues.waiting, "waiting", Role.ACCENT))
    waiting = Spark("waiting", board.memory.values("queues:waiting"), count(queues.waiting))
    more = queues.count - len(queues.items)
    note = (Span(f"showing {len(queues.items)} of {queues.count}", Role.DIM),) if more > 0 else ()
    return PaneView(
        "queues",
        "Queues",
        queues.level,
        counts,
        (waiting,),
        COLUMNS,
        tuple(_row(queue) for queue in queues.items),
        note,
        nothing("no queue has been seen", queues.waiting),
    )


def _row(queue: Queue) -> Row:
    bad = queue.level if queue.level.rank >= Level.WARNING.rank else Level.OK
    place = f"{queue.system} {queue.place}" if queue.place != queue.system else queue.system
    return Row(
        f"queue:{queue.key}",
        queue.level,
        (
            (span(queue.name), span(f"  {place}", Role.DIM)),
            number(queue.ready, bad),
            number(queue.in_flight),
            number(queue.delayed),
            number(queue.dead),
            number(queue.consumers, Level.CRITICAL if queue.consumers == 0 and queue.ready else Level.OK),
            age(queue.oldest_s) if queue.ready else cell("·", Role.DIM),
            growth(queue.growth_per_min),
        ),
        (
            queue.name,
            queue.ready,
            queue.in_flight,
            queue.delayed,
            queue.dead,
            queue.consumers,
            queue.oldest_s,
            queue.growth_per_min,
        ),
    )


def growth(per_min: float | None) -> Line:
    """A rate of change; standing still is a dot."""
    if per_min is None:
        return (Span("–", Role.DIM),)
    if abs(per_min) < 0.5:
        return (Span("·", Role.DIM),)
    return (Span(f"{'+' if per_min > 0 else '-'}{count(abs(per_min))}", Role.ACCENT if per_min > 0 else Role.DIM),)
