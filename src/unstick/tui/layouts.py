"""Which panes stand where, by the size of the terminal. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from unstick.views.screen import PANE_KEYS

LEAST = 5
"""Lines that a pane needs."""


class Plan(NamedTuple):
    """Rows of panes from top to bottom, and how the height is shared among them."""

    rows: tuple[tuple[str, ...], ...]
    weights: tuple[int, ...]


_FOUR = Plan((("workers", "proxies", "queues", "channels"), ("sync", "locks", "services", "host")), (5, 4))
_THREE = Plan((("workers", "proxies", "queues"), ("channels", "sync", "locks"), ("services", "host")), (4, 3, 3))
_TWO = Plan((("workers", "proxies"), ("queues", "channels"), ("sync", "locks"), ("services", "host")), (8, 7, 6, 5))
_ONE = Plan(tuple((key,) for key in PANE_KEYS), (8, 6, 8, 6, 6, 7, 6, 5))


def by_size(width: int, height: int) -> Plan | None:
    """The board for a terminal of this size; ``None``: one pane at a time, with tabs."""
    if width >= 240 and height >= 28:
        return _FOUR
    if width >= 150 and height >= 28:
        return _THREE
    if width >= 100 and height >= 30:
        return _TWO
    return _ONE if width >= 60 and height >= 52 else None


def shares(total: int, weights: Sequence[int], least: int = 0) -> list[int]:
    """``total`` cells by weight, none lost to rounding; each at least ``least`` where that can be.

    >>> shares(26, (8, 7, 6, 4), 5), shares(10, (1, 1, 1))
    ([8, 7, 6, 5], [3, 3, 4])
    """
    edges = [total * sum(weights[:nth]) // sum(weights) for nth in range(len(weights) + 1)]
    found = [after - before for before, after in pairwise(edges)]
    while min(found) < least and max(found) > least:
        found[found.index(max(found))] -= 1
        found[found.index(min(found))] += 1
    return found
