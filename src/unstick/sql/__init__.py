"""SQL statements, one per file; the header of each says which rights it needs.

Files are templates. ``{name}`` stands for a mapped identifier, an expression built from one, or a configured word,
all quoted here; other values travel as parameters. Where a statement repeats a part for every task table, the part
has a file of its own.
"""

from __future__ import annotations

import functools
import re
from importlib import resources

NAME_BYTES = 63
"""PostgreSQL cuts longer identifiers silently, so that they could name something else."""

_PART = re.compile(r'"((?:[^"]|"")+)"|([^".]+)')


class BadName(ValueError):  # noqa: N818 - it names what is bad
    """A table or column name that PostgreSQL cannot have."""


def statement(name: str, **parts: str) -> str:
    """The statement of ``name.sql`` without its header, placeholders filled."""
    return _template(name).format(**parts)


def column(name: str) -> str:
    """One identifier, quoted.

    >>> column("worker_id"), column('a"b')
    ('"worker_id"', '"a""b"')
    """
    if not name or "\0" in name:
        raise BadName("a name is empty or holds a NUL")
    if len(name.encode()) > NAME_BYTES:
        raise BadName(f"{name[:20]}… is longer than {NAME_BYTES} bytes")
    return '"' + name.replace('"', '""') + '"'


def name_parts(name: str) -> tuple[str, ...]:
    """The parts of a table name; a part with a dot in it is written in double quotes, as in SQL.

    >>> name_parts("shop.proxies"), name_parts('"my.shop".proxies')
    (('shop', 'proxies'), ('my.shop', 'proxies'))
    """
    parts: list[str] = []
    place = 0
    while match := _PART.match(name, place):
        parts.append(match[1].replace('""', '"') if match[1] else match[2])
        place = match.end() + 1
        if not name.startswith(".", match.end()):
            break
    if place != len(name) + 1 or len(parts) > 2:
        raise BadName(f"{name[:80]!r} is not a table name: write name, schema.name or quoted parts")
    return tuple(parts)


def table(name: str) -> str:
    """A table name, schema-qualified or not, quoted.

    >>> table("shop.proxies")
    '"shop"."proxies"'
    """
    return ".".join(column(part) for part in name_parts(name))


def word(text: str) -> str:
    r"""A constant that takes the type of the column it is compared with: text, an enum, a number.

    A parameter would not do: cast to text it keeps an enum's index from being used, and uncast it makes the driver
    ask the server about types, with settings of its own.

    >>> print(word("it's"), word("a\\b"))
    E'it''s' E'a\\b'
    """
    if "\0" in text:
        raise BadName("a word holds a NUL")
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def instant(expression: str | None) -> str:
    """UTC epoch seconds of a timestamp: NULL for NULL, infinity and a column that is not mapped.

    Instants are computed by the server: the driver cannot decode years before 1 or after 9999.
    """
    if expression is None:
        return "NULL::float8"
    at = f"{expression}::timestamptz"
    return f"CASE WHEN isfinite({at}) THEN extract(epoch FROM {at})::float8 END"


@functools.cache
def _template(name: str) -> str:
    text = resources.files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if line and not line.startswith("--"))
