"""From findings to lines: durations, flapping, causes and symptoms, what is hidden with its source."""

from __future__ import annotations

import msgspec
import pytest

from tests.unit.boards import CONTEXT, T0, crawler, dramatiq, frame, fresh, missing, played, stale
from unstick.board.board import Board, fold
from unstick.board.findings import Finding
from unstick.board.rules import RULES
from unstick.board.verdict import CALM_S, ORDER
from unstick.config.schema import keys
from unstick.facts.crawler import CrawlerWorker, ProxyPool
from unstick.facts.dramatiq import DramatiqProcess, DramatiqQueue
from unstick.facts.frame import Frame, Observation
from unstick.facts.health import HealthFacts
from unstick.facts.level import Level
from unstick.facts.locks import LockFacts, LockRow
from unstick.facts.rabbitmq import RabbitChurn, RabbitConnection, RabbitFacts, RabbitQueue
from unstick.facts.reading import TroubleKind
from unstick.settings import Context

WELL = HealthFacts("w", "10.0.0.1:80", "ok", True, True, 900.0, 5, 1.0, True, 200)


def waiting(at: float, ready: int, *more: Observation) -> Frame:
    """A queue of RabbitMQ with one consumer; a hundred messages are a warning, a thousand critical."""
    facts = RabbitFacts("management", "b", "3", (), 0, 0, (RabbitQueue("/", "jobs", ready, 1, 1),), 1)
    return frame(at, fresh("rabbitmq", facts, at), *more)


def boards(frames: list[Frame], context: Context = CONTEXT) -> list[Board]:
    told: list[Board] = []
    for each in frames:
        told.append(fold(told[-1] if told else None, each, context))
    return told


def levels(depths: list[int], step: float = 1.0) -> list[Level | None]:
    """The level of the queue's line after each depth."""
    found = boards([waiting(T0 + step * n, depth) for n, depth in enumerate(depths)])
    return [board.findings[0].level if board.findings else None for board in found]


def only(board: Board) -> Finding:
    (finding,) = board.findings
    return finding


class TestDurations:
    def test_one_look_is_judged_at_once(self) -> None:
        assert levels([150]) == [Level.WARNING]

    def test_a_warning_waits_and_what_is_critical_does_not(self) -> None:
        assert levels([0] + [150] * 7) == [None] * 6 + [Level.WARNING] * 2
        assert levels([0, 5000]) == [None, Level.CRITICAL]

    def test_a_warning_that_comes_and_goes_within_its_time_is_never_told(self) -> None:
        assert set(levels([0] + [150, 150, 0] * 20)) == {None}

    def test_an_end_is_told_when_it_is_certain(self) -> None:
        found = boards([waiting(T0, 150), *(waiting(T0 + n, 5) for n in range(1, 20))])
        lasts = [board for board in found if board.findings]
        assert len(lasts) == 15
        assert [finding.calm_s for finding in lasts[5].findings] == [5.0]
        assert found[15].level is Level.OK

    def test_a_level_falls_when_it_was_lower_for_a_while(self) -> None:
        found = levels([1500] + [500] * 20)
        assert found == [Level.CRITICAL] * 15 + [Level.WARNING] * 6
        assert set(levels([1500, 500] * 20)) == {Level.CRITICAL}, "it does not flicker"

    def test_since_is_kept_through_a_calm_moment(self) -> None:
        found = boards([waiting(T0, 150), waiting(T0 + 5, 5), waiting(T0 + 10, 150)])
        assert only(found[-1]).since == T0
        assert only(found[-1]).calm_s is None

    def test_a_clock_that_is_set_back_keeps_nothing_alive(self) -> None:
        found = boards([*(waiting(T0 + 86_400 + n, 150) for n in range(3)), *(waiting(T0 + n, 5) for n in range(3))])
        assert [bool(board.findings) for board in found] == [True] * 3 + [False] * 3
        fallen = boards([waiting(T0 + 86_400, 1500), waiting(T0, 500)])
        assert only(fallen[-1]).level is Level.WARNING


def connected(at: float, beat: float) -> Frame:
    link = RabbitConnection("c", T0, "feature-service", None, "u", "/", None, 1, 2047, beat, "running")
    return frame(at, fresh("rabbitmq", RabbitFacts("management", "b", "3", (link,), 1, 1, (), 0), at))


