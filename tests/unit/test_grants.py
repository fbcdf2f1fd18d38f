"""The printed lines: complete, quoted, and harmless whatever the role is called."""

from __future__ import annotations

import shlex

import pytest

from unstick.backends.redis_reads import READ_COMMANDS, SUBCOMMANDS
from unstick.cli.grants import _REDIS_COMMANDS, lines, rabbitmq_lines, redis_lines, run, usable, vhosts
from unstick.config import Loaded
from unstick.secret import Url
from unstick.settings import Celery, Context, Crawler, Dramatiq, Locks, Postgres, RabbitMQ, Sync, TaskTable

FULL = Context(
    postgres=Postgres(url=Url("postgresql://admin:S3CR3T@h/Shop%20EU")),
    crawler=Crawler(proxies="shop.Pool", tasks=(TaskTable("catalog_tasks", heartbeat=None),), changed_at=None),
    locks=Locks(),
    sync=Sync(balance_key="bal[1]:{id}:v"),
    dramatiq=(Dramatiq(namespace="jobs"), Dramatiq(name="mq", url=Url("amqp://h/jobs"))),
    celery=(Celery(queues=("default", "odd key*")),),
    rabbitmq=RabbitMQ(vhosts=("it's",)),
)


def test_only_the_mapped_columns_may_be_read() -> None:
    printed = list(lines(FULL, "watcher", "watcher"))
    selects = [line for line in printed if line.startswith("GRANT SELECT")]
    assert selects == [
        'GRANT SELECT (id, is_in_use, is_blocked, worker_id, xmin) ON shop."Pool" TO watcher;',
        "GRANT SELECT (worker_id, status) ON catalog_tasks TO watcher;",
        "GRANT SELECT (id, kind, task_id, worker_id, acquired_at, expires_at) ON dashboard_tasklock TO watcher;",
        "GRANT SELECT (user_id, balance, last_synced_at) ON user_balances TO watcher;",
    ]
    assert 'GRANT CONNECT ON DATABASE "Shop EU" TO "watcher";' in printed
    assert [line for line in printed if "SCHEMA" in line] == [
        'GRANT USAGE ON SCHEMA "public" TO "watcher";',
        'GRANT USAGE ON SCHEMA "shop" TO "watcher";',
    ]
    assert not [line for line in printed if line.startswith(("GRANT UPDATE", "GRANT DELETE", "GRANT ALL"))]
    assert "S3CR3T" not in "".join(printed)


def test_an_operator_may_free_and_drain_and_nothing_else() -> None:
    watcher, operator = (set(lines(FULL, "op", kind)) for kind in ("watcher", "operator"))
    assert watcher < operator
    assert {line for line in operator - watcher if not line.startswith("--")} == {
        'GRANT UPDATE (is_in_use, worker_id) ON shop."Pool" TO op;',
        "GRANT SELECT (id, xmin) ON catalog_tasks TO op;",
        "GRANT UPDATE ON catalog_tasks TO op;",
        "GRANT SELECT (xmin) ON dashboard_tasklock TO op;",
        "GRANT DELETE ON dashboard_tasklock TO op;",
    }


def test_an_operator_changes_its_locks_and_sends_its_task_and_nothing_else() -> None:
    context = Context(
        locks=Locks(redis_keys=("lock:*",)), celery=(Celery(key_prefix="p:"),), sync=Sync(task="t", task_queue="q")
    )
    watcher, operator = (
        next(line for line in redis_lines(context, "op", kind) if not line.startswith("#")).split()
        for kind in ("watcher", "operator")
    )
    assert [word for word in operator if word not in watcher] == ["~lock:*", "~p:q", "+eval", "+del", "+lpush"]
    amqp = Context(celery=(Celery(url=Url("amqp://h/jobs")),), sync=Sync(task="t"))
    lines_of = {kind: list(rabbitmq_lines(amqp, "op", kind)) for kind in ("watcher", "operator")}
    assert shlex.split(lines_of["operator"][-1])[-3:] == ["^$", "^amq\\.default$", "^$"]
    assert shlex.split(lines_of["watcher"][-1])[-3:] == ["^$", "^$", "^$"]


def test_redis_is_read_by_named_commands_and_keys() -> None:
    acl = next(line for line in redis_lines(FULL, "watcher") if not line.startswith("#"))
    assert acl.startswith("ACL SETUSER watcher reset on ")
    assert [word for word in acl.split() if word.startswith("%R~")] == [
        *("%R~jobs:*", "%R~_kombu.binding.*", "%R~unacked", "%R~unacked_index", "%R~default", "%R~default??*"),
        *("%R~odd?key\\*", "%R~odd?key\\*??*", "%R~bal\\[1\\]:*:v"),
    ]
    assert not [word for word in acl.split() if word.startswith("+@") or word == "~*"]


def test_redis_commands_are_those_that_the_backend_sends() -> None:
    reads = {name.lower() for name in READ_COMMANDS - SUBCOMMANDS.keys()}
    reads |= {f"{name}|{sub}".lower() for name, subs in SUBCOMMANDS.items() for sub in subs}
    assert reads <= set(_REDIS_COMMANDS)
    assert set(_REDIS_COMMANDS) - reads == {"hello", "auth", "select", "client|setname"}


def test_every_virtual_host_that_is_named_and_nothing_writable() -> None:
    assert vhosts(FULL) == ["it's", "jobs"]
    assert vhosts(Context()) == ["/"]
    words = [shlex.split(line) for line in rabbitmq_lines(FULL, "watcher") if not line.startswith("#")]
    assert words[1] == ["rabbitmqctl", "set_user_tags", "watcher", "monitoring"]
    assert words[2] == ["rabbitmqctl", "set_permissions", "-p", "it's", "watcher", "^$", "^$", "^$"]


@pytest.mark.parametrize("role", ['o"brien', "x;DROP", "it's", "$(id)", "роль", "a`b", "a\\b"])
def test_odd_names_are_quoted_everywhere(role: str) -> None:
    printed = list(lines(FULL, role, "operator"))
    quoted = '"' + role.replace('"', '""') + '"'
    assert f"CREATE ROLE {quoted} LOGIN CONNECTION LIMIT 8;" in printed
    for line in printed:
        if line.startswith("rabbitmqctl"):
            assert role in shlex.split(line)
        elif line.startswith(("GRANT", "ALTER", "CREATE")):
            assert line.count('"') % 2 == 0
            assert line.endswith(";")


@pytest.mark.parametrize(
    "role", ["", " ", "two words", "-rf", "a\x00", "a\x1b[2J", "a\u202eb", "a\nb", "x" * 64, "я" * 32]
)
def test_names_that_no_server_takes_are_refused(role: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert not usable(role)
    assert run(Loaded(Context(), None, (), discover=False), role) == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "\x1b" not in err
    assert "\x00" not in err


def test_a_context_that_names_no_table_gets_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Loaded(Context(), None, (), discover=False), "watcher", kind="operator") == 0
    out = capsys.readouterr().out
    for table in ("proxies", "catalog_tasks", "object_tasks", "dashboard_tasklock", "user_balances"):
        assert f" ON {table} TO watcher;" in out
    assert "address" not in out
    assert "%R~dramatiq:*" in out
