"""What a good configuration becomes: contexts, the environment, expansion, password files, spans."""

from __future__ import annotations

from pathlib import Path

import pytest

from unstick import settings
from unstick.config import ConfigError, Loaded, load
from unstick.config.values import WrongError, seconds, span
from unstick.secret import Url
from unstick.settings import FLOORS

CANARY = "S3CR3T-canary"


def read(folder: Path, text: str, environ: dict[str, str] | None = None, context: str | None = None) -> Loaded:
    path = folder / "unstick.toml"
    path.write_text(text)
    path.chmod(0o600)
    return load(path, context, environ or {})


def revealed(url: Url | None) -> str | None:
    return None if url is None else url.reveal()


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    loaded = read(tmp_path, "")
    assert loaded.context == settings.Context()
    assert loaded.contexts == ()
    assert loaded.discover


def test_nothing_but_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    environ = {
        "DATABASE_URL": f"postgresql+asyncpg://app:{CANARY}@db/shop",
        "REDIS_URL": "redis://cache:6379/1",
        "RABBITMQ_URL": "amqp://rabbit//",
        "RABBITMQ_MANAGEMENT_URL": "",
        "CELERY_BROKER_URL": "pyamqp://rabbit/jobs;pyamqp://other/jobs",
    }
    loaded = load(None, None, environ)
    context = loaded.context
    assert loaded.path is None
    assert loaded.discover
    assert revealed(context.postgres.url) == f"postgresql://app:{CANARY}@db/shop"
    assert revealed(context.redis.url) == "redis://cache:6379/1"
    assert context.rabbitmq.management_url is None
    assert [revealed(entry.url) for entry in context.celery] == ["amqp://rabbit/jobs"]
    assert dict(loaded.variables) == {
        "postgres.url": "DATABASE_URL",
        "redis.url": "REDIS_URL",
        "rabbitmq.url": "RABBITMQ_URL",
        "celery.0.url": "CELERY_BROKER_URL",
    }
    assert CANARY not in repr(loaded)


def test_where_the_file_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, home = tmp_path / "here", tmp_path / "home"
    (home / "unstick").mkdir(parents=True)
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    assert load(None, None, {}).path is None
    (home / "unstick" / "unstick.toml").write_text("")
    assert load(None, None, {}).path == home / "unstick" / "unstick.toml"
    (here / "unstick.toml").write_text("")
    assert load(None, None, {}).path == Path("unstick.toml")
    named = tmp_path / "named.toml"
    named.write_text("")
    assert load(named, None, {}).path == named


def test_a_context_lies_over_the_defaults_key_by_key_and_arrays_are_replaced(tmp_path: Path) -> None:
    text = """
default_context = "prod"
color = "green"
[thresholds]
grace = "3m"
stall = "90s"
[rabbitmq]
queues = ["a", "b"]
[[dramatiq]]
name = "one"
[[dramatiq]]
name = "two"
[crawler]
[context.prod]
color = "red"
production = true
[context.prod.thresholds]
grace = "4m"
[context.dev]
crawler = false
rabbitmq = { queues = ["c"] }
[[context.dev.dramatiq]]
name = "three"
"""
    loaded = read(tmp_path, text)
    prod, dev = loaded.context, read(tmp_path, text, context="dev").context
    assert loaded.contexts == ("prod", "dev")
    assert (prod.name, prod.color, prod.production) == ("prod", "red", True)
    assert (dev.name, dev.color, dev.production) == ("dev", "green", False)
    assert (prod.thresholds.grace_s, prod.thresholds.stall_s) == (240, 90)
    assert (dev.thresholds.grace_s, dev.thresholds.stall_s) == (180, 90)
    assert (prod.rabbitmq.queues, dev.rabbitmq.queues) == (("a", "b"), ("c",))
    assert [entry.name for entry in prod.dramatiq] == ["one", "two"]
    assert [entry.name for entry in dev.dramatiq] == ["three"]
    assert prod.crawler == settings.Crawler()
    assert dev.crawler is None


