"""Draining locks, in a real PostgreSQL and a real Redis: what outlived its end or its holder, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import secrets
import threading
from collections.abc import Iterator

import msgspec
import pytest
import redis as redis_client

from tests.lab.fault_proxy import FaultProxy
from tests.lab.processes import free_port
from tests.lab.servers import Redis as RedisServer
from tests.live.acting import YES, Shop, ageless, done, targets
from unstick.actions.gate import Gate
from unstick.backends.redis_writes import RedisWriter
from unstick.cli.checkup.actions import actions
from unstick.cli.checkup.check import Mark
from unstick.cli.grants import redis_lines
from unstick.facts.actions import DrainLocks, Outcome, Plan, Receipt, State
from unstick.secret import Url
from unstick.settings import Health, Locks

ALL = DrainLocks()


@pytest.fixture
def keys(shop: Shop, redis_url: str) -> Iterator[redis_client.Redis]:
    """A Redis with locks under ``lock:``, which the shop knows of."""
    settings = Locks(redis_keys=("lock:*",), redis_url=Url(redis_url))
    shop.context = msgspec.structs.replace(shop.context, locks=settings)
    with redis_client.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


def lock(shop: Shop, number: int, worker: str, ends: str | None, *, since: str = "2 hours") -> None:
    end = "NULL" if ends is None else "'infinity'" if ends == "infinity" else f"now() + interval '{ends}'"
    name = worker.replace("'", "''")
    shop.sql(
        "INSERT INTO dashboard_tasklock (id, kind, task_id, worker_id, acquired_at, expires_at)"
        f" VALUES ({number}, 'upload', {number}, '{name}', now() - interval '{since}', {end});"
    )


def left(plan: Plan) -> dict[str, str]:
    return {one.id: one.why for one in plan.left}


def rows(shop: Shop) -> set[str]:
    return set(shop.sql("SELECT id FROM dashboard_tasklock;").split())


def test_what_has_expired_beyond_the_grace_is_drained(shop: Shop) -> None:
    lock(shop, 1, "w_1", "-1 hour")
    lock(shop, 2, "w_1", "-31 seconds")
    lock(shop, 3, "w_1", "-10 seconds")
    lock(shop, 4, "w_1", "1 hour")
    lock(shop, 5, "w_1", None)
    lock(shop, 6, "w_1", "infinity")
    shop.sql("UPDATE dashboard_tasklock SET expires_at = '-infinity' WHERE id = 2;")
    plan = shop.plan(ALL)
    assert targets(plan) == {"1", "2"}
    assert {one.id: one.evidence for one in plan.targets}["1"] == (
        *("upload 1", "held for 2h00m", "ended 1h00m ago", "nothing tells whether its holder lives"),
    )
    assert left(plan) == {
        "5": "upload 5: has no end; nothing tells whether its holder lives",
        "6": "upload 6: has no end; nothing tells whether its holder lives",
    }
    assert plan.notes == (
        "dashboard_tasklock: 6 locks",
        "2 are held and have not expired; nothing tells that their holders are dead",
    )
    receipt = shop.act(ALL)
    assert receipt.outcome is Outcome.APPLIED
    assert receipt.text == "2 locks drained"
    assert rows(shop) == {"3", "4", "5", "6"}
    assert shop.act(ALL).outcome is Outcome.NOTHING


def test_locks_of_a_dead_container_go_those_of_the_living_stay(shop: Shop) -> None:
    shop.hold("gone_1", 1)
    shop.hold("here_1", 2)
    shop.hold("here_2", 3)
    shop.work("here_1", 70)
    lock(shop, 1, "gone_1", "1 hour")
    lock(shop, 2, "gone_1", None)
    lock(shop, 3, "here_1", None)
    lock(shop, 4, "here_2", None)
    plan = shop.plan(ALL)
    assert targets(plan) == {"1", "2"}
    assert left(plan) == {
        "3": "upload 3: has no end; its holder processes 1",
        "4": "upload 4: has no end; its holder's last sign of life was 1h00m ago, and its container still works",
    }
    assert done(shop.act(ALL)) == {"1", "2"}


def test_whoever_took_a_lock_just_now_is_not_dead_yet(shop: Shop) -> None:
    shop.hold("gone_1", 1)
    lock(shop, 1, "gone_1", "1 hour")
    lock(shop, 2, "gone_1", None, since="20 seconds")
    plan = shop.plan(ALL)
    assert plan.targets == ()
    assert ageless(left(plan)["2"]) == "upload 2: has no end; its holder took a lock just ago"


def test_between_plan_and_apply_a_lock_may_be_renewed_taken_or_given_back(shop: Shop) -> None:
    for number in (1, 2, 3, 4):
        lock(shop, number, "w_1", "-1 hour")
    shop.hold("gone_1", 1)
    lock(shop, 5, "gone_1", "1 hour")

    async def work(gate: Gate) -> Receipt:
        plan = await shop.decided(gate, ALL)
        assert targets(plan) == {"1", "2", "3", "4", "5"}
        await asyncio.to_thread(_meanwhile, shop)
        return await gate.apply(plan, YES)

    receipt = shop.run(work)
    assert receipt.outcome is Outcome.PARTIAL
    assert {result.id: (result.state, result.text) for result in receipt.results} == {
        "1": (State.SKIPPED, "was renewed or taken again, by w_1"),
        "2": (State.GONE, "is no longer there"),
        "3": (State.SKIPPED, "was renewed or taken again, by other_1"),
        "4": (State.DONE, "drained"),
        "5": (State.SKIPPED, "its holder processes 1"),
    }
    assert rows(shop) == {"1", "3", "5"}


def test_whoever_takes_a_lock_is_not_dead(shop: Shop) -> None:
    shop.hold("gone_1", 1)
    shop.hold("gone_2", 2)
    lock(shop, 1, "gone_1", "1 hour")
    lock(shop, 2, "gone_2", None)

    async def work(gate: Gate) -> Receipt:
        plan = await shop.decided(gate, ALL)
        assert targets(plan) == {"1", "2"}
        await asyncio.to_thread(lock, shop, 3, "gone_1", "1 hour")
        await asyncio.to_thread(shop.sql, "UPDATE dashboard_tasklock SET acquired_at = now() WHERE id = 3;")
        return await gate.apply(plan, YES)

    receipt = shop.run(work)
    assert {result.id: ageless(result.text) for result in receipt.results} == {
        "1": "its holder took a lock just ago",
        "2": "drained",
    }
    assert rows(shop) == {"1", "3"}


def _meanwhile(shop: Shop) -> None:
    shop.sql(
        "UPDATE dashboard_tasklock SET expires_at = now() + interval '1 minute' WHERE id = 1;"
        "DELETE FROM dashboard_tasklock WHERE id = 2;"
        "UPDATE dashboard_tasklock SET worker_id = 'other_1' WHERE id = 3;"
    )
    shop.work("gone_1", 70)


def test_force_drains_one_worker_after_showing_that_it_lives(shop: Shop) -> None:
    shop.hold("here_1", 1)
    shop.work("here_1", 70)
    lock(shop, 1, "here_1", "1 hour")
    lock(shop, 2, "here_1", None)
    lock(shop, 3, "here_10", "1 hour")
    named = shop.act(DrainLocks(worker="here_1"))
    assert named.outcome is Outcome.REFUSED
    assert named.text == "lock 2 of here_1 stays: upload 2: has no end; its holder processes 1, and 1 more"
    plan = shop.plan(DrainLocks(worker="here_1", force=True))
    assert [target.evidence[-1] for target in plan.targets] == ["its holder processes 1"] * 2
    assert done(shop.act(DrainLocks(worker="here_1", force=True))) == {"1", "2"}
    assert rows(shop) == {"3"}
    assert shop.plan(DrainLocks(force=True)).refused == "force takes a worker: whose locks?"


def test_hostile_ids_are_data(shop: Shop) -> None:
    for number, worker in enumerate(("%", "_", "o'br\"ien", "[/red]", "a\x1b[2J", ""), 1):
        lock(shop, number, worker, None)
    assert targets(shop.plan(DrainLocks(worker="%", force=True))) == {"1"}
    assert targets(shop.plan(DrainLocks(worker="_", force=True))) == {"2"}
    assert left(shop.plan(ALL))["6"] == "upload 6: has no end; nobody is named as its holder"
    lock(shop, 7, "a\x1b[3J", None)
    assert done(shop.act(DrainLocks(worker="a^[[2J", force=True))) == {"5"}
    assert done(shop.act(DrainLocks(worker="a\x1b[3J", force=True))) == {"7"}
    lock(shop, 5, "e\u0301", None)
    lock(shop, 7, "\u00e9", None)
    lock(shop, 8, "b\u2060", None)
    lock(shop, 9, "b\u2060", None)
    assert targets(shop.plan(DrainLocks(worker="\u00e9", force=True))) == {"7"}
    assert targets(shop.plan(DrainLocks(worker="b‹U+2060›", force=True))) == {"8", "9"}
    shop.sql("UPDATE dashboard_tasklock SET worker_id = U&'\\212B' WHERE id = 8;")
    shop.sql("UPDATE dashboard_tasklock SET worker_id = U&'A\\030A' WHERE id = 9;")
    refused = shop.plan(DrainLocks(worker="\u00c5", force=True)).refused
    assert refused == "2 workers are shown as \u00c5: nobody can tell which is meant"
    assert shop.act(DrainLocks(worker="", force=True)).text == "a name is empty: whose?"
    assert "6" in rows(shop)


class Answering(http.server.BaseHTTPRequestHandler):
    """A worker that lives."""

    def do_GET(self) -> None:
        self.send_response(503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextlib.contextmanager
def answering(port: int) -> Iterator[None]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def test_a_health_endpoint_tells_who_lives(shop: Shop) -> None:
    port = free_port()
    entry = Health(url=Url(f"http://127.0.0.1:{port}"), name="worker_2")
    shop.context = msgspec.structs.replace(shop.context, health=(entry,))
    lock(shop, 1, "worker_2", None)

    async def twice(gate: Gate) -> tuple[Plan, Plan]:
        first = await gate.plan(ALL)
        shop.ticks.at += 3
        return first, await gate.plan(ALL)

    first, second = shop.run(twice)
    assert (first.targets, first.again_s) == ((), 2)
    assert targets(second) == {"1"}
    assert second.targets[0].evidence[-1] == "nobody listens on its holder's health endpoint"

    async def back(gate: Gate) -> tuple[Receipt, Plan]:
        plan = await shop.decided(gate, ALL)
        with answering(port):
            return await gate.apply(plan, YES), await gate.plan(ALL)

    receipt, plan = shop.run(back)
    assert receipt.outcome is Outcome.NOTHING
    assert receipt.results[0].text == "its holder answers on its health endpoint again"
    assert left(plan) == {"1": "upload 1: has no end; its holder answers on its health endpoint"}
    assert rows(shop) == {"1"}


def test_an_endpoint_that_hangs_tells_nothing(shop: Shop, redis_server: RedisServer) -> None:
    with FaultProxy(redis_server.port) as proxy:
        proxy.reset()
        entry = Health(url=Url(f"http://127.0.0.1:{proxy.port}"), name="worker_2")
        shop.context = msgspec.structs.replace(shop.context, health=(entry,))
        lock(shop, 1, "worker_2", None)
        plan = shop.plan(ALL)
    assert plan.targets == ()
    assert "health endpoint can't tell" in left(plan)["1"]


def test_keys_of_redis_are_compared_before_they_are_deleted(shop: Shop, keys: redis_client.Redis) -> None:
    keys.set("lock:endless", "worker_9:abc")
    keys.set("lock:mine", "here_1:token", ex=600)
    keys.set("lock:taken", "here_1:old", ex=600)
    keys.set("lock:hers", "here_2:x", ex=600)
    keys.hset("lock:hash", "a", "b")
    keys.set("other", "here_1:token")
    lock(shop, 1, "here_1", "1 hour")
    plan = shop.plan(ALL)
    assert plan.targets == ()
    assert left(plan) == {"lock:endless": "has no end; nothing tells whether its holder lives"}
    assert plan.notes[-2:] == ("Redis: 5 locks", "3 of them end by themselves")
    assert [server.kind for server in plan.servers] == ["PostgreSQL", "Redis"]

    async def work(gate: Gate) -> Receipt:
        plan = await gate.plan(DrainLocks(worker="here_1", force=True))
        assert targets(plan) == {"1", "lock:mine", "lock:taken"}
        keys.set("lock:taken", "here_1:new", ex=600)
        return await gate.apply(plan, YES)

    receipt = shop.run(work)
    assert receipt.outcome is Outcome.PARTIAL
    assert done(receipt) == {"1", "lock:mine"}
    assert receipt.text == "1 lock drained, 1 key drained, 1 skipped"
    assert set(keys.keys()) == {"lock:endless", "lock:taken", "lock:hers", "lock:hash", "other"}


def test_an_endless_key_of_the_dead_goes_unless_it_gets_an_end(shop: Shop, keys: redis_client.Redis) -> None:
    entry = Health(url=Url(f"http://127.0.0.1:{free_port()}"), name="worker_2")
    settings = msgspec.structs.replace(shop.context.locks or Locks(), redis_worker="holder", table=None)
    shop.context = msgspec.structs.replace(shop.context, health=(entry,), locks=settings)
    for name in ("a", "b"):
        keys.set(f"lock:{name}", '{"holder": "worker_2"}')
    keys.set("lock:c", "[[[[")

    async def work(gate: Gate) -> Receipt:
        plan = await shop.decided(gate, ALL)
        assert targets(plan) == {"lock:a", "lock:b"}
        keys.expire("lock:b", 60)
        return await gate.apply(plan, YES)

    receipt = shop.run(work)
    assert {result.id: result.text for result in receipt.results} == {
        "lock:a": "drained",
        "lock:b": "ends by itself now",
    }
    assert set(keys.keys()) == {"lock:b", "lock:c"}


def test_a_redis_that_was_restarted_is_another_one(shop: Shop) -> None:
    with RedisServer() as own:
        settings = Locks(table=None, redis_keys=("lock:*",), redis_url=Url(own.database_url(0)))
        shop.context = msgspec.structs.replace(shop.context, locks=settings)
        own.cli("SET", "lock:a", "w:1")

        async def work(gate: Gate) -> Receipt:
            plan = await gate.plan(DrainLocks(worker="w", force=True))
            await asyncio.to_thread(own.restart)
            own.cli("SET", "lock:a", "w:1")
            return await gate.apply(plan, YES)

        receipt = shop.run(work)
        assert receipt.results[0].text == "another Redis answers than the one of the plan"
        assert own.cli("GET", "lock:a") == "w:1"


@pytest.mark.parametrize("after", [False, True])
def test_a_lost_answer_of_redis_is_looked_up(
    shop: Shop, redis_server: RedisServer, redis_url: str, after: bool
) -> None:
    with FaultProxy(redis_server.port) as proxy:
        url = redis_url.replace(str(redis_server.port), str(proxy.port))
        settings = Locks(table=None, redis_keys=("lock:*",), redis_url=Url(url))
        shop.context = msgspec.structs.replace(shop.context, locks=settings)
        number = int(redis_url.rpartition("/")[2])
        redis_server.cli("SET", "lock:a", "w:1", db=number)

        async def work(gate: Gate) -> Receipt:
            plan = await gate.plan(DrainLocks(worker="w", force=True))
            proxy.drop_on(b"EVAL", after=after)
            return await gate.apply(plan, YES)

        (result,) = shop.run(work).results
        gone = redis_server.cli("EXISTS", "lock:a", db=number) == "0"
    assert proxy.triggered == 1
    assert gone is after
    assert (result.state, result.text) == (
        (State.GONE, "is gone, by us or by somebody else") if after else (State.SKIPPED, "was not drained")
    )


def test_the_door_to_redis_runs_its_own_scripts_only(redis_url: str) -> None:
    async def work() -> None:
        writer = RedisWriter(Url(redis_url))
        await writer.open()
        with pytest.raises(PermissionError):
            await writer.run("return redis.call('FLUSHALL')", "x")
        with pytest.raises(PermissionError):
            await writer.pipeline([("DEL", "x")])
        await writer.close()

    asyncio.run(work())


def test_a_login_made_by_grants_may_drain_and_the_doctor_says_so(
    shop: Shop, keys: redis_client.Redis, redis_server: RedisServer, redis_url: str
) -> None:
    user = "op-" + secrets.token_hex(4)
    line = next(one for one in redis_lines(shop.context, user, "operator") if one.startswith("ACL"))
    assert redis_server.cli(*line.split()) == "OK"
    assert redis_server.cli("ACL", "SETUSER", user, ">pw") == "OK"
    try:
        shop.configure(redis_url=Url(redis_url.replace("redis://", f"redis://{user}:pw@")))
        told = [check for check in asyncio.run(actions(shop.context)) if "Redis" in check.text]
        assert [(check.mark, check.text) for check in told] == [(Mark.OK, f"drain-locks: {user} may in Redis")]
        keys.set("lock:a", "w_1:x", ex=60)
        assert done(shop.act(DrainLocks(worker="w_1", force=True))) == {"lock:a"}
        for command in ("DEL other", "SET lock:a x", "FLUSHALL", "LPUSH lock:a x"):
            assert redis_server.cli("ACL", "DRYRUN", user, *command.split()) != "OK"
        redis_server.cli("ACL", "SETUSER", user, "-del")
        told = [check for check in asyncio.run(actions(shop.context)) if "Redis" in check.text]
        assert [(check.mark, check.text) for check in told] == [
            (Mark.MISSING, f"drain-locks: {user} may not DEL in Redis")
        ]
    finally:
        redis_server.cli("ACL", "DELUSER", user)
