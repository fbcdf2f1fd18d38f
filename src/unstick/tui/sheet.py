"""A dialog as lines: title, text that scrolls, what is asked, and buttons. Pure; the widget only paints it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from unstick.facts.level import Level
from unstick.tui.roles import Chrome, Drawn, Ground, Piece, on
from unstick.views.layout import Measure, fit, width_of, wrap
from unstick.views.pane import LEVEL_GLYPH, LEVEL_ROLE, Line, Role, Span

_BORDERS = {
    Level.CRITICAL: Chrome.BORDER_CRITICAL,
    Level.WARNING: Chrome.BORDER_WARNING,
    Level.UNKNOWN: Chrome.BORDER_UNKNOWN,
}


class Sheet(msgspec.Struct, frozen=True):
    """What a dialog says. ``says`` stands above the buttons, which are answers with their words, the first safe.

    ``wanted`` is what must be typed before another than the first counts; ``keys`` are hints at the right.
    """

    key: str
    """Another dialog has another one."""
    edition: int
    """What may be answered differs from edition to edition."""
    title: Line
    level: Level
    body: tuple[Line, ...]
    says: tuple[Line, ...] = ()
    buttons: tuple[tuple[str, str], ...] = (("cancel", "Close"),)
    wanted: str = ""
    keys: tuple[tuple[str, str], ...] = ()

    @property
    def hints(self) -> tuple[tuple[str, str], ...]:
        """What every key does while it is asked: key and words."""
        typed = (("0-9", "types the count"),) if self.wanted else ()
        chosen = (
            (("tab", "chooses"), ("enter", "presses"))
            if len(self.buttons) > 1
            else (("enter", self.buttons[0][1].lower()),)
        )
        return (*typed, *chosen, *self.keys, ("↑↓", "scrolls"), ("esc", self.buttons[0][1].lower()))


class Laid(NamedTuple):
    """Drawn lines; how many lines of the text there are and are seen; cells of the buttons on the line ``row``."""

    lines: tuple[Drawn, ...]
    total: int
    visible: int
    row: int
    buttons: tuple[tuple[int, int], ...]


def wrapped(body: Sequence[Line], width: int, measure: Measure) -> tuple[Line, ...]:
    """``body`` in ``width`` cells; what follows a broken line is as far in as the line, and a little more."""
    out: list[Line] = []
    for line in body:
        text = line[0].text if line else ""
        indent = min(len(text) - len(text.lstrip(" ")), width // 3)
        pad = (Span(" " * indent),) if indent else ()
        rest = (Span(text.lstrip(" "), line[0].role), *line[1:]) if line else ()
        parts = wrap(rest, max(8, width - indent - 2), measure)
        out += [(*pad, *((Span("  "),) if nth else ()), *part) for nth, part in enumerate(parts)]
    return tuple(out)


def height_of(sheet: Sheet, width: int, measure: Measure) -> int:
    """Lines that it would like to have, without its border."""
    inside = max(8, width - 4)
    return len(wrapped(sheet.body, inside, measure)) + len(wrapped(sheet.says, inside, measure)) + 2


def draw(sheet: Sheet, focus: int, top: int, typed: str, size: tuple[int, int], measure: Measure) -> Laid:
    """The dialog in ``size`` cells: what is asked and the buttons are always seen."""
    width, height = size
    inside, high = max(1, width - 4), max(0, height - 2)
    body, says = wrapped(sheet.body, inside, measure), wrapped(sheet.says, inside, measure)
    says = says[: max(0, high - 2)]
    visible = max(0, high - len(says) - 2)
    top = max(0, min(top, len(body) - visible))
    role = _BORDERS.get(sheet.level, Chrome.FOCUS)
    side = Piece("┃", role, Ground.OVERLAY)
    seen = [*body[top : top + visible], *[()] * (visible - len(body[top : top + visible]))]
    lines = [on(Ground.OVERLAY, fit((Span(" "), *line), width - 2, measure)) for line in seen]
    tail = [on(Ground.OVERLAY, fit((Span(" "), *line), width - 2, measure)) for line in ((), *says)]
    buttons, places = _buttons(sheet, focus, typed, width - 2, measure)
    inner = [*lines, *tail, buttons][: max(0, high - 1)]
    inner = [*inner[: high - 1], buttons] if high and buttons not in inner else inner
    inner += [on(Ground.OVERLAY, (Span(" " * (width - 2)),))] * (high - len(inner))
    where = f"{top + 1}-{min(len(body), top + visible)} of {len(body)} ↑↓" if len(body) > visible else ""
    mark = (Span(f"{LEVEL_GLYPH[sheet.level]} ", LEVEL_ROLE[sheet.level]),) if sheet.level is not Level.OK else ()
    drawn = (
        _edge("┏", (*mark, *sheet.title), "", "┓", role, width, measure),
        *((side, *line, side) for line in inner),
        _edge("┗", (), where, "┛", role, width, measure),
    )
    row = next((nth for nth, line in enumerate(inner, 1) if line is buttons), high)
    return Laid(drawn[:height], len(body), visible, row, places)


def _buttons(
    sheet: Sheet, focus: int, typed: str, width: int, measure: Measure
) -> tuple[Drawn, tuple[tuple[int, int], ...]]:
    pieces: list[Piece] = [Piece(" ", Role.TEXT, Ground.OVERLAY)]
    places: list[tuple[int, int]] = []
    x = 1
    if sheet.wanted:
        text = f"count: {typed or ' '}▏"
        pieces += [Piece(text, Role.STRONG, Ground.OVERLAY), Piece("  ", Role.TEXT, Ground.OVERLAY)]
        x += measure(text) + 2
    for nth, (_, words) in enumerate(sheet.buttons):
        here = nth == focus
        text = f"▌ {words} ▐" if here else f"  {words}  "
        pieces += [Piece(text, Chrome.TAB_ACTIVE if here else Role.TEXT, Ground.OVERLAY)]
        pieces += [Piece(" ", Role.TEXT, Ground.OVERLAY)]
        places.append((x + 1, x + 1 + measure(text)))
        x += measure(text) + 1
    hints = tuple(
        span for key, what in sheet.keys for span in (Span(f"  {key}", Role.KEY), Span(f" {what}", Role.DIM))
    )
    room = width - x - 1
    size = width_of(hints, measure)
    shown = on(Ground.OVERLAY, fit(hints, room, measure, right=size < room)) if room > 0 else ()
    return (*pieces, *shown, Piece(" ", Role.TEXT, Ground.OVERLAY)), tuple(places)


def _edge(left: str, title: Line, tail: str, right: str, role: str, width: int, measure: Measure) -> Drawn:
    room = max(0, width - 6)
    head = fit(title, min(width_of(title, measure), room), measure) if title else ()
    used = width_of(head, measure) + (2 if head else 0)
    end = f" {tail} " if tail and measure(tail) + 2 <= room - used else ""
    rule = max(0, width - 4 - used - measure(end))

    def piece(text: str) -> Piece:
        return Piece(text, role, Ground.OVERLAY)

    gap = (piece(" "),) if head else ()
    return (piece(f"{left}━"), *gap, *on(Ground.OVERLAY, head), *gap, piece("━" * rule),
            Piece(end, Role.DIM, Ground.OVERLAY), piece(f"━{right}"))  # fmt: skip
