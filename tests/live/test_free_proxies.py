"""Freeing what the dead hold, on a real PostgreSQL: what is freed, what stays and why, and what is written down."""

from __future__ import annotations

import asyncio
import json
import secrets
import stat
from pathlib import Path

import msgspec
import pytest

from tests.lab.servers import Postgres as PostgresServer
from tests.live.acting import YES, Shop, ageless, done, targets
from unstick.actions import proxy_run
from unstick.actions.gate import Gate
from unstick.actions.proxy_run import Run
from unstick.backends.base import BackendError
from unstick.cli.checkup.actions import actions
from unstick.cli.checkup.check import Mark
from unstick.cli.grants import postgres_lines
from unstick.facts.actions import Confirmation, FreeProxies, Outcome, Plan, Receipt, State, Undo
from unstick.facts.reading import TroubleKind
from unstick.facts.text import clean
from unstick.secret import Url
from unstick.settings import Crawler, TaskTable, Thresholds

ALL = FreeProxies()


def why(plan: Plan, proxy: int) -> str:
    return next(left.why for left in plan.left if left.id == str(proxy))


def test_only_the_dead_lose_what_they_hold(shop: Shop) -> None:
    shop.hold("gone_1", 1)
    shop.hold("gone_2", 2, 3)
    shop.hold("here_1", 4)
    shop.hold("here_2", 5)
    shop.hold("here_3", 6, ago="10 seconds")
    shop.hold(None, 7)
    shop.work("here_1", 70)
    shop.work("here_2", 70, table="object_tasks", beat="2 hours")
    shop.work("gone_2", 71, table="object_tasks", beat="2 hours")
    shop.sql("UPDATE object_tasks SET status = 'done' WHERE id = 71;")
    receipt = shop.act(ALL)
    assert receipt.outcome is Outcome.APPLIED
    assert done(receipt) == {"1", "2", "3"}
    assert shop.held() == {"4", "5", "6", "7"}
    assert shop.sql("SELECT id FROM proxies WHERE id <= 7 AND worker_id IS NULL ORDER BY id;").split() == [
        *("1", "2", "3", "7")
    ]
    assert receipt.text == "3 proxies freed"
    assert shop.act(ALL).outcome is Outcome.NOTHING


def test_every_row_that_stays_says_why(shop: Shop) -> None:
    shop.hold("here_1", 1)
    shop.work("here_1", 70)
    shop.hold("young_1", 2, ago="30 seconds")
    shop.hold(None, 3)
    shop.hold("ahead_1", 4)
    shop.work("ahead_1", 71, beat="-1 hour")
    shop.sql("UPDATE catalog_tasks SET status = 'done' WHERE id = 71;")
    plan = shop.plan(ALL)
    assert targets(plan) == set()
    assert ageless(why(plan, 2)) == "its worker gave a sign of life just ago, within the grace of 2m00s"
    assert why(plan, 3).startswith("no worker is named")
    assert "from now, within the grace" in why(plan, 4)
    assert "1 more are held by workers with processing tasks" in plan.notes
    named = shop.plan(FreeProxies(worker="here_1"))
    assert why(named, 1) == "its worker processes 1 task"
    receipt = shop.act(FreeProxies(worker="here_1"))
    assert receipt.outcome is Outcome.REFUSED
    assert receipt.text == "proxy 1 of here_1 stays: its worker processes 1 task"


def test_evidence_says_what_the_decision_rests_on(shop: Shop) -> None:
    shop.hold("8b4f59aa_1", 1)
    shop.hold("b77514be_1", 2)
    shop.work("b77514be_9", 70)
    plan = shop.plan(ALL)
    assert {target.id: target.evidence for target in plan.targets} == {
        "1": (
            "no processing task",
            "last sign of life 1h00m ago",
            "row unchanged for 1h00m",
            "container 8b4f59aa gives no sign of life",
        ),
        "2": (
            "no processing task",
            "last sign of life 1h00m ago",
            "row unchanged for 1h00m",
            "container b77514be still works",
        ),
    }
    assert plan.servers[0].role == "lab"
    assert plan.notes[0] == shop.sql(
        "SELECT format('pool: %s proxies, 2 in use, %s blocked, %s free', count(*),"
        " count(*) FILTER (WHERE is_blocked AND NOT is_in_use), count(*) FILTER (WHERE NOT is_blocked AND NOT is_in_use))"
        " FROM proxies;"
    )


