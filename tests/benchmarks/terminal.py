"""The board on a terminal against other full-screen programs, one interleaved run.

``python -m tests.benchmarks.terminal [--rounds 7] [--seconds 10] [--path DIR]``. Every program runs in a
pseudo-terminal of 200 columns and 60 lines, in turn, so that what else the machine does hits all of them; medians are
printed. Programs that are not installed are left out with a word; ``--path`` names a folder where more of them are.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import statistics
import struct
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pyte

from tests.lab.servers import Postgres

ROOT = Path(__file__).parents[2]
COLUMNS, LINES = 200, 60
_ANSWERS = ((b"\x1b[?2026$p", b"\x1b[?2026;2$y"), (b"\x1b[c", b"\x1b[?62;c"), (b"\x1b[6n", b"\x1b[1;1R"))
_UNKNOWN = re.compile(rb"\x1b\[[<>=][0-9;]*[a-z]|\x1b\[[?0-9;]*\$p")
_GAP_S = 0.012
"""Silence that separates two bursts of output."""


class Program(msgspec.Struct, frozen=True):
    """``live`` must be on the screen when it shows more than frames; ``key`` changes the picture."""

    name: str
    command: tuple[str, ...]
    live: str
    key: bytes = b"\x1b[B"
    leave: bytes = b"q"
    environ: dict[str, str] = {}


class Burst(msgspec.Struct, frozen=True):
    """What came between two silences: when, how much, and how little would have done."""

    at: float
    size: int
    cells: int
    ideal: int


class Round(msgspec.Struct, frozen=True):
    """One start, steady run and exit."""

    paint_s: float
    live_s: float
    start_bytes: int
    bytes_per_s: float
    ideal_per_s: float
    cpu_percent: float
    rss_mb: float
    key_ms: tuple[float, ...]
    exit_s: float


class Seat:
    """A program in a pseudo-terminal of its own."""

    def __init__(self, program: Program) -> None:
        self.screen = pyte.Screen(COLUMNS, LINES)
        self.stream = pyte.ByteStream(self.screen)
        self.bursts: list[Burst] = []
        self.total = 0
        self._before = _picture(self.screen)
        self.began = time.monotonic()
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
            environ = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
            environ["PYTHONPATH"] = str(ROOT / "src")
            environ |= {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
            os.chdir(ROOT)
            os.execvpe(program.command[0], program.command, environ | program.environ)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self.process = psutil.Process(self.pid)

    def until(self, met: Callable[[], Any], seconds: float) -> bool:
        """Read until ``met`` or for ``seconds``; whether it was met."""
        end = time.monotonic() + seconds
        while not met():
            if time.monotonic() >= end or not self._burst(end):
                return bool(met())
        return True

    def _burst(self, end: float) -> bool:
        """Take one burst; ``False``: the program closed its terminal."""
        first, size = 0.0, 0
        while True:
            wait = _GAP_S if size else max(0.0, end - time.monotonic())
            if not select.select([self.master], [], [], wait)[0]:
                break
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            if not data:
                return False
            first = first or time.monotonic()
            size += len(data)
            for question, answer in _ANSWERS:
                if question in data:
                    os.write(self.master, answer)
            self.stream.feed(_UNKNOWN.sub(b"", data))
        if size:
            self.total += size
            after = _picture(self.screen)
            self.bursts.append(Burst(first, size, *_difference(self._before, after)))
            self._before = after
        return True

    def cpu_s(self) -> float:
        """User and system time of the program and what it started."""
        times = [process.cpu_times() for process in (self.process, *self.process.children(recursive=True))]
        return sum(each.user + each.system for each in times)

    def shows(self, text: str) -> bool:
        """Whether ``text`` is on the screen."""
        return any(text in line for line in self.screen.display)

    def end(self, keys: bytes) -> float:
        """Seconds until the program is gone after ``keys``; killed after five."""
        os.write(self.master, keys)
        began = time.monotonic()
        while time.monotonic() - began < 5:
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                os.close(self.master)
                return time.monotonic() - began
            if select.select([self.master], [], [], 0.005)[0]:
                try:
                    os.read(self.master, 65536)
                except OSError:
                    time.sleep(0.005)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.master)
        return float("nan")


Picture = list[list[tuple[Any, ...]]]


def _picture(screen: pyte.Screen) -> Picture:
    return [[tuple(screen.buffer[y][x]) for x in range(screen.columns)] for y in range(screen.lines)]


def _difference(before: Picture, after: Picture) -> tuple[int, int]:
    """Changed cells, and the bytes that would have been enough: moves, styles where they change, characters."""
    cells = ideal = 0
    style: tuple[Any, ...] | None = None
    for old, new in zip(before, after, strict=True):
        if old == new:
            continue
        last = -10
        for x, (was, cell) in enumerate(zip(old, new, strict=True)):
            if was == cell:
                continue
            gap = x - last - 1
            same = all(each[1:] == style for each in new[last + 1 : x]) if 0 < gap < 5 else False
            ideal += 0 if not gap else gap if same else 4 if last >= 0 else 7
            if cell[1:] != style and not (cell[0] == " " and style is not None and cell[2] == style[1]):
                ideal += _sgr(style, cell[1:])
                style = cell[1:]
            ideal += len(str(cell[0]).encode())
            cells += 1
            last = x
    return cells, ideal


def _sgr(before: tuple[Any, ...] | None, after: tuple[Any, ...]) -> int:
    """Bytes of the sequence from one style to another: 24 bits take 17, a name 3, an attribute 2."""
    old = before or ("default", "default", *[False] * (len(after) - 2))
    colors = sum((17 if len(new) == 6 else 3) for was, new in zip(old[:2], after[:2], strict=True) if was != new)
    attributes = sum(bool(was != new) for was, new in zip(old[2:], after[2:], strict=True))
    return 3 + colors + 2 * attributes


def measured(program: Program, seconds: float) -> Round:
    """One round of ``program``."""
    seat = Seat(program)
    seat.until(lambda: sum(not line.isspace() for line in seat.screen.display) > 3, 15)
    paint = seat.bursts[-1].at - seat.began if seat.bursts else float("nan")
    seat.until(lambda: seat.shows(program.live), 15)
    live = seat.bursts[-1].at - seat.began if seat.bursts else float("nan")
    start = seat.total
    seat.until(lambda: False, 2.5)
    seen, spent, began = len(seat.bursts), seat.cpu_s(), time.monotonic()
    seat.until(lambda: False, seconds)
    took, spent = time.monotonic() - began, seat.cpu_s() - spent
    steady = seat.bursts[seen:]
    rss = seat.process.memory_info().rss / 1e6
    keys = tuple(_answered(seat, program.key) for _ in range(6))
    return Round(
        paint, live, start, sum(b.size for b in steady) / took, sum(b.ideal for b in steady) / took,
        spent / took * 100, rss, tuple(ms for ms in keys if ms), seat.end(program.leave),
    )  # fmt: skip


def _answered(seat: Seat, key: bytes) -> float:
    """Milliseconds until ``key`` changed the screen; 0: it did not within a second."""
    seat.until(lambda: False, 0.23)
    seen, pressed = len(seat.bursts), time.monotonic()
    os.write(seat.master, key)
    if seat.until(lambda: any(burst.cells for burst in seat.bursts[seen:]), 1.0):
        return (next(burst.at for burst in seat.bursts[seen:] if burst.cells) - pressed) * 1000
    return 0.0


def programs(folder: str | None, database: str) -> list[Program]:
    """The board on a picture that changes every second and on a live database; then who is installed."""
    path = os.pathsep.join(filter(None, [folder, str(Path(sys.executable).parent), os.environ["PATH"]]))
    python = sys.executable
    found = [
        Program("unstick", (python, "-m", "tests.tui.play", "incident"), "container 8b4f59aa"),
        Program("unstick live", (python, "-m", "unstick", "live"), "pg ●", b"?", environ={"DATABASE_URL": database}),
    ]
    others = (
        Program("glances", ("glances", "--time", "1", "--disable-check-update"), "CPU", b"1"),
        Program("htop", ("htop", "-d", "10"), "PID", b"\x1bOB"),
        Program("pg_activity", ("pg_activity", "--refresh", "1", database), "RUNNING QUERIES", b"2"),
        Program("textual demo", (python, "-m", "textual"), "Textual", b"\t", b"\x11"),
    )
    for other in others:
        where = shutil.which(other.command[0], path=path)
        if where is None:
            print(f"{other.name}: left out, not installed")
        else:
            found.append(msgspec.structs.replace(other, command=(where, *other.command[1:])))
    return found


def table(rounds: dict[str, list[Round]]) -> None:
    """Medians of all rounds."""
    print(f"{'program':<14}{'paint s':>9}{'live s':>8}{'start B':>9}{'B/s':>8}{'ideal B/s':>10}{'x ideal':>8}"
          f"{'CPU %':>7}{'RSS MB':>8}{'key ms':>8}{'p90':>7}{'exit s':>8}")  # fmt: skip
    for name, found in rounds.items():

        def mid(read: Callable[[Round], float], found: list[Round] = found) -> float:
            return statistics.median(read(each) for each in found)

        keys = sorted(ms for each in found for ms in each.key_ms) or [float("nan")]
        rate, ideal = mid(lambda r: r.bytes_per_s), mid(lambda r: r.ideal_per_s)
        print(
            f"{name:<14}{mid(lambda r: r.paint_s):>9.3f}{mid(lambda r: r.live_s):>8.3f}"
            f"{mid(lambda r: r.start_bytes):>9.0f}{rate:>8.0f}{ideal:>10.0f}{rate / ideal if ideal else 0:>8.2f}"
            f"{mid(lambda r: r.cpu_percent):>7.1f}{mid(lambda r: r.rss_mb):>8.1f}{statistics.median(keys):>8.1f}"
            f"{keys[int(len(keys) * 0.9)]:>7.1f}{mid(lambda r: r.exit_s):>8.2f}"
        )


def main(arguments: list[str] | None = None) -> None:
    """Run every program once per round and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--path")
    args = parser.parse_args(arguments)
    with Postgres() as server:
        server.psql("CREATE DATABASE board")
        for name in ("schema.sql", "seed.sql"):
            server.psql((ROOT / "demo_data" / name).read_text(), "board")
        found = programs(args.path, server.database_url("board"))
        rounds: dict[str, list[Round]] = {program.name: [] for program in found}
        for _ in range(args.rounds):
            for program in found:
                rounds[program.name].append(measured(program, args.seconds))
    print(f"terminal {COLUMNS}x{LINES}: medians of {args.rounds} interleaved rounds of {args.seconds:g} s"
          "   (python -m tests.benchmarks.terminal)")  # fmt: skip
    table(rounds)


if __name__ == "__main__":
    main()
