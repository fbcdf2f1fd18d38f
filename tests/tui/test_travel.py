"""Keys that move in time, live as on a tape: the same words, and no doubt about what one looks at."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.tui.samples import quiet
from tests.tui.stand import Stand, on_stage
from tests.tui.timed import TimedStand, live_on_stage, tape_on_stage
from tests.unit.tapes import taped
from unstick.facts.units import clock_time
from unstick.tape.shelf import Shelf


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    path = tmp_path / "a.tape"
    taped(path, 130, seed=9)
    return path


def test_live_nothing_is_said_of_time_until_one_leaves_the_newest() -> None:
    async def scenario(stand: TimedStand) -> None:
        stand.tap.flow(100)
        await stand.shows(99)
        assert "PAUSED" not in stand.header
        assert "behind" not in stand.header
        await stand.press("left")
        await stand.shows(98)
        await stand.until(lambda: "PAUSED  1s behind  end: live" in stand.header)
        stand.tap.flow(15)
        await stand.until(lambda: "PAUSED  16s behind  end: live" in stand.header)
        assert f"{clock_time(stand.tap.came[98].at)}Z" in stand.header
        await stand.press("end")
        await stand.shows(114)
        assert "PAUSED" not in stand.header

    live_on_stage(scenario)


def test_live_space_holds_the_picture_and_goes_on_with_the_newest() -> None:
    async def scenario(stand: TimedStand) -> None:
        stand.tap.flow(30)
        await stand.shows(29)
        await stand.press("space")
        await stand.until(lambda: "PAUSED" in stand.header)
        stand.tap.flow(10)
        await stand.until(lambda: "PAUSED  10s behind" in stand.header)
        await stand.press("down", "space")
        await stand.shows(39)
        assert "PAUSED" not in stand.header

    live_on_stage(scenario)


def test_live_one_plays_what_was_and_catches_up() -> None:
    async def scenario(stand: TimedStand) -> None:
        stand.tap.flow(60)
        await stand.shows(59)
        await stand.press("home", "left")
        await stand.shows(0)
        await stand.press("full_stop", "full_stop")
        await stand.until(lambda: "speed 4" in stand.lines[-1])
        await stand.press("space")
        await stand.until(lambda: "PAST 4x" in stand.header)
        await stand.press(*["full_stop"] * 8)
        await stand.shows(59)
        await stand.until(lambda: "PAST" not in stand.header)

    live_on_stage(scenario)


def test_on_a_tape_the_same_keys_go_anywhere(tape: Path) -> None:
    async def scenario(stand: TimedStand) -> None:
        await stand.until(lambda: "REPLAY" in stand.header)
        await stand.press("space")
        await stand.until(lambda: "REPLAY PAUSED" in stand.header)
        await stand.press("home")
        await stand.shows(0)
        await stand.press("right", "right")
        await stand.shows(2)
        await stand.press("left")
        await stand.shows(1)
        await stand.press("shift+right")
        await stand.shows(60)
        await stand.press("shift+left")
        await stand.shows(0)
        await stand.press("end")
        await stand.shows(129)
        await stand.until(lambda: "REPLAY END  space: again" in stand.header)
        assert "space again" in stand.lines[-1]
        await stand.press("comma", "space")
        await stand.until(lambda: "REPLAY 0.5x" in stand.header)
        assert "space pause" in stand.lines[-1]
        await stand.press("space")
        await stand.until(lambda: "space go on" in stand.lines[-1])
        assert {"←→ step", "g go to", "nN marks", "b compare"} <= set(re.split(r"  +", stand.lines[-1].strip()))

    tape_on_stage(tape, scenario)


def test_one_goes_to_a_time_that_one_types(tape: Path) -> None:
    async def scenario(stand: TimedStand) -> None:
        await stand.until(lambda: "REPLAY" in stand.header)
        await stand.press("space", "g")
        assert "go to" in stand.lines[-1]
        assert "enter goes" in stand.lines[-1]
        await stand.press(*"+60s", "enter")
        await stand.shows(59)
        await stand.press("g", *"0s ago", "enter")
        await stand.shows(129)
        await stand.press("g", *clock_time(stand.tap.came[20].at + 0.5), "enter")
        await stand.until(lambda: (place := stand.app.board.told.place) and place.at < stand.tap.came[21].at)
        await stand.press("g", *"1970-01-12T13:47", "enter")
        await stand.until(lambda: "13:46:59Z" in stand.header or "13:47:00Z" in stand.header)
        await stand.press("g", *"noon", "enter")
        await stand.until(lambda: '"noon" is no time like 03:12' in stand.lines[-1])
        await stand.press("g", *"23:59", "escape")
        assert "go to " not in stand.lines[-1].replace("g go to", "")
        assert stand.app.board.ui.query == ""

    tape_on_stage(tape, scenario)


def test_a_thin_line_shows_at_once_what_one_asked_for(tape: Path) -> None:
    async def scenario(stand: TimedStand) -> None:
        await stand.until(lambda: "REPLAY" in stand.header)
        await stand.press("end")
        await stand.shows(129)
        await stand.press("home")
        await stand.shows(0)

    tape_on_stage(tape, scenario, slow=True)


def test_a_feed_without_a_past_says_so() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(quiet())
        for _ in range(500):  # the engine starts behind the first picture
            await stand.press("left")
            if "there is no other time to go to" in stand.lines[-1]:
                break
            await stand.pilot.pause(0.01)
        assert "there is no other time to go to" in stand.lines[-1]

    on_stage(scenario)


def scrub(stand: TimedStand) -> str:
    """The line of levels."""
    return stand.lines[-2]


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
def test_a_line_above_the_footer_tells_every_level_and_where_one_stands(tape: Path, size: tuple[int, int]) -> None:
    async def scenario(stand: TimedStand) -> None:
        await stand.until(lambda: "REPLAY" in stand.header)
        await stand.press("space", "home")
        await stand.shows(0)
        await stand.until(lambda: "·" not in scrub(stand))
        assert "13:46" in scrub(stand)
        assert scrub(stand).rstrip().endswith("13:48     2m")
        first = scrub(stand).index("┃")
        await stand.press("end")
        await stand.shows(129)
        assert scrub(stand).index("┃") > first + 40
        assert set("▅█?") & set(scrub(stand))

    tape_on_stage(tape, scenario, size)


def test_live_the_line_grows_and_shows_where_one_looks_back() -> None:
    async def scenario(stand: TimedStand) -> None:
        stand.tap.flow(60)
        await stand.shows(59)
        assert "┃" not in scrub(stand)
        await stand.press("shift+left")
        await stand.until(lambda: "┃" in scrub(stand))
        await stand.press("end")
        await stand.until(lambda: "┃" not in scrub(stand))

    live_on_stage(scenario)


def test_a_click_on_the_line_goes_there(tape: Path) -> None:
    async def scenario(stand: TimedStand) -> None:
        await stand.until(lambda: "REPLAY" in stand.header)
        await stand.press("space", "home")
        await stand.shows(0)
        await stand.pilot.click("#scrub", offset=(60, 0))
        await stand.until(lambda: scrub(stand)[60] == "┃")
        await stand.pilot.click("#scrub", offset=(1, 0))
        await stand.settle()
        assert scrub(stand)[60] == "┃"

    tape_on_stage(tape, scenario)


def test_the_newest_mark_is_the_caption(tmp_path: Path) -> None:
    path = tmp_path / "b.tape"
    taped(path, 130, seed=9, marks={20: "a container dies", 80: "it is back"})

    async def scenario(stand: TimedStand) -> None:
        await stand.until(lambda: "REPLAY" in stand.header)
        await stand.press("space", "home")
        await stand.shows(0)
        assert stand.lines[-3].strip() == ""
        assert scrub(stand).count("◆") == 2
        await stand.press("g", *"+30s", "enter")
        await stand.until(lambda: "◆ 13:47:01Z  a container dies" in stand.lines[-3])
        await stand.press("end")
        await stand.until(lambda: "it is back" in stand.lines[-3])

    tape_on_stage(path, scenario)


def test_a_small_screen_has_no_line_to_spare(tape: Path) -> None:
    async def scenario(stand: TimedStand) -> None:
        await stand.until(lambda: "REPLAY" in stand.header)
        assert "13:48" not in stand.text

    tape_on_stage(tape, scenario, (60, 10))


def test_without_colour_and_unicode_levels_differ_and_the_header_says_where_one_is(
    tape: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("LANG", "C")

    async def scenario(stand: TimedStand) -> None:
        await stand.until(lambda: "REPLAY" in stand.header)
        await stand.press("space")
        await stand.until(lambda: "REPLAY PAUSED" in stand.header)
        await stand.press("end")
        await stand.until(lambda: "REPLAY END" in stand.header)
        assert stand.text.isascii()
        assert set("#-?") & set(scrub(stand))

    tape_on_stage(tape, scenario)


def test_b_remembers_an_instant_tells_what_differs_and_forgets(tape: Path) -> None:
    async def scenario(stand: TimedStand) -> None:
        await stand.until(lambda: "REPLAY" in stand.header)
        await stand.press("space", "home")
        await stand.shows(0)
        await stand.press("g", *"+20s", "enter")
        await stand.shows(19)
        await stand.press("b")
        await stand.until(lambda: "A is 13:47:00Z" in stand.lines[-1])
        await stand.press("end")
        await stand.shows(129)
        assert "A" in scrub(stand)
        await stand.press("b")
        await stand.until(lambda: "From 13:47:00Z" in stand.text)
        await stand.until(lambda: "to 13:48:" in stand.text)
        first = stand.text
        assert "was" in first
        await stand.press("home")
        await stand.until(lambda: "From 13:46:41Z to 13:47:00Z" in stand.text)
        await stand.press("escape")
        assert "From 13:46" not in stand.text
        assert "A" in scrub(stand)
        await stand.press("b")
        await stand.until(lambda: "From 13:46:41Z to 13:47:00Z" in stand.text)
        await stand.press("b")
        await stand.until(lambda: "A" not in scrub(stand))
        assert "From 13:46" not in stand.text

    tape_on_stage(tape, scenario)


def test_l_tells_what_else_there_is_and_plays_it(tmp_path: Path) -> None:
    taped(tmp_path / "one.tape", 130, seed=9)
    taped(tmp_path / "two.tape", 40, seed=3)
    (tmp_path / "broken.tape").write_bytes(b"PK")

    async def scenario(stand: TimedStand) -> None:
        await stand.until(lambda: "What to see" in stand.text)
        assert stand.text.index("one  ") < stand.text.index("broken  ") < stand.text.index("two  ")
        assert "can't be played" in stand.text
        await stand.press("down", "enter")
        await stand.until(lambda: "broken can't be played" in stand.lines[-1])
        await stand.press("l", "greater_than_sign", "enter")
        await stand.until(lambda: "39s" in scrub(stand))
        assert "What to see" not in stand.text
        await stand.press("space", "end")
        deck = stand.session.deck
        assert deck is not None
        await stand.until(lambda: deck.player.position == 39)
        await stand.press("l")
        await stand.until(lambda: "What to see" in stand.text)
        await stand.press("l")
        assert "What to see" not in stand.text

    tape_on_stage(tmp_path / "one.tape", scenario, shelf=Shelf(tmp_path), opens="shelf")


def test_where_nothing_else_is_to_play_l_says_so(tape: Path) -> None:
    async def scenario(stand: TimedStand) -> None:
        await stand.until(lambda: "REPLAY" in stand.header)
        await stand.press("l")
        assert "there is nothing else to play" in stand.lines[-1]

    tape_on_stage(tape, scenario)
