from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable

import msgspec
import pytest

from tests.lab.servers import Postgres
from tests.live.looks import Tables
from unstick.backends.base import BackendError
from unstick.backends.postgres import PostgresConnection
from unstick.facts.crawler import CrawlerFacts, ProxyPool
from unstick.facts.reading import Source, TroubleKind
from unstick.pollers.crawler import CrawlerPoller
from unstick.secret import Url
from unstick.settings import Crawler, TaskTable
from unstick.sql.relations import needed_columns
from unstick.sql.rights import grant_select

SOURCE = Source("crawler", "crawler", "pg", 1.0)


class Shop(Tables[Crawler, CrawlerFacts]):
    grace_s = 120.0

    def poller(self, settings: Crawler | None, grace_s: float) -> CrawlerPoller:
        return CrawlerPoller(SOURCE, settings or Crawler(), grace_s=grace_s)

    def hold(self, workers: Iterable[str | None]) -> None:
        """Gives the proxies 1, 2, … to ``workers``."""
        for number, worker in enumerate(workers, 1):
            owner = "NULL" if worker is None else f"'{worker}'"
            self.sql(f"UPDATE proxies SET is_in_use = true, worker_id = {owner} WHERE id = {number};")

    def role(self) -> tuple[str, str]:
        """A new role that may log in and nothing else, with its connection string."""
        name = "eye_" + secrets.token_hex(4)
        self.sql(f"CREATE ROLE {name} LOGIN PASSWORD 'pw';")
        return name, f"postgresql://{name}:pw@127.0.0.1:{self.server.port}/{self.name}"


@pytest.fixture
def shop(postgres: Postgres, database: str) -> Shop:
    return Shop(postgres, database)


def test_numbers_are_those_that_psql_counts(shop: Shop) -> None:
    shop.sql("""
        SELECT setseed(0.31);
        UPDATE proxies SET is_in_use = random() < 0.6, is_blocked = random() < 0.4,
               worker_id = CASE WHEN random() < 0.8 THEN 'c' || id % 4 || '_' || id % 9 END;
        UPDATE catalog_tasks SET status = 'processing', worker_id = 'c' || id % 3 || '_' || id % 9,
               heartbeat_at = now() - random() * interval '5 minutes' WHERE random() < 0.2;
        UPDATE object_tasks SET status = 'processing', worker_id = 'c1_' || id % 20, heartbeat_at = NULL
               WHERE random() < 0.1;
    """)
    facts = shop.look()
    counted = shop.sql("""
        SELECT count(*), sum(is_in_use::int), sum((is_blocked AND NOT is_in_use)::int),
               sum((NOT is_blocked AND NOT is_in_use)::int), sum((is_in_use AND worker_id IS NULL)::int) FROM proxies;
    """)
    pool = facts.pool
    assert "|".join(map(str, (pool.total, pool.in_use, pool.blocked, pool.free, pool.unowned))) == counted
    assert pool.in_use + pool.blocked + pool.free == pool.total
    assert min(pool.in_use, pool.blocked, pool.free, pool.unowned) > 0

    expired = "count(*) FILTER (WHERE heartbeat_at < now() - interval '120 seconds')"
    for table, name in zip(facts.tables, ("catalog_tasks", "object_tasks"), strict=True):
        assert f"{table.processing}|{table.expired}" == shop.sql(
            f"SELECT count(*), {expired} FROM {name} WHERE status = 'processing';"
        )
        assert table.name == name

    busy = "(SELECT worker_id FROM catalog_tasks WHERE status = 'processing' UNION ALL SELECT worker_id FROM object_tasks WHERE status = 'processing')"
    stuck = shop.sql(f"""
        SELECT id FROM proxies WHERE is_in_use AND worker_id IS NOT NULL
        AND worker_id NOT IN (SELECT worker_id FROM {busy} AS b WHERE worker_id IS NOT NULL) ORDER BY id;
    """).split()
    assert sorted((row.id for row in facts.candidates), key=int) == stuck
    assert facts.candidate_count == len(stuck) > 0

    for worker in facts.workers:
        held = shop.sql(
            f"SELECT count(*), max(extract(epoch FROM updated_at))::float8 FROM proxies WHERE is_in_use AND worker_id = '{worker.worker_id}';"
        )
        works = shop.sql(f"SELECT count(*) FROM {busy} AS b WHERE worker_id = '{worker.worker_id}';")
        assert (str(worker.proxies), str(worker.processing)) == (held.split("|")[0], works)
        assert worker.proxy_changed_at == (float(held.split("|")[1]) if worker.proxies else None)
        assert worker.container == worker.worker_id[:2]
    assert facts.worker_count == len(facts.workers)
    assert {w.worker_id for w in facts.workers if not w.processing} == {row.worker_id for row in facts.candidates}
    beats = shop.sql(
        "SELECT max(extract(epoch FROM heartbeat_at))::float8 FROM catalog_tasks WHERE status = 'processing';"
    )
    assert max(w.task_beat_at for w in facts.workers if w.task_beat_at is not None) == float(beats)


