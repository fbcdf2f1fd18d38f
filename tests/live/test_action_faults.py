"""Actions while things break: the link, the process, the clock, other operators, workers in the way."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import pytest

from tests.lab.fault_proxy import FaultProxy
from tests.lab.processes import wait_until
from tests.lab.servers import Postgres as PostgresServer
from tests.live.acting import ALICE, YES, Shop, done, targets
from tests.live.cuts import cut, pressed_at_once, sessions, slow
from unstick import clock
from unstick.actions.actor import present
from unstick.actions.gate import Gate
from unstick.backends import postgres_writes
from unstick.backends.base import BackendError
from unstick.facts.actions import DrainLocks, FreeProxies, Outcome, Plan, Receipt
from unstick.secret import Url

ALL = FreeProxies()
CUTS, ROUNDS, OPERATORS = 20, 10, 8


@pytest.fixture
def proxy(postgres: PostgresServer) -> Iterator[FaultProxy]:
    with FaultProxy(postgres.port) as found:
        yield found


def test_a_cut_connection_ends_in_the_right_verdict(shop: Shop, proxy: FaultProxy) -> None:
    tally = asyncio.run(cut(shop, proxy, CUTS, seed=1))
    assert tally.wrong == []
    assert tally.struck > CUTS // 2
    assert tally.outcomes["applied"] >= CUTS // 4
    assert tally.outcomes["not sent"] >= CUTS // 4
    assert "unknown" not in tally.outcomes


def test_eight_operators_press_at_once_and_each_row_is_freed_once(shop: Shop) -> None:
    tally = asyncio.run(pressed_at_once(shop, OPERATORS, ROUNDS))
    assert tally.wrong == []
    assert tally.outcomes["applied"] == ROUNDS
    assert sum(tally.outcomes.values()) == ROUNDS * OPERATORS


def test_a_frozen_link_keeps_nobody_waiting_and_is_resolved(own_shop: Shop, proxy: FaultProxy) -> None:
    """The client hangs while the tables are locked: the server throws it out, and a worker goes on."""
    own_shop.hold("gone_1", 1)
    slow(own_shop, 0.5, at_commit=False)
    through = own_shop.url.rpartition("@")[0] + f"@127.0.0.1:{proxy.port}/" + own_shop.url.rpartition("/")[2]
    own_shop.configure(postgres_url=Url(through))
    claim = "UPDATE catalog_tasks SET status = 'processing', worker_id = 'w' WHERE id = 70"

    async def work(gate: Gate) -> tuple[Receipt, str]:
        plan = await own_shop.decided(gate, ALL)
        applying = asyncio.ensure_future(gate.apply(plan, YES))
        await asyncio.to_thread(
            lambda: wait_until(lambda: sessions(own_shop, "wait_event = 'PgSleep'") > 0, 30, "the update")
        )
        proxy.freeze()
        worker = await asyncpg.connect(own_shop.url, server_settings={"lock_timeout": "20s"})
        said = await worker.execute(claim)
        await worker.close()
        proxy.clear()
        return await applying, said

    receipt, said = own_shop.run(work)
    assert said == "UPDATE 1"
    assert receipt.outcome is Outcome.NOT_SENT
    assert own_shop.held() == {"1"}


def test_a_connection_that_was_ended_under_the_preview_frees_once(shop: Shop) -> None:
    """Whoever hears of the end before he sends anything connects anew; whoever does not says that nothing was sent."""
    shop.hold("gone_1", 1)
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'unstick %'"

    async def work(gate: Gate) -> tuple[Receipt, set[str], Receipt]:
        plan = await shop.decided(gate, ALL)
        await asyncio.to_thread(shop.sql, f"{end} AND datname = current_database();")
        lost, held = await gate.apply(plan, YES), shop.held()
        return lost, held, await gate.apply(await gate.plan(ALL), YES)

    lost, held, after = shop.run(work)
    told = {Outcome.NOT_SENT: ({"1"}, Outcome.APPLIED), Outcome.APPLIED: (set(), Outcome.NOTHING)}
    assert (held, after.outcome) == told[lost.outcome]
    assert shop.held() == set()


def test_a_panic_file_that_comes_between_two_attempts_ends_them(shop: Shop) -> None:
    shop.hold("gone_1", 1)

    async def work(gate: Gate) -> Receipt:
        plan = await shop.decided(gate, ALL)
        other = await asyncpg.connect(shop.url)
        transaction = other.transaction()
        await transaction.start()
        await other.execute("LOCK TABLE catalog_tasks IN EXCLUSIVE MODE")
        applying = asyncio.ensure_future(gate.apply(plan, YES))
        while not shop.audit.unfinished():
            await asyncio.sleep(0.005)
        (shop.folder / "panic").touch()
        receipt = await applying
        await transaction.rollback()
        await other.close()
        return receipt

    receipt = shop.run(work)
    assert (receipt.outcome, "the panic file" in receipt.text) == (Outcome.REFUSED, True)


def test_a_row_that_somebody_is_changing_is_left_to_him(shop: Shop) -> None:
    shop.hold("gone_1", 1, 2)

    async def work(gate: Gate) -> Receipt:
        plan = await shop.decided(gate, ALL)
        other = await asyncpg.connect(shop.url)
        transaction = other.transaction()
        await transaction.start()
        await other.execute("UPDATE proxies SET address = 'x' WHERE id = 1")
        receipt = await gate.apply(plan, YES)
        await transaction.rollback()
        await other.close()
        return receipt

    receipt = shop.run(work)
    assert {result.id: result.text for result in receipt.results} == {
        "1": "somebody is changing it at this moment",
        "2": "freed",
    }


def test_a_lock_that_somebody_is_changing_is_left_to_him(shop: Shop) -> None:
    shop.sql(
        "INSERT INTO dashboard_tasklock (id, kind, task_id, worker_id, expires_at)"
        " VALUES (1, 'a', 1, 'w', now() - interval '1 hour');"
    )

    async def work(gate: Gate) -> Receipt:
        plan = await gate.plan(DrainLocks())
        other = await asyncpg.connect(shop.url, server_settings={"application_name": "renewing"})
        transaction = other.transaction()
        await transaction.start()
        await other.execute("UPDATE dashboard_tasklock SET expires_at = now() WHERE id = 1")
        receipt = await gate.apply(plan, YES)
        await transaction.rollback()
        await other.close()
        return receipt

    receipt = shop.run(work)
    assert receipt.outcome is Outcome.REFUSED
    assert "dashboard_tasklock by renewing (pid " in receipt.text
    assert shop.sql("SELECT count(*) FROM dashboard_tasklock;") == "1"


def test_a_worker_waits_no_longer_than_the_lock_timeout(shop: Shop) -> None:
    """While somebody keeps a task table busy, the apply gives up; who queued behind it went on at once."""
    shop.hold("gone_1", 1)
    shop.configure(lock_timeout_s=0.2)

    async def work(gate: Gate) -> tuple[Receipt, int]:
        plan = await shop.decided(gate, ALL)
        writer = await asyncpg.connect(shop.url, server_settings={"application_name": "long writer"})
        worker = await asyncpg.connect(shop.url, server_settings={"lock_timeout": "15s"})
        transaction = writer.transaction()
        await transaction.start()
        await writer.execute("UPDATE catalog_tasks SET url = 'x' WHERE id = 71")
        applying = asyncio.ensure_future(gate.apply(plan, YES))
        claims = 0
        while not applying.done():
            await worker.execute("UPDATE catalog_tasks SET heartbeat_at = now() WHERE id = 70")
            claims += 1
        receipt = await applying
        await transaction.rollback()
        await writer.close()
        await worker.close()
        return receipt, claims

    receipt, claims = shop.run(work)
    assert receipt.outcome is Outcome.REFUSED
    assert "others keep the tables locked: catalog_tasks by long writer (pid " in receipt.text
    assert claims > 1
    assert shop.held() == {"1"}


HELD_UP = """
CREATE TABLE held_up AS SELECT 1 AS n;
CREATE FUNCTION waiting() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  WHILE EXISTS (SELECT FROM held_up) LOOP PERFORM pg_sleep(0.02); END LOOP; RETURN new;
END $$;
CREATE TRIGGER waiting AFTER UPDATE ON proxies FOR EACH ROW EXECUTE FUNCTION waiting();
"""
"""Freeing takes until nothing stands in ``held_up`` any more."""


def test_while_it_is_applied_no_worker_takes_a_task_and_nothing_of_the_gate_comes_between(
    own_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_writes, "STATEMENT_LOCKED_MS", 60_000)
    own_shop.hold("gone_1", 1)
    own_shop.sql(HELD_UP)
    own_shop.audit.write(
        {
            "v": 1,
            "record": "intent",
            "id": "cut",
            "at": "then",
            "action": "free-proxies",
            "context": "shop",
            "xid": "3",
        }
        | {"actor": {"user": ALICE.user, "host": "elsewhere"}, "order": {"type": "free-proxies"}}
        | {"server": own_shop.plan(ALL).servers[0].identity, "servers": [], "items": []}
    )
    claim = "UPDATE {} SET status = 'processing', worker_id = 'gone_1' WHERE id = 70"

    async def work(gate: Gate) -> tuple[Receipt, list[Receipt]]:
        plan = await own_shop.decided(gate, ALL)
        worker = await asyncpg.connect(own_shop.url, server_settings={"lock_timeout": "50ms"})
        applying = asyncio.ensure_future(gate.apply(plan, YES))
        while not await worker.fetchval("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"):
            assert not applying.done()
        for table in ("catalog_tasks", "object_tasks"):
            with pytest.raises(asyncpg.LockNotAvailableError):
                await worker.execute(claim.format(table))
        recovering = asyncio.ensure_future(gate.recover())
        await asyncio.sleep(0.2)
        await worker.execute("DELETE FROM held_up")
        receipt = await applying
        await worker.execute(claim.format("catalog_tasks"))
        await worker.close()
        return receipt, await recovering

    receipt, recovered = own_shop.run(work)
    assert receipt.outcome is Outcome.APPLIED
    assert "cut" in [one.plan_id for one in recovered]


def test_a_statement_that_takes_too_long_under_the_locks_is_given_up(
    own_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_writes, "STATEMENT_LOCKED_MS", 200)
    own_shop.hold("gone_1", 1)
    slow(own_shop, 3.0, at_commit=False)
    receipt = own_shop.act(ALL)
    assert receipt.outcome is Outcome.NOT_SENT
    assert "statement timeout" in receipt.text
    assert own_shop.held() == {"1"}


def test_under_the_locks_limits_are_tighter(shop: Shop) -> None:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "row_security")

    async def work() -> list[list[str]]:
        writer = postgres_writes.PostgresWriter(Url(shop.url), application="unstick", lock_timeout_s=0.1)
        await writer.open()
        told = []
        async with writer.writing() as writing:
            told.append([(await writing.rows(f"SHOW {name}"))[0][name] for name in names])
            await writing.locking('"catalog_tasks"', "SHARE", 0.05)
            told.append([(await writing.rows(f"SHOW {name}"))[0][name] for name in names])
        await writer.close()
        return told

    assert asyncio.run(work()) == [["5s", "100ms", "5s", "off"], ["2s", "50ms", "1s", "off"]]


@pytest.mark.parametrize("lost", ["rolled back", "another link"])
def test_no_statement_runs_outside_its_transaction(shop: Shop, lost: str) -> None:
    async def work() -> None:
        writer = postgres_writes.PostgresWriter(Url(shop.url), application="unstick", lock_timeout_s=0.1)
        await writer.open()
        async with writer.writing() as writing:
            if lost == "rolled back":
                await writer.end()
            else:
                writer.abort()
                await writer.open()
            with pytest.raises(BackendError, match="the connection was closed"):
                await writing.rows("UPDATE proxies SET is_in_use = true, worker_id = 'x' WHERE id = 1 RETURNING id")
        await writer.close()

    asyncio.run(work())
    assert "1" not in shop.held()


def test_who_acts_at_this_moment_is_named(shop: Shop) -> None:
    shop.hold("gone_1", 1)

    async def work(gate: Gate) -> tuple[Receipt, Receipt]:
        plan = await shop.decided(gate, ALL)
        other = await asyncpg.connect(shop.url, server_settings={"application_name": "unstick bob@web-2"})
        await other.execute("SELECT pg_advisory_lock(hashtextextended('unstick free-proxies', 0))")
        drained = await gate.apply(await gate.plan(DrainLocks()), YES)
        refused = await gate.apply(plan, YES)
        await other.close()
        return refused, drained

    refused, drained = shop.run(work)
    assert (refused.outcome, refused.text) == (
        Outcome.REFUSED,
        "free-proxies is in progress by bob@web-2; look again",
    )
    assert drained.outcome is Outcome.NOTHING
    assert shop.held() == {"1"}


@pytest.mark.parametrize("off", [-3600.0, 3600.0])
def test_a_clock_that_is_an_hour_off_changes_no_verdict(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, off: float
) -> None:
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + off)
    shop.hold("gone_1", 1)
    shop.hold("here_1", 2)
    shop.work("here_1", 70)
    shop.hold("fresh_1", 3, ago="90 seconds")
    shop.sql(
        "INSERT INTO dashboard_tasklock (id, kind, task_id, worker_id, expires_at)"
        " VALUES (1, 'a', 1, 'w', now() - interval '1 minute'), (2, 'a', 2, 'w', now() + interval '50 minutes');"
    )
    assert done(shop.act(ALL)) == {"1"}
    assert done(shop.act(DrainLocks())) == {"1"}
    assert shop.held() == {"2", "3"}


def killed(shop: Shop, command: Callable[[], subprocess.Popen[bytes]], waiting: str) -> None:
    """Starts an apply, kills it while the server is busy for it, and waits until the server is done with it."""
    with command() as process:
        try:
            wait_until(lambda: sessions(shop, waiting) > 0, 60, "the apply")
        finally:
            process.send_signal(signal.SIGKILL)
    wait_until(lambda: sessions(shop, "true") == 0, 30, "the end of its session")


@pytest.fixture
def start(own_shop: Shop) -> Callable[[], subprocess.Popen[bytes]]:
    """Starts ``unstick free-proxies --yes`` in a process of its own."""
    config = own_shop.folder / "unstick.toml"
    config.write_text(
        f'config_version = 1\n[context.shop.postgres]\nurl = "{own_shop.url}"\n[context.shop.crawler]\n'
        f'[context.shop.actions]\naudit = "{own_shop.folder}/audit.jsonl"\npanic_file = ""\n'
    )
    config.chmod(0o600)
    arguments = [sys.executable, "-m", "unstick", "free-proxies", "-c", str(config), "--yes"]
    quiet: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    return lambda: subprocess.Popen(arguments, env=os.environ | {"PYTHONPATH": "src"}, **quiet)


@pytest.mark.parametrize("at_commit", [False, True])
def test_after_a_kill_the_state_is_before_or_after_and_the_next_start_says_which(
    own_shop: Shop, start: Callable[[], subprocess.Popen[bytes]], at_commit: bool
) -> None:
    own_shop.hold("gone_1", 1, 2)
    slow(own_shop, 0.6, at_commit=at_commit)
    killed(own_shop, start, "wait_event = 'PgSleep'" + (" AND query = 'COMMIT'" if at_commit else ""))
    assert own_shop.held() == (set() if at_commit else {"1", "2"})
    assert own_shop.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';") == "0"
    assert len(own_shop.audit.unfinished()) == 1
    own_shop.sql("DROP TRIGGER slow ON proxies;")

    async def next_start(gate: Gate) -> tuple[list[Receipt], list[Receipt], Plan]:
        return await gate.recover(), await gate.recover(), await own_shop.decided(gate, ALL)

    (receipt,), again, plan = own_shop.run(next_start)
    assert again == []
    assert own_shop.audit.unfinished() == []
    user = present({})
    assert receipt.text.startswith(f"free-proxies by {user.shown} at 20")
    if at_commit:
        assert receipt.outcome is Outcome.APPLIED
        assert receipt.text.endswith("was cut off; 2 proxies freed")
        assert done(receipt) == {"1", "2"}
        assert plan.targets == ()
    else:
        assert receipt.outcome is Outcome.NOT_SENT
        assert receipt.text.endswith("was cut off before its commit: the server undid it")
        assert targets(plan) == {"1", "2"}


def test_an_action_of_a_process_that_runs_is_left_to_it(shop: Shop) -> None:
    shop.hold("gone_1", 1)
    me = present({})
    shop.audit.write(
        {"v": 1, "record": "intent", "id": "x", "at": "now", "action": "free-proxies", "context": "shop", "xid": "1"}
        | {"actor": {"user": me.user, "host": me.host, "pid": me.pid, "process": me.process}}
        | {"order": {"type": "free-proxies"}, "server": "", "servers": [], "items": []}
    )
    assert shop.run(Gate.recover) == []
    assert len(shop.audit.unfinished()) == 1


def test_an_intent_that_no_server_remembers_is_said_and_closed(shop: Shop) -> None:
    shop.hold("gone_1", 1)
    server = shop.plan(ALL).servers[0].identity
    item = {"kind": "proxy", "place": "proxies", "id": "1", "holder": "gone_1", "version": "5"}
    for name, xid, identity in (("old", "999999999999", "7/1/1"), ("rolled back", "3", server)):
        shop.audit.write(
            {"v": 1, "record": "intent", "id": name, "at": "then", "action": "free-proxies", "context": "shop"}
            | {"actor": {"user": ALICE.user, "host": ALICE.host}, "order": {"type": "free-proxies"}}
            | {"server": identity, "servers": [], "items": [item], "xid": xid}
        )
    first, second = shop.run(Gate.recover)
    assert first.outcome is Outcome.UNKNOWN
    assert first.text == (
        "free-proxies by alice@web-1 at then was cut off; whether it was committed can't be found out:"
        " another server answers now (a failover?)"
    )
    assert second.outcome is not Outcome.APPLIED
    assert shop.audit.unfinished() == []


def test_an_action_that_is_not_configured_any_more_is_told_once(shop: Shop) -> None:
    shop.audit.write(
        {"v": 1, "record": "intent", "id": "x", "at": "then", "action": "purge", "context": "shop", "items": []}
        | {"actor": {"user": "bob", "host": "web-9"}, "order": {"type": "own", "name": "purge"}}
    )
    (receipt,) = shop.run(Gate.recover)
    assert receipt.outcome is Outcome.UNKNOWN
    assert receipt.text == (
        "purge by bob@web-9 at then was cut off; whether it was applied can't be found out:"
        " no action of your own is called purge; known: none"
    )
    assert shop.run(Gate.recover) == []


def test_a_torn_line_of_the_audit_log_hides_no_other(shop: Shop) -> None:
    shop.hold("gone_1", 1)
    path = shop.folder / "audit.jsonl"
    path.write_bytes(b'{"v":1,"record":"inte')
    assert shop.act(ALL).outcome is Outcome.APPLIED
    assert [record["record"] for record in shop.audit.records()] == ["intent", "outcome"]
    assert path.read_bytes().splitlines()[0] == b'{"v":1,"record":"inte'


def test_ctrl_c_in_mid_apply_prints_the_receipt(own_shop: Shop, start: Callable[[], subprocess.Popen[bytes]]) -> None:
    own_shop.hold("gone_1", 1)
    slow(own_shop, 1.2, at_commit=True)
    with start() as process:
        try:
            wait_until(
                lambda: sessions(own_shop, "query = 'COMMIT' AND wait_event = 'PgSleep'") > 0, 60, "the commit"
            )
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert out.decode().startswith("applied: 1 proxy freed\n")


def test_who_is_cancelled_in_mid_apply_has_applied(own_shop: Shop) -> None:
    """Ctrl+C, or a board that is closed: the outcome is waited for and written down."""
    own_shop.hold("gone_1", 1)
    slow(own_shop, 1.2, at_commit=True)

    async def work(gate: Gate) -> None:
        plan = await own_shop.decided(gate, ALL)
        applying = asyncio.ensure_future(gate.apply(plan, YES))
        await asyncio.to_thread(lambda: wait_until(lambda: sessions(own_shop, "query = 'COMMIT'") > 0, 30, "commit"))
        applying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await applying

    own_shop.run(work)
    assert own_shop.held() == set()
    assert [record["record"] for record in own_shop.audit.records()] == ["intent", "outcome"]
