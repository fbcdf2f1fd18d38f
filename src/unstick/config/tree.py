"""The file's values with the places they come from, so that a merged context still knows its lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from unstick.config.lines import Path, dotted, line_of

ENVIRONMENT = "environment"
_VARIABLES = {
    "postgres": {"url": "DATABASE_URL"},
    "redis": {"url": "REDIS_URL"},
    "rabbitmq": {"url": "RABBITMQ_URL", "management_url": "RABBITMQ_MANAGEMENT_URL"},
}
_CELERY, _RESULTS = "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"
_KEYS_OF_CELERY = {"url": _CELERY, "results_url": _RESULTS}


@dataclass(frozen=True, slots=True)
class Entry:
    """A scalar, a list of entries or a dict of them, ``key`` at ``file:line``. ``raw``: ``${NAME}`` is plain text."""

    value: Any
    key: str
    line: int | None
    file: str
    raw: bool = False

    @property
    def table(self) -> dict[str, Entry]:
        """The entries of a table; empty for anything else."""
        return self.value if isinstance(self.value, dict) else {}

    def at(self, *names: str | int) -> Entry | None:
        """The entry below, by names and indices."""
        found: Entry | None = self
        for name in names:
            inside = found.value if found else None
            if isinstance(inside, dict) and isinstance(name, str):
                found = inside.get(name)
            elif isinstance(inside, list) and isinstance(name, int) and name < len(inside):
                found = inside[name]
            else:
                return None
        return found


def grow(value: Any, lines: dict[Path, list[int]], file: str, path: Path = ()) -> Entry:
    """The document as entries."""
    if isinstance(value, dict):
        value = {name: grow(item, lines, file, (*path, name)) for name, item in value.items()}
    elif isinstance(value, list):
        value = [grow(item, lines, file, (*path, index)) for index, item in enumerate(value)]
    return Entry(value, dotted(path), line_of(lines, path), file)


def merged(base: Entry, over: Entry) -> Entry:
    """``over`` on top of ``base``: tables by key, everything else (arrays too) as a whole."""
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return over
    both = dict(base.value)
    for name, entry in over.value.items():
        both[name] = merged(both[name], entry) if name in both else entry
    return replace(over, value=both)


def filled(tree: Entry, environ: Mapping[str, str], *, celery: bool) -> tuple[Entry, dict[str, str]]:
    """``tree`` with the URLs that it leaves unset taken from the environment, and which variable gave which key.

    ``celery``: a ``CELERY_BROKER_URL`` makes an entry of its own where there is none.
    """
    used: dict[str, str] = {}
    tables = dict(tree.table)
    for table, names in _VARIABLES.items():
        entry = tables.get(table, Entry({}, table, tree.line, tree.file))
        for key, variable in names.items():
            if environ.get(variable) and isinstance(entry.value, dict) and key not in entry.value:
                entry = _with(entry, key, variable, environ)
                used[f"{table}.{key}"] = variable
        if entry.value != {} or table in tables:
            tables[table] = entry
    _fill_celery(tables, environ, used, celery=celery and bool(environ.get(_CELERY)))
    return replace(tree, value=tables), used


def _fill_celery(tables: dict[str, Entry], environ: Mapping[str, str], used: dict[str, str], *, celery: bool) -> None:
    if "celery" not in tables and celery:
        empty = Entry({}, _CELERY, None, ENVIRONMENT)
        tables["celery"] = Entry([empty], _CELERY, None, ENVIRONMENT)
    brokers = tables.get("celery")
    if brokers is None or not isinstance(brokers.value, list):
        return
    entries = list(brokers.value)
    for index in range(len(entries)):
        for key, variable in _KEYS_OF_CELERY.items():
            entry = entries[index]
            if _fits(variable, environ) and isinstance(entry.value, dict) and key not in entry.value:
                entries[index] = _with(entry, key, variable, environ)
                used[f"celery.{index}.{key}"] = variable
    tables["celery"] = replace(brokers, value=entries)


def _fits(variable: str, environ: Mapping[str, str]) -> bool:
    """Whether the variable holds something; of result backends only those on Redis are watched."""
    value = environ.get(variable, "")
    return bool(value) and (variable != _RESULTS or value.startswith(("redis://", "rediss://", "unix://")))


def _with(entry: Entry, key: str, variable: str, environ: Mapping[str, str]) -> Entry:
    url = Entry(environ[variable], variable, None, ENVIRONMENT, raw=True)
    return replace(entry, value={**entry.value, key: url})