def test_one_context_is_the_default_one(tmp_path: Path) -> None:
    assert read(tmp_path, "[context.only]\n").context.name == "only"


def test_the_environment_fills_what_the_chosen_context_leaves_unset(tmp_path: Path) -> None:
    environ = {
        "DATABASE_URL": "postgresql://env/x",
        "REDIS_URL": "redis://env/0",
        "CELERY_BROKER_URL": "redis://env/5",
    }
    text = """
[postgres]
url = "postgresql://file/x"
[context.a]
redis = { url = false }
[[context.a.celery]]
[[context.a.celery]]
name = "own"
url = "redis://file/9"
"""
    context = read(tmp_path, text, environ).context
    assert revealed(context.postgres.url) == "postgresql://file/x"
    assert context.redis.url is None
    assert [revealed(entry.url) for entry in context.celery] == ["redis://env/5", "redis://file/9"]


def test_a_file_that_names_a_system_is_not_added_to(tmp_path: Path) -> None:
    loaded = read(tmp_path, "[locks]\n", {"CELERY_BROKER_URL": "redis://env/5"})
    assert not loaded.discover
    assert loaded.context.celery == ()
    assert read(tmp_path, '[screen]\ntheme = "x"\n').discover


def test_variables_inside_texts(tmp_path: Path) -> None:
    environ = {"HOST": "db", "PREFIX": "$${HOST}"}
    context = read(
        tmp_path,
        '[postgres]\nurl = "postgresql://${HOST}/x"\n[[celery]]\nkey_prefix = "${PREFIX}a$${b}$c$$d"\n',
        environ,
    ).context
    assert revealed(context.postgres.url) == "postgresql://db/x"
    assert context.celery[0].key_prefix == "$${HOST}a${b}$c$$d"


def test_what_stands_in_a_variable_of_the_environment_is_not_expanded(tmp_path: Path) -> None:
    context = read(tmp_path, "", {"REDIS_URL": "redis://:a${b}c@h/0"}).context
    assert revealed(context.redis.url) == "redis://:a${b}c@h/0"


