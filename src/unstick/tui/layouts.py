"""Which panes stand where, by the size of the terminal. Pure."""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple

from unstick.tui.grid import LEAST, rows_of, shares
from unstick.views.screen import PANE_KEYS

__all__ = ["LEAST", "Plan", "by_size", "shares"]


class Plan(NamedTuple):
    """Rows of panes from top to bottom, and how the height is shared among them."""

    rows: tuple[tuple[str, ...], ...]
    weights: tuple[int, ...]


def by_size(width: int, height: int) -> Plan | None:
    """The board for a terminal of this size; ``None``: one pane at a time, with tabs."""
    found = rows_of(width, height)
    if found is None:
        return None
    counts, weights = found
    ends = accumulate(counts)
    return Plan(tuple(PANE_KEYS[end - count : end] for end, count in zip(ends, counts, strict=True)), weights)
