"""The command line: exit codes, one line per error, nothing but results on standard output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.boards import T0, crawler, frame, fresh, missing, played
from unstick.board.board import fold
from unstick.cli.main import run
from unstick.cli.watch import changes
from unstick.facts.crawler import ProxyRow

DOWN = """config_version = 1
[postgres]
url = "postgresql://app:${APP_PASSWORD}@127.0.0.1:1/x"
[redis]
url = "redis://127.0.0.1:1/0"
[rabbitmq]
management_url = "http://127.0.0.1:1"
[crawler]
[locks]
[sync]
[[dramatiq]]
[[celery]]
[host]
enabled = false
"""


@pytest.fixture
def down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("APP_PASSWORD", "S3CR3T-canary")
    file = tmp_path / "unstick.toml"
    file.write_text(DOWN)
    file.chmod(0o600)
    return file


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--bogus"], 64),
        (["bogus"], 64),
        (["watch", "--bogus"], 64),
        (["grants"], 64),
        (["status", "--bogus"], 3),
        (["status", "--timeout", "never"], 3),
        (["watch", "-c", "/nowhere/unstick.toml"], 66),
        (["doctor", "-c", "/nowhere/unstick.toml"], 66),
        (["status", "-c", "/nowhere/unstick.toml"], 3),
    ],
)
def test_a_mistake_is_one_line_on_standard_error(
    arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("unstick: ")
    assert err.count("\n") == 1
    assert "; mend: " in err


def test_hostile_arguments_reach_the_terminal_harmlessly(capsys: pytest.CaptureFixture[str]) -> None:
    run(["\x1b]52;c;aGk=\x07"])
    assert "\x1b" not in capsys.readouterr().err


def test_status_of_servers_that_are_down_is_critical_and_keeps_its_secret(
    down: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["status", "-c", str(down)]) == 2
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("UNSTICK CRITICAL - default: cannot tell")
    assert "S3CR3T" not in out
    assert run(["status", "--json", "-c", str(down)]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["proxies"]["total"] is None
    assert {source["state"] for source in told["sources"].values()} == {"missing"}
    assert "S3CR3T" not in json.dumps(told)


def test_options_before_the_command_count_too(down: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-c", str(down), "status", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["context"] == "default"


def test_an_internal_error_is_one_line_and_a_private_file(
    down: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> None:
        password = "S3CR3T-local"
        raise RuntimeError(f"boom {len(password)}")

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("unstick.cli.wiring.lane_specs", fails)
    monkeypatch.setattr("unstick.cli.watch.lane_specs", fails)
    assert run(["watch", "-c", str(down)]) == 70
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "boom 12" in err
    (crash,) = (tmp_path / "unstick").glob("crash-*.txt")
    assert crash.stat().st_mode & 0o777 == 0o600
    assert "RuntimeError" in crash.read_text()


def test_the_board_refuses_what_is_no_terminal(down: Path) -> None:
    root = Path(__file__).parents[2]
    environ = os.environ | {"PYTHONPATH": str(root / "src"), "APP_PASSWORD": "x"}
    done = subprocess.run(
        [sys.executable, "-m", "unstick", "-c", str(down)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=environ,
        timeout=30,
    )
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr.count("\n") == 1
    assert "terminal" in done.stderr


def test_watch_tells_what_begins_ends_and_changes() -> None:
    row = ProxyRow("1", "c_1", "c", "7", T0 - 3600)
    quiet = frame(T0, fresh("crawler", crawler(T0), T0))
    before = played([quiet])
    first = list(changes(before))
    assert [change.what for change in first] == ["source", "level"]
    assert list(changes(fold(before, frame(T0 + 1, *quiet.observations), before.context))) == []
    looks = [frame(T0 + s, fresh("crawler", crawler(T0 + s, (row,)), T0 + s)) for s in (1, 3)]
    stuck = played([quiet, *looks])
    begun = list(changes(stuck))
    assert [(change.what, change.level) for change in begun] == [("begins", "critical"), ("level", "critical")]
    healed = fold(stuck, frame(T0 + 4, fresh("crawler", crawler(T0 + 4), T0 + 4)), before.context)
    assert [change.what for change in changes(healed)] == ["ends", "level"]
    assert [event.what for event in healed.timeline][-4:] == ["begins", "level", "ends", "level"]
    lost = fold(before, frame(T0 + 1, missing("crawler", T0)), before.context)
    assert "crawler is missing" in next(change.text for change in changes(lost))
    for change in begun:
        assert "\n" not in change.line()
