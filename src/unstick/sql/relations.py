"""Mapped tables: what the statements read, and which setting names it."""

from __future__ import annotations

import functools

import msgspec

from unstick import sql
from unstick.settings import Crawler, Locks, Sync

ROW_VERSION = "xmin"
"""The system column that changes with every update of a row. Views have none; column grants must name it."""


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
