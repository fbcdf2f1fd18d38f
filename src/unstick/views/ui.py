"""What the person at the keyboard chose: a frozen state and its pure transitions."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from unstick.views.pane import Column
from unstick.views.screen import PANE_KEYS

VERDICT = "verdict"
"""The band on top can be focused like a pane."""
STOPS = (VERDICT, *PANE_KEYS)


class Sort(msgspec.Struct, frozen=True):
    """One pane, ordered by a column's key."""

    pane: str
    column: str
    descending: bool


class Trail(msgspec.Struct, frozen=True):
    """Pages that were opened one from the other; ``place`` is the one that is shown, -1: none."""

    keys: tuple[str, ...] = ()
    place: int = -1

    @property
    def shown(self) -> str | None:
        """The key of the page that is shown."""
        return self.keys[self.place] if self.place >= 0 else None

    def opened(self, key: str) -> Trail:
        """The same with one page more; what lay ahead is forgotten."""
        if key == self.shown:
            return self
        keys = (*self.keys[: self.place + 1], key)
        return Trail(keys, len(keys) - 1)

    def moved(self, step: int) -> Trail:
        """A page back or on; before the first one there is none."""
        return Trail(self.keys, max(-1, min(len(self.keys) - 1, self.place + step)))


SPANS_S: tuple[float | None, ...] = (300.0, 720.0, 3600.0, 7200.0, None)
"""How far charts reach back; ``None``: as far as there is anything."""


class UiState(msgspec.Struct, frozen=True):
    """Nothing here changes what is collected, only what is shown."""

    focus: str = PANE_KEYS[0]
    maximised: str | None = None
    query: str = ""
    faults_only: bool = False
    sorts: tuple[Sort, ...] = ()
    preset: int = 0
    trail: Trail = Trail()
    wall: bool = False
    """Big type instead of panes."""
    curve: int = 0
    """Which chart of a page stands first."""
    span: int = 1
    """How far charts reach back, of :data:`SPANS_S`."""

    def sort_of(self, pane: str) -> Sort | None:
        """How ``pane`` is ordered; ``None``: as told, worst first."""
        return next((sort for sort in self.sorts if sort.pane == pane), None)


def move_focus(ui: UiState, step: int, stops: Sequence[str] = STOPS) -> UiState:
    """The next or previous of ``stops``; a maximised pane hands its place on."""
    place = stops.index(ui.focus) if ui.focus in stops else 0
    focus = stops[(place + step) % len(stops)]
    return msgspec.structs.replace(ui, focus=focus, maximised=focus if ui.maximised else None)


def focus_on(ui: UiState, pane: str) -> UiState:
    """``pane`` has the cursor."""
    return msgspec.structs.replace(ui, focus=pane)


def toggle_maximised(ui: UiState, pane: str) -> UiState:
    """``pane`` alone on screen, or the board again when it was."""
    return msgspec.structs.replace(ui, focus=pane, maximised=None if ui.maximised == pane else pane)


def next_sort(ui: UiState, pane: str, columns: tuple[Column, ...]) -> UiState:
    """The next column; after the last, as told. Numbers start with the largest."""
    keys = [column.key for column in columns]
    current = ui.sort_of(pane)
    place = keys.index(current.column) + 1 if current and current.column in keys else 0
    others = tuple(sort for sort in ui.sorts if sort.pane != pane)
    if place >= len(columns):
        return msgspec.structs.replace(ui, sorts=others)
    chosen = Sort(pane, keys[place], columns[place].align == "right")
    return msgspec.structs.replace(ui, sorts=(*others, chosen))


def invert_sort(ui: UiState, pane: str) -> UiState:
    """The other direction; without a sorted column nothing changes."""
    sorts = tuple(
        msgspec.structs.replace(sort, descending=not sort.descending) if sort.pane == pane else sort
        for sort in ui.sorts
    )
    return msgspec.structs.replace(ui, sorts=sorts)