def test_holders_without_a_task_come_first_then_the_longest_silent(shop: Shop) -> None:
    shop.hold(["c_1", "c_2", "c_3", "c_4"])
    shop.sql("""
        UPDATE proxies SET updated_at = now() - id * interval '1 minute' WHERE is_in_use;
        UPDATE catalog_tasks SET status = 'processing', worker_id = 'c_' || id, heartbeat_at = now() - interval '30 minutes' + id * interval '1 minute' WHERE id IN (1, 3);
    """)
    facts = shop.look()
    assert [worker.worker_id for worker in facts.workers] == ["c_4", "c_2", "c_3", "c_1"]
    assert [row.worker_id for row in facts.candidates] == ["c_4", "c_2"]


def test_one_task_without_a_worker_hides_nobody(shop: Shop) -> None:
    shop.hold(["dead_1", None, ""])
    shop.sql("UPDATE catalog_tasks SET status = 'processing', worker_id = NULL WHERE id = 1;")
    facts = shop.look()
    assert [row.worker_id for row in facts.candidates] == ["dead_1"]
    assert facts.pool.unowned == 2
    assert [worker.worker_id for worker in facts.workers] == ["dead_1"]
    assert facts.tables[0].processing == 1


def test_wildcards_of_like_are_letters_of_an_id(shop: Shop) -> None:
    shop.hold(["8b4f59aaX3", "8b4f59aa_3", "8b4f59aa%3"])
    shop.sql("UPDATE object_tasks SET status = 'processing', worker_id = '8b4f59aa_3' WHERE id = 1;")
    facts = shop.look()
    assert {row.worker_id: row.container for row in facts.candidates} == {
        "8b4f59aaX3": "8b4f59aaX3",
        "8b4f59aa%3": "8b4f59aa%3",
    }
    assert {w.worker_id for w in facts.workers if w.container == "8b4f59aa"} == {"8b4f59aa_3"}


def test_a_version_changes_exactly_when_its_row_is_written(shop: Shop) -> None:
    shop.hold(["a_1", "a_2"])
    first = {row.id: row.version for row in shop.look().candidates}
    assert {row.id: row.version for row in shop.look().candidates} == first
    shop.sql("UPDATE proxies SET worker_id = worker_id WHERE id = 2;")
    second = {row.id: row.version for row in shop.look().candidates}
    assert second["1"] == first["1"] == shop.sql("SELECT xmin FROM proxies WHERE id = 1;")
    assert second["2"] != first["2"]


def test_rows_are_capped_and_counts_are_not(shop: Shop) -> None:
    shop.sql("""
        INSERT INTO proxies (address, is_in_use, worker_id, updated_at)
        SELECT 'x' || g, true, 'w' || g / 2 || '_' || g, now() - g * interval '1 second' FROM generate_series(1, 2300) g;
    """)
    facts = shop.look()
    assert (len(facts.candidates), facts.candidate_count) == (500, 2300)
    assert (len(facts.workers), facts.worker_count) == (2000, 2300)
    assert facts.candidates[0].worker_id == "w1150_2300"
    assert [row.changed_at for row in facts.candidates] == sorted(row.changed_at or 0 for row in facts.candidates)


def test_impossible_dates_are_unknown_and_far_ones_are_numbers(shop: Shop) -> None:
    shop.hold(["a_1", "a_2", "a_3", "a_4"])
    for number, date in enumerate(("infinity", "-infinity", "99999-01-01 UTC", "0044-03-15 BC UTC"), 1):
        shop.sql(f"UPDATE proxies SET updated_at = '{date}' WHERE id = {number};")
        shop.sql(
            f"UPDATE catalog_tasks SET status = 'processing', worker_id = 'b_{number}', heartbeat_at = '{date}' WHERE id = {number};"
        )
    facts = shop.look()
    assert {row.worker_id: row.changed_at for row in facts.candidates} == {
        "a_1": None,
        "a_2": None,
        "a_3": facts_instant(shop, "99999-01-01 UTC"),
        "a_4": facts_instant(shop, "0044-03-15 BC UTC"),
    }
    assert {w.worker_id: w.task_beat_at is None for w in facts.workers if w.processing} == {
        "b_1": True,
        "b_2": True,
        "b_3": False,
        "b_4": False,
    }
    assert facts.tables[0].expired == 2


