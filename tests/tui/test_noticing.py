"""Findings that somebody takes note of, with the keys and commands of a live board."""

from __future__ import annotations

from pathlib import Path

from tests.tui.timed import TimedStand, live_on_stage, tape_on_stage
from tests.unit.tapes import taped
from unstick.feeds.drawer import Drawer


def band(stand: TimedStand) -> list[str]:
    """The lines of the verdict."""
    return [line for line in stand.lines if " for " in line and ("✖" in line or "▲" in line or "?" in line)]


def test_a_note_is_written_and_shown_and_taken_back(tmp_path: Path) -> None:
    drawer = Drawer(tmp_path / "c.json", "lena")

    async def scenario(stand: TimedStand) -> None:
        stand.tap.flow(40)
        await stand.shows(39)
        board = stand.app.board.told.board
        assert board is not None
        assert board.findings
        first = board.findings[0]
        await stand.press("v", "a", *"known", "enter")
        await stand.until(lambda: "acknowledged: " in stand.lines[-1] and "lena: known" in stand.text)
        assert stand.app.board.panes["verdict"].rows[-1].key.endswith(first.id)
        assert [ack.finding for ack in drawer.look()] == [first.id]
        await stand.press("up", "colon", *"snooze 2m soon", "enter")
        await stand.until(lambda: "snoozed for" in stand.text or "snoozed: " in stand.lines[-1])
        await stand.press("end", "greater_than_sign", "a")
        await stand.until(lambda: "taken back: " in stand.lines[-1])

    live_on_stage(scenario, drawer=drawer)


def test_on_a_tape_nothing_is_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    taped(path, 60, seed=9)

    async def scenario(stand: TimedStand) -> None:
        await stand.press("space", "end")
        await stand.shows(59)
        await stand.press("a", *"known", "enter")
        await stand.until(lambda: "this is a recording" in stand.lines[-1])

    tape_on_stage(path, scenario)
