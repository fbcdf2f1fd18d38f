"""An incident: its clock and roles by marks, big type at any size, and the report in the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.unit.boards import CONTEXT, T0, played
from tests.unit.tapes import META
from tests.unit.test_pages import dead_container
from tests.unit.test_verdict import waiting
from tests.unit.test_views import HOSTILE, everything
from unstick.board.board import Board
from unstick.cli.incident_report import reported
from unstick.facts.frame import Frame
from unstick.facts.incident import BEGINS, ENDS, KEY, ROLE, Incident, at_work
from unstick.facts.place import Place, Tick
from unstick.feeds.deck import Deck
from unstick.feeds.recorder import Recorder
from unstick.tape.event import ACTION, Event
from unstick.tape.recent import Recent
from unstick.tape.writer import Writer
from unstick.tui.paint import measure
from unstick.views.bigtype import GLYPHS, LARGE, SMALL, big, broken
from unstick.views.layout import width_of
from unstick.views.pane import Line, Role
from unstick.views.screen import Told
from unstick.views.tell import tell
from unstick.views.wall import draw_wall


class TestMarks:
    def test_the_clock_runs_from_its_mark_to_the_one_that_ends_it(self) -> None:
        marks = [(10.0, {KEY: BEGINS}), (20.0, {KEY: ROLE, "role": "commander", "who": "lena"}), (30.0, {KEY: ENDS})]
        found = [at_work(marks, at) for at in (9.0, 10.0, 25.0, 30.0)]
        assert found == [None, Incident(10.0), Incident(10.0, (("commander", "lena"),)), None]

    def test_a_role_has_one_holder_and_words_are_cleaned(self) -> None:
        marks = [
            (1.0, {KEY: BEGINS}),
            *((2.0, {KEY: ROLE, "role": "scribe", "who": who}) for who in ("a", "\x1b[2J")),
        ]
        assert at_work(marks, 5.0) == Incident(1.0, (("scribe", "^[[2J"),))

    @pytest.mark.parametrize("details", [{}, {KEY: 5}, {KEY: ["begins"]}, {KEY: ROLE, "role": 7}])
    def test_marks_that_say_nothing_readable_begin_nothing(self, details: dict[str, object]) -> None:
        assert at_work([(1.0, details)], 5.0) is None


class TestBigType:
    def test_every_letter_has_five_rows_of_three_dots_and_no_two_are_alike(self) -> None:
        assert all(len(rows) == 5 and all(0 <= row < 8 for row in rows) for rows in GLYPHS.values())
        named = {char: rows for char, rows in GLYPHS.items() if char.isalnum()}
        assert len(set(named.values())) == len(named)

    @pytest.mark.parametrize("scale", [SMALL, LARGE])
    def test_it_is_as_wide_as_it_says(self, scale: object) -> None:
        for text in ("", "a", "8B4F is gone: 15", "ä\x1b"):
            lines = big(text, scale)  # type: ignore[arg-type]
            assert len(lines) == scale.lines  # type: ignore[attr-defined]
            assert {len(line) for line in lines} == {scale.width(text)}  # type: ignore[attr-defined]

    def test_lines_break_between_words_and_within_those_that_are_too_long(self) -> None:
        assert broken("a bb ccc", 4) == ["a bb", "ccc"]
        assert broken("x" * 10, 4) == ["xxxx", "xxxx", "xx"]
        assert broken("", 4) == []


def told_of(board: Board, *ticks: Tick, incident: Incident | None = None) -> Told:
    at = board.frame.at
    place = Place("live", at, at - 900, at, grows=True, following=True, ticks=ticks, incident=incident)
    return replace(tell(board), board=board, place=place)


def text_of(lines: tuple[Line, ...]) -> str:
    return "\n".join("".join(span.text for span in line) for line in lines)


class TestWall:
    @pytest.mark.parametrize("size", [(200, 57), (120, 33), (80, 21), (40, 8), (20, 3), (5, 1), (300, 90)])
    def test_it_fills_any_size_exactly(self, size: tuple[int, int]) -> None:
        for board in (dead_container(), everything(HOSTILE), played([waiting(T0, 5)])):
            lines = draw_wall(told_of(board, Tick("mark", board.frame.at, "x" * 300)), *size, measure)
            assert [width_of(line, measure) for line in lines] == [size[0] if any(line) else 0 for line in lines]
            assert len(lines) == size[1]
            assert "\x1b" not in text_of(lines)

    def test_before_the_first_picture_it_is_blank(self) -> None:
        from unstick.facts.level import Level  # noqa: PLC0415
        from unstick.views.pane import PaneView  # noqa: PLC0415 - only here

        told = Told((), PaneView("verdict", "", Level.UNKNOWN, (), (), (), ()), ())
        assert len(draw_wall(told, 80, 20, measure)) == 20

    def test_the_cause_stands_in_big_type_with_the_clock_the_roles_and_the_notes(self) -> None:
        board = dead_container()
        at = board.frame.at
        incident = Incident(at - 872, (("commander", "lena"),))
        lines = draw_wall(told_of(board, Tick("mark", at - 9, "rollback runs"), incident=incident), 120, 33, measure)
        text = text_of(lines)
        for row in (*big("00:14:32", SMALL), *big("CRITICAL", SMALL), *big("container 8b4f59aa is gone", SMALL)):
            assert row.rstrip() in text
        assert "commander lena" in text
        assert "rollback runs" in text
        assert board.findings[0].evidence[0].text in text
        assert any(span.role is Role.CRITICAL for line in lines for span in line)

    def test_what_was_taken_note_of_is_no_headline(self) -> None:
        from unstick.board.acks import Standing  # noqa: PLC0415 - only here
        from unstick.facts.ack import Ack  # noqa: PLC0415

        board = dead_container()
        found = board.findings[0]
        acks = {found.id: Standing(Ack(found.id, found.level, T0, found.title, "known", "lena"), T0)}
        text = text_of(draw_wall(told_of(replace(board, acks=acks)), 120, 33, measure))
        assert big("gone", SMALL)[0] not in text
        assert "✓ " in text

    def test_what_nobody_knows_is_a_dash(self) -> None:
        board = played([waiting(T0, 5)])
        workers = dead_container().subjects.workers
        assert workers is not None
        blind = replace(board, subjects=replace(board.subjects, workers=replace(workers, alive=None, dead=None)))
        text = text_of(draw_wall(told_of(blind), 120, 33, measure))
        assert "workers alive" in text
        assert "▀▀▀" in text


class Fed:
    """A feed that gives what it is handed, and then waits."""

    def __init__(self, frames: list[Frame]) -> None:
        self._frames = frames

    async def frames(self) -> AsyncGenerator[Frame, None]:
        for frame in self._frames:
            yield frame
        await asyncio.sleep(3600)


def test_an_incident_is_recorded_and_ends_with_a_report_that_has_evidence_and_receipts(tmp_path: Path) -> None:
    """The report is made by the real command, in a process of its own."""
    frames = [waiting(T0 + n, 5000) for n in range(4)]
    tape = tmp_path / "incident.tape"

    async def run() -> tuple[list[str], str, Place]:
        recorder = Recorder(lambda: Writer(tape, META))
        deck = Deck(Recent(META), CONTEXT, "live", source=Fed(frames), recorder=recorder, reporter=reported)
        shown = deck.frames()
        async for frame in shown:
            if frame.at == frames[-1].at:
                break
        said = [await deck.begin_incident(), deck.role("commander lena"), deck.role("x")]
        deck.mark("rollback runs", T0 + 3)
        result = {"state": "freed", "kind": "proxy", "id": "17", "holder": "c_1", "text": "was stuck"}
        deck.note(Event(ACTION, T0 + 3, "free-proxies: applied", {"results": [result]}))
        recorder.frame(waiting(T0 + 4, 5000))
        place = deck.place
        words, report = await deck.end_incident("it was the release")
        await shown.aclose()
        assert report is not None
        return [*said, words], report.read_text(encoding="utf-8"), place

    said, report, place = asyncio.run(asyncio.wait_for(run(), 240))
    assert said[0].startswith("incident begins; recording to ")
    assert said[1:3] == ["commander: lena", "write what and who: commander lena"]
    assert said[3].startswith("incident ends after 0s: it was the release; report, also in the clipboard: ")
    assert place.incident == Incident(T0 + 3, (("commander", "lena"),))
    assert place.taped is not None
    for words in ("## Incidents", "commander: lena", "rollback runs", "## Receipts", "state: freed", "id: 17"):
        assert words in report
    assert "queue jobs waits 5000" in report


def test_without_a_tape_there_is_no_report_and_that_is_said(tmp_path: Path) -> None:
    async def run() -> tuple[str, str]:
        def refused() -> Writer:
            raise PermissionError(13, "permission denied")

        deck = Deck(
            Recent(META), CONTEXT, "live", source=Fed([waiting(T0, 5)]), recorder=Recorder(refused), reporter=reported
        )
        shown = deck.frames()
        await anext(shown)
        begun = await deck.begin_incident()
        words, report = await deck.end_incident("")
        await shown.aclose()
        assert report is None
        return begun, words

    begun, words = asyncio.run(asyncio.wait_for(run(), 60))
    assert begun == "incident begins; cannot record: permission denied"
    assert words.endswith("nothing was recorded, so there is no report")
    assert not list(tmp_path.iterdir())


def test_a_recording_begins_none() -> None:
    deck = Deck(Recent(META), CONTEXT, "replay")
    assert asyncio.run(deck.begin_incident()).startswith("this is a recording")


def test_a_tape_that_can_not_be_told_is_a_reason_in_words(tmp_path: Path) -> None:
    broken_tape = tmp_path / "x.tape"
    broken_tape.write_text("no tape")
    with pytest.raises(OSError, match=r"x\.tape"):
        asyncio.run(reported(broken_tape))
