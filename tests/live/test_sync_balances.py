"""Starting a balance sync: sent once, by HTTP or as a Celery task, and followed until its effect is seen."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import redis as redis_client

from tests.lab.fault_proxy import FaultProxy
from tests.lab.fixtures import Vhost
from tests.lab.processes import free_port
from tests.lab.servers import Postgres as PostgresServer
from tests.lab.servers import Redis as RedisServer
from tests.lab.workers import CeleryWorker
from tests.live.acting import ALICE, YES, Shop, anew
from tests.live.sync_service import SyncService, serving
from unstick.actions import sync, sync_ways
from unstick.actions.gate import Gate
from unstick.backends import amqp_writes, http_writes
from unstick.backends.base import BackendError, UnsureError
from unstick.facts.actions import Actor, Outcome, Plan, Receipt, SyncBalances
from unstick.secret import Url
from unstick.settings import Celery, Redis, Sync

ORDER = SyncBalances()
TASK = "lab.add"


@pytest.fixture
def shop(standing_shop: str, postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(sync, "POLL_S", 0.05)
    monkeypatch.setattr(sync_ways, "SEND_S", 1.0)
    made = anew(postgres, standing_shop, tmp_path)
    made.configure(follow_s=0.6)
    return made


@pytest.fixture
def service(shop: Shop) -> Iterator[SyncService]:
    with serving() as running:
        shop.context = msgspec.structs.replace(shop.context, sync=Sync(url=Url(running.url)))
        yield running


def started(shop: Shop) -> Receipt:
    return shop.run(_start)


async def _start(gate: Gate) -> Receipt:
    return await gate.apply(await gate.plan(ORDER), YES)


def test_what_was_accepted_is_followed_to_its_effect(shop: Shop, service: SyncService) -> None:
    plan = shop.run(lambda gate: gate.plan(ORDER))
    assert plan.targets[0].change == "would be started"
    assert plan.targets[0].evidence[0] == "POST /sync-management/force-sync"
    receipt = started(shop)
    assert receipt.outcome is Outcome.APPLIED
    assert receipt.text.startswith("a sync succeeded at 20")
    assert receipt.text.endswith(", 3 of 500 updated")
    (post,) = service.posts
    assert post["idempotency-key"] == receipt.plan_id


CASES = [
    ("accept", False, Outcome.UNKNOWN, 'accepted (202: {"status": "accepted"}); no effect was seen after 0s'),
    ("half", True, Outcome.APPLIED, "a sync succeeded at"),
    ("409", False, Outcome.REFUSED, 'the service refused: 409: {"detail": "because"}'),
    ("404", False, Outcome.REFUSED, "the service refused: 404"),
    ("302", False, Outcome.REFUSED, "the service refused: 302"),
    ("429", False, Outcome.REFUSED, "the service refused: 429: slow down; try again in 1m30s"),
    ("500", True, Outcome.APPLIED, "a sync succeeded at"),
    ("500", False, Outcome.UNKNOWN, "sent, without an answer: the service said 500"),
    ("hang", True, Outcome.APPLIED, "a sync succeeded at"),
    ("hang", False, Outcome.UNKNOWN, "sent, without an answer: no complete answer within 1 s"),
    ("reset", True, Outcome.APPLIED, "a sync succeeded at"),
    ("reset", False, Outcome.UNKNOWN, "sent, without an answer: "),
]


@pytest.mark.parametrize(("way", "effect", "outcome", "words"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_every_answer_ends_in_the_right_outcome_and_is_sent_once(
    shop: Shop, service: SyncService, way: str, effect: bool, outcome: Outcome, words: str
) -> None:
    service.way, service.effect = way, effect
    receipt = started(shop)
    assert (receipt.outcome, receipt.text[: len(words)]) == (outcome, words)
    assert len(service.posts) == 1
    if outcome is Outcome.UNKNOWN:
        assert receipt.text.endswith(f"Look: curl {service.url}/sync-management/status")
    if way in {"hang", "reset", "500"} and effect:
        assert "without an answer" in receipt.text


def test_a_database_that_goes_while_it_is_followed_changes_no_verdict(shop: Shop, service: SyncService) -> None:
    service.way = "hang"

    async def work(gate: Gate) -> Receipt:
        applying = asyncio.ensure_future(gate.apply(await gate.plan(ORDER), YES))
        while not service.posts:
            await asyncio.sleep(0.01)
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'unstick %'"
        await asyncio.to_thread(shop.sql, f"{end} AND datname = current_database();")
        return await applying

    receipt = shop.run(work)
    assert receipt.outcome is Outcome.APPLIED
    assert len(service.posts) == 1


def test_who_can_not_be_reached_was_not_asked(shop: Shop, service: SyncService) -> None:
    async def work(gate: Gate) -> Receipt:
        plan = await gate.plan(ORDER)
        shop_way = gate._deeds[ORDER]._way  # type: ignore[attr-defined]
        shop_way._connection._url = Url(f"http://127.0.0.1:{free_port()}")
        return await gate.apply(plan, YES)

    receipt = shop.run(work)
    assert (receipt.outcome, receipt.text) == (Outcome.NOT_SENT, "nothing was changed: connection refused")
    assert service.posts == []


def test_a_server_that_hangs_up_before_it_is_asked_was_not_asked(
    shop: Shop, service: SyncService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_writes, "LISTEN_S", 0.7)
    with FaultProxy(int(service.url.rpartition(":")[2])) as proxy:
        proxy.reset()

        async def work(gate: Gate) -> Receipt:
            plan = await gate.plan(ORDER)
            gate._deeds[ORDER]._way._connection._url = Url(f"http://127.0.0.1:{proxy.port}")  # type: ignore[attr-defined]
            return await gate.apply(plan, YES)

        receipt = shop.run(work)
    assert receipt.outcome is Outcome.NOT_SENT
    assert service.posts == []


def test_one_at_a_time(shop: Shop, service: SyncService) -> None:
    service.running = True
    assert shop.run(lambda gate: gate.plan(ORDER)).refused == "a sync is running"
    service.running = False

    async def begins(gate: Gate) -> Receipt:
        plan = await gate.plan(ORDER)
        service.running = True
        return await gate.apply(plan, YES)

    assert shop.run(begins).text == "a sync is running"
    service.running, service.sick = False, True
    refused = shop.run(lambda gate: gate.plan(ORDER)).refused
    assert refused is not None
    assert refused.startswith("can't tell whether a sync is running: ")
    assert service.posts == []


def test_two_operators_send_one(shop: Shop, service: SyncService) -> None:
    service.effect = False
    bob = Actor("bob", "web-2")

    async def work(gate: Gate) -> list[Receipt]:
        other = shop.gate(bob)
        plans = [await gate.plan(ORDER), await other.plan(ORDER)]
        first = asyncio.ensure_future(gate.apply(plans[0], YES))
        while not service.posts:
            await asyncio.sleep(0.01)
        second = await other.apply(plans[1], YES)
        await other.close()
        return [await first, second]

    first, second = shop.run(work)
    assert first.outcome is Outcome.UNKNOWN
    assert second.text == f"sync-balances is in progress by {ALICE.shown}; look again"
    assert len(service.posts) == 1


def test_the_same_plan_is_sent_once(shop: Shop, service: SyncService) -> None:
    async def work(gate: Gate) -> tuple[Receipt, Receipt]:
        plan = await gate.plan(ORDER)
        return await gate.apply(plan, YES), await gate.apply(plan, YES)

    first, second = shop.run(work)
    assert first is second
    assert len(service.posts) == 1


def test_who_leaves_need_not_wait_for_the_effect(shop: Shop, service: SyncService) -> None:
    service.effect = False
    shop.configure(follow_s=600)

    async def work(gate: Gate) -> None:
        applying = asyncio.ensure_future(gate.apply(await gate.plan(ORDER), YES))
        while not service.posts:
            await asyncio.sleep(0.01)
        applying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await applying

    shop.run(work)
    *_, outcome = shop.audit.records()
    assert outcome["outcome"] == "unknown"
    assert "no effect was seen when it was followed no longer" in outcome["text"]


def test_an_intent_without_an_outcome_is_never_sent_again(shop: Shop, service: SyncService) -> None:
    item = {"kind": "sync", "place": "HTTP", "id": "balances", "before": {"last_success_at": 1.0, "newest_at": None}}
    shop.audit.write(
        {"v": 1, "record": "intent", "id": "x", "at": "then", "action": "sync-balances", "context": "shop", "xid": ""}
        | {"actor": {"user": "alice", "host": "web-1"}, "order": {"type": "sync-balances"}}
        | {"server": "", "servers": [], "items": [item]}
    )
    (receipt,) = shop.run(Gate.recover)
    assert receipt.outcome is Outcome.UNKNOWN
    assert "a sync has succeeded since" in receipt.text
    assert service.posts == []
    assert shop.run(Gate.recover) == []


@pytest.fixture
def cache(shop: Shop, redis_url: str) -> redis_client.Redis:
    """The balances of 500 users, as the database has them."""
    shop.context = msgspec.structs.replace(shop.context, redis=Redis(url=Url(redis_url)))
    client = redis_client.Redis.from_url(redis_url)
    rows = shop.sql("SELECT user_id, balance FROM user_balances;").splitlines()
    client.mset({f"balance:{user}": amount for user, amount in (row.split("|") for row in rows)})
    return client


def test_a_plan_lists_what_differs_and_by_how_much(
    shop: Shop, service: SyncService, cache: redis_client.Redis
) -> None:
    cache.mset({"balance:7": "1000000.25", "balance:9": "many"})
    cache.delete("balance:11")
    seven, eight = shop.sql("SELECT balance FROM user_balances WHERE user_id IN (7, 8) ORDER BY user_id;").split()
    cache.set("balance:8", str(float(eight) + 0.5))
    plan = shop.run(lambda gate: gate.plan(ORDER))
    assert plan.details == (
        f"balance:7: 1000000.25 in Redis, {seven} in PostgreSQL, differs by {1000000.25 - float(seven):.2f}",
        f"balance:8: {float(eight) + 0.5} in Redis, {eight} in PostgreSQL, differs by 0.50",
        "1: balance:11 is not in Redis",
        "1: balance:9 can't be read as a number",
    )
    assert plan.targets[0].evidence[-1] == f"2 of 500 balances differ, by {1000000.25 - float(seven):.2f} at most"
    cache.mset({f"balance:{user}": "-1" for user in range(100, 140)})
    cache.delete("balance:12", "balance:13")
    short = shop.run(lambda gate: gate.plan(ORDER))
    assert "22 more differ (--verbose lists them)" in short.details
    whole = shop.run(lambda gate: gate.plan(SyncBalances(verbose=True)))
    assert len(whole.details) == 42 + 3 + 1
    assert {f"balance:{user} is not in Redis" for user in (11, 12, 13)} < set(whole.details)
    cache.close()
    assert service.posts == []


def _celery(shop: Shop, url: str, **options: str) -> None:
    broker = Celery(url=Url(url), queues=("syncs",), key_prefix=options.get("prefix", ""))
    settings = Sync(task=TASK, task_queue="syncs", task_args=("1", "2"))
    shop.context = msgspec.structs.replace(shop.context, sync=settings, celery=(broker,))


def _when_done(results: redis_client.Redis, shop: Shop) -> threading.Thread:
    """Balances are synced when the task has run."""

    def wait() -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until and not results.keys("celery-task-meta-*"):
            time.sleep(0.02)
        shop.sql("UPDATE user_balances SET last_synced_at = now();")

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_a_real_celery_worker_runs_the_task_from_redis(shop: Shop, redis_url: str) -> None:
    prefix = "shop:"
    shop.configure(follow_s=60)
    _celery(shop, redis_url, prefix=prefix)
    with (
        redis_client.Redis.from_url(redis_url, decode_responses=True) as client,
        CeleryWorker(redis_url, ["syncs"], backend=redis_url, prefix=prefix),
    ):
        thread = _when_done(client, shop)
        receipt = started(shop)
        thread.join()
        assert receipt.outcome is Outcome.APPLIED
        assert receipt.text.startswith("rows were synced at 20")
        (key,) = client.scan_iter("*celery-task-meta-*")
        assert key.endswith(receipt.plan_id)
        assert '"result": "12"' in client.get(key)


def test_a_real_celery_worker_runs_the_task_from_rabbitmq(shop: Shop, vhost: Vhost, redis_url: str) -> None:
    shop.configure(follow_s=60)
    _celery(shop, vhost.amqp_url)
    with (
        redis_client.Redis.from_url(redis_url, decode_responses=True) as client,
        CeleryWorker(vhost.amqp_url, ["syncs"], backend=redis_url),
    ):
        thread = _when_done(client, shop)
        receipt = started(shop)
        thread.join()
        assert receipt.outcome is Outcome.APPLIED
        assert '"result": "12"' in client.get(f"celery-task-meta-{receipt.plan_id}")


def test_a_task_that_waits_or_runs_is_not_sent_again_on_redis(shop: Shop, redis_url: str) -> None:
    _celery(shop, redis_url)
    with redis_client.Redis.from_url(redis_url) as client:
        first = started(shop)
        assert first.outcome is Outcome.UNKNOWN
        assert first.text.startswith(f"sent as task {first.plan_id}; no effect was seen")
        assert started(shop).text == "lab.add waits in syncs already"
        assert client.llen("syncs") == 1
        message = client.rpop("syncs")
        client.hset("unacked", "tag", b"[" + message + b', "", "syncs"]')
        assert started(shop).text == "lab.add is with a worker: it runs"
        client.delete("unacked")

        async def race(gate: Gate) -> Receipt:
            plan = await gate.plan(ORDER)
            deed = gate._deeds[ORDER]
            look = deed._way.look  # type: ignore[attr-defined]

            async def look_then_somebody_sends() -> sync_ways.Ways:
                found: sync_ways.Ways = await look()
                client.lpush("syncs", message)
                return found

            deed._way.look = look_then_somebody_sends  # type: ignore[attr-defined]
            return await gate.apply(plan, YES)

        assert shop.run(race).text == "lab.add waits in syncs already"
        assert client.llen("syncs") == 1


@pytest.mark.parametrize("after", [False, True])
def test_a_lost_answer_of_redis_leaves_it_open(
    shop: Shop, redis_server: RedisServer, redis_url: str, after: bool
) -> None:
    with FaultProxy(redis_server.port) as proxy:
        _celery(shop, redis_url.replace(str(redis_server.port), str(proxy.port)))
        proxy.drop_on(b"EVAL", after=after)
        receipt = started(shop)
    assert receipt.outcome is Outcome.UNKNOWN
    assert int(redis_server.cli("LLEN", "syncs", db=int(redis_url.rpartition("/")[2]))) == int(after)


def test_a_queue_of_rabbitmq_must_be_there_empty_and_consumed(shop: Shop, vhost: Vhost) -> None:
    _celery(shop, vhost.amqp_url)

    def refused() -> str | None:
        plan: Plan = shop.run(lambda gate: gate.plan(ORDER))
        return plan.refused

    assert refused() == "no queue syncs on this broker"
    vhost.server.api("PUT", f"queues/{vhost.name}/syncs", {"durable": True})
    assert refused() == "nobody consumes syncs"
    body = {"properties": {}, "routing_key": "syncs", "payload": "x", "payload_encoding": "string"}
    vhost.server.api("POST", f"exchanges/{vhost.name}/amq.default/publish", body)
    assert refused() == "1 messages wait in syncs: the task may be among them"


@pytest.mark.parametrize("fault", ["lost", "gone"])
def test_what_rabbitmq_did_not_confirm(shop: Shop, vhost: Vhost, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue that is gone by then was not sent to; a confirmation that is lost leaves it open."""
    monkeypatch.setattr(amqp_writes, "CONFIRM_S", 10.0)
    port = int(vhost.amqp_url.rpartition(":")[2].partition("/")[0])
    vhost.server.api("PUT", f"queues/{vhost.name}/syncs", {"durable": True})
    with FaultProxy(port) as proxy:
        _celery(shop, vhost.amqp_url.replace(f":{port}/", f":{proxy.port}/"))
        publisher = amqp_writes.AmqpPublisher(Url(vhost.amqp_url.replace(f":{port}/", f":{proxy.port}/")))

        async def publish() -> Outcome:
            settings = shop.context.sync
            assert settings is not None
            way = sync_ways.ByAmqp(publisher._url, settings, TASK, "here")
            try:
                await way.look()
                if fault == "lost":
                    proxy.drop_on(b"lab.add", after=True)
                else:
                    vhost.server.api("DELETE", f"queues/{vhost.name}/syncs")
                await way.send("1")
            except UnsureError:
                return Outcome.UNKNOWN
            except BackendError:
                return Outcome.NOT_SENT
            finally:
                await way.close()
            return Outcome.APPLIED

        assert asyncio.run(publish()) is (Outcome.UNKNOWN if fault == "lost" else Outcome.NOT_SENT)


def test_what_is_not_configured_is_refused(shop: Shop) -> None:
    def refused() -> str | None:
        return shop.run(lambda gate: gate.plan(ORDER)).refused

    assert refused() == "no balance sync is configured; describe it in [sync]"
    shop.context = msgspec.structs.replace(shop.context, sync=Sync())
    assert refused() == "nothing tells how to start a sync; set sync.url or sync.task"
    shop.context = msgspec.structs.replace(shop.context, sync=Sync(task=TASK, task_broker="other"))
    assert refused() == "sync.task has no broker; name a [[celery]] entry in sync.task_broker"
