"""The configuration: ``unstick.toml`` here, else in the user's configuration directory, else the environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from unstick.config import rules, source, urls
from unstick.config.problem import EX_CONFIG, EX_NOINPUT, ConfigError, Problem
from unstick.config.rules import ScreenCheck
from unstick.config.tree import ENVIRONMENT, Entry, filled, grow, merged
from unstick.config.values import shown
from unstick.config.walk import Reader
from unstick.settings import Context

__all__ = [
    "EX_CONFIG",
    "EX_NOINPUT",
    "VERSION",
    "ConfigError",
    "Loaded",
    "Problem",
    "ScreenCheck",
    "from_environment",
    "load",
]

VERSION = 1
_TOP = ("config_version", "default_context", "context")
_SYSTEMS = ("crawler", "locks", "sync", "dramatiq", "celery", "health")


@dataclass(frozen=True, slots=True)
class Loaded:
    """One context, ready to watch."""

    context: Context
    path: Path | None
    """The file; ``None`` for the environment alone."""
    contexts: tuple[str, ...]
    """Every context of the file."""
    discover: bool
    """The configuration names no system: what there is must be found out."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Which URLs came from which variable: ``{"postgres.url": "DATABASE_URL"}``."""


def load(
    path: Path | None, context: str | None, environ: Mapping[str, str], *, check_screen: ScreenCheck | None = None
) -> Loaded:
    """Read the configuration and choose a context. Raises :class:`ConfigError` with everything that is wrong.

    ``check_screen`` judges ``[screen]``; without it that is taken as it stands.
    """
    file = source.find(path)
    if file is None:
        return _Loading(Entry({}, "", None, ENVIRONMENT), None, environ, check_screen).run(context)
    text, mode = source.read(file)
    document, lines = source.parse(file, text)
    tree = grow(document, lines, str(file))
    _refuse_newer(tree)
    loading = _Loading(tree, file, environ, check_screen)
    if mode is not None and mode & 0o077 and any(map(urls.holds_password, _texts(document))):
        loading.problems.append(
            Problem(str(file), f"holds a password and is mode {mode:04o}", f"chmod 600 {file}, or use password_file")
        )
    return loading.run(context)


def from_environment(environ: Mapping[str, str]) -> Loaded:
    """The environment alone, whatever files there are. Raises :class:`ConfigError`."""
    return _Loading(Entry({}, "", None, ENVIRONMENT), None, environ, None).run(None)


class _Loading:
    def __init__(
        self, tree: Entry, path: Path | None, environ: Mapping[str, str], check_screen: ScreenCheck | None
    ) -> None:
        self._tree = tree
        self._path = path
        self._environ = environ
        self._check_screen = check_screen
        self.problems: list[Problem] = []

    def run(self, wanted: str | None) -> Loaded:
        """Judge every context of the file; return the wanted one."""
        defaults = replace(
            self._tree, value={name: entry for name, entry in self._tree.table.items() if name not in _TOP}
        )
        tables = self._contexts()
        name = self._choose(wanted, tuple(tables))
        chosen = self._judge(defaults, tables.get(name), name)
        for other, table in tables.items():
            if other != name:
                self._judge(defaults, table, other, selected=False)
        if self.problems:
            raise ConfigError(sorted(dict.fromkeys(self.problems), key=lambda problem: problem.line or 0))
        context, discover, variables = chosen
        return Loaded(context, self._path, tuple(tables), discover, variables)

    def _judge(
        self, defaults: Entry, table: Entry | None, name: str, *, selected: bool = True
    ) -> tuple[Context, bool, dict[str, str]]:
        tree = merged(defaults, table) if table is not None else defaults
        discover = not any(system in tree.table for system in _SYSTEMS)
        variables: dict[str, str] = {}
        if selected:
            tree, variables = filled(tree, self._environ, celery=discover)
        folder = self._path.parent if self._path is not None else Path()
        reader = Reader(self._environ if selected else None, folder)
        context = reader.table(Context, tree, also=_TOP) or Context()
        rules.check(context, tree, reader, self._check_screen)
        self.problems += reader.problems
        return msgspec.structs.replace(context, name=name), discover, variables

    def _contexts(self) -> dict[str, Entry]:
        entry = self._tree.table.get("context")
        if entry is None:
            return {}
        usable = {}
        for name, table in entry.table.items():
            if isinstance(table.value, dict) and name and shown(name) == f'"{name}"':
                usable[name] = table
            else:
                self._complain(table, "is not a table of settings with a plain name", "write [context.prod]")
        if not entry.table:
            self._complain(entry, "has no contexts", "write [context.prod]")
        return usable

    def _choose(self, wanted: str | None, names: tuple[str, ...]) -> str:
        known = f"known: {', '.join(names) or 'none'}"
        default = self._tree.table.get("default_context")
        if default is not None and default.value not in names:
            self._complain(default, f"no such context (got {shown(default.value)})", known)
        if wanted is not None:
            if wanted not in names:
                self.problems.append(
                    Problem(self._tree.file, f"no such context ({known})", "", key=f"context.{wanted}")
                )
            return wanted
        if default is not None:
            return str(default.value)
        if len(names) > 1:
            mend = f'add default_context = "{names[0]}", or name one with --context'
            self.problems.append(Problem(self._tree.file, f"several contexts ({', '.join(names)})", mend))
        return names[0] if names else "default"

    def _complain(self, entry: Entry, what: str, mend: str) -> None:
        self.problems.append(Problem(entry.file, what, mend, entry.line, None, entry.key))


def _refuse_newer(tree: Entry) -> None:
    """A file of a newer version has keys that nothing here can judge."""
    entry = tree.table.get("config_version")
    if entry is None:
        return
    version = entry.value
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        what, mend = f"needs a whole number from 1 (got {shown(version)})", f"write config_version = {VERSION}"
    elif version > VERSION:
        what, mend = f"{version}; this unstick knows {VERSION}", "upgrade unstick"
    else:
        return
    raise ConfigError([Problem(entry.file, what, mend, entry.line, None, entry.key)])


def _texts(value: Any) -> Iterator[str]:
    """Every text of the document, wherever it stands."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
