"""What can be known of the terminal from outside: without loading Textual, without asking the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from enum import StrEnum


class Glyphs(StrEnum):
    """How much of Unicode the terminal draws: all, what a VGA console has, nothing beyond ASCII."""

    FULL = "full"
    PLAIN = "plain"
    ASCII = "ascii"


class Depth(StrEnum):
    """How many colours the terminal has: 24 bits, 256, sixteen or fewer."""

    TRUE = "true"
    MANY = "many"
    FEW = "few"


def refusal(environ: Mapping[str, str] | None = None) -> str | None:
    """Why the board cannot be shown here, in one line; ``None``: it can."""
    environ = os.environ if environ is None else environ
    for name, stream in (("stdin", sys.__stdin__), ("stdout", sys.__stdout__), ("stderr", sys.__stderr__)):
        if stream is None or not stream.isatty():
            return (
                f"the board needs a terminal, and {name} is none; for pipes and logs: unstick status, unstick watch"
            )
    if environ.get("TERM", "dumb") in ("", "dumb", "unknown"):
        return "the board needs a terminal that can move its cursor, and TERM says it cannot; use: unstick watch"
    return None


def glyphs(environ: Mapping[str, str], *, wanted_ascii: bool | None = None) -> Glyphs:
    """What to draw with; ``wanted_ascii`` overrules what the locale says."""
    if wanted_ascii or (wanted_ascii is None and not _utf8(environ)):
        return Glyphs.ASCII
    return Glyphs.PLAIN if environ.get("TERM") == "linux" else Glyphs.FULL


def _utf8(environ: Mapping[str, str]) -> bool:
    locale = next((environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(name)), "")
    return "utf" in locale.lower()


def no_color(environ: Mapping[str, str]) -> bool:
    """https://no-color.org: set and not empty."""
    return bool(environ.get("NO_COLOR"))


def depth(environ: Mapping[str, str]) -> Depth:
    """How many colours the environment promises."""
    term = environ.get("TERM", "")
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return Depth.TRUE
    if any(word in term for word in ("direct", "kitty", "ghostty")):
        return Depth.TRUE
    return Depth.MANY if "256color" in term else Depth.FEW


def few_colors(environ: Mapping[str, str]) -> bool:
    """Sixteen colours or fewer: only the terminal's own palette looks right there."""
    return depth(environ) is Depth.FEW


def erases(environ: Mapping[str, str]) -> bool:
    """Whether erased cells take the background of the pen. GNU screen leaves them in its own; tmux does not."""
    return not environ.get("TERM", "").startswith("screen") or bool(environ.get("TMUX"))
