"""What captured Celery keys become."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.unit.redis_dump import SOURCE, DumpConnection, entry, load
from unstick.facts.celery import CeleryFacts, CeleryQueue
from unstick.pollers import celery
from unstick.pollers.celery import CeleryPoller
from unstick.pollers.redis_discovery import discover
from unstick.settings import Celery

SEPARATOR = "\x06\x16"


def look(connection: DumpConnection, **settings: Any) -> CeleryFacts:
    return asyncio.run(CeleryPoller(SOURCE, Celery(**settings)).look(connection))


def queues(facts: CeleryFacts) -> dict[str, CeleryQueue]:
    return {queue.name: queue for queue in facts.queues}


def delivered(*places: tuple[str | None, str | None], pad: int = 0) -> dict[str, Any]:
    """The keys of so many unacknowledged deliveries."""
    bodies = {
        f"tag{number}": json.dumps([{"body": "x" * pad}, exchange, routing_key])
        for number, (exchange, routing_key) in enumerate(places)
    }
    scores = [[tag, 1_795_322_884.5 + number] for number, tag in enumerate(bodies)]
    return {"unacked": entry("hash", bodies), "unacked_index": entry("zset", scores)}


def bound(exchange: str, *members: str) -> dict[str, Any]:
    return {f"_kombu.binding.{exchange}": entry("set", [member.replace("|", SEPARATOR) for member in members])}


def test_waiting_messages_are_summed_over_the_priority_steps() -> None:
    facts = look(DumpConnection(load("celery_redis_before_worker")), queues=())
    assert queues(facts) == {
        "balance_sync": CeleryQueue("balance_sync", 8, ((0, 8), (3, 0), (6, 0), (9, 0)), 0),
        "default": CeleryQueue("default", 5, ((0, 3), (3, 1), (6, 0), (9, 1)), 0),
    }
    assert (facts.unacked, facts.unacked_oldest_at, facts.visibility_timeout_s) == (0, None, 3600.0)


def test_deliveries_are_told_apart_by_queue() -> None:
    facts = look(DumpConnection(load("celery_redis_running")), queues=("default",))
    assert {name: (queue.ready, queue.in_flight) for name, queue in queues(facts).items()} == {
        "default": (0, 1),
        "balance_sync": (6, 2),
    }
    assert (facts.unacked, facts.unacked_oldest_at) == (3, 1_795_322_884.6226888)


def test_queues_of_remote_control_and_events_are_left_out() -> None:
    dump = {
        **bound("celery.pidbox", "||w1@vm.celery.pidbox"),
        **bound("celeryev", "worker.#||celeryev.97e7"),
        **bound("reply.celery.pidbox", "o||o.reply.celery.pidbox"),
        **bound("default", "default||default", "broken", "||"),
    }
    connection = DumpConnection(dump)
    assert list(queues(look(connection, queues=()))) == ["default"]
    assert [command[1] for command in connection.asked("SSCAN")] == ["_kombu.binding.default"]


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([("", "default"), ("", "default")], {"default": 2}),
        ([(None, "default")], {"default": 1}),
        ([("work", "fast"), ("work", "slow")], {"default": 1, "slow": 1}),
        ([("work", "elsewhere")], None),
        ([("single", "any.thing")], {"slow": 1}),
        ([("unbound", "default")], None),
        ([("", "default"), ("", None)], None),
    ],
)
def test_the_bindings_tell_where_a_delivery_came_from(
    places: list[tuple[str | None, str | None]], expected: dict[str, int] | None
) -> None:
    bindings = bound("work", "fast||default", "slow||slow") | bound("single", "any.#|^any$|slow")
    facts = look(DumpConnection(bindings | delivered(*places)), queues=("default",))
    in_flight = {name: queue.in_flight for name, queue in queues(facts).items() if queue.in_flight != 0}
    assert in_flight == (expected if expected is not None else {"default": None, "slow": None})
    assert facts.unacked == len(places)


def test_too_many_deliveries_are_counted_but_not_read() -> None:
    dump = delivered(*[("", "default")] * (celery.UNACKED_CAP + 1))
    connection = DumpConnection(dump)
    facts = look(connection, queues=("default",))
    assert (facts.unacked, facts.queues[0].in_flight) == (celery.UNACKED_CAP + 1, None)
    assert not connection.asked("HGET")


def test_a_long_delivery_is_not_read() -> None:
    connection = DumpConnection(delivered(("", "default"), pad=celery.BODY_CAP))
    assert look(connection, queues=("default",)).queues[0].in_flight is None
    assert not connection.asked("HGET")


def test_many_long_deliveries_are_read_in_several_looks() -> None:
    connection = DumpConnection(delivered(*[("", "default")] * 30, pad=60_000))
    poller = CeleryPoller(SOURCE, Celery(queues=("default",)))

    async def run() -> list[tuple[int | None, int]]:
        seen = []
        for _ in range(3):
            connection.trips.clear()
            facts = await poller.look(connection)
            seen.append((facts.queues[0].in_flight, len(connection.asked("HGET"))))
        return seen

    first, second, third = asyncio.run(run())
    assert first[0] is None
    assert 0 < first[1] * 60_000 <= celery.BODIES_CAP
    assert second == (30, 30 - first[1])
    assert third == (30, 0), "a delivery is read once"


def test_an_index_that_lacks_deliveries_leaves_their_queue_unknown() -> None:
    dump = delivered(("", "default"), ("", "default"))
    dump["unacked_index"] = entry("zset", dump["unacked_index"]["value"][:1])
    assert look(DumpConnection(dump), queues=("default",)).queues[0].in_flight is None


def test_a_delivery_acknowledged_meanwhile_does_not_count() -> None:
    dump = delivered(("", "default"), ("", "default"))
    dump["unacked"] = entry("hash", {"tag0": dump["unacked"]["value"]["tag0"]})
    assert look(DumpConnection(dump), queues=("default",)).queues[0].in_flight == 1


@pytest.mark.parametrize("body", ["", "{}", "[1]", "[" * 50_000, '["m", 5, "q"]', "\x00"])
def test_a_delivery_that_cannot_be_read_leaves_in_flight_unknown(body: str) -> None:
    dump = delivered(("", "default"))
    dump["unacked"] = entry("hash", {"tag0": body + " "})
    assert look(DumpConnection(dump), queues=("default",)).queues[0].in_flight is None


def test_prefix_separator_and_keys_are_configurable() -> None:
    dump = {
        "shop:mail": entry("list", ["a"]),
        "shop:mail#5": entry("list", ["b", "c"]),
        "shop:held": entry("hash", {}),
        "mail": entry("list", ["not", "ours"]),
    }
    connection = DumpConnection(dump)
    facts = look(
        connection,
        queues=("mail",),
        key_prefix="shop:",
        separator="#",
        priority_steps=(0, 5),
        unacked_key="held",
        unacked_index_key="held_index",
    )
    assert facts.queues == (CeleryQueue("mail", 3, ((0, 1), (5, 2)), 0),)
    assert connection.asked("HLEN") == [("HLEN", "shop:held")]


def test_a_list_of_another_type_makes_the_depth_unknown() -> None:
    dump = {"mail": entry("string", "x"), f"mail{SEPARATOR}3": entry("list", ["a"])}
    facts = look(DumpConnection(dump), queues=("mail",))
    assert facts.queues == (CeleryQueue("mail", None, ((3, 1), (6, 0), (9, 0)), 0),)


def test_names_are_shown_harmless() -> None:
    dump = bound("x", "k||q\x1b[31m\u202e") | {"q\x1b[31m\u202e": entry("list", ["a"])}
    facts = look(DumpConnection(dump), queues=())
    assert [(queue.name, queue.ready) for queue in facts.queues] == [("q^[[31m‹U+202E›", 1)]


def test_discovery_finds_prefixes_and_queues() -> None:
    dump = load("celery_redis_running") | {
        "shop:_kombu.binding.mail": entry("set", [SEPARATOR.join(["mail", "", "mail"])]),
        "shop:_kombu.binding.celeryev": entry("set", []),
    }
    found = asyncio.run(discover(DumpConnection(dump)))
    assert [(one.key_prefix, one.queues) for one in found.celery] == [
        ("", ("balance_sync", "default")),
        ("shop:", ("mail",)),
    ]
    assert found.dramatiq == ()
