"""What captured answers of the management API become."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from tests.unit.captured_http import FIXTURES, SOURCE, CapturedConnection, Said, answer, captured
from unstick import settings
from unstick.backends.base import BackendError
from unstick.facts.rabbitmq import RabbitChurn, RabbitConnection, RabbitFacts, RabbitQueue
from unstick.facts.reading import TroubleKind
from unstick.pollers import rabbitmq
from unstick.pollers.queue_owners import Owners, internal, owner_of
from unstick.pollers.rabbit_reply import connection_facts, connections
from unstick.pollers.rabbitmq import RabbitPoller


def broker(prefix: str = "rabbit_normal", **replies: Said) -> CapturedConnection:
    """A broker as it was captured; keys of ``replies`` are the last words of the path."""
    said: dict[str, Said] = {
        "/api/overview": captured(f"{prefix}_overview"),
        "/api/whoami": captured("rabbit_normal_whoami"),
        "/api/connections": captured(f"{prefix}_connections"),
        "/api/queues?": captured(f"{prefix}_queues"),
        "/api/health/checks/alarms": captured("rabbit_normal_health_alarms"),
    }
    names = {"alarms": "/api/health/checks/alarms", "queues": "/api/queues?"}
    return CapturedConnection(said | {names.get(key, f"/api/{key}"): value for key, value in replies.items()})


def look(connection: CapturedConnection, owners: Owners | None = None, **options: Any) -> RabbitFacts:
    return asyncio.run(RabbitPoller(SOURCE, settings.RabbitMQ(**options), owners or {}).look(connection))


def by_name(facts: RabbitFacts) -> Mapping[str, RabbitQueue]:
    assert facts.queues is not None
    return {queue.name: queue for queue in facts.queues}


def test_a_broker_with_a_leaking_client() -> None:
    facts = look(broker())
    assert facts.connections is not None
    assert facts.connections[0] == RabbitConnection(
        name="127.0.0.1:57252 -> 127.0.0.1:35672",
        connected_at=1795323178.193,
        client="demo-leak",
        product="aiormq",
        user="guest",
        vhost="/",
        peer="127.0.0.1:57252",
        channels=200,
        channel_max=2047,
        heartbeat_s=60.0,
        state="running",
    )
    heartbeats = {c.client: c.heartbeat_s for c in facts.connections}
    assert (heartbeats["demo-hb0"], heartbeats["demo-hb5"], heartbeats[None]) == (0.0, 5.0, 60.0)
    assert (facts.connection_count, facts.channel_count, facts.queue_count) == (9, 208, 5)
    assert facts.churn == RabbitChurn(37, 28, 232, 24)
    assert by_name(facts)["pileup"] == RabbitQueue("/", "pileup", 300, 500, 1, "running")
    assert (facts.via, facts.name, facts.version) == ("management", "be@vm", "3.10.8")
    assert (facts.alarms, facts.alarms_known, facts.statistics_off) == ((), True, False)


def test_a_memory_alarm_is_named_and_blocked_clients_say_so() -> None:
    facts = look(broker("rabbit_memalarm", alarms=captured("rabbit_memalarm_health_alarms")))
    assert facts.alarms == ("memory on be@localhost",)
    assert facts.connections is not None
    assert {"blocked", "blocking"} <= {c.state for c in facts.connections}


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_alarms_that_may_not_be_asked_for_are_unknown_not_absent(status: int) -> None:
    facts = look(broker(alarms=answer({"error": "x"}, status)))
    assert (facts.alarms, facts.alarms_known) == ((), False)


def test_statistics_switched_off_leave_unknowns_and_no_zeros() -> None:
    connection = broker("rabbit_nostats")
    facts = look(connection)
    assert facts.statistics_off
    assert (facts.connections, facts.connection_count, facts.channel_count) == (None, None, None)
    assert facts.queue_count == 11
    assert by_name(facts)["pileup"] == RabbitQueue("/", "pileup", None, None, None, "live")
    assert not any("columns=consumers" in path.partition("?")[2][:20] for path in connection.asked)


def test_names_that_would_move_a_cursor_or_a_path() -> None:
    whole = json.loads(captured("rabbit_nasty_queue_names").body)
    listed = [{key: value for key, value in q.items() if key != "consumers"} for q in whole]
    connection = broker(queues=answer(listed))
    owners: Owners = {(None, "a?b#c&d%2F"): "celery", ("app/é", "a/b c"): "dramatiq"}
    connection.replies["/api/queues/app%2F%C3%A9/"] = answer({"consumers": 3})
    names = by_name(look(connection, owners))
    assert "x^[[31mred" in names
    assert "очередь" in names
    assert (names["a/b c"].owner, names["a/b c"].consumers) == ("dramatiq", 3)
    assert "/api/queues/app%2F%C3%A9/a%3Fb%23c%26d%252F?columns=consumers" in connection.asked
    assert not any("\x1b" in name for name in names)


def test_an_empty_property_list_is_a_list_and_is_skipped() -> None:
    whole = captured("rabbit_trap_empty_proplist_is_array").body
    assert len(connections(whole)) == len(json.loads(whole)) - 1
    assert connections(b'{"items":[[],{"name":"n","client_properties":[]}]}')[0].name == "n"


def test_a_page_and_a_list_are_read_alike() -> None:
    page = (FIXTURES / "rabbit_queues_totals_only.json").read_bytes()
    assert by_name(look(broker(queues=answer(page))))["pileup"].ready == 300


@pytest.mark.parametrize(
    ("total", "vhosts", "expected"),
    [(7, [{"name": "/"}], None), (None, [{"name": "/"}], None), (0, [], None), (0, [{"name": "/"}], ())],
    ids=["the broker has queues", "no total", "sees no virtual host", "really none"],
)
def test_an_empty_queue_list_may_be_a_refusal(total: int | None, vhosts: list[Any], expected: object) -> None:
    overview = {"object_totals": {} if total is None else {"queues": total, "connections": 9}}
    facts = look(broker(overview=answer(overview), queues=answer([]), vhosts=answer(vhosts)))
    assert facts.queues == expected
    assert facts.queue_count == (None if expected is None else 0)


@pytest.mark.parametrize("tags", [["management"], "management,policymaker", [], None, 5])
def test_a_user_without_the_monitoring_tag_sees_no_connections_at_all(tags: object) -> None:
    facts = look(broker(whoami=answer({"name": "app", "tags": tags})))
    assert (facts.connections, facts.connection_count, facts.channel_count) == (None, None, None)
    assert look(broker(whoami=answer({"tags": "monitoring"}))).connection_count == 9


@pytest.mark.parametrize(("age_s", "said", "told"), [(4, 0, None), (4, 3, 3), (60, 0, 0), (None, 0, 0)])
def test_a_connection_without_figures_yet_has_unknown_channels(
    age_s: int | None, said: int, told: int | None
) -> None:
    items = connections(json.dumps([{"name": "n", "connected_at": 1_795_000_000_000, "channels": said}]).encode())
    (fact,) = connection_facts(items, 10, None if age_s is None else 1_795_000_000.0 + age_s)
    assert fact.channels == told


def test_no_connections_in_the_list_but_some_in_the_totals_is_unknown() -> None:
    assert look(broker(connections=answer([]))).connections is None


def test_a_fresh_queue_has_no_counts_yet() -> None:
    facts = look(broker(queues=answer([{"name": "new", "vhost": "/", "state": "running"}])))
    assert facts.queues == (RabbitQueue("/", "new", None, None, None, "running"),)


def test_owners_by_configuration_by_pattern_and_plumbing_left_out() -> None:
    celery = json.loads(captured("celery_rabbit_queues").body)
    dramatiq = [q | {"vhost": "/d"} for q in json.loads(captured("dramatiq_rabbit_queues").body)]
    names = look(broker(queues=answer(celery + dramatiq)), {("/", "balance_sync"): "celery"}).queues
    assert names is not None
    owners = {(q.vhost, q.name): q.owner for q in names}
    assert owners["/", "balance_sync"] == "celery"
    assert owners["/", "default"] is None
    assert [owners["/d", name] for name in ("default", "default.DQ", "default.XQ")] == ["dramatiq"] * 3
    assert not any(internal(name) for _, name in owners)
    assert len(owners) == len(celery) + len(dramatiq) - 2


@pytest.mark.parametrize(
    ("name", "owner"),
    [("celery", "celery"), ("q", None), ("mine", "dramatiq"), ("mine.DQ", "dramatiq"), ("theirs.DQ", None)],
)
def test_owner_of(name: str, owner: str | None) -> None:
    owners: Owners = {("/", "mine"): "dramatiq", (None, "theirs"): "celery"}
    assert owner_of("/", name, owners, {("/", "q"), ("/", "q.DQ")}) == owner


def test_many_queues_are_cut_at_the_shallow_end_and_named_ones_stay() -> None:
    queues = [
        {"name": f"q{n}", "vhost": "/", "messages_ready": n, "messages_unacknowledged": 0, "consumers": 1}
        for n in range(3000)
    ]
    facts = look(broker(queues=answer(queues)), {("/", "q0"): "celery"}, queues=("q1",))
    assert facts.queues is not None
    assert len(facts.queues) == rabbitmq.QUEUES_LIMIT
    assert [q.name for q in facts.queues[:4]] == ["q0", "q1", "q2999", "q2998"]


def test_a_list_that_is_too_long_is_asked_for_in_part() -> None:
    total = {"object_totals": {"queues": 100_000, "connections": 0}}
    connection = broker(overview=answer(total), queues=captured("rabbit_normal_queues"))
    facts = look(connection, {("/", "a.b"): "dramatiq"}, queues=("c|d",))
    asked = [path for path in connection.asked if path.startswith("/api/queues?")]
    assert all("page_size=500" in path for path in asked)
    assert asked[2].endswith(
        "&use_regex=true&name=%5E%28a%5C.b%7Cc%5C%7Cd%29%28%5C.DQ%7C%5C.XQ%29%3F%24&page=1&page_size=500"
    )
    assert facts.queue_count == 100_000


def test_consumers_are_asked_for_ten_queues_a_look_in_turn_and_remembered() -> None:
    queues = [{"name": f"q{n:02}", "vhost": "/", "messages_ready": 100 - n} for n in range(70)]
    connection = broker(queues=answer(queues))
    for n in range(70):
        connection.replies[f"/api/queues/%2F/q{n:02}?"] = answer({"consumers": n} if n != 3 else [])
    poller = RabbitPoller(SOURCE, settings.RabbitMQ(), {})

    async def run() -> RabbitFacts:
        for _ in range(5):
            before = len(connection.asked)
            facts = await poller.look(connection)
            assert len([p for p in connection.asked[before:] if p.startswith("/api/queues/")]) == 10
        return facts

    known = {q.name: q.consumers for q in asyncio.run(run()).queues or ()}
    assert [known[f"q{n:02}"] for n in range(50)] == [None if n == 3 else n for n in range(50)]
    assert known["q60"] is None


def test_only_cheap_questions_are_asked() -> None:
    connection = broker()
    look(connection)
    assert len(connection.asked) <= 16
    assert not [path for path in connection.asked if "channels" in path.split("?")[0] or "aliveness" in path]


def test_named_virtual_hosts_are_asked_one_by_one() -> None:
    one = answer([{"name": "q", "vhost": "app/é", "messages_ready": 1, "consumers": 0}])
    connection = broker()
    connection.replies["/api/queues/app%2F%C3%A9?"] = one
    facts = look(connection, vhosts=("app/é",))
    assert facts.queues == (RabbitQueue("app/é", "q", 1, None, 0),)
    assert facts.queue_count == 1


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (401, {"error": "not_authorized", "reason": "Login failed"}, TroubleKind.AUTH, "password refused"),
        (401, {"error": "not_authorised", "reason": "Not management user"}, TroubleKind.DENIED, "set_user_tags"),
        (401, {"error": "not_authorised", "reason": "User not authorised"}, TroubleKind.DENIED, "set_permissions"),
        (404, {}, TroubleKind.ABSENT, "404"),
        (500, {}, TroubleKind.PROTOCOL, "500"),
    ],
)
def test_a_refusal_says_what_would_mend_it(status: int, body: object, kind: TroubleKind, words: str) -> None:
    with pytest.raises(BackendError, match=words) as caught:
        look(broker(overview=answer(body, status)))
    assert caught.value.trouble.kind is kind


BAD_BODIES = {
    "empty": b"",
    "html": b"<html><body>502</body></html>",
    "truncated": b'{"cluster_name": "x',
    "deep": b"[" * 200_000,
    "NaN": b'{"cluster_name": NaN}',
    "1e400": b'{"object_totals": {"queues": 1e400}, "tags": 1e400, "items": [{"name": 1e400}], "status": 1e400}',
    "not an object": b"5",
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("path", ["overview", "whoami", "connections", "queues", "alarms"])
@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_body_that_is_no_answer_is_a_bad_reply(path: str, body: bytes) -> None:
    with pytest.raises(BackendError, match="bad reply") as caught:
        look(broker("rabbit_normal", **{path: answer(body)}))
    assert caught.value.trouble.kind is TroubleKind.PROTOCOL


def test_bytes_that_are_not_utf_8_cost_one_character_not_the_list() -> None:
    body = b'[{"name":"a\xff\xed\xa0\x80","vhost":"/"},{"name":"\\ud800b","vhost":"/"},{"name":"ok\\ud83d\\ude00","vhost":"/"}]'
    names = by_name(look(broker(queues=answer(body))))
    assert "ok😀" in names
    assert "\ufffdb" in names
    assert len(names) == 3


odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    "name",
    "vhost",
    "state",
    "messages_ready",
    "messages_unacknowledged",
    "consumers",
    "channels",
    "channel_max",
    "timeout",
    "connected_at",
    "client_properties",
    "peer_host",
    "peer_port",
    "user",
    "user_provided_name",
    "object_totals",
    "churn_rates",
    "cluster_name",
    "tags",
    "items",
    "alarms",
    "queues",
    "connections",
    "disable_stats",
]
thing = st.dictionaries(st.sampled_from(FIELDS), odd, max_size=8)
reply = thing | st.lists(thing | odd, max_size=3) | odd


@given(overview=thing, whoami=thing, conns=reply, queues=reply, alarms=reply)
@budget(max_examples=150, deadline=None)
def test_no_document_breaks_the_poller(overview: Any, whoami: Any, conns: Any, queues: Any, alarms: Any) -> None:
    said = [answer(json.dumps(part).encode("utf-8", "surrogatepass")) for part in (overview, conns, queues, alarms)]
    who = answer(whoami or {"tags": ["monitoring"]})
    try:
        facts = look(broker(overview=said[0], whoami=who, connections=said[1], queues=said[2], alarms=said[3]))
    except BackendError as error:
        assert "bad reply" in error.trouble.text  # noqa: PT017 - either outcome is right
        return
    counts = [facts.connection_count, facts.channel_count, facts.queue_count]
    counts += [n for q in facts.queues or () for n in (q.ready, q.unacked, q.consumers)]
    assert all(n is None or 0 <= n <= 2**53 for n in counts)


@given(st.binary(max_size=200))
@budget(max_examples=100, deadline=None)
def test_no_bytes_break_the_poller(body: bytes) -> None:
    with pytest.raises(BackendError, match="bad reply"):
        look(broker(queues=answer(b"{" + body)))
