"""A widget that shows drawn lines and repaints only those that changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from unstick.tui.paint import Painter, measure
from unstick.tui.roles import Drawn


def changed_width(before: Drawn, after: Drawn) -> int:
    """Cells from the left of a line to the end of its last change: what Textual sends again begins at the left."""
    width = sum(measure(piece.text) for piece in after)
    if width != sum(measure(piece.text) for piece in before):
        return max(1, width)
    for old, new in zip(reversed(before), reversed(after), strict=False):
        if old != new:
            break
        width -= measure(new.text)
    return max(1, width)


class HasPainter(Protocol):
    """The app, as far as lines know it."""

    painter: Painter


class Lines(Widget):
    """Holds what was drawn last; :meth:`show` compares and asks Textual for the changed lines alone."""

    ALLOW_SELECT = False

    def __init__(self, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.drawn: tuple[Drawn, ...] = ()

    @property
    def settled(self) -> bool:
        """Whether what was drawn fills the widget as it is now."""
        width, height = self.size
        first = self.drawn[0] if self.drawn else ()
        return len(self.drawn) == height and sum(measure(piece.text) for piece in first) == width

    def show(self, lines: Sequence[Drawn]) -> None:
        """Replace the lines; equal ones cost nothing."""
        before, self.drawn = self.drawn, tuple(lines)
        if len(before) != len(self.drawn):
            self.refresh()
            return
        changed = [
            Region(0, nth, changed_width(before[nth], line), 1)
            for nth, line in enumerate(self.drawn)
            if before[nth] != line
        ]
        if changed:
            self.refresh(*changed)

    def render_line(self, y: int) -> Strip:
        """Line ``y``, painted."""
        painter = cast("HasPainter", self.app).painter
        return painter.strip(self.drawn[y] if y < len(self.drawn) else (), self.size.width)
