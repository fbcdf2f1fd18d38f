"""The file: which one, and its text. What cannot be TOML is refused here, in better words than a syntax error."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import Any

from unstick.config.lines import Path as KeyPath
from unstick.config.lines import TooDeepError, dotted, lines_of
from unstick.config.problem import EX_NOINPUT, ConfigError, Problem

NAME = "unstick.toml"
SIZE_LIMIT = 1 << 20


def find(named: Path | None) -> Path | None:
    """The file to read: the named one, ``unstick.toml`` here, or the one in the user's configuration directory."""
    if named is not None:
        return named
    here = Path(NAME)
    if here.is_file():
        return here
    from platformdirs import user_config_path  # noqa: PLC0415 - most looks end above

    home = user_config_path("unstick") / NAME
    return home if home.is_file() else None


def read(path: Path) -> tuple[str, int | None]:
    """The text of ``path``, and its mode when it is a regular file. Raises :class:`ConfigError`."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            data = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise _unreadable(path, error) from None
    if len(data) > SIZE_LIMIT:
        raise _refused(path, "is over 1 MiB", "name the configuration, not a data file")
    mode = stat.S_IMODE(status.st_mode) if stat.S_ISREG(status.st_mode) else None
    return _text(path, data), mode


def parse(path: Path, text: str) -> tuple[dict[str, Any], dict[KeyPath, list[int]]]:
    """The document and where its keys stand. Raises :class:`ConfigError` for a text that is not TOML."""
    try:
        lines = lines_of(text)
        return tomllib.loads(text), lines
    except TooDeepError as error:
        raise _refused(path, "more than 32 levels", "no key of unstick lies that deep", error.line) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([_syntax(path, str(error), lines)]) from None


def _unreadable(path: Path, error: OSError) -> ConfigError:
    if isinstance(error, FileNotFoundError):
        problem = Problem(str(path), "no such file", f"unstick init > {path}")
    elif isinstance(error, IsADirectoryError):
        problem = Problem(str(path), "is a directory", f"name the file: {path / NAME}")
    else:
        problem = Problem(str(path), f"cannot be read ({error.strerror})", "let this user read it")
    return ConfigError([problem], EX_NOINPUT)


def _refused(path: Path, what: str, mend: str, line: int | None = None) -> ConfigError:
    return ConfigError([Problem(str(path), what, mend, line)])


def _text(path: Path, data: bytes) -> str:
    if data.startswith(b"\xef\xbb\xbf"):
        raise _refused(path, "begins with a byte order mark (0xef at 0)", "save it as UTF-8 without one")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        bad = f"not UTF-8 text (byte 0x{data[error.start]:02x} at {error.start})"
        raise _refused(path, bad, "save it as UTF-8", data.count(b"\n", 0, error.start) + 1) from None
    zero = text.find("\0")
    if zero >= 0:
        raise _refused(path, f"not text (byte 0x00 at {zero})", "save it as UTF-8", text.count("\n", 0, zero) + 1)
    return text


def _syntax(path: Path, message: str, lines: dict[KeyPath, list[int]]) -> Problem:
    """``tomllib`` says "(at line 3, column 5)" at the end of its messages, which quote no values."""
    what, _, place = message.rpartition(" (at ")
    words = place.rstrip(")").replace(",", "").split()
    if words[:1] != ["line"]:
        return Problem(str(path), what.lower(), "the text ends within a value: close its quote or bracket")
    line, column = int(words[1]), int(words[3])
    if what.startswith("Cannot "):
        twice = _defined_twice(lines, line)
        if twice:
            name, first = twice
            return Problem(str(path), f"already defined at line {first}", "keep one of the two", line, None, name)
    mend = _MENDS.get(what.split(" after ")[0].split(" at ")[0], "write KEY = VALUE; texts stand in quotes")
    return Problem(str(path), what[:1].lower() + what[1:], mend, line, column)


_MENDS = {
    "Expected newline or end of document": "one key in a line",
    "Expected ']'": "close the table's name with ]",
    "Unclosed array": "close the array with ]",
    "Unescaped '\\' in a string": "write \\\\, or put the text in single quotes",
    "Unterminated string": "close the text's quote",
}


def _defined_twice(lines: dict[KeyPath, list[int]], line: int) -> tuple[str, int] | None:
    """The key at ``line`` that stands elsewhere above, with its first line."""
    for path, places in lines.items():
        if line in places[1:]:
            return dotted(path), places[0]
    return None
