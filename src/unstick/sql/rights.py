"""Rights in words: the GRANT that a watcher needs, and what mends a statement that was refused."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from unstick import sql
from unstick.settings import Crawler, Locks
from unstick.sql.relations import ROW_VERSION, Relation

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


def grant_select(table: str, columns: tuple[str, ...], role: str | None) -> str:
    """The GRANT that lets ``role`` read ``columns`` of ``table``, quoted only where it must be.

    >>> grant_select("shop.proxies", ("id", "Worker"), "watcher")
    'GRANT SELECT (id, "Worker") ON shop.proxies TO watcher'
    """
    listed = ", ".join(_bare(name) for name in columns)
    place = ".".join(_bare(part) for part in sql.name_parts(table))
    return f"GRANT SELECT ({listed}) ON {place} TO {_grantee(role)}"


class Right(msgspec.Struct, frozen=True):
    """One right that an action needs beside those of a watcher; no columns: on the whole table."""

    action: str
    table: str
    privilege: str
    columns: tuple[str, ...] = ()

    def grant(self, role: str | None) -> str:
        """The GRANT that gives it to ``role``.

        >>> Right("free-proxies", "shop.proxies", "UPDATE", ("is_in_use",)).grant("op")
        'GRANT UPDATE (is_in_use) ON shop.proxies TO op'
        """
        listed = f" ({', '.join(_bare(name) for name in self.columns)})" if self.columns else ""
        place = ".".join(_bare(part) for part in sql.name_parts(self.table))
        return f"GRANT {self.privilege}{listed} ON {place} TO {_grantee(role)}"


def operator_rights(crawler: Crawler | None, locks: Locks | None, audit_table: str | None) -> Iterator[Right]:
    """What an operator needs beside what a watcher has. A lock against writers takes UPDATE on the whole table."""
    if crawler is not None:
        action = "free-proxies"
        changed = (crawler.in_use, crawler.worker, *((crawler.changed_at,) if crawler.changed_at else ()))
        yield Right(action, crawler.proxies, "UPDATE", changed)
        for task in crawler.tasks:
            yield Right(action, task.table, "SELECT", (task.id, ROW_VERSION))
            yield Right(action, task.table, "UPDATE")
    if locks is not None and locks.table is not None:
        yield Right("drain-locks", locks.table, "SELECT", (ROW_VERSION,))
        yield Right("drain-locks", locks.table, "DELETE")
    if audit_table is not None:
        yield Right("audit table", audit_table, "INSERT")


def explain(known: tuple[Relation, ...], role: str | None, code: str, said: str) -> str | None:
    """What a refused statement lacks and which setting mends it; ``None`` when the message names nothing known.

    Servers speak their administrator's language: only the names inside the message are used.
    """
    match code:
        case "42703":
            return _missing_column(known, said)
        case "42P01":
            relation = _named(known, said)
            return f"no table {relation.name}; set {relation.key} to the right name" if relation else None
        case "3F000":
            relation = _schema_named(known, said)
            return f"no schema for {relation.name}; set {relation.key} to the right name" if relation else None
        case "42501":
            return _missing_right(known, role, said)
        case "22P02":
            return f"a task table has no such status: {said}; set crawler.tasks.processing to a word of its column"
        case _:
            return None


def explain_action(known: tuple[Relation, ...], role: str | None, code: str, said: str) -> str | None:
    """As :func:`explain`, for statements of actions: a right that is missing is one of an operator."""
    if code != "42501":
        return explain(known, role, code, said)
    needed = f"unstick grants {_grantee(role)} --role operator"
    return f"not permitted: {said}; needs the rights of: {needed} (and BYPASSRLS where policies hide rows)"


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
    relation = _schema_named(known, said)
    if relation is None:
        return None
    schema = _bare(sql.name_parts(relation.name)[0])
    return f"needs: GRANT USAGE ON SCHEMA {schema} TO {_grantee(role)}"


def _named(known: tuple[Relation, ...], said: str) -> Relation | None:
    """The relation whose name stands in the message: the longest, because names contain each other."""
    found = [relation for relation in known if _mentions(said, sql.name_parts(relation.name)[-1])]
    return max(found, key=lambda relation: len(sql.name_parts(relation.name)[-1]), default=None)


def _schema_named(known: tuple[Relation, ...], said: str) -> Relation | None:
    """The first relation whose schema stands in the message."""
    qualified = (relation for relation in known if len(sql.name_parts(relation.name)) == 2)
    return next((relation for relation in qualified if _mentions(said, sql.name_parts(relation.name)[0])), None)


def _mentions(said: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", said) is not None


def _grantee(role: str | None) -> str:
    return _bare(role) if role else "<role>"


def _bare(name: str) -> str:
    return name if _SIMPLE.fullmatch(name) and name not in _KEYWORDS else sql.column(name)
