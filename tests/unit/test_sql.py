from __future__ import annotations

import string
from importlib import resources
from pathlib import Path

import pytest

from unstick import sql
from unstick.pollers.crawler import CrawlerStatements, container_of
from unstick.settings import Crawler, Locks, Sync, TaskTable
from unstick.sql.relations import needed_columns, relations
from unstick.sql.rights import explain, grant_select

FILES = sorted(entry.name for entry in resources.files("unstick.sql").iterdir() if entry.name.endswith(".sql"))


@pytest.mark.parametrize("name", FILES)
def test_every_statement_says_which_rights_it_needs_and_only_reads(name: str) -> None:
    text = resources.files("unstick.sql").joinpath(name).read_text(encoding="utf-8")
    assert text.startswith("-- ")
    assert "-- Rights: " in text
    words = {word.strip("(),;").upper() for line in text.splitlines() if line[:2] != "--" for word in line.split()}
    assert not words & {"INSERT", "UPDATE", "DELETE", "LOCK", "TRUNCATE", "SET", "IN"} - {
        "IN" if "NOT IN ('v'" in text else ""
    }
    body = sql.statement(name[:-4], **{field: "x" for _, field, _, _ in string.Formatter().parse(text) if field})
    assert "--" not in body
    assert "{" not in body


WRITES = sorted(entry.name for entry in resources.files("unstick.sql").joinpath("writes").iterdir())


@pytest.mark.parametrize("name", WRITES)
def test_what_writes_stands_apart_and_names_its_rights(name: str) -> None:
    text = resources.files("unstick.sql").joinpath("writes", name).read_text(encoding="utf-8")
    assert text.startswith("-- ")
    rights = text[text.index("-- Rights: ") :].partition("\n\n")[0]
    assert any(right in rights for right in ("UPDATE", "INSERT", "DELETE", "CREATE"))


def test_nothing_that_reads_knows_of_what_writes() -> None:
    """Only actions name a statement that writes; ``grants`` prints one."""
    source = Path(sql.__file__).parents[1]
    naming = {file for file in source.rglob("*.py") if '"writes/' in file.read_text(encoding="utf-8")}
    assert {str(file.relative_to(source).parent) for file in naming} == {"actions", "cli"}
    assert {file.name for file in naming if file.parent.name == "cli"} == {"grants.py"}


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("proxies", '"proxies"'),
        ("shop.proxies", '"shop"."proxies"'),
        ("Прокси", '"Прокси"'),
        ("мой магазин.прокси №1", '"мой магазин"."прокси №1"'),
        ('"my.shop"."a""b"', '"my.shop"."a""b"'),
        ('x"; DROP TABLE users; --', None),
        ('x" WHERE true', None),
        ("", None),
        (".proxies", None),
        ("shop.", None),
        ("a.b.c", None),
        ("a\0b", None),
        ("я" * 32, None),
    ],
)
def test_table_names_are_quoted_or_refused(name: str, quoted: str | None) -> None:
    if quoted is None:
        with pytest.raises(sql.BadName):
            sql.table(name)
    else:
        assert sql.table(name) == quoted


def test_a_column_name_cannot_leave_its_quotes() -> None:
    assert sql.column('id" OR true --') == '"id"" OR true --"'
    assert sql.column("a.b") == '"a.b"'


def test_needed_columns_follow_the_mapping() -> None:
    crawler = Crawler(
        proxies="shop.pool",
        blocked=None,
        changed_at=None,
        tasks=(TaskTable("jobs", processing="running"), TaskTable("jobs", processing="started", heartbeat=None)),
    )
    assert needed_columns(crawler) == {
        "shop.pool": ("id", "is_in_use", "worker_id", "xmin"),
        "jobs": ("worker_id", "status", "heartbeat_at"),
    }
    assert needed_columns(Locks())["dashboard_tasklock"][-1] == "expires_at"
    assert needed_columns(Locks(table=None)) == {}
    assert needed_columns(Sync(synced_at=None)) == {"user_balances": ("user_id", "balance")}


def test_grant_lines_quote_what_would_not_parse_bare() -> None:
    assert (
        grant_select('shop."Order"', ("id", "user", "имя"), "watch-er")
        == 'GRANT SELECT (id, "user", "имя") ON shop."Order" TO "watch-er"'
    )


@pytest.mark.parametrize(
    ("code", "said", "words"),
    [
        (
            "42703",
            "column t2.heartbeat_at does not exist",
            "no column heartbeat_at in table object_tasks; set crawler.tasks.heartbeat",
        ),
        (
            "42703",
            "столбец p.updated_at не существует",
            "no column updated_at in table proxies; set crawler.changed_at",
        ),
        ("42703", "column p.xmin does not exist", "proxies has no row versions (xmin)"),
        ("42P01", 'отношение "object_tasks" не существует', "no table object_tasks; set crawler.tasks.table"),
        ("42P01", 'relation "proxies" does not exist', "no table proxies; set crawler.proxies"),
        (
            "42501",
            "нет доступа к таблице proxies",
            "GRANT SELECT (id, is_in_use, is_blocked, worker_id, updated_at, xmin) ON proxies TO eye",
        ),
        ("42703", "column q.updated_at does not exist", None),
        ("57014", "canceling statement due to statement timeout on proxies", None),
    ],
)
def test_refusals_name_the_setting_in_any_server_language(code: str, said: str, words: str | None) -> None:
    text = explain(relations(Crawler()), "eye", code, said)
    if words is None:
        assert text is None
    else:
        assert text is not None
        assert words in text


def test_a_refused_schema_needs_usage() -> None:
    known = relations(Locks(table="shop.locks"))
    assert (
        explain(known, "eye", "42501", "permission denied for schema shop")
        == "needs: GRANT USAGE ON SCHEMA shop TO eye"
    )
    assert explain(known, None, "42501", "permission denied for table locks") == (
        "needs: GRANT SELECT (id, kind, task_id, worker_id, acquired_at, expires_at) ON shop.locks TO <role>"
    )


def test_candidates_ask_every_task_table_with_its_own_word() -> None:
    tasks = (TaskTable("a", processing="running"), TaskTable("b"), TaskTable("c"))
    statement = CrawlerStatements(Crawler(tasks=tasks)).candidates
    assert [
        f'FROM "{task.table}" AS t{n} WHERE t{n}."worker_id" = p."worker_id" AND t{n}."status" = E\'{task.processing}\''
        in statement
        for n, task in enumerate(tasks, 1)
    ] == [True] * 3
    assert statement.count("NOT EXISTS") == 3
    assert statement.endswith("LIMIT $1::bigint")


@pytest.mark.parametrize(
    ("worker", "separator", "container"),
    [
        ("a_b_3", "_", "a_b"),
        ("_3", "_", "_3"),
        ("x", "_", "x"),
        ("web-1:7", ":", "web-1"),
        ("x_1", "", "x_1"),
        ("x_", "_", "x"),
    ],
)
def test_the_container_stands_before_the_last_separator(worker: str, separator: str, container: str) -> None:
    assert container_of(worker, separator) == container
