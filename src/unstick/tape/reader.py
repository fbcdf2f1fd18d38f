"""Reads a tape: opens by its headers, decodes what is asked for, plays what can be played."""

from __future__ import annotations

import fcntl
import os
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from unstick.facts.text import clean, clean_bytes
from unstick.tape.event import Event
from unstick.tape.meta import FORMAT, VERSION, Meta
from unstick.tape.record import HEADER_SIZE, MARKER, DamageError, Header, TapeError, unpack
from unstick.tape.reel import Reel
from unstick.tape.scan import Damage, Entry, Scanner

PREFIX = len(MARKER) - 4
"""The skippable frame's magic and size, without the tag that carries the version."""


class Tape(Reel):
    """One recording in one file; opened by its headers alone."""

    def __init__(self, path: Path, file: int) -> None:
        super().__init__()
        self.path = path
        self._file = file
        self._scanner = Scanner(file)
        self._scanner.scan()
        if not self._scanner.entries:
            raise TapeError(*_stranger(os.pread(file, 16, 0)))
        self._frames: list[Entry] = []
        self._notes: list[Entry] = []
        self._events: list[Event] = []
        self._bad: dict[int, Damage] = {}
        self._sort(0)
        self.meta = self._meta()

    @classmethod
    def open(cls, path: Path) -> Tape:
        """Open by headers. Raises ``OSError``, and :class:`TapeError` for a file that is no tape."""
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            return cls(path, file)
        except BaseException:
            os.close(file)
            raise

    def close(self) -> None:
        """Part from the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def entries(self) -> list[Entry]:
        """Every record that has a header."""
        return self._scanner.entries

    @property
    def damages(self) -> list[Damage]:
        """Bytes that are no record, and records found damaged so far."""
        return sorted([*self._scanner.damages, *self._bad.values()], key=lambda damage: damage.offset)

    @property
    def tail(self) -> int:
        """Bytes at the end that are no whole record: a kill, or a writer at work."""
        return max(0, os.fstat(self._file).st_size - self._scanner.offset)

    @property
    def ended(self) -> bool:
        """The recording was closed in order."""
        return self.entries[-1].header.kind == "Z"

    def growing(self) -> bool:
        """Whether a writer holds the file."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.flock(self._file, fcntl.LOCK_UN)
        except BlockingIOError:
            return True
        except OSError:
            return False  # a file system without locks
        return False

    @property
    def trouble(self) -> str | None:
        """That the file became shorter than what is known of it."""
        return "the file was cut short" if os.fstat(self._file).st_size < self._scanner.offset else None

    def refresh(self) -> int:
        """Take in what was written since; how many Frames that were."""
        before, known = len(self._frames), len(self.entries)
        if self._scanner.scan():
            self._sort(known)
        return len(self._frames) - before

    def events(self) -> Sequence[Event]:
        """What happened beside the facts, in order of time: a mark may be written later than its instant."""
        fresh, self._notes = self._notes, []
        for entry in fresh:
            try:
                self._events.append(msgspec.convert(self._read(entry), Event))
            except (DamageError, msgspec.ValidationError) as error:
                self._spoil(entry, str(error))
        if fresh:
            self._events.sort(key=lambda event: event.at)
        return self._events

    def note(self, event: Event) -> None:
        """Remember what happened, for as long as this is open; the file stays as it is."""
        self._events.append(event)
        self._events.sort(key=lambda each: each.at)

    def record(self, number: int) -> tuple[Header, bytes]:
        """Header and payload of a Frame's record."""
        entry = self._frames[number]
        return entry.header, self._payload(entry)

    def spoil(self, number: int, what: str) -> None:
        """Remember that the record of a Frame is damaged."""
        self._spoil(self._frames[number], what)

    def check(self) -> None:
        """Read everything, so that :attr:`damages` is complete."""
        for number in range(len(self)):
            self.frame(number)
        framed = {entry.offset for entry in self._frames}
        for entry in self.entries:
            if entry.offset not in framed:
                try:
                    self._read(entry)
                except DamageError as error:
                    self._spoil(entry, str(error))

    def affected(self, damage: Damage) -> tuple[float, float]:
        """The time that damage touches: from the Frame before it to the next one that can be read."""
        behind = bisect_left(self._frames, damage.offset, key=lambda entry: entry.offset)
        found = self.playable(behind)
        last = len(self) - 1
        return self.at(max(0, behind - 1)), self.at(last if found is None else found)

    def _read(self, entry: Entry) -> dict[str, Any]:
        return unpack(entry.header, self._payload(entry))

    def _payload(self, entry: Entry) -> bytes:
        return os.pread(self._file, entry.header.size, entry.offset + HEADER_SIZE)

    def _spoil(self, entry: Entry, what: str) -> None:
        self._bad[entry.offset] = Damage(entry.offset, entry.end, what)

    def _sort(self, first: int) -> None:
        for entry in self.entries[first:]:
            if entry.header.kind in {"K", "D"}:
                if entry.header.kind == "K":
                    self._keys.append(len(self._frames))
                self._frames.append(entry)
                self._times.append(max(entry.header.at, self._times[-1] if self._times else 0.0))
            elif entry.header.kind == "E":
                self._notes.append(entry)

    def _meta(self) -> Meta:
        """The first description that can be read."""
        for entry in self.entries:
            if entry.header.kind != "M":
                continue
            try:
                return described(self._read(entry))
            except (DamageError, msgspec.ValidationError) as error:
                self._spoil(entry, str(error))
        raise TapeError("its description can't be read", "see unstick verify")


def described(document: dict[str, Any]) -> Meta:
    """What a description says. Raises ``DamageError``, ``ValidationError``, and ``TapeError`` for a newer one."""
    version, reads = document.get("version"), document.get("reads", VERSION)
    if document.get("format") != FORMAT:
        raise DamageError("another format")
    if isinstance(reads, int) and reads > VERSION:
        raise TapeError(f"format {clean(str(version), 20)} is newer than this unstick reads ({VERSION})", "upgrade")
    return msgspec.convert(document, Meta)


def _stranger(begin: bytes) -> tuple[str, str]:
    """Why a file without records is no tape."""
    if not begin:
        return "0 bytes: nothing was recorded", "record again"
    if begin.startswith(MARKER[:PREFIX] + b"uT") and begin[: len(MARKER)] != MARKER[: len(begin)]:
        return "written by another version of unstick", "upgrade"
    if begin.startswith(MARKER[: len(begin)]):
        return "torn before its first record: nothing was recorded", "record again"
    return f'starts with "{clean_bytes(begin[:4])}": not a recording', "use a tape that unstick record made"
