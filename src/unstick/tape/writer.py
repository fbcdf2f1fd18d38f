"""Writes a tape: append-only, one write per record, its owner's eyes only.

A record that could not be written whole is cut off again; recording pauses, tries again, and goes on with a named gap
and a keyframe. A keyframe is synced to the disk, so that a power cut costs a minute at most.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from unstick.facts.frame import Frame
from unstick.facts.text import clean
from unstick.tape.encoder import Encoder
from unstick.tape.event import GAP, MARK, SOURCE, Event, states, transitions
from unstick.tape.meta import Meta, anonymous
from unstick.tape.parts import part_path
from unstick.tape.reader import Tape
from unstick.tape.record import TapeError
from unstick.tape.redact import Redactor

RETRY_S = 10.0
"""Between two attempts to write while the disk is full, by the clock of the Frames."""
REASONS = {
    errno.ENOSPC: "disk full",
    errno.EDQUOT: "quota used up",
    errno.EFBIG: "file size limit",
    errno.EROFS: "read-only file system",
    errno.EIO: "input/output error",
    errno.ENOENT: "the file was removed",
}
REMOVED = REASONS[errno.ENOENT]


class Sizes(msgspec.Struct, frozen=True):
    """Bytes of one file, and of all files of one recording together; the oldest go first."""

    part: int = 256 << 20
    keep: int = 2 << 30


class Writer:
    """One recording. Raises ``OSError`` when ``path`` can't be created and :class:`TapeError` when it exists."""

    def __init__(
        self, path: Path, meta: Meta, *, sizes: Sizes | None = None, redactor: Redactor | None = None
    ) -> None:
        self.path = path
        self.frames = 0
        self.trouble: str | None = None
        """Why nothing is recorded now."""
        self._meta = meta if redactor is None else anonymous(meta)
        self._sizes = sizes or Sizes()
        self._redactor = redactor
        self._part = 1
        self._parts: list[tuple[Path, int]] = []
        self._states: dict[str, str] = {}
        self._lost_at = self._tried_at = 0.0
        self._at = meta.started_at
        self._good = 0
        self._encoder = Encoder(self._meta)
        self._file = _create(path)
        try:
            self._append(self._encoder.begin())
        except OSError:
            os.close(self._file)
            path.unlink(missing_ok=True)
            raise

    @property
    def size(self) -> int:
        """Bytes of all files that are kept."""
        return self._good + sum(size for _, size in self._parts)

    def frame(self, frame: Frame) -> None:
        """Record one Frame. Never raises: see :attr:`trouble`."""
        self._at = frame.at
        if self._redactor is not None:
            frame = self._redactor.frame(frame)
        if self.trouble is not None and self._lost_at <= frame.at < self._tried_at + RETRY_S:
            return
        begin = self._good
        try:
            self._look()
            self._name_gap(frame.at)
            for event in transitions(self._states, frame):
                self._append(self._encoder.event(event))
            self._states = states(frame)
            for kind, record in self._encoder.frame(frame):
                self._append(record)
                if kind == "K":
                    os.fsync(self._file)
        except (OSError, TapeError) as error:
            self._good = self._good if self.trouble is None else begin
            self._pause(frame.at, error)
            return
        self.trouble = None
        self.frames += 1
        if self._good >= self._sizes.part:
            self._turn()

    def event(self, event: Event) -> bool:
        """Record what happened; whether it was."""
        if self.trouble is not None:
            return False
        try:
            self._append(self._encoder.event(event))
        except (OSError, ValueError) as error:
            self._pause(event.at, error)
            return False
        return True

    def mark(self, text: str, at: float | None = None) -> bool:
        """Record a person's note at the newest Frame, or at an instant."""
        return self.event(Event(MARK, self._at if at is None else at, clean(text)))

    def close(self) -> None:
        """End the tape."""
        if self._file < 0:
            return
        try:
            self._look()
            self._name_gap(self._at)
            self._append(self._encoder.end(self._at))
            os.fsync(self._file)
        except OSError as error:
            self._pause(self._at, error)
        finally:
            os.close(self._file)
            self._file = -1

    def _look(self) -> None:
        """What is written to a file that nobody can open any more is not recorded."""
        if os.fstat(self._file).st_nlink == 0:
            raise OSError(errno.ENOENT, REMOVED)

    def _append(self, record: bytes) -> None:
        """One write. One that was cut short is followed by another, which tells why."""
        written = os.write(self._file, record)
        while written < len(record):
            written += os.write(self._file, record[written:])
        self._good += len(record)

    def _pause(self, at: float, error: Exception) -> None:
        number = error.errno if isinstance(error, OSError) else None
        text = REASONS.get(number or 0) or clean((number and os.strerror(number)) or str(error), 120)
        if self.trouble is None:
            self._lost_at = at
        self.trouble, self._tried_at = text or type(error).__name__, at
        self._encoder.restart()
        try:
            os.ftruncate(self._file, self._good)
        except OSError:
            return  # a reader finds its place again behind a torn record

    def _name_gap(self, at: float) -> None:
        """After a pause the first record says what is missing; it counts only with the Frame behind it."""
        if self.trouble is not None:
            details = {"since": self._lost_at, "until": at}
            self._append(self._encoder.event(Event(GAP, at, f"nothing recorded: {self.trouble}", details)))

    def _turn(self) -> None:
        """Go on in a new file; without one the old file just grows."""
        path = part_path(self.path, self._part + 1)
        try:
            file = _create(path)
        except (OSError, TapeError):
            return
        try:
            self._append(self._encoder.end(self._at, path.name))
        except OSError as error:
            self._pause(self._at, error)
        os.close(self._file)
        self._parts.append((part_path(self.path, self._part), self._good))
        self._part, self._file, self._good = self._part + 1, file, 0
        meta = msgspec.structs.replace(self._meta, part=self._part, started_at=self._at)
        self._encoder = Encoder(meta)
        try:
            self._append(self._encoder.begin())
        except OSError as error:
            self._pause(self._at, error)
        self._forget()

    def _forget(self) -> None:
        while self._parts and self.size > self._sizes.keep:
            path, _ = self._parts.pop(0)
            path.unlink(missing_ok=True)


def record_all(path: Path, meta: Meta, frames: Iterable[Frame], events: Iterable[Event] = ()) -> int:
    """A finished tape of known Frames; how many it holds. Raises what :class:`Writer` does, and ``OSError``.

    Sources that were lost or came back are told by the Frames themselves.
    """
    writer = Writer(path, meta)
    waiting = sorted((event for event in events if event.event != SOURCE), key=lambda event: event.at)
    for frame in frames:
        while waiting and waiting[0].at <= frame.at:
            writer.event(waiting.pop(0))
        writer.frame(frame)
        if writer.trouble is not None:
            break
    trouble = writer.trouble
    writer.close()
    if trouble is not None:
        path.unlink(missing_ok=True)
        raise OSError(errno.ENOSPC, trouble)
    return writer.frames


def _create(path: Path) -> int:
    """A new file for one writer; who reads it may do so while it grows."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
    try:
        file = os.open(path, flags, 0o600)
    except FileExistsError:
        raise TapeError(*_occupied(path)) from None
    with contextlib.suppress(OSError):  # a file system without locks; the file is new all the same
        fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _occupied(path: Path) -> tuple[str, str]:
    """Who holds a file that exists, and what to do."""
    with contextlib.suppress(OSError, TapeError), Tape.open(path) as tape:
        if tape.growing():
            return f"is being recorded by process {tape.meta.pid}", "choose another name"
    return "exists already; a recording is never overwritten", "choose another name"
