"""This program's own way to its terminal: modes, size, and bytes that never wait for it."""

from __future__ import annotations

import _thread
import os
import select
import sys
import termios
import time

from unstick.tui.receipts import Receipts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ENTER = b"\x1b[?1049h\x1b[m\x1b[H\x1b[2J\x1b[?25l\x1b[?7l"
"""Alternate screen, cleared; no cursor; text does not wrap."""
RESTORE = (
    b"\x1b[m\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l\x1b[?1004l\x1b[?2004l\x1b[?2048l"
    b"\x1b[?2026l\x1b[<u\x1b[?7h\x1b[?1049l\x1b[?25h"
)
"""All that this program or Textual may have switched on, off again."""
_PATIENCE_S = 0.2
"""How long the last bytes wait for a terminal that takes none, before what it did not take is dropped."""


class Tty:
    """A descriptor of its own, so that not blocking on it is no matter of the shell that shares the others.

    ``enter`` and ``leave`` may be called again and from any thread. Bytes are sent in order; while some wait,
    ``waiting`` is true and :meth:`flush` goes on with them.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.entered = False
        self._before: list[Any] | None = None
        self._pending = b""
        self.receipts = Receipts(time.monotonic)
        self._lock = _thread.allocate_lock()

    @classmethod
    def open(cls) -> Tty | None:
        """The terminal of standard input; ``None`` when it cannot be opened once more."""
        if sys.__stdin__ is None:
            return None
        try:
            fd = sys.__stdin__.fileno()
            path = "/dev/tty" if _controls(fd) else f"/proc/self/fd/{fd}"
            return cls(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC))
        except (OSError, ValueError):
            return None

    @property
    def waiting(self) -> bool:
        """Whether the terminal has not taken the last frame, or not shown it as far as it tells."""
        return bool(self._pending) or not self.receipts.room

    def size(self) -> tuple[int, int]:
        """Columns and lines, at least one of each; 80 and 24 where the terminal does not know."""
        try:
            columns, lines = os.get_terminal_size(self.fd)
        except OSError:
            return 80, 24
        return (columns, lines) if columns and lines else (80, 24)

    def enter(self) -> bool:
        """Take the terminal; whether it was not taken before."""
        with self._lock:
            if self.entered:
                return False
            self.entered = True
            try:
                self._before = termios.tcgetattr(self.fd)
                termios.tcsetattr(self.fd, termios.TCSANOW, _raw(self._before))
            except termios.error:
                self._before = None
        self.send(_ENTER)
        return True

    def leave(self) -> None:
        """Give the terminal back as it was found. A frame that it did not take is dropped.

        Whoever holds the lock for longer hangs, or is this very thread, and a signal came between.
        """
        held = self._lock.acquire(timeout=_PATIENCE_S)
        try:
            if self.entered:
                self.entered = False
                self._restore()
        finally:
            if held:
                self._lock.release()

    def _restore(self) -> None:
        held, self._pending = self._pending, b""
        try:
            if held:
                termios.tcflush(self.fd, termios.TCOFLUSH)
            self._insist(RESTORE)
            self._hear_out()
        except (termios.error, OSError):
            self.receipts.forget()  # the terminal takes nothing, or is gone
        try:
            if self._before is not None:
                termios.tcsetattr(self.fd, termios.TCSANOW, self._before)
            termios.tcflush(self.fd, termios.TCIFLUSH)
        except (termios.error, OSError):
            return

    def _hear_out(self) -> None:
        """Take answers that are still to come: the shell would take them for typed."""
        end = time.monotonic() + _PATIENCE_S
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        while self.receipts.owed and (left := end - time.monotonic()) > 0 and poll.poll(left * 1000):
            data = self.read()
            if data is None:
                break
            self.receipts.sift(data)
        self.receipts.forget()

    def close(self) -> None:
        """Leave, and give the descriptor up."""
        self.leave()
        os.close(self.fd)

    def send(self, data: bytes) -> bool:
        """Append ``data``; whether the terminal took everything. Before ``enter`` and after ``leave``: nowhere."""
        if not self.entered:
            return True
        self._pending += data
        return self.flush()

    def ask(self, data: bytes) -> bool:
        """Like :meth:`send`, and the terminal shall tell when it has got so far."""
        return self.send(data + self.receipts.question())

    def flush(self) -> bool:
        """Send what waits as far as the terminal takes it; whether it took everything."""
        while self._pending:
            try:
                self._pending = self._pending[os.write(self.fd, self._pending) :]
            except (BlockingIOError, InterruptedError):
                return False
            except OSError:
                self._pending = b""  # the terminal is gone, which whoever reads it will find
        return True

    def ready(self) -> bool:
        """Whether the terminal takes something now, or within 0.2 s."""
        return _writable(self.fd)

    def read(self) -> bytes | None:
        """What was typed: empty when there is nothing yet, ``None`` when the terminal is gone."""
        try:
            return os.read(self.fd, 4096) or None
        except (BlockingIOError, InterruptedError):
            return b""
        except OSError:
            return None

    def _insist(self, data: bytes) -> None:
        for _ in range(2):
            while data and _writable(self.fd):
                data = data[os.write(self.fd, data) :]
            if not data:
                return
            termios.tcflush(self.fd, termios.TCOFLUSH)


def _controls(fd: int) -> bool:
    """Whether ``fd`` is the controlling terminal: that can be opened even where its device is another user's."""
    try:
        os.tcgetpgrp(fd)
    except OSError:
        return False
    return True


def _writable(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return any(event & select.POLLOUT for _, event in poll.poll(_PATIENCE_S * 1000))


def _raw(attributes: list[Any]) -> list[Any]:
    """Every key as it is typed: no echo, no lines, no signals, no flow control, no translation of returns."""
    raw = [*attributes[:6], list(attributes[6])]
    raw[0] &= ~(termios.IXON | termios.IXOFF | termios.ICRNL | termios.INLCR | termios.IGNCR)
    raw[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
    raw[6][termios.VMIN], raw[6][termios.VTIME] = 1, 0
    return raw