def test_one_look_is_not_enough(shop: Shop) -> None:
    shop.hold("gone_1", 1)
    first, second, third = shop.run(lambda gate: shop.looks(gate, ALL, 1, 1.5))
    assert first.targets == second.targets == ()
    assert first.again_s == second.again_s == 2
    assert targets(third) == {"1"}


def test_a_row_that_is_written_between_the_looks_begins_anew(shop: Shop) -> None:
    shop.hold("gone_1", 1)

    async def work(gate: Gate) -> Plan:
        await gate.plan(ALL)
        await asyncio.to_thread(shop.sql, "UPDATE proxies SET address = address || ' ' WHERE id = 1;")
        shop.ticks.at += 3
        return await gate.plan(ALL)

    assert shop.run(work).targets == ()


def test_where_commits_are_dated_one_look_is_enough(tmp_path: Path) -> None:
    schema = (Path(__file__).parents[2] / "demo_data" / "schema.sql").read_text()
    with PostgresServer() as server:
        server.psql("ALTER SYSTEM SET track_commit_timestamp = on;")
        server.restart()
        server.psql(schema + "INSERT INTO proxies (address) VALUES ('a'), ('b');", "postgres")
        shop = Shop(server, server.database_url("postgres"), tmp_path)
        shop.hold("gone_1", 1, 2)
        one = shop.run(lambda gate: gate.plan(ALL))
        assert ageless(why(one, 1)) == "its worker gave a sign of life just ago, within the grace of 2m00s"
        shop.context = msgspec.structs.replace(shop.context, thresholds=Thresholds(grace_s=0.2))
        shop.configure(unchanged_s=0.3)
        shop.sql("SELECT pg_sleep(0.5);")
        shop.sql("UPDATE proxies SET address = 'c' WHERE id = 2;")
        again = shop.run(lambda gate: gate.plan(ALL))
        assert targets(again) <= {"1"}
        shop.sql("SELECT pg_sleep(0.5);")
        assert targets(shop.run(lambda gate: gate.plan(ALL))) == {"1", "2"}


def test_a_column_that_is_not_kept_up_to_date_proves_nothing(shop: Shop) -> None:
    """Whoever takes a proxy without writing changed_at is betrayed by rows that were written before it."""
    shop.sql("UPDATE proxies SET updated_at = now() WHERE id = 50;")
    shop.sql("UPDATE proxies SET is_in_use = true, worker_id = 'fresh_1' WHERE id = 1;")
    plan = shop.plan(ALL)
    assert plan.targets == ()
    assert "gave a sign of life" in why(plan, 1)


def test_without_any_date_rows_are_watched(shop: Shop) -> None:
    shop.context = msgspec.structs.replace(shop.context, crawler=Crawler(changed_at=None))
    shop.hold("gone_1", 1)
    shop.hold("here_7", 2)
    shop.work("here_1", 70)
    first, second, third = shop.run(lambda gate: shop.looks(gate, ALL, 60, 61))
    assert first.targets == second.targets == ()
    assert first.again_s == 120
    assert second.again_s == 60
    assert targets(third) == {"1"}
    assert why(third, 2) == "nothing tells when its worker last lived, and container here still works"


def test_a_schema_that_dates_nothing_is_refused(shop: Shop) -> None:
    silent = (TaskTable("catalog_tasks", heartbeat=None), TaskTable("object_tasks"))
    shop.context = msgspec.structs.replace(shop.context, crawler=Crawler(changed_at=None, tasks=silent))
    shop.hold("gone_1", 1)
    assert why(shop.plan(ALL), 1) == "nothing dates what its worker does; map heartbeat or changed_at"


