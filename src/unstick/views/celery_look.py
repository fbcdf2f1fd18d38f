"""What a Celery worker said when it was asked by hand, as a page over the board; with its age: it is said once."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from unstick.facts.celery_look import CeleryLook
from unstick.facts.level import Level
from unstick.facts.units import count, duration
from unstick.views.pane import Column, Line, PaneView, Role, Row, Span
from unstick.views.words import cell

KEY = "celery-look"
_COLUMNS = (Column("name", "", 12), Column("value", "", 40, flex=1))


class Asked(msgspec.Struct, frozen=True):
    """One question and what came of it: a look, or the trouble; neither, while the worker is waited for."""

    key: str
    """Of the worker's row."""
    hostname: str
    at: float
    """UTC seconds of the answer, of the question while there is none."""
    look: CeleryLook | None = None
    trouble: str = ""


def view(asked: Asked, now: float) -> PaneView:
    """The page at the instant ``now``."""
    age_s = max(0.0, now - asked.at)
    rows: tuple[Row, ...]
    if asked.trouble:
        rows, level, said = (_row("answer", cell(asked.trouble, Role.CRITICAL)),), Level.CRITICAL, "no answer"
    elif asked.look is None:
        rows, level, said = (_row("answer", cell("is waited for…", Role.DIM)),), Level.OK, "asked"
    else:
        rows, level, said = tuple(_rows(asked.look, asked.at)), Level.OK, "answered"
    summary = (Span(f"{said} {duration(age_s)} ago", Role.DIM),)
    note = (Span("esc closes   i asks again", Role.DIM),)
    return PaneView(KEY, f"{asked.hostname}, asked by hand", level, summary, (), _COLUMNS, rows, note)


def _rows(look: CeleryLook, at: float) -> Iterator[Row]:
    for name, value in (
        ("pool", look.pool),
        ("processes", _number(look.processes)),
        ("concurrency", _number(look.concurrency)),
        ("prefetch", _number(look.prefetch)),
        ("done", _number(look.done)),
        ("up", None if look.uptime_s is None else duration(look.uptime_s)),
    ):
        yield _row(name, cell(value) if value is not None else cell("–", Role.UNKNOWN))
    if not look.active:
        yield _row("in hand", cell("nothing", Role.DIM))
    for nth, task in enumerate(look.active):
        since = "" if task.started_at is None else f"for {duration(max(0.0, at - task.started_at))}"
        queue = f"from {task.queue}" if task.queue else ""
        words = "  ".join(filter(None, (since, queue, task.id)))
        told: Line = (*cell(task.name, Role.STRONG), *cell(f"  {words}", Role.DIM))
        yield Row(f"task:{nth}", Level.OK, (cell("" if nth else "in hand", Role.DIM), told), (task.name, task.id))


def _row(name: str, value: Line) -> Row:
    return Row(name, Level.OK, (cell(name, Role.DIM), value), ())


def _number(value: int | None) -> str | None:
    return None if value is None else count(value)
