"""Queues, channels, sync, locks, services and findings."""

from __future__ import annotations

import msgspec
import pytest

from tests.unit.boards import CONTEXT, T0, crawler, frame, fresh, missing, played, stale
from unstick.board.board import Board
from unstick.facts.celery import CeleryFacts, CeleryQueue
from unstick.facts.crawler import CrawlerWorker
from unstick.facts.frame import Frame
from unstick.facts.health import HealthFacts
from unstick.facts.host import HostFacts
from unstick.facts.level import Level
from unstick.facts.locks import LockFacts, LockRow
from unstick.facts.rabbitmq import RabbitConnection, RabbitFacts, RabbitQueue
from unstick.facts.reading import TroubleKind
from unstick.facts.sync import Drift, SyncApiFacts, SyncDataFacts


def rabbit(
    *queues: RabbitQueue, connections: tuple[RabbitConnection, ...] | None = (), alarms: tuple[str, ...] = ()
) -> RabbitFacts:
    count = None if connections is None else len(connections)
    channels = None if connections is None else sum(c.channels or 0 for c in connections)
    return RabbitFacts(
        "management", "broker", "3.10", connections, count, channels, queues, len(queues), alarms=alarms
    )


def connection(channels: int = 1, heartbeat_s: float = 60.0, state: str = "running") -> RabbitConnection:
    return RabbitConnection("c1", T0, "feature-service", None, "app", "/", None, channels, 2047, heartbeat_s, state)


def seen(at: float, facts: RabbitFacts) -> Frame:
    return frame(at, fresh("rabbitmq", facts, at))


class TestQueues:
    def test_dramatiq_companions_are_one_queue(self) -> None:
        board = played(
            [
                seen(
                    T0,
                    rabbit(
                        RabbitQueue("/", "mail", 5, 2, 1, owner="dramatiq"),
                        RabbitQueue("/", "mail.DQ", 1, 3, 1, owner="dramatiq"),
                        RabbitQueue("/", "mail.XQ", 7, 0, 0, owner="dramatiq"),
                    ),
                )
            ]
        )
        assert board.subjects.queues is not None
        (queue,) = board.subjects.queues.items
        assert (queue.ready, queue.in_flight, queue.delayed, queue.dead, queue.consumers) == (5, 2, 4, 7, 1)

    def test_a_queue_of_someone_else_that_ends_in_dq_stays_itself(self) -> None:
        board = played([seen(T0, rabbit(RabbitQueue("/", "x", 1, 0, 1), RabbitQueue("/", "x.DQ", 1, 0, 1)))])
        assert board.subjects.queues is not None
        assert len(board.subjects.queues.items) == 2

    def test_waiting_without_a_consumer_is_critical(self) -> None:
        board = played([seen(T0, rabbit(RabbitQueue("/", "orphan", 1, 0, 0)))])
        assert board.subjects.queues is not None
        assert board.subjects.queues.items[0].level is Level.CRITICAL
        assert "nobody consumes it" in board.findings[0].title

    def test_an_empty_queue_without_a_consumer_is_calm(self) -> None:
        board = played([seen(T0, rabbit(RabbitQueue("/", "idle", 0, 0, 0)))])
        assert board.level is Level.OK

    def test_unknown_depth_is_not_zero(self) -> None:
        board = played([seen(T0, rabbit(RabbitQueue("/", "new", None, None, None)))])
        assert board.subjects.queues is not None
        assert board.subjects.queues.items[0].level is Level.UNKNOWN

    def test_a_broker_that_hides_its_queues_leaves_no_total(self) -> None:
        facts = msgspec.structs.replace(rabbit(), queues=None, queue_count=None)
        board = played([seen(T0, facts)])
        assert board.subjects.queues is not None
        assert board.subjects.queues.waiting is None
        assert board.subjects.queues.level is Level.UNKNOWN

    def test_one_unseen_broker_takes_its_numbers_out_of_the_total(self) -> None:
        celery = CeleryFacts("celery", T0, (CeleryQueue("default", 4, ((0, 4),), 1),), 1, None, 3600.0)
        frames = [frame(T0 + 60, fresh("celery", celery, T0 + 60), stale("rabbitmq", rabbit(), T0, T0))]
        board = played(frames)
        assert board.subjects.queues is not None
        assert board.subjects.queues.waiting is None
        assert [queue.ready for queue in board.subjects.queues.items] == [4]

    def test_growth_is_measured_per_minute(self) -> None:
        frames = [seen(T0 + 5 * n, rabbit(RabbitQueue("/", "q", 10 * n, 0, 1))) for n in range(13)]
        board = played(frames)
        assert board.subjects.queues is not None
        assert board.subjects.queues.items[0].growth_per_min == pytest.approx(120.0, rel=0.02)


