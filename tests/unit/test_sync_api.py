"""What the balance sync says of itself, in whatever words."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from tests.unit.captured_http import ABSENT, LOST, SOURCE, CapturedConnection, Said, answer
from unstick.backends.base import BackendError, failure
from unstick.facts.reading import TroubleKind
from unstick.facts.sync import SyncApiFacts
from unstick.pollers.sync_api import SyncApiPoller
from unstick.settings import Sync

# 2026-11-22T04:00:03Z
SYNCED_AT = 1795320003.0
DEEP = answer(b"[" * 200_000)


def look(fields: dict[str, str] | None = None, **said: Said) -> SyncApiFacts:
    connection = CapturedConnection({f"/sync-management/{name}": reply for name, reply in said.items()})
    return asyncio.run(SyncApiPoller(SOURCE, Sync(fields=fields or {})).look(connection))


def test_all_four_endpoints() -> None:
    facts = look(
        status=answer(
            {
                "status": "ok",
                "last_sync_at": "2026-11-22T04:00:03Z",
                "last_duration_seconds": 12.8,
                "is_running": False,
            },
            date_at=1795320723.0,
        ),
        schedule=answer({"next_run_at": "2026-11-22T05:00:00+00:00"}),
        health=answer({"redis": "connected", "database": {"status": "down"}}, 503),
        stats=answer({"data": {"processed": 200_000, "updated": 3712, "errors": []}}),
    )
    assert facts == SyncApiFacts(
        server_at=1795320723.0,
        last_success_at=SYNCED_AT,
        last_duration_s=12.8,
        next_due_at=1795323600.0,
        running=False,
        processed=200_000,
        updated=3712,
        errors=0,
        redis_ok=True,
        database_ok=False,
        status="ok",
    )


def test_what_does_not_answer_is_named_and_the_rest_stands() -> None:
    facts = look(status=answer({"last_sync": SYNCED_AT}), stats=LOST, health=answer(b"<html>oops"))
    assert facts.last_success_at == SYNCED_AT
    assert facts.partial == (
        "health: bad reply: HTML instead of JSON",
        "stats: connection refused",
        "schedule: 404 no such path",
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-22T04:00:03Z", SYNCED_AT),
        ("2026-11-22T04:00:03", SYNCED_AT),
        ("2026-11-22 07:00:03+03:00", SYNCED_AT),
        ("2026-11-22T04:00:03.250000Z", SYNCED_AT + 0.25),
        (SYNCED_AT, SYNCED_AT),
        (1795320003000, SYNCED_AT),
        ("1795320003", SYNCED_AT),
        ({"finished_at": "2026-11-22T04:00:03Z"}, None),
        ("never", None), ("", None), (None, None), (-5, None), (0, None), (True, None), ([], None),
        (10**30, None), ("9999999-01-01", None), ("0001-01-01T00:00:00+14:00", None),
    ],
)  # fmt: skip
def test_instants(value: object, expected: float | None) -> None:
    assert look(status=answer({"last_success_at": value})).last_success_at == expected


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"duration": "0:01:02.5"}, 62.5), ({"duration": "12.8s"}, 12.8), ({"duration_ms": 1500}, 1.5),
        ({"last_run": {"duration_seconds": 3}}, 3.0), ({"duration": -1}, None), ({"duration": "soon"}, None),
    ],
)  # fmt: skip
def test_durations(document: object, expected: float | None) -> None:
    assert look(stats=answer(document)).last_duration_s == expected


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"running": True}, True),
        ({"state": "running"}, True),
        ({"is_running": "idle"}, False),
        ({"status": "ok"}, None),
    ],
)
def test_running(document: object, expected: bool | None) -> None:
    assert look(status=answer(document)).running is expected


def test_a_configured_path_is_the_only_place() -> None:
    document = {"result": {"runs": [{"finished": "2026-11-22T04:00:03Z"}]}, "last_sync_at": "2020-01-01T00:00:00Z"}
    assert look({"last_success_at": "result.runs.0.finished"}, status=answer(document)).last_success_at == SYNCED_AT
    assert look({"last_success_at": "result.nothing"}, status=answer(document)).last_success_at is None


def test_no_field_is_invented() -> None:
    facts = msgspec.structs.asdict(look(status=answer({})))
    assert facts.pop("partial") == tuple(f"{name}: 404 no such path" for name in ("health", "stats", "schedule"))
    assert set(facts.values()) == {None}


def test_nothing_answered() -> None:
    with pytest.raises(BackendError, match="refused") as caught:
        look(status=LOST, stats=LOST, schedule=LOST, health=LOST)
    assert caught.value.transport
    with pytest.raises(BackendError) as caught:
        look(status=ABSENT)
    assert (caught.value.trouble.kind, caught.value.transport) == (TroubleKind.ABSENT, False)
    with pytest.raises(BackendError, match="bad reply"):
        look(status=DEEP, stats=DEEP, schedule=DEEP, health=DEEP)
    with pytest.raises(BackendError) as caught:
        look(status=answer({}), health=failure(TroubleKind.OVERLOAD, "429", retry_after_s=7.0))
    assert caught.value.trouble.retry_after_s == 7.0


def test_markup_and_escapes_are_harmless() -> None:
    assert look(status=answer({"status": "\x1b[31m[/x]"})).status == "^[[31m[/x]"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12)
    | st.sampled_from(["1:2:3", "99999:99:99", "2026-11-22T04:00:03", "1e309", "infinity", "9" * 40]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["status", "ok", "at"]), inner, max_size=2),
    max_leaves=5,
)  # fmt: skip
KEYS = "last_success_at last_sync next_run duration duration_ms running processed updated errors redis database data"
keys = st.sampled_from(["status", *KEYS.split()])


@given(st.dictionaries(keys, values), st.dictionaries(keys, values))
@budget(max_examples=150, deadline=None)
def test_no_document_breaks_the_poller(status: Any, stats: Any) -> None:
    facts = look(status=answer(status), stats=answer(stats))
    for count in (facts.processed, facts.updated, facts.errors):
        assert count is None or 0 <= count <= 2**53
    for instant in (facts.last_success_at, facts.next_due_at):
        assert instant is None or 0 < instant < 253402300800
    assert facts.last_duration_s is None or facts.last_duration_s >= 0
