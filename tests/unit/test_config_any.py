"""Whatever stands in the file: a context, or problems that are harmless lines and quote no password."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from unstick.config import ConfigError, Loaded, load
from unstick.config.schema import inner_table, keys, toml
from unstick.facts.text import clean
from unstick.settings import Context
from unstick.tui.own import check_screen

CANARY = "S3CR3Tcanary"
_TABLES = {key.name: table for key in keys(Context).values() if (table := inner_table(key)) is not None}
_names = st.sampled_from(
    sorted({*_TABLES, *(name for table in _TABLES.values() for name in keys(table)), "context", "default_context"})
)
_urls = st.builds(
    "{}://{}{}@{}{}".format,
    st.sampled_from(["redis", "postgresql", "amqp", "http", "x", ""]),
    st.sampled_from(["u:", ":", "u:a/", "u:a@"]),
    st.just(CANARY) | st.just(CANARY + "#") | st.just("/" + CANARY) | st.just("?" + CANARY) | st.just("%" + CANARY),
    st.sampled_from(["h", "h:1", "h:x", "", "[::1]", "[", "h,g", "h:99999"]),
    st.sampled_from(["", "/", "/0", "/db", "/a@b", "#f", "?password=" + CANARY]),
)
_scalars = st.one_of(
    st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=12),
    st.sampled_from(["30s", "1h", "${NOWHERE}", "$${", "${", "worker_id; drop", "\x1b[2J"]), _urls,
)  # fmt: skip
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names | st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


def as_toml(document: dict[str, Any]) -> str:
    return "".join(f"{msgspec.json.encode(key).decode()} = {_inline(value)}\n" for key, value in document.items())


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        pairs = (f"{msgspec.json.encode(key).decode()} = {_inline(item)}" for key, item in value.items())
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    return repr(value) if isinstance(value, float) else toml(value)


def outcome(data: bytes) -> Loaded | ConfigError:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "unstick.toml"
        file.write_bytes(data)
        file.chmod(0o600)
        try:
            return load(file, None, {"DATABASE_URL": f"postgresql://u:{CANARY}@h/x"}, check_screen=check_screen)
        except ConfigError as error:
            return error


def judged(data: bytes) -> None:
    found = outcome(data)
    if isinstance(found, Loaded):
        assert isinstance(found.context, Context)
        assert CANARY not in repr(found)
        return
    assert found.exit_code == 78
    assert 1 <= len(found.problems) <= 21
    for problem in found.problems:
        assert clean(str(problem), 600) == str(problem)
        assert CANARY not in str(problem)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(_names, _values, max_size=6))
@example({"screen": {"keys": {"filter": "\u2028"}}})
@example({"context": {"a": {"redis": {"url": f"redis://:{CANARY}@h:x/0"}}}})
def test_any_document(document: dict[str, Any]) -> None:
    judged(as_toml(document).encode("utf-8", "surrogatepass"))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80))
@example(b"a = '''")
@example(b"\r\n[a\r\n")
def test_any_bytes(data: bytes) -> None:
    judged(data)


@settings(max_examples=300, deadline=None)
@given(_urls, st.sampled_from(["postgres", "redis", "rabbitmq"]))
def test_any_url(url: str, table: str) -> None:
    judged(f"[{table}]\nurl = {toml(url)}\n".encode())
