"""Charts: exact in size, gaps as gaps, limits where they are."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unstick.facts.level import Level
from unstick.facts.place import Tick
from unstick.tui import chart
from unstick.views.pages.model import Curve, History, Limit, Unit
from unstick.views.pane import Line, Role

WAVE = tuple(None if 60 <= nth < 75 else 60 + 50 * math.sin(nth / 10) for nth in range(144))
LIMITS = (Limit(100, "warning"), Limit(1000, "critical", Level.CRITICAL))


@pytest.fixture(autouse=True)
def loaded() -> None:
    chart.load()


def curve(values: tuple[float | None, ...], unit: Unit = "count", limits: tuple[Limit, ...] = LIMITS) -> Curve:
    return Curve("messages that wait", unit, (History(T0, 5.0, values), History(T0 - 6600, 60.0, values)), limits)


T0 = 1_700_000_000.0


def text(line: Line) -> str:
    return "".join(span.text for span in line)


def columns(lines: tuple[Line, ...]) -> list[bool]:
    """Whether there is anything of the curve in each column."""
    told = [text(line) for line in lines[1:-1]]
    return [
        any(0x2580 <= ord(line[nth]) <= 0x259F for line in told if nth < len(line)) for nth in range(len(told[0]))
    ]


@given(
    st.lists(st.one_of(st.none(), st.floats(0, 1e7)), min_size=1, max_size=144).map(tuple),
    st.sampled_from(["count", "seconds", "percent", "ms"]),
    st.integers(20, 160),
    st.integers(1, 30),
)
@settings(deadline=None, max_examples=60)
def test_a_chart_is_as_large_as_asked(values: tuple[float | None, ...], unit: Unit, width: int, height: int) -> None:
    lines = chart.draw(curve(values, unit), None, (), width, height, len)
    assert [len(text(line)) for line in lines] == [width] * height


def test_a_gap_stays_a_gap() -> None:
    drawn = columns(chart.draw(curve(WAVE), 720, (), 100, 16, len))
    inside = drawn[6:-2]
    empty = [nth for nth, there in enumerate(inside) if not there]
    assert empty
    assert empty == list(range(empty[0], empty[-1] + 1))
    assert 0.40 < empty[0] / len(inside) < 0.44


def test_limits_are_drawn_where_they_are_near_and_told_where_they_are_far() -> None:
    lines = chart.draw(curve(WAVE), 720, (), 100, 16, len)
    drawn = [nth for nth, line in enumerate(lines) if any(s.role == Role.WARNING and "┈" in s.text for s in line)]
    assert 1 <= drawn[0] <= 4
    assert text(lines[-1]).startswith("┈┈ warning 100   critical 1.0k, far above")


def test_marks_stand_on_the_axis() -> None:
    ticks = (Tick("mark", T0 + 100, "deploy"), Tick("mark", T0 - 9999, "long ago"))
    lines = chart.draw(curve(WAVE), 300, (), 100, 16, len), chart.draw(curve(WAVE), 720, ticks, 100, 16, len)
    counted = [sum(s.role == Role.ACCENT and "┊" in s.text for line in each[1:-1] for s in line) for each in lines]
    assert counted[0] == 0
    assert counted[1] > 5
    assert "marks" in text(lines[1][-1])


def test_the_finest_history_that_reaches_back_is_drawn() -> None:
    assert chart.window(curve(WAVE), 300.0).step_s == 5.0
    assert len(chart.window(curve(WAVE), 300.0).values) == 61
    assert chart.window(curve(WAVE), 3600.0).step_s == 60.0
    assert chart.window(curve(WAVE), None).step_s == 60.0
    assert chart.end_of(chart.window(curve(WAVE), 300.0)) == T0 + 143 * 5


def test_without_plotext_the_page_stands_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chart, "loaded", lambda: False)
    assert "drawing …" in "".join(map(text, chart.draw(curve(WAVE), 720, (), 100, 16, len)))
    assert "nothing was recorded" in "".join(map(text, chart.draw(curve((None,)), 720, (), 100, 16, len)))


def test_percents_end_at_a_hundred_and_a_limit_beyond_is_told() -> None:
    limits = (Limit(85.0, "warning"), Limit(101.0, "critical", Level.CRITICAL))
    cpu = Curve("cpu", "percent", (History(0.0, 5.0, (99.0, 100.0, 98.0)),), limits)
    drawn = "\n".join(text(line) for line in chart.draw(cpu, None, (), 60, 14, len))
    assert "100%" in drawn
    assert "120%" not in drawn
    assert "critical 101%, never reached" in drawn
