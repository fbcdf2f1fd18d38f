"""The written file: it loads to what was found, holds no secret, and every line of it can be taken into use."""

from __future__ import annotations

import itertools
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from unstick.cli.init import run, without_password, written
from unstick.config import Loaded, from_environment, load
from unstick.config.schema import inner_table, keys
from unstick.secret import Url
from unstick.settings import Celery, Context, Crawler, Dramatiq, Locks, RabbitMQ, Sync, TaskTable

CANARY = "S3CR3T-canary"
ENVIRON = {
    "DATABASE_URL": f"postgresql+asyncpg://app:{CANARY}@db/shop",
    "REDIS_URL": f"redis://:{CANARY}@cache/0",
    "RABBITMQ_URL": f"amqp://app:{CANARY}@rabbit/jobs",
    "CELERY_BROKER_URL": f"redis://:{CANARY}@cache/5",
}


def reload(folder: Path, text: str, environ: dict[str, str]) -> Loaded:
    path = folder / "unstick.toml"
    path.write_text(text)
    path.chmod(0o644)
    return load(path, None, environ)


def environment(**found: Any) -> tuple[Loaded, Context]:
    loaded = from_environment(ENVIRON)
    return loaded, msgspec.structs.replace(loaded.context, **found)


def test_what_was_found_is_what_loads(tmp_path: Path) -> None:
    loaded = from_environment(ENVIRON)
    rabbit = loaded.context.rabbitmq.url
    assert rabbit is not None
    found = msgspec.structs.replace(
        loaded.context,
        crawler=Crawler(blocked=None, tasks=(TaskTable("catalog_tasks", heartbeat=None),)),
        locks=Locks(),
        sync=Sync(synced_at=None),
        dramatiq=(
            Dramatiq(queues=("mail", 'odd"\\name', "${HOME}", "$${x", "пошта\x7f\x01")),
            Dramatiq(name="rabbit", url=rabbit, queues=("jobs",)),
        ),
        celery=(
            Celery(url=loaded.context.celery[0].url, queues=("balance_sync",)),
            Celery(name="two", key_prefix="p:"),
        ),
    )
    text = written(loaded, found)
    again = reload(tmp_path, text, ENVIRON)
    assert again.context.celery[1].url == loaded.context.redis.url
    second = msgspec.structs.replace(again.context.celery[1], url=None)
    assert msgspec.structs.replace(again.context, celery=(again.context.celery[0], second)) == found
    assert not again.discover
    assert CANARY not in text
    for name in ENVIRON:
        assert f'"${{{name}}}"' in text


def test_nothing_found_leaves_everything_to_be_found(tmp_path: Path) -> None:
    loaded = from_environment({})
    again = reload(tmp_path, written(loaded, loaded.context), {})
    assert again.context == Context()
    assert again.discover


def test_urls_that_no_variable_gave_lose_their_password(tmp_path: Path) -> None:
    management = Url(f"http://app:{CANARY}@rabbit:15672")
    other = Url(f"amqp://app:{CANARY}@rabbit/other")
    loaded, found = environment(dramatiq=(Dramatiq(url=other, queues=("a",)),))
    rabbitmq = msgspec.structs.replace(found.rabbitmq, management_url=management)
    text = written(loaded, msgspec.structs.replace(found, rabbitmq=rabbitmq))
    assert CANARY not in text
    assert 'management_url = "http://app@rabbit:15672"' in text
    assert "# A private file with the password for management_url, which is not written here." in text
    again = reload(tmp_path, text, ENVIRON).context
    assert again.dramatiq[0].url == Url("amqp://app@rabbit/other")
    assert isinstance(again.rabbitmq, RabbitMQ)


def test_every_commented_key_can_be_taken_into_use(tmp_path: Path) -> None:
    text = written(from_environment({}), Context())
    used = "\n".join(line.removeprefix("#") if re.match(r"#[\[a-z]", line) else line for line in text.splitlines())
    secret = tmp_path / "unstick.password"
    secret.write_text("x\n")
    secret.chmod(0o600)
    context = reload(tmp_path, used, {}).context
    assert (context.name, context.color, context.production) == ("prod", "red", True)
    defaults = Context()
    assert (context.thresholds, context.intervals, context.host) == (
        *(defaults.thresholds, defaults.intervals, defaults.host),
    )
    assert context.crawler == Crawler()
    assert context.locks is not None
    assert msgspec.structs.replace(context.locks, urls=(), redis_url=None, redis_worker=None) == Locks()
    document = tomllib.loads(used)
    for key in keys(Context).values():
        table = inner_table(key)
        if table is not None:
            section = document[key.name][0] if isinstance(document[key.name], list) else document[key.name]
            assert {name for name in section if not name.endswith("password_file")} == set(keys(table))


def test_every_key_is_explained() -> None:
    lines = written(from_environment({}), Context()).splitlines()
    for before, line in itertools.pairwise(lines):
        if re.match(r"#?[a-z_]+ = ", line) and not line.startswith(
            ("config_version", "#default_context", '#color = "red')
        ):
            assert before.startswith(("# ", "#[", "#production")), line
            assert before != "# "


def test_the_file_is_private_and_never_replaced_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "unstick.toml"
    assert run({}, output=target) == 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    first = target.read_text()
    target.write_text("mine")
    assert run({}, output=target) == 64
    assert target.read_text() == "mine"
    assert capsys.readouterr().err == f"unstick: {target}: exists already; mend: name another file, or --force\n"
    assert run({}, output=target, force=True) == 0
    assert target.read_text() == first
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["unstick.toml"]


def test_a_dangling_link_is_not_written_through(tmp_path: Path) -> None:
    target, elsewhere = tmp_path / "unstick.toml", tmp_path / "elsewhere"
    target.symlink_to(elsewhere)
    assert run({}, output=target) == 64
    assert not elsewhere.exists()


def test_a_place_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run({}, output=tmp_path / "nowhere" / "unstick.toml") == 74
    assert "cannot be written (No such file or directory); mend:" in capsys.readouterr().err


def test_a_broken_environment_is_told_and_nothing_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert run({"REDIS_URL": f"redis://:{CANARY}@/0"}) == 78
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("unstick: environment: REDIS_URL: no host in redis://***@/0")
    assert CANARY not in err


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:pw@h/0", "redis://h/0"),
        ("amqp://u:pw@h/v", "amqp://u@h/v"),
        ("http://h:1", "http://h:1"),
        ("postgresql://u@h/x?password=pw&sslmode=require", "postgresql://u@h/x"),
        ("postgresql://u:pw@h/x?sslmode=require", "postgresql://u@h/x?sslmode=require"),
    ],
)
def test_passwords_are_taken_out(url: str, shown: str) -> None:
    assert without_password(Url(url)) == shown