def test_a_container_is_matched_by_its_name_and_nothing_like_it(shop: Shop) -> None:
    for number, worker in enumerate(("8b4f59aa_1", "8b4f59aaX2", "8b4f59aa_eu_3", "8b4f59a_4", "8b4f59aa%5"), 1):
        shop.hold(worker, number)
    assert targets(shop.plan(FreeProxies(container="8b4f59aa"))) == {"1"}
    assert targets(shop.plan(FreeProxies(container="8b4f59aa_eu"))) == {"3"}
    assert targets(shop.plan(FreeProxies(container="%"))) == set()
    assert targets(shop.plan(FreeProxies(worker="8b4f59aa%5"))) == {"5"}
    assert targets(shop.plan(FreeProxies(worker="8b4f59aa_"))) == set()


HOSTILE = (
    "%_%",
    "o'br\"ien_1",
    "[@click=app.quit]x[/]_1",
    "a\x1b[2Jb_1",
    "'; DROP TABLE proxies;--_1",
    "\u202eevil_1",
)


def test_hostile_ids_are_data(shop: Shop) -> None:
    for number, worker in enumerate(HOSTILE, 1):
        shop.hold(worker, number)
    shop.hold("here_1", 50)
    shop.work("here_1", 70)
    plan = shop.plan(ALL)
    assert targets(plan) == {str(number) for number in range(1, len(HOSTILE) + 1)}
    assert not any("\x1b" in target.holder or "\u202e" in target.holder for target in plan.targets)
    for number, worker in enumerate(HOSTILE, 1):
        assert targets(shop.plan(FreeProxies(worker=worker))) == {str(number)}
        assert targets(shop.plan(FreeProxies(worker=clean(worker)))) == {str(number)}
        container = worker.rpartition("_")[0]
        assert targets(shop.plan(FreeProxies(container=clean(container)))) == {str(number)}
    assert done(shop.act(ALL)) == targets(plan)
    assert shop.held() == {"50"}
    written = {item["holder"] for record in shop.audit.records() for item in record.get("items", ())}
    assert set(HOSTILE) <= written


def test_between_plan_and_apply_rows_may_be_saved_never_added(shop: Shop) -> None:
    for number in range(1, 8):
        shop.hold(f"gone_{number}", number)

    async def work(gate: Gate) -> Receipt:
        plan = await shop.decided(gate, ALL)
        assert targets(plan) == {"1", "2", "3", "4", "5", "6", "7"}
        await asyncio.to_thread(_meanwhile, shop)
        return await gate.apply(plan, YES)

    receipt = shop.run(work)
    assert receipt.outcome is Outcome.PARTIAL
    assert {result.id: (result.state, ageless(result.text)) for result in receipt.results} == {
        "1": (State.SKIPPED, "its worker processes 1 again"),
        "2": (State.SKIPPED, "is free already"),
        "3": (State.SKIPPED, "is held by other_1 now"),
        "4": (State.GONE, "is no longer there"),
        "5": (State.SKIPPED, "its row was written since the plan"),
        "6": (State.SKIPPED, "its worker gave a sign of life just ago"),
        "7": (State.DONE, "freed"),
    }
    assert shop.held() == {"1", "3", "5", "6", "9"}
    assert receipt.text == "1 proxy freed, 5 skipped, 1 gone"