def facts_instant(shop: Shop, date: str) -> float:
    return float(shop.sql(f"SELECT extract(epoch FROM timestamptz '{date}')::float8;"))


def test_ages_are_by_the_servers_clock(shop: Shop) -> None:
    facts = shop.look()
    now = float(shop.sql("SELECT extract(epoch FROM clock_timestamp())::float8;"))
    assert now - 5 < facts.server_at <= now


def test_naive_timestamps_are_utc(shop: Shop) -> None:
    shop.sql(f"""
        ALTER DATABASE {shop.name} SET timezone = 'Asia/Tokyo';
        ALTER TABLE proxies ALTER COLUMN updated_at TYPE timestamp USING updated_at AT TIME ZONE 'UTC';
        UPDATE proxies SET is_in_use = true, worker_id = 'a_1', updated_at = '2025-12-10 03:00:00' WHERE id = 1;
    """)
    assert shop.look().candidates[0].changed_at == 1765335600.0


MAPPED = Crawler(
    proxies='мой магазин."Прокси.v2"',
    id="№",
    in_use="занят",
    blocked=None,
    worker="Работник",
    changed_at=None,
    separator=":",
    tasks=(
        TaskTable("мой магазин.задачи", status="state", processing="В работе", worker='who "is" it', heartbeat=None),
    ),
)


def map_tables(shop: Shop) -> None:
    shop.sql("""
        CREATE SCHEMA "мой магазин";
        SET search_path TO "мой магазин";
        CREATE TYPE state AS ENUM ('new', 'В работе');
        CREATE TABLE "Прокси.v2" ("№" uuid PRIMARY KEY DEFAULT gen_random_uuid(), "занят" boolean, "Работник" varchar(40));
        CREATE TABLE "задачи" (state state, "who ""is"" it" varchar(40));
        INSERT INTO "Прокси.v2" ("занят", "Работник") VALUES (true, 'a:1'), (true, 'a:2'), (NULL, NULL), (false, 'x:1');
        INSERT INTO "задачи" VALUES ('В работе', 'a:1'), ('new', 'a:2');
    """)


def test_any_names_and_an_enum_status_can_be_mapped(shop: Shop) -> None:
    map_tables(shop)
    facts = shop.look(MAPPED)
    assert facts.pool == ProxyPool(total=4, in_use=2, blocked=0, free=2, unowned=0)
    (row,) = facts.candidates
    assert (row.worker_id, row.container, row.changed_at) == ("a:2", "a", None)
    assert row.id == shop.sql("""SELECT "№" FROM "мой магазин"."Прокси.v2" WHERE "Работник" = 'a:2';""")
    assert facts.tables[0].expired is None
    assert facts.tables[0].processing == 1


def test_a_status_that_an_enum_does_not_have_is_named(shop: Shop) -> None:
    map_tables(shop)
    (table,) = MAPPED.tasks
    wrong = msgspec.structs.replace(MAPPED, tasks=(msgspec.structs.replace(table, processing="it's"),))
    with pytest.raises(BackendError) as caught:
        shop.look(wrong)
    assert caught.value.trouble.kind is TroubleKind.SCHEMA
    assert '"it\'s"' in caught.value.trouble.text
    assert "set crawler.tasks.processing" in caught.value.trouble.text


@pytest.mark.parametrize(("kind", "word"), [("text", "back\\slash's"), ("smallint", "2"), ("boolean", "true")])
def test_a_status_may_be_of_any_type(shop: Shop, kind: str, word: str) -> None:
    shop.sql(f"CREATE TABLE jobs (status {kind}, worker_id text);")
    shop.sql(f"INSERT INTO jobs VALUES ($word${word}$word$, 'a_1');")
    facts = shop.look(Crawler(tasks=(TaskTable("jobs", processing=word, heartbeat=None),)))
    assert facts.tables[0].processing == 1


def test_an_enum_status_leaves_the_session_as_it_was(shop: Shop) -> None:
    map_tables(shop)

    async def run() -> tuple[str, str]:
        connection = PostgresConnection(Url(shop.url))
        await connection.open()
        link = connection._link
        assert link is not None
        before = await link.fetchval("SELECT string_agg(name || setting, ',' ORDER BY name) FROM pg_settings")
        await CrawlerPoller(SOURCE, MAPPED, grace_s=120).look(connection)
        after = await link.fetchval("SELECT string_agg(name || setting, ',' ORDER BY name) FROM pg_settings")
        await connection.close()
        return before, after

    before, after = asyncio.run(run())
    assert before == after


def test_a_crawler_without_task_tables_has_only_candidates(shop: Shop) -> None:
    shop.hold(["a_1"])
    facts = shop.look(Crawler(tasks=()))
    assert facts.tables == ()
    assert [row.worker_id for row in facts.candidates] == ["a_1"]


