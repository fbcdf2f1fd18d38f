"""How the panes share the screen, in bare numbers. Imports nothing: the first frames are drawn with it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = ("workers", "proxies", "queues", "channels", "sync", "locks", "services", "host")
"""The panes, in the order of their numbers."""
LEAST = 5
"""Lines that a pane needs."""


def rows_of(width: int, height: int) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """How many panes stand in each row and how the rows share the height; ``None``: one pane at a time, with tabs."""
    if width >= 240 and height >= 28:
        return (4, 4), (5, 4)
    if width >= 150 and height >= 28:
        return (3, 3, 2), (4, 3, 3)
    if width >= 100 and height >= 30:
        return (2, 2, 2, 2), (8, 7, 6, 5)
    return ((1,) * 8, (8, 6, 8, 6, 6, 7, 6, 5)) if width >= 60 and height >= 52 else None


def shares(total: int, weights: Sequence[int], least: int = 0) -> list[int]:
    """``total`` cells by weight, none lost to rounding; each at least ``least`` where that can be.

    >>> shares(26, (8, 7, 6, 4), 5), shares(10, (1, 1, 1))
    ([8, 7, 6, 5], [3, 3, 4])
    """
    edges = [total * sum(weights[:nth]) // sum(weights) for nth in range(len(weights) + 1)]
    found = [edges[nth + 1] - edges[nth] for nth in range(len(weights))]
    while min(found) < least and max(found) > least:
        found[found.index(max(found))] -= 1
        found[found.index(min(found))] += 1
    return found
