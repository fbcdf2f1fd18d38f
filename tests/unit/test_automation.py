"""Automation workers: every spelling of their answers, their rate limits, and what is judged."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.boards import T0, frame, fresh, missing, played
from unstick import clock
from unstick.backends.http import Answer
from unstick.board.board import Board
from unstick.cli.side_lanes import automation_lanes, ports
from unstick.facts.automation import Allowance, AutomationFacts, Breaker, Pool, Timing
from unstick.facts.level import Level
from unstick.facts.locks import LockFacts
from unstick.pollers import automation_reply as reply
from unstick.pollers.allowance import SPARED, WINDOW_S, Limits
from unstick.pollers.automation import ENDPOINTS
from unstick.secret import Url
from unstick.settings import FLOORS, Automation, Context, Intervals

LIMITS = {"health/simple": 200, "health": 200, "status": 100, "metrics": 20}
"""Requests in a minute, as the deployment guide gives them."""
CALM = AutomationFacts("worker_1", "h:8088", T0, True, True, "healthy", (), 3600.0, 512 * 2.0**20, 2048 * 2.0**20,
                       5.0, 2, 3, 10, 8, (Pool("default", 4, 5, 20, 0),), (Breaker("ui", "closed", 0),),
                       (Timing("task", 8, 1.0, 0.5, 2.0, 3.0, 4.0),), (Allowance("metrics", 20, 16, False, None),))  # fmt: skip


def answer(status: int = 200, **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, b"{}", T0)


def board(facts: AutomationFacts) -> Board:
    return played([frame(T0, fresh("automation:a", facts, T0))], Context(name="test"))


def told(facts: AutomationFacts) -> list[tuple[Level, str]]:
    return [(found.level, found.title.removeprefix("automation:a: ")) for found in board(facts).findings]


class TestLimits:
    @pytest.mark.parametrize("intervals", [Intervals(), FLOORS], ids=["default", "as often as may be"])
    def test_a_minute_of_polling_stays_within_every_limit(self, intervals: Intervals) -> None:
        for endpoint in ENDPOINTS:
            assert 60 / intervals.automation_s <= LIMITS[endpoint] * (1 - SPARED)

    def test_what_runs_out_is_left_alone_until_it_is_back(self) -> None:
        limits = Limits()
        limits.note("metrics", answer(x_ratelimit_limit="20", x_ratelimit_remaining="5"))
        assert limits.quiet("metrics") is None
        limits.note("metrics", answer(x_ratelimit_limit="20", x_ratelimit_remaining="4", x_ratelimit_reset="30"))
        quiet = limits.quiet("metrics")
        assert quiet is not None
        assert "4 of 20 requests left, asked again in 30 s" in quiet.trouble.text
        assert limits.quiet("health") is None

    def test_an_instant_counts_by_the_clock_that_told_it(self) -> None:
        limits = Limits()
        far = str(int(T0) + 2_000_000_000)
        limits.note("metrics", answer(x_ratelimit_limit="20", x_ratelimit_remaining="0", x_ratelimit_reset=far))
        assert limits.allowances()[0].quiet_until == pytest.approx(clock.now() + WINDOW_S, abs=5), "capped"
        moment = Answer(200, {"x-ratelimit-limit": "20", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1640995200"},
                        b"", 1640995190.0)  # fmt: skip
        limits.note("metrics", moment)
        assert limits.allowances()[0].quiet_until == pytest.approx(clock.now() + 10, abs=5)

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"retry-after": "40"}, 40),
            ({"retry-after": "Thu, 01 Jan 1970 00:01:00 GMT"}, 60),
            ({"x-ratelimit-reset": "20"}, 20),
            ({}, 30),
        ],
    )
    def test_a_refusal_in_every_form(self, headers: dict[str, str], seconds: float) -> None:
        limits = Limits()
        limits.note("metrics", Answer(429, headers, b"", 0.0))
        (known,) = limits.allowances()
        assert known.refused
        assert known.quiet_until == pytest.approx(clock.now() + seconds, abs=5)

    def test_headers_that_mean_nothing(self) -> None:
        limits = Limits()
        limits.note("x", answer(x_ratelimit_limit="many", x_ratelimit_remaining="-3", x_ratelimit_reset="soon"))
        assert limits.quiet("x") is None
        assert limits.allowances() == ()


class TestReplies:
    @pytest.mark.parametrize(
        ("document", "pools"),
        [
            ({"default": {"min_connections": 5, "max_connections": 20, "in_use": 3, "waiting": 1}}, [(3, 5, 20, 1)]),
            ({"min_size": 1, "max_size": 2, "used": 2}, [(2, 1, 2, None)]),
            ({"a": {"max": 4, "active": 1}, "b": "full"}, [(1, None, 4, None)]),
            ([], []),
            ("many", []),
            (None, []),
        ],
    )
    def test_pools(self, document: Any, pools: list[tuple[Any, ...]]) -> None:
        assert [(p.used, p.minimum, p.maximum, p.waiting) for p in reply.pools(document)] == pools

    def test_breakers(self) -> None:
        said = {"a": {"state": "OPEN", "failures": 5}, "b": "half-open", "c": 7, "d": {"state": None}}
        assert [(b.name, b.state, b.failures) for b in reply.breakers(said)] == [
            *(("a", "open", 5), ("b", "half_open", None), ("d", "unknown", None)),
        ]

    def test_timers_in_seconds_and_milliseconds(self) -> None:
        said = {
            "timers": {"db": {"count": 4, "avg_ms": 12.5, "max_ms": 40, "p95_ms": 30}, "task": {"count": 1}},
            "histograms": {"task_seconds": {"count": 2, "sum": 3, "p50": 1, "percentiles": {"99": 2}}, "bad": 3},
        }
        found = {timing.name: timing for timing in reply.timings(said)}
        assert found["db"] == Timing("db", 4, 0.0125, None, 0.03, None, 0.04)
        assert found["task_seconds"] == Timing("task_seconds", 2, 1.5, 1.0, None, 2.0, None)
        assert set(found) == {"db", "task_seconds"}

    def test_checks_that_fail(self) -> None:
        assert reply.failing({"checks": {"db": {"status": "down"}, "ui": "up", "x": {"odd": 1}}}) == ("db",)
        assert reply.failing({"components": {"redis": False}}) == ("redis",)
        assert reply.failing([1]) == ()


class TestJudgement:
    def test_calm(self) -> None:
        (row,) = board(CALM).subjects.services.items
        assert (row.level, row.note) == (Level.OK, "2 of 3 tasks, 512M of 2.0G, up 1h00m")

    @pytest.mark.parametrize(
        ("changes", "level", "title"),
        [
            ({"memory_bytes": 1800 * 2.0**20}, Level.WARNING, "memory near its limit: 1.8G of 2.0G"),
            ({"memory_bytes": 2100 * 2.0**20}, Level.CRITICAL, "memory over its limit: 2.1G of 2.0G"),
            ({"healthy": False, "status": "degraded", "failing": ("ui",)}, Level.WARNING, "degraded: ui down"),
            ({"alive": False, "status": None}, Level.CRITICAL, "unhealthy"),
            ({"pools": (Pool("db", 20, 5, 20, 0),)}, Level.WARNING, "database pool db is exhausted: 20 of 20"),
            (
                {"pools": (Pool("db", 20, 5, 20, 4),)},
                Level.CRITICAL,
                "database pool db is exhausted: 20 of 20, 4 wait",
            ),
            (
                {"breakers": (Breaker("ui", "open", 5),)},
                Level.CRITICAL,
                "circuit breaker ui is open after 5 failures",
            ),
            ({"breakers": (Breaker("ui", "half_open", 5),)}, Level.WARNING, "circuit breaker ui tries again"),
            (
                {"allowances": (Allowance("metrics", None, None, True, T0 + 40),)},
                Level.WARNING,
                "rate limit hit: metrics refuses (429), asked again in 40s",
            ),
        ],
    )
    def test_what_is_wrong(self, changes: dict[str, Any], level: Level, title: str) -> None:
        assert told(replace(CALM, **changes)) == [(level, title)]

    def test_without_a_limit_no_memory_is_too_much(self) -> None:
        assert told(replace(CALM, memory_limit_bytes=None)) == []

    def test_what_says_nothing_is_unknown(self) -> None:
        silent = replace(CALM, alive=None, healthy=None)
        assert board(silent).subjects.services.items[0].level is Level.UNKNOWN

    def test_a_worker_that_refuses_is_dead_with_its_locks(self) -> None:
        table = LockFacts("postgres", "locks", T0, 3, 0, 0, (("worker_1", 3),), ())
        frames = [
            frame(T0, fresh("automation:a", CALM, T0), fresh("locks", table, T0)),
            frame(T0 + 30, missing("automation:worker_1", T0 + 20), fresh("locks", table, T0 + 30)),
        ]
        found = played(frames, Context(name="test"))
        assert found.findings[0].title == ("worker worker_1 is dead: refused by server, still holds 3 locks")


class TestPorts:
    def test_one_after_the_other(self) -> None:
        urls = list(ports(Url("http://u:p@h:8088"), 3))
        assert [url.address for url in urls] == ["h:8088", "h:8089", "h:8090"]
        assert all(url.reveal().startswith("http://u:p@h:") for url in urls)
        assert [url.address for url in ports(Url("http://[::1]:65535"), 3)] == ["[::1]:65535"]

    def test_names_and_connections(self) -> None:
        entry = Automation(url=Url("http://h:8088"), name="worker_{n}", workers=2)
        specs = list(automation_lanes(Context(automation=(entry,))))
        assert [[source.id for source in spec.sources] for spec in specs] == [
            ["automation:worker_1", "locks:h:8088"],
            ["automation:worker_2", "locks:h:8089"],
        ]
