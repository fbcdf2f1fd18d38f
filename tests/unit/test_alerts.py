"""Who is told besides those who look: what is worth it, how often, and that it arrives."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.unit.boards import CONTEXT, T0, dramatiq, frame, fresh
from unstick.alerts.desk import Alert, Desk, trial
from unstick.alerts.outlets import Courier, send
from unstick.board.board import Board, fold
from unstick.cli.main import run
from unstick.facts.dramatiq import DramatiqQueue
from unstick.secret import Url
from unstick.settings import Alerts


def told(depths: list[tuple[float, int]], settings: Alerts) -> list[Alert]:
    """What is sent while a queue that nobody consumes has these depths at these seconds."""
    desk, board, sent = Desk(settings), None, []
    for second, depth in depths:
        at = T0 + second
        queue = DramatiqQueue("q", depth, 0, 0, 0)
        board = fold(board, frame(at, fresh("dramatiq", dramatiq(at, (), (queue,)), at)), CONTEXT)
        sent += desk.take(board)
    return sent


class TestDesk:
    def test_a_fault_is_told_when_it_begins_and_when_it_ends(self) -> None:
        sent = told([(0, 0), (1, 50), (2, 60), (60, 0), (61, 0)], Alerts())
        assert [(alert.what, alert.level) for alert in sent] == [("begins", "critical"), ("ends", "ok")]
        assert sent[0].line() == "unstick test: critical begins: queue q waits 50: nobody consumes it"
        assert sent[0].since is not None

    def test_one_that_comes_and_goes_is_told_again_after_a_while(self) -> None:
        depths = [(20.0 * n, 50 * (n % 2)) for n in range(40)]
        sent = [alert for alert in told(depths, Alerts(every_s=300.0)) if alert.what == "begins"]
        assert len(sent) <= 3

    def test_what_is_below_the_level_is_not_told(self) -> None:
        queue = DramatiqQueue("q", 0, 0, 0, 0, None)
        board = fold(None, frame(T0, fresh("dramatiq", dramatiq(T0, (), (queue,)), T0)), CONTEXT)
        assert Desk(Alerts()).take(board) == []

    def test_the_limit_of_a_minute_holds_and_what_was_left_out_is_counted(self) -> None:
        def at(second: int, waiting: int) -> Board:
            queues = tuple(DramatiqQueue(f"q{n}", 9 if n < waiting else 0, 0, 0, 0) for n in range(3))
            return fold(
                None, frame(T0 + second, fresh("dramatiq", dramatiq(T0 + second, (), queues), T0 + second)), CONTEXT
            )

        desk = Desk(Alerts(per_minute=2))
        assert len(desk.take(at(0, 3))) == 2
        later = Desk(Alerts(per_minute=1))
        assert [alert.left_out for alert in later.take(at(0, 3))] == [0]
        assert [alert.left_out for alert in later.take(at(400, 1))] == [2]


class _Server(BaseHTTPRequestHandler):
    got: list[bytes] = []  # noqa: RUF012 - one server at a time
    status = 204

    def do_POST(self) -> None:
        self.got.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def hook() -> Iterator[str]:
    _Server.got, _Server.status = [], 204
    with HTTPServer(("127.0.0.1", 0), _Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook"
        server.shutdown()
        thread.join()


WRITE = "import sys,json; open(sys.argv[1], 'w').write(json.dumps([sys.argv[2:], json.load(sys.stdin)]))"


class TestWays:
    def test_a_command_gets_its_arguments_without_a_shell_and_the_message_on_its_input(self, tmp_path: Path) -> None:
        out = tmp_path / "out"
        command = (sys.executable, "-c", WRITE, str(out), "{what}: {title}", "$HOME; {nothing}")
        alert = Alert(None, "prod", "begins", "critical", "x:1", "it's {level} `id` $(id)")
        assert asyncio.run(send(alert, Alerts(command=command))) == {"command": ""}
        arguments, message = json.loads(out.read_text())
        assert arguments == ["begins: it's {level} `id` $(id)", "$HOME; {nothing}"]
        assert message["id"] == "x:1"

    def test_a_command_that_fails_or_is_not_there_says_why(self) -> None:
        fails = (sys.executable, "-c", "import sys; sys.exit('no such room')")
        assert "status 1: no such room" in asyncio.run(send(trial("p", T0), Alerts(command=fails)))["command"]
        missing = asyncio.run(send(trial("p", T0), Alerts(command=("/nowhere/notify",))))
        assert missing == {"command": "/nowhere/notify: no such file or directory"}

    def test_a_webhook_gets_json(self, hook: str) -> None:
        assert asyncio.run(send(trial("prod", T0), Alerts(webhook=Url(hook)))) == {"webhook": ""}
        assert json.loads(_Server.got[0]) | {"at": None} == {
            "at": None, "context": "prod", "what": "test", "level": "ok", "id": "test",
            "title": "this is a test; nothing is wrong", "since": None, "action": None, "left_out": 0,
        }  # fmt: skip

    def test_a_webhook_that_refuses_says_so_without_its_address(self, hook: str) -> None:
        _Server.status = 500
        assert asyncio.run(send(trial("p", T0), Alerts(webhook=Url(hook)))) == {"webhook": "answers 500"}
        gone = Url("http://user:secret@127.0.0.1:9/x")
        why = asyncio.run(send(trial("p", T0), Alerts(webhook=gone)))["webhook"]
        assert why.startswith("can't be reached")
        assert "secret" not in why

    def test_a_courier_sends_what_is_left_before_it_parts(self, hook: str) -> None:
        async def carried() -> None:
            courier = Courier(Alerts(webhook=Url(hook)))
            courier.carry([trial("p", T0)] * 3)
            await courier.close()

        asyncio.run(carried())
        assert len(_Server.got) == 3


class TestCommand:
    def config(self, tmp_path: Path, text: str) -> str:
        path = tmp_path / "unstick.toml"
        path.write_text(text)
        path.chmod(0o600)
        return str(path)

    def test_the_test_says_what_arrived(self, tmp_path: Path, hook: str, capsys: pytest.CaptureFixture[str]) -> None:
        path = self.config(tmp_path, f'[alerts]\nwebhook = "{hook}"\ncommand = ["/nowhere/notify"]\n')
        assert run(["alerts", "test", "-c", path]) == 69
        out = capsys.readouterr().out.splitlines()
        assert out == ["command: failed: /nowhere/notify: no such file or directory", "webhook: sent"]

    def test_without_any_way_it_says_how(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["alerts", "test", "-c", self.config(tmp_path, "config_version = 1\n")]) == 78
        assert "[alerts]" in capsys.readouterr().err
