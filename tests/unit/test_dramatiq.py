"""What captured Dramatiq keys become."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.unit.redis_dump import SOURCE, DumpConnection, entry, load
from unstick.backends.base import BackendError, failure
from unstick.backends.redis import Command
from unstick.facts.dramatiq import DramatiqFacts, DramatiqProcess, DramatiqQueue
from unstick.facts.reading import TroubleKind
from unstick.pollers import dramatiq, dramatiq_processes
from unstick.pollers.dramatiq import DramatiqPoller
from unstick.pollers.redis_discovery import discover
from unstick.settings import Dramatiq

BEATS = "dramatiq:__heartbeats__"


def looks(connection: DumpConnection, count: int = 1, **settings: Any) -> list[DramatiqFacts]:
    poller = DramatiqPoller(SOURCE, Dramatiq(**settings))

    async def run() -> list[DramatiqFacts]:
        return [await poller.look(connection) for _ in range(count)]

    return asyncio.run(run())


def by_name(facts: DramatiqFacts) -> dict[str, DramatiqQueue]:
    return {queue.name: queue for queue in facts.queues}


def by_id(facts: DramatiqFacts) -> dict[str, DramatiqProcess]:
    return {process.id[:8]: process for process in facts.processes}


def test_a_hung_worker_beats_and_holds_the_same_messages() -> None:
    connection = DumpConnection(load("dramatiq_redis_stuck_worker"))
    first, second, third = looks(connection, 3)
    head = json.loads(connection.dump["dramatiq:stuck.msgs"]["value"][connection.dump["dramatiq:stuck"]["value"][0]])
    assert by_name(first) == {
        "default": DramatiqQueue("default", 16, 4, 0, 0, None),  # the dump lacks the body of its first message
        "stuck": DramatiqQueue("stuck", 5, 4, 0, 0, head["message_timestamp"] / 1000),
    }
    worker, producer = by_id(third)["44dd3036"], by_id(third)["62a1114b"]
    assert (worker.held, worker.held_delayed, worker.beat_at) == (8, 0, 1_795_325_259.577)
    assert (producer.held, producer.in_flight_mark) == (0, None)
    assert by_id(second)["44dd3036"].in_flight_mark == worker.in_flight_mark is not None
    assert (first.server_at, first.process_count) == (1_795_325_300.25, 2)


def test_the_mark_changes_when_a_held_message_is_gone_and_not_when_one_more_is_fetched() -> None:
    connection = DumpConnection(load("dramatiq_redis_stuck_worker"))
    key = next(key for key in connection.dump if key.endswith(".default") and "__acks__" in key)
    held = connection.dump[key]["value"]
    poller = DramatiqPoller(SOURCE, Dramatiq())

    async def run() -> list[str | None]:
        marks = []
        for now in (held, held, [*held, "fetched"], [*held[1:], "fetched"], [*held[1:], "fetched"], []):
            connection.dump[key] = entry("set", now)
            marks.append(by_id(await poller.look(connection))["44dd3036"].in_flight_mark)
        return marks

    counted, read, more, fewer, again, none = asyncio.run(run())
    assert counted == read == more is not None
    assert more != fewer == again
    assert none not in {None, again}, "the other queue still holds some"


def test_every_queue_of_a_killed_process_is_counted() -> None:
    dump = load("dramatiq_redis_dead_worker")
    facts = looks(DumpConnection(dump))[0]
    assert {name: (q.ready, q.in_flight, q.delayed, q.dead) for name, q in by_name(facts).items()} == {
        "default": (34, 8, 0, 0),
        "notifications": (2, 8, 5, 0),
        "reports": (0, 3, 0, 0),
        "stuck": (4, 8, 0, 0),
    }
    processes = by_id(facts)
    assert (processes["1f469084"].held, processes["1f469084"].held_delayed) == (12, 0)
    assert (processes["4bbd5c3e"].held, processes["4bbd5c3e"].held_delayed) == (15, 5)


def test_dead_letters_are_counted_from_the_queue_and_not_as_a_queue() -> None:
    facts = looks(DumpConnection(load("dramatiq_redis_with_dead_letters")))[0]
    assert by_name(facts)["reports"].dead == 5
    assert set(by_name(facts)) == {"default", "notifications", "reports", "stuck"}


def test_a_configured_queue_without_keys_is_empty_and_not_unknown() -> None:
    facts = looks(DumpConnection({}), queues=("idle",))[0]
    assert facts.queues == (DramatiqQueue("idle", 0, 0, 0, 0),)
    assert (facts.processes, facts.process_count) == ((), 0)


def test_wrong_types_are_unknown_and_foreign_keys_are_no_queues() -> None:
    dump = {
        "dramatiq:mine": entry("string", "x"),
        "dramatiq:foreign": entry("string", "x"),
        "dramatiq:real": entry("list", ["a"]),
        "dramatiq:real.msgs": entry("string", "x"),
    }
    facts = looks(DumpConnection(dump), queues=("mine",))[0]
    assert facts.queues == (DramatiqQueue("mine", None, None, 0, 0), DramatiqQueue("real", 1, None, 0, 0))


def test_unreadable_heartbeats_are_an_error() -> None:
    with pytest.raises(BackendError):
        looks(DumpConnection({BEATS: entry("string", "x")}))


def test_a_message_that_moves_between_two_commands_makes_no_negative_count() -> None:
    dump = {"dramatiq:q": entry("list", ["a", "b"]), "dramatiq:q.msgs": entry("hash", {"a": "{}"})}
    assert looks(DumpConnection(dump))[0].queues[0].in_flight == 0


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"message_timestamp": 1795325252734}', 1_795_325_252.734),
        ('{"message_timestamp": 1e400}', None),
        ('{"message_timestamp": -5}', None),
        ('{"message_timestamp": "soon"}', None),
        ("[" * 100_000, None),
        ("\x80\x04pickle", None),
        ('{"message_timestamp": 1, "pad": "' + "x" * dramatiq.BODY_CAP + '"}', None),
    ],
)
def test_the_age_of_the_first_message(body: str, expected: float | None) -> None:
    dump = {"dramatiq:q": entry("list", ["a"]), "dramatiq:q.msgs": entry("hash", {"a": body})}
    connection = DumpConnection(dump)
    assert [facts.queues[0].oldest_at for facts in looks(connection, 3)] == [expected] * 3
    assert len(connection.asked("HGET")) == (len(body) <= dramatiq.BODY_CAP), "read once at most"


def test_the_age_is_that_of_the_message_now_in_front() -> None:
    bodies = {name: json.dumps({"message_timestamp": at}) for name, at in (("a", 1000), ("b", 2000))}
    connection = DumpConnection({"dramatiq:q.msgs": entry("hash", bodies)})
    poller = DramatiqPoller(SOURCE, Dramatiq(queues=("q",)))

    async def run() -> list[float | None]:
        ages = []
        for waiting in (["a", "b"], ["b"], []):
            connection.dump["dramatiq:q"] = entry("list", waiting)
            ages.append((await poller.look(connection)).queues[0].oldest_at)
        return ages

    assert asyncio.run(run()) == [1.0, 2.0, None]


def test_names_are_addressed_exactly_and_shown_harmless() -> None:
    name = "q \udcff\x1b[31m"
    dump = {f"dramatiq:{name}": entry("list", ["a"]), BEATS: entry("zset", [["w\x1b]0;x", 1000.0]])}
    connection = DumpConnection(dump)
    facts = looks(connection)[0]
    assert ("LLEN", f"dramatiq:{name}") in connection.asked("LLEN")
    assert facts.queues[0].name == "q \ufffd^[[31m"
    assert facts.queues[0].ready == 1
    assert facts.processes[0].id == "w^[]0;x"


def many(count: int, holders: set[int], beat: float = 1000.0) -> dict[str, Any]:
    dump: dict[str, Any] = {BEATS: entry("zset", [[f"w{number:05}", beat + number] for number in range(count)])}
    for number in holders:
        dump[f"dramatiq:__acks__.w{number:05}.q"] = entry("set", ["m"])
    return dump


def test_processes_are_capped_without_cutting_who_holds_messages() -> None:
    facts = looks(DumpConnection(many(2300, {0, 700, 2299})), queues=("q",))[0]
    assert len(facts.processes) == dramatiq_processes.FACT_CAP
    assert {process.id for process in facts.processes if process.held} == {"w00000", "w00700", "w02299"}
    assert facts.process_count == 2300
    beats = [process.beat_at for process in facts.processes]
    assert beats == sorted(beats, reverse=True)


def test_more_holders_than_the_cap_are_all_there() -> None:
    cap = dramatiq_processes.FACT_CAP
    facts = looks(DumpConnection(many(cap + 100, set(range(cap + 50)))), queues=("q",))[0]
    assert sum(process.held == 1 for process in facts.processes) == len(facts.processes) == cap + 50


def test_processes_that_stand_still_and_hold_nothing_are_not_asked_again() -> None:
    connection = DumpConnection(many(30, {3}))
    looks(connection, 2, queues=("q",))
    again = [command for trip in connection.trips[-2:] for command in trip if "__acks__" in str(command)]
    assert [command[0] for command in again] == ["SMEMBERS", "EXISTS"]
    assert all("w00003" in str(command) for command in again)


def test_a_process_that_moved_is_asked_again() -> None:
    connection = DumpConnection(many(3, set()))
    poller = DramatiqPoller(SOURCE, Dramatiq(queues=("q",)))

    async def run() -> DramatiqFacts:
        await poller.look(connection)
        connection.dump |= many(3, {1}, beat=2000.0)
        return await poller.look(connection)

    assert [(process.id, process.held) for process in asyncio.run(run()).processes if process.held] == [("w00001", 1)]


@pytest.mark.parametrize("last_trip", [1, 2, 3, 4])
def test_a_look_that_fails_halfway_spoils_no_later_one(last_trip: int) -> None:
    class Failing(DumpConnection):
        async def pipeline(self, commands: Sequence[Command]) -> list[object]:
            if len(self.trips) == last_trip - 1:
                self.trips.append([])
                raise failure(TroubleKind.CLOSED, "gone", transport=True)
            return await super().pipeline(commands)

    dump = load("dramatiq_redis_dead_worker")
    poller = DramatiqPoller(SOURCE, Dramatiq())

    async def run() -> DramatiqFacts:
        with pytest.raises(BackendError):
            await poller.look(Failing(dump))
        del dump["dramatiq:__acks__.4bbd5c3e-be38-47b8-a621-1f3eebdc19c2.reports"]
        return await poller.look(DumpConnection(dump))

    facts = asyncio.run(run())
    assert {process.id[:8]: process.held for process in facts.processes} == {"4bbd5c3e": 12, "1f469084": 12}
    assert [queue.name for queue in facts.queues] == ["default", "notifications", "reports", "stuck"]


def test_a_quiet_look_takes_two_round_trips() -> None:
    connection = DumpConnection(load("dramatiq_redis_stuck_worker"))
    looks(connection)
    before = len(connection.trips)
    poller = DramatiqPoller(SOURCE, Dramatiq())

    async def run() -> list[int]:
        counts = []
        for _ in range(4):
            connection.trips.clear()
            await poller.look(connection)
            counts.append(len(connection.trips))
        return counts

    assert before == 4, "with the one that discovers and the one that reads what is new"
    assert asyncio.run(run())[2:] == [2, 2]


def test_discovery_finds_namespaces_and_queues() -> None:
    dump = load("dramatiq_redis_dead_worker") | {
        "shop*:__heartbeats__": entry("zset", []),
        "shop*:mail.DQ.msgs": entry("hash", {}),
        "shopping:other": entry("list", []),
    }
    found = asyncio.run(discover(DumpConnection(dump)))
    assert [(one.namespace, one.queues) for one in found.dramatiq] == [
        ("dramatiq", ("default", "notifications", "reports", "stuck")),
        ("shop*", ("mail",)),
    ]
    assert (found.celery, found.complete) == ((), True)
