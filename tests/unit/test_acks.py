"""What somebody took notice of: how long it lasts, what ends it, and that a tape tells the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec
import pytest

from tests.unit.boards import CONTEXT, T0
from tests.unit.tapes import META
from tests.unit.test_verdict import waiting
from unstick.alerts.desk import Desk
from unstick.board.acks import ABSENT_S
from unstick.board.board import Board, fold
from unstick.cli.noticing import Glances
from unstick.facts.ack import Ack, ack_of, told
from unstick.facts.frame import Frame
from unstick.facts.level import Level
from unstick.feeds.deck import Deck
from unstick.feeds.drawer import Drawer
from unstick.feeds.history import History
from unstick.settings import Alerts
from unstick.tape.event import MARK, Event
from unstick.tape.reader import Tape
from unstick.tape.recent import Recent
from unstick.tape.writer import Writer
from unstick.views.findings import row
from unstick.views.status_text import flat
from unstick.views.tell import tell

QUEUE = "queue:rabbitmq|/|jobs"


def ack(at: float = T0, *, until: float | None = None, level: Level = Level.WARNING, note: str = "known") -> Ack:
    return Ack(QUEUE, level, at, "queue jobs waits", note, "lena", until)


def boards(depths: list[int], marks: dict[int, Ack], step: float = 1.0) -> list[Board]:
    """The board after each depth of one queue; a mark comes with the Frame of its number."""
    found: list[Board] = []
    for nth, depth in enumerate(depths):
        given = [marks[nth]] if nth in marks else []
        found.append(fold(found[-1] if found else None, waiting(T0 + step * nth, depth), CONTEXT, given))
    return found


class TestHowLong:
    def test_it_lasts_as_long_as_its_finding_and_some_minutes_more(self) -> None:
        found = boards([150, 150, 5, 5, 5, 5], {1: ack()}, step=200.0)
        assert [bool(board.acks) for board in found] == [False, True, True, False, False, False]
        back = boards([150, 150, *[5] * 5, 150, 150], {1: ack()}, step=ABSENT_S / 8)
        assert back[-1].findings
        assert back[-1].acks, "what comes back so soon is the same trouble"

    def test_it_ends_when_it_gets_worse_and_stays_ended(self) -> None:
        found = boards([150, 150, 5000, 150, *[150] * 30], {1: ack()})
        assert [bool(board.acks) for board in found[:4]] == [False, True, False, False]
        assert not found[-1].acks

    def test_a_snooze_ends_by_itself(self) -> None:
        found = boards([150] * 8, {1: ack(until=T0 + 5)})
        assert [bool(board.acks) for board in found] == [False, *[True] * 4, *[False] * 3]

    def test_a_snooze_outlives_its_finding(self) -> None:
        found = boards([150, 150, *[5] * 4], {1: ack(until=T0 + 10_000)}, step=200.0)
        assert found[-1].acks

    def test_it_is_taken_back(self) -> None:
        found = boards([150] * 4, {1: ack(), 3: msgspec.structs.replace(ack(), level=Level.OK)})
        assert [bool(board.acks) for board in found] == [False, True, True, False]

    def test_the_timeline_says_so(self) -> None:
        found = boards([150, 150, 5000], {1: ack()})
        said = [event.text for event in found[-1].timeline if event.what == "noticed"]
        assert said == ["acknowledged: queue jobs waits (known) by lena", "no longer acknowledged: queue jobs waits"]


class TestHowItIsTold:
    def test_it_steps_back_and_is_not_hidden(self) -> None:
        before, after = boards([150, 150], {1: ack()})
        assert before.level is after.level
        assert [f.id for f in before.findings] == [f.id for f in after.findings]
        (line,) = tell(after).verdict.rows
        assert flat(line.cells[0]).startswith("✓ ")
        assert flat(line.cells[1]) == "lena: known"
        assert flat(tell(after).verdict.counts) == "1 noted"
        assert line.level is after.findings[0].level

    def test_what_nobody_took_note_of_stands_above_what_is_worse(self) -> None:
        finding = boards([5000], {})[0].findings[0]
        lesser = msgspec.structs.replace(finding, id="other", level=Level.WARNING)
        board = boards([5000], {0: ack(level=Level.CRITICAL)})[0]
        verdict = msgspec.structs.replace(board.verdict, findings=(finding, lesser))
        told_ = tell(msgspec.structs.replace(board, verdict=verdict)).verdict
        assert [line.key.partition("|")[2] for line in told_.rows] == ["other", QUEUE]

    def test_for_how_long_it_is_silent_is_said(self) -> None:
        finding = boards([150], {})[0].findings[0]
        assert flat(row(finding, T0, ack(until=T0 + 600, note="")).cells[1]) == "snoozed for 10m00s"

    def test_alerts_are_silent(self) -> None:
        desk = Desk(Alerts(level="warning"))
        assert [len(desk.take(board)) for board in boards([5, 5000, 5000], {1: ack(level=Level.CRITICAL)})] == [
            0,
            0,
            0,
        ]
        loud = Desk(Alerts(level="warning"))
        assert sum(len(loud.take(board)) for board in boards([5, 5000, 5000], {})) == 1


class TestTheTape:
    def test_a_tape_tells_the_same_at_the_same_instants(self, tmp_path: Path) -> None:
        frames = [waiting(T0 + n, 150 if n < 6 else 5000) for n in range(9)]
        live = [None, None]
        history = History(reel := Recent(META), CONTEXT)
        seen: list[Board | None] = list(live[:0])
        path = tmp_path / "t.tape"
        writer = Writer(path, META)
        for nth, frame in enumerate(frames):
            reel.append(frame)
            writer.frame(frame)
            history.advance()
            if nth == 3:
                event = Event(MARK, frame.at, "acknowledged", told(ack(frame.at)))
                reel.note(event)
                writer.event(event)
                history.notice(ack(frame.at))
            seen.append(history.newest)
        writer.close()
        with Tape.open(path) as tape:
            replayed = History(tape, CONTEXT)
            for number, board in enumerate(seen):
                again = replayed.board(number)
                assert board is not None
                assert again is not None
                assert again.acks == board.acks, number
                assert again.findings == board.findings
                assert sorted(again.timeline, key=repr) == sorted(board.timeline, key=repr)
            assert [bool(board and board.acks) for board in seen] == [False] * 3 + [True] * 3 + [False] * 3
            jumped = History(tape, CONTEXT).board(5)
            assert jumped is not None
            assert jumped.acks

    @pytest.mark.parametrize(
        "details",
        [{}, {"ack": 5}, {"ack": {"finding": 1}}, {"ack": {"finding": "x", "level": "loud", "at": 0}}],
    )
    def test_a_mark_that_says_nothing_readable_is_a_mark(self, details: dict[str, object]) -> None:
        assert ack_of(details) is None

    def test_hostile_words_are_cleaned(self) -> None:
        found = ack_of(told(msgspec.structs.replace(ack(), note="\x1b[2J" + "x" * 999, by="\u202e")))
        assert found is not None
        assert "\x1b" not in found.note
        assert len(found.note) < 200
        assert found.by == "‹U+202E›"


class Fed:
    """A feed that gives what it is handed, and then waits."""

    def __init__(self, frames: list[Frame]) -> None:
        self._frames = frames

    async def frames(self) -> AsyncGenerator[Frame, None]:
        for frame in self._frames:
            yield frame
        await asyncio.sleep(3600)


class TestTheDeck:
    def played(
        self, path: Path, frames: list[Frame], wishes: list[tuple[str, str, float | None]]
    ) -> tuple[Board, list[str]]:
        async def run() -> tuple[Board, list[str]]:
            deck = Deck(Recent(META), CONTEXT, "live", source=Fed(frames), drawer=Drawer(path, "lena"))
            shown = deck.frames()
            async for frame in shown:
                if frame.at == frames[-1].at:
                    break
            answers = [await deck.notice(*wish) for wish in wishes]
            board = deck.history.newest
            await shown.aclose()
            assert board is not None
            return board, answers

        return asyncio.run(asyncio.wait_for(run(), 60))

    def test_a_restart_remembers(self, tmp_path: Path) -> None:
        path = tmp_path / "state" / "c.json"
        frames = [waiting(T0 + n, 150) for n in range(3)]
        board, answers = self.played(path, frames, [(QUEUE, "known", None)])
        assert answers[0].startswith("acknowledged: ")
        assert board.acks[QUEUE].ack.by == "lena"
        assert path.stat().st_mode & 0o777 == 0o600
        again, answers = self.played(path, [waiting(T0 + 60 + n, 150) for n in range(3)], [])
        assert again.acks[QUEUE].ack == board.acks[QUEUE].ack
        back, answers = self.played(path, [waiting(T0 + 90 + n, 150) for n in range(3)], [(QUEUE, "", None)])
        assert answers[0].startswith("taken back: ")
        assert not back.acks
        assert Drawer(path).look() == []

    def test_what_can_not_be_kept_is_said_and_stands(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        path = tmp_path / "file" / "c.json"
        board, answers = self.played(path, [waiting(T0, 150)], [(QUEUE, "n", 600.0), ("nothing", "n", None)])
        assert answers == [
            f"snoozed: {board.findings[0].title} (n); not kept: file exists",
            "that is not found any more",
        ]
        assert board.acks[QUEUE].ack.until == T0 + 600

    def test_a_recording_is_only_looked_at(self) -> None:
        assert asyncio.run(Deck(Recent(META), CONTEXT, "replay").notice(QUEUE, "n", None)).startswith("this is a rec")

    @pytest.mark.parametrize("text", ["", "{", "[1]", '[{"finding": 3}]', "[" * 100_000])
    def test_a_file_that_is_damaged_is_none(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "c.json"
        path.write_text(text)
        assert Drawer(path).look() == []


def test_whoever_watches_learns_what_came_and_what_was_taken_back(tmp_path: Path) -> None:
    drawer = Drawer(tmp_path / "c.json", "lena")
    glances = Glances(drawer)
    assert list(glances.fresh(T0)) == []
    board = boards([150, 150], {1: ack()})[-1]
    assert asyncio.run(drawer.keep(board.acks)) == ""
    assert list(glances.fresh(T0)) == [ack()]
    assert list(glances.fresh(T0)) == []
    assert asyncio.run(drawer.keep({})) == ""
    (taken_back,) = glances.fresh(T0 + 9)
    assert (taken_back.finding, taken_back.withdrawn) == (QUEUE, True)
