"""Servers, judged: what is said of connections, waiting sessions, memory and replicas."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.boards import T0, frame, fresh, missing, played, stale
from unstick.board.board import Board
from unstick.facts.frame import Fact
from unstick.facts.level import Level
from unstick.facts.reading import TroubleKind
from unstick.facts.servers import (
    Keyspace,
    OpenTransaction,
    PostgresServerFacts,
    RedisServerFacts,
    Sessions,
    Standby,
    Waiter,
)
from unstick.pollers.redis_server import server_facts
from unstick.settings import Context, Thresholds

CONTEXT = Context(name="test")
POSTGRES = PostgresServerFacts(
    *("db:5432/app", T0, "15.4", 100, 3, 20, (Sessions("web", "idle", 20),), True, None, 0, (), (), False, None, ())
)
INFO = b"""# Server\r
redis_version:7.0.15\r
# Clients\r
connected_clients:12\r
maxclients:10000\r
blocked_clients:4\r
# Memory\r
used_memory:1000\r
total_system_memory:25000000000\r
maxmemory:2000\r
maxmemory_policy:noeviction\r
# Stats\r
evicted_keys:7\r
rejected_connections:0\r
instantaneous_ops_per_sec:31\r
# Replication\r
role:master\r
slave0:ip=10.0.0.2,port=6379,state=online,offset=42,lag=1\r
rdb_last_bgsave_status:ok\r
# Keyspace\r
db0:keys=10,expires=4,avg_ttl=1000\r
db5:keys=3,expires=0,avg_ttl=0\r
"""
REDIS = server_facts("redis:6379", INFO, 2, {0: "dramatiq", 1: "celery results"})


def board(fact: Fact, at: float = T0, context: Context = CONTEXT) -> Board:
    return played([frame(at, fresh("postgres-server", fact, at, "server"))], context)


def titles(found: Board) -> list[str]:
    return [finding.title.partition(": ")[2] for finding in found.findings]


def numbers(found: Board) -> dict[str, float | None]:
    (service,) = found.subjects.services.items
    assert service.judged is not None
    return dict(service.judged.numbers)


class TestPostgres:
    @pytest.mark.parametrize(
        ("connections", "level"),
        [(77, Level.OK), (78, Level.WARNING), (93, Level.CRITICAL), (97, Level.CRITICAL), (100, Level.CRITICAL)],
    )
    def test_places_are_counted_without_those_for_superusers(self, connections: int, level: Level) -> None:
        found = board(replace(POSTGRES, connections=connections))
        assert found.level is level
        assert [title.partition(":")[0] for title in titles(found)] == (
            []
            if level is Level.OK
            else ["out of connections" if connections >= 97 else "too many connections are coming"]
        )

    def test_growth_tells_when_none_is_left(self) -> None:
        frames = [
            frame(at, fresh("postgres-server", replace(POSTGRES, connections=60 + 2 * n), at, "server"))
            for n in range(13)
            for at in (T0 + 5 * n,)
        ]
        (title,) = titles(played(frames, CONTEXT))
        assert title == "too many connections are coming: 84 of 97 used, none left in 32s; web 20"

    def test_who_holds_up_the_first_of_a_chain_is_named(self) -> None:
        waiters = (
            Waiter(11, "web", T0 - 30, "proxies", 12, "cron", "active", T0 - 40),
            Waiter(12, "cron", T0 - 20, None, 13, "psql", "idle in transaction", T0 - 600),
        )
        facts = replace(POSTGRES, waiting=2, waiters=waiters, watched=(("proxies", 1),))
        found = board(facts)
        (title,) = titles(found)
        assert title.startswith("2 sessions wait for locks, the longest 30s (proxies 1): held up by psql (pid 13, ")
        assert title.endswith(", idle in transaction, its transaction open for 10m00s)")
        assert found.level is Level.WARNING
        assert board(replace(facts, server_at=T0 + 75)).level is Level.CRITICAL

    def test_two_that_wait_for_each_other_are_told_once(self) -> None:
        waiters = (
            Waiter(11, "a", T0 - 30, None, 12, "b", "active", None),
            Waiter(12, "b", T0 - 20, None, 11, "a", "active", None),
        )
        assert len(titles(board(replace(POSTGRES, waiting=2, waiters=waiters)))) == 1

    def test_an_old_transaction_and_a_late_replica(self) -> None:
        facts = replace(
            POSTGRES,
            oldest=OpenTransaction(7, "report", "idle in transaction", T0 - 4000),
            standbys=(Standby("eu", "streaming", 1 << 20, 90.0), Standby("us", None, None, None)),
        )
        found = board(facts)
        assert titles(found) == [
            "a transaction of report is open for 1h06m (idle in transaction)",
            "standby eu is 1m30s behind",
        ]
        assert [finding.level for finding in found.findings] == [Level.CRITICAL, Level.WARNING]

    def test_what_may_not_be_seen_is_unknown(self) -> None:
        seen, unseen = numbers(board(POSTGRES)), numbers(board(replace(POSTGRES, sees_all=False)))
        assert (seen["oldest_transaction_seconds"], unseen["oldest_transaction_seconds"]) == (0.0, None)
        assert seen["replay_lag_seconds"] is None

    def test_an_old_answer_counts_no_more(self) -> None:
        full = replace(POSTGRES, connections=97)
        found = played([frame(T0 + 60, stale("postgres-server", full, T0, T0 + 5))], CONTEXT)
        (service,) = found.subjects.services.items
        assert service.judged is None
        assert "cannot tell: postgres-server unseen" in found.findings[0].title

    def test_a_server_that_turns_us_away_says_why(self) -> None:
        found = played([frame(T0, missing("postgres-server", T0, TroubleKind.OVERLOAD))], CONTEXT)
        assert found.level is Level.CRITICAL


class TestRedis:
    def test_every_field_of_info(self) -> None:
        assert RedisServerFacts(
            name="redis:6379",
            version="7.0.15",
            used_bytes=1000,
            max_bytes=2000,
            host_bytes=25_000_000_000,
            policy="noeviction",
            clients=12,
            max_clients=10_000,
            blocked_clients=4,
            rejected=0,
            evicted=7,
            slow_log=2,
            ops_per_s=31.0,
            role="master",
            link_up=None,
            silent_s=None,
            replicas=(("10.0.0.2:6379", 1.0),),
            snapshot_failed=False,
            keyspaces=(Keyspace(0, "dramatiq", 10, 4), Keyspace(1, "celery results", 0, 0), Keyspace(5, "", 3, 0)),
        ) == (REDIS)

    @pytest.mark.parametrize(
        "text", [b"", b"no colon", b"used_memory:lots\r\nmaxmemory:-1\r\ndb0:keys=x", b"\xff\x00:1"]
    )
    def test_what_is_not_there_is_unknown(self, text: bytes) -> None:
        facts = server_facts("r", text, None, {})
        assert (facts.used_bytes, facts.max_bytes, facts.clients, facts.role, facts.keyspaces) == (
            *(None, None, None, None),
            (),
        )
        assert board(facts).findings == ()

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"used_bytes": 1700}, "memory runs out: 85 % of 2.0K; at the limit (noeviction) it refuses every write"),
            ({"used_bytes": 2000}, "out of memory: 100 % of 2.0K; at the limit (noeviction) it refuses every write"),
            ({"used_bytes": 2000, "policy": "allkeys-lru"}, "memory: 100 % of 2.0K; at the limit it evicts keys"),
            ({"max_bytes": 0, "used_bytes": 24_000_000_000}, "memory: 96 % of 23G of its host, without maxmemory"),
            ({"clients": 9_600}, "too many clients are coming: 9600 of 10000"),
            ({"link_up": False, "silent_s": 70.0}, "this replica has lost its master for 1m10s"),
            ({"replicas": (("r:1", 61.0),)}, "replica r:1 is 1m01s behind"),
            ({"snapshot_failed": True}, "its last snapshot failed: it may refuse writes"),
            ({"keyspaces": (Keyspace(1, "celery results", 20_000, 10),)}, "20k results in db1 never expire"),
        ],
    )
    def test_what_is_wrong(self, changes: dict[str, Any], words: str) -> None:
        (title,) = titles(board(replace(REDIS, **changes)))
        assert title.startswith(words)

    def test_a_calm_server_has_no_findings(self) -> None:
        assert board(REDIS).findings == ()
        assert board(REDIS).level is Level.OK

    def test_evictions_count_while_they_happen(self) -> None:
        def at(second: int, evicted: int) -> Any:
            facts = replace(REDIS, evicted=evicted, policy="allkeys-lru")
            return frame(T0 + second, fresh("redis-server", facts, T0 + second, "server"))

        assert played([at(0, 900)], CONTEXT).findings == (), "of before nobody knows when it was"
        (found,) = played([at(0, 900), at(5, 940)], CONTEXT).findings
        assert "evicted 40 keys within a minute (allkeys-lru), queues among them" in found.title
        calm = [at(0, 900), at(5, 940), *(at(second, 940) for second in range(10, 80, 5))]
        assert played(calm, CONTEXT).findings == ()

    def test_thresholds_are_the_contexts(self) -> None:
        context = Context(name="test", thresholds=Thresholds(redis_memory_warning=40.0, redis_memory_critical=50.0))
        assert board(REDIS, context=context).level is Level.CRITICAL
