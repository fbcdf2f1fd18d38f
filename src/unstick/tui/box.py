"""A pane as lines: border, title, summary, header row and the visible rows. Pure; the widget only paints it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from unstick.facts.level import Level
from unstick.tui.roles import Chrome, Drawn, Ground, Piece, on
from unstick.views.charts import draw_item
from unstick.views.layout import Measure, columns, draw_row, draw_titles, fit, join, width_of
from unstick.views.pane import LEVEL_GLYPH, LEVEL_ROLE, Field, Line, PaneView, Role, Row, Span
from unstick.views.ui import Sort

_LIGHT = "╭╮╰╯─│"
_HEAVY = "┏┓┗┛━┃"
_LOUD = {
    Level.CRITICAL: Chrome.BORDER_CRITICAL,
    Level.WARNING: Chrome.BORDER_WARNING,
    Level.UNKNOWN: Chrome.BORDER_UNKNOWN,
}
_TABLE = 9
"""Lines that a field of glyphs leaves to the table below it, where there are many."""
_WELL = "·"
"""Before a row that is well: small, so that the others are seen."""
_AIRY = 14
"""Inner lines from which the summary stands apart from the table."""


class Look(msgspec.Struct, frozen=True):
    """How the pane is looked at. ``cursor`` and ``top`` count rows; ``total`` is how many there are unfiltered."""

    number: str = ""
    focused: bool = False
    cursor: int = 0
    top: int = 0
    total: int = 0
    sort: Sort | None = None
    why_fewer: str = ""
    """What narrows the rows, in words: ``'"abc"'``, ``faults only``."""
    columns: tuple[str, ...] = ()
    """The keys of those to show, in order; empty: all that fit."""
    page: bool = False
    """A page: its rows stand without levels."""
    over: bool = False
    """It lies over the board, on its own ground."""

    @property
    def ground(self) -> Ground:
        """What the pane stands on."""
        return Ground.OVERLAY if self.over else Ground.SCREEN

    @property
    def gutter(self) -> int:
        """Cells before a row's first column: its level and a space."""
        return 0 if self.page else 2


class Inner(NamedTuple):
    """The lines inside a border, from top to bottom; ``first`` is the line of the first row."""

    summary: tuple[Line, ...]
    air: bool
    titles: bool
    first: int
    visible: int


class Picture(NamedTuple):
    """Drawn lines, and where the rows are among them."""

    lines: tuple[Drawn, ...]
    first: int
    visible: int


