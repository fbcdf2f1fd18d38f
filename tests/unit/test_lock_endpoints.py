"""The locks that a worker lists over HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from tests.unit.captured_http import SOURCE, CapturedConnection, answer
from unstick import clock
from unstick.backends.base import BackendError
from unstick.backends.http import Answer
from unstick.facts.locks import LockFacts, LockRow
from unstick.facts.reading import TroubleKind
from unstick.pollers import lock_endpoints
from unstick.pollers.lock_endpoints import LockEndpointPoller
from unstick.secret import Url
from unstick.settings import Locks

NOW = 1795318503.0  # 2026-11-22T03:35:03Z
LISTED = {
    "locks": [
        {"kind": "warmup", "task_id": 9, "worker_id": "[red]w\x1b[31m_2", "acquired_at": None, "expires_at": None},
        {"kind": "live", "task_id": "7", "worker_id": "worker_1", "ttl_seconds": 60},
        {"kind": "late", "task_id": 5, "worker_id": "worker_1", "expires_at": "2026-11-22T03:35:00Z"},
        {
            "kind": "bulk_upload",
            "task_id": 123,
            "worker_id": "worker_1",
            "acquired_at": "2026-11-22T02:10:00Z",
            "expires_at": "2026-11-22T03:10:00Z",
            "ttl_seconds": -1503,
        },
    ]
}


def look(reply: Answer) -> LockFacts:
    connection = CapturedConnection({"/api/v1/locks": reply})
    poller = LockEndpointPoller(SOURCE, Locks(), Url("http://u:p@worker:8088"))
    return asyncio.run(poller.look(connection))


def test_expired_ones_come_first_then_endless_ones() -> None:
    facts = look(answer(LISTED, date_at=NOW))
    assert [row.kind for row in facts.rows] == ["bulk_upload", "late", "warmup", "live"]
    assert facts.rows[0] == LockRow("bulk_upload:123", "bulk_upload", "123", "worker_1", 1795313400.0, 1795317000.0)
    assert facts.rows[3].expires_at == NOW + 60
    assert facts.rows[2].worker_id == "[red]w^[[31m_2"
    assert (facts.total, facts.expired, facts.endless) == (4, 2, 1)
    assert facts.by_worker == (("worker_1", 3), ("[red]w^[[31m_2", 1))
    assert (facts.via, facts.name, facts.server_at) == ("http", "worker:8088", NOW)


def test_a_bare_list_and_our_own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW + 5)
    facts = look(answer(LISTED["locks"]))
    assert (facts.server_at, facts.expired) == (NOW + 5, 2)
    assert look(answer([])).total == 0


@pytest.mark.parametrize("end", ["soon", "-infinity", "99999-01-01T00:00:00Z", -5, [], {}, True])
def test_an_end_that_cannot_be_read_is_neither_expired_nor_endless(end: object) -> None:
    facts = look(answer([{"kind": "k", "task_id": 1, "expires_at": end}], date_at=NOW))
    assert (facts.total, facts.expired, facts.endless, facts.rows) == (1, 0, 0, ())


@pytest.mark.parametrize("end", [None, "", "infinity", "never"])
def test_no_end_is_endless(end: object) -> None:
    assert look(answer([{"kind": "k", "expires_at": end}], date_at=NOW)).endless == 1


def test_many_locks_are_cut_and_counted() -> None:
    locks = [{"id": n, "worker_id": f"w{n}", "ttl_seconds": n} for n in range(2000)]
    facts = look(answer(locks, date_at=NOW))
    assert (facts.total, len(facts.rows), len(facts.by_worker)) == (
        2000,
        lock_endpoints.ROWS_LIMIT,
        lock_endpoints.WORKERS_LIMIT,
    )


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"5", b'{"locks": 5}', b"{}", b"[" * 200_000, b'[{"ttl_seconds": NaN}]']
)
def test_a_body_without_a_list_is_a_bad_reply(body: bytes) -> None:
    with pytest.raises(BackendError, match="bad reply") as caught:
        look(answer(body))
    assert caught.value.trouble.kind is TroubleKind.PROTOCOL


def test_a_missing_endpoint_is_absent() -> None:
    with pytest.raises(BackendError) as caught:
        look(answer({}, 404))
    assert caught.value.trouble.kind is TroubleKind.ABSENT


odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
keys = st.sampled_from(["id", "kind", "task_id", "worker_id", "acquired_at", "expires_at", "ttl_seconds"])


@given(st.lists(st.dictionaries(keys, odd) | odd, max_size=5))
@budget(max_examples=300, deadline=None)
def test_no_list_breaks_the_poller(locks: list[Any]) -> None:
    facts = look(answer(json.dumps({"locks": locks}).encode()))
    assert facts.expired + facts.endless <= facts.total <= len(locks)
