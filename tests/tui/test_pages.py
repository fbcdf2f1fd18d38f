"""Pages on the board: opened, followed, left, and still there when their row is gone."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from tests.tui.stand import Stand, golden, on_stage
from tests.unit.test_pages import dead_container
from unstick.tui import chart
from unstick.views.screen import Told
from unstick.views.tell import tell

SIZES = [(80, 24), (120, 36), (200, 60)]


@pytest.fixture(autouse=True)
def charts() -> None:
    chart.load()


def told(seconds: int = 400) -> Told:
    board = dead_container(seconds)
    return replace(tell(board), board=board)


@pytest.mark.parametrize("size", SIZES)
def test_a_page_is_as_drawn_in_its_golden(size: tuple[int, int]) -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(told())
        await stand.press("2", "down", "enter")
        golden(f"page_{size[0]}x{size[1]}", stand.text)

    on_stage(scenario, size)


def test_jumps_have_crumbs_and_one_goes_back_and_on() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(told())
        await stand.press("v", "enter")
        assert "2 Proxies › container 8b4f59aa is gone" in stand.lines[1]
        await stand.press("enter")
        assert "What is stuck › container 8b4f59aa " in stand.lines[1]
        await stand.press("tab", "enter")
        assert "container 8b4f59aa › worker 8b4f59aa_1 " in stand.lines[1]
        await stand.press("left_square_bracket")
        assert "What is stuck › container 8b4f59aa " in stand.lines[1]
        await stand.press("right_square_bracket")
        assert "container 8b4f59aa › worker 8b4f59aa_1 " in stand.lines[1]
        await stand.press("escape", "escape", "escape")
        assert stand.app.board.ui.trail.shown is None
        assert "What is stuck" in stand.text
        await stand.press("right_square_bracket")
        assert "2 Proxies › container 8b4f59aa is gone" in stand.lines[1]

    on_stage(scenario)


def test_a_page_follows_its_row_and_says_when_it_is_gone() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(told(200))
        await stand.press("2", "down", "enter")
        assert "held for 4m15s" in stand.text
        await stand.show(told(400))
        assert "held for 7m35s" in stand.text
        last = told(400)
        await stand.show(replace(last, panes=last.panes[:1], board=None))
        assert "this is gone; it was seen last" in stand.text
        assert "held for 7m35s" in stand.text

    on_stage(scenario)


def test_the_cursor_of_a_page_stays_while_ages_tick() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(told(200))
        await stand.press("2", "down", "enter", "tab")
        row = stand.app.board.facts.current
        await stand.show(told(210))
        now = stand.app.board.facts.current
        assert row is not None
        assert now is not None
        assert now.key == row.key
        assert now.jump == "container:8b4f59aa"

    on_stage(scenario)


def test_a_number_leaves_pages_for_its_pane() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(told())
        await stand.press("v", "enter", "enter", "6")
        assert stand.app.board.ui.trail.shown is None
        assert stand.app.board.ui.maximised == "locks"
        assert "6 Locks" in stand.text

    on_stage(scenario)


def test_charts_reach_further_and_turn() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(told())
        await stand.press("2", "down", "enter")
        assert "proxies free" in stand.text
        assert "last 12 min" in stand.text
        assert "warning 0" in stand.text  # what the lines mean
        await stand.press("minus")
        assert "last 5 min" in stand.text
        await stand.press("plus", "plus", "plus", "plus")
        assert "all there is" in stand.text
        await stand.press("c")
        assert "proxies stuck" in stand.text

    on_stage(scenario)


def test_where_charts_do_not_fit_they_take_turns_with_the_facts() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(told())
        await stand.press("2", "down", "enter")
        assert "Who holds it" in stand.text
        assert "c history" in stand.text
        await stand.press("c")
        assert "proxies free" in stand.text
        assert "Who holds it" not in stand.text
        await stand.press("c", "c")
        assert "Who holds it" in stand.text

    on_stage(scenario, (80, 24))


def test_a_row_without_a_page_of_its_own_is_told_in_full() -> None:
    async def scenario(stand: Stand) -> None:
        from tests.tui.samples import incident  # noqa: PLC0415 - told without a board behind it

        await stand.show(incident())
        await stand.press("8", "enter")
        assert "8 Host › " in stand.lines[1]

    on_stage(scenario)


def test_plotext_is_loaded_when_the_first_page_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    here: list[bool] = []
    monkeypatch.setattr(chart, "loaded", lambda: bool(here))
    monkeypatch.setattr(chart, "load", lambda: here.append(True))

    async def scenario(stand: Stand) -> None:
        await stand.show(told())
        assert not here
        await stand.press("2", "down", "enter")
        for _ in range(600):
            if here and "drawing …" not in stand.text:
                break
            await asyncio.sleep(0.05)
            await stand.settle()
        assert "drawing …" not in stand.text

    on_stage(scenario)