@pytest.mark.parametrize("password", ["simple", "p@ss/w#rd?", "per%cent", "пароль", "a b", "${HOME}"])
def test_password_files(tmp_path: Path, password: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text(password + "\n")
    secret.chmod(0o400)
    context = read(
        tmp_path,
        '[postgres]\nurl = "postgresql://app@db/x"\npassword_file = "secret"\n'
        f'[redis]\npassword_file = "{secret}"\n'
        '[rabbitmq]\nmanagement_url = "http://mon@rabbit:15672"\nmanagement_password_file = "secret"\n'
        '[locks]\nurls = ["http://h:1"]\npassword_file = "secret"\n'
        '[sync]\nredis_url = "redis://c"\nredis_password_file = "secret"\n',
        {"REDIS_URL": "redis://cache/0"},
    ).context
    from urllib.parse import unquote, urlsplit  # noqa: PLC0415

    urls = [context.postgres.url, context.redis.url, context.rabbitmq.management_url]
    urls += [*context.locks.urls, context.sync.redis_url] if context.locks and context.sync else []
    assert len(urls) == 5
    for url in urls:
        parts = urlsplit(url.reveal() if url else "")
        assert unquote(parts.password or "") == password
        assert parts.hostname in {"db", "cache", "rabbit", "h", "c"}


@pytest.mark.parametrize(
    ("mode", "data", "words"),
    [
        (0o644, b"x\n", "is mode 0644: others may read it; mend: chmod 600"),
        (0o640, b"x\n", "is mode 0640: others may read it"),
        (0o600, b"", "does not hold one line"),
        (0o600, b"a\nb\n", "does not hold one line"),
        (0o600, b"x" * 5000, "is over 4096 bytes"),
        (0o600, b"\xff", "is not UTF-8 text"),
    ],
)
def test_password_files_that_are_refused(tmp_path: Path, mode: int, data: bytes, words: str) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(data)
    secret.chmod(mode)
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, '[redis]\nurl = "redis://h"\npassword_file = "secret"\n')
    (only,) = caught.value.problems
    assert (only.line, only.key) == (3, "redis.password_file")
    assert words in str(only)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[redis]\npassword_file = "s"\n', "there is no usable url beside it"),
        ('[redis]\nurl = "redis://:a@h"\npassword_file = "s"\n', "url already has a password; mend: keep one"),
        ('[redis]\nurl = "redis://h"\npassword_file = "nowhere"\n', "nowhere cannot be read (No such file"),
        ('[redis]\nurl = "redis://h"\npassword_file = 1\n', "needs a text in quotes (got 1)"),
    ],
)
def test_password_files_that_do_not_fit(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    (only,) = caught.value.problems
    assert words in str(only)


def test_false_means_there_is_none(tmp_path: Path) -> None:
    context = read(tmp_path, "[crawler]\nblocked = false\nchanged_at = false\n[locks]\ntable = false\n").context
    assert context.crawler is not None
    assert context.locks is not None
    assert (context.crawler.blocked, context.crawler.changed_at, context.locks.table) == (None, None, None)


def test_every_span_and_table_of_a_full_file(tmp_path: Path) -> None:
    context = read(
        tmp_path,
        """
[sync]
every = "1h"
fields = { last_success_at = "result.finished" }
[[celery]]
visibility_timeout = "2h"
priority_steps = [0, 9]
[intervals]
rabbitmq = "5s"
dramatiq = "500ms"
[screen]
ascii = true
keys = { filter = "ctrl+f" }
[crawler]
tasks = [{ table = "a" }, { table = "b", heartbeat = false }]
""",
    ).context
    assert context.sync is not None
    assert context.crawler is not None
    assert (context.sync.every_s, context.sync.fields) == (3600, {"last_success_at": "result.finished"})
    assert (context.celery[0].visibility_timeout_s, context.celery[0].priority_steps) == (7200, (0, 9))
    assert (context.intervals.rabbitmq_s, context.intervals.dramatiq_s) == (FLOORS.rabbitmq_s, FLOORS.dramatiq_s)
    assert (context.screen.ascii, context.screen.keys) == (True, {"filter": "ctrl+f"})
    assert [(task.table, task.heartbeat) for task in context.crawler.tasks] == [("a", "heartbeat_at"), ("b", None)]


@pytest.mark.parametrize(
    ("text", "value"), [("250ms", 0.25), ("30s", 30), ("5m", 300), ("1h", 3600), ("2d", 172_800), ("1.5h", 5400)]
)
def test_spans(text: str, value: float) -> None:
    assert seconds(text) == value
    assert seconds(span(value)) == value


@pytest.mark.parametrize("text", ["", "30", "s", "-1s", "1 week", "1h30m", "1e3s", "９s", "inf"])
def test_no_spans(text: str) -> None:
    with pytest.raises(WrongError):
        seconds(text)


@pytest.mark.parametrize(
    ("table", "url", "revealed_url"),
    [
        ("postgres", "postgres://h/x", "postgres://h/x"),
        ("postgres", "POSTGRESQL+psycopg2://u@h/x?sslmode=require", "postgresql://u@h/x?sslmode=require"),
        ("postgres", "postgresql:///x?host=/run/postgresql", "postgresql:///x?host=/run/postgresql"),
        ("postgres", "postgresql://a:1,b:2/x", "postgresql://a:1,b:2/x"),
        ("redis", "rediss://[::1]:6379/3", "rediss://[::1]:6379/3"),
        ("redis", "unix:///run/redis.sock?db=1", "unix:///run/redis.sock?db=1"),
        ("redis", "redis+socket:///run/redis.sock", "unix:///run/redis.sock"),
        ("rabbitmq", "amqps://u:%2F%23@h/%2F", "amqps://u:%2F%23@h/%2F"),
    ],
)
def test_urls_that_are_fine(tmp_path: Path, table: str, url: str, revealed_url: str) -> None:
    context = read(tmp_path, f'[{table}]\nurl = "{url}"\n').context
    assert revealed(getattr(context, table).url) == revealed_url