class TestFlapping:
    """``heartbeat-off`` has no durations: each look turns it."""

    def test_a_level_that_turns_more_than_thrice_says_so_and_stays(self) -> None:
        found = boards([connected(T0 + 20 * n, 0.0 if n % 2 else 60.0) for n in range(7)])
        assert [bool(board.findings) for board in found] == [False, True, False, True, False, True, True]
        assert [only(board).changes for board in found[5:]] == [5, 5]
        assert "changed 5 times in 5 minutes" in told(found[5])

    def test_it_ends_when_it_has_been_calm(self) -> None:
        turns = [connected(T0 + 20 * n, 0.0 if n % 2 else 60.0) for n in range(6)]
        calm = [connected(T0 + 100 + n, 60.0) for n in range(10, 200, 10)]
        found = boards([*turns, *calm])
        ended = next(board.frame.at for board in found[6:] if not board.findings)
        assert ended == T0 + 100 + CALM_S

    def test_the_course_of_a_fault_does_not_flap(self) -> None:
        depths = [0, *[150] * 10, *[1500] * 20, *[500] * 20, *[0] * 20]
        found = boards([waiting(T0 + n, depth) for n, depth in enumerate(depths)])
        assert all(finding.changes == 0 for board in found for finding in board.findings)
        assert not found[-1].findings


def told(board: Board) -> str:
    from unstick.views.findings import said  # noqa: PLC0415 - read where it is asked

    return said(only(board))


class TestHidden:
    """What a source told before it was lost neither holds nor has ended."""

    def frames(self, *, back: bool) -> list[Frame]:
        dead = CrawlerWorker("8b4f59aa_3", "8b4f59aa", 1, 0, T0 - 4000, None)
        facts = [crawler(T0 + s, workers=(dead,)) for s in (0, 2)]
        frames = [frame(T0 + s, fresh("crawler", value, T0 + s)) for s, value in zip((0, 2), facts, strict=True)]
        frames += [frame(T0 + s, stale("crawler", facts[1], T0 + 2, T0 + 3)) for s in (20, 40)]
        after = crawler(T0 + 60, workers=(dead,) if back else ())
        return [*frames, frame(T0 + 60, fresh("crawler", after, T0 + 60))]

    def test_it_is_told_with_the_source_and_keeps_its_age(self) -> None:
        found = boards(self.frames(back=True))
        unseen = only(found[3])
        assert unseen.id == "unseen:server"
        assert unseen.title == "cannot tell: crawler unseen for 38s: no answer"
        assert [(s.id, s.level) for s in unseen.symptoms] == [("proxies-held-by-dead:8b4f59aa", Level.UNKNOWN)]
        assert only(found[4]).since == only(found[1]).since == T0 - 4000

    def test_it_ends_when_the_source_is_back_without_it(self) -> None:
        assert boards(self.frames(back=False))[-1].findings == ()


def ill(name: str, **fields: object) -> Observation:
    facts = msgspec.structs.replace(WELL, name=name, address=f"10.0.0.1:{name}", **fields)
    return fresh(f"health:{name}", facts, T0)


