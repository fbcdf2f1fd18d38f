"""Reads a tape: opens by its headers, decodes what is asked for, plays what can be played."""

from __future__ import annotations

import fcntl
import os
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from unstick.facts.frame import Frame
from unstick.facts.text import clean, clean_bytes
from unstick.tape.codec import Document, Frames
from unstick.tape.delta import apply
from unstick.tape.event import Event
from unstick.tape.meta import FORMAT, VERSION, Meta
from unstick.tape.record import CONTENT_LIMIT, HEADER_SIZE, MARKER, DamageError, TapeError, content_size, unpack
from unstick.tape.scan import Damage, Entry, Scanner

PREFIX = len(MARKER) - 4
"""The skippable frame's magic and size, without the tag that carries the version."""


class Tape:
    """One recording, seen as Frames by number and events by time.

    Frames are decoded on demand; going on from one to the next costs a delta, going anywhere else a keyframe and up
    to a minute of deltas. Not for two threads at once.
    """

    def __init__(self, path: Path, file: int) -> None:
        self.path = path
        self._file = file
        self._scanner = Scanner(file)
        self._scanner.scan()
        if not self._scanner.entries:
            raise TapeError(*_stranger(os.pread(file, 16, 0)))
        self._frames: list[Entry] = []
        self._times: list[float] = []
        self._keys: list[int] = []
        self._events: list[Entry] = []
        self._bad: dict[int, Damage] = {}
        self._decoder = Frames()
        self._here = -1
        self._document: Document | None = None
        self._seq = -1
        self._content = 0
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

    def __len__(self) -> int:
        """Frames by header; a few of them may turn out to be damaged."""
        return len(self._frames)

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

    def refresh(self) -> int:
        """Take in what was written since; how many Frames that were."""
        before, known = len(self._frames), len(self.entries)
        if self._scanner.scan():
            self._sort(known)
        return len(self._frames) - before

    def at(self, number: int) -> float:
        """The instant of a Frame, by the header; it never falls, even if the recorded clock was set back."""
        return self._times[number]

    def find(self, at: float) -> int:
        """The number of the newest Frame at or before ``at``; 0 before the first."""
        return max(0, bisect_right(self._times, at + 0.0005) - 1)

    def frame(self, number: int) -> Frame | None:
        """One Frame; ``None`` where it, or a record that it builds on, is damaged."""
        document = self._seek(number)
        if document is None:
            return None
        try:
            return self._decoder.of(document)
        except DamageError as error:
            self._spoil(self._frames[number], str(error))
            self._document = None
            return None

    def frames(self, first: int = 0, last: int | None = None) -> Iterator[tuple[int, Frame]]:
        """The Frames from ``first`` to ``last`` (its own number included) that can be read, with their numbers."""
        for number in range(first, len(self) if last is None else min(last + 1, len(self))):
            frame = self.frame(number)
            if frame is not None:
                yield number, frame

    def playable(self, number: int, step: int = 1) -> int | None:
        """The nearest Frame from ``number`` on in one direction that can be read."""
        while 0 <= number < len(self):
            if self.frame(number) is not None:
                return number
            number += step
        return None

    def events(self) -> Iterator[Event]:
        """What happened beside the facts, in order of time."""
        for entry in self._events:
            try:
                yield msgspec.convert(self._read(entry), Event)
            except (DamageError, msgspec.ValidationError) as error:
                self._spoil(entry, str(error))

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

    def _seek(self, number: int) -> Document | None:
        if number == self._here:
            return self._document
        key = self._keys[max(0, bisect_right(self._keys, number) - 1)] if self._keys else number
        start = self._here + 1 if key <= self._here < number else min(key, number)
        for place in range(start, number + 1):
            self._step(place)
        return self._document

    def _step(self, place: int) -> None:
        """Move on to the Frame at ``place``: a keyframe stands alone, a delta on the Frame that it names."""
        entry = self._frames[place]
        before, document = self._seq, self._document
        self._here, self._document = place, None
        try:
            if entry.header.kind == "D" and document is None:
                return
            payload = self._payload(entry)
            record = unpack(entry.header, payload)
            self._weigh(entry, payload)
            if entry.header.kind == "K":
                self._document = record["frame"]
            elif record.get("on", entry.header.seq - 1) == before:
                self._document = apply(document, record["change"])
            self._seq = entry.header.seq
        except (DamageError, KeyError) as error:
            self._spoil(entry, str(error))

    def _weigh(self, entry: Entry, payload: bytes) -> None:
        """All that builds on one keyframe is bounded, not only each record of it."""
        self._content = content_size(payload) + (0 if entry.header.kind == "K" else self._content)
        if self._content > 2 * CONTENT_LIMIT:
            raise DamageError("too much on one keyframe")

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
                self._events.append(entry)

    def _meta(self) -> Meta:
        """The first description that can be read."""
        for entry in self.entries:
            if entry.header.kind != "M":
                continue
            try:
                return _described(self._read(entry))
            except (DamageError, msgspec.ValidationError) as error:
                self._spoil(entry, str(error))
        raise TapeError("its description can't be read", "see unstick verify")


def _described(document: dict[str, Any]) -> Meta:
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
