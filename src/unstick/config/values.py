"""Single values: spans, SQL names, paths, labels. A parser raises :class:`WrongError` and never quotes a secret."""

from __future__ import annotations

import re
import unicodedata

from unstick.facts.text import clean

_SPAN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
NAME_BYTES = 63
"""What PostgreSQL keeps of a name."""


class WrongError(Exception):
    """A value that cannot be used: what is wrong with it, and what to do."""

    def __init__(self, what: str, mend: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend


def shown(value: object) -> str:
    """``value`` for a message: short, harmless, of a URL the scheme only; containers by their kind.

    >>> shown("redis://:secret@cache/0"), shown(True), shown([1])
    ('"redis://***"', 'true', 'an array')
    """
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            scheme, separator, _ = value.partition("://")
            text = f"{scheme}://***" if separator else "***" if "@" in value else value
            return f'"{clean(text, 60)}"'
        case int() | float():
            return clean(str(value), 60)
        case list():
            return "an array"
        case dict():
            return "a table"
    return "a date or time"


def seconds(text: str) -> float:
    """A span in seconds.

    >>> seconds("250ms"), seconds("1.5h")
    (0.25, 5400.0)
    """
    match = _SPAN.fullmatch(text)
    if not match:
        raise WrongError("is not a span of time", 'write "30s", "5m", "1h" or "250ms"')
    return float(match[1]) * _UNITS[match[2]]


def span(value: float) -> str:
    """``value`` seconds as the file spells them.

    >>> span(90), span(7200), span(0.25), span(0)
    ('90s', '2h', '250ms', '0s')
    """
    if not value:
        return "0s"
    unit = next((unit for unit in ("d", "h", "m", "s") if value % _UNITS[unit] == 0), "s" if value > 1 else "ms")
    return f"{value / _UNITS[unit]:g}{unit}"


def column(text: str) -> str:
    """One SQL name. It will stand in quotes, so letters of any script, digits, ``_ $ -`` and inner spaces are fine.

    >>> column("worker_id")
    'worker_id'
    """
    if not text:
        raise WrongError("is not an SQL name", "name the column")
    size = len(text.encode("utf-8", "replace"))
    if size > NAME_BYTES:
        raise WrongError(
            f"has {size} bytes; PostgreSQL keeps {NAME_BYTES} of a name", "write it as the server has it"
        )
    for place, char in enumerate(text):
        fine = char.isalnum() or char in "_$-" or (char == " " and 0 < place < len(text) - 1)
        if not fine and not (place and unicodedata.category(char) in {"Mn", "Mc"}):
            what = f'is not an SQL name: "{clean(char)}" at {place + 1}'
            raise WrongError(what, "use letters, digits, _ $ - and inner spaces")
    return text


def table(text: str) -> str:
    """One SQL name, or two with a dot between them."""
    parts = text.split(".")
    if len(parts) > 2:
        raise WrongError(f"has {len(parts)} parts", 'write "table" or "schema.table"')
    for part in parts:
        column(part)
    return text


def path(text: str) -> str:
    """The path of a URL."""
    if not text.startswith("/") or re.search(r"[\s?#\x00-\x1f\x7f]", text):
        raise WrongError("is not a path", 'begin with "/"; no spaces, no query')
    return text


def label(text: str) -> str:
    """A name that is shown."""
    if clean(text) != text:
        raise WrongError("has characters that cannot be shown", "use letters, digits, spaces and signs")
    return text


FORMS = {"column": column, "table": table, "path": path, "label": label}
"""What a field of :mod:`unstick.settings` says in ``extra["form"]``, and who reads it."""
