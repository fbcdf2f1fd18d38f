"""The place in time as a line: how bad it was at every moment, where one stands, what happened, what is missing.

A level differs from another in its glyph, not by colour alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from unstick.facts.level import Level, worst
from unstick.facts.place import Place, Tick
from unstick.facts.units import clock_time, duration, timestamp
from unstick.views.layout import Measure, fit, join, width_of, wrap
from unstick.views.pane import LEVEL_ROLE, Line, Role, Span

GLYPH = {Level.OK: "▁", Level.UNKNOWN: "?", Level.WARNING: "▅", Level.CRITICAL: "█"}
TICK_GLYPH = {"mark": "◆", "action": "■"}
AHEAD, GAP, HERE, FIRST = "·", " ", "┃", "A"
_NICE_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
"""Of a recording that grows: so many seconds a cell, so that the line moves by whole cells and seldom."""
_DATED, _TIMED = 110, 100
"""Cells from which there is room for a date, and for the time of a caption."""


class Scale(NamedTuple):
    """``size`` cells of ``cell_s`` seconds from ``begin_at`` on, behind ``head`` and before ``tail``."""

    head: str
    tail: str
    size: int
    begin_at: float
    cell_s: float

    def cell(self, at: float) -> int:
        """The cell of an instant."""
        return max(0, min(self.size - 1, int((at - self.begin_at) / self.cell_s)))


def scale(place: Place, width: int) -> Scale:
    """How the time of ``place`` is laid out over ``width`` cells."""
    day = (timestamp(place.first_at) or "")[:10]
    head = f" {day} " if width >= _DATED and not place.grows else " "
    head += f"{clock_time(place.first_at, seconds=False)} "
    span = place.last_at - place.first_at
    tail = f" {clock_time(place.last_at, seconds=False)}  {_folded(place) or _span(span):>5} "
    size = width - len(head) - len(tail)
    if size < 8:
        head, tail, size = "", "", max(1, width)
    if not place.grows:
        return Scale(head, tail, size, place.first_at, max(span, 0.001) / size)
    cell_s = next((step for step in _NICE_S if step * (size - 1) >= span), span / size or 1.0)
    return Scale(head, tail, size, (place.last_at // cell_s - size + 1) * cell_s, cell_s)


def _folded(place: Place) -> str:
    """How much of what was before is folded, while what is shown waits for it."""
    if place.since_at is None:
        return ""
    share = (place.folded_at - place.first_at) / max(place.at - place.first_at, 0.001)
    return f"≈ {min(99, max(0, int(share * 100)))}%"


def _span(seconds: float) -> str:
    """Whole minutes: what stands beside a line that grows should not move every second."""
    return duration(seconds) if seconds < 60 else duration(seconds - seconds % 60).replace("m00s", "m")


def draw_scrub(place: Place, width: int, measure: Measure) -> Line:
    """The line."""
    if width <= 0:
        return ()
    lay = scale(place, width)
    cells = [Span(*_told(level)) for level in _levels(place, lay)]
    for tick in place.ticks:
        if tick.at >= lay.begin_at:
            cells[lay.cell(tick.at)] = Span(TICK_GLYPH.get(tick.kind, "◆"), Role.ACCENT)
    if place.compared_at is not None and place.compared_at >= lay.begin_at:
        cells[lay.cell(place.compared_at)] = Span(FIRST, Role.KEY)
    if not place.following:
        cells[lay.cell(place.at)] = Span(HERE, Role.KEY)
    return fit(join([Span(lay.head, Role.DIM), *cells, Span(lay.tail, Role.DIM)]), width, measure)


def scrubbed(place: Place, width: int, x: int) -> float | None:
    """The instant under cell ``x`` of the line; ``None`` beside it."""
    lay = scale(place, width)
    cell = x - len(lay.head)
    if not 0 <= cell < lay.size:
        return None
    return min(max(lay.begin_at + (cell + 0.5) * lay.cell_s, place.first_at), place.last_at)


def _told(level: Level | str) -> tuple[str, Role]:
    if isinstance(level, Level):
        return GLYPH[level], LEVEL_ROLE[level]
    return level, Role.DIM


def _levels(place: Place, lay: Scale) -> Iterator[Level | str]:
    """The worst level of every cell; a glyph where none is known."""
    stretches = iter(place.stretches)
    stretch = next(stretches, None)
    for cell in range(lay.size):
        begin, end = lay.begin_at + cell * lay.cell_s, lay.begin_at + (cell + 1) * lay.cell_s
        found: list[Level] = []
        while stretch is not None and stretch.begin < end:
            if stretch.end >= begin:
                found.append(stretch.level)
            if stretch.end >= end:
                break
            stretch = next(stretches, None)
        if found:
            yield worst(found)
        else:
            yield AHEAD if begin > place.surveyed_at else GAP


def caption(place: Place) -> Tick | None:
    """What one looks at: the newest mark or action at or before where one stands."""
    return next((tick for tick in reversed(place.ticks) if tick.at <= place.at + 0.001), None)


def caption_height(place: Place, width: int, measure: Measure) -> int:
    """Lines that every caption of ``place`` fits in, so that the board keeps its place from one to the next."""
    return max((len(_captioned(tick, width, measure)) for tick in place.ticks), default=0)


def draw_caption(place: Place, width: int, height: int, measure: Measure) -> tuple[Line, ...]:
    """What one looks at, in the words of whoever marked it, on ``height`` lines; a shorter one stands low."""
    told = caption(place)
    lines = _captioned(told, width, measure) if told is not None else ()
    if told is not None and len(lines) > height:
        lines = (fit((*_head(told, width), Span(told.text, Role.STRONG)), width, measure),)
    return (*[fit((), width, measure)] * (height - len(lines)), *lines)[:height]


def _head(tick: Tick, width: int) -> Line:
    when = f"{clock_time(tick.at)}Z  " if width >= _TIMED else ""
    return Span(f" {TICK_GLYPH.get(tick.kind, '◆')} ", Role.ACCENT), Span(when, Role.DIM)


def _captioned(tick: Tick, width: int, measure: Measure) -> tuple[Line, ...]:
    """One line where it fits, else two; what does not fit into two is cut."""
    head = _head(tick, width)
    indent = width_of(head, measure)
    room = max(1, width - indent - 1)
    first, *rest = wrap((Span(tick.text, Role.STRONG),), room, measure)
    lines = [fit((*head, *first), width, measure)]
    if rest:
        lines.append(fit((Span(" " * indent), *(span for line in rest for span in line)), width, measure))
    return tuple(lines)