class TestOneCause:
    def test_a_broker_that_is_down_is_one_line_not_forty(self) -> None:
        workers = [ill(f"w{n}", broker_connected=False) for n in range(40)]
        workers += [ill(f"idle{n}", healthy=False, heartbeat_age_s=400.0) for n in range(5)]
        queues = RabbitFacts("management", "b", "3", (), 0, 0, (RabbitQueue("/", "jobs", 9, 1, 1),), 1)
        board = played(
            [
                frame(T0, *workers, fresh("rabbitmq", queues, T0)),
                frame(T0 + 20, *(fresh(o.source.id, o.reading.value, T0 + 20) for o in workers),  # type: ignore[union-attr]
                      stale("rabbitmq", queues, T0, T0 + 1, TroubleKind.REFUSED)),
            ]
        )  # fmt: skip
        assert only(board).title == "cannot tell: rabbitmq unseen for 20s: no answer"
        assert only(board).level is Level.CRITICAL
        assert {s.title for s in only(board).symptoms} == {
            "40 workers have lost their broker",
            "5 workers call themselves unhealthy",
        }

    def test_workers_that_lost_a_broker_which_is_seen_are_their_own_cause(self) -> None:
        queues = RabbitFacts("management", "b", "3", (), 0, 0, (), 0)
        workers = [ill(f"w{n}", broker_connected=False) for n in range(2)]
        board = played([frame(T0, *workers, fresh("rabbitmq", queues, T0))])
        assert [finding.id for finding in board.findings] == ["broker-lost:w0", "broker-lost:w1"]

    def test_a_database_that_is_down_explains_what_others_say_of_it(self) -> None:
        from tests.unit.test_board_others import api  # noqa: PLC0415 - the facts of the sync's tests

        down = Observation(missing("crawler", T0 - 60).source, missing("crawler", T0 - 60).reading)
        source = msgspec.structs.replace(down.source, server="postgres")
        lost = fresh("sync", api(T0 - 5, database_ok=False), T0)
        board = played([frame(T0, msgspec.structs.replace(down, source=source), lost)])
        assert only(board).title.startswith("cannot tell: PostgreSQL unseen for 1m00s: refused")
        assert [s.title for s in only(board).symptoms] == ["the balance sync lost the database"]

    def test_a_dead_container_swallows_its_proxies_locks_tasks_and_the_pool(self) -> None:
        workers = tuple(CrawlerWorker(f"c_{n}", "c", 1, 1, T0 - 600, None) for n in range(15))
        facts = [
            msgspec.structs.replace(
                crawler(T0 + s, workers=workers, pool=ProxyPool(20, 17, 2, 1, 0)),
                tables=(msgspec.structs.replace(crawler(T0).tables[0], expired=15),),
            )
            for s in (0, 2)
        ]
        rows = tuple(LockRow(str(n), "k", str(n), f"c_{n + 20}", T0 - 900, T0 - 60) for n in range(3))
        locks = LockFacts("postgres", "locks", T0, 3, 3, 0, (), rows)
        board = played(
            [
                frame(T0 + s, fresh("crawler", value, T0 + s), fresh("locks", locks, T0 + s))
                for s, value in zip((0, 2), facts, strict=True)
            ]
        )
        finding = only(board)
        assert (
            finding.title
            == "container c is gone and still holds 15 proxies, 15 tasks, 3 locks (last sign 10m02s ago)"
        )
        assert finding.aside == "free pool 1 of 20"
        assert {s.id for s in finding.symptoms} == {"pool-dry", "tasks-expired"}

    def test_a_worker_that_refuses_swallows_the_endpoint_with_its_locks(self) -> None:
        locks = LockFacts("http", "10.0.0.1:80", T0, 0, 0, 0, (), ())
        board = played(
            [
                frame(T0, fresh("health:w", WELL, T0), fresh("locks:10.0.0.1:80", locks, T0)),
                frame(
                    T0 + 30,
                    stale("health:w", WELL, T0, T0 + 1, TroubleKind.REFUSED),
                    stale("locks:10.0.0.1:80", locks, T0, T0 + 1, TroubleKind.REFUSED),
                ),
            ]
        )
        assert only(board).id == "worker-dead:w"
        assert {s.id for s in only(board).symptoms} == {
            "endpoint-unseen:health:w",
            "endpoint-unseen:locks:10.0.0.1:80",
        }

    def test_many_of_one_kind_are_one_line_with_the_sum_of_what_they_hold(self) -> None:
        processes = tuple(DramatiqProcess(f"{n:032x}", T0 - 600, 2, 0, "m") for n in range(30))
        frames = [frame(T0 + s, fresh("dramatiq", dramatiq(T0 + s, processes), T0 + s)) for s in (0, 2)]
        finding = only(played(frames))
        assert finding.title == "30 workers of dramatiq are dead and still hold 60 messages"
        assert (finding.symptom_count, len(finding.symptoms)) == (30, 20)

    def test_a_channel_leak_swallows_its_other_signs(self) -> None:
        frames = []
        for n in range(13):
            link = RabbitConnection("c", T0, "fs", None, "u", "/", None, 100 + 5 * n, 2047, 0.0, "running")
            facts = RabbitFacts("management", "b", "3", (link,), 1, link.channels, (), 0)
            frames.append(frame(T0 + 5 * n, fresh("rabbitmq", facts, T0 + 5 * n)))
        finding = only(played(frames))
        assert finding.title == "fs leaks channels: 160 on one connection, +60/min, heartbeat off"
        assert finding.aside == "limit 2047 in 31m27s"
        assert {s.id.partition(":")[0] for s in finding.symptoms} == {"heartbeat-off", "channels-many"}


