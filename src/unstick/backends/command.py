"""A command of the configuration whose output is read as it comes: ``docker logs -f``, ``journalctl -f``.

It gets no input, leads a group of its own, and that group is ended with the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence

from unstick.backends.base import failure
from unstick.backends.files import Grown
from unstick.facts.reading import Cost, TroubleKind
from unstick.facts.text import clean_bytes

KEPT_BYTES = 1 << 20
"""Of what came and was not yet read; older output is dropped beyond it, and counted."""
PIECE = 1 << 16
END_S = 0.5


class CommandConnection:
    """One running command."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._kept = bytearray()
        self._skipped = 0
        self._last = b""

    async def open(self) -> None:
        """Start the command if it does not run. Raises :class:`BackendError` when it can't be, or has ended."""
        if self._process is not None:
            return
        try:
            self._process = subprocess.Popen(  # noqa: S603, ASYNC220 - the user's own words; starting takes a moment
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            words = error.strerror if isinstance(error, OSError) else str(error)
            raise failure(TroubleKind.ABSENT, f"{self._command[0]}: {(words or 'not started').lower()}") from None
        self._loop = asyncio.get_running_loop()
        os.set_blocking(self._output(), False)
        self._loop.add_reader(self._output(), self._drain)

    def take(self) -> Grown:
        """What came since the last call. Raises ``CLOSED`` when the command has ended and everything was taken."""
        process = self._process
        if process is None:
            raise failure(TroubleKind.CLOSED, "the command was given up", transport=True)
        if not self._kept and process.poll() is not None:
            said = f": {clean_bytes(self._last, 200)}" if self._last else ""
            text = f"the command ended with status {process.returncode}{said}"
            raise failure(TroubleKind.CLOSED, text, transport=True)
        data, self._kept = bytes(self._kept), bytearray()
        skipped, self._skipped = self._skipped, 0
        return Grown(data, skipped)

    def abort(self) -> None:
        """End the command with everything that it started."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdout is not None:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.remove_reader(process.stdout.fileno())
            process.stdout.close()
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_S)
        self._kept.clear()

    async def close(self) -> None:
        """The same."""
        self.abort()

    def take_cost(self) -> Cost:
        """A command of this host costs no server anything that could be told."""
        return Cost()

    def _output(self) -> int:
        if self._process is None or self._process.stdout is None:
            raise failure(TroubleKind.CLOSED, "the command was given up", transport=True)
        return self._process.stdout.fileno()

    def _drain(self) -> None:
        """Take what there is, so that the command never waits for its reader."""
        try:
            piece = os.read(self._output(), PIECE)
        except (BlockingIOError, InterruptedError):
            return
        if not piece and self._loop is not None:
            self._loop.remove_reader(self._output())
        self._kept += piece
        self._last = (piece.strip().rpartition(b"\n")[2] or self._last)[-400:]
        over = len(self._kept) - KEPT_BYTES
        if over > 0:
            del self._kept[:over]
            self._skipped += over
