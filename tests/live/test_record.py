"""``unstick record`` against the real stack: a clean end, and a replay that says what was seen live."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab.servers import Postgres, Rabbit, Redis
from tests.live.stack import Urls, standing, watching
from unstick.board.board import Board, fold
from unstick.cli.main import run
from unstick.cli.tapes import meta_of
from unstick.cli.wiring import lane_specs
from unstick.feeds.history import History
from unstick.feeds.live import LiveFeed
from unstick.tape.meta import context_of
from unstick.tape.reader import Tape
from unstick.tape.writer import Writer
from unstick.views.status_json import status

ROOT = Path(__file__).parents[2]


@pytest.fixture
def urls(postgres: Postgres, redis_server: Redis, rabbit: Rabbit, seeded: str) -> Iterator[Urls]:
    with standing(postgres, seeded, redis_server, rabbit) as reached:
        yield reached


def config(path: Path, urls: Urls) -> Path:
    file = path / "unstick.toml"
    file.write_text(
        f'config_version = 1\n[postgres]\nurl = "{urls.postgres}"\n[redis]\nurl = "{urls.redis}"\n'
        '[crawler]\n[locks]\n[[dramatiq]]\nqueues = ["default"]\n[thresholds]\nqueue_warning = 2\n'
    )
    file.chmod(0o600)
    return file


def recorder(tape: Path, file: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "unstick", "record", str(tape), "-c", str(file), *more],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(met: Callable[[], bool], patience_s: float = 20) -> None:
    end = time.monotonic() + patience_s
    while not met():
        assert time.monotonic() < end
        time.sleep(0.05)


def frames(tape: Path) -> int:
    try:
        with Tape.open(tape) as opened:
            return len(opened)
    except Exception:
        return 0


async def watched(urls: Urls, path: Path, seconds: float) -> Board:
    """The last board that was seen while ``path`` was recorded."""
    context = watching(urls)
    writer, board = Writer(path, meta_of(context)), None
    end = time.monotonic() + seconds
    async with contextlib.aclosing(LiveFeed(lane_specs(context), context.name).frames()) as live:
        async for frame in live:
            board = fold(board, frame, context)
            writer.frame(frame)
            if time.monotonic() > end:
                break
    writer.close()
    assert writer.trouble is None
    assert board is not None
    return board


def test_the_board_from_the_tape_is_the_board_that_was_live(urls: Urls, tmp_path: Path) -> None:
    board = asyncio.run(watched(urls, tmp_path / "a.tape", 8))
    assert {state.state for state in board.sources} == {"fresh"}
    with Tape.open(tmp_path / "a.tape") as tape:
        past = History(tape, context_of(tape.meta.settings))
        again = past.board(len(tape) - 1)
        assert again is not None
        assert json.dumps(status(again)) == json.dumps(status(board))
        tape.check()
        assert tape.damages == []
        data = (tmp_path / "a.tape").read_bytes()
    for url in (urls.postgres, urls.redis, urls.amqp, urls.management):
        assert url.encode() not in data


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_recording_in_order(urls: Urls, tmp_path: Path, number: signal.Signals) -> None:
    tape = tmp_path / "a.tape"
    child = recorder(tape, config(tmp_path, urls))
    until(lambda: frames(tape) > 12)
    begun = time.monotonic()
    child.send_signal(number)
    out, err = child.communicate(timeout=30)
    assert time.monotonic() - begun < 20
    assert (child.returncode, err) == (0, "")
    with Tape.open(tape) as opened:
        assert opened.ended
        assert out == f"{tape}: {len(opened)} frames, {out.rpartition(', ')[2]}"
    assert run(["verify", str(tape)]) == 0
    assert tape.stat().st_mode & 0o777 == 0o600


def test_for_a_while(urls: Urls, tmp_path: Path) -> None:
    tape = tmp_path / "a.tape"
    child = recorder(tape, config(tmp_path, urls), "--for", "3s", "--title", "Three seconds")
    assert child.wait(30) == 0
    child.communicate()
    with Tape.open(tape) as opened:
        assert 2 <= opened.at(len(opened) - 1) - opened.at(0) <= 5
        assert opened.meta.title == "Three seconds"
        assert opened.meta.pid == child.pid


def test_a_killed_recording_plays(urls: Urls, tmp_path: Path) -> None:
    tape = tmp_path / "a.tape"
    child = recorder(tape, config(tmp_path, urls))
    until(lambda: frames(tape) > 5)
    child.kill()
    child.communicate()
    assert run(["verify", str(tape)]) == 0
    assert run(["report", str(tape)]) == 0


def test_a_second_recorder_is_refused_with_the_pid_of_the_first(urls: Urls, tmp_path: Path) -> None:
    tape, file = tmp_path / "a.tape", config(tmp_path, urls)
    first = recorder(tape, file)
    try:
        until(lambda: frames(tape) > 2)
        second = recorder(tape, file)
        out, err = second.communicate(timeout=30)
        assert (second.returncode, out) == (74, "")
        assert err == f"unstick: {tape}: is being recorded by process {first.pid}; mend: choose another name\n"
    finally:
        first.terminate()
        first.communicate()


def test_hashed_names_leave_no_address(urls: Urls, tmp_path: Path) -> None:
    tape = tmp_path / "a.tape"
    child = recorder(tape, config(tmp_path, urls), "--for", "3s", "--hash-names")
    assert child.wait(30) == 0
    child.communicate()
    with Tape.open(tape) as opened:
        assert opened.meta.names_hashed
        text = "".join(repr(each) for _, each in opened.frames())
    assert os.uname().nodename not in text
    assert "127.0.0.1" not in text


def test_mistakes_before_a_tape_is_made(urls: Urls, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tape, file = tmp_path / "a.tape", config(tmp_path, urls)
    for arguments, code in (
        (["record", str(tape), "-c", str(file), "--for", "a while"], 64),
        (["record", str(tape), "-c", str(tmp_path / "none.toml")], 66),
        (["record", str(tmp_path / "none" / "a.tape"), "-c", str(file)], 66),
    ):
        assert run(arguments) == code
        assert capsys.readouterr().err.count("\n") == 1
    assert not tape.exists()


def test_recording_loads_no_textual(urls: Urls, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom unstick.cli.main import run\n"
        f"run(['record', {str(tmp_path / 'a.tape')!r}, '-c', {str(config(tmp_path, urls))!r}, '--for', '1s'])\n"
        "print('LOADED', 'textual' in sys.modules, 'rich' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert "LOADED False False" in done.stdout
