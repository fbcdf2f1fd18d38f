"""A program in a pseudo-terminal: what it writes, in bursts, and how little would have been enough."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pyte

ROOT = Path(__file__).parents[2]
COLUMNS, LINES = 200, 60
_ANSWERS = (
    (b"\x1b[?2026$p", b"\x1b[?2026;2$y"),
    (b"\x1b[c", b"\x1b[?62;c"),
    (b"\x1b[6n", b"\x1b[1;1R"),
    (b"\x1b[5n", b"\x1b[0n"),
)
_UNKNOWN = re.compile(rb"\x1b\[[<>=][0-9;]*[a-z]|\x1b\[[?0-9;]*\$p")
_GAP_S = 0.012
"""Silence that separates two bursts of output."""


class Burst(msgspec.Struct, frozen=True):
    """What came between two silences: when, how much, and how little would have done."""

    at: float
    size: int
    cells: int
    ideal: int


class Seat:
    """A program in a pseudo-terminal of its own."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        self.screen = pyte.Screen(COLUMNS, LINES)
        self.stream = pyte.ByteStream(self.screen)
        self.bursts: list[Burst] = []
        self.total = 0
        self._before = _picture(self.screen)
        self.began = time.monotonic()
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
            outside = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
            inside = {
                "TERM": "xterm-256color",
                "COLORTERM": "truecolor",
                "LANG": "C.UTF-8",
                "PYTHONPATH": str(ROOT / "src"),
            }
            os.chdir(ROOT)
            try:
                os.execvpe(command[0], list(command), {**outside, **inside, **environ})
            finally:
                os._exit(99)
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
                if count := data.count(question):
                    os.write(self.master, answer * count)
            self.stream.feed(_UNKNOWN.sub(b"", data))
        if size:
            self.total += size
            after = _picture(self.screen)
            self.bursts.append(Burst(first, size, *_difference(self._before, after)))
            self._before = after
        return True

    def cpu_s(self) -> tuple[float, float]:
        """User and system time of the program and what it started, and of its main thread, which paints."""
        times = [process.cpu_times() for process in (self.process, *self.process.children(recursive=True))]
        fields = Path(f"/proc/{self.pid}/task/{self.pid}/stat").read_text().rpartition(")")[2].split()
        main = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return sum(each.user + each.system for each in times), main

    @staticmethod
    def clock() -> float:
        """The clock of :attr:`began` and of bursts."""
        return time.monotonic()

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
        self.kill()
        return float("nan")

    def kill(self) -> None:
        """End it at once, and what it started in its session."""
        os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.master)


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