class TestChannels:
    def test_a_leak_is_told_by_its_growth_with_the_time_left(self) -> None:
        frames = [seen(T0 + 5 * n, rabbit(connections=(connection(100 + 5 * n),))) for n in range(13)]
        channels = played(frames).subjects.channels
        assert channels is not None
        (link,) = channels.items
        assert link.growth_per_min == pytest.approx(60.0, rel=0.02)
        assert link.full_in_s == pytest.approx((2047 - 160) * 60 / 60.0, rel=0.02)
        assert link.level is Level.CRITICAL

    def test_channels_opened_in_one_step_are_no_leak(self) -> None:
        counts = [0, 0, 12, 12, 12, 12, 12]
        frames = [seen(T0 + 5 * step, rabbit(connections=(connection(count),))) for step, count in enumerate(counts)]
        channels = played(frames).subjects.channels
        assert channels is not None
        (link,) = channels.items
        assert link.growth_per_min == pytest.approx(28.8, rel=0.02)
        assert (link.level, link.notes, link.full_in_s) == (Level.OK, (), None)

    def test_many_channels_that_do_not_grow_are_a_warning(self) -> None:
        frames = [seen(T0 + 5 * n, rabbit(connections=(connection(100),))) for n in range(13)]
        channels = played(frames).subjects.channels
        assert channels is not None
        assert channels.level is Level.WARNING

    def test_heartbeat_off_and_blocked_are_told(self) -> None:
        links = (connection(heartbeat_s=0.0, state="blocked"),)
        board = played([seen(T0, rabbit(connections=links, alarms=("memory on rabbit@vm",)))])
        assert board.subjects.channels is not None
        assert board.subjects.channels.items[0].notes == ("heartbeat off", "blocked by an alarm")
        assert any("memory on rabbit@vm" in finding.title for finding in board.findings)

    def test_connections_that_cannot_be_seen_are_unknown_with_the_reason(self) -> None:
        facts = msgspec.structs.replace(rabbit(connections=None), statistics_off=True)
        channels = played([seen(T0, facts)]).subjects.channels
        assert channels is not None
        assert (channels.connections, channels.level) == (None, Level.UNKNOWN)
        assert "switched off" in channels.reason


def api(last: float | None, **fields: object) -> SyncApiFacts:
    facts = SyncApiFacts(T0, last, 1.0, None, False, 10, 2, 0, True, True)
    return msgspec.structs.replace(facts, **fields)


def synced(facts: SyncApiFacts, *more: object) -> Board:
    observations = [fresh("sync", facts, T0)]
    observations += [fresh("sync-data", fact, T0, "sync") for fact in more]  # type: ignore[arg-type]
    return played([frame(T0, *observations)])


class TestSync:
    @pytest.mark.parametrize(
        ("ago", "overdue", "level"),
        [(30, False, Level.OK), (89, False, Level.OK), (91, True, Level.WARNING), (181, True, Level.CRITICAL)],
    )
    def test_lag_is_judged_by_how_often_it_is_due(self, ago: float, overdue: bool, level: Level) -> None:
        sync = synced(api(T0 - ago)).subjects.sync
        assert sync is not None
        assert (sync.lag_s, sync.overdue, sync.level) == (ago, overdue, level)

    def test_without_an_answer_of_the_api_the_rows_tell(self) -> None:
        sync = synced(api(None), SyncDataFacts(T0, 100, T0 - 40, T0 - 90, None)).subjects.sync
        assert sync is not None
        assert (sync.lag_s, sync.lag_from) == (40, "rows")

    def test_never_seen_to_work_is_unknown(self) -> None:
        sync = synced(api(None)).subjects.sync
        assert sync is not None
        assert (sync.lag_s, sync.overdue, sync.level) == (None, None, Level.UNKNOWN)

    def test_drift_between_two_syncs_is_normal_and_drift_when_overdue_is_not(self) -> None:
        data = SyncDataFacts(T0, 100, T0 - 200, T0 - 200, Drift(200, 50, 0, 0, "12.50"))
        calm, late = synced(api(T0 - 30), data).subjects.sync, synced(api(T0 - 200), data).subjects.sync
        assert calm is not None
        assert late is not None
        assert calm.level is Level.OK
        titles = [finding.title for finding in synced(api(T0 - 200), data).findings]
        assert titles == ["balance sync overdue, 25 % of sampled balances differ; last success 3m20s ago"]

    def test_a_lost_link_is_critical(self) -> None:
        board = synced(api(T0 - 30, database_ok=False))
        assert board.findings[0].level is Level.CRITICAL
        assert "lost the database" in board.findings[0].title


