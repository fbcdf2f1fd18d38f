"""``status --json`` keeps its schema, and unknown is null."""

from __future__ import annotations

import json

import pytest

from tests.unit.boards import T0, crawler, dramatiq, frame, fresh, missing, played
from unstick.board.board import Board
from unstick.facts.crawler import ProxyRow
from unstick.facts.dramatiq import DramatiqProcess, DramatiqQueue
from unstick.views.status_json import status
from unstick.views.status_text import status_lines

TOP = {
    "schema",
    "context",
    "at",
    "level",
    "sources",
    "workers",
    "proxies",
    "queues",
    "channels",
    "sync",
    "locks",
    "services",
    "host",
    "findings",
}


@pytest.fixture
def incident() -> Board:
    rows = tuple(ProxyRow(str(n), f"8b4f59aa_{n}", "8b4f59aa", "7", T0 - 3600) for n in range(15))
    process = DramatiqProcess("w1", T0, 2, 0, "m")
    queue = DramatiqQueue("default", 198, 4, 0, 0, T0 - 1740)
    return played(
        frame(
            at,
            fresh("crawler", crawler(at, rows), at),
            fresh("dramatiq", dramatiq(at, (process,), (queue,)), at),
        )
        for at in (T0, T0 + 2)
    )


def test_the_keys_of_schema_1(incident: Board) -> None:
    told = json.loads(json.dumps(status(incident), allow_nan=False))
    assert set(told) == TOP
    assert told["schema"] == 1
    assert told["level"] == "critical"
    assert told["proxies"]["stuck"] == 15
    assert set(told["proxies"]) >= {"total", "in_use", "blocked", "free", "stuck", "stuck_items"}
    assert set(told["proxies"]["stuck_items"][0]) >= {"id", "worker_id", "evidence"}
    (queue,) = told["queues"]["items"]
    assert queue["oldest_s"] == 1742.0
    assert {k: queue[k] for k in ("name", "system", "ready", "in_flight", "delayed", "dead", "consumers")} == {
        "name": "default",
        "system": "dramatiq",
        "ready": 198,
        "in_flight": 4,
        "delayed": 0,
        "dead": 0,
        "consumers": None,
    }
    (worker,) = told["workers"]["items"]
    assert set(worker) >= {"id", "kind", "level", "container", "last_seen_s", "holds"}
    assert set(worker["holds"]) == {"proxies", "locks", "tasks", "unacked"}
    assert set(told["findings"][0]) >= {"id", "level", "title", "evidence", "since", "action"}


def test_a_pane_that_was_not_configured_is_null(incident: Board) -> None:
    assert status(incident)["channels"] is None
    assert status(incident)["host"] is None


def test_a_number_that_could_not_be_had_is_null() -> None:
    told = status(played([frame(T0, missing("crawler", T0), missing("dramatiq", T0))]))
    assert told["proxies"]["total"] is None
    assert told["proxies"]["stuck"] is None
    assert told["workers"]["dead"] is None
    assert told["sources"]["server"] == {
        "state": "missing",
        "age_s": None,
        "error": "refused by server",
        "asked": told["sources"]["server"]["asked"],
    }


def test_the_first_line_is_complete_and_carries_performance_data(incident: Board) -> None:
    first, *rest = status_lines(incident)
    assert first.startswith("UNSTICK CRITICAL - test: 15 proxies held for 8b4f59aa without a task")
    assert "proxies_stuck=15" in first.partition(" | ")[2]
    assert any(line.startswith("✖ Proxies") for line in rest)
    assert not any("\x1b" in line for line in [first, *rest])
