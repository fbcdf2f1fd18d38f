"""Queues, told."""

from __future__ import annotations

from unstick.board.board import Board
from unstick.board.queues import Queue
from unstick.facts.level import Level
from unstick.facts.units import count, duration
from unstick.views.charts import curve
from unstick.views.flow import Flow, flow
from unstick.views.pane import Column, Line, PaneView, Role, Row, Span, Spark
from unstick.views.words import absent, age, cell, nothing, number, tally

ABOUT = "The queues of every broker, the fullest and the oldest first."
COLUMNS = (
    Column("queue", "queue", 14, flex=2, about="its name"),
    Column("place", "on", 10, flex=1, priority=4, about="the job system, and its broker or virtual host"),
    Column("ready", "ready", 5, "right", about="messages that wait"),
    Column("trend", "trend", 8, priority=3, about="how many waited in the last eighty seconds"),
    Column("in_flight", "running", 7, "right", priority=4, about="delivered and not acknowledged"),
    Column(
        "in",
        "in/m",
        5,
        "right",
        priority=5,
        about="messages that came within the last minute, at least: what came and went between two looks is not seen",
    ),
    Column("out", "out/m", 5, "right", priority=5, about="messages that went within the last minute, at least"),
    Column(
        "drain",
        "empty in",
        8,
        "right",
        priority=1,
        about="when it is empty at this rate, or by how much it grows a minute",
    ),
    Column("oldest", "oldest", 6, "right", priority=2, about="age of the message at its head"),
    Column("delayed", "delayed", 7, "right", priority=8, about="messages that wait for their time"),
    Column("dead", "dead", 4, "right", priority=6, about="messages that were given up"),
    Column("consumers", "cons", 4, "right", priority=7, about="who takes from it"),
)
LEAST = 10.0
"""Messages below which a trend is noise, and looks like it."""
TREND = 8
"""Cells of two columns of five seconds each: eighty seconds."""


def view(board: Board) -> PaneView:
    """One row per queue, the worst first."""
    queues = board.subjects.queues
    if queues is None:
        return absent("queues", "Queues", "set redis.url, rabbitmq.url or [[celery]]")
    found = queues.count if queues.items or queues.waiting is not None else None
    counts = tally((found, "queues", Role.TEXT), (queues.waiting, "waiting", Role.ACCENT))
    waiting = Spark("waiting", board.memory.values("queues:waiting"), count(queues.waiting), least=LEAST)
    more = queues.count - len(queues.items)
    note = (Span(f"showing {len(queues.items)} of {queues.count}", Role.DIM),) if more > 0 else ()
    return PaneView(
        "queues",
        "Queues",
        queues.level,
        counts,
        (waiting,),
        COLUMNS,
        tuple(_row(queue, board) for queue in queues.items),
        note,
        nothing("no queue has been seen", queues.waiting),
    )


def _row(queue: Queue, board: Board) -> Row:
    bad = queue.level if queue.level.rank >= Level.WARNING.rank else Level.OK
    place = f"{queue.system} {queue.place}" if queue.place != queue.system else queue.system
    name = f"queue:{queue.key}"
    moves = flow(board.memory, name, queue.ready, queue.growth_per_min)
    history = board.memory.values(name)[-2 * TREND :]
    return Row(
        f"queue:{queue.key}",
        queue.level,
        (
            cell(queue.name),
            cell(place, Role.DIM),
            number(queue.ready, bad),
            (Span(curve(history, TREND, least=LEAST), Role.SPARK),) if any(history) else (),
            number(queue.in_flight),
            rate(moves.in_per_min),
            rate(moves.out_per_min),
            _drain(moves),
            age(queue.oldest_s) if queue.ready else cell("·", Role.DIM),
            number(queue.delayed),
            number(queue.dead),
            number(queue.consumers, Level.CRITICAL if queue.consumers == 0 and queue.ready else Level.OK),
        ),
        (
            queue.name,
            place,
            queue.ready,
            queue.growth_per_min,
            queue.in_flight,
            moves.in_per_min,
            moves.out_per_min,
            moves.drain_s,
            queue.oldest_s,
            queue.delayed,
            queue.dead,
            queue.consumers,
        ),
    )


def _drain(moves: Flow) -> Line:
    """When it will be empty; by how much it grows, where it does."""
    if moves.growth_per_min is None:
        return cell("–", Role.DIM)
    if moves.drain_s is not None:
        return cell(duration(moves.drain_s))
    if moves.growth_per_min >= 0.5:
        return cell(f"+{count(moves.growth_per_min)}/m", Role.ACCENT)
    return cell("·", Role.DIM)


def rate(per_min: float | None) -> Line:
    """Messages per minute; none is a dot."""
    if per_min is None:
        return cell("–", Role.DIM)
    return cell("·", Role.DIM) if per_min < 0.5 else cell(count(per_min))


def growth(per_min: float | None) -> Line:
    """A rate of change; standing still is a dot."""
    if per_min is None:
        return (Span("–", Role.DIM),)
    if abs(per_min) < 0.5:
        return (Span("·", Role.DIM),)
    return (Span(f"{'+' if per_min > 0 else '-'}{count(abs(per_min))}", Role.ACCENT if per_min > 0 else Role.DIM),)