def test_the_statement_itself_checks_once_more(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the look under the locks overlooked."""
    monkeypatch.setattr(Run, "_lives", lambda *_: None)
    monkeypatch.setattr(proxy_run, "_moved", lambda *_: None)
    for number in range(1, 5):
        shop.hold(f"gone_{number}", number)

    async def work(gate: Gate) -> Receipt:
        plan = await shop.decided(gate, ALL)
        await asyncio.to_thread(shop.work, "gone_1", 70, table="object_tasks")
        await asyncio.to_thread(shop.sql, "UPDATE proxies SET address = address || ' ' WHERE id = 2;")
        await asyncio.to_thread(shop.sql, "UPDATE proxies SET is_in_use = false WHERE id = 3;")
        return await gate.apply(plan, YES)

    receipt = shop.run(work)
    late = "changed at the last moment"
    assert [result.text for result in receipt.results] == [late, late, late, "freed"]
    assert shop.held() == {"1", "2"}


def test_what_the_gate_refused_stays_refused(shop: Shop) -> None:
    shop.hold("gone_1", 1)

    async def work(gate: Gate) -> Receipt:
        plan = await shop.decided(gate, ALL)
        draft, deed, made = gate._drafts[plan.id]
        standby = msgspec.structs.replace(plan, refused="this server is a standby: it accepts no changes")
        gate._drafts[plan.id] = msgspec.structs.replace(draft, plan=standby), deed, made
        return await gate.apply(plan, YES)

    assert shop.run(work).text == "this server is a standby: it accepts no changes"
    assert shop.held() == {"1"}


def _meanwhile(shop: Shop) -> None:
    shop.work("gone_1", 70)
    shop.sql("UPDATE proxies SET is_in_use = false WHERE id = 2;")
    shop.hold("other_1", 3, ago="0 seconds")
    shop.sql("DELETE FROM proxies WHERE id = 4;")
    shop.sql("UPDATE proxies SET address = address || ' ' WHERE id = 5;")
    shop.work("gone_6", 71, table="object_tasks", beat="0 seconds")
    shop.sql("UPDATE object_tasks SET status = 'done' WHERE id = 71;")
    shop.hold("gone_9", 9)


def test_expired_tasks_go_back_together_with_the_proxies(shop: Shop) -> None:
    shop.hold("gone_1", 1)
    shop.work("gone_1", 70, beat="1 hour")
    shop.work("gone_1", 70, table="object_tasks", beat="2 hours")
    shop.hold("half_1", 2)
    shop.work("half_1", 71, beat="1 hour")
    shop.work("half_1", 72, beat="3 seconds")
    shop.hold("mute_1", 3)
    shop.work("mute_1", 73, beat=None)
    assert shop.plan(ALL).targets == ()
    receipt = shop.act(FreeProxies(tasks=True))
    assert receipt.outcome is Outcome.APPLIED
    assert {(result.kind, result.place, result.id) for result in receipt.results} == {
        ("proxy", "proxies", "1"),
        ("task", "catalog_tasks", "70"),
        ("task", "object_tasks", "70"),
    }
    assert receipt.text == "1 proxy freed, 2 tasks returned to pending"
    back = "status || coalesce(worker_id, '-') || coalesce(heartbeat_at::text, '-')"
    assert shop.sql(f"SELECT {back} FROM catalog_tasks WHERE id = 70;") == "pending--"
    assert shop.sql("SELECT id FROM catalog_tasks WHERE status = 'processing' ORDER BY id;").split() == [
        *("71", "72", "73")
    ]
    assert shop.held() == {"2", "3"}


def test_tasks_of_whoever_gives_another_sign_of_life_stay_his(shop: Shop) -> None:
    shop.hold("back_1", 2)
    shop.work("back_1", 71, beat="1 hour")
    shop.hold("woke_1", 3)
    shop.work("woke_1", 72, beat="1 hour")
    shop.hold("here_1", 1, ago="10 seconds")
    shop.work("here_1", 70, beat="1 hour")
    order = FreeProxies(tasks=True)

    async def work(gate: Gate) -> Receipt:
        plan = await shop.decided(gate, order)
        assert {(target.kind, target.id) for target in plan.targets} == {
            *(("task", "71"), ("proxy", "2"), ("task", "72"), ("proxy", "3"))
        }
        await asyncio.to_thread(shop.work, "back_1", 73)
        await asyncio.to_thread(shop.hold, "woke_1", 4, ago="0 seconds")
        return await gate.apply(plan, YES)

    receipt = shop.run(work)
    assert {(result.kind, result.id): ageless(result.text) for result in receipt.results} == {
        ("task", "71"): "its worker processes 1 again",
        ("proxy", "2"): "its worker processes 2 again",
        ("task", "72"): "its worker gave a sign of life just ago",
        ("proxy", "3"): "its worker processes 1 again",
    }
    assert shop.sql("SELECT count(*) FROM catalog_tasks WHERE status = 'processing';") == "4"


def test_above_the_cap_the_count_is_typed(shop: Shop) -> None:
    shop.hold("gone_1", *range(1, 27))
    assert shop.plan(ALL).cap == 25
    refused = shop.act(ALL)
    assert refused.outcome is Outcome.REFUSED
    assert "more than the cap of 25" in refused.text
    assert shop.act(ALL, Confirmation(count=25)).text == "25 was typed, but the plan changes 26"
    assert len(shop.held()) == 26
    assert shop.act(ALL, Confirmation(count=26)).outcome is Outcome.APPLIED
    assert shop.held() == set()


def test_production_wants_the_count_unless_a_flag_stands_for_it(shop: Shop) -> None:
    shop.context = msgspec.structs.replace(shop.context, production=True)
    shop.hold("gone_1", 1)
    assert shop.act(ALL, Confirmation()).text == "production: the count must be typed (1)"
    assert shop.act(ALL, Confirmation(count=1)).outcome is Outcome.APPLIED
    shop.hold("gone_1", 1)
    assert shop.act(ALL, Confirmation(unattended=True)).outcome is Outcome.APPLIED


def test_a_plan_dies_of_age_and_is_applied_once(shop: Shop) -> None:
    shop.hold("gone_1", 1)

    async def work(gate: Gate) -> tuple[Receipt, Receipt, Receipt]:
        old = await shop.decided(gate, ALL)
        shop.ticks.at += 61
        late = await gate.apply(old, YES)
        fresh = await gate.plan(ALL)
        return late, await gate.apply(fresh, YES), await gate.apply(fresh, YES)

    late, first, second = shop.run(work)
    assert late.outcome is Outcome.REFUSED
    assert "older" in late.text
    assert first.outcome is Outcome.APPLIED
    assert second is first


def test_the_clock_of_the_database_decides_how_old_a_plan_is(shop: Shop) -> None:
    shop.hold("gone_1", 1)

    async def work(gate: Gate) -> Receipt:
        plan = await shop.decided(gate, ALL)
        draft, deed, made = gate._drafts[plan.id]
        old = msgspec.structs.replace(plan, made_at=plan.made_at - 61)
        gate._drafts[plan.id] = msgspec.structs.replace(draft, plan=old), deed, made
        return await gate.apply(plan, YES)

    receipt = shop.run(work)
    assert receipt.outcome is Outcome.REFUSED
    assert "1m01s old" in receipt.text
    assert shop.held() == {"1"}


def test_only_a_plan_of_this_gate_can_be_applied(shop: Shop) -> None:
    shop.hold("gone_1", 1)
    plan = shop.plan(ALL)
    receipt = shop.run(lambda gate: gate.apply(plan, YES))
    assert receipt.outcome is Outcome.REFUSED
    assert shop.held() == {"1"}


def test_what_is_applied_is_the_plan_of_the_gate_not_of_the_caller(shop: Shop) -> None:
    shop.hold("gone_1", 1)
    shop.hold("here_1", 2)
    shop.work("here_1", 70)

    async def work(gate: Gate) -> Receipt:
        plan = await shop.decided(gate, ALL)
        forged = msgspec.structs.replace(plan.targets[0], id="2", holder="here_1")
        return await gate.apply(msgspec.structs.replace(plan, targets=(forged,)), YES)

    assert done(shop.run(work)) == {"1"}
    assert shop.held() == {"2"}


def test_another_server_is_not_the_one_of_the_plan(shop: Shop) -> None:
    shop.hold("gone_1", 1)

    async def work(gate: Gate) -> Receipt:
        plan = await shop.decided(gate, ALL)
        draft, deed, made = gate._drafts[plan.id]
        other = (msgspec.structs.replace(plan.servers[0], identity="1/1/1"),)
        gate._drafts[plan.id] = (
            msgspec.structs.replace(draft, plan=msgspec.structs.replace(plan, servers=other)),
            deed,
            made,
        )
        return await gate.apply(plan, YES)

    receipt = shop.run(work)
    assert receipt.outcome is Outcome.REFUSED
    assert "another server answers" in receipt.text


def test_what_forbids_forbids(shop: Shop) -> None:
    shop.hold("gone_1", 1)
    allowed = shop.context
    panic = shop.folder / "panic"
    panic.touch()
    assert "panic file" in shop.act(ALL).text
    panic.unlink()
    allowed_panic = shop.context.actions.panic_file
    shop.configure(panic_file=str(shop.folder / ("x" * 300)))
    assert "nobody can tell whether the panic file" in shop.act(ALL).text
    shop.configure(panic_file=allowed_panic)
    assert shop.act(FreeProxies(worker="")).text == "a name is empty: whose?"
    assert shop.act(FreeProxies(container="")).text == "a name is empty: whose?"
    shop.configure(read_only=True)
    assert shop.act(ALL).text == "this context is read only (actions.read_only)"
    shop.context = allowed
    shop.configure(allow=("drain-locks",))
    assert shop.act(ALL).text == "free-proxies is not allowed in this context (actions.allow)"
    shop.context = msgspec.structs.replace(allowed, crawler=None)
    assert shop.act(ALL).text == "no proxy table is configured; map it in [crawler]"
    assert shop.held() == {"1"}
    shop.context = allowed
    assert shop.act(ALL).outcome is Outcome.APPLIED


def test_nothing_is_done_that_can_not_be_written_down(shop: Shop) -> None:
    shop.hold("gone_1", 1)
    (shop.folder / "audit.jsonl").mkdir()
    receipt = shop.act(ALL)
    assert receipt.outcome is Outcome.REFUSED
    assert "the audit log can't be written" in receipt.text
    assert shop.held() == {"1"}


def test_the_audit_log_has_intent_and_outcome(shop: Shop) -> None:
    shop.hold("gone_1", 1)
    receipt = shop.act(ALL)
    path = shop.folder / "audit.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    intent, outcome = map(json.loads, path.read_text().splitlines())
    assert (intent["record"], outcome["record"]) == ("intent", "outcome")
    assert intent["id"] == outcome["id"] == receipt.plan_id
    assert (intent["actor"]["user"], intent["actor"]["host"], intent["actor"]["ssh"]) == (
        "alice",
        "web-1",
        "10.0.0.7",
    )
    (item,) = intent["items"]
    assert (item["id"], item["holder"]) == ("1", "gone_1")
    assert int(intent["xid"]) > 0
    assert outcome["outcome"] == "applied"
    assert shop.audit.unfinished() == []


def test_the_audit_table_gets_its_row_in_the_same_transaction(own_shop: Shop) -> None:
    own_shop.sql(
        "CREATE TABLE trail (plan_id text, action text, actor text, context text, changed jsonb,"
        " at timestamptz DEFAULT now());"
    )
    own_shop.configure(audit_table="trail")
    own_shop.hold("gone_1", 1)
    receipt = own_shop.act(ALL)
    same = "t.xmin = p.xmin AND t.changed -> 0 ->> 'holder' = 'gone_1'"
    assert own_shop.sql(f"SELECT plan_id, actor FROM trail t, proxies p WHERE p.id = 1 AND {same};") == (
        f"{receipt.plan_id}|alice@web-1"
    )
    own_shop.configure(audit_table="nowhere")
    own_shop.hold("gone_1", 1)
    assert own_shop.act(ALL).outcome is Outcome.NOT_SENT
    assert own_shop.held() == {"1"}


def test_a_worker_column_that_is_never_null_gets_an_empty_text(own_shop: Shop) -> None:
    own_shop.sql(
        "UPDATE proxies SET worker_id = '' WHERE worker_id IS NULL;"
        " ALTER TABLE proxies ALTER worker_id SET NOT NULL, ALTER worker_id SET DEFAULT '';"
        " UPDATE proxies SET updated_at = updated_at - interval '1 day';"
    )
    own_shop.hold("gone_1", 1)
    assert own_shop.act(ALL).outcome is Outcome.APPLIED
    assert own_shop.sql("SELECT worker_id = '' FROM proxies WHERE id = 1;") == "t"


@pytest.mark.parametrize(("id_type", "worker_type"), [("text", "varchar(64)"), ("integer", "char(12)")])
def test_columns_of_other_types(own_shop: Shop, id_type: str, worker_type: str) -> None:
    own_shop.sql(
        f"ALTER TABLE proxies ALTER id DROP DEFAULT, ALTER id TYPE {id_type}, ALTER worker_id TYPE {worker_type};"
        f" ALTER TABLE catalog_tasks ALTER worker_id TYPE {worker_type};"
        " UPDATE proxies SET updated_at = updated_at - interval '1 day';"
    )
    own_shop.sql(
        "UPDATE proxies SET is_in_use = true, worker_id = 'gone_1', updated_at = now() - interval '1 h' WHERE id = '1';"
    )
    assert done(own_shop.act(ALL)) == {"1"}


def test_the_look_under_the_locks_sees_workers_of_any_type(own_shop: Shop) -> None:
    own_shop.sql(
        "ALTER TABLE proxies ALTER worker_id TYPE char(12); ALTER TABLE catalog_tasks ALTER worker_id TYPE char(12);"
        " UPDATE proxies SET updated_at = updated_at - interval '1 day';"
    )
    own_shop.hold("gone_1", 1)

    async def work(gate: Gate) -> Receipt:
        plan = await own_shop.decided(gate, ALL)
        await asyncio.to_thread(own_shop.work, "gone_1", 70, beat="0 seconds")
        await asyncio.to_thread(own_shop.sql, "UPDATE catalog_tasks SET status = 'done' WHERE id = 70;")
        return await gate.apply(plan, YES)

    assert ageless(own_shop.run(work).results[0].text) == "its worker gave a sign of life just ago"
    assert own_shop.held() == {"1"}


def test_rows_that_a_policy_hides_are_not_taken_for_missing(own_shop: Shop, request: pytest.FixtureRequest) -> None:
    own_shop.hold("here_1", 1)
    own_shop.work("here_1", 70, beat="1 hour")
    role = "op_" + secrets.token_hex(4)
    own_shop.sql("\n".join(postgres_lines(own_shop.context, role, "operator")) + f"ALTER ROLE {role} PASSWORD 'pw';")
    request.addfinalizer(lambda: own_shop.sql(f"DROP OWNED BY {role}; DROP ROLE {role};"))
    own_shop.sql(
        "ALTER TABLE catalog_tasks ENABLE ROW LEVEL SECURITY;"
        f" CREATE POLICY own ON catalog_tasks TO {role} USING (false);"
    )
    own_shop.configure(postgres_url=Url(f"postgresql://{role}:pw@{own_shop.url.partition('@')[2]}"))
    with pytest.raises(BackendError, match=r"row-level security.*BYPASSRLS"):
        own_shop.plan(ALL)
    hidden = next(one for one in asyncio.run(actions(own_shop.context)) if one.mark is Mark.MISSING)
    assert hidden.text == f'policies of row security may hide rows of "catalog_tasks" from {role}'
    own_shop.sql(f"ALTER ROLE {role} BYPASSRLS;")
    assert {one.mark for one in asyncio.run(actions(own_shop.context))} == {Mark.OK}
    assert own_shop.plan(ALL).targets == ()


def test_a_view_and_a_missing_column_are_said(own_shop: Shop) -> None:
    own_shop.sql("ALTER TABLE proxies RENAME TO pool; CREATE VIEW proxies AS SELECT * FROM pool;")
    with pytest.raises(BackendError, match="it is a view") as caught:
        own_shop.plan(ALL)
    assert caught.value.trouble.kind is TroubleKind.SCHEMA
    own_shop.context = msgspec.structs.replace(own_shop.context, crawler=Crawler(proxies="pool", worker="holder"))
    assert own_shop.plan(ALL).refused == "no column holder in table pool, or no such table"


def test_without_the_rights_nothing_happens(own_shop: Shop, request: pytest.FixtureRequest) -> None:
    own_shop.hold("gone_1", 1)
    role = "eye_" + secrets.token_hex(4)
    own_shop.sql(f"CREATE ROLE {role} LOGIN PASSWORD 'pw'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role};")
    request.addfinalizer(lambda: own_shop.sql(f"DROP OWNED BY {role}; DROP ROLE {role};"))
    own_shop.configure(postgres_url=Url(f"postgresql://{role}:pw@{own_shop.url.partition('@')[2]}"))
    receipt = own_shop.act(ALL)
    assert receipt.outcome is Outcome.NOT_SENT
    assert f"unstick grants {role} --role operator" in receipt.text
    assert own_shop.held() == {"1"}


def test_a_task_table_that_is_not_mapped_is_told(own_shop: Shop) -> None:
    own_shop.sql("CREATE TABLE user_tasks (id int, status text, worker_id text); CREATE TABLE other (status text);")
    notes = own_shop.plan(ALL).notes
    assert "user_tasks looks like a task table and is not in crawler.tasks: who works there is not seen" in notes
    assert len(notes) == 2


def test_a_login_made_by_grants_may_do_all_of_it_and_the_doctor_says_so(
    own_shop: Shop, request: pytest.FixtureRequest
) -> None:
    own_shop.hold("gone_1", 1)
    own_shop.work("gone_1", 70, beat="1 hour")
    own_shop.configure(audit_table="unstick_audit")
    role = "op_" + secrets.token_hex(4)
    lines = list(postgres_lines(own_shop.context, role, "operator"))
    own_shop.sql("\n".join(lines) + f"ALTER ROLE {role} PASSWORD 'pw';")
    request.addfinalizer(lambda: own_shop.sql(f"DROP OWNED BY {role}; DROP ROLE {role};"))
    own_shop.configure(postgres_url=Url(f"postgresql://{role}:pw@{own_shop.url.partition('@')[2]}"))
    assert [(one.mark, one.text) for one in asyncio.run(actions(own_shop.context))] == [
        (Mark.OK, f"{action}: {role} may") for action in ("free-proxies", "drain-locks", "audit table")
    ]
    receipt = own_shop.act(FreeProxies(tasks=True))
    assert receipt.outcome is Outcome.APPLIED
    assert done(receipt) == {"1", "70"}
    own_shop.sql(f"REVOKE UPDATE ON object_tasks FROM {role};")
    lacking = next(one for one in asyncio.run(actions(own_shop.context)) if one.mark is Mark.MISSING)
    assert lacking.text == f"free-proxies: {role} lacks UPDATE on object_tasks"
    own_shop.sql(lacking.mend + ";")
    assert {one.mark for one in asyncio.run(actions(own_shop.context))} == {Mark.OK}


def test_what_was_freed_is_given_back_as_far_as_nobody_took_it(shop: Shop) -> None:
    for number in (1, 2, 3, 4, 5):
        shop.hold(f"gone_{number}", number)
    freed = shop.act(ALL)
    shop.hold("new_1", 2, ago="0 seconds")
    shop.sql("DELETE FROM proxies WHERE id = 3;")
    plan = shop.run(lambda gate: gate.plan(Undo(freed.plan_id)))
    assert targets(plan) == {"1", "4", "5"}
    assert {left.id: left.why for left in plan.left} == {"2": "is held by new_1 now", "3": "is no longer there"}

    async def work(gate: Gate) -> Receipt:
        plan = await gate.plan(Undo(freed.plan_id))
        await asyncio.to_thread(shop.hold, "new_2", 4, ago="0 seconds")
        await asyncio.to_thread(shop.sql, "UPDATE proxies SET address = 'x' WHERE id = 5;")
        return await gate.apply(plan, YES)

    receipt = shop.run(work)
    assert (receipt.outcome, receipt.text) == (Outcome.PARTIAL, "1 proxy given back, 2 skipped")
    assert shop.sql("SELECT worker_id FROM proxies WHERE is_in_use ORDER BY id;").split() == [
        *("gone_1", "new_1", "new_2")
    ]
    again = shop.run(lambda gate: gate.plan(Undo(freed.plan_id)))
    assert again.targets == ()


def test_what_can_not_be_undone_is_refused(shop: Shop) -> None:
    shop.hold("gone_1", 1)
    freed = shop.act(ALL)

    def refused(plan_id: str) -> str | None:
        return shop.run(lambda gate: gate.plan(Undo(plan_id))).refused

    assert refused("nothing") == "the audit log knows no such plan that was applied in this context"
    records = list(shop.audit.records())
    shop.audit.write(records[0] | {"id": "old", "made_at": records[0]["made_at"] - 700})
    shop.audit.write(records[1] | {"id": "old"})
    assert refused("old") == "that plan is 11m40s old; it can be undone for 10m00s"
    shop.audit.write(records[0] | {"id": "elsewhere", "server": "1/1/1"})
    shop.audit.write(records[1] | {"id": "elsewhere"})
    assert refused("elsewhere") == "another server answers than the one that plan was applied to"
    shop.audit.write(records[0] | {"id": "locks", "action": "drain-locks"})
    shop.audit.write(records[1] | {"id": "locks"})
    assert refused("locks") == "drain-locks can't be undone"
    assert refused(freed.plan_id) is None
