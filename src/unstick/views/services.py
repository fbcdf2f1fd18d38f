"""Services, told: workers' endpoints, and every source with what asking it costs."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.board import Board
from unstick.board.services import Service
from unstick.facts.level import Level
from unstick.facts.units import brief, count, duration, size
from unstick.views.answers import answers
from unstick.views.charts import blocks
from unstick.views.pane import Column, PaneView, Role, Row, Span
from unstick.views.words import age, cell, details, tally

ABOUT = "Every source that is asked: what it answers, how long that takes, and what asking costs it."
COLUMNS = (
    Column("service", "service", 20, flex=1, about="the source, by what is read there"),
    Column("age", "age", 6, "right", about="how old its newest answer is"),
    Column("took", "took", 6, "right", priority=1, about="how long the answer took"),
    Column("cost", "asks/s", 7, "right", priority=2, about="questions a second that unstick asks it"),
    Column("bytes", "B/s", 6, "right", priority=3, about="bytes a second that go to and fro"),
    Column("note", "says", 12, flex=3, priority=1, about="what is wrong, else what it says"),
)

HISTORY = 48
"""Columns of five seconds: four minutes."""


def view(board: Board) -> PaneView:
    """One row per source, the worst first."""
    services = board.subjects.services
    up = sum(item.state.state == "fresh" for item in services.items)
    waiting = sum(item.state.pending for item in services.items)
    queries = sum(item.queries_per_s for item in services.items)
    counts = (
        *tally((up, f"of {len(services.items)} up", Role.OK), (waiting, "connecting", Role.UNKNOWN)),
        Span(f"  {queries:.1f} asks/s", Role.DIM),
    )
    told = answers(board)
    rows = tuple(_row(item, board, told.get(item.name, "")) for item in services.items)
    return PaneView("services", "Services", services.level, counts, (), COLUMNS, rows)


def _row(item: Service, board: Board, answer: str) -> Row:
    state = item.state
    took = state.cost.took_s * 1000
    fresh = state.state == "fresh"
    return Row(
        f"service:{item.name}",
        Level.UNKNOWN if state.pending else item.level,
        (
            cell(item.name),
            age(state.age_s),
            cell(f"{took:.0f}ms" if took >= 1 else "<1ms") if fresh else cell("–", Role.UNKNOWN),
            cell(f"{item.queries_per_s:.1f}", Role.DIM),
            cell(size(item.bytes_per_s), Role.DIM),
            cell(_says(item) or answer, Role.TEXT if item.level.rank else Role.DIM),
        ),
        (item.name, state.age_s, took, item.queries_per_s, item.bytes_per_s, item.note),
        (
            *_told(item, board),
            *details("source", (f"{state.source.server}, asked every {brief(state.source.interval_s)}",)),
            *details("trouble", (state.trouble.text,) if state.trouble and not state.pending else ()),
            *details("address", (item.worker.address,) if item.worker else ()),
        ),
    )


def _told(item: Service, board: Board) -> Iterator[tuple[str, str]]:
    """What is wrong with it, what it is like, and how its main number went lately."""
    judged = item.judged
    if judged is None:
        return
    for problem in judged.problems:
        yield from details(problem.level.value, (problem.title, *problem.evidence))
    names = dict.fromkeys(name for name, _ in judged.told)
    for name in names:
        yield from details(name, (text for key, text in judged.told if key == name))
    history = board.memory.values(f"{item.name}:{judged.charted}")
    if any(history):
        peak = max(value for value in history if value is not None)
        yield from details(judged.charted, (f"{blocks(history, HISTORY)} up to {peak:g}",))


def _says(item: Service) -> str:
    if item.state.pending:
        return "connecting"
    parts = [item.note] if item.note else []
    if item.worker is not None and item.state.state == "fresh":
        if item.worker.uptime_s is not None:
            parts.append(f"up {duration(item.worker.uptime_s)}")
        if item.worker.processed is not None:
            parts.append(f"{count(item.worker.processed)} done")
        if item.per_min is not None:
            parts.append(f"{count(item.per_min)}/min")
    return ", ".join(parts)
