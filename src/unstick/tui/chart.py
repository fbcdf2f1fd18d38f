"""Charts of a page, drawn by plotext. It takes a while to import, so nothing else does; see :func:`load`."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby

from unstick.facts.level import Level
from unstick.facts.place import Tick
from unstick.facts.units import clock_time, count, duration, size
from unstick.views.layout import Measure, fit, join
from unstick.views.pages import Curve, History
from unstick.views.pages.model import Unit
from unstick.views.pane import LEVEL_ROLE, Line, Role, Span

_COLORS = {
    "1": Role.SPARK,
    "2": Role.WARNING,
    "3": Role.CRITICAL,
    "4": Role.ACCENT,
    "5": Role.DIM,
}
"""Plotext paints with numbers of a palette; here they stand for roles."""
_SGR = re.compile(r"\x1b\[([0-9;]*)m")
_FAR = 3.0
"""A limit that is so many times what was ever reached is told, not drawn: it would flatten the curve."""
LEAST = 5
"""Lines below which there is no chart."""
_SMALLEST = {"count": 4.0, "seconds": 10.0, "percent": 100.0, "ms": 5.0, "bytes": 4096.0}
"""The least that a scale shows, so that noise looks like noise."""
_SPANS = (
    *(4.0, 12.0, 20.0, 40.0, 60.0, 120.0, 240.0, 480.0, 720.0, 1200.0, 2400.0, 3600.0, 4800.0, 7200.0),
    *(hours * 3600.0 for hours in (4, 8, 12, 24, 48, 96, 240, 480, 960)),
)


def load() -> None:
    """Import plotext: to be called beside the event loop."""
    import plotext  # noqa: PLC0415 - a third of a second

    plotext.terminal.limit(width=False, height=False)


def loaded() -> bool:
    """Whether charts can be drawn now."""
    return "plotext" in sys.modules and hasattr(sys.modules["plotext"], "figure")


def window(curve: Curve, span_s: float | None) -> History:
    """The finest history that reaches back ``span_s`` (``None``: all that there is), cut to it."""
    reach = max(end_of(one) - one.begin_at for one in curve.histories)
    wanted = min(span_s or reach, reach)
    fine = next(
        (one for one in curve.histories if end_of(one) - one.begin_at + 2 * one.step_s >= wanted), curve.histories[-1]
    )
    columns = max(2, math.ceil(wanted / fine.step_s) + 1)
    left = max(0, len(fine.values) - columns)
    return History(fine.begin_at + left * fine.step_s, fine.step_s, fine.values[left:])


def end_of(history: History) -> float:
    """The instant of its newest value."""
    return history.begin_at + (len(history.values) - 1) * history.step_s


def draw(
    curve: Curve, span_s: float | None, ticks: Sequence[Tick], width: int, height: int, measure: Measure
) -> tuple[Line, ...]:
    """Title with the newest value, the chart, and what its lines mean; ``height`` lines of ``width`` cells."""
    history = window(curve, span_s)
    known = [value for value in history.values if value is not None]
    newest = told(known[-1], curve.unit) if known else "–"
    head: Line = (Span(curve.title, Role.STRONG), Span("  "), Span(newest, Role.ACCENT))
    marks = tuple(tick.at for tick in ticks if history.begin_at <= tick.at <= end_of(history))
    top = _top(known, curve)
    limits = tuple((one.value, one.level) for one in curve.limits if one.value <= top)
    body: tuple[Line, ...]
    if height - 2 < LEAST or not known:
        body = ((Span("nothing was recorded yet" if not known else "too small for a chart", Role.DIM),),)
    elif not loaded():
        body = ((Span("drawing …", Role.DIM),),)
    else:
        body = _plot(history, top, limits, marks, curve.unit, width, height - 2)
    lines = (head, *body, _legend(curve, top, bool(marks)))
    padded = (*lines[:-1], *((),) * max(0, height - len(lines)), lines[-1])
    return tuple(fit(line, width, measure) for line in padded[:height])


def _top(known: Sequence[float], curve: Curve) -> float:
    """The upper end of the scale: all values and the limits that are near them."""
    peak = max(known, default=0.0)
    reach = max(100.0, peak) if curve.unit == "percent" else _FAR * max(peak, _SMALLEST[curve.unit])
    near = [limit.value for limit in curve.limits if limit.value <= reach]
    return nice(max([peak, _SMALLEST[curve.unit], *near]), curve.unit)


def nice(value: float, unit: Unit = "count") -> float:
    """The next number whose quarters are round, too.

    >>> nice(3), nice(37), nice(101), nice(101, "seconds")
    (4.0, 40.0, 120.0, 120.0)
    """
    if unit == "seconds":
        return next((one for one in _SPANS if one >= value), value)
    if unit == "percent" and value <= 100:
        return 100.0
    if unit == "bytes" and value > 1024:
        power = 1024.0 ** math.floor(math.log(value, 1024))
        return nice(value / power) * power
    if value <= 12:
        return next(one for one in (4.0, 8.0, 12.0) if one >= value)
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if step * power >= value)


def told(value: float, unit: Unit) -> str:
    """A value in its unit."""
    return {
        "count": lambda: count(value),
        "seconds": lambda: duration(value),
        "percent": lambda: f"{value:.0f}%",
        "ms": lambda: f"{value:.0f}ms",
        "bytes": lambda: size(value),
    }[unit]()


def _legend(curve: Curve, top: float, marked: bool) -> Line:  # noqa: FBT001 - one caller, just above
    out: list[Span] = []
    for limit in curve.limits:
        near = limit.value <= top
        out += [Span("┈┈ " if near else "", LEVEL_ROLE[limit.level])]
        out += [Span(f"{limit.words} {told(limit.value, curve.unit)}", Role.DIM)]
        beyond = ", never reached" if curve.unit == "percent" else ", far above"
        out += [Span("" if near else beyond, Role.DIM), Span("   ")]
    if marked:
        out += [Span("┊", Role.ACCENT), Span(" marks", Role.DIM)]
    return join(out)


@lru_cache(maxsize=32)
def _plot(
    history: History,
    top: float,
    limits: tuple[tuple[float, Level], ...],
    marks: tuple[float, ...],
    unit: Unit,
    width: int,
    height: int,
) -> tuple[Line, ...]:
    """The chart itself. Pure, though plotext has one figure for all."""
    import plotext as plot  # noqa: PLC0415 - loaded before

    def ink(number: int) -> object:
        return plot.pixel(foreground=number)

    figure = plot.figure
    figure.clear()
    figure.canvas("default")
    figure.plot_size(width, height)
    figure.axes(active=True, pixel=ink(5))
    figure.axes(active=False, axis=0, side=1)
    figure.axes(active=False, axis=1, side=1)
    for xs, ys in _runs(history):
        figure.draw(figure.signal(xs, ys, marker=plot.marker("hd", ink(1))).lines())
    for value, level in limits:
        figure.line(value, orientation=0, pixel=ink(3 if level is Level.CRITICAL else 2), style="dotted")
    for at in marks:
        figure.line(at, orientation=1, pixel=ink(4), style="dotted")
    begin, end = history.begin_at, end_of(history)
    shares = [begin + (end - begin) * nth / 4 for nth in range(5)]
    seconds = end - begin < 15 * 60
    figure.ruler(0, 0).lim(begin, end).ticks(shares, [clock_time(at, seconds=seconds) for at in shares])
    levels = [top * nth / 4 for nth in range(5)] if height >= 9 else [0.0, top / 2, top]
    labels = [told(value, unit) for value in levels]
    size = max(map(len, labels))
    figure.ruler(1, 0).lim(0, top).ticks(levels, [label.rjust(size) for label in labels])
    for ruler in (figure.ruler(0, 0), figure.ruler(1, 0)):
        ruler.pixel(ink(5))
    return tuple(_line(text) for text in figure.build().string().splitlines())


def _runs(history: History) -> Iterator[tuple[list[float], list[float]]]:
    """Stretches without a gap, as coordinates."""
    points = [(history.begin_at + nth * history.step_s, value) for nth, value in enumerate(history.values)]
    for known, run in groupby(points, key=lambda point: point[1] is not None):
        if known:
            stretch = [(at, value) for at, value in run if value is not None]
            yield [at for at, _ in stretch], [value for _, value in stretch]


def _line(text: str) -> Line:
    """A line of plotext's with its colours as roles; backgrounds are the screen's."""
    out: list[Span] = []
    role, place = Role.DIM, 0
    for match in _SGR.finditer(text):
        out.append(Span(text[place : match.start()], role))
        place = match.end()
        code = match[1]
        if code in {"", "0"}:
            role = Role.DIM
        elif code.startswith("38;5;"):
            role = _COLORS.get(code.removeprefix("38;5;"), Role.DIM)
    out.append(Span(text[place:], role))
    return join(out)