def lock(number: int, worker: str, expires_at: float | None) -> LockRow:
    return LockRow(str(number), "upload", str(number), worker, T0 - 600, expires_at)


def locked(*rows: LockRow, workers: tuple[CrawlerWorker, ...] = ()) -> Board:
    expired = sum(row.expires_at is not None and row.expires_at < T0 for row in rows)
    endless = sum(row.expires_at is None for row in rows)
    facts = LockFacts("postgres", "locks", T0, len(rows), expired, endless, (), rows)
    frames = [
        frame(T0 + s, fresh("locks", facts, T0), fresh("crawler", crawler(T0 + s, workers=workers), T0 + s))
        for s in (0, 2)
    ]
    return played(frames)


class TestLocks:
    def test_states_by_the_clock_of_the_database(self) -> None:
        board = locked(lock(1, "a", T0 - 60), lock(2, "b", T0 - 5), lock(3, "c", None), lock(4, "d", T0 + 60))
        locks = board.subjects.locks
        assert locks is not None
        states = {item.row.id: (item.state, item.level) for item in locks.items}
        assert states["1"] == ("expired", Level.WARNING)
        assert states["2"] == ("expired", Level.OK), "within the grace its holder may still renew it"
        assert states["3"] == ("endless", Level.WARNING)
        assert states["4"] == ("held", Level.OK)
        assert (locks.total, locks.expired, locks.endless) == (4, 2, 1)

    def test_a_lock_of_a_dead_worker_is_orphaned_though_it_has_time_left(self) -> None:
        dead = CrawlerWorker("8b4f59aa_3", "8b4f59aa", 1, 0, T0 - 4000, None)
        locks = locked(
            lock(1, "8b4f59aa_3", T0 + 600), lock(2, "8b4f59aa_9", T0 + 600), workers=(dead,)
        ).subjects.locks
        assert locks is not None
        assert [item.state for item in locks.items] == ["orphaned", "orphaned"], "its whole container is gone"
        assert locks.orphaned == 2

    def test_a_lock_of_an_unknown_holder_is_not_orphaned(self) -> None:
        locks = locked(lock(1, "nobody_1", T0 + 600)).subjects.locks
        assert locks is not None
        assert locks.orphaned == 0


def endpoint(name: str, *workers: str) -> LockFacts:
    rows = tuple(lock(n, worker, T0 + 600) for n, worker in enumerate(workers))
    return LockFacts("http", name, T0, len(rows), 0, 0, tuple((worker, 1) for worker in set(workers)), rows)


class TestLockEndpoints:
    """The table holds one lock of ``worker_1``; its endpoint refuses, another answers."""

    def states(self, refusing: LockFacts, *answering: LockFacts) -> list[str]:
        table = LockFacts("postgres", "locks", T0, 1, 0, 0, (("worker_1", 1),), (lock(1, "worker_1", T0 + 600),))
        board = played(
            [
                frame(
                    T0 + 2,
                    fresh("locks", table, T0 + 2),
                    stale("locks:a", refusing, T0, T0 + 1, TroubleKind.REFUSED),
                    *(fresh(f"locks:b{n}", facts, T0 + 2) for n, facts in enumerate(answering)),
                )
            ]
        )
        assert board.subjects.locks is not None
        return [item.state for item in board.subjects.locks.items]

    def test_a_worker_whose_endpoint_refuses_is_dead(self) -> None:
        assert self.states(endpoint("a", "worker_1"), endpoint("b", "worker_2")) == ["orphaned"]

    def test_a_worker_whose_health_endpoint_bears_its_id_is_told_with_its_locks(self) -> None:
        table = LockFacts("postgres", "locks", T0, 1, 0, 0, (("worker_1", 1),), (lock(1, "worker_1", T0 + 600),))
        board = played([frame(T0, fresh("locks", table, T0), missing("health:worker_1", T0))])
        assert board.subjects.locks is not None
        assert board.subjects.locks.orphaned == 1
        first = board.findings[0]
        assert (first.id, first.held) == ("worker-dead:worker_1", 1)
        assert first.title.endswith("refused by server, still holds 1 lock")

    def test_where_endpoints_list_the_locks_of_all_nothing_is_concluded(self) -> None:
        assert self.states(endpoint("a", "worker_1"), endpoint("b", "worker_1")) == ["held"]
        assert self.states(endpoint("a", "worker_1", "worker_2"), endpoint("b")) == ["held"]

    def test_where_no_other_endpoint_answers_nothing_is_concluded(self) -> None:
        assert self.states(endpoint("a", "worker_1")) == ["held"]


