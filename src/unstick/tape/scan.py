"""Finds the records of a tape by their headers alone, and finds its place again behind damage."""

from __future__ import annotations

import contextlib
import os
import zlib

import msgspec

from unstick.tape.record import (
    CONTENT_LIMIT,
    HEADER_SIZE,
    MARKER,
    PAYLOAD_LIMIT,
    PEEK,
    DamageError,
    Header,
    check_content,
    content_size,
    parse_header,
)

CHUNK = 1 << 20
LEAD_LIMIT = PAYLOAD_LIMIT + CHUNK
"""How much of a file may be damaged before its first record."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """Where a record stands."""

    header: Header
    offset: int

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.offset + HEADER_SIZE + self.header.size


class Damage(msgspec.Struct, frozen=True):
    """Bytes that are no record, or not the one that was written."""

    offset: int
    end: int
    what: str


class Scanner:
    """Goes on where it stopped, so that a tape can be read while it grows."""

    def __init__(self, file: int) -> None:
        self._file = file
        self.entries: list[Entry] = []
        self.damages: list[Damage] = []
        self.offset = 0
        """Behind the last whole record."""

    def scan(self) -> int:
        """Take in what was written since; how many records that were.

        Raises ``TapeError`` for lengths and formats that can't be read.
        """
        size = os.fstat(self._file).st_size
        before = len(self.entries)
        while self.offset + HEADER_SIZE <= size:
            entry = self._entry(self.offset)
            if entry is None or entry.end > size:
                found = self._search(size)
                if found is None:
                    break
                self.damages.append(Damage(self.offset, found.offset, "no record"))
                entry = found
            self.entries.append(entry)
            self.offset = entry.end
        return len(self.entries) - before

    def _entry(self, offset: int) -> Entry | None:
        data = os.pread(self._file, PEEK, offset)
        header = parse_header(data)
        if header is None:
            return None
        entry = Entry(header, offset)
        with contextlib.suppress(DamageError):  # the payload's checksum will tell when it is read
            if content_size(data[HEADER_SIZE : HEADER_SIZE + header.size]) > CONTENT_LIMIT:
                self._refuse(entry)
        return entry

    def _refuse(self, entry: Entry) -> None:
        """Raises ``TapeError`` for a record that was written with a size over the limit; a flipped bit is damage."""
        payload = os.pread(self._file, entry.header.size, entry.offset + HEADER_SIZE)
        if zlib.crc32(payload) == entry.header.checksum:
            check_content(entry.header, content_size(payload))

    def _search(self, size: int) -> Entry | None:
        """The next whole record behind the damage here: also inside the record before, should bytes be missing."""
        at = self.entries[-1].offset + HEADER_SIZE if self.entries else 0
        last = size if self.entries else min(size, LEAD_LIMIT)
        while at < last:
            data = os.pread(self._file, CHUNK + len(MARKER), at)
            place = data.find(MARKER)
            if place < 0:
                at += max(len(data) - len(MARKER), 1)
                continue
            entry = self._entry(at + place)
            if entry is not None and entry.end <= size:
                return entry
            at += place + 1
        return None
