"""The board in a real terminal: every road out restores it, and nothing foreign is ever written to it."""

from __future__ import annotations

import fcntl
import os
import random
import re
import signal
import stat
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tui.terminals import CSI, POINTER, ROOT, TIMEOUT_S, Terminal

Start = Callable[..., Terminal]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[Terminal] = []

    def begin(*args: str, **options: Any) -> Terminal:
        started.append(Terminal(*args, **options))
        return started[-1]

    yield begin
    for terminal in started:
        terminal.close()


def last_of(ticks: Path) -> int:
    """The number of the last frame that was told."""
    text = ticks.read_text() if ticks.exists() else ""
    return int(text or 0)


def shown_of(terminal: Terminal) -> int:
    """The number of the frame that is on the screen."""
    found = re.search(r"<(\d+)>", terminal.screen.display[0])
    return int(found[1]) if found else -1


WAYS: dict[str, tuple[Callable[[Terminal], None], int]] = {
    "q": (lambda terminal: terminal.press(b"q"), 0),
    "ctrl+c": (lambda terminal: terminal.press(b"\x03"), 130),
    "ctrl+c while a filter is written": (lambda terminal: terminal.press(b"/ab\x03"), 130),
    "SIGINT": (lambda terminal: os.kill(terminal.pid, signal.SIGINT), 130),
    "SIGTERM": (lambda terminal: os.kill(terminal.pid, signal.SIGTERM), 143),
    "SIGHUP": (lambda terminal: os.kill(terminal.pid, signal.SIGHUP), 129),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_out_restores_the_terminal(start: Start, way: str) -> None:
    terminal = start("incident")
    terminal.shows("1 Workers")
    terminal.shows("q quit")
    leave, code = WAYS[way]
    leave(terminal)
    assert terminal.ended() == code
    terminal.assert_restored()
    assert "Traceback" not in terminal.output.decode("utf-8", "replace")


def test_a_lost_terminal_ends_it_even_where_hangups_are_ignored(start: Start) -> None:
    terminal = start("incident", nohup=True)
    terminal.shows("1 Workers")
    os.close(terminal.slave)
    os.close(terminal.master)
    terminal.master = terminal.slave = -1
    assert terminal.ended(reading=False) == 129


def test_a_terminal_that_takes_no_bytes_does_not_hold_it(start: Start) -> None:
    terminal = start("incident", "--every", "0.02")
    terminal.shows("1 Workers")
    time.sleep(1)  # nothing is read: the terminal's buffer is full after a few frames
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.ended(reading=False) == 143
    while terminal.read():
        pass
    assert termios.tcgetattr(terminal.slave) == terminal.before


def test_to_the_shell_and_back(start: Start) -> None:
    terminal = start(shell=True, answering=True)
    terminal.press(b"PS1='$ '; stty -echo; %s -m tests.tui.play incident; echo code=$?\n" % sys.executable.encode())
    terminal.shows("q quit")
    terminal.press(b"\x1a")
    terminal.says(b"Stopped")
    assert not terminal.modes()["1049"]
    assert not terminal.modes()["1000"]
    assert terminal.modes()["25"]
    terminal.output = b""
    terminal.press(b"fg; echo code=$?\n")
    terminal.shows("back after")
    terminal.shows("1 Workers")
    terminal.press(b"q")
    terminal.says(b"code=0")
    assert not terminal.modes()["1049"]
    terminal.press(b"echo en''d\n")
    terminal.says(b"end")
    assert b"0n" not in terminal.output.rpartition(b"code=0")[2]  # no answer came too late and was taken for typed


def test_where_no_shell_could_continue_it_ctrl_z_does_not_stop_it(start: Start) -> None:
    terminal = start("incident")
    terminal.shows("q quit")
    terminal.press(b"\x1a")
    terminal.shows("back after")
    terminal.press(b"q")
    assert terminal.ended() == 0
    terminal.assert_restored()


def test_a_stop_that_cannot_be_caught_is_repaired(start: Start) -> None:
    terminal = start("incident")
    terminal.listens()
    os.kill(terminal.pid, signal.SIGSTOP)
    os.waitpid(terminal.pid, os.WUNTRACED)
    terminal.screen.reset()
    os.kill(terminal.pid, signal.SIGCONT)
    terminal.shows("1 Workers")
    terminal.shows("back")
    terminal.press(b"q")
    assert terminal.ended() == 0
    terminal.assert_restored()


def test_an_error_of_its_own_is_one_line_and_a_private_file(start: Start, tmp_path: Path) -> None:
    terminal = start("incident", "--every", "0.2", "--fault", "paint", "--crash-folder", str(tmp_path))
    assert terminal.ended() == 70
    terminal.assert_restored()
    text = terminal.output.decode("utf-8", "replace")
    after = text.rpartition("\x1b[?1049l")[2]
    said = CSI.sub("", after).strip()
    assert said.startswith("unstick: the board ended by an error of its own: AttributeError at ")
    assert "\n" not in said
    (file,) = tmp_path.iterdir()
    assert str(file) in said
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "Traceback" in file.read_text()
    assert "hunter2" not in file.read_text() + text


def test_hostile_texts_write_nothing_but_the_boards_own_sequences(start: Start) -> None:
    terminal = start("hostile", "--every", "0.1")
    terminal.shows("[@click=app.quit]free[/]")
    for keys in (b"\r", b"\x1b", b"3", b"\x1b[B", b"\r", b"?", b"0", b"x"):
        terminal.press(keys)
        terminal.read(0.3)
    terminal.press(b"q")
    assert terminal.ended() == 0
    rest = CSI.sub("", terminal.output.decode("utf-8")).replace(POINTER, "")
    assert sorted({char for char in rest if ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0} - {"\r", "\n"}) == []
    assert "\x9b" not in rest


def test_a_new_size_is_followed(start: Start) -> None:
    terminal = start("incident", "--still")
    terminal.shows("8 Host")
    terminal.screen.resize(24, 80)
    fcntl.ioctl(terminal.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    terminal.shows("1✖Workers")
    terminal.press(b"q")
    assert terminal.ended() == 0


def test_what_others_wrote_on_the_screen_is_repaired_on_demand(start: Start) -> None:
    terminal = start("incident", "--still")
    terminal.shows("container 8b4f59aa")
    terminal.rests()
    clean = list(terminal.screen.display)
    os.write(terminal.slave, b"\x1b[3;1H\x1b[31;44mBroadcast message from root\x1b[m\r\nreboot")
    terminal.shows("Broadcast")
    terminal.press(b"\x0c")
    terminal.until(lambda: terminal.screen.display[1:] == clean[1:], "the screen as it was")
    terminal.press(b"q")
    assert terminal.ended() == 0


def test_at_rest_nothing_is_written(start: Start, tmp_path: Path) -> None:
    ticks = tmp_path / "ticks"
    terminal = start("quiet", "--still", "--every", "0.1", "--ticks", str(ticks))
    terminal.shows("q quit")

    def rested() -> bool:
        """Whether twenty frames were told and not a byte came."""
        before, told = len(terminal.output), last_of(ticks)
        terminal.until(lambda: len(terminal.output) > before or last_of(ticks) >= told + 20, "twenty frames")
        return len(terminal.output) == before

    terminal.until(rested, "rest")
    terminal.press(b"q")
    assert terminal.ended() == 0


def resize(terminal: Terminal, columns: int, lines: int) -> None:
    terminal.screen.resize(lines, columns)
    fcntl.ioctl(terminal.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    os.kill(terminal.pid, signal.SIGWINCH)


def test_after_a_storm_of_a_thousand_sizes_the_last_one_is_drawn(start: Start) -> None:
    terminal = start("incident", "--still")
    terminal.shows("8 Host")
    rng = random.Random(3)
    for nth in range(1000):
        resize(terminal, rng.choice([1, 20, 79, 100, 150, 201, 400]), rng.choice([1, 5, 24, 31, 61, 100]))
        if nth % 10 == 0:
            terminal.read(0)
    terminal.rests()
    terminal.screen.reset()
    resize(terminal, 120, 36)
    other = start("incident", "--still")
    other.shows("container 8b4f59aa")
    other.rests()
    terminal.until(lambda: terminal.screen.display[1:] == other.screen.display[1:], "the same picture")
    terminal.press(b"q")
    assert terminal.ended() == 0


def test_a_size_that_changes_before_textual_is_loaded_is_followed(start: Start) -> None:
    terminal = start("incident", "--still")
    terminal.shows("8 Host")
    terminal.screen.reset()
    resize(terminal, 80, 24)
    resize(terminal, 120, 36)
    terminal.shows("8 Host")
    terminal.listens()
    terminal.press(b"q")
    assert terminal.ended() == 0


def test_a_picture_that_the_terminal_takes_in_parts_is_completed(start: Start) -> None:
    terminal = start("incident", "--every", "60", size=(400, 100))
    time.sleep(1)
    terminal.shows("q quit")
    terminal.press(b"q")
    assert terminal.ended() == 0


@pytest.mark.parametrize("size", [(20, 5), (400, 100)])
def test_the_smallest_and_the_largest_screen(start: Start, size: tuple[int, int]) -> None:
    terminal = start("incident", size=size)
    terminal.shows("Work")
    terminal.press(b"jj\x1b[B/w\rq")
    assert terminal.ended() == 0
    terminal.assert_restored()


def test_a_slow_terminal_gets_the_newest_picture_and_keys_are_heard(start: Start, tmp_path: Path) -> None:
    ticks = tmp_path / "ticks"
    terminal = start("incident", "--every", "0.05", "--numbered", "--ticks", str(ticks), size=(200, 60))
    terminal.shows("q quit")
    before = last_of(ticks)
    terminal.drips(lambda: last_of(ticks) - before >= 80)
    terminal.press(b"q")
    assert terminal.ended() == 0
    terminal.assert_restored()


def test_a_slow_terminal_that_answers_is_a_frame_behind_at_most(start: Start, tmp_path: Path) -> None:
    ticks = tmp_path / "ticks"
    frames = ("--every", "0.05", "--numbered", "--ticks", str(ticks))
    terminal = start("incident", *frames, size=(200, 60), answering=True)
    terminal.listens()
    terminal.press(b"/e")
    terminal.shows("esc clears")
    before = last_of(ticks)
    terminal.drips(lambda: last_of(ticks) - before >= 150)
    told, seen = last_of(ticks), len(terminal.output)
    terminal.until(lambda: shown_of(terminal) >= told, "the newest frame")
    behind = len(terminal.output) - seen
    assert behind < 4_000
    assert terminal.screen.display[-1].startswith(" / e  ")  # no answer was taken for typed
    terminal.press(b"\x03")
    assert terminal.ended() == 130
    terminal.assert_restored()


def test_a_terminal_that_is_not_read_stops_nothing_and_then_shows_the_newest(start: Start, tmp_path: Path) -> None:
    ticks = tmp_path / "ticks"
    terminal = start("incident", "--every", "0.02", "--numbered", "--ticks", str(ticks), size=(200, 60))
    terminal.until(lambda: shown_of(terminal) > 0, "a frame")
    before, seen, end = last_of(ticks), len(terminal.output), time.monotonic() + TIMEOUT_S
    while last_of(ticks) - before < 200 and time.monotonic() < end:
        time.sleep(0.1)
    told = last_of(ticks)
    assert told - before >= 200
    terminal.until(lambda: shown_of(terminal) >= told - 1, "the newest frame")
    assert len(terminal.output) - seen < 40_000  # what the kernel held and one frame, not what was told meanwhile
    terminal.press(b"q")
    assert terminal.ended() == 0
    terminal.assert_restored()


def test_a_thin_line_gets_news_every_five_seconds_and_keys_at_once(start: Start) -> None:
    terminal = start("incident", "--every", "0.1", "--numbered", "--slow", "--fps", "5", "--no-mouse")
    terminal.listens()
    assert "1000" not in terminal.modes()
    seen = [shown_of(terminal)]

    def told_twice() -> bool:
        number = shown_of(terminal)
        seen.extend([number] if number != seen[-1] else [])
        return len(seen) > 2

    terminal.until(told_twice, "news, twice")
    assert seen[-1] - seen[-2] >= 20
    terminal.press(b"?")
    terminal.shows("esc closes")
    terminal.press(b"q")
    assert terminal.ended() == 0


@pytest.mark.parametrize(
    ("text", "code"), [(None, 66), ("[postgres]\nurl = 3\n", 78), ("", 78)], ids=["no file", "wrong", "empty"]
)
def test_what_is_wrong_with_the_configuration_is_said_where_the_frames_were_taken_back(
    start: Start, tmp_path: Path, text: str | None, code: int
) -> None:
    file = tmp_path / "unstick.toml"
    if text is not None:
        file.write_text(text)
    terminal = start("live", "-c", str(file), command=(sys.executable, "-m", "unstick"))
    assert terminal.ended() == code
    terminal.assert_restored()
    said = CSI.sub("", terminal.output.decode().rpartition("\x1b[?1049l")[2])
    assert said.startswith("unstick: ")
    assert said.count("\n") == 1


def live(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A configuration whose server is not there, and how to start with it."""
    file = tmp_path / "unstick.toml"
    file.write_text('[redis]\nurl = "redis://${HERE}:1/0"\n')
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HERE": "127.0.0.1"}
    return file, {"command": (sys.executable, "-m", "unstick"), "env": env}


def started_before(start: Start, tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """The same, after a first start."""
    file, how = live(tmp_path)
    before = start("live", "-c", str(file), **how)
    before.listens()
    os.kill(before.pid, signal.SIGTERM)
    assert before.ended() == 143
    return file, how


def test_textual_takes_over_what_stands_there_and_sends_no_cell_again(start: Start) -> None:
    terminal = start("incident", "--still")
    terminal.shows("container 8b4f59aa")
    terminal.listens()
    terminal.rests()
    assert terminal.output.count(b"\x1b[?1049h") == 1
    assert CSI.sub("", terminal.output.rpartition(b"\x1b[?2004h")[2].decode()) in ("", POINTER)
    terminal.press(b"q")
    assert terminal.ended() == 0


def test_the_options_of_the_screen_are_taken(start: Start, tmp_path: Path) -> None:
    file, how = live(tmp_path)
    terminal = start("live", "-c", str(file), "--fps", "30", "--low-bandwidth", "--no-mouse", **how)
    terminal.shows("connecting")
    terminal.listens()
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.ended() == 143
    terminal.assert_restored()
    assert "1000" not in terminal.modes() or not terminal.modes()["1000"]


def test_the_next_start_shows_the_same_picture_before_anything_is_loaded(start: Start, tmp_path: Path) -> None:
    file, how = started_before(start, tmp_path)
    code = (
        "import sys; from unstick.tui import first; first.begin(sys.argv[1:]);"
        f"open({str(tmp_path / 'loaded')!r}, 'w').write(' '.join(sys.modules)); sys.stdin.read(1); first.give_back()"
    )
    after = start("live", "-c", str(file), env=how["env"], command=(sys.executable, "-c", code))
    after.shows("connecting")
    loaded = tmp_path / "loaded"
    after.until(lambda: loaded.exists() and loaded.read_text(), "what was loaded")
    assert not {"typing", "re", "enum", "threading", "click", "msgspec", "asyncio"} & set(loaded.read_text().split())
    after.press(b"q")
    assert after.ended() == 0
    after.assert_restored()


def test_a_picture_that_was_shown_too_early_is_taken_back_before_a_complaint(start: Start, tmp_path: Path) -> None:
    file, how = started_before(start, tmp_path)
    del how["env"]["HERE"]
    after = start("live", "-c", str(file), **how)
    assert after.ended() == 78
    after.assert_restored()
    said = CSI.sub("", after.output.decode().rpartition("\x1b[?1049l")[2])
    assert said.startswith(f"unstick: {file}:2: redis.url: ")
    assert said.count("\n") == 1


def test_a_picture_of_another_configuration_is_not_shown(start: Start, tmp_path: Path) -> None:
    file, how = started_before(start, tmp_path)
    file.write_text("[redis]\nurl = 3\n")
    after = start("live", "-c", str(file), **how)
    assert after.ended() == 78
    after.assert_restored()
    assert b"connecting" not in after.output


def test_a_signal_to_a_picture_without_a_board_behind_it_restores_the_terminal(start: Start, tmp_path: Path) -> None:
    code = (
        "import os, sys; from unstick.tui import first, remembered; size = os.get_terminal_size(0);"
        "key = remembered.key(sys.argv[1:], (size.columns, size.lines), os.environ);"
        "remembered.keep(key, b'a board', os.environ); first.begin(sys.argv[1:]); sys.stdin.read(1)"
    )
    env = {"XDG_CACHE_HOME": str(tmp_path)}
    terminal = start("live", env=env, command=(sys.executable, "-c", code))
    terminal.shows("a board")
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.ended() == 143
    terminal.assert_restored()


@pytest.mark.parametrize(("term", "streams"), [("dumb", None), ("xterm", "pipe")])
def test_where_there_is_no_screen_it_is_refused(start: Start, term: str, streams: str | None) -> None:
    if streams == "pipe":
        done = subprocess.run(
            [sys.executable, "-m", "tests.tui.play", "quiet"],
            capture_output=True, text=True, cwd=ROOT, stdin=subprocess.DEVNULL, timeout=60, check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "TERM": term},
        )  # fmt: skip
        assert done.returncode == 64
        assert done.stdout == ""
        assert done.stderr.startswith("unstick: the board needs a terminal")
        assert done.stderr.count("\n") == 1
        return
    terminal = start("quiet", env={"TERM": term})
    assert terminal.ended() == 64
    assert b"\x1b" not in terminal.output
    assert b"TERM says it cannot" in terminal.output


def test_without_the_board_textual_is_not_loaded() -> None:
    probe = "import sys, unstick.tui.run, unstick.tui.keys, unstick.tui.themes; print([m for m in sys.modules if m.startswith(('textual', 'rich'))])"
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
