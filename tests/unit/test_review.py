"""Verdicts that once were wrong: what is not seen is not fine, and what only looks like a sign of life is none."""

from __future__ import annotations

import asyncio
import io
import json
import os
import socket
import sys
from collections.abc import Iterable

import msgspec
import pytest

from tests.unit.boards import CONTEXT, T0, crawler, dramatiq, frame, fresh, missing, played, stale
from unstick.board.board import Board, fold
from unstick.cli.status import given_up
from unstick.cli.stdout import say
from unstick.facts.crawler import CrawlerWorker, ProxyRow
from unstick.facts.dramatiq import DramatiqProcess, DramatiqQueue
from unstick.facts.frame import Frame, Observation
from unstick.facts.health import HealthFacts
from unstick.facts.host import Disk, HostFacts
from unstick.facts.level import Level
from unstick.facts.locks import LockFacts, LockRow
from unstick.facts.rabbitmq import RabbitChurn, RabbitFacts, RabbitQueue
from unstick.facts.reading import Stale, Trouble, TroubleKind
from unstick.facts.sync import SyncApiFacts
from unstick.settings import Crawler
from unstick.views.status_json import status
from unstick.views.status_text import flat, status_lines
from unstick.views.tell import tell

SICK = HealthFacts("w", "x:1", "unhealthy", False, False, 900.0, 5, 900.0, True, 503)
WELL = HealthFacts("w", "x:1", "ok", True, True, 900.0, 5, 1.0, True, 200)


def looks(workers: Iterable[tuple[float, CrawlerWorker]], *rows: ProxyRow) -> Board:
    return played(frame(at, fresh("crawler", crawler(at, rows, (worker,)), at)) for at, worker in workers)


def first_worker(board: Board) -> tuple[str, str]:
    assert board.subjects.workers is not None
    worker = board.subjects.workers.items[0]
    return worker.life, worker.note


class TestSignsOfLife:
    @pytest.mark.parametrize("left", [None, T0 - 700])
    def test_a_task_taken_from_a_dead_worker_is_no_sign_of_life(self, left: float | None) -> None:
        dead = CrawlerWorker("c_1", "c", 1, 2, T0 - 600, T0 - 900)
        reaped = msgspec.structs.replace(dead, processing=1, task_beat_at=left)
        board = looks([(T0, dead), (T0 + 2, dead), (T0 + 4, reaped)])
        assert first_worker(board)[0] == "dead"
        assert board.subjects.workers is not None
        assert board.subjects.workers.items[0].last_seen_s == 604.0

    def test_an_idle_proxy_of_a_worker_that_lives_is_not_stuck(self) -> None:
        row = ProxyRow("1", "c_1", "c", "7", T0 - 600)
        lively = [(T0 + s, CrawlerWorker("c_1", "c", 2, 0, None, T0 + s - 5)) for s in (0, 2, 4, 6)]
        silent = [(T0 + s, CrawlerWorker("c_1", "c", 2, 0, None, T0 - 600)) for s in (0, 2, 4, 6)]
        states = [[p.state for p in looks(w, row).subjects.proxies.items] for w in (lively, silent)]  # type: ignore[union-attr]
        assert states == [["suspect"], ["stuck"]]

    def test_a_heartbeat_from_the_future_proves_nothing_until_it_moves(self) -> None:
        def at(now: float, beat_at: float) -> Frame:
            return frame(now, fresh("dramatiq", dramatiq(now, (DramatiqProcess("w", beat_at, 15, 0, "m"),)), now))

        still = played(at(T0 + s, T0 + 3600) for s in (0, 1, 2, 3))
        assert first_worker(still)[0] == "unknown"
        assert still.undecided
        moving = played(at(T0 + s, T0 + s + 3600) for s in (0, 1))
        assert first_worker(moving) == ("alive", "clock -3600 s off")

    def test_workers_that_did_not_travel_are_counted_as_unknown(self) -> None:
        facts = msgspec.structs.replace(
            crawler(T0, (), (CrawlerWorker("c_1", "c", 1, 1, T0, T0),)), worker_count=5000
        )
        workers = played([frame(T0, fresh("crawler", facts, T0))]).subjects.workers
        assert workers is not None
        assert (workers.total, workers.alive, workers.unknown) == (5000, 1, 4999)


