"""Recording and marking from the board: in order, without waiting, and finished whenever one leaves."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from tests.tui.timed import TimedStand, live_on_stage, tape_on_stage
from tests.unit.tapes import META, same, taped
from unstick.facts.frame import Frame
from unstick.feeds import recorder
from unstick.tape.event import GAP, MARK
from unstick.tape.reader import Tape
from unstick.tape.writer import Writer


def footer(stand: TimedStand) -> str:
    return stand.lines[-1]


def test_r_records_what_is_seen_and_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"

    async def scenario(stand: TimedStand) -> None:
        stand.tap.flow(20)
        await stand.shows(19)
        assert "REC" not in stand.header
        await stand.press("r")
        await stand.until(lambda: "recording to " in footer(stand))
        stand.tap.flow(29)
        await stand.shows(48)
        await stand.flows_until(lambda: "● REC " in stand.header)
        await stand.press("r")
        await stand.until(lambda: "recorded " in footer(stand))
        await stand.flows_until(lambda: "REC" not in stand.header)
        with Tape.open(path) as tape:
            assert tape.ended
            assert all(same(read, stand.tap.came[20 + number]) for number, read in tape.frames())
            assert len(tape) >= 29

    live_on_stage(scenario, opened=lambda: Writer(path, META))


def test_leaving_ends_the_tape_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"

    async def scenario(stand: TimedStand) -> None:
        stand.tap.flow(5)
        await stand.shows(4)
        await stand.press("r")
        await stand.until(lambda: "recording to " in footer(stand))
        stand.tap.flow(5)
        await stand.shows(9)
        await stand.press("q")

    live_on_stage(scenario, opened=lambda: Writer(path, META))
    with Tape.open(path) as tape:
        assert tape.ended
        assert len(tape) == 5


def test_looking_back_does_not_disturb_the_tape_and_marks_go_where_one_looks(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"

    async def scenario(stand: TimedStand) -> None:
        stand.tap.flow(10)
        await stand.shows(9)
        await stand.press("r")
        await stand.until(lambda: "recording to " in footer(stand))
        stand.tap.flow(20)
        await stand.shows(29)
        await stand.press("left", "left", "left", "left", "left")
        await stand.shows(24)
        await stand.press("m")
        assert "enter marks what was shown" in footer(stand)
        stand.tap.flow(10)
        await stand.press(*"it began [red]", "enter")
        await stand.until(lambda: "on the tape" in footer(stand))
        await stand.until(lambda: "it began [red]" in stand.lines[-3])
        await stand.press("end")
        await stand.shows(39)
        assert "◆" in stand.lines[-2]
        await stand.press("N")
        await stand.shows(24)
        await stand.press("end", "q")

    live_on_stage(scenario, opened=lambda: Writer(path, META))
    with Tape.open(path) as tape:
        assert len(tape) == 30
        (mark,) = [event for event in tape.events() if event.event == MARK]
        assert mark.text == "it began [red]"
        assert mark.at == pytest.approx(tape.at(14), abs=0.001)


def test_marks_on_a_tape_are_kept_until_one_leaves_and_the_file_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    taped(path, 130, seed=9, marks={30: "first", 90: "second"})
    before = path.read_bytes()

    async def scenario(stand: TimedStand) -> None:
        await stand.until(lambda: "REPLAY" in stand.header)
        await stand.press("space", "home")
        await stand.shows(0)
        await stand.press("n")
        await stand.shows(30)
        await stand.press("m", *"own", "enter")
        await stand.until(lambda: "kept until you leave" in footer(stand))
        await stand.press("n")
        await stand.shows(90)
        await stand.press("n")
        await stand.until(lambda: "no mark after this" in footer(stand))
        await stand.press("N")
        await stand.shows(30)
        await stand.press("N")
        await stand.until(lambda: "no mark before this" in footer(stand))
        await stand.press("m", *"not this", "escape")
        assert stand.lines[-2].count("◆") + stand.lines[-2].count("┃") >= 2
        await stand.press("r")
        await stand.until(lambda: "this is a recording" in footer(stand))

    tape_on_stage(path, scenario)
    assert path.read_bytes() == before


def test_where_nothing_can_be_written_one_line_says_why(tmp_path: Path) -> None:
    async def scenario(stand: TimedStand) -> None:
        stand.tap.flow(3)
        await stand.shows(2)
        await stand.press("r")
        await stand.until(lambda: "cannot record: No such file or directory" in footer(stand))
        stand.tap.flow(1)
        await stand.shows(3)
        assert "REC" not in stand.header

    live_on_stage(scenario, opened=lambda: Writer(tmp_path / "none" / "a.tape", META))


def test_a_full_disk_is_loud_and_the_board_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, full, write = tmp_path / "a.tape", threading.Event(), os.write

    def until_full(file: int, data: bytes) -> int:
        if full.is_set() and data[:4] == b"\x5c\x2a\x4d\x18":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data)

    monkeypatch.setattr("unstick.tape.writer.os.write", until_full)

    async def scenario(stand: TimedStand) -> None:
        stand.tap.flow(3)
        await stand.shows(2)
        await stand.press("r")
        await stand.until(lambda: "recording to " in footer(stand))
        stand.tap.flow(3)
        await stand.shows(5)
        full.set()
        await stand.flows_until(lambda: "REC PAUSED: disk full" in stand.header)
        full.clear()
        await stand.flows_until(lambda: "● REC " in stand.header)

    live_on_stage(scenario, opened=lambda: Writer(path, META))
    with Tape.open(path) as tape:
        assert [event.text for event in tape.events() if event.event == GAP] == ["nothing recorded: disk full"]


def test_a_disk_that_hangs_holds_up_nothing_and_leaves_a_named_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "WAITING", 4)
    path, going = tmp_path / "a.tape", threading.Event()
    going.set()

    class Hanging(Writer):
        def frame(self, frame: Frame) -> None:
            going.wait(60)
            super().frame(frame)

    async def scenario(stand: TimedStand) -> None:
        stand.tap.flow(3)
        await stand.shows(2)
        await stand.press("r")
        await stand.until(lambda: "recording to " in footer(stand))
        going.clear()
        stand.tap.flow(12)
        await stand.shows(14)
        await stand.flows_until(lambda: "REC PAUSED: the disk is too slow" in stand.header)
        going.set()
        made = stand.session.deck
        assert made is not None
        assert made.recorder is not None
        await stand.until(lambda: made.recorder is not None and made.recorder._waiting.empty())
        await stand.flows_until(lambda: "● REC " in stand.header)

    live_on_stage(scenario, opened=lambda: Hanging(path, META))
    with Tape.open(path) as tape:
        gap = next(event for event in tape.events() if event.event == GAP)
        assert gap.text == "nothing recorded: the disk is too slow"
        assert gap.details["until"] - gap.details["since"] > 5
        tape.check()
        assert tape.damages == []
