from __future__ import annotations

import secrets

import pytest

from tests.lab.servers import Postgres
from tests.live.looks import Tables
from unstick.facts.locks import LockFacts
from unstick.facts.reading import Source, TroubleKind
from unstick.pollers.locks import LockTablePoller
from unstick.settings import Locks

SOURCE = Source("locks", "locks", "pg", 3.0)
EARLIEST = -210866803200.0


class Table(Tables[Locks, LockFacts]):
    grace_s = 30.0

    def poller(self, settings: Locks | None, grace_s: float) -> LockTablePoller:
        return LockTablePoller(SOURCE, settings or Locks(), grace_s=grace_s)

    def lock(self, task: int, ends: str, worker: str = "w_1") -> None:
        self.sql(
            f"INSERT INTO dashboard_tasklock (kind, task_id, worker_id, expires_at) VALUES ('warmup', {task}, '{worker}', {ends});"
        )


@pytest.fixture
def table(postgres: Postgres, database: str) -> Table:
    return Table(postgres, database)


def test_an_empty_table_has_no_locks(table: Table) -> None:
    facts = table.look()
    assert (facts.total, facts.expired, facts.endless, facts.by_worker, facts.rows) == (0, 0, 0, (), ())


def test_overdue_locks_come_first_then_endless_ones_then_the_rest(table: Table) -> None:
    table.lock(1, "now() + interval '1 hour'")
    table.lock(2, "NULL")
    table.lock(3, "now() - interval '1 hour'", "w_2")
    table.lock(4, "'infinity'")
    table.lock(5, "'-infinity'")
    table.lock(6, "now() - interval '2 hours'", "")
    table.lock(7, "now() - interval '10 seconds'")
    table.lock(8, "'99999-01-01 UTC'")
    facts = table.look()
    assert [row.task_id for row in facts.rows] == ["5", "6", "3", "2", "4", "7", "1", "8"]
    assert (facts.total, facts.expired, facts.endless) == (8, 3, 2)
    assert facts.by_worker == (("w_1", 6), ("", 1), ("w_2", 1))
    assert (facts.via, facts.name) == ("postgres", "dashboard_tasklock")
    ends = {row.task_id: row.expires_at for row in facts.rows}
    assert (ends["2"], ends["4"], ends["5"]) == (None, None, EARLIEST)
    assert ends["3"] == float(
        table.sql("SELECT extract(epoch FROM expires_at)::float8 FROM dashboard_tasklock WHERE task_id = 3;")
    )
    assert all(row.kind == "warmup" and row.acquired_at is not None for row in facts.rows)


def test_the_earliest_instant_is_that_of_the_server(table: Table) -> None:
    assert (
        float(table.sql("SELECT extract(epoch FROM timestamptz '4714-11-24 00:00:00 BC UTC')::float8;")) == EARLIEST
    )


def test_the_grace_decides_what_is_expired_by_the_clock_of_the_database(table: Table) -> None:
    table.lock(1, "now() - interval '60 seconds'")
    table.lock(2, "now() - interval '20 seconds'")
    assert [table.look(grace_s=grace).expired for grace in (0.0, 10.5, 30.0, 3600.0)] == [2, 2, 1, 0]


def test_rows_and_holders_are_capped_and_counts_are_not(table: Table) -> None:
    table.sql("""
        INSERT INTO dashboard_tasklock (kind, task_id, worker_id, expires_at)
        SELECT 'bulk', g, 'w_' || g / 2, now() - g * interval '1 minute' FROM generate_series(1, 1300) g;
    """)
    facts = table.look()
    assert (facts.total, facts.expired, len(facts.rows), len(facts.by_worker)) == (1300, 1300, 500, 500)
    assert facts.rows[0].task_id == "1300"
    assert facts.by_worker[0][1] == 2


def test_any_names_can_be_mapped_and_naive_ends_are_utc(table: Table) -> None:
    table.sql("""
        CREATE SCHEMA "склад";
        CREATE TABLE "склад"."Замки" (key text PRIMARY KEY, "order" text, "user" text, taken timestamp, "until" timestamp, what text);
        INSERT INTO "склад"."Замки" VALUES ('k1', 't1', NULL, '2025-12-10 03:00', '2025-12-10 04:00', NULL);
    """)
    settings = Locks(
        "склад.Замки", id="key", kind="what", task="order", worker="user", acquired_at="taken", expires_at="until"
    )
    facts = table.look(settings)
    (row,) = facts.rows
    assert (row.id, row.kind, row.task_id, row.worker_id) == ("k1", "", "t1", "")
    assert (row.acquired_at, row.expires_at) == (1765335600.0, 1765339200.0)
    assert facts.name == "склад.Замки"
    assert facts.expired == 1


def test_hostile_texts_are_shown_harmless(table: Table) -> None:
    table.sql("INSERT INTO dashboard_tasklock (kind, task_id, worker_id) VALUES (E'[/]\\x1b[2J', 1, E'a\\nb');")
    facts = table.look()
    assert facts.rows[0].kind == "[/]^[[2J"
    assert facts.by_worker == (("a^Jb", 1),)


def test_a_missing_table_and_a_missing_column_name_their_setting(table: Table) -> None:
    error = table.trouble(Locks(expires_at="ends_at"))
    assert (error.trouble.kind, error.transport) == (TroubleKind.SCHEMA, False)
    assert "no column ends_at in table dashboard_tasklock; set locks.expires_at" in error.trouble.text
    assert "no table nowhere.locks; set locks.table" in table.trouble(Locks("nowhere.locks")).trouble.text


def test_a_role_without_rights_is_told_the_grant_that_is_enough(table: Table) -> None:
    table.lock(1, "NULL")
    role = "eye_" + secrets.token_hex(4)
    table.sql(f"CREATE ROLE {role} LOGIN PASSWORD 'pw';")
    url = f"postgresql://{role}:pw@127.0.0.1:{table.server.port}/{table.name}"
    error = table.trouble(url=url)
    assert error.trouble.kind is TroubleKind.DENIED
    assert error.trouble.text == (
        f"needs: GRANT SELECT (id, kind, task_id, worker_id, acquired_at, expires_at) ON dashboard_tasklock TO {role}"
    )
    table.sql(error.trouble.text.removeprefix("needs: ") + ";")
    assert table.look(url=url).total == 1