class TestCases:
    """What looks alike and is not."""

    def stalling(self, seconds: int, *, ready: int = 198, slow: int = 0, idle_mate: bool = True) -> Board:
        """A worker that holds eight messages; every ``slow`` seconds one of them is acknowledged."""
        frames = []
        for second in range(0, seconds, 2):
            at = T0 + second
            mark = f"m{second // slow}" if slow else "m"
            processes = [DramatiqProcess("w" * 32, at, 8, 0, mark)]
            processes += [DramatiqProcess("producer", at, 0, 0)] if idle_mate else []
            queue = DramatiqQueue("default", ready + second, 8, 0, 0, T0 - 1800)
            frames.append(frame(at, fresh("dramatiq", dramatiq(at, tuple(processes), (queue,)), at)))
        return played(frames)

    def test_a_stalled_worker_swallows_its_queue(self) -> None:
        finding = only(self.stalling(310))
        assert finding.id == f"worker-stalled:{'w' * 32}"
        assert (
            finding.title
            == "worker dramatiq/wwwwwwww beats but acknowledged nothing for 5m08s; queue default waits 506"
        )
        assert finding.aside == "oldest 35m08s"
        assert [s.id for s in finding.symptoms] == ["queue:dramatiq|dramatiq|default"]

    def test_alive_and_slow_is_no_stall(self) -> None:
        finding = only(self.stalling(310, slow=100))
        assert finding.id == "queue:dramatiq|dramatiq|default"
        assert "1 worker at work" in finding.title

    def test_a_queue_that_grows_because_producers_rose_blames_no_worker(self) -> None:
        finding = only(self.stalling(130, slow=2))
        assert finding.rule == "queue"
        assert "more comes in than is done, +58/min; 1 worker at work" in finding.title

    def test_a_silent_worker_in_a_living_container_is_told_apart(self) -> None:
        def at(now: float) -> Frame:
            workers = (
                CrawlerWorker("c_1", "c", 1, 0, T0 - 600, None),
                *(CrawlerWorker(f"c_{n}", "c", 1, 1, now, None) for n in range(2, 9)),
            )
            return frame(now, fresh("crawler", crawler(now, workers=workers), now))

        finding = only(played(at(T0 + s) for s in (0, 2)))
        assert finding.title == "worker c_1 is dead and still holds 1 proxy (last sign 10m02s ago)"
        assert "container c still works: 7 of its 8 workers give signs of life" in [e.text for e in finding.evidence]

    def test_a_container_of_which_nobody_speaks_is_gone_before_the_last_grace_is_over(self) -> None:
        def at(now: float, newest: float) -> Frame:
            workers = tuple(CrawlerWorker(f"c_{n}", "c", 1, 1, T0 - 115 + n, None) for n in range(5))
            last = CrawlerWorker("c_9", "c", 1, 1, newest, None)
            return frame(now, fresh("crawler", crawler(now, workers=(*workers, last)), now))

        gone = played(at(T0 + s, T0 - 90) for s in (8, 10, 12, 14))
        assert only(gone).title.startswith("container c is gone and still holds ")
        lives = played(at(T0 + s, T0 + s - 80) for s in (8, 10, 12, 14))
        assert only(lives).title.startswith("5 workers of c are dead")

    @pytest.mark.parametrize(("offset", "word"), [(3600.0, "1h00m ahead"), (-3600.0, "1h00m behind")])
    def test_a_clock_an_hour_off_kills_nobody(self, offset: float, word: str) -> None:
        frames = []
        for second in range(20):
            at = T0 + second
            processes = (DramatiqProcess("a" * 32, at + offset, 4, 0, "m"), DramatiqProcess("b" * 32, at, 4, 0, "m"))
            frames.append(frame(at, fresh("dramatiq", dramatiq(at, processes), at)))
        board = played(frames)
        assert board.subjects.workers is not None
        assert (board.subjects.workers.alive, board.subjects.workers.dead) == (2, 0)
        assert only(board).title == f"clock of worker dramatiq/aaaaaaaa is {word}; it lives: its heartbeat moves"
        assert only(board).level is Level.WARNING

    def test_when_all_clocks_are_off_alike_it_is_the_server_s(self) -> None:
        frames = []
        for second in range(20):
            at = T0 + second
            processes = tuple(DramatiqProcess(f"{n:032x}", at + 3600, 4, 0, "m") for n in range(6))
            frames.append(frame(at, fresh("dramatiq", dramatiq(at, processes), at)))
        assert only(played(frames)).title.startswith("the clock of the Redis host: all 6 workers are 1h00m ahead")

    def test_redis_unseen_leaves_its_facts_unknown_not_fine(self) -> None:
        facts = dramatiq(T0, (DramatiqProcess("w", T0, 8, 0, "m"),), (DramatiqQueue("q", 5000, 8, 0, 0),))
        board = played(
            [frame(T0, fresh("dramatiq", facts, T0)), frame(T0 + 40, stale("dramatiq", facts, T0, T0 + 1))]
        )
        assert board.subjects.workers is not None
        assert board.subjects.queues is not None
        assert (board.subjects.workers.alive, board.subjects.queues.waiting) == (None, None)
        assert only(board).title == "cannot tell: dramatiq unseen for 40s: no answer"
        assert [s.title for s in only(board).symptoms] == ["queue q waits 5000"]

    def test_a_queue_whose_workers_are_all_dead_has_nobody(self) -> None:
        process = DramatiqProcess("w" * 32, T0 - 600, 0, 0)
        queue = DramatiqQueue("q", 50, 0, 0, 0)
        frames = [frame(T0 + s, fresh("dramatiq", dramatiq(T0 + s, (process,), (queue,)), T0 + s)) for s in (0, 2)]
        assert only(played(frames)).title == "queue q waits 50: nobody consumes it"
        holding = msgspec.structs.replace(process, held=3, in_flight_mark="m")
        frames = [frame(T0 + s, fresh("dramatiq", dramatiq(T0 + s, (holding,), (queue,)), T0 + s)) for s in (0, 2)]
        assert only(played(frames)).id == f"worker-dead:{'w' * 32}"

    def test_a_reconnect_storm(self) -> None:
        frames = []
        for n in range(13):
            churn = RabbitChurn(5 * n, 5 * n, 0, 0)
            facts = RabbitFacts("management", "b", "3", (), 0, 0, (), 0, churn)
            frames.append(frame(T0 + 5 * n, fresh("rabbitmq", facts, T0 + 5 * n)))
        assert only(played(frames)).title == "RabbitMQ: 60 connections a minute come and go"

    def test_one_restart_is_no_fault_and_two_are(self) -> None:
        def at(step: int, uptime: float) -> Frame:
            facts = msgspec.structs.replace(WELL, uptime_s=uptime)
            return frame(T0 + 5 * step, fresh("health:w", facts, T0 + 5 * step))

        once = [100.0, 105.0, 2.0, 7.0]
        assert played(at(n, uptime) for n, uptime in enumerate(once)).findings == ()
        twice = [*once, 1.0]
        assert only(played(at(n, uptime) for n, uptime in enumerate(twice))).title == (
            "worker w restarted 2 times within 10m00s"
        )


