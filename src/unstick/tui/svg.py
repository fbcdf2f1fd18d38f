"""A painted screen as an SVG picture: no script, no link, no font from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from rich.cells import cell_len
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import DIMMED_MONOKAI

FONT = "ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace"
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
WIDE, HIGH, SIZE, EDGE = 8.4, 17.0, 14, 10
"""Pixels of a cell, of its letters, and around the screen."""


def head(width: int, height: int, ground: str, title: str) -> list[str]:
    """The beginning of a picture of so many cells on ``ground``."""
    wide, high = width * WIDE + 2 * EDGE, height * HIGH + 2 * EDGE
    about = f'viewBox="0 0 {wide:.1f} {high:.1f}" role="img" font-family="{FONT}" font-size="{SIZE}"'
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" {about}>',
        f"<title>{legal(title)}</title>",
        f'<rect width="{wide:.1f}" height="{high:.1f}" rx="6" fill="{ground}"/>',
    ]


def svg(lines: Sequence[Iterable[Segment]], width: int, title: str) -> str:
    """``lines`` of ``width`` cells; every run of one style is placed and stretched to its own cells."""
    ground = ground_of(lines)
    parts = head(width, len(lines), ground, title)
    for nth, line in enumerate(lines):
        parts += _line(line, EDGE + nth * HIGH, ground)
    return "\n".join([*parts, "</svg>", ""])


def _line(line: Iterable[Segment], top: float, ground: str) -> Iterator[str]:
    letters = []
    place = 0
    for text, style, _ in line:
        size = cell_len(text)
        left, wide = EDGE + place * WIDE, size * WIDE
        color, below, more = look(style or Style(), ground)
        if below != ground:
            yield f'<rect x="{left:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{HIGH}" fill="{below}"/>'
        if text.strip():
            letters.append(
                f'<text x="{left:.1f}" y="{top + 13:.1f}" textLength="{wide:.1f}" lengthAdjust="spacingAndGlyphs" '
                f'fill="{color}"{more} xml:space="preserve">{legal(text)}</text>'
            )
        place += size
    yield from letters


def legal(text: str) -> str:
    """``text`` as XML may hold it."""
    return escape(_ILLEGAL.sub("\ufffd", text))


def look(style: Style, ground: str) -> tuple[str, str, str]:
    """Colour of the letters, of what they stand on, and what else there is about them."""
    color, below = _hex(style.color, ground=False), ground if style.bgcolor is None else _hex(style.bgcolor)
    if style.reverse:
        color, below = below, color
    more = ' font-weight="bold"' if style.bold else ""
    more += ' font-style="italic"' if style.italic else ""
    more += ' text-decoration="underline"' if style.underline else ""
    return color, below, more + (' opacity="0.6"' if style.dim else "")


def ground_of(lines: Sequence[Iterable[Segment]]) -> str:
    """The colour that most of the screen stands on: the last segment of its middle line."""
    last = list(lines[len(lines) // 2])[-1:] if lines else []
    style = last[0].style if last else None
    return _hex(style.bgcolor if style else None)


def _hex(color: Color | None, *, ground: bool = True) -> str:
    triplet = (color or Color.default()).get_truecolor(DIMMED_MONOKAI, foreground=not ground)
    return triplet.hex
