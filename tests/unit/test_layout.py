"""Every drawn line has exactly the width that was asked for, whatever the text; and what it says is right."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.tui.samples import HOSTILE
from unstick.views.charts import blocks, curve, draw_axis, draw_bar, draw_item, draw_legend, draw_spark
from unstick.views.field import draw_field
from unstick.views.layout import Measure, columns, draw_ends, draw_row, draw_titles, fit, shown, width_of, wrap
from unstick.views.pane import Axis, Bar, Column, Field, Item, Line, Role, Span, Spark

measure: Measure = cell_len
SURROGATES = st.characters(categories=("L", "M", "N", "P", "S", "Z", "C"))
texts = st.one_of(
    st.text(SURROGATES, max_size=30), st.sampled_from(HOSTILE), st.text("ab\u0301\u200d🇩🇪👩\ufe0f 日", max_size=20)
)
roles = st.sampled_from(list(Role))
lines = st.lists(st.builds(Span, texts, roles), max_size=5).map(tuple)
widths = st.integers(0, 90)
column = st.builds(
    Column, st.text("abc", min_size=1, max_size=3), texts, st.integers(0, 30), st.sampled_from(["left", "right"]),
    st.integers(0, 3), st.integers(0, 4),
)  # fmt: skip
values = st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False, width=32)), max_size=60).map(
    tuple
)
bars = st.builds(
    Bar,
    st.lists(st.tuples(texts, st.floats(-5, 1e6), roles), min_size=1, max_size=5).map(tuple),
    st.floats(0, 1e6),
)  # fmt: skip


def text_of(line: Line) -> str:
    return "".join(span.text for span in line)


def told(line: Line) -> int:
    return sum(measure(span.text) for span in line)


@given(lines, widths, st.booleans())
@settings(deadline=None)
def test_a_fitted_line_is_as_wide_as_asked(line: Line, width: int, right: bool) -> None:
    assert told(fit(line, width, measure, right=right)) == width


@given(st.lists(column, min_size=1, max_size=6), st.lists(lines, max_size=7), widths)
@settings(max_examples=150, deadline=None)
def test_a_row_and_its_titles_are_as_wide_as_asked(all_columns: list[Column], cells: list[Line], width: int) -> None:
    placed = columns(all_columns, width)
    assert told(draw_row(cells, placed, width, measure)) == width
    assert told(draw_titles(placed, width, measure, ("a", True))) == width


@given(bars, widths)
@settings(deadline=None)
def test_a_bar_and_its_legend_are_as_wide_as_asked(bar: Bar, width: int) -> None:
    assert told(draw_bar(bar, width)) == width
    assert told(draw_legend(bar, width, measure)) == width


shares = st.floats(-0.5, 1.5)
fields = st.builds(
    Field, st.lists(st.tuples(texts, st.text("wl?!x", min_size=1, max_size=80)), max_size=12).map(tuple)
)
axes = st.builds(
    Axis,
    st.text("0123:", max_size=5),
    st.text("0123:", max_size=5),
    st.lists(st.tuples(shares, shares, st.just("━"), roles), max_size=3).map(tuple),
    st.lists(st.tuples(shares, st.sampled_from("●○┃"), roles), max_size=6).map(tuple),
)


@given(st.one_of(bars, lines, st.builds(Spark, texts, values, texts), fields, axes), widths, st.integers(1, 12))
@settings(deadline=None)
def test_a_summary_item_is_as_wide_as_asked(item: Item, width: int, most: int) -> None:
    drawn = draw_item(item, width, measure, most)
    assert len(drawn) <= max(2, most)
    for line in drawn:
        assert told(line) == width


def test_a_field_has_a_glyph_for_each_under_the_names_of_their_groups() -> None:
    field = Field((("8b4f59aa", "xxx"), ("web", "w" * 12), ("dramatiq", "w!?l")))
    assert [text_of(line).rstrip() for line in draw_field(field, 31, 3, measure)] == [
        "8b4f59aa ✖✖✖  web ▪▪▪▪▪▪▪▪▪▪▪▪",
        "dramatiq ▪▲?▫",
    ]
    assert [text_of(line).rstrip() for line in draw_field(field, 30, 1, measure)] == ["✖✖✖ ▪▪▪▪▪▪▪▪▪▪▪▪ ▪▲?▫"]


def test_ten_thousand_fit_into_a_screen_and_the_worst_of_a_cell_is_seen() -> None:
    marks = "w" * 7_000 + "x" + "w" * 2_999
    whole = draw_field(Field((("all", marks),)), 196, 52, measure)
    assert sum(text_of(line).count("▪") for line in whole) == 9_999
    thin = draw_field(Field((("all", marks),)), 60, 9, measure)
    assert len(thin) == 9
    assert sum(text_of(line).count("✖") for line in thin) == 1
    assert text_of(thin[-1]).startswith("10,000: 21 in a cell, the worst is shown")


def test_a_line_of_time_marks_what_was_over_what_is_late() -> None:
    axis = Axis("05:00", "06:00", ((0.5, 0.8, "━", Role.CRITICAL),), ((0.1, "●", Role.OK), (0.8, "┃", Role.ACCENT)))
    assert text_of(draw_axis(axis, 22, measure)) == "05:00 ─●───━━━┃─ 06:00"


@given(st.lists(lines, max_size=6), widths)
@settings(deadline=None)
def test_ends_are_as_wide_as_asked(parts: list[Line], width: int) -> None:
    assert told(draw_ends(parts, width, measure)) == width


@given(lines, st.integers(2, 60))
@settings(deadline=None)
def test_wrapped_lines_fit_and_lose_no_word(line: Line, width: int) -> None:
    wrapped = wrap(line, width, measure)
    assert all(told(part) <= width for part in wrapped)
    before = "".join(shown(span.text) for span in line)
    assert "".join("".join(text_of(part) for part in wrapped).split()) == "".join(before.split())


@given(texts)
@settings(deadline=None)
def test_shown_text_carries_no_control(text: str) -> None:
    out = shown(text)
    assert out == shown(out)
    assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 or 0xD800 <= ord(char) < 0xE000 for char in out)


def test_a_cut_shows_an_ellipsis_and_never_half_a_wide_character() -> None:
    assert text_of(fit((Span("日本語"),), 4, measure)) == "日… "
    assert text_of(fit((Span("abc"), Span("def", Role.DIM)), 5, measure)) == "abcd…"
    assert text_of(fit((Span("abc"),), 3, measure)) == "abc"


def test_numbers_stand_at_the_right() -> None:
    placed = columns((Column("a", "a", 4), Column("n", "n", 6, "right")), 12)
    assert text_of(draw_row(((Span("x"),), (Span("42"),)), placed, 12, measure)) == "x         42"


def test_columns_are_dropped_by_priority_and_the_flexible_one_takes_the_rest() -> None:
    some = (Column("a", "a", 10, flex=1), Column("b", "b", 6, priority=2), Column("c", "c", 6, priority=1))
    assert [(p.column.key, p.width) for p in columns(some, 30)] == [("a", 14), ("b", 6), ("c", 6)]
    assert [p.column.key for p in columns(some, 25)] == ["a", "c"]
    assert [(p.column.key, p.width) for p in columns(some, 12)] == [("a", 12)]
    assert [(p.column.key, p.width) for p in columns(some, 4)] == [("a", 4)]


def test_a_titled_column_grows_to_a_limit_a_sentence_takes_all() -> None:
    titled = (Column("a", "name", 10, flex=1), Column("b", "b", 6))
    sentence = (Column("a", "", 10, flex=1), Column("b", "", 6))
    assert [p.width for p in columns(titled, 200)] == [44, 6]
    assert [p.width for p in columns(sentence, 200)] == [192, 6]


def test_the_sorted_column_is_marked() -> None:
    placed = columns((Column("a", "name", 8), Column("b", "n", 4, "right")), 14)
    assert text_of(draw_titles(placed, 14, measure, ("b", True))) == "name        n↓"
    assert text_of(draw_titles(placed, 14, measure, ("a", False))).startswith("name↑")
    tight = columns((Column("a", "name", 4), Column("b", "dead", 4, "right")), 10)
    assert text_of(draw_titles(tight, 10, measure, ("b", True))) == "name dead↓"
    assert text_of(draw_titles(tight, 10, measure, ("a", True))) == "name↓ dead"


def test_parts_of_a_bar_differ_by_glyph_and_none_vanishes() -> None:
    bar = Bar((("used", 900, Role.BAR_USED), ("stuck", 1, Role.BAR_STUCK), ("free", 99, Role.BAR_FREE)), 1000)
    drawn = text_of(draw_bar(bar, 20))
    assert drawn == "█" * 18 + "▚" + "░"
    assert text_of(draw_bar(Bar((("a", 0, Role.OK),), 0), 5)) == "·····"


def test_a_bar_without_a_legend_has_its_numbers_inside() -> None:
    bar = Bar(
        (("used", 44, Role.BAR_USED), ("stuck", 3, Role.BAR_STUCK), ("free", 53, Role.BAR_FREE)), 100, legend=False
    )
    assert text_of(draw_bar(bar, 40)) == "███████ 44 ███████▚░░░░░░░░ 53 ░░░░░░░░░"


def test_a_single_part_is_a_gauge_with_its_share() -> None:
    (line,) = draw_item(Bar((("mem", 40.0, Role.OK),), 100.0), 20, measure)
    assert text_of(line) == "mem ━━━━───────  40%"


def test_a_history_leaves_gaps_and_keeps_the_newest_at_the_right() -> None:
    assert blocks((0, 4, None, 8), 6) == "  ▁▅ █"
    assert blocks((1, 2, 3, 4), 2) == "▆█"
    assert blocks((), 3) == "   "
    assert curve((0, 4, None, 8), 5) == " ▁▅ █"
    assert curve((5, 5, 5, 5), 2) == "▁▁"  # what does not move is calm
    assert curve((0, 50, 100), 2, 100) == "▅█"
    assert curve((), 3) == "   "
    drawn = text_of(draw_spark(Spark("load", (1.0, 2.0), "2.0"), 14, measure))
    assert drawn == "load 2.0    ▅█"


@pytest.mark.parametrize(("width", "kept"), [(60, "abcdef"), (23, "adef"), (12, "af")])
def test_calm_parts_go_first_from_the_middle(width: int, kept: str) -> None:
    fault = (Span("dddd", Role.CRITICAL),)
    parts = [(Span(char * 4),) if char != "d" else fault for char in "abcdef"]
    drawn = text_of(draw_ends(parts, width, measure))
    assert "".join(char for char in "abcdef" if char in drawn) == kept
    assert len(drawn) == width


def test_width_is_that_of_the_shown_text() -> None:
    assert width_of((Span("a\x1bb"),), measure) == 4
