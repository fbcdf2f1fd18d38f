"""Themes as data: TOML files that map roles to styles, read and checked without Textual.

A style is words: ``bold``, ``dim``, ``italic``, ``underline``, ``reverse``, a colour (``#rrggbb``, an ANSI name,
``default`` or a name of the palette) and after ``on`` a background. A ground's style gives the background that its
pieces stand on. ``base`` names a shipped theme whose tables a file changes in part.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from unstick.tui import terminal
from unstick.tui.roles import Ground
from unstick.tui.theme_file import ATTRIBUTES, TABLES, ThemeError, checked

SHIPPED = (
    "midnight", "harbor", "ember", "paper", "daylight", "contrast", "safe", "safe-day", "production", "terminal",
    "mono",
)  # fmt: skip
"""In the order in which they are offered."""


class Style(msgspec.Struct, frozen=True):
    """One style, parsed. ``None`` leaves the ground's colour."""

    color: str | None = None
    background: str | None = None
    attributes: frozenset[str] = frozenset()


class Theme(msgspec.Struct, frozen=True):
    """``kind``: own colours, the terminal's sixteen, or none. ``files``: what it was read from."""

    name: str
    title: str
    kind: Literal["rgb", "ansi", "none"]
    dark: bool
    grounds: dict[str, Style]
    roles: dict[str, Style]
    contexts: dict[str, Style]
    files: tuple[Path, ...] = ()

    def in_production(self) -> Theme:
        """This theme where the header says that it is production: it stands on a ground of its own."""
        return msgspec.structs.replace(self, grounds=self.grounds | {Ground.HEADER: self.grounds[Ground.PRODUCTION]})

    def stamp(self) -> tuple[int, ...]:
        """Changes when one of its files does."""
        return tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in self.files)


@cache
def shipped_folder() -> Path:
    """Where the shipped themes are: inside the wheel, else in the checkout."""
    here = Path(__file__).resolve()
    installed = here.parents[1] / "shipped" / "themes"
    return installed if installed.is_dir() else here.parents[3] / "themes"


def own_folder() -> Path:
    """Where a person's own themes are."""
    from platformdirs import user_config_path  # noqa: PLC0415 - most starts need only what is shipped

    return user_config_path("unstick") / "themes"


def load(name: str) -> Theme:
    """The theme ``name``: a shipped one, else a person's own."""
    if name in SHIPPED:
        return read(shipped_folder() / f"{name}.toml")
    path = own_folder() / f"{name}.toml"
    if "/" in name or not path.is_file():
        raise ThemeError(f"there is no theme '{name}'; there are: {', '.join((*SHIPPED, *own_names()))}")
    return read(path)


def own_names() -> tuple[str, ...]:
    """The names of a person's own themes, usable or not."""
    try:
        return tuple(sorted(path.stem for path in own_folder().glob("*.toml")))
    except OSError:
        return ()


def suitable(wanted: str, environ: Mapping[str, str], *, no_color: bool | None = None) -> tuple[tuple[str, ...], str]:
    """Theme names to begin with, the first of them usable, and a notice when the wanted one cannot be had.

    ``no_color`` unset: by the environment.
    """
    if terminal.no_color(environ) if no_color is None else no_color:
        return ("mono",), ""
    few = terminal.few_colors(environ)
    names = ("terminal", "mono") if few else SHIPPED
    if wanted in names:
        return (wanted, *(name for name in names if name != wanted)), ""
    if wanted in SHIPPED:
        return names, ""
    try:
        theme = load(wanted)
    except ThemeError as error:
        return names, str(error)
    return (names, "") if few and theme.kind == "rgb" else ((wanted, *names), "")


def read(path: Path) -> Theme:
    """The theme in ``path``. Raises :class:`ThemeError` as ``FILE:LINE: KEY: what is wrong; mend: …``."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ThemeError(f"{path}: cannot be read ({what})") from None
    return parse(path, text)


def parse(path: Path, text: str) -> Theme:
    """The theme that ``text`` from ``path`` describes; what it leaves out is that of its base."""
    whole, files = checked(path, text, _shipped)
    palette = whole.get("palette", {})
    tables = {table: {key: _style(words, palette) for key, words in whole.get(table, {}).items()} for table in TABLES}
    return Theme(
        path.stem,
        str(whole.get("title", path.stem)),
        whole.get("kind", "rgb"),
        bool(whole.get("dark", True)),
        **tables,
        files=(*files, path),
    )


def _shipped(name: str) -> Path | None:
    return shipped_folder() / f"{name}.toml" if name in SHIPPED else None


def _style(words: object, palette: dict[str, str]) -> Style:
    color = background = None
    attributes: set[str] = set()
    grounded = False
    for word in str(words).split():
        if word == "on":
            grounded = True
        elif word in ATTRIBUTES:
            attributes.add(word)
        else:
            value = palette.get(word, word)
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
