"""A theme file before it is a theme: its tables over those of its base, and what is wrong with it, by line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from unstick.tui.roles import Chrome, Ground
from unstick.views.pane import Role

ATTRIBUTES = frozenset({"bold", "dim", "italic", "underline", "reverse"})
_ANSI = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
ANSI_NAMES = frozenset({"default", *_ANSI, *(f"bright_{name}" for name in _ANSI)})
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
CONTEXT_COLORS = ("red", "orange", "yellow", "green", "cyan", "blue", "magenta")
ROLES = frozenset([*Role, *Chrome])
TABLES: dict[str, frozenset[str]] = {
    "grounds": frozenset(Ground), "roles": ROLES, "contexts": frozenset(CONTEXT_COLORS),
}  # fmt: skip
"""What each table must hold, in the file or in its base."""
KINDS = ("rgb", "ansi", "none")
_KEYS: dict[str, type] = {
    "base": str, "title": str, "kind": str, "dark": bool, "palette": dict, **dict.fromkeys(TABLES, dict),
}  # fmt: skip

Shipped = Callable[[str], Path | None]
"""The file of a shipped theme by its name."""
_Problem = tuple[tuple[str, ...], str, str]
"""A key, what is wrong with it, and how to mend it."""


class ThemeError(ValueError):
    """A theme file that cannot be used; the text says which, where and why."""


def checked(path: Path, text: str, shipped: Shipped) -> tuple[dict[str, Any], tuple[Path, ...]]:
    """The tables of a theme that is well, and the files of its base. Raises :class:`ThemeError`."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ThemeError(f"{path}: {error}") from None
    for keys, what, mend in _shape(data, shipped):
        raise ThemeError(_sentence(path, text, keys, what, mend))
    whole, files = _whole(data, shipped)
    for keys, what, mend in _words(data, whole):
        raise ThemeError(_sentence(path, text, keys, what, mend))
    return whole, files


def _whole(data: dict[str, Any], shipped: Shipped) -> tuple[dict[str, Any], tuple[Path, ...]]:
    """``data`` over the tables of its base, and the files of that."""
    path = shipped(data.get("base", ""))
    if path is None:
        return data, ()
    below, files = _whole(tomllib.loads(path.read_text(encoding="utf-8")), shipped)
    below.pop("title", None)
    tables = {table: below.get(table, {}) | data.get(table, {}) for table in ("palette", *TABLES)}
    return {**below, **data, **tables}, (*files, path)


def _shape(data: dict[str, Any], shipped: Shipped) -> Iterator[_Problem]:
    for key, value in data.items():
        if key not in _KEYS:
            yield (key,), "is no key of a theme", f"known: {', '.join(_KEYS)}"
        elif not isinstance(value, _KEYS[key]):
            kind = {dict: "table", bool: "true or false", str: "text"}[_KEYS[key]]
            yield (key,), f"needs a {kind}", "see themes/midnight.toml"
    base, kind = data.get("base"), data.get("kind", "rgb")
    if base is not None and shipped(base) is None:
        yield ("base",), f"there is no shipped theme '{base}'", 'base = "midnight"'
    if kind not in KINDS:
        yield ("kind",), f"'{kind}' is no kind", "rgb, ansi or none"


def _words(data: dict[str, Any], whole: dict[str, Any]) -> Iterator[_Problem]:
    palette = whole.get("palette", {})
    for name, value in data.get("palette", {}).items():
        if not _is_color(value):
            yield ("palette", name), f"'{value}' is no colour", "write #rrggbb or an ANSI name"
    for table, wanted in TABLES.items():
        for key, words in data.get(table, {}).items():
            if key not in wanted:
                yield (table, key), "is not known", f"known: {', '.join(sorted(wanted))}"
            for word in str(words).split():
                if word != "on" and word not in ATTRIBUTES and word not in palette and not _is_color(word):
                    yield (table, key), f"'{word}' is no colour", "write #rrggbb, an ANSI name or one of [palette]"
        if lacking := wanted - whole.get(table, {}).keys():
            yield (table,), f"lacks {', '.join(sorted(lacking))}", 'add them, or begin with base = "midnight"'


def _is_color(value: object) -> bool:
    return isinstance(value, str) and (value in ANSI_NAMES or _HEX.fullmatch(value) is not None)


def _sentence(path: Path, text: str, keys: tuple[str, ...], what: str, mend: str) -> str:
    from unstick.config.lines import line_of, lines_of  # noqa: PLC0415 - only for a file that is wrong
    from unstick.config.problem import Problem  # noqa: PLC0415 - only for a file that is wrong

    return str(Problem(str(path), what, mend, line_of(lines_of(text), keys), None, ".".join(keys)))
