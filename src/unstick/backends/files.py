"""Files of this host: listed with a cap, read by their ends, never opened for writing."""

from __future__ import annotations

import errno
import fnmatch
import glob
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from unstick.backends.base import BackendError, failure
from unstick.backends.threads import Threads
from unstick.facts.reading import Cost, TroubleKind

T = TypeVar("T")

ENTRIES_CAP = 20_000
"""Directory entries that one look reads at most."""


class Found(NamedTuple):
    """One regular file: ``written_at`` is its modification time."""

    path: Path
    size: int
    written_at: float


class FilesConnection:
    """No connection at all: one thread at a time looks."""

    def __init__(self) -> None:
        self._threads = Threads()
        self._bytes = 0

    async def open(self) -> None:
        """Nothing to open."""

    async def look(self, question: str, look: Callable[[], T]) -> T:
        """Run ``look`` in a thread; its system errors leave as :class:`BackendError`."""
        try:
            return await self._threads.run(question, look)
        except OSError as error:
            raise refused(error) from None

    def abort(self) -> None:
        """Nothing to close: a thread that hangs is left behind."""

    async def close(self) -> None:
        """Nothing to close."""

    def take_cost(self) -> Cost:
        """Reading one's own files costs no server anything."""
        return Cost()


def refused(error: OSError) -> BackendError:
    """Why a file or folder can't be read. Never a lost connection."""
    kinds = {errno.EACCES: TroubleKind.DENIED, errno.EPERM: TroubleKind.DENIED, errno.ENOENT: TroubleKind.ABSENT}
    where = f": {os.fsdecode(error.filename)}" if isinstance(error.filename, (str, bytes)) else ""
    return failure(
        kinds.get(error.errno or 0, TroubleKind.INTERNAL), f"{(error.strerror or 'unreadable').lower()}{where}"
    )


def matching(patterns: Sequence[str], folder: str) -> list[Found]:
    """The regular files that match, the newest first. A folder that is not there has none.

    Raises :class:`OSError` for one that may not be read: nobody can say that it is empty.
    """
    found: dict[Path, Found] = {}
    left = ENTRIES_CAP
    for pattern in patterns:
        head, name = os.path.split(str(Path(folder) / Path(pattern).expanduser()))
        for place in glob.iglob(head or "."):  # noqa: PTH207 - a pattern may be absolute
            for entry in _entries(place, name):
                left -= 1
                if left < 0:
                    break
                if (one := _file(entry)) is not None:
                    found[one.path] = one
    return sorted(found.values(), key=lambda one: (-one.written_at, str(one.path)))


def _entries(place: str, name: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(place) as entries:
            yield from (entry for entry in entries if fnmatch.fnmatchcase(entry.name, name))
    except (FileNotFoundError, NotADirectoryError):
        return


def _file(entry: os.DirEntry[str]) -> Found | None:
    try:
        seen = entry.stat()
    except OSError:  # gone since it was listed
        return None
    return Found(Path(entry.path), seen.st_size, seen.st_mtime) if stat.S_ISREG(seen.st_mode) else None


def tail(path: Path, size: int) -> bytes:
    """The last ``size`` bytes. Raises :class:`OSError`."""
    with path.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - size))
        return file.read(size)


def room(folder: Path) -> int:
    """Bytes that are free where ``folder`` is. Raises :class:`OSError`."""
    return shutil.disk_usage(folder).free


class Grown(NamedTuple):
    """What came to a log: its newest bytes, and how many before them were left out."""

    data: bytes
    skipped: int


class Place(NamedTuple):
    """How far a file was read: which file it was, and where its reader stands."""

    inode: int
    offset: int


def grown(found: Found, place: Place | None, cap: int, *, back: int = 0) -> tuple[Place, Grown]:
    """What was written behind ``place``, at most the last ``cap`` bytes. Raises :class:`OSError`.

    A file that was replaced or cut is read from its beginning; one never read before from its last ``back`` bytes.
    """
    with found.path.open("rb") as file:
        state = os.fstat(file.fileno())
        if place is None:
            start = max(0, state.st_size - back)
        elif place.inode != state.st_ino or state.st_size < place.offset:
            start = 0
        else:
            start = place.offset
        skipped = max(0, state.st_size - start - cap)
        file.seek(start + skipped)
        data = file.read(min(cap, state.st_size - start - skipped))
        return Place(state.st_ino, start + skipped + len(data)), Grown(data, skipped)
