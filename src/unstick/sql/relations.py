"""Mapped tables: what the statements read, which setting names it, and what to do when it is not there."""

from __future__ import annotations

import functools
import re

import msgspec

from unstick import sql
from unstick.settings import Crawler, Locks, Sync

ROW_VERSION = "xmin"
"""The system column that changes with every update of a row. Views have none; column grants must name it."""

_RESERVED = """
all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
collation column concurrently constraint create cross default deferrable desc distinct do else end except
false fetch for foreign freeze from full grant group having ilike in initially inner intersect into is isnull
join lateral leading left like limit localtime localtimestamp natural not notnull null offset on only or order
outer overlaps placing primary references returning right select similar some symmetric table tablesample then
to trailing true union unique user using variadic verbose when where window with
"""
_KEYWORDS = frozenset(_RESERVED.split())
"""Words that are no bare identifiers (PostgreSQL manual, appendix C)."""

_SIMPLE = re.compile(r"[a-z_][a-z0-9_]*")


class Relation(msgspec.Struct, frozen=True):
    """One mapped table. ``alias`` is unique among the statements' aliases: an error message leads back by it."""

    name: str
    alias: str
    key: str
    columns: tuple[tuple[str, str], ...]
    """(column, setting that names it); the setting is empty for :data:`ROW_VERSION`."""

    @property
    def source(self) -> str:
        """The table with its alias, for FROM."""
        return f"{sql.table(self.name)} AS {self.alias}"

    def column(self, name: str) -> str:
        """A column of this table, quoted and qualified."""
        return f"{self.alias}.{sql.column(name)}"

    def optional(self, name: str | None) -> str | None:
        """:meth:`column` of a column that may not be mapped."""
        return None if name is None else self.column(name)


@functools.singledispatch
def relations(section: object) -> tuple[Relation, ...]:
    """The tables that a section of the settings maps, with every column that is read."""
    raise TypeError(type(section).__name__)


@relations.register
def _(section: Crawler) -> tuple[Relation, ...]:
    pool = _columns(
        "crawler",
        (
            ("id", section.id),
            ("in_use", section.in_use),
            ("blocked", section.blocked),
            ("worker", section.worker),
            ("changed_at", section.changed_at),
        ),
    )
    proxies = Relation(section.proxies, "p", "crawler.proxies", (*pool, (ROW_VERSION, "")))
    tasks = (
        Relation(
            task.table,
            f"t{number}",
            "crawler.tasks.table",
            _columns(
                "crawler.tasks",
                (("worker", task.worker), ("status", task.status), ("heartbeat", task.heartbeat)),
            ),
        )
        for number, task in enumerate(section.tasks, 1)
    )
    return (proxies, *tasks)


@relations.register
def _(section: Locks) -> tuple[Relation, ...]:
    if section.table is None:
        return ()
    names = ("id", "kind", "task", "worker", "acquired_at", "expires_at")
    columns = _columns("locks", tuple((name, getattr(section, name)) for name in names))
    return (Relation(section.table, "l", "locks.table", columns),)


@relations.register
def _(section: Sync) -> tuple[Relation, ...]:
    mapped = (("id", section.id), ("balance", section.balance), ("synced_at", section.synced_at))
    return (Relation(section.table, "b", "sync.table", _columns("sync", mapped)),)


def _columns(prefix: str, mapped: tuple[tuple[str, str | None], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((name, f"{prefix}.{key}") for key, name in mapped if name is not None)


def needed_columns(section: Crawler | Locks | Sync) -> dict[str, tuple[str, ...]]:
    """Table (as the settings spell it) -> the columns that a watcher needs SELECT on."""
    needed: dict[str, tuple[str, ...]] = {}
    for relation in relations(section):
        names = (*needed.get(relation.name, ()), *(name for name, _ in relation.columns))
        needed[relation.name] = tuple(dict.fromkeys(names))
    return needed


def grant_select(table: str, columns: tuple[str, ...], role: str | None) -> str:
    """The GRANT that lets ``role`` read ``columns`` of ``table``, quoted only where it must be.

    >>> grant_select("shop.proxies", ("id", "Worker"), "watcher")
    'GRANT SELECT (id, "Worker") ON shop.proxies TO watcher'
    """
    listed = ", ".join(_bare(name) for name in columns)
    place = ".".join(_bare(part) for part in sql.name_parts(table))
    return f"GRANT SELECT ({listed}) ON {place} TO {_bare(role) if role else '<role>'}"


def explain(known: tuple[Relation, ...], role: str | None, code: str, said: str) -> str | None:
    """What a refused statement lacks and which setting mends it; ``None`` when the message names nothing known.

    Servers speak their administrator's language: only the names inside the message are used.
    """
    match code:
        case "42703":
            return _missing_column(known, said)
        case "42P01" | "3F000":
            relation = _named(known, said)
            return f"no table {relation.name}; set {relation.key} to the right name" if relation else None
        case "42501":
            return _missing_right(known, role, said)
        case _:
            return None


def _missing_column(known: tuple[Relation, ...], said: str) -> str | None:
    found = [
        (relation, name, key)
        for relation in known
        for name, key in relation.columns
        if re.search(rf"(?<!\w){relation.alias}\.{re.escape(name)}(?!\w)", said)
    ]
    if not found:
        return None
    relation, name, key = max(found, key=lambda entry: len(entry[1]))
    if name == ROW_VERSION:
        return f"{relation.name} has no row versions ({ROW_VERSION}): it is a view; set {relation.key} to its table"
    return f"no column {name} in table {relation.name}; set {key} to the right name"


def _missing_right(known: tuple[Relation, ...], role: str | None, said: str) -> str | None:
    relation = _named(known, said)
    if relation is not None:
        names = tuple(dict.fromkeys(name for one in known if one.name == relation.name for name, _ in one.columns))
        return f"needs: {grant_select(relation.name, names, role)}"
    schemas = (sql.name_parts(relation.name)[0] for relation in known if len(sql.name_parts(relation.name)) == 2)
    schema = next((name for name in schemas if _mentions(said, name)), None)
    return schema and f"needs: GRANT USAGE ON SCHEMA {_bare(schema)} TO {_bare(role) if role else '<role>'}"


def _named(known: tuple[Relation, ...], said: str) -> Relation | None:
    """The relation whose name stands in the message: the longest, because names contain each other."""
    found = [relation for relation in known if _mentions(said, sql.name_parts(relation.name)[-1])]
    return max(found, key=lambda relation: len(sql.name_parts(relation.name)[-1]), default=None)


def _mentions(said: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", said) is not None


def _bare(name: str) -> str:
    return name if _SIMPLE.fullmatch(name) and name not in _KEYWORDS else sql.column(name)