def test_hostile_ids_are_shown_harmless(shop: Shop) -> None:
    shop.sql(
        "UPDATE proxies SET is_in_use = true, worker_id = E'\\x1b]0;owned\\x07[@click=app.quit]\\u202e_1' WHERE id = 1;"
    )
    (row,) = shop.look().candidates
    assert row.worker_id == "^[]0;owned^G[@click=app.quit]‹U+202E›_1"
    assert row.container == "^[]0;owned^G[@click=app.quit]‹U+202E›"


def test_neither_address_nor_password_of_a_proxy_is_read(shop: Shop) -> None:
    shop.sql("UPDATE proxies SET address = 'S3CR3T-canary:' || id, is_in_use = true, worker_id = 'a_1' WHERE id < 9;")
    assert "S3CR3T" not in repr(shop.look())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "ALTER TABLE proxies DROP COLUMN updated_at",
            "no column updated_at in table proxies; set crawler.changed_at",
        ),
        (
            "ALTER TABLE proxies RENAME COLUMN is_blocked TO banned",
            "no column is_blocked in table proxies; set crawler.blocked",
        ),
        (
            "ALTER TABLE object_tasks DROP COLUMN heartbeat_at",
            "no column heartbeat_at in table object_tasks; set crawler.tasks.heartbeat",
        ),
        ("DROP TABLE catalog_tasks", "no table catalog_tasks; set crawler.tasks.table"),
        ("ALTER TABLE proxies RENAME TO pool", "no table proxies; set crawler.proxies"),
        (
            "ALTER TABLE proxies ALTER COLUMN is_in_use DROP DEFAULT, ALTER COLUMN is_in_use TYPE int USING 0",
            "boolean",
        ),
        (
            "ALTER TABLE proxies ALTER COLUMN updated_at DROP DEFAULT, ALTER COLUMN updated_at TYPE bigint USING 0",
            "bigint",
        ),
    ],
)
def test_a_changed_schema_names_the_column_and_the_setting(shop: Shop, change: str, words: str) -> None:
    shop.sql("DROP INDEX proxies_in_use_worker_idx, proxies_free_idx;" + change + ";")
    error = shop.trouble()
    assert (error.trouble.kind, error.transport) == (TroubleKind.SCHEMA, False)
    assert words in error.trouble.text


def test_unmapped_optional_columns_need_not_exist(shop: Shop) -> None:
    shop.hold(["a_1"])
    shop.sql(
        "ALTER TABLE proxies DROP COLUMN updated_at, DROP COLUMN is_blocked; ALTER TABLE catalog_tasks DROP COLUMN heartbeat_at;"
    )
    tasks = (TaskTable("catalog_tasks", heartbeat=None), TaskTable("object_tasks"))
    facts = shop.look(Crawler(blocked=None, changed_at=None, tasks=tasks))
    assert facts.pool == ProxyPool(100, 1, 0, 99, 0)
    assert facts.candidates[0].changed_at is None
    assert [table.expired for table in facts.tables] == [None, 0]


def test_a_view_in_the_place_of_the_table_has_no_versions(shop: Shop) -> None:
    shop.hold(["a_1"])
    shop.sql("ALTER TABLE proxies RENAME TO real_proxies; CREATE VIEW proxies AS SELECT * FROM real_proxies;")
    (row,) = shop.look().candidates
    assert (row.id, row.version) == ("1", None)


def test_the_suggested_grants_are_needed_and_enough(shop: Shop) -> None:
    shop.hold(["a_1"])
    shop.sql("CREATE SCHEMA shop; ALTER TABLE proxies SET SCHEMA shop;")
    settings = Crawler(proxies="shop.proxies")
    role, url = shop.role()
    granted: list[str] = []
    for _ in range(4):
        refused = shop.trouble(settings, url)
        assert (refused.trouble.kind, refused.transport) == (TroubleKind.DENIED, False)
        granted.append(refused.trouble.text.removeprefix("needs: "))
        shop.sql(granted[-1] + ";")
    facts = shop.look(settings, url)
    assert granted == [
        f"GRANT USAGE ON SCHEMA shop TO {role}",
        *(grant_select(table, columns, role) for table, columns in needed_columns(settings).items()),
    ]
    assert (facts.pool.in_use, facts.worker_count, facts.candidate_count) == (1, 1, 1)
    assert facts.candidates[0].version == shop.sql("SELECT xmin FROM shop.proxies WHERE id = 1;")

    shop.sql(f"REVOKE SELECT (xmin) ON shop.proxies FROM {role};")
    assert "xmin) ON shop.proxies" in shop.trouble(settings, url).trouble.text
