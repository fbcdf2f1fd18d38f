"""The whole screen, told: header, verdict band and panes in their fixed order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from unstick.facts.place import Place
from unstick.views.pane import Line, PaneView

if TYPE_CHECKING:
    from unstick.board.board import Board  # whoever draws needs none of it

PANE_KEYS = ("workers", "proxies", "queues", "channels", "sync", "locks", "services", "host")
"""Panes in the order of the keys ``1`` to ``8``."""


class Told(msgspec.Struct, frozen=True):
    """``header`` holds the parts from left to right: name and context, state, sources, clock.

    Parts are dropped from the middle when the screen is narrow. ``verdict`` is the band on top. ``place`` is the
    place in time, where there is a choice; ``pages`` are those that can be laid over the board, by their keys.
    ``board`` is what was told: pages of rows are told from it when they are opened.
    """

    header: tuple[Line, ...]
    verdict: PaneView
    panes: tuple[PaneView, ...]
    place: Place | None = None
    pages: tuple[PaneView, ...] = ()
    board: Board | None = None
