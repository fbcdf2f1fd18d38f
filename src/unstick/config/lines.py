"""Where each key of a TOML text stands: ``tomllib`` gives values without lines.

The scanner reads structure only. It stops at the first thing it does not understand: ``tomllib`` then tells what is
wrong there, and every key before that has its line.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections import Counter

Path = tuple[str | int, ...]

DEPTH_LIMIT = 32
"""``tomllib`` needs memory by the square of a key's parts and recursion by the depth of a value."""

_BLANK = re.compile(r"[ \t]*")
_BETWEEN = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_QUOTED_KEY = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}'
    r"|'''(?:[^']|'(?!''))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n]+")


class TooDeepError(Exception):
    """More levels than any configuration has, at ``line``."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


class _NotUnderstoodError(Exception):
    """Not TOML from here on."""


def lines_of(text: str) -> dict[Path, list[int]]:
    r"""Every key path with the lines that define it, in order; array elements by index. Raises :class:`TooDeepError`.

    >>> lines_of('[a]\nb = 1\n\n[[c]]\nd = [\n 2]\n')[("c", 0, "d")]
    [5]
    """
    return _Scanner(text.replace("\r\n", "\n")).scan()


def line_of(lines: dict[Path, list[int]], path: Path) -> int | None:
    """The line of ``path``, or of the nearest table around it."""
    for end in range(len(path), 0, -1):
        if path[:end] in lines:
            return lines[path[:end]][0]
    return None


def dotted(path: Path) -> str:
    """``path`` as the file spells it; the elements of an array are counted from 1.

    >>> dotted(("dramatiq", 0, "name"))
    'dramatiq[1].name'
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += f".{part}" if text else part
    return text


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._found: dict[Path, list[int]] = {}
        self._tables: Counter[Path] = Counter()

    def scan(self) -> dict[Path, list[int]]:
        table: Path = ()
        try:
            while self._skip(_BETWEEN) < len(self._text):
                if self._text[self._at] == "[":
                    table = self._header()
                else:
                    self._pair(table)
                self._skip(_BLANK)
        except _NotUnderstoodError:
            pass
        return self._found

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self._text, self._at)
        if match:
            self._at = match.end()
        return self._at

    def _take(self, token: str) -> bool:
        if self._text.startswith(token, self._at):
            self._at += len(token)
            return True
        return False

    def _need(self, token: str) -> None:
        if not self._take(token):
            raise _NotUnderstoodError

    def _record(self, path: Path) -> None:
        line = bisect_right(self._starts, self._at)
        if len(path) > DEPTH_LIMIT:
            raise TooDeepError(line)
        self._found.setdefault(path, []).append(line)

    def _key(self) -> list[str]:
        parts: list[str] = []
        while True:
            self._skip(_BLANK)
            match = _BARE_KEY.match(self._text, self._at) or _QUOTED_KEY.match(self._text, self._at)
            if not match:
                raise _NotUnderstoodError
            self._at = match.end()
            parts.append(_unquoted(match[0]))
            if len(parts) > DEPTH_LIMIT:
                raise TooDeepError(bisect_right(self._starts, self._at))
            self._skip(_BLANK)
            if not self._take("."):
                return parts

    def _header(self) -> Path:
        self._need("[")
        many = self._take("[")
        start = self._at
        parts = self._key()
        end, self._at = self._at, start
        path: Path = ()
        for part in parts[:-1]:
            path = self._inside((*path, part))
            self._found.setdefault(path, [bisect_right(self._starts, start)])
        path = (*path, parts[-1])
        if many:
            if not self._tables[path]:
                self._record(path)
            self._tables[path] += 1
        path = self._inside(path)
        self._record(path)
        self._at = end
        self._need("]]" if many else "]")
        return path

    def _inside(self, path: Path) -> Path:
        """``path``, or its newest element where it is an array of tables."""
        count = self._tables[path]
        return (*path, count - 1) if count else path

    def _pair(self, table: Path) -> None:
        self._skip(_BLANK)
        start = self._at
        parts = self._key()
        end, self._at = self._at, start
        path = table
        for part in parts[:-1]:
            path = (*path, part)
            self._found.setdefault(path, [bisect_right(self._starts, start)])
        path = (*path, parts[-1])
        self._record(path)
        self._at = end
        self._need("=")
        self._value(path)

    def _value(self, path: Path) -> None:
        self._skip(_BLANK)
        if self._take("["):
            self._array(path)
        elif self._take("{"):
            self._inline_table(path)
        else:
            match = _STRING.match(self._text, self._at) or _SCALAR.match(self._text, self._at)
            if not match:
                raise _NotUnderstoodError
            self._at = match.end()

    def _array(self, path: Path) -> None:
        index = 0
        while True:
            self._skip(_BETWEEN)
            if self._take("]"):
                return
            self._record((*path, index))
            self._value((*path, index))
            index += 1
            self._skip(_BETWEEN)
            if not self._take(","):
                self._need("]")
                return

    def _inline_table(self, path: Path) -> None:
        self._skip(_BETWEEN)
        while not self._take("}"):
            self._pair(path)
            self._skip(_BETWEEN)
            if not self._take(","):
                self._need("}")
                return
            self._skip(_BETWEEN)


def _unquoted(key: str) -> str:
    if key[0] not in "\"'":
        return key
    try:
        return next(iter(tomllib.loads(f"{key} = 0")))
    except tomllib.TOMLDecodeError:
        raise _NotUnderstoodError from None
