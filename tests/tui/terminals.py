"""A program in a pseudo-terminal of its own, its screen in memory."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyte

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 60.0
CSI = re.compile(r"\x1b\[[0-9;:?<>=!$ ]*[@-~]")
POINTER = "\x1b]22;default\x07"
"""Textual puts the mouse pointer back to its usual shape."""
MODES = re.compile(r"\x1b\[\?([0-9;]+)([hl])")
OFF = {"1049", "1000", "1002", "1003", "1006", "1015", "1004", "2004"}
"""Private modes that must be off at the end; 7 (wrap) and 25 (cursor) must be on."""


QUESTION, ANSWER = b"\x1b[5n", b"\x1b[0n"


class Terminal:
    """A child in a pseudo-terminal of its own, and everything it wrote."""

    def __init__(
        self,
        *args: str,
        size: tuple[int, int] = (120, 36),
        nohup: bool = False,
        shell: bool = False,
        answering: bool = False,
        env: dict[str, str] | None = None,
        command: tuple[str, ...] = (sys.executable, "-m", "tests.tui.play"),
    ) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.output = b""
        self.answering = answering
        self.screen = pyte.Screen(*size)
        self.stream = pyte.ByteStream(self.screen)
        environ = {
            "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PYTHONPATH": str(ROOT / "src"),
            "TERM": "xterm-256color", "LANG": "C.UTF-8", "XDG_CACHE_HOME": "/dev/null", **(env or {}),
        }  # fmt: skip
        program = ("bash", "--norc", "--noprofile", "-i") if shell else (*command, *args)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setsid()
                fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
                for number in (0, 1, 2):
                    os.dup2(self.slave, number)
                os.closerange(3, 256)
                os.chdir(ROOT)
                if nohup:
                    signal.signal(signal.SIGHUP, signal.SIG_IGN)
                os.execvpe(program[0], program, environ)
            finally:
                os._exit(99)

    def read(self, seconds: float = 0.05) -> bool:
        """Take what was written; whether there was anything."""
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.feed(data)
        return bool(data)

    def feed(self, data: bytes) -> None:
        """Take what was read elsewhere, and answer it as far as this terminal does."""
        begin = max(0, len(self.output) - len(QUESTION) + 1)
        self.output += data
        if self.answering:
            os.write(self.master, ANSWER * self.output.count(QUESTION, begin))
        self.stream.feed(re.sub(rb"\x1b\[[<>=][0-9;]*[a-z]", b"", data))  # pyte takes these for other sequences

    def until(self, met: Callable[[], Any], what: str) -> None:
        end = time.monotonic() + TIMEOUT_S
        while not met():
            assert time.monotonic() < end, f"{what} did not come; the screen:\n" + "\n".join(self.screen.display)
            self.read()

    def drips(self, enough: Callable[[], bool]) -> None:
        """Take two kilobytes a second until ``enough``."""
        end = time.monotonic() + TIMEOUT_S
        while not enough():
            assert time.monotonic() < end
            self.feed(os.read(self.master, 200))
            time.sleep(0.1)

    def shows(self, text: str) -> None:
        self.until(lambda: any(text in line for line in self.screen.display), repr(text))

    def listens(self) -> None:
        """Until the driver has the terminal; pictures were drawn before."""
        self.says(b"\x1b[?2004h")

    def press(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def says(self, text: bytes) -> None:
        """Like :meth:`shows` for what a shell writes: pyte has one cursor, so that it breaks such lines anywhere."""
        self.until(lambda: text in self.output, repr(text))

    def rests(self) -> None:
        """Until it wrote nothing for half a second."""
        self.until(lambda: not self.read(0.5), "rest")

    def ended(self, *, reading: bool = True) -> int:
        """The exit code."""
        end = time.monotonic() + TIMEOUT_S
        while time.monotonic() < end:
            if reading:
                self.read(0.02)
            else:
                time.sleep(0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                while reading and self.read(0.05):
                    pass
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
        raise AssertionError("it did not end")

    def modes(self) -> dict[str, bool]:
        """Private modes as last set."""
        text = self.output.decode("utf-8", "replace")
        return {mode: flag == "h" for modes, flag in MODES.findall(text) for mode in modes.split(";")}

    def assert_restored(self) -> None:
        modes = self.modes()
        assert "1049" in modes, "the board never came up"
        assert not [mode for mode in OFF if modes.get(mode)]
        assert modes.get("25", True)
        assert modes.get("7", True)
        assert termios.tcgetattr(self.slave) == self.before

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        for fd in (self.master, self.slave):
            if fd >= 0:
                os.close(fd)
