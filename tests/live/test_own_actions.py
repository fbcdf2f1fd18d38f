"""Actions of the operator's own: programs without a shell and HTTP requests, through the same gate."""

from __future__ import annotations

import asyncio
import http.server
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.lab.processes import free_port, wait_until
from tests.live.acting import ALICE, YES, Ticks
from unstick.actions.audit import Audit
from unstick.actions.gate import Gate
from unstick.backends import program
from unstick.cli.main import run
from unstick.facts.actions import Confirmation, Outcome, OwnAction, Plan, Receipt
from unstick.secret import Url
from unstick.settings import Actions, Context, Own

ECHO = (sys.executable, "-c", "import sys; print(*sys.argv[1:], sep='|')")


class Lab:
    """One context with one action of one's own."""

    def __init__(self, folder: Path) -> None:
        self.audit = Audit(folder / "audit.jsonl")
        self.production = False

    def _gate(self, own: Own) -> Gate:
        actions = Actions(own=(own,), panic_file="", allow=())
        return Gate(Context(actions=actions, production=self.production), ALICE, self.audit, monotonic=Ticks())

    def plan(self, own: Own, **values: str) -> Plan:
        async def work() -> Plan:
            gate = self._gate(own)
            found = await gate.plan(OwnAction(own.name, tuple(values.items())))
            await gate.close()
            return found

        return asyncio.run(work())

    def act(self, own: Own, confirmation: Confirmation = YES, **values: str) -> Receipt:
        async def work() -> Receipt:
            gate = self._gate(own)
            receipt = await gate.apply(await gate.plan(OwnAction(own.name, tuple(values.items()))), confirmation)
            await gate.close()
            return receipt

        return asyncio.run(work())


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def test_a_program_gets_each_value_as_one_argument(lab: Lab) -> None:
    own = Own("echo", command=(*ECHO, "{worker}", "x-{container}", "{not a value}"), confirm="Says it.")
    hostile = "a b; rm -rf / $(id) `id` 'q' \"q\" *"
    plan = lab.plan(own, worker=hostile, container="-c")
    assert plan.notes == ("Says it.",)
    assert plan.targets[0].change.startswith(f"would run: {sys.executable} -c ")
    receipt = lab.act(own, worker=hostile, container="-c")
    assert (receipt.outcome, receipt.text) == (Outcome.APPLIED, "it ended well")
    assert receipt.notes == (f"{hostile}|x--c|{{not a value}}",)
    intent, outcome = lab.audit.records()
    assert intent["items"][0]["before"] == {"worker": hostile, "container": "-c"}
    assert (outcome["action"], outcome["outcome"]) == ("echo", "applied")


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"worker": "--all"}, "{worker} would become an option of the program"),
        ({"worker": "a\0b"}, "worker holds a NUL"),
        ({"worker": ""}, "worker is empty: it would reach further than meant"),
        ({}, "echo needs worker"),
        ({"worker": "a", "other": "b"}, "echo knows no other"),
    ],
)
def test_values_that_are_refused(lab: Lab, values: dict[str, str], why: str) -> None:
    own = Own("echo", command=(*ECHO, "{worker}"))
    assert lab.plan(own, **values).refused == why
    assert lab.act(own, YES, **values).outcome is Outcome.REFUSED


def test_its_output_is_harmless_and_capped(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "OUTPUT_CAP", 4000)
    code = "import sys; print('x' * 90000); [print(n, '\\x1b[31m[/red]\\u202e') for n in range(30)]; sys.exit(3)"
    receipt = lab.act(Own("loud", command=(sys.executable, "-c", code)))
    assert (receipt.outcome, receipt.text) == (
        Outcome.UNKNOWN,
        "it ended with 3; what it did until then is unknown",
    )
    assert len(receipt.notes) == 20
    assert receipt.notes[-1] == "29 ^[[31m[/red]‹U+202E›"


def test_a_program_that_hangs_is_killed_with_its_children(lab: Lab, tmp_path: Path) -> None:
    mark = tmp_path / "child"
    code = (
        "import subprocess, sys, time, pathlib;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        f"pathlib.Path({str(mark)!r}).write_text(str(child.pid)); print('begun', flush=True); time.sleep(600)"
    )
    receipt = lab.act(Own("slow", command=(sys.executable, "-c", code), timeout_s=3.0))
    assert receipt.text == "it was killed after 3 s; what it did until then is unknown"
    assert receipt.notes == ("begun",)
    child = int(mark.read_text())
    wait_until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie", 30, "its child")


def test_a_program_that_is_not_there_was_not_run(lab: Lab) -> None:
    receipt = lab.act(Own("none", command=("/nowhere/at-all",)))
    assert receipt.outcome is Outcome.NOT_SENT
    assert "/nowhere/at-all could not be started" in receipt.text


