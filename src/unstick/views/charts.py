"""Bars, gauges and small histories as lines. Parts of a bar differ in their glyph, not by colour alone."""

from __future__ import annotations

from collections.abc import Sequence

from unstick.views.field import draw_field
from unstick.views.layout import GAP, Measure, fit, join, width_of
from unstick.views.pane import Axis, Bar, Field, Item, Line, Role, Span, Spark

_LABEL_SHARE = 3
_WIDEST_SPARK = 72
"""Cells of six minutes."""
_BAR_GLYPH = {Role.BAR_STUCK: "▚", Role.BAR_BLOCKED: "▒", Role.BAR_FREE: "░"}
_FULL, _TRACK = "█", "·"
_GAUGE, _GAUGE_TRACK = "━", "─"
_BLOCKS = " ▁▂▃▄▅▆▇█"


def draw_bar(bar: Bar, width: int) -> Line:
    """The bar itself, ``width`` cells; a part that is not zero shows at least one cell.

    Without a legend the numbers stand in the parts that have room for them.
    """
    cells = _parts(bar, width)
    spans = []
    for (_, value, role), size in zip(bar.parts, cells, strict=True):
        glyph, told = _BAR_GLYPH.get(role, _FULL), f" {number(value)} "
        inside = size - len(told)
        if bar.legend or inside < 2:
            spans.append(Span(glyph * size, role))
        else:
            spans.append(Span(glyph * (inside // 2) + told + glyph * (inside - inside // 2), role))
    rest = width - sum(cells)
    return join([*(span for span in spans if span.text), Span(_TRACK * rest, Role.DIM)])


def _parts(bar: Bar, width: int) -> list[int]:
    values = [max(0.0, value) for _, value, _ in bar.parts]
    total = max(bar.total, sum(values))
    if total <= 0 or width <= 0:
        return [0] * len(values)
    exact = [value / total * width for value in values]
    cells = [max(1, int(part)) if part > 0 else 0 for part in exact]
    goal = min(width, round(sum(exact)))
    while sum(cells) < goal:
        cells[max(range(len(cells)), key=lambda i: exact[i] - cells[i])] += 1
    while sum(cells) > width:
        cells[max(range(len(cells)), key=cells.__getitem__)] -= 1
    return cells


def draw_legend(bar: Bar, width: int, measure: Measure) -> Line:
    """The parts by name and number, in the glyph and role they have in the bar."""
    out: list[Span] = []
    for name, value, role in bar.parts:
        if out:
            out.append(Span("  "))
        glyph = _BAR_GLYPH.get(role, _FULL)
        out += [Span(glyph, role if value else Role.DIM), Span(f" {name} ", Role.DIM)]
        out.append(Span(number(value), Role.TEXT if value else Role.DIM))
    return fit(tuple(out), width, measure)


def number(value: float) -> str:
    """A count or a measure, short.

    >>> number(1200.0), number(41.25), number(0.5)
    ('1,200', '41.2', '0.5')
    """
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def draw_spark(spark: Spark, width: int, measure: Measure) -> Line:
    """Label, history with a sample a cell, newest at the right, and the value."""
    name = (Span(spark.label, Role.DIM),)
    label = fit(name, min(width_of(name, measure), width // _LABEL_SHARE), measure)
    value = (Span(spark.value, Role.STRONG),)
    room = width - width_of(label, measure) - width_of(value, measure) - 2
    if room < 1:
        return fit((*label, Span(" "), *value), width, measure)
    size = min(room, _WIDEST_SPARK)
    line = Span(curve(spark.values, size, spark.peak, spark.least), spark.role)
    return fit(join((*label, Span(" "), *value, Span(" " * (room - size + 1)), line)), width, measure)


_CALM = 0.2
"""A history that moves less, in parts of its highest value, is a line at the bottom."""


def curve(values: Sequence[float | None], width: int, peak: float | None = None, least: float = 0.0) -> str:
    """``values`` as a line of blocks, the newest at the right; a gap is blank. More fonts have blocks than braille.

    The scale goes up to ``peak``, else to the highest value; its base is as far below the lowest as that is below the
    highest, so that small changes of large numbers are seen. What stays below ``least`` is measured by that.

    >>> curve([4, 6, 8, None, 8], 6)
    ' ▅▆█ █'
    """
    tail = values[-width:] if width > 0 else ()
    known = [value for value in tail if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    if peak is None and high < least:
        peak = least
    base, top = (max(0.0, low - (high - low)), high) if peak is None else (0.0, peak)
    calm = peak is None and high - low <= _CALM * high
    heights = [0 if v is None else 1 if calm else _height(v - base, top - base) for v in tail]
    return " " * (width - len(tail)) + "".join(_BLOCKS[height] for height in heights)


def blocks(values: Sequence[float | None], width: int) -> str:
    """``values`` as columns over zero, ``width`` cells, the newest at the right; a gap is blank.

    >>> blocks([0, 1, 2, None, 4], 6)
    ' ▁▃▅ █'
    """
    tail = list(values[-width:]) if width > 0 else []
    peak = max((value for value in tail if value is not None), default=0.0)
    return " " * (width - len(tail)) + "".join(_BLOCKS[_height(value, peak)] for value in tail)


def _height(value: float | None, peak: float) -> int:
    """0 for a gap, else 1 (the base line) to 8."""
    if value is None:
        return 0
    if peak <= 0 or value <= 0:
        return 1
    return 1 + min(7, round(value / peak * 7))


def draw_axis(axis: Axis, width: int, measure: Measure) -> Line:
    """Its ends at the ends, the line between them; what is marked later lies above."""
    room = width - measure(axis.head) - measure(axis.tail) - 2
    if room < 2:
        return fit((Span(axis.head, Role.DIM), Span(" "), Span(axis.tail, Role.DIM)), width, measure)
    cells = [Span(_GAUGE_TRACK, Role.DIM)] * room
    for begin, end, glyph, role in axis.runs:
        for place in range(_cell(begin, room), _cell(end, room) + 1):
            cells[place] = Span(glyph, role)
    for share, glyph, role in axis.marks:
        cells[_cell(share, room)] = Span(glyph, role)
    line = (Span(f"{axis.head} ", Role.DIM), *cells, Span(f" {axis.tail}", Role.DIM))
    return fit(join(line), width, measure)


def _cell(share: float, room: int) -> int:
    return max(0, min(room - 1, int(share * room)))


def draw_item(item: Item, width: int, measure: Measure, most: int = 1000) -> tuple[Line, ...]:
    """A summary item: one line, two for a bar whose legend does not fit beside it, a field at most ``most``."""
    match item:
        case Field():
            return draw_field(item, width, most, measure)
        case Axis():
            return (draw_axis(item, width, measure),)
        case Spark():
            return (draw_spark(item, width, measure),)
        case Bar():
            return _bar(item, width, measure)
    return (fit(item, width, measure),)


def _bar(item: Bar, width: int, measure: Measure) -> tuple[Line, ...]:
    if len(item.parts) == 1:
        return (_gauge(item, width, measure),)
    if not item.legend:
        return (draw_bar(item, width),)
    legend = draw_legend(item, 10_000, measure)[:-1]
    size = width_of(legend, measure)
    if width - size - GAP >= 2 * size:
        return (fit(join((*draw_bar(item, width - size - GAP), Span(" " * GAP), *legend)), width, measure),)
    return draw_bar(item, width), fit(legend, width, measure)


def _gauge(bar: Bar, width: int, measure: Measure) -> Line:
    """A bar of one part on one line: name, bar, percent."""
    name, value, role = bar.parts[0]
    label = (Span(name, Role.DIM), Span(" "))
    percent = f" {value / bar.total:4.0%}" if bar.total > 0 else "    ?"
    room = width - width_of(label, measure) - len(percent)
    if room < 1:
        return fit((*label, Span(percent.strip(), Role.STRONG)), width, measure)
    used = _parts(bar, room)[0]
    gauge = (Span(_GAUGE * used, role), Span(_GAUGE_TRACK * (room - used), Role.DIM))
    return fit((*label, *gauge, Span(percent, Role.STRONG)), width, measure)
