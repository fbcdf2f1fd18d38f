"""Celery's events: every form they come in, what is remembered of them, and how workers and beat are judged."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.boards import T0, frame, fresh, played, stale
from unstick import clock
from unstick.backends.heard import BYTES_CAP, MESSAGES_CAP, Heard
from unstick.board.board import Board
from unstick.cli.event_lanes import event_lanes
from unstick.cli.grants import rabbitmq_lines, redis_lines
from unstick.config import ConfigError, load
from unstick.facts.beat import BeatEntry, BeatFacts
from unstick.facts.celery import CeleryFacts, CeleryQueue
from unstick.facts.celery_events import CeleryEventsFacts, CeleryNode, CeleryTask, ScheduledTask
from unstick.facts.frame import Frame
from unstick.facts.level import Level
from unstick.facts.reading import Cost, Source
from unstick.pollers import celery_events
from unstick.pollers.beat import _entry
from unstick.pollers.celery_events import NODES_CAP, CeleryEventsPoller
from unstick.pollers.celery_look import celery_look
from unstick.pollers.redis_round import Answer
from unstick.secret import Url
from unstick.settings import Celery, Context, Probe, Thresholds

SOURCE = Source("celery-events:celery", "celery-events", "redis", 5.0)
CONTEXT = Context(name="test", thresholds=Thresholds(stall_s=60.0, beat_late_s=60.0))


class Said:
    """A subscription that hears what the test says."""

    def __init__(self) -> None:
        self.messages: list[tuple[float, bytes]] = []
        self.dropped = 0
        self.sessions = 1

    def say(self, *messages: bytes, at: float | None = None) -> None:
        self.messages += [(clock.now() if at is None else at, message) for message in messages]

    async def heard(self) -> tuple[list[tuple[float, bytes]], int]:
        messages, self.messages = self.messages, []
        return messages, self.dropped

    async def open(self) -> None: ...
    def abort(self) -> None: ...
    async def close(self) -> None: ...
    def take_cost(self) -> Cost:
        return Cost()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(celery_events, "FIRST_LOOK_S", 0.0)


def heartbeat(name: str = "w1@lab", kind: str = "worker-heartbeat", **fields: Any) -> dict[str, Any]:
    known = {"hostname": name, "pid": 7, "freq": 2.0, "active": 1, "processed": 4, "loadavg": [0.5, 1, 2]}
    return {"type": kind, "sw_ver": "5.7.0", "timestamp": 1.0, **known, **fields}


def task(kind: str, name: str | None = None, uuid: str = "u", **fields: Any) -> dict[str, Any]:
    return {"type": f"task-{kind}", "hostname": "w1@lab", "uuid": uuid, **({"name": name} if name else {}), **fields}


def plain(event: Any) -> bytes:
    """As it comes over AMQP."""
    return json.dumps(event).encode()


def wrapped(event: Any) -> bytes:
    """As kombu puts it on Redis."""
    body = base64.b64encode(plain(event)).decode()
    return plain({"body": body, "properties": {"body_encoding": "base64"}, "content-type": "application/json"})


def looked(*messages: bytes, entry: Celery | None = None) -> CeleryEventsFacts:
    said = Said()
    said.say(*messages)
    return asyncio.run(CeleryEventsPoller(SOURCE, entry or Celery()).look(said))


class TestHearing:
    @pytest.mark.parametrize("form", [plain, wrapped], ids=["amqp", "redis"])
    def test_every_form_of_an_event(self, form: Any) -> None:
        facts = looked(
            form(heartbeat()),
            form([task("received", "app.sync", "a"), task("received", "app.mail", "b")]),
            form([task("started", None, "a"), task("succeeded", None, "a", runtime=2.5)]),
            form(task("failed", None, "b", exception="ValueError('[red]')", traceback="secret")),
            form(task("started", None, "unknown")),
        )
        (node,) = facts.nodes
        assert (node.hostname, node.active, node.processed, node.pid) == ("w1@lab", 1, 4, 7)
        assert (node.every_s, node.load_1, node.version, node.left) == (2.0, 0.5, "5.7.0", False)
        assert [(each.name, each.succeeded, each.failed, each.longest_s) for each in facts.tasks] == [
            *(("app.mail", 0, 1, None), ("app.sync", 1, 0, 2.5)),
        ]
        assert facts.received == 7
        assert "secret" not in str(facts)

    @pytest.mark.parametrize(
        "message",
        [
            *(b"", b"null", b"7", b"[1]", b"{", b"\xff\x00", b'{"type": 7}', b'{"body": "%%%", "properties": null}'),
            b'{"body": "e30=", "properties": {"body_encoding": "base64"}}',
            b'{"type": "worker-heartbeat"}',
            b'{"type": "worker-heartbeat", "hostname": ""}',
            b"[" * 100_000,
            b'{"type": "' + b"x" * 10_000_000 + b'"}',
        ],
        ids=lambda message: repr(message[:30]),
    )
    def test_what_is_no_event_is_none(self, message: bytes) -> None:
        facts = looked(message, plain(heartbeat("good@lab")))
        assert [node.hostname for node in facts.nodes] == ["good@lab"]

    def test_fields_of_wrong_types_are_unknown(self) -> None:
        odd = heartbeat("a\x1b[31m@x", pid="x", freq=-1, active=[], processed=1.5, loadavg={}, sw_ver=5)
        (node,) = looked(plain(odd)).nodes
        assert (node.hostname, node.every_s) == ("a^[[31m@x", 0.1)
        assert (node.pid, node.active, node.processed, node.load_1, node.version) == (None,) * 5

    def test_a_crowd_is_counted_and_capped(self) -> None:
        facts = looked(*(plain(heartbeat(f"w{n:04}@lab")) for n in range(NODES_CAP + 7)))
        assert (len(facts.nodes), facts.node_count) == (NODES_CAP, NODES_CAP + 7)

    def test_who_was_not_heard_for_an_hour_is_forgotten(self) -> None:
        said = Said()
        poller = CeleryEventsPoller(SOURCE, Celery())
        said.say(plain(heartbeat("old@lab")), at=clock.now() - 3601)
        said.say(plain(heartbeat("late@lab")), at=clock.now() - 3500)
        said.say(plain(heartbeat("gone@lab", "worker-offline")), at=clock.now() - 301)
        said.say(plain(heartbeat("left@lab", "worker-offline")))
        facts = asyncio.run(poller.look(said))
        assert [(node.hostname, node.left) for node in facts.nodes] == [("late@lab", False), ("left@lab", True)]

    def test_a_new_subscription_listens_anew(self) -> None:
        said = Said()
        poller = CeleryEventsPoller(SOURCE, Celery())
        first = asyncio.run(poller.look(said))
        said.sessions += 1
        assert asyncio.run(poller.look(said)).since_at > first.since_at

    def test_what_is_kept_between_two_looks_is_bounded(self) -> None:
        heard = Heard()
        for _ in range(MESSAGES_CAP + 5):
            heard.add(b"x")
        assert (len(heard.take()), heard.dropped) == (MESSAGES_CAP, 5)
        heard.add(b"x" * BYTES_CAP)
        heard.add(b"x")
        assert (len(heard.take()), heard.dropped) == (1, 6)
        assert heard.take() == []

    def test_a_scheduled_task_is_known_by_its_last_run(self) -> None:
        entry = Celery(schedule={"app.sync": "1h", "app.never": "90s"})
        facts = looked(plain([task("received", "app.sync"), task("started")]), entry=entry)
        assert [(each.task, each.every_s, each.seen_at is None) for each in facts.scheduled] == [
            *(("app.sync", 3600.0, False), ("app.never", 90.0, True)),
        ]


NODE = CeleryNode("w1@lab", T0, 2.0, 2, 10, 7, 0.5, "5.7.0")
EVENTS = CeleryEventsFacts("celery", T0, T0 - 600, (NODE,), 1, (), (), 100, 0)


def told(at: float, facts: CeleryEventsFacts, ready: int = 0) -> Frame:
    queues = CeleryFacts("celery", at, (CeleryQueue("default", ready, (), 0),), 0, None, 3600.0)
    events = fresh("celery-events:celery", replace(facts, looked_at=at), at, "celery-events")
    return frame(at, events, fresh("celery", queues, at))


def life(board: Board) -> tuple[str, Level, str]:
    assert board.subjects.workers is not None
    (worker,) = board.subjects.workers.items
    return worker.life, worker.level, worker.note


class TestWorkers:
    @pytest.mark.parametrize(
        ("silent_s", "active", "expected"),
        [
            (9, 2, ("alive", Level.OK, "10 done")),
            (11, 2, ("dead", Level.CRITICAL, "silent, had 2 tasks in hand")),
            (11, 0, ("dead", Level.WARNING, "silent")),
        ],
    )
    def test_silence(self, silent_s: float, active: int, expected: tuple[str, Level, str]) -> None:
        facts = replace(EVENTS, nodes=(replace(NODE, active=active),))
        assert life(played([told(T0 + silent_s, facts)], CONTEXT)) == expected

    def test_silence_counts_from_when_somebody_listened(self) -> None:
        assert life(played([told(T0 + 100, replace(EVENTS, since_at=T0 + 95))], CONTEXT))[0] == "alive"

    def test_a_goodbye_is_no_death(self) -> None:
        facts = replace(EVENTS, nodes=(replace(NODE, left=True),))
        board = played([told(T0 + 100, facts)], CONTEXT)
        assert life(board) == ("left", Level.OK, "said goodbye")
        assert board.findings == ()

    @pytest.mark.parametrize(
        ("ready", "longest_s", "stalled"), [(5, None, True), (0, None, False), (5, 100.0, False), (5, 30.0, True)]
    )
    def test_a_stall_is_work_that_waits_while_nothing_is_finished(
        self, ready: int, longest_s: float | None, stalled: bool
    ) -> None:
        tasks = (CeleryTask("app.long", T0, 3, 0, longest_s),)
        frames = [
            told(T0 + n, replace(EVENTS, tasks=tasks, nodes=(replace(NODE, heard_at=T0 + n),)), ready)
            for n in range(0, 70, 5)
        ]
        assert (life(played(frames, CONTEXT))[0] == "stalled") is stalled

    def test_work_that_is_finished_is_no_stall(self) -> None:
        frames = [
            told(T0 + n, replace(EVENTS, nodes=(replace(NODE, heard_at=T0 + n, processed=n // 30),)), 5)
            for n in range(0, 120, 5)
        ]
        assert life(played(frames, CONTEXT))[0] == "alive"

    def test_a_dead_subscription_makes_nobody_dead(self) -> None:
        lost = stale("celery-events:celery", EVENTS, T0, T0 + 5)
        board = played([told(T0, EVENTS), frame(T0 + 60, lost)], CONTEXT)
        assert life(board)[0] == "unknown"
        assert board.subjects.workers is not None
        assert board.subjects.workers.dead is None


class TestSchedules:
    def title(self, at: float, seen_at: float | None) -> list[str]:
        facts = replace(EVENTS, nodes=(), scheduled=(ScheduledTask("app.sync", 300.0, seen_at),))
        return [found.title for found in played([told(at, facts)], CONTEXT).findings]

    def test_what_does_not_run_was_not_fired(self) -> None:
        assert self.title(T0, T0 - 380) == []
        (title,) = self.title(T0, T0 - 400)
        assert title == "celery-events:celery: beat fires nothing: app.sync ran 6m40s ago, due every 5m00s"

    def test_before_anybody_listened_nobody_can_say(self) -> None:
        assert self.title(T0 - 300, None) == []
        assert "app.sync not seen to run for 10m00s" in self.title(T0, None)[0]

    def test_dropped_events_are_told(self) -> None:
        (finding,) = played([told(T0, replace(EVENTS, nodes=(), dropped=12))], CONTEXT).findings
        assert (finding.level, "12 events came faster" in finding.title) == (Level.WARNING, True)


def entry(name: str, due_s: float, task: str | None = "app.sync", *, enabled: bool = True) -> BeatEntry:
    return BeatEntry(name, task, T0 + due_s, None, None, enabled)


class TestRedBeat:
    def said(self, *entries: BeatEntry, lock_s: float | None = 20.0) -> list[tuple[Level, str]]:
        facts = BeatFacts("celery", T0, entries, len(entries), lock_s)
        found = played([frame(T0, fresh("beat:celery", facts, T0))], CONTEXT).findings
        return [(each.level, each.title.removeprefix("beat:celery: ")) for each in found]

    def test_on_time(self) -> None:
        assert self.said(entry("hourly", 600), entry("tick", -59)) == []

    def test_what_is_due_and_was_not_fired(self) -> None:
        (level, title), *more = self.said(entry("hourly", -600), entry("tick", -90), lock_s=None)
        assert (level, more) == (Level.CRITICAL, [])
        assert title == "beat is silent: hourly and 1 more was due 10m00s ago; no beat holds its lock"

    def test_a_schedule_of_nothing(self) -> None:
        cleanup = entry("celery.backend_cleanup", 900, "celery.backend_cleanup")
        for entries in ((), (cleanup,)):
            assert self.said(*entries) == [
                (Level.CRITICAL, "beat fires nothing: its schedule is empty; a beat holds its lock")
            ]
        off = entry("hourly", -900, enabled=False)
        (only,) = self.said(off, lock_s=None)
        assert only == (
            Level.WARNING,
            "beat fires nothing: its schedule is empty, 1 switched off; no beat holds its lock",
        )

    def test_entries_as_they_are_written(self) -> None:
        def written(definition: bytes | None, meta: bytes | None) -> BeatEntry:
            answer = Answer()
            answer.value = [definition, meta]
            return _entry("x", 5.0, answer)

        when = (
            b'{"last_run_at": {"__type__": "datetime", "year": 2026, "month": 11, "day": 22, "hour": 4, "minute": 50,'
            b' "second": 48, "microsecond": 9, "timezone": %s}, "total_run_count": 4}'
        )
        known = written(b'{"task": "app.sync", "enabled": false}', when % b'"UTC"')
        assert (known.task, known.enabled, known.runs, known.last_run_at) == ("app.sync", False, 4, 1795323048.0)
        assert written(None, when % b"60").last_run_at == 1795323048.0 - 3600
        assert written(b"[" * 9999, when % b'"No/Where"').last_run_at is None
        assert written(None, b'{"last_run_at": {"year": 99999}}') == BeatEntry(
            "x", None, 5.0, None, None, enabled=True
        )


class TestConfiguration:
    def problems(self, tmp_path: Path, text: str) -> list[str]:
        path = tmp_path / "unstick.toml"
        path.write_text(f"config_version = 1\n[[celery]]\n{text}\n")
        with pytest.raises(ConfigError) as caught:
            load(path, None, {})
        return [str(problem) for problem in caught.value.problems]

    def test_a_schedule_needs_spans_and_events(self, tmp_path: Path) -> None:
        (problem,) = self.problems(tmp_path, 'schedule = { "app.sync" = "1h" }')
        assert "is judged by events, which are off" in problem
        (problem,) = self.problems(tmp_path, 'events = "tasks"\nschedule = { "app.sync" = "hourly" }')
        assert 'is not a span of time (got "hourly")' in problem

    def test_lanes_only_where_they_are_asked_for(self) -> None:
        entries = (
            Celery(url=Url("redis://h/3"), key_prefix="p:", events="tasks"),
            Celery(name="b", url=Url("amqp://h/x"), events="workers"),
            Celery(name="c", url=Url("redis://h/0")),
        )
        context = Context(celery=entries)
        assert [spec.sources[0].id for spec in event_lanes(context)] == ["celery-events:celery", "celery-events:b"]
        acl = next(line for line in redis_lines(context, "w") if line.startswith("ACL"))
        assert "&p:/3.celeryev/*" in acl.split()
        assert {"+subscribe", "+psubscribe"} <= set(acl.split())
        quiet = next(line for line in redis_lines(Context(celery=entries[2:]), "w") if line.startswith("ACL"))
        assert "+subscribe" not in quiet
        (rights,) = [line for line in rabbitmq_lines(context, "w") if "set_permissions" in line]
        assert rights.endswith(r"'^celeryev\.unstick\.' '^celeryev\.unstick\.' '^celeryev'")

    def test_keys_of_redbeat_and_of_probes_may_be_read(self) -> None:
        context = Context(celery=(Celery(redbeat=True),), probe=(Probe(name="a", redis=("LLEN", "outbox")),))
        acl = next(line for line in redis_lines(context, "w") if line.startswith("ACL"))
        assert {"%R~redbeat:*", "%R~outbox"} <= set(acl.split())


def test_one_look_by_hand() -> None:
    stats = {"pool": {"implementation": "prefork", "max-concurrency": 2, "processes": [1, 2]}, "prefetch_count": 4,
             "total": {"a": 3, "b": 4}, "uptime": 82}  # fmt: skip
    active = [
        {"id": "x", "name": "app.sync", "args": ["secret"], "delivery_info": {"routing_key": "q"}, "time_start": 5}
    ]
    look = celery_look("w1@lab", stats, active)
    assert (look.pool, look.concurrency, look.processes, look.prefetch) == ("prefork", 2, 2, 4)
    assert (look.done, look.uptime_s) == (7, 82.0)
    assert [(each.name, each.queue, each.started_at) for each in look.active] == [("app.sync", "q", 5.0)]
    assert "secret" not in str(look)
    empty = celery_look("w1@lab", None, {"odd": 1})
    assert (empty.concurrency, empty.done, empty.active) == (None, None, ())
