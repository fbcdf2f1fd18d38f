"""Roles of what stands around the told lines, and pieces of painted lines."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from unstick.views.pane import Line


class Chrome(StrEnum):
    """Parts of the screen that no view tells."""

    BORDER = "border"
    BORDER_WARNING = "border-warning"
    BORDER_CRITICAL = "border-critical"
    BORDER_UNKNOWN = "border-unknown"
    FOCUS = "focus"
    PRODUCTION = "production"
    PAUSED = "paused"
    ALARM = "alarm"
    TAB = "tab"
    TAB_ACTIVE = "tab-active"
    CURSOR = "cursor-mark"
    THUMB = "thumb"


class Ground(StrEnum):
    """What a piece stands on."""

    SCREEN = "screen"
    HEADER = "header"
    PRODUCTION = "production"
    """What header and footer stand on where a context is marked as production."""
    CURSOR = "cursor"
    OVERLAY = "overlay"


class Piece(NamedTuple):
    """Text that is painted in one style. Role is a ``Role`` or a ``Chrome``."""

    text: str
    role: str
    ground: str = Ground.SCREEN


Drawn = tuple[Piece, ...]


def on(ground: Ground, line: Line) -> Drawn:
    """A laid-out line on ``ground``."""
    return tuple(Piece(span.text, span.role, ground) for span in line)
