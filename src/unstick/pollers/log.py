"""A log that is followed: new lines are told apart by patterns, counted, and the last of each kind are kept."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from unstick import clock
from unstick.backends.files import FilesConnection, Grown, Place, grown, matching
from unstick.config.presets import LOG_PATTERNS
from unstick.facts.log import LogFacts, LogHits
from unstick.facts.reading import Source
from unstick.facts.text import clean, clean_bytes
from unstick.settings import Log

if TYPE_CHECKING:
    from unstick.backends.command import CommandConnection

FILES_CAP = 20
LOOK_BYTES = 1 << 20
"""Of one file in one look."""
BACK_BYTES = 1 << 16
"""Read of a file that is already there: its lines are shown, but not counted."""
LINE_BYTES = 1000
"""Of a line that patterns are tried on."""
LINES_KEPT = 5
SHOWN = 300
_SECRET = re.compile(
    r"(?i)((?:password|passwd|secret|token|api[_-]?key|authorization)[\"']?\s*[=:]\s*[\"']?(?:bearer\s+|basic\s+)?)[^\s\"',;]+"
)
_LOGIN = re.compile(r"(://[^/\s:@]*:)[^@\s]+(@)")


class _Kind:
    """The lines of one pattern."""

    def __init__(self, name: str, pattern: str) -> None:
        self.name = name
        self.search = re.compile(pattern).search
        self.count = 0
        self.last_at: float | None = None
        self.lines: deque[str] = deque(maxlen=LINES_KEPT)


class LogPoller:
    """One log, in files or from a command."""

    def __init__(self, source: Source, entry: Log) -> None:
        self.source = source
        self._entry = entry
        patterns = {**entry.match, **{name: LOG_PATTERNS[name] for name in entry.patterns}}
        self._kinds = [_Kind(name, pattern) for name, pattern in patterns.items()]
        self._places: dict[Path, Place] = {}
        self._rests: dict[Path | None, bytes] = {}
        self._since_at: float | None = None
        self._files = self._lines = self._skipped = 0

    async def look(self, connection: FilesConnection | CommandConnection) -> LogFacts:
        """Read what is new. Raises :class:`BackendError` for what can't be read, or ended."""
        if isinstance(connection, FilesConnection):
            await connection.look(self.source.id, self._follow)
        else:
            self._take(None, connection.take(), counted=True)
        self._since_at = clock.now() if self._since_at is None else self._since_at
        return LogFacts(
            name=clean(self._entry.known_as),
            place=clean(" ".join(self._entry.command) or ", ".join(self._entry.files)),
            looked_at=clock.now(),
            since_at=self._since_at,
            files=self._files,
            lines=self._lines,
            skipped_bytes=self._skipped,
            hits=tuple(LogHits(clean(k.name), k.count, k.last_at, tuple(k.lines)) for k in self._kinds),
            warning_per_min=self._entry.warning_per_min,
            critical_per_min=self._entry.critical_per_min,
        )

    def _follow(self) -> None:
        """In a thread: the newest files that match, each from where it was left."""
        first = self._since_at is None
        found = matching(self._entry.files, self._entry.folder)[:FILES_CAP]
        self._files = len(found)
        for file in found:
            known = self._places.get(file.path)
            if known is None and not first:
                known = Place(-1, 0)  # a file that came later is new from its first line
            try:
                self._places[file.path], new = grown(file, known, LOOK_BYTES, back=BACK_BYTES)
            except FileNotFoundError:  # rotated away since it was listed
                continue
            self._take(file.path, new, counted=known is not None)
        here = {file.path for file in found}
        self._places = {path: place for path, place in self._places.items() if path in here}
        self._rests = {path: rest for path, rest in self._rests.items() if path in here}

    def _take(self, path: Path | None, new: Grown, *, counted: bool) -> None:
        rest = b"" if new.skipped else self._rests.get(path, b"")
        *lines, rest = (rest + new.data).split(b"\n")
        self._rests[path] = rest[-LOOK_BYTES:]
        if new.skipped or (not counted and lines):
            lines = lines[1:]  # cut somewhere in its midst
        self._skipped += new.skipped
        for line in lines:
            self._line(line, counted=counted)

    def _line(self, line: bytes, *, counted: bool) -> None:
        """The first pattern that matches has the line."""
        self._lines += counted
        text = line[:LINE_BYTES].decode("utf-8", "replace")
        kind = next(self._matching(text), None)
        if kind is not None:
            kind.count += counted
            kind.last_at = clock.now() if counted else kind.last_at
            kind.lines.append(clean_bytes(scrubbed(text).encode(), SHOWN))

    def _matching(self, text: str) -> Iterator[_Kind]:
        return (kind for kind in self._kinds if kind.search(text))


def scrubbed(line: str) -> str:
    """``line`` without what is written like a secret.

    >>> scrubbed("token=abc123 redis://:pw@cache/0 Authorization: Bearer x.y")
    'token=*** redis://:***@cache/0 Authorization: Bearer ***'
    """
    return _LOGIN.sub(r"\1***\2", _SECRET.sub(r"\1***", line))
