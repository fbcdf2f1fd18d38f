"""The doctor against real servers: what is reachable, what is missing, and that it proves it cannot write."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.lab.fixtures import Vhost
from tests.lab.servers import Postgres as PostgresServer
from tests.lab.servers import Redis as RedisServer
from unstick.cli.checkup.check import Check, Mark
from unstick.cli.checkup.here import here
from unstick.cli.doctor import as_text, examined, exit_code, run
from unstick.cli.grants import postgres_lines, redis_lines
from unstick.config import Loaded
from unstick.secret import Url
from unstick.settings import Celery, Context, Crawler, Dramatiq, Health, Locks, Postgres, RabbitMQ, Redis, Sync


def loaded(context: Context, *, discover: bool = False) -> Loaded:
    return Loaded(context, None, (), discover)


def checks(context: Context) -> list[Check]:
    return asyncio.run(examined(loaded(context)))[1]


def one(found: list[Check], words: str) -> Check:
    """The only check that says ``words``."""
    matching = [check for check in found if words in check.text]
    assert len(matching) == 1, found
    return matching[0]


def with_user(url: str, user: str, password: str) -> Url:
    parts = urlsplit(url)
    return Url(parts._replace(netloc=f"{user}:{password}@{parts.netloc.rpartition('@')[2]}").geturl())


def mapped(url: str | Url) -> Context:
    address = url if isinstance(url, Url) else Url(url)
    return Context(postgres=Postgres(url=address), crawler=Crawler(), locks=Locks(), sync=Sync())


@pytest.fixture
def role(postgres: PostgresServer, database: str) -> Iterator[str]:
    name = "eye_" + secrets.token_hex(4)
    postgres.psql(f"CREATE ROLE {name} LOGIN PASSWORD 'pw';")
    yield name
    postgres.psql(f"DROP OWNED BY {name}; DROP ROLE {name};", urlsplit(database).path[1:])


def test_a_superuser_is_warned_of_and_still_cannot_write(postgres: PostgresServer, database: str) -> None:
    name = urlsplit(database).path[1:]
    before = postgres.psql("SELECT sum(n_tup_upd + n_tup_ins + n_tup_del) FROM pg_stat_user_tables", name)
    found = checks(mapped(database))
    assert exit_code(found) == 0
    assert one(found, "PostgreSQL 1").mark is Mark.OK
    assert one(found, "proxies: reads id, is_in_use").mark is Mark.OK
    writing = one(found, "writing:")
    assert writing.mark is Mark.WARNING
    assert "refused with 25006" in writing.text
    assert "superuser" in writing.text
    assert writing.mend == "a role of its own: unstick grants watcher"
    assert one(found, "clock: within").mark is Mark.OK
    assert postgres.psql("SELECT sum(n_tup_upd + n_tup_ins + n_tup_del) FROM pg_stat_user_tables", name) == before


def test_a_watcher_made_by_grants_is_well(postgres: PostgresServer, database: str, role: str) -> None:
    lines = [line for line in postgres_lines(mapped(database), role, "watcher") if "CREATE ROLE" not in line]
    postgres.psql("\n".join(lines), urlsplit(database).path[1:])
    found = checks(mapped(with_user(database, role, "pw")))
    assert {check.mark for check in found if check.subject != "actions"} == {Mark.OK}
    assert one(found, "would use the login of [postgres]").mark is Mark.NOTE
    assert "refused with 25006" in one(found, "writing:").text
    assert "has no right to" in one(found, "writing:").text


def test_missing_rights_come_with_the_line_that_mends_them(
    postgres: PostgresServer, database: str, role: str
) -> None:
    name = urlsplit(database).path[1:]
    postgres.psql(f"GRANT SELECT (id, is_in_use) ON proxies TO {role}; GRANT UPDATE ON proxies TO {role};", name)
    context = mapped(with_user(database, role, "pw"))
    found = checks(context)
    assert exit_code(found) == 77
    missing = [check for check in found if check.mark is Mark.MISSING]
    assert [check.text.partition(":")[0] for check in missing] == [
        *("proxies", "catalog_tasks", "object_tasks", "dashboard_tasklock", "user_balances")
    ]
    assert missing[0].text == "proxies: may not read is_blocked, worker_id, updated_at, xmin"
    assert f"{role} could change proxies (UPDATE)" in one(found, "writing:").text
    for check in missing:
        assert check.mend.startswith("GRANT SELECT (")
        postgres.psql(check.mend, name)
    assert exit_code(checks(context)) == 0


def test_names_that_the_database_does_not_have(postgres: PostgresServer, database: str, role: str) -> None:
    name = urlsplit(database).path[1:]
    postgres.psql("CREATE SCHEMA shop; ALTER TABLE dashboard_tasklock SET SCHEMA shop;", name)
    context = Context(
        postgres=Postgres(url=Url(database)),
        crawler=Crawler(worker="holder", changed_at=None),
        locks=Locks(),
        sync=Sync(table="balances"),
    )
    found = checks(context)
    assert exit_code(found) == 77
    assert one(found, "proxies: no column holder").mend == "set crawler.worker"
    assert one(found, "no table dashboard_tasklock; there is shop.dashboard_tasklock").mend.startswith(
        "set locks.table"
    )
    assert one(found, "no table balances").mend == "set sync.table to the right name"
    entered = Context(
        postgres=Postgres(url=with_user(database, role, "pw")), locks=Locks(table="shop.dashboard_tasklock")
    )
    assert one(checks(entered), "no way into its schema").mend == f'GRANT USAGE ON SCHEMA "shop" TO "{role}"'


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_servers_that_do_not_answer(closed_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    place = f"127.0.0.1:{closed_port}"
    context = Context(
        postgres=Postgres(url=Url(f"postgresql://u:S3CR3T@{place}/x")),
        redis=Redis(url=Url(f"redis://:S3CR3T@{place}/0")),
        rabbitmq=RabbitMQ(management_url=Url(f"http://u:S3CR3T@{place}")),
        health=(Health(url=Url(f"http://{place}"), name="web"),),
        celery=(Celery(url=Url(f"amqp://u:S3CR3T@{place}/")),),
    )
    found = checks(context)
    down = {check.subject: check for check in found if check.mark is Mark.DOWN}
    assert set(down) == {"postgres", "redis", "rabbitmq", "health web"}
    assert all(place in check.text and check.mend for check in down.values())
    assert down["rabbitmq"].mend == "start the server, or correct rabbitmq.management_url"
    assert run(loaded(context), json=True) == 69
    out = capsys.readouterr().out
    told = json.loads(out)
    assert (told["schema"], told["exit_code"]) == (1, 69)
    assert {"subject", "level", "text", "mend"} == set(told["checks"][0])
    assert "S3CR3T" not in out


def test_wrong_passwords_are_missing_rights(
    postgres: PostgresServer, database: str, redis_server: RedisServer, redis_url: str, vhost: Vhost
) -> None:
    context = Context(
        postgres=Postgres(url=with_user(database, "lab", "S3CR3T")),
        redis=Redis(url=with_user(redis_url, "nobody", "S3CR3T")),
        rabbitmq=RabbitMQ(management_url=with_user(vhost.management_url, "guest", "S3CR3T")),
        celery=(Celery(),),
    )
    found = [check for check in checks(context) if check.subject in {"postgres", "redis", "rabbitmq"}]
    assert [(check.subject, check.mark) for check in found] == [
        *(("postgres", Mark.MISSING), ("redis", Mark.MISSING), ("rabbitmq", Mark.MISSING))
    ]
    assert "S3CR3T" not in str(found)


def test_redis_with_all_rights_and_with_those_of_grants(redis_server: RedisServer, redis_url: str) -> None:
    context = Context(redis=Redis(url=Url(redis_url)), dramatiq=(Dramatiq(),), celery=(Celery(),), sync=Sync())
    number = int(redis_url.rpartition("/")[2])
    with redis_server.monitor() as commands:
        found = [check for check in checks(context) if check.subject == "redis"]
    assert [check.mark for check in found] == [Mark.OK, Mark.OK, Mark.OK, Mark.WARNING]
    assert "default may DEL, SET, LPUSH, KEYS, FLUSHALL" in found[3].text
    assert "Redis 7" in found[0].text or "Redis 8" in found[0].text
    sent = {line.split('"')[1].upper() for line in commands if "[" in line}
    assert not sent & {"DEL", "SET", "LPUSH", "KEYS", "FLUSHALL"}
    assert redis_server.cli("DBSIZE", db=number) == "0"

    name = "eye-" + secrets.token_hex(4)
    try:
        line = next(line for line in redis_lines(context, name) if line.startswith("ACL"))
        redis_server.cli(*line.split())
        redis_server.cli("ACL", "SETUSER", name, ">pw")
        watcher = Context(
            redis=Redis(url=with_user(redis_url, name, "pw")), dramatiq=(Dramatiq(),), celery=(Celery(),), sync=Sync()
        )
        found = [check for check in checks(watcher) if check.subject == "redis"]
        assert [check.mark for check in found] == [Mark.OK] * 4
        assert f"writing: {name} may not (DEL, SET" in found[3].text

        redis_server.cli("ACL", "SETUSER", name, "-zcard", "-acl|dryrun")
        found = [check for check in checks(watcher) if check.subject == "redis"]
        assert exit_code(found) == 77
        (missing,) = [check for check in found if check.mark is Mark.MISSING]
        assert missing.mend == f"ACL SETUSER {name} +zcard"
        assert one(found, "writing:").mark is Mark.UNKNOWN
    finally:
        redis_server.cli("ACL", "DELUSER", name)


def _user(vhost: Vhost, tags: str, rights: str | None) -> Url:
    name = "eye-" + secrets.token_hex(4)
    vhost.server.api("PUT", f"users/{name}", {"password": "pw", "tags": tags})
    if rights is not None:
        body = {"configure": rights, "write": rights, "read": ".*"}
        vhost.server.api("PUT", f"permissions/{vhost.name}/{name}", body)
    return with_user(vhost.management_url, name, "pw")


@pytest.mark.parametrize(
    ("tags", "rights", "marks", "mends"),
    [
        ("monitoring", "^$", {Mark.OK, Mark.UNKNOWN}, "on the broker: rabbitmqctl list_user_permissions"),
        ("management", "^$", {Mark.OK, Mark.UNKNOWN, Mark.MISSING}, "rabbitmqctl set_user_tags eye-"),
        ("monitoring", None, {Mark.OK, Mark.UNKNOWN, Mark.MISSING}, "rabbitmqctl set_permissions -p test-"),
        ("", "^$", {Mark.MISSING}, "rabbitmqctl set_user_tags eye-"),
        ("administrator", ".*", {Mark.OK, Mark.WARNING}, "a user of its own: unstick grants watcher"),
    ],
)
def test_rabbitmq_users(vhost: Vhost, tags: str, rights: str | None, marks: set[Mark], mends: str) -> None:
    url = _user(vhost, tags, rights)
    context = Context(rabbitmq=RabbitMQ(management_url=url, vhosts=(vhost.name,)))
    found = [check for check in checks(context) if check.subject == "rabbitmq"]
    assert {check.mark for check in found} == marks
    assert [check.mend for check in found if check.mend.startswith(mends)]
    assert exit_code(found) == (77 if Mark.MISSING in marks else 0)
    user = urlsplit(url.reveal()).username
    vhost.server.api("DELETE", f"users/{user}")


def test_amqp_alone(vhost: Vhost) -> None:
    vhost.server.api("PUT", f"queues/{vhost.name}/mail", {"durable": True})
    context = Context(rabbitmq=RabbitMQ(url=Url(vhost.amqp_url), queues=("mail", "lost")))
    found = [check for check in checks(context) if check.subject == "rabbitmq"]
    assert [check.mark for check in found] == [Mark.OK, Mark.WARNING, Mark.UNKNOWN]
    assert found[1].text == f"no queue lost in {vhost.name}"
    assert vhost.server.api("GET", f"queues/{vhost.name}/mail")["name"] == "mail"
    assert [queue["name"] for queue in vhost.server.api("GET", f"queues/{vhost.name}")] == ["mail"]


def test_this_side(tmp_path: Path) -> None:
    file = tmp_path / "unstick.toml"
    file.write_text("")
    file.chmod(0o622)
    utf8 = {"TERM": "xterm-256color"}
    found = here(Context(crawler=Crawler()), file, utf8, encoding="utf-8")
    assert one(found, "mode 0622").mend == f"chmod 600 {file}"
    assert "256 colours" in one(found, "terminal").text
    assert one(found, "watches crawler").mark is Mark.OK
    found = here(Context(), None, {"TERM": "dumb", "NO_COLOR": "1"}, encoding="ascii")
    assert one(found, "no configuration file").mark is Mark.NOTE
    assert one(found, "terminal dumb").mark is Mark.WARNING
    assert one(found, "watches nothing but this host").mark is Mark.WARNING


def test_texts_are_aligned_and_harmless() -> None:
    found = [Check("here", Mark.OK, "fine"), Check("postgres", Mark.MISSING, "not ◆", "GRANT x")]
    assert list(as_text(found, unicode=True, colour=False)) == [
        "● ok       here      fine",
        "✖ missing  postgres  not ◆",
        "                     mend: GRANT x",
    ]
    plain = list(as_text(found, unicode=False, colour=False))
    assert plain[1] == "x missing  postgres  not \\u25c6"
    assert next(as_text(found, unicode=True, colour=True)) == "\x1b[32m● ok     \x1b[0m  here      fine"


def test_names_from_servers_reach_the_terminal_harmless(postgres: PostgresServer, database: str) -> None:
    name = urlsplit(database).path[1:]
    nasty = 'x\x1b[31m"y'
    quoted = nasty.replace('"', '""')
    postgres.psql(f"CREATE ROLE \"{quoted}\" LOGIN PASSWORD 'pw';")
    try:
        from urllib.parse import quote  # noqa: PLC0415

        found = checks(mapped(with_user(database, quote(nasty, safe=""), "pw")))
        text = "\n".join(as_text(found, unicode=True, colour=False))
        assert exit_code(found) == 77
        assert "\x1b" not in text
        assert "x^[[31m" in text
    finally:
        postgres.psql(f'DROP ROLE "{quoted}";', name)


def test_the_printed_answer_and_its_code(database: str, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    assert run(loaded(Context(postgres=Postgres(url=Url(database))), discover=True)) == 0
    out = capsys.readouterr().out
    assert "proxies: reads id" in out
    assert "\x1b" not in out
