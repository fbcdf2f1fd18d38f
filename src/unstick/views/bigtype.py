"""Words in big letters, of block characters: three or five lines high, to be read from across a room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_FONT = (
    "075557 126227 271747 371717 455711 574717 674757 771244 875757 975717 A25755 B65656 C34443 D65556 E74647 F74644 "
    "G34553 H55755 I72227 J11152 K55655 L44447 M57775 N65555 O25552 P65644 Q25563 R65655 S34216 T72222 U55557 V55552 "
    "W55775 X55255 Y55222 Z71247 :02020 .00002 ,00024 -00700 +02720 /11244 %51245 (12221 )42224 _00007 '22000 #57575 "
    "!22202 ?71202 @25743 *52250 =07070 <12421 >42124 [32223 ]62226 |22222"
)
GLYPHS = {glyph[0]: tuple(int(row) for row in glyph[1:]) for glyph in _FONT.split()} | {" ": (0, 0, 0, 0, 0)}
"""Five rows of three dots by character, a row as an octal digit."""
_HALVES = (" ", "▀", "▄", "█")


class Scale(NamedTuple):
    """Cells for each dot across, lines for two dots down, and lines of a letter."""

    across: int
    halved: bool
    lines: int

    def width(self, text: str) -> int:
        """Cells that ``text`` takes."""
        return max(0, len(text) * 4 - 1) * self.across

    def fits(self, width: int) -> int:
        """Characters that fit into so many cells."""
        return (width // self.across + 1) // 4


SMALL = Scale(1, halved=True, lines=3)
LARGE = Scale(2, halved=False, lines=5)


def big(text: str, scale: Scale) -> tuple[str, ...]:
    """``text`` in big capitals; what has no letter is a question mark.

    >>> big("1:2", SMALL)
    ('▄█   ▄  ▀▀█', ' █   ▄  █▀▀', '▀▀▀     ▀▀▀')
    """
    letters = [GLYPHS.get(char, GLYPHS["?"]) for char in text.upper()]
    dots = [
        " ".join(f"{letter[row]:03b}".replace("0", " ").replace("1", "█") for letter in letters) for row in range(5)
    ]
    if not scale.halved:
        return tuple("".join(dot * scale.across for dot in row) for row in dots)
    dots.append(" " * len(dots[0]))
    pairs = zip(dots[::2], dots[1::2], strict=True)
    return tuple(
        "".join(_HALVES[(upper != " ") + 2 * (lower != " ")] for upper, lower in zip(*pair, strict=True))
        for pair in pairs
    )


def broken(text: str, room: int) -> Sequence[str]:
    """``text`` in lines of at most ``room`` characters, between words where that can be.

    >>> broken("container 8b4f59aa is gone", 12)
    ['container', '8b4f59aa is', 'gone']
    """
    lines: list[str] = []
    for word in text.split():
        rest = word
        if lines and len(lines[-1]) + 1 + len(rest) <= room:
            lines[-1] += f" {rest}"
            continue
        while len(rest) > room > 0:
            lines.append(rest[:room])
            rest = rest[room:]
        lines.append(rest)
    return lines
