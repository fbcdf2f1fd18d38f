"""An ordered end on every road: signals, a terminal that went away, and a screen that does not end in time."""

from __future__ import annotations

import os
import select
import stat
import sys
import termios
import threading
from contextlib import suppress

from unstick.tui.tty import RESTORE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_HUNG_UP = 129
"""As after SIGHUP."""
_DEADLINE_S = 1.5


class Leaving:
    """Between :meth:`enter` and :meth:`exit`, a terminal that hangs up, as a signal, calls ``leave(128 + n)``.

    That may be in any thread. If the program is still there after 1.5 s (a terminal that takes no bytes blocks
    everything that paints), the terminal is restored as far as it listens and the process ends. ``restore`` says
    whether it did that itself.
    """

    def __init__(self, leave: Callable[[int], None], restore: Callable[[], bool] = lambda: False) -> None:
        self._leave = leave
        self._give_back = restore
        self._attributes: list[Any] | None = None
        self._done = threading.Event()
        self._asked = False
        self._wakeup: tuple[int, int] | None = None
        self._watcher: threading.Thread | None = None

    def enter(self) -> None:
        """Begin to listen."""
        self._wakeup = os.pipe()
        self._watcher = threading.Thread(target=self._watch, name="unstick-terminal", daemon=True)
        self._watcher.start()

    def learn(self) -> None:
        """The terminal is now as the shell wants it back, and somebody else is going to change it."""
        with suppress(termios.error, OSError, ValueError):
            self._attributes = termios.tcgetattr(_stdin())

    def exit(self) -> None:
        """Listen no more; the program has ended in order."""
        self._done.set()
        if self._wakeup is not None and self._watcher is not None:
            os.close(self._wakeup[1])
            self._watcher.join(1.0)
            os.close(self._wakeup[0])

    def hurry(self, code: int) -> None:
        """The end was asked for: if the program is still there after the deadline, it ends with ``code``."""
        if not self._asked:
            self._asked = True
            threading.Thread(target=self._deadline, args=(code,), name="unstick-deadline", daemon=True).start()

    def ask(self, code: int) -> None:
        """Have the program left; the first reason counts."""
        if not self._asked:
            self.hurry(code)
            self._leave(code)

    def _watch(self) -> None:
        """Wait for the terminal to hang up; POLLHUP comes without being asked for."""
        if self._wakeup is None or _stdin() < 0:
            return
        poll = select.poll()
        poll.register(_stdin(), 0)
        poll.register(self._wakeup[0], select.POLLIN)
        ready = dict(poll.poll())
        if self._wakeup[0] not in ready:
            _detach()
            self.ask(_HUNG_UP)

    def _deadline(self, code: int) -> None:
        if not self._done.wait(_DEADLINE_S):
            if not self._give_back():
                self._restore()
            os._exit(code)

    def _restore(self) -> None:
        with suppress(termios.error, OSError):
            fd = os.open(os.ttyname(_stdin()), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
            termios.tcflush(fd, termios.TCIOFLUSH)
            if self._attributes is not None:
                termios.tcsetattr(fd, termios.TCSANOW, self._attributes)
            os.write(fd, RESTORE)


def _detach() -> None:
    """Streams that were the lost terminal lead nowhere from now on: what is still written ends well."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(fd).st_mode):
                os.dup2(nowhere, fd)
    os.close(nowhere)


def _stdin() -> int:
    try:
        return sys.__stdin__.fileno() if sys.__stdin__ is not None else -1
    except ValueError:
        return -1
