"""The verdict with the screen for itself: under each line what it rests on, holds, and what mends it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from unstick.facts.level import Level
from unstick.tui.mending import hint
from unstick.views.layout import GAP, Measure, wrap
from unstick.views.pane import Column, Line, PaneView, Role, Row, Span

_NAMES = 12
_FRAME = 6
"""Cells of a line beside its words: border, cursor, level."""
_SINCE = 10
_LEFT_OUT = frozenset({"rule", "shown in", "since"})
"""What only its page tells."""
_SOURCE = re.compile(r"  \([^()]*\)$")
"""Behind a piece of evidence: who said it and when, which its page tells, too."""
_MENDED = "mended by"
_FIRST = ("aside", "holds", "forecast", "what to do", _MENDED)
"""What one asks first, in that order; the rest follows as it was told."""


def spelled(view: PaneView, width: int, measure: Measure, overrides: Mapping[str, str]) -> PaneView:
    """``view`` in ``width`` cells with lines of details below each row; the cursor passes them by."""
    inside = max(30, width - _FRAME)
    room = inside - _SINCE - GAP
    columns = (Column("title", "", room, flex=1), Column("since", "", _SINCE, "right", priority=1))
    rows: list[Row] = []
    for row in view.rows:
        rows += [_more(row, "gap", ())] if rows else []
        rows += _titles(row, room, measure)
        rows += _details(row, inside, measure, overrides)
    return replace(view, columns=columns, rows=tuple(rows))


def _titles(row: Row, room: int, measure: Measure) -> Iterator[Row]:
    first, *rest = wrap(row.cells[0], room, measure)
    yield replace(row, cells=(first, row.cells[2]), sort=(row.sort[0], row.sort[2]))
    for place, words in enumerate(rest):
        yield _more(row, f"title|{place}", words)


def _details(row: Row, inside: int, measure: Measure, overrides: Mapping[str, str]) -> Iterator[Row]:
    told = [(_FIRST[0], "", row.cells[1])] if row.cells[1] != row.cells[2] else []
    name = ""
    for title, text in row.details:
        name = title or name
        keys = hint(row.command, overrides) if title == _MENDED else ()
        words = (*keys, Span("  "), Span(text, Role.DIM)) if keys else (Span(_SOURCE.sub("", text)),)
        if name not in _LEFT_OUT:
            told.append((name, title, words))
    told.sort(key=lambda each: _FIRST.index(each[0]) if each[0] in _FIRST else len(_FIRST))
    for nth, (_, title, words) in enumerate(told):
        for place, line in enumerate(wrap(words, inside - _NAMES, measure) if any(s.text for s in words) else ()):
            head = Span(f"{'' if place else title:<{_NAMES}}", Role.DIM)
            yield _more(row, f"{nth}|{place}", (head, *line))


def _more(row: Row, what: str, words: Line) -> Row:
    """A line that belongs to ``row``."""
    return Row(f"{row.key}|{what}", Level.OK, (words,), (), banner=True, below=True)