def test_what_is_dangerous_wants_its_count_typed_by_whomever(lab: Lab) -> None:
    own = Own("boom", command=ECHO, dangerous=True)
    assert lab.act(own).outcome is Outcome.REFUSED
    assert lab.act(own, Confirmation(count=1)).outcome is Outcome.APPLIED
    lab.production = True
    assert lab.act(Own("calm", command=ECHO), Confirmation()).text == "production: the count must be typed (1)"


class Asked(http.server.BaseHTTPRequestHandler):
    """Remembers what it was asked."""

    seen: list[tuple[str, str, str, str | None]]

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        self.seen.append((self.command, self.path, body, self.headers.get("authorization")))
        self.send_response(int(self.path.rpartition("=")[2]))
        self.end_headers()
        self.wfile.write(b"said\x1b[2J so")

    do_POST = do_DELETE = _answer  # noqa: N815 - the names that the base looks for

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def asked() -> Iterator[type[Asked]]:
    class Own(Asked):
        seen = []  # noqa: RUF012 - one list for one test

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Own) as server:
        Own.url = f"http://127.0.0.1:{server.server_address[1]}"  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Own
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "outcome", "text"),
    [
        (204, Outcome.APPLIED, "answered 204"),
        (404, Outcome.REFUSED, "refused: 404: said^[[2J so"),
        (302, Outcome.REFUSED, "refused: 302: said^[[2J so"),
        (500, Outcome.UNKNOWN, "answered 500; what it did is unknown"),
    ],
)
def test_a_request_has_its_values_quoted(
    lab: Lab, tmp_path: Path, asked: type[Asked], status: int, outcome: Outcome, text: str
) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    own = Own(
        "purge",
        url=Url(asked.url),  # type: ignore[attr-defined]
        method="DELETE",
        path="/cache/{worker}?code={code}",
        body='{"who": "{worker}", "deep": {"a": 1}}',
        bearer_file=str(token),
    )
    hostile = 'a/../b?c"}, "x": "\x1b'
    receipt = lab.act(own, worker=hostile, code=str(status))
    assert (receipt.outcome, receipt.text) == (outcome, text)
    ((method, path, body, authorization),) = asked.seen
    assert (method, authorization) == ("DELETE", "Bearer s3cret")
    assert path == f"/cache/a%2F..%2Fb%3Fc%22%7D%2C%20%22x%22%3A%20%22%1B?code={status}"
    assert json.loads(body) == {"who": hostile, "deep": {"a": 1}}
    assert "s3cret" not in lab.audit.path.read_text()


def test_a_server_that_is_away_was_not_asked(lab: Lab) -> None:
    own = Own("purge", url=Url(f"http://127.0.0.1:{free_port()}"))
    assert lab.act(own).outcome is Outcome.NOT_SENT
    missing = Own("purge", url=Url("http://127.0.0.1:1"), bearer_file="/nowhere/token")
    assert lab.act(missing).text == "the token in actions.own.bearer_file can't be read"


CONFIG = """
config_version = 1
[actions]
audit = "{folder}/audit.jsonl"
panic_file = ""
[[actions.own]]
name = "touch it"
command = ["touch", "{folder}/{{name}}"]
confirm = "Makes a file."
"""


def test_the_command_lists_and_runs_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "unstick.toml"
    config.write_text(CONFIG.format(folder=tmp_path))
    config.chmod(0o600)
    assert run(["run", "-c", str(config)]) == 0
    assert capsys.readouterr().out == "unstick run 'touch it' --set name=…  # Makes a file.\n"
    assert run(["run", "-c", str(config), "touch it", "--set", "name=x y", "--dry-run"]) == 0
    assert f"would run: touch '{tmp_path}/x y'" in capsys.readouterr().out
    assert not (tmp_path / "x y").exists()
    assert run(["run", "-c", str(config), "touch it", "--set", "name=x y", "--yes"]) == 0
    assert (tmp_path / "x y").exists()
    assert run(["run", "-c", str(config), "touch it", "--set", "name", "--yes"]) == 64
    assert run(["run", "-c", str(config), "tuch it", "--yes"]) == 12
    assert "no action of your own is called tuch it; known: touch it" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('name = "a"', "has neither command nor url"),
        ('name = "a"\ncommand = ["x"]\nurl = "http://h"', "has both command and url"),
        ('name = "drain-locks"\ncommand = ["x"]', 'there is a "drain-locks" already'),
        ('name = "a"\ncommand = ["{worker}"]', "the program itself can't be a value"),
    ],
)
def test_mistakes_of_the_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, complaint: str
) -> None:
    config = tmp_path / "unstick.toml"
    config.write_text(f"config_version = 1\n[[actions.own]]\n{text}\n")
    config.chmod(0o600)
    assert run(["run", "-c", str(config)]) == 78
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("value", [".", ".."])
def test_no_value_leads_to_another_path(lab: Lab, value: str) -> None:
    own = Own("purge", url=Url("http://127.0.0.1:9"), method="DELETE", path="/keys/{worker}")
    assert lab.plan(own, worker=value).refused == "a value would be a step in the path of the request, not a name"
    assert lab.plan(own, worker=f"{value}x").refused is None
