"""Numbers of one's own: what their entries must say, and how they are judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.boards import T0, frame, fresh, played
from unstick.backends.base import BackendError
from unstick.backends.redis_reads import READ_COMMANDS
from unstick.board.board import Board
from unstick.config import ConfigError, load
from unstick.facts.level import Level
from unstick.facts.probe import ProbeFacts
from unstick.pollers.probe import promql_value, selector
from unstick.settings import PROBE_COMMANDS, Context


def board(
    value: float | None,
    warning: float | None = None,
    critical: float | None = None,
    *,
    below: bool = False,
    text: str | None = None,
) -> Board:
    fact = ProbeFacts("x", "users that left", "sql", value, text, "users", warning, critical, below)
    return played([frame(T0, fresh("probe:x", fact, T0))], Context(name="test"))


@pytest.mark.parametrize(
    ("value", "warning", "critical", "below", "level"),
    [
        (9, 10, 20, False, Level.OK),
        (10, 10, 20, False, Level.WARNING),
        (20, 10, 20, False, Level.CRITICAL),
        (20, 10, None, False, Level.WARNING),
        (10, None, 20, False, Level.OK),
        (20, None, 20, False, Level.CRITICAL),
        (1e12, None, None, False, Level.OK),
        (11, 10, 5, True, Level.OK),
        (10, 10, 5, True, Level.WARNING),
        (5, 10, 5, True, Level.CRITICAL),
        (-1, None, 0, True, Level.CRITICAL),
    ],
)
def test_limits(value: float, warning: float | None, critical: float | None, below: bool, level: Level) -> None:
    found = board(value, warning, critical, below=below)
    assert found.subjects.services.items[0].level is level
    assert [finding.level for finding in found.findings] == ([] if level is Level.OK else [level])


def test_what_is_said() -> None:
    (row,) = board(12345).subjects.services.items
    assert row.note == "users that left: 12,345 users"
    assert board(0.5, 0.25).findings[0].title == "probe:x: users that left: 0.5 users, warning from 0.25 users"
    assert board(3, 10, 5, below=True).findings[0].title.endswith("users that left: 3 users, critical below 5 users")


def test_no_value_is_unknown_and_never_zero() -> None:
    for text, words in ((None, "no value"), ("many", "no number: many")):
        (row,) = board(None, 0, 0, text=text).subjects.services.items
        assert (row.level, row.note) == (Level.UNKNOWN, words)
        assert row.judged is not None
        assert dict(row.judged.numbers)["value"] is None


def problems(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "unstick.toml"
    path.write_text(f"config_version = 1\n[[probe]]\nname = 'a'\n{text}\n")
    try:
        load(path, None, {})
    except ConfigError as error:
        return [str(problem).partition("unstick.toml:")[2].partition(": ")[2] for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "probe[1].name: asks nobody"),
        ("sql = 'SELECT 1'\nredis = ['LLEN', 'a']", "probe[1].name: asks sql and redis"),
        ("url = 'http://h'\njson = 'a'\nmetric = 'b'", "probe[1].json: asks for json and metric"),
        ("sql = 'SELECT 1'\njson = 'a'", "asks for json"),
        ("redis = ['KEYS', '*']", 'probe[1].redis: "KEYS" does not read one value'),
        ("redis = ['DEL', 'a']", 'probe[1].redis: "DEL" does not read one value'),
        ("sql = 'SELECT 1'\nwarning = 9\ncritical = 5", "probe[1].critical: critical 5 comes before warning 9"),
        ("sql = 'SELECT 1'\nwarning = 5\ncritical = 9\nbelow = true", "critical 9 comes before warning 5"),
        ("sql = 'SELECT 1'\nwarning = 'high'", "probe[1].warning: needs a number"),
    ],
)
def test_entries_that_make_no_sense(tmp_path: Path, text: str, words: str) -> None:
    (problem,) = problems(tmp_path, text)
    assert words in problem


@pytest.mark.parametrize(
    "text",
    [
        "sql = 'SELECT 1'\nwarning = 5\ncritical = 5",
        "redis = ['llen', 'outbox']\nredis_url = 'redis://h/3'",
        "url = 'http://h/stats'\njson = 'queues.0.depth'\nunit = 'messages'\nlabel = 'waiting mails'",
        "url = 'http://h/metrics'\nmetric = 'up{job=\"a\"}'\nbelow = true\ncritical = 0",
        "url = 'http://h/count.txt'",
        "url = 'http://h:9090'\npromql = 'sum(rate(errors_total[5m]))'",
    ],
)
def test_entries_that_do(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text) == []


def test_what_a_probe_may_say_to_redis_is_a_read() -> None:
    assert PROBE_COMMANDS <= READ_COMMANDS


@pytest.mark.parametrize("text", ["", "a b", '{a="b"}', "a{b}", 'a{b="c"', "a{b=c}", 'a{b="c" d="e"}'])
def test_selectors_that_are_none(text: str) -> None:
    with pytest.raises(BackendError, match="metric is not name"):
        selector(text)


@pytest.mark.parametrize(
    ("text", "labels"),
    [("a", {}), ("a{}", {}), ('a{b="c,d",}', {"b": "c,d"}), (r'a{ b = "say \"x\"" }', {"b": 'say "x"'})],
)
def test_selectors(text: str, labels: dict[str, str]) -> None:
    assert selector(text) == ("a", labels)


@pytest.mark.parametrize("document", [None, [], {"status": "success"}, {"status": "success", "data": {"result": 7}}])
def test_answers_of_prometheus_that_say_nothing(document: object) -> None:
    if isinstance(document, dict):
        assert promql_value(document, below=False) is None
    else:
        with pytest.raises(BackendError, match="Prometheus: bad reply"):
            promql_value(document, below=False)
