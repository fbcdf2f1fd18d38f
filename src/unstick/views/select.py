"""Which rows are shown, in which order, and where the cursor stands among them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from unstick.facts.level import Level
from unstick.views.pane import Column, Row, SortValue
from unstick.views.ui import Sort, UiState

_SEARCHED = 2000
"""Characters of a row that a pattern is tried on."""


class Query(msgspec.Struct, frozen=True):
    """A parsed filter. ``error`` says why a pattern was taken as plain text."""

    text: str = ""
    pattern: bool = False
    inverted: bool = False
    error: str | None = None


def parse(text: str) -> Query:
    """``text``, ``/regex/`` or either with ``!`` before it.

    >>> parse("!/a+b/")
    Query(text='a+b', pattern=True, inverted=True, error=None)
    """
    body = text.strip()
    inverted = body.startswith("!")
    body = body[1:].lstrip() if inverted else body
    if not body:
        return Query()
    if len(body) > 2 and body.startswith("/") and body.endswith("/"):
        try:
            re.compile(body[1:-1])
        except re.error as error:
            return Query(body, inverted=inverted, error=f"not a pattern: {error}")
        return Query(body[1:-1], pattern=True, inverted=inverted)
    return Query(body, inverted=inverted)


def matcher(query: Query) -> Callable[[Row], bool] | None:
    """A test for rows, case-insensitive; ``None`` when every row passes."""
    if not query.text:
        return None
    if query.pattern:
        found = re.compile(query.text, re.IGNORECASE).search
        return lambda row: (found(_text(row)) is not None) != query.inverted
    needle = query.text.casefold()
    return lambda row: (needle in _text(row).casefold()) != query.inverted


def _text(row: Row) -> str:
    cells = " ".join("".join(span.text for span in cell) for cell in row.cells)
    return f"{row.key} {cells}"[:_SEARCHED]


def select(rows: tuple[Row, ...], columns: Sequence[Column], ui: UiState, sort: Sort | None) -> tuple[Row, ...]:
    """The rows to show. Without filter and sort these are the very rows that came, at no cost."""
    matches = matcher(parse(ui.query))
    if ui.faults_only:
        rows = tuple(row for row in rows if row.level is not Level.OK)
    if matches:
        rows = tuple(row for row in rows if matches(row))
    place = next((nth for nth, column in enumerate(columns) if sort and column.key == sort.column), None)
    return rows if sort is None or place is None else ordered(rows, place, descending=sort.descending)


def ordered(rows: tuple[Row, ...], place: int, *, descending: bool) -> tuple[Row, ...]:
    """Rows by the sort value of column ``place``; equal ones stay as told, those without a value come last."""
    known = [row for row in rows if _value(row, place) is not None]
    unknown = [row for row in rows if _value(row, place) is None]
    known.sort(key=lambda row: _comparable(_value(row, place)), reverse=descending)
    return (*known, *unknown)


def _value(row: Row, place: int) -> SortValue:
    return row.sort[place] if place < len(row.sort) else None


def _comparable(value: SortValue) -> tuple[bool, float, str]:
    if isinstance(value, str):
        return (True, 0.0, value.casefold())
    return (False, float(value or 0), "")


def stick(rows: Sequence[Row], key: str | None, place: int) -> int:
    """Where the cursor stands now: at its row wherever that went, else near its old ``place``."""
    if not rows:
        return 0
    place = max(0, min(place, len(rows) - 1))
    if key is None or rows[place].key == key:
        return place
    return next((nth for nth, row in enumerate(rows) if row.key == key), place)
