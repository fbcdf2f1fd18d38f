"""Findings that somebody takes note of, with the keys and commands of a live board."""

from __future__ import annotations

from pathlib import Path

from tests.tui.timed import TimedStand, live_on_stage, tape_on_stage
from tests.unit.tapes import META, taped
from unstick.feeds.drawer import Drawer
from unstick.tape.writer import Writer


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
        lines = [row for row in stand.app.board.panes["verdict"].rows if not row.below]
        assert lines[-1].key.endswith(first.id)
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


def test_big_type_comes_and_goes_with_its_key(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    taped(path, 60, seed=9)

    async def scenario(stand: TimedStand) -> None:
        await stand.press("space", "end")
        await stand.shows(59)
        assert "workers alive" in stand.text
        await stand.press("w")
        await stand.until(lambda: "1 Workers" in stand.text)
        await stand.press("w", "1")
        await stand.until(lambda: "last sign" in stand.text)
        await stand.press("I")
        await stand.until(lambda: "this is a recording" in stand.lines[-1])

    tape_on_stage(path, scenario, wall=True)


def test_an_incident_has_its_clock_in_the_header_and_its_tape(tmp_path: Path) -> None:
    async def scenario(stand: TimedStand) -> None:
        stand.tap.flow(10)
        await stand.shows(9)
        await stand.press("I")
        await stand.until(lambda: "⚑ incident 00:00:00" in stand.header and "workers alive" in stand.text)
        stand.tap.flow(5)
        await stand.shows(14)
        await stand.until(lambda: "⚑ incident 00:00:05" in stand.header)
        await stand.press("escape", "colon", *"role commander lena", "enter")
        await stand.until(lambda: "commander: lena" in stand.lines[-1])
        await stand.press("I", *"over", "enter")
        await stand.until(lambda: "incident ends after" in stand.lines[-1])
        assert "⚑" not in stand.header

    async def report(tape: Path) -> Path:
        return tape

    live_on_stage(scenario, opened=lambda: Writer(tmp_path / "i.tape", META), reporter=report)


def test_what_happened_is_sifted_while_one_writes(tmp_path: Path) -> None:
    async def scenario(stand: TimedStand) -> None:
        stand.tap.flow(40)
        await stand.shows(39)
        await stand.press("m", *"deploy", "enter", "h")
        await stand.until(lambda: "What happened" in stand.text and "deploy" in stand.text)
        await stand.press("slash", *"kind:mark")
        await stand.until(lambda: "1 of " in stand.text)
        await stand.press("enter")
        await stand.until(lambda: "deploy" in stand.text and "begins " not in stand.text)
        await stand.press("slash", "escape")
        await stand.until(lambda: "begins " in stand.text)

    live_on_stage(scenario)
