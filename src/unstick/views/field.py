"""A field: one glyph for each of many things. Where they do not fit, one stands for the worst of several."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from unstick.facts.level import Level
from unstick.views.layout import Measure, fit, join
from unstick.views.pane import Field, Line, Role, Span

GLYPHS = {"w": "▪", "l": "▫", "?": "?", "!": "▲", "x": "✖"}
"""Well, left, unknown, warned, critical: from the best to the worst."""
_ROLES = {"w": Role.OK, "l": Role.DIM, "?": Role.UNKNOWN, "!": Role.WARNING, "x": Role.CRITICAL}
_WORSE = "lw?!x"
MARKS = {Level.OK: "w", Level.UNKNOWN: "?", Level.WARNING: "!", Level.CRITICAL: "x"}
_BETWEEN = 2


def draw_field(field: Field, width: int, most: int, measure: Measure) -> tuple[Line, ...]:
    """At most ``most`` lines of ``width`` cells: with the names of groups where there is room, else dense."""
    if width < 1 or most < 1 or not field.groups:
        return ()
    named = _named(field, width, measure)
    if len(named) <= most:
        return tuple(fit(line, width, measure) for line in named)
    marks = "".join(marks for _, marks in field.groups)
    parted = len(marks) + len(field.groups) - 1
    if parted <= width * most:
        text = " ".join(marks for _, marks in field.groups)
        return _dense(text, width, measure)
    return _thinned(marks, width, most, measure)


def _named(field: Field, width: int, measure: Measure) -> list[Line]:
    """Groups after their names; one that fits into a line is not broken."""
    lines: list[list[Span]] = [[]]
    left = width
    for name, all_marks in field.groups:
        label, marks = Span(f"{name} ", Role.DIM), all_marks
        size = measure(label.text)
        if left < width and min(size + len(marks), width) > left - _BETWEEN:
            lines.append([])
            left = width
        elif left < width:
            lines[-1].append(Span(" " * _BETWEEN))
            left -= _BETWEEN
        lines[-1].append(label)
        left -= size
        while marks:
            if left <= 0:
                lines.append([])
                left = width
            head, marks = marks[:left], marks[left:]
            lines[-1] += _spans(head)
            left -= len(head)
    return [join(line) for line in lines]


def _dense(text: str, width: int, measure: Measure) -> tuple[Line, ...]:
    """Cell after cell; a blank parts two groups."""
    chunks = [text[place : place + width] for place in range(0, len(text), width)]
    return tuple(fit(join(_spans(chunk)), width, measure) for chunk in chunks)


def _spans(marks: str) -> Iterator[Span]:
    for mark, run in groupby(marks):
        size = len(list(run))
        yield Span(" " * size) if mark == " " else Span(GLYPHS[mark] * size, _ROLES[mark])


def _thinned(marks: str, width: int, most: int, measure: Measure) -> tuple[Line, ...]:
    """One cell for so many that all fit, in the state of the worst of them; the last line says for how many."""
    lines = max(1, most - 1)
    each = -(-len(marks) // (width * lines))
    worst = [max(marks[place : place + each], key=_WORSE.index) for place in range(0, len(marks), each)]
    told = (Span(f"{len(marks):,}: {each} in a cell, the worst is shown", Role.DIM),)
    drawn = _dense("".join(worst), width, measure)[:lines]
    return (*drawn, fit(told, width, measure)) if most > 1 else drawn
