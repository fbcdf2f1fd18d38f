"""The page of help over the board. A pane like the others, told here instead of by a view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unstick.tui.help import help_page
from unstick.tui.paint import measure
from unstick.tui.pane import OVERLAY, Pane
from unstick.views.ui import UiState

_UI = UiState(focus=OVERLAY)


class Overlay(Pane):
<<<<<<< HEAD
    """Closed, or open on one row of one pane, on the help page, or on a page that comes with the picture."""

    def __init__(self) -> None:
        super().__init__(OVERLAY, "")
        self._source: Pane | None = None
        self._row: Row | None = None
        self._help = False
        self._key = ""

    @property
    def is_open(self) -> bool:
        """Whether there is a page."""
        return self._help or self._source is not None or bool(self._key)

    @property
    def is_help(self) -> bool:
        """Whether the page is help."""
        return self._help

    def shows(self, key: str) -> bool:
        """Whether it is open on the page of that key."""
        return self._key == key

    def open_page(self, key: str) -> None:
        """A page that comes with the picture; without it there is nothing to see."""
        self.close()
        self._key = key

    def open_row(self, source: Pane, row: Row) -> None:
        """A page for ``row``; it follows the row's identity from picture to picture."""
        self.close()
        self._source, self._row = source, row
=======
    """Closed, or open on the help page."""

    def __init__(self) -> None:
        super().__init__(OVERLAY, "")
        self.is_open = False
>>>>>>> b198a03 (Every row opens a page: who said what and when, what it holds and hangs on, its history as charts; jumps, back and on)

    def open_help(self) -> None:
        """The help page."""
        self.close()
        self.is_open = True

    def close(self) -> None:
        """No page; the next one starts at its top."""
<<<<<<< HEAD
        self._source, self._row, self._help, self._key = None, None, False, ""
=======
        self.is_open = False
>>>>>>> b198a03 (Every row opens a page: who said what and when, what it holds and hangs on, its history as charts; jumps, back and on)
        self.rows, self.view = (), None
        self.edge(-1)

    def follow(
        self, width: int, overrides: Mapping[str, str], facts: list[tuple[str, str]], pages: Sequence[PaneView] = ()
    ) -> bool:
        """Tell the page anew for ``width`` cells; whether it has another number of lines than before."""
<<<<<<< HEAD
        before = self.lines
        if self._key:
            view = next((page for page in pages if page.key == self._key), None)
        else:
            view = help_page(overrides, facts, width, measure) if self._help else self._told(width)
        if view is None:
            self.close()
        else:
            self.tell(view, _UI)
        return self.lines != before

    @property
    def lines(self) -> int:
        """Lines that it would like to have, without its border."""
        if self.view is None:
            return 0
        return max(1, len(self.rows)) + any(column.title for column in self.view.columns) + len(self.view.summary)

    def _told(self, width: int) -> PaneView | None:
        if self._source is None or self._row is None or self._source.view is None:
            return None
        key = self._row.key
        row = next((row for row in self._source.view.rows if row.key == key), None)
        self._row = row or self._row
        return detail(self._source.view, self._row, width, measure, gone=row is None)
=======
        before = len(self.rows)
        if self.is_open:
            self.tell(help_page(overrides, facts, width, measure), _UI)
        return len(self.rows) != before
>>>>>>> b198a03 (Every row opens a page: who said what and when, what it holds and hangs on, its history as charts; jumps, back and on)
