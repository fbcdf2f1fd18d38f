"""The board's bare frames, at a start of which none like it is remembered: drawn before anything is loaded.

They are what the shipped theme draws where nobody configured anything else; whatever differs is drawn over them.
Imports next to nothing: see :mod:`unstick.tui.first`.
"""

from __future__ import annotations

from unstick.tui.grid import LEAST, NAMES, rows_of, shares

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Ink = tuple[str, str, int]
    Run = tuple[int, int, str, Ink]

_BOARDS = ("live", "demo", "replay")
_OTHER = ("-h", "--help", "--list", "--theme")
"""With these it is no board, or not in the shipped theme."""
_TRUE = ("48;2;16;18;20", "48;2;26;29;32", "38;2;67;73;80", "38;2;95;175;255", "38;2;242;244;246")
_MANY = ("48;5;233", "48;5;234", "38;5;239", "38;5;75", "38;5;255")
"""Ground, header's ground, border, accent and title of the theme ``midnight``."""
_LIGHT, _HEAVY = "╭╮╰╯─│", "┏┓┗┛━┃"


def runs(arguments: Sequence[str], size: tuple[int, int], environ: Mapping[str, str]) -> list[Run]:
    """Line, column, text and ink of what the frames are made of; none where it may look quite different."""
    width, height = size
    if (arguments and arguments[0] not in _BOARDS) or any(word.partition("=")[0] in _OTHER for word in arguments):
        return []
    colors = _colors(environ)
    if not colors or width < 60 or height < 12:
        return []
    ground, header, border, accent, title = colors
    found: list[Run] = [(nth, 0, " " * width, ("39", ground, 0)) for nth in range(1, height - 1)]
    found += [(nth, 0, " " * width, ("39", header, 0)) for nth in (0, height - 1)]
    found.append((0, 1, "unstick", (title, header, 1)))
    for nth, (x, y, wide, high) in enumerate(_boxes(width, height)):
        glyphs, line = (_LIGHT, border) if nth else (_HEAVY, accent)
        name, ink = NAMES[nth].capitalize(), (line, ground, 0)
        found.append((y, x, f"{glyphs[0]}{glyphs[4]}", ink))
        found.append((y, x + 3, str(nth + 1), (accent, ground, 1)))
        found.append((y, x + 5, name, (title, ground, 1)))
        found.append((y, x + 6 + len(name), glyphs[4] * (wide - 7 - len(name)) + glyphs[1], ink))
        found += [(y + down, x + right, glyphs[5], ink) for down in range(1, high - 1) for right in (0, wide - 1)]
        found.append((y + high - 1, x, glyphs[2] + glyphs[4] * (wide - 2) + glyphs[3], ink))
    return found


def _colors(environ: Mapping[str, str]) -> Sequence[str]:
    """As the environment promises them; empty where it doesn't, or where frames or erased cells may be others."""
    term = environ.get("TERM", "")
    locale = next((environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(name)), "")
    if "utf" not in locale.lower() or environ.get("NO_COLOR") or term.startswith(("screen", "linux", "dumb")):
        return ()
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return _TRUE
    return _MANY if "256color" in term else ()


def _boxes(width: int, height: int) -> Iterator[tuple[int, int, int, int]]:
    """Left, top, width and height of each pane, below header and verdict, above the footer."""
    found = rows_of(width, height)
    if found is None:
        yield 0, 3, width, height - 4
        return
    top = 2
    for count, high in zip(found[0], shares(height - 3, found[1], LEAST), strict=True):
        x = 0
        for wide in shares(width, (1,) * count):
            yield x, top, wide, high
            x += wide
        top += high


def painted(found: Sequence[Run]) -> bytes:
    """The bytes that draw ``found``; blanks come first and are erased to the end of their line."""
    out: list[str] = []
    pen: Ink | None = None
    line, end = -1, 0
    for y, x, text, ink in sorted(found, key=lambda run: (not run[2].isspace(), run[3], run[0], run[1])):
        if ink != pen:
            color, ground, bold = pen = ink
            out.append(f"\x1b[0;{'1;' if bold else ''}{color};{ground}m")
        if y != line or x < end:
            out.append(f"\x1b[{y + 1};{x + 1}H")
        elif x > end:
            out.append(f"\x1b[{x - end}C")
        line, end = (-1, 0) if text.isspace() else (y, x + len(text))
        out.append("\x1b[K" if text.isspace() else text)
    return "".join(out).encode()
