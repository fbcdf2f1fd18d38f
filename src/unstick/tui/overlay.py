"""The page over the board: a row in full, or help. A pane like the others, told here instead of by a view."""

from __future__ import annotations

from collections.abc import Mapping

from unstick.tui.details import detail, help_page
from unstick.tui.paint import measure
from unstick.tui.pane import OVERLAY, Pane
from unstick.views.pane import PaneView, Row
from unstick.views.ui import UiState

_UI = UiState(focus=OVERLAY)


class Overlay(Pane):
    """Closed, or open on one row of one pane, or open on the help page."""

    def __init__(self) -> None:
        super().__init__(OVERLAY, "")
        self._source: Pane | None = None
        self._row: Row | None = None
        self._help = False

    @property
    def is_open(self) -> bool:
        """Whether there is a page."""
        return self._help or self._source is not None

    @property
    def is_help(self) -> bool:
        """Whether the page is help."""
        return self._help

    def open_row(self, source: Pane, row: Row) -> None:
        """A page for ``row``; it follows the row's identity from picture to picture."""
        self.close()
        self._source, self._row = source, row

    def open_help(self) -> None:
        """The help page."""
        self.close()
        self._help = True

    def close(self) -> None:
        """No page; the next one starts at its top."""
        self._source, self._row, self._help = None, None, False
        self.rows, self.view = (), None
        self.edge(-1)

    def follow(self, width: int, overrides: Mapping[str, str], facts: list[tuple[str, str]]) -> bool:
        """Tell the page anew for ``width`` cells; whether it has another number of lines than before."""
        before = len(self.rows)
        view = help_page(overrides, facts, width, measure) if self._help else self._told(width)
        if view is not None:
            self.tell(view, _UI)
        return len(self.rows) != before

    def _told(self, width: int) -> PaneView | None:
        if self._source is None or self._row is None or self._source.view is None:
            return None
        key = self._row.key
        row = next((row for row in self._source.view.rows if row.key == key), None)
        self._row = row or self._row
        return detail(self._source.view, self._row, width, measure, gone=row is None)
