"""The vocabulary of a pane: spans with roles, bars and sparklines as data, columns and keyed rows.

Everything here is value-equal, so that a pane that did not change is not painted.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from unstick.facts.level import Level


class Role(StrEnum):
    """What a span is, never how it looks: themes map roles to colours, and no state is told by colour alone."""

    TEXT = "text"
    DIM = "dim"
    STRONG = "strong"
    TITLE = "title"
    KEY = "key"
    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"
    STALE = "stale"
    ACCENT = "accent"
    BAR_USED = "bar-used"
    BAR_STUCK = "bar-stuck"
    BAR_BLOCKED = "bar-blocked"
    BAR_FREE = "bar-free"
    SPARK = "spark"


LEVEL_ROLE = {
    Level.OK: Role.OK,
    Level.WARNING: Role.WARNING,
    Level.CRITICAL: Role.CRITICAL,
    Level.UNKNOWN: Role.UNKNOWN,
}
LEVEL_GLYPH = {Level.OK: "●", Level.WARNING: "▲", Level.CRITICAL: "✖", Level.UNKNOWN: "?"}


class Span(msgspec.Struct, frozen=True):
    """A piece of text with its role. The text is sanitised where it is built from data (:func:`span`)."""

    text: str
    role: Role = Role.TEXT


Line = tuple[Span, ...]


class Bar(msgspec.Struct, frozen=True):
    """One stacked bar over the whole width: parts of ``total``, each with its role and legend."""

    parts: tuple[tuple[str, float, Role], ...]
    total: float
    legend: bool = True
    """``False`` where its parts are named elsewhere."""


class Spark(msgspec.Struct, frozen=True):
    """A small history: newest value last, ``None`` for a gap. ``label`` and ``value`` stand before it."""

    label: str
    values: tuple[float | None, ...]
    value: str
    role: Role = Role.SPARK
    peak: float | None = None
    """The upper end of its scale, where there is one."""
    least: float = 0.0
    """What its scale reaches to at the least, so that noise looks like noise."""


class Field(msgspec.Struct, frozen=True):
    """One glyph for each of many things: groups by name, a mark for each thing in it (:data:`field.GLYPHS`)."""

    groups: tuple[tuple[str, str], ...]


class Axis(msgspec.Struct, frozen=True):
    """A line of time, its ends named: ``runs`` from share to share of it, over them ``marks`` at a share.

    Shares are from 0 to 1; glyphs take one cell.
    """

    head: str
    tail: str
    runs: tuple[tuple[float, float, str, Role], ...]
    marks: tuple[tuple[float, str, Role], ...]


Item = Line | Bar | Spark | Field | Axis


class Column(msgspec.Struct, frozen=True):
    """``width`` in cells; ``flex`` shares what is left; ``priority`` 0 is dropped last when it is narrow."""

    key: str
    title: str
    width: int
    align: Literal["left", "right"] = "left"
    flex: int = 0
    priority: int = 0
    about: str = ""
    """What it says, for those who ask."""


SortValue = float | str | None


class Row(msgspec.Struct, frozen=True):
    """``key`` is the identity that the cursor sticks to; ``sort`` has one value per column, ``None`` sorts last."""

    key: str
    level: Level
    cells: tuple[Line, ...]
    sort: tuple[SortValue, ...]
    details: tuple[tuple[str, str], ...] = ()
    """What only the opened row tells: (name, sanitised text)."""
    jump: str = ""
    """The key of the page that it opens; empty: its own."""
    command: str = ""
    """The command that mends what it says."""
    banner: bool = False
    """Its one cell takes the whole line."""
    below: bool = False
    """It tells more of the row above it; the cursor does not stop there."""


class PaneView(msgspec.Struct, frozen=True):
    """One pane, told. ``counts`` stands in the title; ``rows`` come worst first; ``note`` says what was left out."""

    key: str
    title: str
    level: Level
    counts: Line
    summary: tuple[Item, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: Line = ()
    empty: Line = ()
    """Shown instead of rows when there are none."""
