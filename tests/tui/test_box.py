"""Pictures of panes and bands, and places: exact in size for every text and every terminal."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len as measure

from tests.tui.samples import HOSTILE, STATES, hostile, incident, quiet
from unstick.facts.level import Level
from unstick.facts.place import Place
from unstick.settings import Preset
from unstick.tui import bands, box, places
from unstick.tui.help import help_page
from unstick.tui.layouts import by_size
from unstick.tui.lines import changed_width
from unstick.tui.options import BoardOptions
from unstick.tui.page import facts_view
from unstick.tui.presets import check_presets, chosen, presets
from unstick.tui.prompt import FILTER, Draft, draw_prompt, edit
from unstick.tui.roles import Drawn, Piece
from unstick.tui.stage import Band
from unstick.views.layout import shown
from unstick.views.pages import plain
from unstick.views.pane import PaneView
from unstick.views.screen import PANE_KEYS
from unstick.views.tell import COLUMNS
from unstick.views.ui import Sort, UiState

VIEWS = [view for state in STATES.values() for view in (state(0).verdict, *state(0).panes)]
views = st.sampled_from(VIEWS)


def width_of(drawn: Drawn) -> int:
    return sum(measure(piece.text) for piece in drawn)


def text_of(drawn: Drawn) -> str:
    return "".join(piece.text for piece in drawn)


def picture(view: PaneView, width: int, height: int, **look: object) -> list[str]:
    shape = box.Look(total=len(view.rows), **look)  # type: ignore[arg-type]
    return [text_of(line) for line in box.draw(view, view.rows, shape, width, height, measure).lines]


@given(views, st.integers(0, 130), st.integers(0, 40), st.booleans(), st.booleans(), st.integers(0, 60))
@settings(max_examples=150, deadline=None)
def test_a_pane_fills_its_place(
    view: PaneView, width: int, height: int, focused: bool, page: bool, cursor: int
) -> None:
    parts = box.inner(view, len(view.rows), width, height, measure)
    top = box.scroll(0, min(cursor, max(0, len(view.rows) - 1)), parts.visible, len(view.rows))
    look = box.Look("3", focused, cursor, top, len(view.rows) + 1, Sort(view.key, "a", True), HOSTILE[3], page=page)
    drawn = box.draw(view, view.rows, look, width, height, measure)
    assert len(drawn.lines) == height
    assert {width_of(line) for line in drawn.lines} <= {width}


@given(st.integers(0, 50), st.integers(-5, 120), st.integers(0, 30), st.integers(1, 100))
@settings(deadline=None)
def test_scrolling_keeps_the_cursor_in_sight(top: int, cursor: int, visible: int, rows: int) -> None:
    cursor = max(0, min(cursor, rows - 1))
    first = box.scroll(top, cursor, visible, rows)
    if visible:
        assert first <= cursor < first + visible
    assert 0 <= first < rows


@given(st.integers(1, 250), st.sampled_from(list(STATES)), st.booleans(), st.sampled_from([None, "red"]))
@settings(deadline=None)
def test_bands_are_as_wide_as_the_screen(width: int, state: str, production: bool, color: str | None) -> None:
    told = STATES[state](0)
    options = BoardOptions(production=production, color=color)
    for signal in (
        bands.Signal(),
        bands.Signal(Place("live", 100.0, 0.0, 292.0, grows=True, paused=True), 12),
        bands.Signal(ended=True),
    ):
        header = bands.draw_header(told.header, signal, options, width, measure)
        assert width_of(header) == width
    assert width_of(bands.draw_tabs(told.panes, "sync", width, measure)) == width
    assert width_of(bands.draw_alarm(HOSTILE[6], width, measure)) == width
    ui = UiState(query="x" * 30, faults_only=True)
    assert width_of(bands.draw_footer(ui, {}, HOSTILE[0], width, measure)) == width


@given(st.text(max_size=40), st.integers(0, 40), st.integers(30, 120))
@example("0" * 30 + "⼀", 30, 30)
@settings(deadline=None)
def test_the_prompt_shows_its_cursor_at_every_width(text: str, place: int, width: int) -> None:
    drawn = draw_prompt(Draft(text, min(place, len(text))), FILTER, "3 of 9 rows", width, measure)
    assert width_of(drawn) == width
    assert [piece for piece in drawn if piece.role == "tab-active"]


def test_editing_moves_and_cuts() -> None:
    draft = Draft("one two", 7)
    assert edit(draft, "ctrl+w", None) == Draft("one ", 4)
    assert edit(draft, "ctrl+u", None) == Draft("", 0)
    assert edit(edit(draft, "home", None), "delete", None) == Draft("ne two", 0)
    assert edit(edit(draft, "left", None), "backspace", None) == Draft("one to", 5)
    assert edit(edit(draft, "home", None), "left", None) == Draft("one two", 0)
    assert edit(draft, "x", "я") == Draft("one twoя", 8)
    assert edit(draft, "f5", None) == draft
    assert edit(draft, "escape", "\x1b") == draft


@given(
    st.integers(1, 260),
    st.integers(1, 90),
    st.integers(0, 6),
    st.sampled_from([None, "verdict", "sync"]),
    st.booleans(),
    st.integers(0, 2),
)
@settings(deadline=None)
def test_places_cover_the_screen_and_never_overlap(
    width: int, height: int, band: int, shown: str | None, alarm: bool, time: int
) -> None:
    found = places.arrange(width, height, band, shown, single="queues", alarm=alarm, time=time)
    lines = (found.tabs, found.alarm, found.caption, found.scrub)
    spots = [found.header, found.footer, *found.panes.values(), *(line for line in lines if line)]
    cells = [(x, y) for p in spots for x in range(p.x, p.x + p.width) for y in range(p.y, p.y + p.height)]
    assert len(cells) == len(set(cells))
    assert set(cells) == {(x, y) for x in range(width) for y in range(height)}


@pytest.mark.parametrize(
    ("size", "beside"),
    [
        ((80, 24), 0), ((120, 36), 2), ((200, 60), 3), ((20, 5), 0), ((120, 24), 0), ((200, 30), 3), ((80, 60), 1),
        ((300, 50), 4),
    ],
)  # fmt: skip
def test_the_arrangement_follows_the_size(size: tuple[int, int], beside: int) -> None:
    plan = by_size(*size)
    assert (max(map(len, plan.rows)) if plan else 0) == beside
    found = places.arrange(*size, 4, None, single="workers")
    panes = [key for key in found.panes if key != "verdict"]
    assert panes == (list(PANE_KEYS) if beside else ["workers"])
    assert (found.tabs is None) == (beside > 0 or size[1] < 10)


def test_panes_of_a_board_are_usable() -> None:
    for size in ((100, 30), (120, 36), (150, 28), (200, 60), (60, 52), (240, 28), (400, 100)):
        band = places.band_height(9, *size)
        found = places.arrange(*size, band, None, single="workers", time=2)
        assert min(place.height for place in found.panes.values()) >= 5
        assert min(place.width for key, place in found.panes.items() if key != "verdict") >= 50


@given(st.integers(1, 400), st.integers(1, 120), st.sampled_from(presets(())))
@settings(deadline=None)
def test_a_preset_covers_the_screen_with_its_panes(width: int, height: int, preset: Preset) -> None:
    plan = chosen(preset, width, height)
    found = places.arrange(width, height, 5, None, single="queues", plan=plan)
    named = {name for row in preset.rows for name in row.split()}
    if named:
        assert plan is not None
        assert {key for key in found.panes if key != "verdict"} <= named
    assert all(place.width >= 0 and place.height >= 0 for place in found.panes.values())


def test_presets_of_the_configuration_come_after_those_built_in_and_replace_them_by_name() -> None:
    own = (Preset("night", ("workers",)), Preset("what flows", ("queues",)))
    assert [preset.name for preset in presets(own)] == ["board", "who holds what", "night", "what flows"]
    assert presets(own)[-1].rows == ("queues",)


@pytest.mark.parametrize(
    ("preset", "said"),
    [
        (Preset("a", ()), (0, "rows", "names no pane")),
        (Preset("a", ("workers proxis",)), (0, "rows", "there is no pane 'proxis'")),
        (Preset("a", ("workers", "locks workers")), (0, "rows", "'workers' stands there twice")),
        (Preset("a", ("workers",), {"workrs": "seen"}), (0, "columns.workrs", "there is no such pane with columns")),
        (Preset("a", ("workers",), {"workers": "worker sen"}), (0, "columns.workers", "there is no column 'sen'")),
    ],
)
def test_a_preset_that_cannot_be_is_said(preset: Preset, said: tuple[int, str, str]) -> None:
    assert next(check_presets([preset], COLUMNS))[:3] == said


def test_the_band_grows_at_once_and_shrinks_after_a_while() -> None:
    band = Band()
    assert band.follow(6)
    assert [band.follow(2) for _ in range(10)] == [False] * 9 + [True]
    assert band.height == 2
    assert band.follow(3)
    assert not band.follow(3)


def test_a_pane_tells_its_level_its_place_and_what_hides_rows() -> None:
    view = next(pane for pane in incident(0).panes if pane.key == "workers")
    lines = picture(view, 60, 8, number="1", top=2)
    assert lines[0].startswith("╭─ ✖ 1 Workers ─")
    assert lines[0].endswith(" 43 ●  2 ✖ ─╮")
    assert lines[-1].endswith(" 3-6 of 45 ─╯")
    shape = box.Look(total=45, why_fewer='"web"')
    fewer = box.draw(view, view.rows[:2], shape, 60, 8, measure)
    assert text_of(fewer.lines[-1]).endswith(' 2 of 45: "web" ─╯')
    none = box.draw(view, (), shape, 60, 8, measure)
    assert 'none of 45 rows: "web"' in text_of(none.lines[2])


def test_focus_is_told_without_colour() -> None:
    view = quiet(0).panes[0]
    assert picture(view, 40, 6)[0][0] == "╭"
    assert picture(view, 40, 6, focused=True)[0][0] == "┏"
    assert picture(view, 40, 6, focused=True)[3].startswith("┃▌· ")


def test_a_quiet_verdict_is_one_calm_line() -> None:
    lines = picture(quiet(0).verdict, 60, 2)
    assert lines[0].startswith(" ● nothing is stuck")
    assert lines[1].strip() == ""


def test_rows_that_do_not_fit_without_a_border_are_counted() -> None:
    lines = picture(incident(0).verdict, 40, 2)
    assert lines[0].startswith(" ✖ container 8b4f59aa")
    assert lines[1].endswith("+3 ")


def test_a_row_in_full_loses_nothing() -> None:
    told = hostile(0)
    view = told.panes[0]
    for row in view.rows:
        page = facts_view(plain(view, row), (), 60, measure, {})
        words = "".join(span.text for line in page.rows for cell in line.cells for span in cell)
        for cell in row.cells:
            assert "".join(shown(cell[0].text).split()) in "".join(words.split())
        assert page.level is row.level


def test_help_tells_own_keys() -> None:
    page = help_page({"quit": "ctrl+x"}, [("log", "/tmp/x.log")], 100, measure)
    told = {"".join(s.text for s in row.cells[0]): "".join(s.text for s in row.cells[1]) for row in page.rows}
    assert told["^x"] == "quit"
    assert told["1 2 3 4 5 6 7 8"].startswith("the pane of that number")
    assert told["log"] == "/tmp/x.log"
    assert page.level is Level.OK


def test_a_changed_line_is_sent_up_to_its_last_change() -> None:
    before = (Piece("name  ", "text"), Piece("3", "ok"), Piece("   end", "text"))
    after = (Piece("name  ", "text"), Piece("4", "ok"), Piece("   end", "text"))
    assert changed_width(before, after) == 7
    assert changed_width(before, (*after[:2], Piece("   END", "text"))) == 13
    assert changed_width(before, (Piece("wider  ", "text"), *before[1:])) == 14
