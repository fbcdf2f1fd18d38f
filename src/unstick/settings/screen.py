"""How the board looks, and who is told besides those who look at it."""

from __future__ import annotations

from typing import Literal

import msgspec

from unstick.settings.forms import Count, HttpUrl, Label, Seconds


class Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A board of fewer panes or columns; ``z`` goes from one to the next."""

    name: Label
    """What it is called. ``board`` replaces the board that is shown first."""
    rows: tuple[str, ...]
    """Panes from top to bottom; those in one text stand side by side: ``["workers proxies", "locks"]``."""
    columns: dict[str, str] = {}
    """By pane, the columns to show, in order: ``workers = "worker seen note"``."""


class Screen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the board looks and listens."""

    theme: Label = "midnight"
    """Name of a theme."""
    mouse: bool = True
    """``false`` leaves the mouse to the terminal, for selecting text."""
    ascii: bool | None = None
    """Draw without box and block characters; unset: by the locale."""
    keys: dict[str, str] = {}
    """Other keys for what the board can do: ``filter = "ctrl+f"``."""
    presets: tuple[Preset, ...] = ()
    """Boards of your own."""


class Alerts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is told besides those who look, while ``unstick watch`` runs."""

    level: Literal["warning", "critical"] = "critical"
    """Findings below it are not told."""
    bell: bool = False
    """Ring the terminal's bell."""
    command: tuple[str, ...] = ()
    """Program and arguments, run without a shell: ``{title}``, ``{level}``, ``{what}``, ``{id}``, ``{context}`` and
    ``{line}`` are filled in, and the message stands as JSON on its input."""
    webhook: HttpUrl | None = None
    """Where the message is posted as JSON."""
    every_s: Seconds = 300.0
    """A finding that comes and goes is told again after this long at the earliest."""
    per_minute: Count = 6
    """Messages in a minute; the next one says how many were left out."""
