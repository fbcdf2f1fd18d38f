"""Styles as the terminal knows them: interned inks and the shortest SGR from one to another. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from unstick.tui.terminal import Depth
from unstick.tui.themes import Style

ATTRIBUTES = (
    ("bold", "1", "22"),
    ("dim", "2", "22"),
    ("italic", "3", "23"),
    ("underline", "4", "24"),
    ("blink", "5", "25"),
    ("blink2", "6", "25"),
    ("reverse", "7", "27"),
    ("conceal", "8", "28"),
    ("strike", "9", "29"),
    ("underline2", "21", "24"),
    ("overline", "53", "55"),
)
"""Name, SGR that switches it on, SGR that switches it off: ECMA-48 8.3.117, 53 and 55 as terminals took them up."""
_BITS = {name: 1 << nth for nth, (name, _, _) in enumerate(ATTRIBUTES)}
_SEEN_ON_BLANKS = sum(_BITS[name] for name in ("underline", "reverse", "strike", "underline2", "overline"))
_ANSI = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_CUBE = (0, 95, 135, 175, 215, 255)


class Ink(NamedTuple):
    """SGR parameters of the two colours and the bits of the attributes that are on."""

    color: str = "39"
    background: str = "49"
    attributes: int = 0

    @property
    def blank(self) -> Ink:
        """The ink of a space that looks the same: letters have a colour, blanks have none."""
        return self if self.attributes & _SEEN_ON_BLANKS else Ink(background=self.background)


def bits(names: frozenset[str] | set[str]) -> int:
    """Attribute names as bits."""
    return sum(_BITS[name] for name in names)


class Inks:
    """Numbers for inks, so that cells are compared as integers. Number 0 is the terminal's own ink."""

    def __init__(self) -> None:
        self._numbers: dict[Ink, int] = {}
        self._inks: list[Ink] = []
        self._blanks: list[int] = []
        self._changes: dict[tuple[int, int], str] = {}
        self.number(Ink())

    def number(self, ink: Ink) -> int:
        """The number of ``ink``."""
        found = self._numbers.get(ink)
        if found is None:
            found = self._numbers[ink] = len(self._inks)
            self._inks.append(ink)
            self._blanks.append(found)
            if ink.blank != ink:
                self._blanks[found] = self.number(ink.blank)
        return found

    def blank(self, number: int) -> int:
        """The number that stands for a space in ink ``number``."""
        return self._blanks[number]

    def change(self, before: int, after: int) -> str:
        """The sequence from one ink to another; ``before`` -1: whatever the terminal has now."""
        key = before, after
        if key not in self._changes:
            old = self._inks[before] if before >= 0 else None
            self._changes[key] = _change(old, self._inks[after])
        return self._changes[key]


def _change(before: Ink | None, after: Ink) -> str:
    if before == after:
        return ""
    fresh = [*_on(after.attributes), *(part for part in (after.color, after.background) if part not in ("39", "49"))]
    restarted = f"\x1b[0;{';'.join(fresh)}m" if fresh else "\x1b[m"
    if before is None:
        return restarted
    parts = _switched(before.attributes, after.attributes)
    parts += [after.color] if after.color != before.color else []
    parts += [after.background] if after.background != before.background else []
    altered = f"\x1b[{';'.join(parts)}m"
    return min(altered, restarted, key=len)


def _on(attributes: int) -> list[str]:
    return [on for nth, (_, on, _) in enumerate(ATTRIBUTES) if attributes >> nth & 1]


def _switched(before: int, after: int) -> list[str]:
    gone = [nth for nth in range(len(ATTRIBUTES)) if before >> nth & 1 and not after >> nth & 1]
    offs = list(dict.fromkeys(ATTRIBUTES[nth][2] for nth in gone))
    # One switch turns off two attributes (bold and dim): what stays on is switched on again.
    kept = after & ~before | sum(1 << nth for nth, (_, _, off) in enumerate(ATTRIBUTES) if off in offs) & after
    return [*offs, *_on(kept)]


@lru_cache(maxsize=1024)
def parameter(color: str | None, depth: Depth, *, background: bool = False) -> str:
    """The SGR parameter of a theme's colour: an ANSI name, ``default`` or ``#rrggbb``.

    >>> parameter("#ff0000", Depth.TRUE), parameter("bright_red", Depth.FEW, background=True)
    ('38;2;255;0;0', '101')
    """
    if color is None or color == "default":
        return "49" if background else "39"
    if color.startswith("#"):
        red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
        lead = "48" if background else "38"
        if depth is Depth.TRUE:
            return f"{lead};2;{red};{green};{blue}"
        return f"{lead};5;{_nearest(red, green, blue)}"
    name = color.removeprefix("bright_")
    return str(_ANSI.index(name) + (90 if name != color else 30) + (10 if background else 0))


def _nearest(*wanted: int) -> int:
    """The one of the 256 colours that is nearest: of the 6x6x6 cube, or of the 24 greys.

    >>> _nearest(255, 0, 0), _nearest(28, 28, 30)
    (196, 234)
    """
    steps = [[abs(level - part) for level in _CUBE] for part in wanted]
    red, green, blue = (step.index(min(step)) for step in steps)
    grey = max(0, min(23, round((sum(wanted) / 3 - 8) / 10)))
    off_cube = sum(min(step) ** 2 for step in steps)
    off_grey = sum((8 + 10 * grey - part) ** 2 for part in wanted)
    return 232 + grey if off_grey < off_cube else 16 + 36 * red + 6 * green + blue


def of_theme(style: Style, depth: Depth) -> Ink:
    """The ink of a theme's style."""
    return Ink(
        parameter(style.color, depth), parameter(style.background, depth, background=True), bits(style.attributes)
    )