class TestEndpoints:
    def test_messages_on_rabbitmq_wait_for_a_worker_too(self) -> None:
        queues = (
            RabbitQueue("/", "mail", 500, 8, 8, owner="dramatiq"),
            RabbitQueue("/", "mail.XQ", 9, 0, 0, owner="dramatiq"),
        )
        broker = RabbitFacts("management", "b", "3", (), 0, 0, queues, 2)
        board = played([frame(T0, fresh("health:w", SICK, T0), fresh("rabbitmq", broker, T0))])
        assert first_worker(board) == ("stalled", "unhealthy, no task done for 15m00s while 500 messages wait")

    def test_an_unseen_broker_is_not_an_empty_one(self) -> None:
        board = played([frame(T0, fresh("health:w", SICK, T0), missing("dramatiq", T0 - 60))])
        assert "can't be seen" in first_worker(board)[1]
        empty = dramatiq(T0, (), (DramatiqQueue("q", 0, 0, 0, 0),))
        board = played([frame(T0, fresh("health:w", SICK, T0), fresh("dramatiq", empty, T0))])
        assert "nothing waits" in first_worker(board)[1]

    def test_one_reset_is_no_death_and_many_are(self) -> None:
        lives = [
            first_worker(played([frame(T0 + s, stale("health:w", WELL, T0, T0 + 1, TroubleKind.CLOSED))]))[0]
            for s in (2, 12)
        ]
        assert lives == ["alive", "dead"]

    def test_an_endpoint_that_hangs_is_told(self) -> None:
        board = played([frame(T0 + 60, stale("health:w", WELL, T0, T0 + 1))])
        assert board.level is Level.CRITICAL
        assert [finding.level for finding in board.findings] == [Level.CRITICAL]
        assert "health:w" in next(status_lines(board))

    def test_a_server_that_asks_for_patience_is_not_down(self) -> None:
        trouble = Trouble(TroubleKind.OVERLOAD, "429 too many requests", 60.0)
        reading = Stale(WELL, T0, trouble, T0 + 5)
        source = fresh("health:w", WELL, T0).source
        board = played([frame(T0 + 40, Observation(source, reading))])
        assert board.level is Level.UNKNOWN

    def test_the_endpoint_of_a_told_worker_is_not_told_twice_and_hides_no_other(self) -> None:
        process = DramatiqProcess("w", T0 - 600, 3, 0, "m")
        facts = dramatiq(T0, (process,))
        frames = [frame(T0 + s, stale("dramatiq", facts, T0 + s, T0), missing("health:w", T0)) for s in (0, 1, 2)]
        titles = [finding.title for finding in played(frames).findings]
        assert sum("health:w" in title or "w is dead" in title for title in titles) == 1
        assert any("dramatiq unseen" in title for title in titles)


def endpoint(*numbers: int) -> LockFacts:
    rows = tuple(LockRow(str(n), "k", str(n), "w_1", T0, T0 - 100 if n else None) for n in numbers)
    expired = sum(n > 0 for n in numbers)
    return LockFacts("http", "e", T0, len(rows), expired, len(rows) - expired, (("w_1", len(rows)),), rows)


class TestLocks:
    def test_a_lock_that_two_endpoints_list_is_one(self) -> None:
        board = played([frame(T0, fresh("locks:a", endpoint(0, 1, 2), T0), fresh("locks:b", endpoint(0, 2, 3), T0))])
        locks = board.subjects.locks
        assert locks is not None
        assert (locks.total, locks.expired, locks.endless, len(locks.items)) == (4, 3, 1, 4)

    def test_a_blind_endpoint_leaves_the_count_of_what_was_seen(self) -> None:
        board = played([frame(T0, fresh("locks:a", endpoint(1, 2), T0), missing("locks:b", T0 - 5))])
        assert "task locks: 2 expired of 2 seen, all of w_1" in [finding.title for finding in board.findings]

    def test_an_empty_separator_names_no_container(self) -> None:
        context = msgspec.structs.replace(CONTEXT, crawler=Crawler(separator=""))
        assert played([frame(T0, fresh("locks:a", endpoint(1), T0))], context).subjects.locks is not None


class TestCounters:
    def test_a_counter_that_began_anew_has_no_negative_rate(self) -> None:
        def at(step: int, value: int) -> Frame:
            churn = RabbitChurn(value, value, value, value)
            facts = RabbitFacts("management", "b", "3", (), 0, 0, (), 0, churn)
            return frame(T0 + 5 * step, fresh("rabbitmq", facts, T0 + 5 * step))

        counts = [1000, 1010, 1020, 1030, 0, 10, 20, 30, 40]
        rates = []
        for length in (6, 9):
            channels = played(at(step, value) for step, value in enumerate(counts[:length])).subjects.channels
            assert channels is not None
            rates.append(channels.opened_per_min)
        assert rates == [None, 120.0]


def synced(**fields: object) -> tuple[Level, list[str]]:
    facts = SyncApiFacts(T0, T0 - 5, 1.0, None, False, 1, 1, 0, True, True)
    board = played([frame(T0, fresh("sync", msgspec.structs.replace(facts, **fields), T0))])
    assert board.subjects.sync is not None
    return board.subjects.sync.level, [finding.title for finding in board.findings]


