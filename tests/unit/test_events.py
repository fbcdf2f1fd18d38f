"""What happened, derived from one Frame to the next: nothing is told twice, and replays tell the same."""

from __future__ import annotations

import msgspec
import pytest

from tests.unit.boards import CONTEXT, T0, crawler, dramatiq, frame, fresh, played, stale
from unstick.board.board import Board, fold
from unstick.board.events import KEPT, Event
from unstick.facts.crawler import CrawlerWorker
from unstick.facts.dramatiq import DramatiqProcess, DramatiqQueue
from unstick.facts.frame import Frame
from unstick.facts.level import Level
from unstick.facts.place import Tick
from unstick.views.pages import page
from unstick.views.pages.timeline import sieve, sifted_key
from unstick.views.status_text import flat


def told(board: Board) -> list[tuple[str, str]]:
    return [(event.what, event.text) for event in board.timeline if event.what not in {"source", "level"}]


def beating(at: float, *names: str, ready: int = 0) -> Frame:
    processes = tuple(DramatiqProcess(name * 8, at, 4 if ready else 0, 0, "m") for name in names)
    queue = DramatiqQueue("q", ready, 4, 0, 0)
    return frame(at, fresh("dramatiq", dramatiq(at, processes, (queue,)), at))


def test_workers_that_come_and_go_are_events_and_those_of_the_start_are_not() -> None:
    frames = [beating(T0, "a"), beating(T0 + 1, "a"), beating(T0 + 2, "a", "b"), beating(T0 + 3, "b")]
    assert told(played(frames)) == [
        ("worker", "worker dramatiq/bbbbbbbb came"),
        ("worker", "worker dramatiq/aaaaaaaa is gone"),
    ]


def test_many_that_do_the_same_are_one_event() -> None:
    def at(now: float, beat: float) -> Frame:
        workers = tuple(CrawlerWorker(f"c_{n}", "c", 1, 1, beat, None) for n in range(15))
        return frame(now, fresh("crawler", crawler(now, workers=workers), now))

    frames = [at(T0 + s, T0) for s in (0, 60, 119, 121, 123)]
    events = told(played(frames))
    assert events[0][0] == "begins"
    assert events[1:] == [("worker", "15 workers of c: each died")]


def test_a_finding_begins_merges_with_its_cause_and_ends_once() -> None:
    frames = [beating(T0 + second, "a", ready=150) for second in range(310)]
    frames.append(frame(T0 + 310, fresh("dramatiq", dramatiq(T0 + 310), T0 + 310)))
    assert [(what, text.partition(" waits")[0]) for what, text in told(played(frames))] == [
        ("begins", "queue q"),
        ("begins", "worker dramatiq/aaaaaaaa beats but acknowledged nothing for 5m00s; queue q"),
        ("merges", "queue q"),
        ("worker", "worker dramatiq/aaaaaaaa stalls"),
        ("ends", "worker dramatiq/aaaaaaaa beats but acknowledged nothing for 5m09s; queue q"),
        ("worker", "worker dramatiq/aaaaaaaa is gone"),
    ]


def test_what_is_hidden_with_its_source_has_not_ended() -> None:
    value = dramatiq(T0, (), (DramatiqQueue("q", 5000, 0, 0, 0),))
    lost = [frame(T0 + s, stale("dramatiq", value, T0, T0 + 1)) for s in (20, 40)]
    back = fresh("dramatiq", msgspec.structs.replace(value, server_at=T0 + 60), T0 + 60)
    board = played([frame(T0, fresh("dramatiq", value, T0)), *lost, frame(T0 + 60, back)])
    whats = [what for what, text in told(board) if "queue q" in text]
    assert whats == ["begins", "unseen"]


def test_the_timeline_is_bounded() -> None:
    frames = [beating(T0 + n, "a" if n % 2 else "b") for n in range(KEPT + 50)]
    assert len(played(frames).timeline) == KEPT


class TestSifted:
    """What happened, as far as it is asked for: on the page, with marks and receipts among it."""

    def shown(self, query: str) -> list[str]:
        board = played([beating(T0 + n, "a", ready=0) for n in range(2)])
        facts = crawler(T0 + 2)
        lost = frame(T0 + 4, stale("crawler", facts, T0 + 2, T0 + 3), *board.frame.observations)
        board = fold(fold(board, frame(T0 + 2, fresh("crawler", facts, T0 + 2)), CONTEXT), lost, CONTEXT)
        ticks = (
            Tick("mark", T0 + 1, "rollback runs"),
            Tick("action", T0 + 2, "freed"),
            Tick("mark", T0 + 99, "later"),
        )
        told_page = page(board, sifted_key(query), ticks)
        assert told_page is not None
        return [flat(fact.value) for part in told_page.parts for fact in part.facts]

    def test_everything_is_there_the_newest_first_and_nothing_from_later(self) -> None:
        found = self.shown("")
        assert "mark rollback runs" in found
        assert "action freed" in found
        assert not any("later" in text for text in found)
        assert found.index("action freed") < found.index("mark rollback runs")

    @pytest.mark.parametrize(
        ("query", "kinds"),
        [
            ("kind:mark", {"mark"}),
            ("kind:source source:crawler", {"source"}),
            ("!kind:source !kind:level !kind:begins !kind:worker", {"mark", "action"}),
            ("/roll.*runs/", {"mark"}),
            ("rollback kind:action", set()),
            ("level:critical", set()),
        ],
    )
    def test_by_kind_level_source_and_text(self, query: str, kinds: set[str]) -> None:
        assert {text.split()[0] for text in self.shown(query)} == kinds

    def test_what_is_no_pattern_is_said(self) -> None:
        assert sieve("/(/")[1].startswith("not a pattern")
        assert sieve("")[0](Event(T0, "mark", Level.OK, "mark", "x"))
