"""``verify``, ``clip``, ``report``, ``demo`` and ``replay`` on the command line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tui.terminals import Terminal
from tests.unit.boards import CONTEXT, T0
from tests.unit.tapes import taped
from unstick.board.board import Board, fold
from unstick.cli import demo
from unstick.cli.account import Account
from unstick.cli.main import run
from unstick.cli.report import lines
from unstick.tape.parts import Parts
from unstick.tape.reader import Tape

ROOT = Path(__file__).parents[2]
DRIVERS = {"asyncpg", "redis", "aio_pika", "aiormq", "httpx", "psutil"}
WATCH = """
import json, sys
asked = []
def hear(event, args):
    reaching = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto")
    if event in reaching or (event == "socket.__new__" and args[1] in (2, 10)):
        asked.append(event)
sys.addaudithook(hear)
from unstick.cli.main import run
code = run(sys.argv[2:])
open(sys.argv[1], "w").write(json.dumps([code, asked, sorted(sys.modules)]))
"""


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    path = tmp_path / "a.tape"
    taped(path, 90, seed=9, marks={30: "the first |look|"})
    return path


def test_verify_tells_what_is_there(tape: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(tape)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "90 frames" in out
    assert re.search(r"^1970-01-12T13:46:41\.\d{3}Z to 1970-01-12T13:48:10\.\d{3}Z, 1m29s$", out, re.MULTILINE)
    assert out.endswith("no damage\n")


def test_a_missing_file_is_66_and_a_directory_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("verify", "report", "replay"):
        for path in (tmp_path / "none.tape", tmp_path, tmp_path / "nowhere" / "a.tape"):
            assert run([command, str(path)]) == 66
            out, err = capsys.readouterr()
            assert out == ""
            assert err.startswith(f"unstick: {path}: ")
            assert err.count("\n") == 1
            assert "; mend: " in err


def test_a_pipe_and_a_file_where_a_folder_should_be_are_told_apart(
    tape: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert run(["verify", str(tmp_path / "pipe")]) == 66
    assert capsys.readouterr().err.endswith("is a pipe; mend: name a file\n")
    assert run(["report", str(tape), "--into", str(tape)]) == 74
    assert capsys.readouterr().err.endswith("mend: choose another name\n")


def test_a_file_of_somebody_else_is_77(tape: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0:

        def refused(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("unstick.tape.reader.os.open", refused)
    else:
        tape.chmod(0)
    assert run(["verify", str(tape)]) == 77


def test_a_clip_plays_alone(tape: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "b.tape"
    assert run(["clip", str(tape), str(out), "--from", "+20s", "--to", "+50s"]) == 0
    assert capsys.readouterr().out == f"{out}: 31 frames, 30s\n"
    with Tape.open(tape) as whole, Tape.open(out) as part:
        expected = [
            each.observations for _, each in whole.frames(whole.find(whole.at(0) + 20), whole.find(whole.at(0) + 50))
        ]
        assert [each.observations for _, each in part.frames()] == expected
        assert [event.text for event in part.events() if event.event == "mark"] == ["the first |look|"]
        assert part.meta.settings == whole.meta.settings
    assert run(["clip", str(tape), str(out)]) == 65
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    "times",
    [["--from", "noon"], ["--from", "+9h"], ["--to", "1969-01-01T00:00Z"], ["--from", "+50s", "--to", "+10s"]],
)
def test_a_time_outside_is_a_mistake(
    times: list[str], tape: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["clip", str(tape), str(tmp_path / "b.tape"), *times]) == 64
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "; mend: " in err


def test_the_report_tells_levels_findings_and_marks_as_the_fold_found_them(tape: Path) -> None:
    boards: list[Board] = []
    with Parts.open(tape) as opened:
        for _, each in opened.frames():
            boards.append(fold(boards[-1] if boards else None, each, CONTEXT))
        account = Account(opened)
        text = "\n".join(lines(opened, account))
    levels = [board.level for board in boards]
    changes = [level for n, level in enumerate(levels) if n == 0 or level is not levels[n - 1]]
    assert [stretch.level for stretch in account.levels.stretches] == changes
    assert account.levels.stretches[0].begin == boards[0].frame.at
    assert account.levels.stretches[-1].end == boards[-1].frame.at
    found = {finding.id for board in boards for finding in board.findings}
    assert {each.finding.id for each in account.findings} == found
    assert found
    assert "## What was wrong" in text
    assert r"the first \|look\|" in text
    assert text.count("| mark |") == 1


def test_a_report_has_no_power_over_its_reader(tmp_path: Path) -> None:
    taped(tmp_path / "a.tape", 20, marks={3: "<script>x</script> [a](javascript:b) | `c`"})
    with Parts.open(tmp_path / "a.tape") as opened:
        text = "\n".join(lines(opened, Account(opened)))
    assert r"\<script\>x\</script\> \[a\](javascript:b) \| \`c\`" in text


def test_a_report_in_a_folder_has_a_picture_of_the_worst_moment_of_every_incident(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tape, folder = demo.shelf() / "stuck-proxies.tape", tmp_path / "new" / "report"
    (tmp_path / "new").mkdir()
    assert run(["report", str(tape), "--into", str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder / 'report.md'}\n"
    (picture,) = folder.glob("*.svg")
    text = (folder / "report.md").read_text()
    assert f"]({picture.name})" in text
    assert "8b4f59aa is gone" in picture.read_text()
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_pictures_are_drawn_at_the_times_that_are_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tape = str(demo.shelf() / "stuck-proxies.tape")
    more = ["--picture", "+30s", "--picture", "10s ago", "--size", "80", "24", "--theme", "paper"]
    assert run(["report", tape, "--into", str(tmp_path), *more]) == 0
    pictures = sorted(tmp_path.glob("*.svg"))
    assert len(pictures) == 2
    for path, seconds in zip(pictures, (30, 320), strict=True):
        at = re.search(r"\d\d:\d\d:\d\dZ", path.read_text())
        assert at is not None
        hours, minutes, rest = map(int, at[0][:-1].split(":"))
        assert abs(hours * 3600 + minutes * 60 + rest - (8 * 3600 + 25 * 60 + 34 + seconds)) < 3
    capsys.readouterr()
    for arguments, code in (
        (["--picture", "+30s"], 64),
        (["--into", str(tmp_path), "--picture", "+30d"], 64),
        (["--into", str(tmp_path), "--theme", "nope"], 64),
        (["--into", tape], 74),
    ):
        assert run(["report", tape, *arguments]) == code
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert "; mend: " in err


def test_the_account_has_an_incident_where_something_was_wrong(tmp_path: Path) -> None:
    with Parts.open(demo.shelf() / "stuck-proxies.tape") as opened:
        account = Account(opened, asked=[100])
        assert account.boards[100].frame.at == pytest.approx(opened.at(100), abs=0.01)
        (incident,) = account.incidents
        assert account.worst is incident.worst
        assert "still holds 15 proxies" in incident.worst.findings[0].title
        assert incident.begin < incident.worst.frame.at < incident.end
    with Parts.open(demo.shelf() / "quiet.tape") as opened:
        account = Account(opened)
        assert account.worst is None
        assert "## The board" not in "\n".join(lines(opened, account))


@pytest.mark.parametrize("command", [["verify"], ["report"], ["clip"]])
def test_tapes_need_no_driver_no_textual_and_no_socket(command: list[str], tape: Path, tmp_path: Path) -> None:
    note = tmp_path / "note"
    more = [str(tmp_path / "b.tape")] if command == ["clip"] else []
    subprocess.run(
        [sys.executable, "-c", WATCH, note, *command, tape, *more],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        check=True,
        capture_output=True,
    )
    code, asked, modules = json.loads(note.read_text())
    assert (code, asked) == (0, [])
    assert not {name.partition(".")[0] for name in modules} & {*DRIVERS, "textual", "rich"}


@pytest.mark.parametrize("command", ["record", "replay", "clip", "verify", "report", "demo"])
def test_help_needs_nothing(command: str, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", WATCH, tmp_path / "note", command, "--help"],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        check=True,
        capture_output=True,
    )
    _, asked, modules = json.loads((tmp_path / "note").read_text())
    assert asked == []
    assert not {name.partition(".")[0] for name in modules} & {*DRIVERS, "textual", "rich", "zstandard"}


@pytest.mark.parametrize("command", [["replay"], ["demo"]])
def test_the_board_from_a_tape_asks_nobody_and_has_the_keys_of_its_configuration(
    command: list[str], tmp_path: Path
) -> None:
    config = tmp_path / "unstick.toml"
    config.write_text(
        '[postgres]\nurl = "${NOWHERE}"\n[redis]\nurl = "redis://192.0.2.1"\n[screen.keys]\nquit = "ctrl+x"\n'
    )
    shelf = tmp_path / "snapshots"
    shelf.mkdir()
    taped(shelf / "stuck-proxies.tape", 60, seed=9)
    note = tmp_path / "note"
    code = WATCH.replace(
        "code = run",
        f"import unstick.cli.demo as d\nfrom pathlib import Path\nd.shelf = lambda: Path({str(shelf)!r})\ncode = run",
    )
    arguments = [str(shelf / "stuck-proxies.tape"), "--speed", "20"] if command == ["replay"] else ["--speed", "20"]
    arguments += ["--config", str(config)]
    terminal = Terminal(str(note), *command, *arguments, command=(sys.executable, "-c", code))
    try:
        terminal.until(
            lambda: "test" in terminal.screen.display[0] and "13:47:" in terminal.screen.display[0], "a clock"
        )
        if command == ["demo"]:
            terminal.shows("What to see")
            os.write(terminal.master, b"\r")
        terminal.until(lambda: any("c1_" in line for line in terminal.screen.display), "a worker")
        os.write(terminal.master, b"\x18")
        terminal.until(note.exists, "the end")
        terminal.until(note.read_text, "what it did")
    finally:
        terminal.close()
    status, asked, modules = json.loads(note.read_text())
    assert (status, asked) == (0, [])
    assert not {name.partition(".")[0] for name in modules} & DRIVERS


def test_the_list_of_demos_has_a_line_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "shelf", lambda: tmp_path)
    assert run(["demo"]) == 66
    taped(tmp_path / "one.tape", 70)
    (tmp_path / "two.tape").write_bytes(b"")
    assert run(["demo", "--list"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in out] == ["one", "two"]
    assert out[0].split()[1] == "1m09s"
    assert run(["demo", "three"]) == 64
    assert "one, two" in capsys.readouterr().err


def test_no_screen_no_board(tape: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "unstick", "replay", tape],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr.count("\n") == 1


def test_a_time_before_the_tape_is_a_mistake(tape: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", str(tape), "--at", "1970-01-01T00:00Z"]) == 64
    assert "is before the start" in capsys.readouterr().err
    assert T0 > 0