def inner(view: PaneView, rows: int, width: int, height: int, measure: Measure) -> Inner:
    """How the inside of a box of this size is shared out."""
    high = max(0, height - 2)
    field = high - _TABLE if high > 3 * _TABLE else max(min(2, high // 2), high // 3)
    summary = tuple(line for item in view.summary for line in draw_item(item, width - 4, measure, field))
    table = rows or (1 if view.empty or not summary else 0)
    titled = bool(rows) and any(column.title for column in view.columns) and high >= 4
    fields = any(isinstance(item, Field) for item in view.summary)
    keep = min(table, _TABLE - 1 if fields and high > 3 * _TABLE else max(1, high // 2)) + titled
    summary = summary[: max(0, high - keep)] if table else summary[:high]
    air = high >= _AIRY and bool(summary) and bool(table)
    first = 1 + len(summary) + air + titled
    return Inner(summary, air, titled, first, max(0, high - first + 1))


def scroll(top: int, cursor: int, visible: int, rows: int) -> int:
    """The first visible row: the old one, moved only as far as the cursor and the end ask for."""
    if visible <= 0:
        return 0
    top = min(top, max(0, rows - visible))
    return max(0, min(top, cursor), cursor - visible + 1)


def draw(view: PaneView, rows: Sequence[Row], look: Look, width: int, height: int, measure: Measure) -> Picture:
    """``height`` lines of ``width`` cells."""
    if height < 3 or width < 8:
        return _unboxed(view, rows, look, width, height, measure)
    parts = inner(view, len(rows), width, height, measure)
    room = width - 4
    body = [_padded(line) for line in parts.summary]
    if parts.air:
        body.append(_padded(fit((), room, measure)))
    placed = columns(view.columns, room - look.gutter, look.columns)
    if parts.titles:
        sort = (look.sort.column, look.sort.descending) if look.sort else None
        titles = draw_titles(placed, room - look.gutter, measure, sort)
        body.append(_padded((Span(" " * look.gutter), *titles)))
    if not rows and parts.visible and (view.empty or view.columns):
        body.append(_padded(fit(_nothing(view, look), room, measure)))
    grounded = [on(look.ground, line) for line in body]
    for nth in range(look.top, min(len(rows), look.top + parts.visible)):
        inside = room - look.gutter
        row = rows[nth]
        cells = fit(row.cells[0], inside, measure) if row.banner else draw_row(row.cells, placed, inside, measure)
        grounded.append(_row(rows[nth], cells, look, here=look.focused and nth == look.cursor))
    blank = on(look.ground, (Span(" " * (width - 2)),))
    grounded += [blank] * (height - 2 - len(grounded))
    return Picture(_framed(view, look, grounded, parts, len(rows), width, measure), parts.first, parts.visible)


def _padded(line: Line) -> Line:
    return join((Span(" "), *line, Span(" ")))


def _row(row: Row, cells: Line, look: Look, *, here: bool) -> Drawn:
    ground = Ground.CURSOR if here else look.ground
    mark = Piece("▌" if here else " ", Chrome.CURSOR, ground)
    well = Span(" " if row.below else _WELL)
    level = Span(LEVEL_GLYPH[row.level], LEVEL_ROLE[row.level]) if row.level.rank else well
    glyph = () if look.page else (level, Span(" "))
    return (mark, *on(ground, join((*glyph, *cells, Span(" ")))))


def _nothing(view: PaneView, look: Look) -> Line:
    if look.total:
        return (Span(f"none of {look.total:,} rows: {look.why_fewer}", Role.DIM),)
    return view.empty or (Span("nothing to show", Role.DIM),)


def _framed(
    view: PaneView, look: Look, body: list[Drawn], parts: Inner, rows: int, width: int, measure: Measure
) -> tuple[Drawn, ...]:
    glyphs = _HEAVY if look.focused else _LIGHT
    role = _border_role(view.level, focused=look.focused)
    thumb = _thumb(look.top, parts.visible, rows)
    side = Piece(glyphs[5], role, look.ground)
    sides: list[Drawn] = []
    for nth, line in enumerate(body):
        on_thumb = thumb is not None and thumb[0] <= nth + 1 - parts.first < thumb[1]
        sides.append((side, *line, Piece("█", Chrome.THUMB, look.ground) if on_thumb else side))
    edge = _Edge(glyphs[4], role, look.ground, width, measure)
    top = edge.draw(glyphs[0], _title(view, look), view.counts, glyphs[1])
    bottom = edge.draw(glyphs[2], view.note, _range(look, parts, rows), glyphs[3])
    return (top, *sides, bottom)


def _border_role(level: Level, *, focused: bool) -> str:
    return _LOUD.get(level, Chrome.FOCUS if focused else Chrome.BORDER)


def _title(view: PaneView, look: Look) -> Line:
    number = (Span(f"{look.number} ", Role.KEY),) if look.number else ()
    if view.level is Level.OK:
        return (*number, Span(view.title, Role.TITLE))
    return (Span(LEVEL_GLYPH[view.level], LEVEL_ROLE[view.level]), Span(" "), *number, Span(view.title, Role.TITLE))


def _range(look: Look, parts: Inner, rows: int) -> Line:
    shown = f"{look.top + 1}-{min(rows, look.top + parts.visible)} of {rows:,}" if rows > parts.visible else ""
    if rows < look.total:
        few = f"{rows:,} of {look.total:,}: {look.why_fewer}"
        return (Span(f"{shown} · {few}" if shown else few, Role.ACCENT),)
    return (Span(shown, Role.DIM),) if shown else ()


class _Edge(NamedTuple):
    """A border line with a title at its left and words at its right; the words go first when it is narrow."""

    rule: str
    role: str
    ground: Ground
    width: int
    measure: Measure

    def draw(self, left: str, title: Line, tail: Line, right: str) -> Drawn:
        room = self.width - 4
        inside = self._words(title, room - 2)
        room -= sum(self.measure(piece.text) for piece in inside)
        after = self._words(tail, room - 3) if room >= 8 else ()
        room -= sum(self.measure(piece.text) for piece in after)
        return (self._piece(left + self.rule), *inside, self._piece(self.rule * room), *after,
                self._piece(self.rule + right))  # fmt: skip

    def _words(self, line: Line, most: int) -> Drawn:
        size = min(width_of(line, self.measure), most)
        return (
            (self._piece(" "), *on(self.ground, fit(line, size, self.measure)), self._piece(" ")) if size > 0 else ()
        )

    def _piece(self, text: str) -> Piece:
        return Piece(text, self.role, self.ground)


def _thumb(top: int, visible: int, rows: int) -> tuple[int, int] | None:
    """First and end line of the scroll thumb among the visible rows."""
    if visible <= 0 or rows <= visible:
        return None
    size = max(1, visible * visible // rows)
    start = round(top / (rows - visible) * (visible - size))
    return start, start + size


def _unboxed(view: PaneView, rows: Sequence[Row], look: Look, width: int, height: int, measure: Measure) -> Picture:
    """Too small for a border: name and counts of a pane, then the worst rows, else the summary, a line each."""
    lines: list[Line] = []
    if look.number:
        lines.append((Span(" "), *_title(view, look), Span("  "), *view.counts))
    head = len(lines)
    for row in rows[: max(0, height - head)]:
        words = [span for cell in row.cells for span in (*cell, Span("  "))]
        lines.append((Span(f" {LEVEL_GLYPH[row.level]} ", LEVEL_ROLE[row.level]), *words))
    if not rows:
        told = [line for item in view.summary for line in draw_item(item, max(0, width - 3), measure)]
        mark = Span(f" {LEVEL_GLYPH[view.level]} ", LEVEL_ROLE[view.level])
        lines += [(mark if nth == 0 else Span("   "), *line) for nth, line in enumerate(told or [view.empty])]
    lines = [*lines[:height], *[()] * (height - len(lines))]
    hidden = len(rows) - (height - head)
    if height and hidden > 0:
        more = (Span(f"  +{hidden} ", Role.DIM),)
        size = min(width, width_of(more, measure))
        lines[-1] = (*fit(lines[-1], width - size, measure), *more)
    visible = max(0, min(height - head, len(rows)))
    return Picture(tuple(on(look.ground, fit(line, width, measure)) for line in lines), head, visible)