class TestServices:
    def test_what_asking_costs_is_per_second(self) -> None:
        board = played([seen(T0, rabbit())])
        (service,) = board.subjects.services.items
        assert (service.queries_per_s, service.bytes_per_s) == (1.0, 110.0)

    @pytest.mark.parametrize(
        ("kind", "level"),
        [
            (TroubleKind.REFUSED, Level.CRITICAL),
            (TroubleKind.SCHEMA, Level.UNKNOWN),
            (TroubleKind.PENDING, Level.UNKNOWN),
        ],
    )
    def test_down_is_critical_and_what_was_not_asked_is_unknown(self, kind: TroubleKind, level: Level) -> None:
        assert played([frame(T0, missing("rabbitmq", T0, kind))]).subjects.services.level is level

    def test_one_server_that_is_away_is_one_finding(self) -> None:
        board = played([frame(T0, missing("crawler", T0), missing("locks", T0))])
        unseen = [finding for finding in board.findings if finding.id.startswith("unseen:")]
        assert len(unseen) == 1
        assert "crawler, locks" in unseen[0].title

    def test_an_unhealthy_worker_without_work_is_only_a_warning(self) -> None:
        facts = HealthFacts(
            "web-1",
            "x:1",
            "unhealthy",
            healthy=False,
            ready=False,
            uptime_s=900.0,
            processed=5,
            heartbeat_age_s=400.0,
            broker_connected=True,
            health_code=503,
        )
        board = played([frame(T0, fresh("health:web-1", facts, T0))])
        assert board.subjects.workers is not None
        assert board.subjects.workers.items[0].level is Level.WARNING

    def test_a_worker_that_lost_its_broker_is_critical(self) -> None:
        facts = HealthFacts(
            "web-1",
            "x:1",
            "healthy",
            healthy=True,
            ready=True,
            uptime_s=900.0,
            processed=5,
            heartbeat_age_s=1.0,
            broker_connected=False,
            health_code=200,
        )
        board = played([frame(T0, fresh("health:web-1", facts, T0))])
        assert board.findings[0].level is Level.CRITICAL


def test_a_finding_keeps_the_instant_it_began() -> None:
    orphan = rabbit(RabbitQueue("/", "orphan", 1, 0, 0))
    board = played([seen(T0 + s, orphan) for s in range(0, 60, 5)])
    assert board.findings[0].since == T0
    calm = seen(T0 + 60, rabbit(RabbitQueue("/", "orphan", 0, 0, 1)))
    again = played([*(seen(T0 + s, orphan) for s in range(0, 60, 5)), calm, seen(T0 + 65, orphan)])
    assert again.findings[0].since == T0 + 65


def test_a_context_without_systems_is_calm_and_says_so() -> None:
    empty = msgspec.structs.replace(CONTEXT, crawler=None, locks=None, sync=None, dramatiq=())
    board = played([frame(T0)], empty)
    assert board.level is Level.OK
    assert board.subjects.workers is None


def host(at: float, cpu: float | None) -> Frame:
    facts = HostFacts("h", cpu, 2, 1.0, 1.0, 1.0, 5.0, 10, 9, 0.0, (), None, None, None, None, 1, (), None, 1)
    return frame(at, fresh("host", facts, at))


class TestHost:
    def test_a_burst_of_cpu_is_calm(self) -> None:
        loads = [10.0] * 5 + [100.0] * 4
        board = played([host(T0 + 5 * n, cpu) for n, cpu in enumerate(loads)])
        assert board.level is Level.OK

    def test_half_a_minute_of_full_cpu_is_not(self) -> None:
        board = played([host(T0 + 5 * n, 100.0) for n in range(8)])
        assert board.findings[0].id == "host-cpu"
        assert board.level is Level.CRITICAL


