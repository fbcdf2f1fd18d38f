"""The board under keys, pictures and sizes."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from textual import events
from textual.strip import Strip

from tests.docs.stage import moment
from tests.tui.samples import FINDINGS, STATES, down, hostile, incident, quiet, row
from tests.tui.stand import Stand, golden, on_stage
from unstick.facts.level import Level
from unstick.settings import Preset
from unstick.tui.lines import Lines
from unstick.tui.themes import SHIPPED
from unstick.views.pane import PaneView, Row
from unstick.views.screen import Told

SIZES = [(80, 24), (120, 36), (200, 60)]


def with_rows(told: Told, key: str, rows: tuple[Row, ...]) -> Told:
    panes = tuple(replace(pane, rows=rows) if pane.key == key else pane for pane in told.panes)
    return replace(told, panes=panes)


def watched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str | None, int]]:
    """Widget and line of everything that is painted from now on."""
    painted: list[tuple[str | None, int]] = []
    before = Lines.render_line

    def render_line(self: Lines, y: int) -> Strip:
        painted.append((self.id, y))
        return before(self, y)

    monkeypatch.setattr(Lines, "render_line", render_line)
    return painted


def pane_of(told: Told, key: str) -> PaneView:
    return next(pane for pane in told.panes if pane.key == key)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("state", ["quiet", "incident", "down"])
def test_the_screen_is_as_drawn_in_its_golden(state: str, size: tuple[int, int]) -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(STATES[state](0))
        golden(f"board_{state}_{size[0]}x{size[1]}", stand.text)

    on_stage(scenario, size)


@pytest.mark.parametrize("size", [(80, 60), (260, 50)])
def test_portrait_and_ultra_wide_screens_are_as_drawn_in_their_goldens(size: tuple[int, int]) -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident(0))
        golden(f"board_incident_{size[0]}x{size[1]}", stand.text)

    on_stage(scenario, size)


def test_presets_are_boards_of_fewer_panes_and_columns() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident(0))
        await stand.press("z")
        assert "preset: who holds what" in stand.lines[-1]
        assert "3 Queues" not in stand.text
        golden("preset_holds_120x36", stand.text)
        await stand.press("tab", "tab", "tab")
        assert stand.app.board.ui.focus == "verdict"
        await stand.press("z", "z")
        assert "preset: night" in stand.lines[-1]
        assert "last sign" in stand.text
        assert "px 2 lk" not in stand.text
        await stand.press("z")
        assert "8 Host" in stand.text
        assert "px 2 lk" in stand.text

    on_stage(scenario, presets=(Preset("night", ("workers",), {"workers": "seen worker"}),))


def test_a_small_screen_stacks_the_panes_of_a_preset() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident(0))
        await stand.press("z")
        for pane in ("1 Workers", "2 Proxies", "6 Locks"):
            assert pane in stand.text

    on_stage(scenario, (80, 24))


def test_help_is_as_drawn_in_its_golden() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident(0))
        await stand.press("question_mark")
        golden("help_120x36", stand.text)

    on_stage(scenario)


def test_without_utf8_the_screen_is_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "de_DE.ISO-8859-1")

    async def scenario(stand: Stand) -> None:
        await stand.show(incident(0))
        golden("board_ascii_120x36", stand.text)
        await stand.show(hostile(0))
        assert stand.text.isascii()

    on_stage(scenario)


def test_every_size_is_drawn_and_each_line_is_full() -> None:
    async def scenario(stand: Stand) -> None:
        for told in (quiet(), incident(), down(), hostile()):
            await stand.show(told)
            for width, height in (
                (20, 5),
                (1, 1),
                (80, 24),
                (3, 9),
                (200, 60),
                (120, 36),
                (60, 10),
                (100, 30),
                (400, 120),
            ):
                await stand.resize(width, height)
                strips = stand.app.screen._compositor.render_strips()
                assert len(strips) == height
                assert {strip.cell_length for strip in strips} == {width}

    on_stage(scenario)


def test_a_tiny_screen_still_says_how_bad_it_is() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident())
        assert stand.lines[1] == " ✖ container 8…  +4 "
        assert stand.lines[2].startswith(" ✖ 1 Workers  43 ● ")

    on_stage(scenario, (20, 5))


def test_only_one_pane_is_shown_where_only_one_fits() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident())
        assert "1 Workers ━" in stand.text
        await stand.press("3")
        assert "3 Queues ━" in stand.text
        assert "1 Workers ━" not in stand.text
        await stand.press("tab")
        assert "4 Channels ━" in stand.text
        await stand.press("shift+tab", "shift+tab")
        assert "2 Proxies ━" in stand.text

    on_stage(scenario, (80, 24))


def test_the_cursor_stays_at_its_row_when_the_rows_change() -> None:
    async def scenario(stand: Stand) -> None:
        told = incident()
        pane = stand.app.board.pane("workers")
        await stand.show(told)
        await stand.press("down", "down", "down", "down")
        assert pane.current is not None
        key = pane.current.key
        rows = pane_of(told, "workers").rows
        await stand.show(with_rows(told, "workers", tuple(reversed(rows))))
        assert pane.current.key == key
        await stand.press("o", "o", "o")
        assert pane.current.key == key
        await stand.press("slash", *key, "enter")
        assert pane.current.key == key
        await stand.press("escape")
        assert pane.current.key == key
        place = pane.cursor
        await stand.show(with_rows(told, "workers", tuple(r for r in reversed(rows) if r.key != key)))
        assert pane.current.key != key
        assert pane.cursor == place

    on_stage(scenario)


def test_until_it_is_moved_the_cursor_follows_what_is_worst() -> None:
    async def scenario(stand: Stand) -> None:
        told = incident()
        await stand.show(told)
        worse = (row("new", Level.CRITICAL, "new@web", "x", "1s", "0", "0"), *pane_of(told, "workers").rows)
        await stand.show(with_rows(told, "workers", worse))
        current = stand.app.board.pane("workers").current
        assert current is not None
        assert current.key == "new"

    on_stage(scenario)


def test_the_scroll_position_is_kept_when_new_data_comes() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident(0))
        await stand.press("pagedown", "pagedown", "pagedown", "up")
        pane = stand.app.board.pane("workers")
        top = pane.top
        assert top > 0
        await stand.show(incident(1))
        assert pane.top == top
        await stand.press("greater_than_sign")
        assert pane.cursor == len(pane.rows) - 1
        await stand.press("less_than_sign")
        assert (pane.cursor, pane.top) == (0, 0)

    on_stage(scenario)


def test_a_pane_is_alone_and_the_board_comes_back() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident())
        await stand.press("3")
        assert "3 Queues ━" in stand.text
        assert "─ ✖ 2 Proxies" not in stand.text
        await stand.press("3")
        assert "─ ✖ 2 Proxies" in stand.text
        await stand.press("8", "escape")
        assert "─ ✖ 2 Proxies" in stand.text
        await stand.press("v")
        assert "balance sync is 12m overdue" in stand.text
        assert "Workers" not in stand.text
        await stand.press("0")
        assert "1 Workers" in stand.text

    on_stage(scenario)


def test_a_filter_narrows_all_panes_counts_and_is_cleared() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident())
        await stand.press("slash", *"8b4f59")
        assert "20 of 161 rows" in stand.lines[-1]
        await stand.press("backspace", "backspace", "enter")
        assert '1 of 45: "8b4f"' in stand.text
        assert '15 of 44: "8b4f"' in stand.text
        assert 'none of 6 rows: "8b4f"' in stand.text
        assert "container 8b4f59aa is gone" in stand.text
        await stand.press("escape")
        assert '8b4f"' not in stand.text
        await stand.press("slash", *"!/crawler|dramatiq/", "enter")
        assert '26 of 45: "!/crawler|dramatiq/"' in stand.text or " of 45: " in stand.text
        await stand.press("slash", "escape")
        assert " of 45: " not in stand.text

    on_stage(scenario)


def test_while_a_filter_is_written_keys_are_letters() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident())
        await stand.press("slash", "q", "x", "space", "3", "home", "a", "end", "left", "delete", "ctrl+u")
        assert stand.app.board.ui.faults_only is False
        assert stand.app.board.ui.query == ""
        await stand.press(*"one two", "ctrl+w")
        assert stand.app.board.ui.query == "one "
        await stand.press("escape", "x")
        assert stand.app.board.ui.faults_only is True

    on_stage(scenario)


def test_keys_that_arrive_together_are_acted_upon_one_after_the_other() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident())
        keys = (("slash", "/"), ("8", "8"), ("b", "b"), ("4", "4"), ("enter", "\r"), ("2", "2"), ("enter", "\r"))
        for key, character in keys:
            stand.app.post_message(events.Key(key, character))
        await stand.settle()
        assert stand.app.board.ui.query == "8b4"
        assert stand.app.board.ui.maximised == "proxies"
        view = stand.app.board.facts.view
        assert view is not None
        assert view.title == "2 Proxies › p0"

    on_stage(scenario)


def test_pasted_text_goes_into_the_filter_in_one_line() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident())
        stand.app.post_message(events.Paste("qq\n"))
        stand.app.post_message(events.Key("slash", "/"))
        stand.app.post_message(events.Paste(" 8b4f\n 59 "))
        await stand.settle()
        assert stand.app.board.ui.query == "8b4f 59"

    on_stage(scenario)


def test_a_bad_pattern_is_said_and_taken_as_text() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident())
        await stand.press("slash", *"/[/")
        assert "not a pattern" in stand.lines[-1]

    on_stage(scenario)


def test_faults_only_hides_what_is_well() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident())
        await stand.press("x")
        assert "3 of 45: faults only" in stand.text
        assert "0 of 5: faults only" in stand.text
        assert "●" not in "".join(stand.lines[7:-1]).replace("43 ●", "")
        await stand.press("escape")
        assert "faults only" not in stand.text

    on_stage(scenario)


def test_the_order_is_chosen_inverted_and_given_up() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident())
        await stand.press("3", "o", "o", "o")
        assert "ready↓" in stand.text
        pane = stand.app.board.pane("queues")
        depths = [float(r.sort[2] or 0) for r in pane.rows]
        assert depths == sorted(depths, reverse=True)
        await stand.press("f")
        assert "ready↑" in stand.text
        await stand.press("o", "o", "o", "o")
        assert "↑" not in stand.text
        assert pane.view is not None
        assert pane.rows == pane.view.rows

    on_stage(scenario)


def test_an_equal_picture_paints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident(0))
        painted = watched(monkeypatch)
        await stand.show(incident(0))
        await stand.pilot.pause(0.05)
        assert painted == []
        await stand.show(incident(1))
        await stand.pilot.pause(0.05)
        assert painted

    on_stage(scenario)


def test_one_changed_cell_paints_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(stand: Stand) -> None:
        told = quiet()
        await stand.show(told)
        rows = pane_of(told, "queues").rows
        changed = replace(rows[1], cells=(*rows[1].cells[:2], rows[0].cells[2], *rows[1].cells[3:]))
        painted = watched(monkeypatch)
        await stand.show(with_rows(told, "queues", (rows[0], changed, *rows[2:])))
        await stand.pilot.pause(0.05)
        assert painted == [("pane-queues", 4)]

    on_stage(scenario)


def test_a_hundred_thousand_rows_cost_what_is_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(stand: Stand) -> None:
        told = quiet()
        first = pane_of(told, "workers").rows[0]
        await stand.show(with_rows(told, "workers", tuple(replace(first, key=str(n)) for n in range(100_000))))
        painted = watched(monkeypatch)
        await stand.press("ctrl+end", "pageup", "down")
        assert stand.app.board.pane("workers").cursor > 99_000
        assert painted
        assert len(painted) < 3 * 36

    on_stage(scenario)


def test_hostile_texts_do_nothing() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(hostile())
        assert "[@click=app.quit]free[/]" in stand.text
        assert "[/foo]" in stand.text
        assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in stand.text.replace("\n", ""))
        for y in range(36):
            for x in range(0, 120, 7):
                assert not stand.app.screen.get_style_at(x, y).meta.get("@click")
        await stand.press(
            "enter", "escape", "2", "enter", "greater_than_sign", "slash", *"[/x]", "enter", "question_mark"
        )
        assert stand.app.crash is None

    on_stage(scenario)


def test_the_verdict_band_grows_at_once_and_shrinks_late() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(quiet())
        small = stand.app.board.pane("verdict").size.height
        await stand.show(incident())
        large = stand.app.board.pane("verdict").size.height
        assert (small, large) == (1, 6)
        for _ in range(9):
            await stand.show(quiet())
            assert stand.app.board.pane("verdict").size.height == 6
        await stand.show(quiet())
        assert stand.app.board.pane("verdict").size.height == 1

    on_stage(scenario)


def test_trouble_of_the_engine_is_a_line_and_goes_when_it_is_over() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident())
        await stand.show(incident(), trouble="the feed broke: KeyError at live.py:12")
        assert stand.lines[1].startswith(" ✖ the feed broke: KeyError at live.py:12")
        assert "1 Workers" in stand.text
        await stand.show(incident())
        assert "the feed broke" not in stand.text

    on_stage(scenario)


def test_silence_is_said_and_an_ended_feed_is_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(quiet())
        assert "NO SIGNAL" not in stand.text
        board = stand.app.board
        board.receive(replace(board.latest, received=board.latest.received - 75))
        await stand.settle()
        assert "NO SIGNAL 1m15s" in stand.lines[0]
        board.receive(replace(board.latest, ended=True))
        await stand.settle()
        assert "NO SIGNAL" not in stand.lines[0]
        assert " END " in stand.lines[0]

    on_stage(scenario)


def test_production_is_loud() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(quiet())
        assert stand.lines[0].startswith(" PRODUCTION  unstick  prod-eu ")
        style = stand.app.screen._compositor.render_strips()[0]._segments[0].style
        assert style is not None
        assert style.bgcolor is not None

    on_stage(scenario, production=True)


def test_themes_change_and_all_of_it_is_painted_anew() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident())
        seen = {stand.app.painter.theme.name}
        await stand.press("t")
        for _ in SHIPPED[1:]:
            await stand.press("down")
            seen.add(stand.app.painter.theme.name)
            ground = stand.app.painter.style("text", "screen").bgcolor
            drawn = stand.app.screen._compositor.render_strips()[-3]._segments[0].style
            assert drawn is not None
            assert drawn.bgcolor == ground
        assert seen == set(SHIPPED)

    on_stage(scenario)


def test_without_colour_no_colour_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def scenario(stand: Stand) -> None:
        await stand.show(incident())
        await stand.press("t")
        assert stand.app.painter.theme.name == "mono"
        for strip in stand.app.screen._compositor.render_strips():
            for segment in strip:
                assert segment.style is None or segment.style.color is None or segment.style.color.is_default

    on_stage(scenario)


def test_an_unknown_theme_is_said_and_the_default_used() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(quiet())
        assert "there is no theme 'nope'" in stand.lines[-1]
        assert stand.app.painter.theme.name == "midnight"

    on_stage(scenario, theme="nope")


def test_own_keys_work_and_stand_in_the_footer() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident())
        await stand.press("x")
        assert not stand.app.board.ui.faults_only
        await stand.press("y")
        assert stand.app.board.ui.faults_only
        assert "y faults" in stand.lines[-1]

    on_stage(scenario, keys={"faults": "y"})


def test_a_click_moves_the_cursor_and_a_double_click_opens() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident())
        pane = stand.app.board.pane("queues")
        y = next(nth for nth, line in enumerate(stand.lines) if "· objects" in line) - pane.region.y
        await stand.pilot.click("#pane-queues", offset=(8, y))
        await stand.settle()
        assert stand.app.board.ui.focus == "queues"
        assert pane.current is not None
        assert pane.current.key == "objects"
        await stand.pilot.double_click("#pane-queues", offset=(8, y))
        await stand.settle()
        assert "3 Queues › objects" in stand.text

    on_stage(scenario)


def test_a_click_on_a_tab_shows_its_pane() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident())
        for name in ("Sync", "Host", "Workers", "Locks"):
            await stand.pilot.click("#tabs", offset=(at(stand, name) + 1, 0))
            await stand.settle()
            assert f"{name} ━" in stand.text
        await stand.pilot.click("#tabs", offset=(79, 0))
        await stand.settle()
        assert "Locks ━" in stand.text

    def at(stand: Stand, name: str) -> int:
        return next(line.index(name) for line in stand.lines if "Workers" in line and "Queues" in line)

    on_stage(scenario, (80, 24))


def test_more_findings_than_fit_are_counted() -> None:
    async def scenario(stand: Stand) -> None:
        told = incident()
        many = tuple(replace(FINDINGS[0], key=str(n)) for n in range(40))
        await stand.show(replace(told, verdict=replace(told.verdict, rows=many)))
        assert "1-4 of 40" in stand.text

    on_stage(scenario)


def test_alone_on_the_screen_the_verdict_says_everything_and_the_cursor_goes_from_finding_to_finding() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(moment("stuck-proxies", 200))
        await stand.press("v")
        pane = stand.app.board.pane("verdict")
        findings = [row.key for row in pane.own_rows]
        assert len(pane.rows) > 3 * len(findings) > 3
        seen = []
        for _ in findings:
            assert pane.current is not None
            seen.append(pane.current.key)
            await stand.press("down")
        assert seen == findings
        await stand.press("down", "up", "<")
        assert pane.current is not None
        assert pane.current.key == findings[0]
        await stand.press("enter")
        assert stand.app.board.ui.trail.shown == f"finding:{findings[0].partition('|')[2]}"

    on_stage(scenario)


@pytest.mark.parametrize("width", [80, 120])
def test_the_key_that_mends_stays_where_it_is_narrow(width: int) -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(moment("stuck-proxies", 200))
        band = [line for line in stand.lines[:6] if "8b4f59aa" in line]
        assert band
        assert band[0].rstrip("│ ").endswith(" F" if width < 100 else " F free proxies")

    on_stage(scenario, (width, 24 if width < 100 else 36))
