"""The part of the board that opens pages: everything known of one row, told anew with every picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from msgspec.structs import replace
from textual.widget import Widget

from unstick.tui import chart
from unstick.tui.keys import key_label
from unstick.tui.page import charts_view, facts_view
from unstick.tui.paint import measure
from unstick.tui.pane import Pane
from unstick.tui.places import CHARTS, PAGE
from unstick.tui.stage import Spots
from unstick.views.pages import Page, page, plain
from unstick.views.pages.timeline import KEY as TIMELINE
from unstick.views.pages.timeline import sifted_key
from unstick.views.screen import Told
from unstick.views.ui import SPANS_S, Trail, UiState

if TYPE_CHECKING:
    from unstick.tui.board import BoardScreen

_FACTS, _CHARTS = UiState(focus=PAGE), UiState()
_FRAME = 3
"""Lines of a page that are no rows: its border and the titles of its columns."""


class Leafing(Widget, inherit_bindings=False):
    """Keeps what the pages of the trail told last: one that is gone is still shown, and said to be gone."""

    def __init__(self) -> None:
        super().__init__()
        self.facts = Pane(PAGE, "")
        self.charts = Pane(CHARTS, "")
        self._told: dict[str, Page] = {}
        self._settled: Trail = Trail()
        self._gone = False

    @property
    def curves(self) -> int | None:
        """Charts of the page that is shown; ``None`` without a page."""
        key = _screen(self).ui.trail.shown
        return None if key is None else len(self._told[key].curves) if key in self._told else 0

    def open_page(self, key: str) -> None:
        """Show the page of ``key``; the one before is a step back."""
        screen = _screen(self)
        if key == screen.ui.trail.shown or self._find(key, screen.told) is None:
            return
        if not chart.loaded():
            self.run_worker(self._load_charts(), exit_on_error=False)
        self.turn(replace(screen.ui, trail=screen.ui.trail.opened(key), curve=0))

    def turn(self, ui: UiState) -> None:
        """Another page, or none."""
        _screen(self).change(ui)

    async def _load_charts(self) -> None:
        import asyncio  # noqa: PLC0415 - what follows is rare

        await asyncio.to_thread(chart.load)
        _screen(self).show_picture()

    def turn_page(self) -> bool:
        """Find what the newest picture tells of the page that is shown; whether another place is needed for it."""
        screen, before = _screen(self), self.curves
        key = screen.ui.trail.shown
        if key is None:
            self._told.clear()
            self._settled = screen.ui.trail
            return False
        found = self._find(key, screen.told)
        self._gone = found is None
        if found is not None:
            self._told[key] = found
        return self.curves != before

    def tell_page(self, spots: Spots) -> None:
        """Tell the page that is shown; nothing without one."""
        screen = _screen(self)
        ui = screen.ui
        key = ui.trail.shown
        if key is None or key not in self._told:
            return
        told = self._told[key]
        behind = [self._told[one] for one in ui.trail.keys[: ui.trail.place] if one in self._told]
        crumbs = [one.crumb or one.title for one in behind]
        if self.facts.id in spots:
            place = spots[self.facts.id]
            hidden = told.curves and self.charts.id not in spots
            hint = f"{key_label('curve', screen.options.keys)} history" if hidden else ""
            keys = screen.options.keys
            view = facts_view(told, crumbs, place.width, measure, keys, gone=self._gone, hint=hint)
            self.facts.tell(view, _FACTS)
            if self._settled != ui.trail:
                self._settled = ui.trail
                self._begin(place.height - _FRAME)
        if self.charts.id in spots and told.curves:
            place, ticks = spots[self.charts.id], screen.told.place.ticks if screen.told.place else ()
            first = ui.curve if self.facts.id in spots else ui.curve - 1
            size, keys = (place.width, place.height), screen.options.keys
            self.charts.tell(charts_view(told, first, ui.span, ticks, size, measure, keys), _CHARTS)

    def _begin(self, in_sight: int) -> None:
        """The cursor of a new page: at the first thing that leads on, if that is in sight at once."""
        first = next((nth for nth, row in enumerate(self.facts.rows) if row.jump), None)
        self.facts.put_cursor(first if first is not None and first < in_sight else 0)

    def _find(self, key: str, told: Told) -> Page | None:
        """The page of ``key`` in ``told``: its own, else what its row says."""
        ticks = told.place.ticks if told.place is not None else ()
        found = page(told.board, key, ticks) if told.board is not None else None
        if found is not None:
            return found
        for view in (told.verdict, *told.panes):
            for row in view.rows:
                if key in (row.key, f"finding:{row.key.partition('|')[2]}"):
                    return plain(view, row)
        return None

    def action_happened(self) -> None:
        """What happened lately."""
        self.open_page(TIMELINE)

    @property
    def sifts(self) -> bool:
        """Whether what is shown can be sifted."""
        return (_screen(self).ui.trail.shown or "").startswith(TIMELINE)

    def sift(self, query: str) -> None:
        """Of what happened, show what ``query`` asks for."""
        ui = _screen(self).ui
        if self.sifts:
            keys = (*ui.trail.keys[: ui.trail.place], sifted_key(query))
            self.turn(replace(ui, trail=Trail(keys, len(keys) - 1)))

    def action_page_back(self) -> None:
        """The page before, or the board."""
        ui = _screen(self).ui
        if ui.trail.shown is not None:
            self.turn(replace(ui, trail=ui.trail.moved(-1), curve=0))

    def action_page_on(self) -> None:
        """The page that was left."""
        ui = _screen(self).ui
        self.turn(replace(ui, trail=ui.trail.moved(1), curve=0))

    def action_curve(self) -> None:
        """The next chart."""
        ui = _screen(self).ui
        _screen(self).change(replace(ui, curve=ui.curve + 1))

    def action_reach(self, step: int) -> None:
        """Charts of more or less time."""
        ui = _screen(self).ui
        _screen(self).change(replace(ui, span=max(0, min(len(SPANS_S) - 1, ui.span + step))), layout=False)

    def next_jump(self, step: int) -> None:
        """The cursor to the next row of the page that leads somewhere."""
        jumps = [row.jump for row in self.facts.rows]
        places = [nth for nth, jump in enumerate(jumps) if jump and (nth == 0 or jumps[nth - 1] != jump)]
        if places:
            here = self.facts.cursor
            ahead = [nth for nth in places if (nth - here) * step > 0]
            self.facts.put_cursor(
                (min(ahead) if step > 0 else max(ahead)) if ahead else places[0 if step > 0 else -1]
            )


def _screen(widget: Widget) -> BoardScreen:
    return cast("BoardScreen", widget)
