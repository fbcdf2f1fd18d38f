"""The page over the board: help, or one that comes with the picture. A pane like the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unstick.tui.help import help_page
from unstick.tui.paint import measure
from unstick.tui.pane import OVERLAY, Pane
from unstick.views.pane import Line, PaneView
from unstick.views.ui import UiState

_UI = UiState(focus=OVERLAY)


class Overlay(Pane):
    """Closed, or open on the help page, or on a page that comes with the picture."""

    def __init__(self) -> None:
        super().__init__(OVERLAY, "")
        self.is_help = False
        self._keys_first = False
        self._key = ""

    @property
    def is_open(self) -> bool:
        """Whether there is a page."""
        return self.is_help or bool(self._key)

    def shows(self, key: str) -> bool:
        """Whether it is open on the page of that key."""
        return self._key == key

    def open_page(self, key: str) -> None:
        """A page that comes with the picture; without it there is nothing to see."""
        self.close()
        self._key = key

    def open_help(self, *, keys_first: bool = False) -> None:
        """The help page."""
        self.close()
        self.is_help, self._keys_first = True, keys_first

    def close(self) -> None:
        """No page; the next one starts at its top."""
        self.is_help, self._key = False, ""
        self.rows, self.view = (), None
        self.edge(-1)

    def follow(
        self,
        width: int,
        overrides: Mapping[str, str],
        facts: list[tuple[str, str]],
        pages: Sequence[PaneView] = (),
        explained: Sequence[tuple[str, Line]] = (),
    ) -> bool:
        """Tell the page anew for ``width`` cells; whether it has another number of lines than before."""
        before = self.lines
        if self.is_help:
            explained = () if self._keys_first else explained
            self.tell(help_page(overrides, facts, width, measure, explained), _UI)
            return self.lines != before
        view = next((page for page in pages if page.key == self._key), None)
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
