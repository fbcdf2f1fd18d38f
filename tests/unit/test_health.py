"""What a worker's endpoints say together."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from tests.unit.captured_http import ABSENT, FIXTURES, LOST, SOURCE, CapturedConnection, Said, answer, raw
from unstick.backends.base import BackendError, failure
from unstick.facts.health import HealthFacts
from unstick.facts.reading import TroubleKind
from unstick.pollers.health import HealthPoller
from unstick.secret import Url
from unstick.settings import Health

HEALTHY = answer((FIXTURES / "prom_worker_healthy.txt").read_bytes())


def look(health: Said = ABSENT, ready: Said = ABSENT, metrics: Said = ABSENT) -> HealthFacts:
    connection = CapturedConnection({"/health": health, "/ready": ready, "/metrics": metrics})
    options = Health(Url("http://user:S3CR3T@web-3:8080/w"), name="web-3")
    return asyncio.run(HealthPoller(SOURCE, options).look(connection))


def test_a_worker_that_hangs() -> None:
    facts = look(raw("dramatiq_stuck_health"), raw("dramatiq_stuck_ready"), raw("dramatiq_stuck_metrics"))
    assert facts == HealthFacts(
        name="web-3",
        address="web-3:8080/w",
        status="unhealthy",
        healthy=False,
        ready=False,
        uptime_s=9.07,
        processed=0,
        heartbeat_age_s=9.06,
        broker_connected=True,
        health_code=503,
    )


def test_metrics_alone_are_enough() -> None:
    facts = look(metrics=HEALTHY)
    assert (facts.healthy, facts.uptime_s, facts.processed, facts.heartbeat_age_s) == (True, 20.25, 36, 19.78)
    assert (facts.status, facts.ready, facts.health_code, facts.broker_connected) == (None, None, None, True)


def test_the_json_body_is_the_second_source() -> None:
    facts = look(health=raw("dramatiq_stuck_health"))
    assert (facts.healthy, facts.uptime_s, facts.processed, facts.heartbeat_age_s) == (False, 9.03, 0, 9.03)


def test_metrics_outweigh_the_body() -> None:
    facts = look(
        health=answer({"status": "healthy", "broker_connected": True}), metrics=answer(b"dramatiq_worker_healthy 0\n")
    )
    assert (facts.healthy, facts.status, facts.broker_connected) == (False, "healthy", True)


@pytest.mark.parametrize(
    ("reply", "healthy"),
    [
        (answer(b"OK"), True),
        (answer(b"", 503), False),
        (answer({"ok": True, "status": "healthy"}), True),
        (answer({"status": "degraded"}, 503), False),
        (answer({"status": "down"}), False),
        (answer(b"<html>", 503), False),
    ],
)
def test_health_by_words_then_by_status(reply: Said, healthy: bool) -> None:
    assert look(health=reply).healthy is healthy


def test_a_missing_or_lost_endpoint_leaves_its_fields_unknown() -> None:
    facts = look(health=LOST, ready=ABSENT, metrics=HEALTHY)
    assert (facts.healthy, facts.ready, facts.status, facts.health_code) == (True, None, None, None)


def test_nothing_answered() -> None:
    with pytest.raises(BackendError, match="connection refused") as caught:
        look(LOST, LOST, LOST)
    assert caught.value.transport
    with pytest.raises(BackendError, match="404") as caught:
        look()
    assert (caught.value.trouble.kind, caught.value.transport) == (TroubleKind.ABSENT, False)


def test_a_server_that_asks_for_silence_gets_it() -> None:
    with pytest.raises(BackendError) as caught:
        look(HEALTHY, HEALTHY, failure(TroubleKind.OVERLOAD, "429", retry_after_s=30.0))
    assert caught.value.trouble.retry_after_s == 30.0


def test_of_several_processes_the_sickest_counts() -> None:
    body = b"".join(
        b'dramatiq_worker_%s{p="%d"} %s\n' % line
        for line in [
            (b"healthy", 1, b"1"), (b"healthy", 2, b"0"), (b"uptime_seconds", 1, b"50"), (b"uptime_seconds", 2, b"7"),
            (b"tasks_processed_total", 1, b"3"), (b"tasks_processed_total", 2, b"4"),
            (b"last_heartbeat_seconds", 1, b"1"), (b"last_heartbeat_seconds", 2, b"90"),
        ]
    )  # fmt: skip
    facts = look(metrics=answer(body))
    assert (facts.healthy, facts.uptime_s, facts.processed, facts.heartbeat_age_s) == (False, 7.0, 7, 90.0)


def test_an_instant_instead_of_an_age_is_told_by_the_servers_clock() -> None:
    reply = answer(b"dramatiq_worker_last_heartbeat_seconds 1795325000\n", date_at=1795325042.0)
    assert look(metrics=reply).heartbeat_age_s == 42.0
    assert look(metrics=answer(b"dramatiq_worker_last_heartbeat_seconds 1795325000\n")).heartbeat_age_s is None


def test_impossible_values_are_unknown() -> None:
    body = b"dramatiq_worker_uptime_seconds -5\ndramatiq_worker_tasks_processed_total NaN\n!!!\n"
    facts = look(health=answer({"uptime_seconds": "soon", "tasks_processed": -1, "status": 7}), metrics=answer(body))
    assert (facts.uptime_s, facts.processed, facts.status, facts.bad_metric_lines) == (None, None, None, 1)


@given(st.binary(max_size=120), st.binary(max_size=120), st.binary(max_size=120), st.sampled_from([200, 204, 503]))
@budget(max_examples=200, deadline=None)
def test_no_bytes_break_the_poller(health: bytes, ready: bytes, metrics: bytes, status: int) -> None:
    assert look(answer(health, status), answer(ready), answer(metrics)).health_code == status


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(
    ["status", "last_heartbeat_seconds", "broker_connected", "uptime_seconds", "tasks_processed", "ready", "ok"]
)


@given(st.dictionaries(keys, json_values))
@budget(max_examples=200, deadline=None)
def test_no_document_breaks_the_poller(document: Any) -> None:
    facts = look(health=answer(document), ready=answer(document))
    assert facts.uptime_s is None or facts.uptime_s >= 0
    assert facts.processed is None or facts.processed >= 0
