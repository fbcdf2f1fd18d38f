"""Themes as data: TOML files that map roles to styles, read and checked without Textual.

A style is words: ``bold``, ``dim``, ``italic``, ``underline``, ``reverse``, a colour (``#rrggbb``, an ANSI name or
``default``) and after ``on`` a background. A ground's style gives the background that its pieces stand on.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from unstick.tui import terminal
from unstick.tui.roles import Chrome, Ground
from unstick.views.pane import Role

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

SHIPPED = ("midnight", "paper", "contrast", "safe", "terminal", "mono")
"""In the order of the key that cycles through them."""
_ATTRIBUTES = frozenset({"bold", "dim", "italic", "underline", "reverse"})
_ANSI = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
ANSI_NAMES = frozenset({"default", *_ANSI, *(f"bright_{name}" for name in _ANSI)})
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
ROLES = frozenset([*Role, *Chrome])
CONTEXT_COLORS = ("red", "orange", "yellow", "green", "cyan", "blue", "magenta")


class Style(msgspec.Struct, frozen=True):
    """One style, parsed. ``None`` leaves the ground's colour."""

    color: str | None = None
    background: str | None = None
    attributes: frozenset[str] = frozenset()


class Theme(msgspec.Struct, frozen=True):
    """``kind``: own colours, the terminal's sixteen, or none."""

    name: str
    title: str
    kind: Literal["rgb", "ansi", "none"]
    dark: bool
    grounds: dict[str, Style]
    roles: dict[str, Style]
    contexts: dict[str, Style]


class ThemeError(ValueError):
    """A theme file that cannot be used; the text says where and why."""


def load(name: str, folder: Traversable | None = None) -> Theme:
    """The theme ``name`` from ``folder`` or from those shipped."""
    folder = folder or _shipped()
    try:
        text = folder.joinpath(f"{name}.toml").read_text(encoding="utf-8")
    except OSError:
        raise ThemeError(f"there is no theme '{name}'; there are: {', '.join(SHIPPED)}") from None
    return parse(name, text)


def suitable(wanted: str, environ: Mapping[str, str], *, no_color: bool | None = None) -> tuple[tuple[str, ...], str]:
    """Theme names in the order of the key, the wanted one first, and a notice when that cannot be had.

    ``no_color`` unset: by the environment.
    """
    if terminal.no_color(environ) if no_color is None else no_color:
        return ("mono",), ""
    if terminal.few_colors(environ):
        return ("mono", "terminal") if wanted == "mono" else ("terminal", "mono"), ""
    if wanted not in SHIPPED:
        return SHIPPED, f"there is no theme '{wanted}'"
    place = SHIPPED.index(wanted)
    return (*SHIPPED[place:], *SHIPPED[:place]), ""


def _shipped() -> Traversable:
    here = Path(__file__).resolve()
    installed = here.parents[1] / "shipped" / "themes"
    return installed if installed.is_dir() else here.parents[3] / "themes"


def parse(name: str, text: str) -> Theme:
    """A theme from TOML text; every role and ground must have a style."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ThemeError(f"theme {name}: {error}") from None
    palette = data.get("palette", {})
    tables = {
        table: {key: _style(f"{name}.{table}.{key}", words, palette) for key, words in data.get(table, {}).items()}
        for table in ("grounds", "roles", "contexts")
    }
    for table, wanted in (("grounds", frozenset(Ground)), ("roles", ROLES), ("contexts", frozenset(CONTEXT_COLORS))):
        if wrong := wanted.symmetric_difference(tables[table]):
            raise ThemeError(f"theme {name}: [{table}] lacks or does not know: {', '.join(sorted(wrong))}")
    kind = data.get("kind", "rgb")
    if kind not in ("rgb", "ansi", "none"):
        raise ThemeError(f"theme {name}: kind: rgb, ansi or none, not '{kind}'")
    return Theme(name, str(data.get("title", name)), kind, bool(data.get("dark", True)), **tables)


def _style(where: str, words: object, palette: dict[str, str]) -> Style:
    color = background = None
    attributes: set[str] = set()
    grounded = False
    for word in str(words).split():
        if word == "on":
            grounded = True
        elif word in _ATTRIBUTES:
            attributes.add(word)
        else:
            value = palette.get(word, word)
            if value not in ANSI_NAMES and not _HEX.fullmatch(value):
                raise ThemeError(f"theme {where}: '{word}' is no colour; write #rrggbb or an ANSI name")
            color, background = (color, value) if grounded else (value, background)
    return Style(color, background, frozenset(attributes))


def resolve(theme: Theme, role: str, ground: str) -> Style:
    """The style of a piece: the role's over its ground's."""
    below, above = theme.grounds[ground], theme.roles[role]
    return Style(
        above.color or below.color,
        above.background or below.background,
        above.attributes | below.attributes,
    )


def contrast(first: str, second: str) -> float:
    """WCAG 2 contrast ratio of two ``#rrggbb`` colours, 1 to 21.

    >>> contrast("#000000", "#ffffff")
    21.0
    """
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return round((light + 0.05) / (dark + 0.05), 2)


def _luminance(color: str) -> float:
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