def test_a_sync_that_succeeded_in_the_future_or_says_failed_is_not_fine() -> None:
    assert synced() == (Level.OK, [])
    assert synced(last_success_at=T0 + 30) == (Level.OK, [])
    level, (note,) = synced(last_success_at=T0 + 3 * 3600)
    assert (level, "time zone" in note) == (Level.UNKNOWN, True)
    assert synced(status="Failed") == (Level.WARNING, ["balance sync says Failed"])


class TestUnknown:
    def test_alarms_that_may_not_be_read_are_not_absent(self) -> None:
        facts = RabbitFacts("management", "b", "3", (), 0, 0, (), 0)
        told = [
            status(played([frame(T0, fresh("rabbitmq", msgspec.structs.replace(facts, alarms_known=known), T0))]))
            for known in (True, False)
        ]
        assert [(t["level"], t["channels"]["alarms"]) for t in told] == [("ok", []), ("unknown", None)]

    def test_nothing_found_is_good_news_only_where_all_was_seen(self) -> None:
        facts = RabbitFacts("management", "b", "3", None, None, None, (), 0)
        board = played([frame(T0, fresh("rabbitmq", facts, T0))])
        assert next(status_lines(board)).startswith(
            "UNSTICK UNKNOWN - test: nothing seen to be stuck; cannot tell: channels"
        )
        assert "cannot tell: channels" in flat(tell(board).verdict.empty)

    def test_a_host_that_cannot_be_read_is_not_an_unconfigured_one(self) -> None:
        told = status(played([frame(T0, missing("host", T0 - 60, TroubleKind.INTERNAL))]))
        assert told["host"]["cpu_percent"] is None
        assert told["host"]["level"] == "unknown"

    def test_queues_that_nobody_saw_have_no_count_and_no_total(self) -> None:
        panes = tell(played([frame(T0, missing("rabbitmq", T0))])).panes
        assert "0" not in flat(panes[2].counts)
        absent = RabbitFacts("amqp", "b", None, None, None, None, (RabbitQueue("/", "q", None, None, None),), None)
        queues = played([frame(T0, fresh("rabbitmq", absent, T0))]).subjects.queues
        assert queues is not None
        assert queues.waiting is None

    def test_who_did_not_answer_in_time_has_failed(self) -> None:
        asked = frame(T0, missing("dramatiq", T0 - 3, TroubleKind.PENDING), fresh("health:w", WELL, T0))
        assert fold(None, asked, CONTEXT).findings == ()
        board = fold(None, given_up(asked, 3.0), CONTEXT)
        assert board.level is Level.CRITICAL
        assert "dramatiq unseen for 3s: no answer within 3 s" in board.findings[0].title


def test_only_the_full_disk_is_marked() -> None:
    disks = (Disk("/a", 99.0, 1), Disk("/b", 2.0, 1))
    facts = HostFacts("h", 1.0, 2, 1.0, 1.0, 1.0, 5.0, 10, 9, 0.0, disks, None, None, None, None, 1, (), None, 1)
    rows = {row.key: row.level for row in tell(played([frame(T0, fresh("host", facts, T0))])).panes[7].rows}
    assert (rows["host:/a"], rows["host:/b"]) == (Level.CRITICAL, Level.OK)


def test_a_bar_in_a_name_does_not_begin_performance_data() -> None:
    queue = DramatiqQueue("a|b=7", 5000, 0, 0, 0)
    first = next(status_lines(played([frame(T0, fresh("dramatiq", dramatiq(T0, (), (queue,)), T0))])))
    assert first.partition(" | ")[2].startswith("workers_dead=0")
    assert first.count("|") == 1


class TestOutput:
    def test_an_encoding_without_our_signs_loses_only_those(self, monkeypatch: pytest.MonkeyPatch) -> None:
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="latin-1"))
        assert say(["✖ Prüfung –"])
        assert raw.getvalue() == "? Prüfung ?\n".encode("latin-1")

    def test_a_reader_that_left_is_no_crash(self, monkeypatch: pytest.MonkeyPatch) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "w") as stream:
            monkeypatch.setattr(sys, "stdout", stream)
            assert not say(["x"] * 10)
            stream.write("what is left goes nowhere")
            stream.flush()


def test_time_that_runs_out_leaves_what_was_seen() -> None:
    """A server that accepts and never answers takes its own numbers only."""

    async def run() -> Board:
        from unstick.cli.status import look  # noqa: PLC0415 - the driver is imported here
        from unstick.secret import Url  # noqa: PLC0415
        from unstick.settings import Context, Dramatiq, Redis  # noqa: PLC0415

        with socket.create_server(("127.0.0.1", 0)) as server:
            url = Url(f"redis://127.0.0.1:{server.getsockname()[1]}/0")
            return await look(Context(redis=Redis(url), dramatiq=(Dramatiq(),)), 1.0)

    told = json.loads(json.dumps(status(asyncio.run(run()))))
    assert told["sources"]["redis"]["error"] == "no answer within 1 s"
    assert told["host"]["hostname"]
    assert told["workers"]["total"] is None