class TestJudgedByAge:
    def test_an_alarm_of_a_broker_that_is_unseen_is_history(self) -> None:
        facts = rabbit(connections=(connection(heartbeat_s=0.0),), alarms=("memory on rabbit@vm",))
        board = played([seen(T0, facts), frame(T0 + 600, stale("rabbitmq", facts, T0, T0 + 1))])
        channels = board.subjects.channels
        assert channels is not None
        assert (channels.alarms, channels.level) == ((), Level.UNKNOWN)
        assert not any("memory" in finding.title for finding in board.findings)

    @pytest.mark.parametrize(("age", "late"), [(3500.0, False), (3700.0, True)])
    def test_deliveries_past_the_visibility_timeout_are_told(self, age: float, late: bool) -> None:
        facts = CeleryFacts("celery", T0, (CeleryQueue("default", 0, ((0, 0),), 3),), 3, T0 - age, 3600.0)
        board = played([frame(T0, fresh("celery", facts, T0))])
        assert any(finding.id == "unacked:celery" for finding in board.findings) is late
        assert (board.level is Level.CRITICAL) is late

    def test_a_leak_is_told_at_a_slow_interval_too(self) -> None:
        frames = []
        for n in range(8):
            at = T0 + 30 * n
            observation = fresh("rabbitmq", rabbit(connections=(connection(100 + 20 * n),)), at)
            slow = msgspec.structs.replace(observation.source, interval_s=30.0)
            frames.append(frame(at, msgspec.structs.replace(observation, source=slow)))
        channels = played(frames).subjects.channels
        assert channels is not None
        assert "grows +40/min" in channels.items[0].notes

    def test_balances_that_cannot_be_compared_are_a_warning_at_any_time(self) -> None:
        for drift in (Drift(200, 0, 0, 3, None), Drift(200, 0, 200, 0, None)):
            data = SyncDataFacts(T0, 100, T0 - 20, T0 - 20, drift)
            sync = synced(api(T0 - 20), data).subjects.sync
            assert sync is not None
            assert sync.level is Level.WARNING


class TestOrderAndAge:
    def test_a_finding_is_as_old_as_its_evidence(self) -> None:
        dead = CrawlerWorker("8b4f59aa_3", "8b4f59aa", 1, 0, T0 - 4000, None)
        frames = [frame(T0 + s, fresh("crawler", crawler(T0 + s, workers=(dead,)), T0 + s)) for s in (0, 2)]
        (finding,) = played(frames).findings
        assert finding.since == T0 - 4000
        assert finding.title == "container 8b4f59aa is gone and still holds 1 proxy (last sign 1h06m ago)"

    def test_causes_stand_above_their_symptoms(self) -> None:
        dead = CrawlerWorker("8b4f59aa_3", "8b4f59aa", 1, 0, T0 - 4000, None)
        full = rabbit(RabbitQueue("/", "jobs", 5000, 0, 1))
        frames = [
            frame(
                T0 + s,
                fresh("rabbitmq", full, T0 + s),
                fresh("crawler", crawler(T0 + s, workers=(dead,)), T0 + s),
                missing("dramatiq", T0 - 60),
            )
            for s in (0, 2)
        ]
        assert [finding.subject for finding in played(frames).findings] == ["services", "proxies", "queues"]

    def test_locks_that_are_told_with_their_holder_are_told_once(self) -> None:
        dead = CrawlerWorker("8b4f59aa_3", "8b4f59aa", 1, 0, T0 - 4000, None)
        held = (("8b4f59aa_3", 1),)
        facts = LockFacts("postgres", "locks", T0, 1, 0, 0, held, (lock(1, "8b4f59aa_3", T0 + 600),))
        frames = [
            frame(T0 + s, fresh("locks", facts, T0 + s), fresh("crawler", crawler(T0 + s, workers=(dead,)), T0 + s))
            for s in (0, 2)
        ]
        board = played(frames)
        assert [finding.subject for finding in board.findings] == ["proxies"]
        assert "1 proxy, 1 lock" in board.findings[0].title

    def test_a_source_that_fails_for_seconds_is_unseen_however_slowly_it_is_asked(self) -> None:
        facts = rabbit(connections=(connection(),))
        observation = stale("rabbitmq", facts, T0, T0 + 1, TroubleKind.REFUSED)
        slow = msgspec.structs.replace(observation.source, interval_s=30.0)
        observation = msgspec.structs.replace(observation, source=slow)
        levels = [played([frame(T0 + s, observation)]).subjects.channels for s in (3, 7)]
        assert [channels.level for channels in levels if channels] == [Level.OK, Level.UNKNOWN]
