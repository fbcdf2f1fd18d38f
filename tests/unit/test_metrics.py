"""``unstick metrics``: names and units by the conventions, unknown without a sample, alert rules that name what there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.unit.boards import T0, crawler, dramatiq, frame, fresh, missing, played
from tests.unit.test_facts import made
from unstick.board.services import JUDGES
from unstick.cli.metrics import exposition
from unstick.facts.dramatiq import DramatiqProcess, DramatiqQueue
from unstick.facts.host import Disk, HostFacts
from unstick.facts.rabbitmq import RabbitConnection, RabbitFacts, RabbitQueue
from unstick.settings import Context
from unstick.views.metric_help import HELP
from unstick.views.metrics import PREFIX, metrics

ROOT = Path(__file__).parents[2]
HOST = HostFacts("h", 25.0, 2, 0.5, 0.4, 0.3, 40.0, 100, 60, 0.0, (Disk("/", 50.0, 7),), 1, 2, 3, 4, 5, (), 1.0, 9)
LINK = RabbitConnection('c"1\n', T0, "feature-service", None, "app", "/", None, 214, 2047, 60.0, "running")
RABBIT = RabbitFacts("management", "b", "3", (LINK,), 1, 214, (RabbitQueue("/", "q", 5, 1, 0),), 1)


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(text: str, name: str, **labels: str) -> float | None:
    return samples(text).get((PREFIX + name, frozenset(labels.items())))


def test_numbers_of_the_board() -> None:
    queue = DramatiqQueue("default", 198, 4, None, 0, T0 - 60)
    board = played(
        [
            frame(
                T0,
                fresh("crawler", crawler(T0), T0),
                fresh("dramatiq", dramatiq(T0, (DramatiqProcess("w", T0, 0, 0),), (queue,)), T0),
                fresh("rabbitmq", RABBIT, T0),
                fresh("host", HOST, T0),
            )
        ]
    )
    text = exposition(board)
    place = {"queue": "default", "system": "dramatiq", "place": "dramatiq"}
    assert value(text, "queue_messages", **place, state="ready") == 198
    assert value(text, "queue_messages", **place, state="delayed") is None, "unknown is not zero"
    assert value(text, "queue_oldest_message_age_seconds", **place) == 60
    assert [value(text, "proxies", state=state) for state in ("in_use", "blocked", "free")] == [60, 27, 13]
    assert value(text, "rabbitmq_connection_channels", connection=f'c"1\n@{T0:.0f}', client="feature-service") == 214
    assert value(text, "host_disk_free_bytes", mount="/") == 7
    assert value(text, "host_cpu_usage_ratio") == 0.25
    assert value(text, "source_up", source="crawler", server="server") == 1
    assert value(text, "last_look_timestamp_seconds") == T0
    assert value(text, "level") == board.level.rank


def test_what_cannot_be_seen_has_no_number() -> None:
    text = exposition(played([frame(T0 + 60, missing("crawler", T0), missing("dramatiq", T0))]))
    assert value(text, "source_up", source="crawler", server="server") == 0
    assert not re.search(r"^unstick_(proxies|workers|queue_\w+|locks|stuck_proxies)[ {]", text, re.MULTILINE)
    assert value(text, "findings", level="critical") is not None


@pytest.mark.parametrize("kind", JUDGES, ids=lambda kind: kind.__name__)
def test_every_number_of_every_system_is_told(kind: Any) -> None:
    names = ("server", "postgres-server") if kind.__name__ == "PostgresServerFacts" else ("server", "redis-server")
    system, name = names if kind.__name__.endswith("ServerFacts") else (SYSTEMS[kind.__name__], "x:y")
    board = played([frame(T0, fresh(name, made(kind, full=True), T0, system))], Context(name="test"))
    (item,) = board.subjects.services.items
    assert item.judged is not None
    told = {sample.name for metric in metrics(board) for sample in metric.samples}
    kind_name = name.partition("-")[0] if system == "server" else system.replace("-", "_")
    for number, known in item.judged.numbers:
        assert f"{kind_name}_{number}" in HELP, number
        assert known is None or f"{kind_name}_{number}" in told


SYSTEMS = {
    "AutomationFacts": "automation",
    "CeleryEventsFacts": "celery-events",
    "BeatFacts": "beat",
    "DependencyFacts": "dependency",
    "MaintenanceFacts": "maintenance",
    "ProbeFacts": "probe",
    "LogFacts": "log",
}


def test_names_follow_the_conventions() -> None:
    units = ("seconds", "bytes", "ratio", "total", "celsius")
    for name, words in HELP.items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert words.endswith(".")
        assert not re.search(r"_(ms|kb|mb|percent|minutes|hours)(_|$)", name), units
        assert not re.search(r"_(count|sum|bucket|gauge|counter)$", name)


def test_alert_rules_name_what_there_is() -> None:
    text = (ROOT / "docs" / "alerts.yml").read_text()
    named = set(re.findall(r"\bunstick_[a-z0-9_]+", re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)))
    assert named
    assert {name.removeprefix(PREFIX) for name in named} <= set(HELP)
    alerts = re.findall(r"- alert: (\w+)", text)
    assert len(alerts) == len(set(alerts)) > 20
    assert text.count("summary:") == text.count("severity:") == len(alerts)


def test_the_page_lists_every_metric() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    listed = dict(re.findall(r"^\| `unstick_([a-z0-9_]+)` \| (.*?) \|", page, flags=re.MULTILINE))
    assert listed == dict(HELP)