class TestPool:
    def drained(self, free: list[int]) -> Board:
        frames = []
        for n, count in enumerate(free):
            pool = ProxyPool(200, 200 - count, 0, count, 0)
            frames.append(frame(T0 + 5 * n, fresh("crawler", crawler(T0 + 5 * n, pool=pool), T0 + 5 * n)))
        return played(frames)

    def test_a_pool_that_only_shrinks_is_told_with_the_time_left(self) -> None:
        finding = only(self.drained(list(range(80, 54, -1))))
        assert finding.level is Level.WARNING
        assert finding.title == "pool runs dry: 55 of 200 proxies free"
        assert finding.aside == "dry in 4m35s"
        assert finding.forecast is not None
        assert finding.forecast.in_s == pytest.approx(275.0)

    def test_a_pool_that_breathes_has_no_forecast(self) -> None:
        assert self.drained([80, 79, 78, 79, 77, 76, 75, 74, 75, 73, 72, 71, 70]).findings == ()


def test_the_table_of_rules_is_whole() -> None:
    assert len(ORDER) == len(RULES)
    for rule in RULES:
        texts = (rule.says, rule.when, rule.why, rule.advice)
        assert all(text.endswith((".", ")")) for text in texts), rule.name
        assert rule.subject in {"workers", "proxies", "queues", "channels", "sync", "locks", "services", "host"}
        assert rule.for_s <= 60.0
        for name in rule.thresholds:
            table, _, key = name.partition(".")
            assert key in known_keys(table), f"{rule.name}: no setting {name}"


def known_keys(table: str) -> set[str]:
    from unstick.config.schema import inner_table  # noqa: PLC0415 - one look at the schema

    entry = keys(Context)[table]
    inner = inner_table(entry)
    if inner is None:
        inner = next(kind for kind in (type(getattr(CONTEXT, table)),) if issubclass(kind, msgspec.Struct))
    return set(keys(inner))
