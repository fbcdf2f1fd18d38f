"""What else there is to play, as a page to choose from."""

from __future__ import annotations

from collections.abc import Sequence

from unstick.facts.level import Level
from unstick.facts.units import duration
from unstick.tape.shelf import Title
from unstick.views.pane import Column, PaneView, Role, Row, Span
from unstick.views.words import cell

KEY = "shelf"
_COLUMNS = (
    Column("name", "", 14),
    Column("length", "", 6, "right", priority=1),
    Column("title", "", 56, flex=1),  # what it is says more than how long it is
)


def shelf(titles: Sequence[Title], playing: str) -> PaneView:
    """One row per tape; the one that is played comes first and stands out."""
    rows = tuple(
        Row(
            title.name,
            Level.OK,
            (
                cell(title.name, Role.ACCENT if title.name == playing else Role.STRONG),
                cell(duration(title.length_s), Role.DIM),
                cell(title.text, Role.TEXT if title.length_s is not None else Role.UNKNOWN),
            ),
            (title.name, title.length_s, title.text),
        )
        for title in sorted(titles, key=lambda title: title.name != playing)
    )
    note = (Span("enter plays   esc stays   l comes back here", Role.DIM),)
    return PaneView(KEY, "What to see", Level.OK, (), (), _COLUMNS, rows, note)
