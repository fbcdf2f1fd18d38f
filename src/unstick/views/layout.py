"""Spans laid out in cells: every function here gives lines of exactly the width that was asked for.

How wide a text is, is asked of ``measure``: whoever paints knows its terminal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from unstick.facts.text import CELL_LIMIT, clean
from unstick.views.pane import Column, Line, Role, Span

Measure = Callable[[str], int]

GAP = 2
"""Cells between two columns."""
_WIDEST = 44
"""A titled column that is not the last grows no further, so that numbers stay near their names."""
_LONGEST = 8 * CELL_LIMIT
"""Far beyond what data may bring: a text that was cut where it entered is not cut again."""
_FAULTS = frozenset({Role.WARNING, Role.CRITICAL, Role.UNKNOWN, Role.STALE})
_DANGLING = re.compile(r" (\([^()]{0,8})?$")
"""A blank, or a parenthesis that has only begun, where a text is cut: it says nothing."""
_MODIFIERS = re.compile("[\ufe00-\ufe0f\U0001f3fb-\U0001f3ff]")
_FLAGS = {0x1F1E6 + nth: chr(ord("A") + nth) for nth in range(26)}


class Placed(NamedTuple):
    """A column that fits: its place among the cells of a row, and the cells it was given."""

    nth: int
    column: Column
    width: int


def shown(text: str) -> str:
    """``text`` as it may reach a terminal; what terminals disagree on the width of goes, flags become letters."""
    if text.isascii() and text.isprintable():
        return text if len(text) <= _LONGEST else clean(text, _LONGEST)
    return _agreed(text)


@lru_cache(maxsize=1024)
def _agreed(text: str) -> str:
    return clean(_MODIFIERS.sub("", text).translate(_FLAGS), _LONGEST)


def width_of(line: Line, measure: Measure) -> int:
    """Cells that ``line`` takes."""
    return sum(measure(shown(span.text)) for span in line)


def fit(line: Line, width: int, measure: Measure, *, right: bool = False) -> Line:
    """``line`` in exactly ``width`` cells: padded, or cut with an ellipsis.

    >>> fit((Span("abcdef"),), 4, len)
    (Span(text='abc…', role=<Role.TEXT: 'text'>),)
    """
    if width <= 0:
        return ()
    spans = tuple(Span(shown(span.text), span.role) for span in line if span.text)
    free = width - sum(measure(span.text) for span in spans)
    if free < 0:
        return _cut(spans, width, measure)
    if free == 0:
        return spans
    pad = Span(" " * free)
    return (pad, *spans) if right else (*spans, pad)


def _cut(spans: tuple[Span, ...], width: int, measure: Measure) -> Line:
    out: list[Span] = []
    left = width - 1
    role = Role.TEXT
    for span in spans:
        role = span.role
        text = _head(span.text, left, measure)
        if text:
            out.append(Span(text, role))
            left -= measure(text)
        if text != span.text:
            break
    if out and (dangling := _DANGLING.search(out[-1].text)) and dangling.start():
        left += measure(dangling[0])
        out[-1] = Span(out[-1].text[: dangling.start()], out[-1].role)
    tail = "…" + " " * left
    if out and out[-1].role == role:
        return (*out[:-1], Span(out[-1].text + tail, role))
    return (*out, Span(tail, role))


def _head(text: str, width: int, measure: Measure) -> str:
    """The longest beginning of ``text`` that fits."""
    if measure(text) <= width:
        return text
    end = min(len(text), width)
    while end and measure(text[:end]) > width:
        end -= 1
    while end < len(text) and measure(text[: end + 1]) <= width:
        end += 1
    return text[:end]


def wrap(line: Line, width: int, measure: Measure) -> tuple[Line, ...]:
    """``line`` broken into lines of at most ``width`` cells, between words where there are any."""
    out: list[Line] = []
    current: list[Span] = []
    left = max(1, width)
    for span in line:
        for word in re.findall(r"\S+\s*|\s+", shown(span.text)):
            rest = word
            if measure(rest.rstrip()) > left and left < width:
                out.append(tuple(current))
                current, left = [], width
            while measure(rest.rstrip()) > left:
                head = _head(rest, left, measure) or rest[:1]
                out.append((*current, Span(head, span.role)))
                current, left, rest = [], max(1, width), rest[len(head) :]
            text = _head(rest, left, measure)
            current.append(Span(text, span.role))
            left -= measure(text)
    return (*out, tuple(current)) if current or not out else tuple(out)


def columns(all_columns: Sequence[Column], width: int, wanted: Sequence[str] = ()) -> tuple[Placed, ...]:
    """The columns that fit into ``width``, in order: those with the highest ``priority`` number go first.

    ``wanted``: only those of these keys, in their order.
    """
    kept = list(enumerate(all_columns))
    if wanted:
        kept = sorted((one for one in kept if one[1].key in wanted), key=lambda one: wanted.index(one[1].key))
    while len(kept) > 1 and sum(c.width for _, c in kept) + GAP * (len(kept) - 1) > width:
        drop = max(range(len(kept)), key=lambda i: (kept[i][1].priority, i))
        del kept[drop]
    if not kept:
        return ()
    left = width - sum(c.width for _, c in kept) - GAP * (len(kept) - 1)
    grown = {index: c.width for index, c in kept}
    if left < 0:
        return (Placed(kept[0][0], kept[0][1], max(0, width)),)
    for index, column in sorted(kept, key=lambda item: item[0] == kept[-1][0]):
        share = _share(column, index, kept, left)
        grown[index] += share
        left -= share
    return tuple(Placed(index, column, grown[index]) for index, column in kept)


def _share(column: Column, index: int, kept: list[tuple[int, Column]], left: int) -> int:
    """What a flexible column gets of the ``left`` cells; the last column takes all that remains."""
    last = kept[-1][0]
    if not column.flex:
        return 0
    if index == last:
        return left
    weight = sum(c.flex for i, c in kept if i >= index or i == last)
    most = _WIDEST if column.title else left + column.width
    return max(0, min(left * column.flex // weight, most - column.width))


def draw_row(cells: Sequence[Line], placed: Sequence[Placed], width: int, measure: Measure) -> Line:
    """One row of a table. A cell that is not there is blank."""
    out: list[Span] = []
    for nth, place in enumerate(placed):
        if nth:
            out.append(Span(" " * GAP))
        cell = cells[place.nth] if place.nth < len(cells) else ()
        out += fit(cell, place.width, measure, right=place.column.align == "right")
    return fit(join(out), width, measure)


def draw_titles(placed: Sequence[Placed], width: int, measure: Measure, sort: tuple[str, bool] | None = None) -> Line:
    """The header row; ``sort`` is the sorted column's key and whether it descends.

    Where a title fills its column, the arrow takes a cell of the gap beside it.
    """
    gaps = [GAP if nth else 0 for nth in range(len(placed))]
    sizes = [place.width for place in placed]
    titles: list[Line] = [(Span(place.column.title, Role.DIM),) for place in placed]
    nth = next((nth for nth, place in enumerate(placed) if sort and place.column.key == sort[0]), None)
    if nth is not None and sort is not None:
        text = placed[nth].column.title + ("↓" if sort[1] else "↑")
        beside = nth if placed[nth].column.align == "right" else nth + 1
        if measure(shown(text)) > sizes[nth] and 0 < beside < len(placed):
            gaps[beside] -= 1
            sizes[nth] += 1
        titles[nth] = (Span(text, Role.ACCENT),)
    out: list[Span] = []
    for place, gap, size, title in zip(placed, gaps, sizes, titles, strict=True):
        out += [Span(" " * gap), *fit(title, size, measure, right=place.column.align == "right")]
    return fit(join(out), width, measure)


def draw_ends(parts: Sequence[Line], width: int, measure: Measure, *, keep_first: bool = True) -> Line:
    """Parts over one line: the first at the left, the others at the right.

    Where they do not fit, parts go from the middle: those without a fault first, never the last, and the first only
    if it need not be kept.
    """
    kept = [part for part in parts if part]
    while len(kept) > 2 and sum(width_of(part, measure) for part in kept) + GAP * (len(kept) - 1) > width:
        inner = range(1 if keep_first else 0, len(kept) - 1)
        del kept[min(inner, key=lambda nth: (_faulty(kept[nth]), abs(2 * nth - len(kept) + 1)))]
    if not kept:
        return fit((), width, measure)
    tail: list[Span] = []
    for part in kept[1:]:
        tail += [Span(" " * GAP), *part] if tail else part
    room = width - width_of(tuple(tail), measure)
    if tail and room > width_of(kept[0], measure):
        return fit(join((*fit(kept[0], room, measure), *tail)), width, measure)
    return fit(kept[0], width, measure)


def _faulty(part: Line) -> bool:
    return any(span.role in _FAULTS for span in part)


def join(spans: Iterable[Span]) -> Line:
    """Neighbours of one role become one span."""
    out: list[Span] = []
    for span in spans:
        if out and out[-1].role == span.role:
            out[-1] = Span(out[-1].text + span.text, span.role)
        elif span.text:
            out.append(span)
    return tuple(out)
