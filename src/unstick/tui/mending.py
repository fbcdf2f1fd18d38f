"""The keys that mend what is wrong, beside the rows that say it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from unstick.tui.keys import KEYS, key_label
from unstick.views.pane import Column, Line, PaneView, Role, Span

_WORDS = 100
"""Columns of the screen from which keys have their words beside them."""
_ABOUT = "the key of the action that mends it, where there is one"


def hint(command: str, overrides: Mapping[str, str]) -> Line:
    """The key of a command and its word: ``F free proxies``; empty where no key does it."""
    key = KEYS.get(command)
    if key is None:
        return ()
    return Span(key_label(command, overrides), Role.KEY), Span(f" {key.hint or key.id}", Role.DIM)


def with_keys(view: PaneView, overrides: Mapping[str, str], width: int) -> PaneView:
    """``view`` with a column of the keys that mend its rows; itself where none of them has one.

    On a screen of few columns the keys stand without a word.
    """
    hints = [hint(row.command, overrides)[: 1 if width < _WORDS else None] for row in view.rows]
    width = max((sum(len(span.text) for span in line) for line in hints), default=0)
    if not width:
        return view
    rows = tuple(replace(row, cells=(*row.cells, line)) for row, line in zip(view.rows, hints, strict=True))
    column = Column("mend", "", width, about=_ABOUT)
    return replace(view, columns=(*view.columns, column), rows=rows)
