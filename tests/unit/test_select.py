"""Filters, order and the cursor that sticks to a row's identity."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unstick.facts.level import Level
from unstick.views.pane import Column, Row, Span
from unstick.views.select import parse, select, stick
from unstick.views.ui import STOPS, Sort, UiState, invert_sort, move_focus, next_sort, toggle_maximised

COLUMNS = (Column("name", "name", 8), Column("depth", "depth", 6, "right"))


def row(key: str, depth: float | None = 0.0, level: Level = Level.OK) -> Row:
    return Row(key, level, ((Span(f"{key}@host"),), (Span(str(depth)),)), (key, depth))


ROWS = (row("web", 3.0), row("default", 198.0, Level.CRITICAL), row("mail", None, Level.UNKNOWN), row("api", 198.0))


def keys(rows: tuple[Row, ...]) -> list[str]:
    return [row.key for row in rows]


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("", ["web", "default", "mail", "api"]),
        ("WEB", ["web"]),
        ("!web", ["default", "mail", "api"]),
        ("/^(web|api)/", ["web", "api"]),
        ("!/^(web|api)/", ["default", "mail"]),
        ("198", ["default", "api"]),
        ("/[/", []),
        ("@host", ["web", "default", "mail", "api"]),
        ("!", ["web", "default", "mail", "api"]),
    ],
)
def test_a_filter_finds_text_in_keys_and_cells(query: str, left: list[str]) -> None:
    assert keys(select(ROWS, COLUMNS, UiState(query=query), None)) == left


def test_a_pattern_that_is_none_says_so() -> None:
    error = parse("/[/").error
    assert error is not None
    assert error.startswith("not a pattern")


def test_faults_only_keeps_what_is_unknown() -> None:
    assert keys(select(ROWS, COLUMNS, UiState(faults_only=True), None)) == ["default", "mail"]


def test_without_a_choice_the_rows_are_the_very_rows() -> None:
    assert select(ROWS, COLUMNS, UiState(), None) is ROWS


@pytest.mark.parametrize("descending", [True, False])
def test_unknown_values_come_last_in_both_directions(descending: bool) -> None:
    ordered = keys(select(ROWS, COLUMNS, UiState(), Sort("queues", "depth", descending)))
    assert ordered[-1] == "mail"
    assert ordered[:-1] == (["default", "api", "web"] if descending else ["web", "default", "api"])


def test_a_column_that_went_away_orders_nothing() -> None:
    assert select(ROWS, COLUMNS, UiState(), Sort("queues", "gone", descending=True)) is ROWS


def test_values_of_two_kinds_do_not_break_the_order() -> None:
    mixed = (row("a", 1.0), Row("b", Level.OK, (), ("b", "text")), Row("c", Level.OK, (), ()))
    assert keys(select(mixed, COLUMNS, UiState(), Sort("queues", "depth", descending=False))) == ["a", "b", "c"]


@given(st.lists(st.text(max_size=3), unique=True), st.lists(st.text(max_size=3), unique=True), st.integers(0, 9))
@settings(deadline=None)
def test_the_cursor_finds_its_row_wherever_it_went(before: list[str], after: list[str], place: int) -> None:
    key = before[place] if place < len(before) else None
    rows = [row(name) for name in after]
    found = stick(rows, key, place)
    if key in after:
        assert rows[found].key == key
    elif rows:
        assert found == min(place, len(rows) - 1)
    else:
        assert found == 0


def test_sorting_cycles_through_the_columns_and_back_to_as_told() -> None:
    ui = next_sort(UiState(), "queues", COLUMNS)
    assert ui.sort_of("queues") == Sort("queues", "name", descending=False)
    ui = next_sort(ui, "queues", COLUMNS)
    assert ui.sort_of("queues") == Sort("queues", "depth", descending=True)
    assert ui.sort_of("workers") is None
    assert invert_sort(ui, "queues").sort_of("queues") == Sort("queues", "depth", descending=False)
    assert next_sort(ui, "queues", COLUMNS).sort_of("queues") is None


def test_focus_goes_round_and_takes_the_maximised_pane_along() -> None:
    ui = UiState(focus=STOPS[-1])
    assert move_focus(ui, 1).focus == STOPS[0]
    assert move_focus(move_focus(ui, 1), -1).focus == STOPS[-1]
    assert move_focus(ui, 1).maximised is None
    big = toggle_maximised(ui, "sync")
    assert (big.focus, big.maximised) == ("sync", "sync")
    assert move_focus(big, 1).maximised == "locks"
    assert toggle_maximised(big, "sync").maximised is None
