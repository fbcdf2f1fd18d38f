"""Where everything stands, by the size of the terminal. Pure: rectangles in cells."""

from __future__ import annotations

from typing import NamedTuple

from unstick.tui.layouts import LEAST, Plan, by_size, shares
from unstick.views.screen import PANE_KEYS
from unstick.views.ui import VERDICT


class Place(NamedTuple):
    """Left, top, width and height in cells."""

    x: int
    y: int
    width: int
    height: int


class Places(NamedTuple):
    """``panes`` has those that are visible. The others are absent when there is no room or need."""

    header: Place
    footer: Place
    panes: dict[str, Place]
    tabs: Place | None
    alarm: Place | None
    caption: Place | None = None
    scrub: Place | None = None


_BAND_MOST = 6
PAGE, CHARTS = "page", "charts"
_PAGE_WIDE, _FACTS_LEAST = 150, 80
_PAGE_HIGH = 24
_TIMED_LEAST, _CAPTIONED_LEAST, _TOLD_LEAST = 12, 18, 22
"""Lines of the screen from which one is given to time, one more to its caption, and another to a long one."""


def band_height(lines: int, width: int, height: int) -> int:
    """Height of the verdict band for what it has to say: a line when quiet, at most six, fewer on a small screen."""
    if lines == 0:
        return 1
    if height < 12:
        return 1
    most = _BAND_MOST if by_size(width, height) else 5
    return min(most, lines + 2)


def arrange(
    width: int,
    height: int,
    band: int,
    shown: str | None,
    *,
    single: str,
    alarm: bool = False,
    time: int = 0,
    curves: int | None = None,
    curve: int = 0,
    plan: Plan | None = None,
) -> Places:
    """Rectangles for a screen. ``shown`` is the maximised pane, ``single`` the one shown where only one fits.

    ``plan`` says which panes stand where; ``None``: as the size asks for.
    ``curves``: a page with so many charts stands instead of the board; ``None``: none does. ``curve`` is the one that
    was asked for. ``time`` lines above the footer tell the place in time: one for the line of levels, two or
    three with a caption above it.
    """
    top = 1
    alarm_place = None
    if alarm and height >= 5:
        alarm_place, top = Place(0, 1, width, 1), 2
    bottom = height - 1 if height >= 4 else height
    footer = Place(0, bottom, width, height - bottom)
    time = min(time, time_room(height))
    bottom -= time
    scrub = Place(0, bottom + time - 1, width, 1) if time else None
    caption = Place(0, bottom, width, time - 1) if time > 1 else None
    panes: dict[str, Place] = {}
    tabs = None
    if curves is not None:
        panes = _page(Place(0, top, width, bottom - top), curves, curve)
        return Places(Place(0, 0, width, 1), footer, panes, None, alarm_place, caption, scrub)
    if shown == VERDICT:
        band = bottom - top
    band = max(0, min(band, bottom - top - 1)) if shown != VERDICT else max(0, band)
    if band:
        panes[VERDICT] = Place(0, top, width, band)
    top += band
    plan = plan or by_size(width, height)
    if shown is None and plan is not None:
        panes |= _grid(plan, width, top, bottom)
    elif shown != VERDICT:
        if bottom - top >= LEAST:
            tabs, top = Place(0, top, width, 1), top + 1
        if bottom > top:
            panes[shown or single] = Place(0, top, width, bottom - top)
    return Places(Place(0, 0, width, 1), footer, panes, tabs, alarm_place, caption, scrub)


def _page(body: Place, curves: int, curve: int) -> dict[str, Place]:
    """Facts at the left and charts at the right where it is wide, else charts below, else one or the other."""
    x, y, width, height = body
    if height <= 0:
        return {}
    if curves and width >= _PAGE_WIDE:
        left = max(_FACTS_LEAST, width * 11 // 20)
        return {PAGE: Place(x, y, left, height), CHARTS: Place(x + left, y, width - left, height)}
    if curves and height >= _PAGE_HIGH:
        low = max(9, min(16 * curves, height * 2 // 5))
        return {PAGE: Place(x, y, width, height - low), CHARTS: Place(x, y + height - low, width, low)}
    return {CHARTS: body} if curves and curve % (curves + 1) else {PAGE: body}


def _grid(plan: Plan, width: int, top: int, bottom: int) -> dict[str, Place]:
    panes: dict[str, Place] = {}
    for row, height in zip(plan.rows, shares(bottom - top, plan.weights, LEAST), strict=True):
        x = 0
        for name, share in zip(row, shares(width, (1,) * len(row)), strict=True):
            panes[name] = Place(x, top, share, height)
            x += share
        top += height
    return {name: panes[name] for name in PANE_KEYS if name in panes}


def time_room(height: int) -> int:
    """Lines that tell the place in time at most."""
    return sum(height >= least for least in (_TIMED_LEAST, _CAPTIONED_LEAST, _TOLD_LEAST))


def overlay(width: int, height: int, lines: int, below: int = 0) -> Place:
    """A box over the board, as high as its ``lines`` ask for; header, footer and what tells of time stay visible."""
    if height < 6:
        return Place(0, 0, width, height)
    wide = width if width < 100 else min(width - 12, 110)
    room = height - 2 - (below if height >= _TIMED_LEAST else 0)
    high = min(room if height < 30 else room - 4, lines + 2)
    return Place((width - wide) // 2, 1 + max(0, (room - high) // 3), wide, high)
