"""Where the widgets of the board stand: the pure places of :mod:`unstick.tui.places` as a Textual layout."""

from __future__ import annotations

from collections.abc import Callable

from textual.geometry import Offset, Region, Size, Spacing
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.widget import Widget

from unstick.tui.places import Place

_CALM_TELLINGS = 10

Spots = dict[str | None, Place]
"""Widget id to rectangle; who is missing is not seen."""


class ByPlaces(Layout):
    """Puts every widget where ``spots`` says for the size of the screen."""

    name = "places"

    def __init__(self, spots: Callable[[Size], Spots]) -> None:
        self._spots = spots

    def arrange(
        self,
        parent: Widget,
        children: list[Widget],
        size: Size,
        greedy: bool = True,  # noqa: FBT001, FBT002 - Textual's contract
    ) -> ArrangeResult:
        """Placements of those children that are visible now."""
        del parent, greedy
        spots = self._spots(size)
        return [
            WidgetPlacement(Region(*spots[child.id]), Offset(0, 0), Spacing(), child)
            for child in children
            if child.id in spots
        ]


class Band:
    """The height of the verdict band: it grows at once and shrinks late, so that the board does not jump."""

    def __init__(self) -> None:
        self.height = 0
        self._calm = 0

    def follow(self, wanted: int) -> bool:
        """Take in what the newest picture asks for; whether the height changed."""
        self._calm = self._calm + 1 if wanted < self.height else 0
        if wanted > self.height or self._calm >= _CALM_TELLINGS:
            return self.set(wanted)
        return False

    def set(self, height: int) -> bool:
        """Take ``height`` at once; whether it changed."""
        changed, self.height, self._calm = height != self.height, height, 0
        return changed
