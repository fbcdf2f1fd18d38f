"""The part of the board that knows what lies over it: help, lists, and pages that come with the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.widget import Widget

from unstick import __version__
from unstick.tui import places
from unstick.tui.overlay import Overlay
from unstick.views.differ import KEY as DIFFERENCE
from unstick.views.pane import Line

if TYPE_CHECKING:
    from unstick.tui.app import BoardApp
    from unstick.tui.board import BoardScreen


class Covering(Widget, inherit_bindings=False):
    """At most one page lies over the board; it has the keys that move the cursor."""

    def __init__(self) -> None:
        super().__init__()
        self.overlay = Overlay()

    def shows(self, key: str) -> bool:
        """Whether the page of that key lies over the board."""
        return self.overlay.shows(key)

    def lay_over(self, key: str) -> None:
        """Put the page of that key over the board, its cursor at the top."""
        self.overlay.open_page(key)
        _changed(self)

    def uncover(self) -> None:
        """Nothing lies over the board."""
        self.overlay.close()
        _changed(self)

    def comes(self, page: str) -> bool:
        """Whether that page comes with the picture."""
        return any(view.key == page for view in _screen(self).told.pages)

    def tell_overlay(self) -> None:
        """Hand the page that lies over the board what it shows."""
        if not self.overlay.is_open:
            return
        screen = _screen(self)
        options = screen.options
        theme = cast("BoardApp", self.app).painter.theme
        facts = [("version", __version__), ("context", options.context), ("theme", theme.title)]
        facts += [("log", str(options.log_path))] if options.log_path else []
        pages = (*screen.told.pages, *screen.lists(), *screen.answers())
        explained = self._explained() if self.overlay.is_help else ()
        if self.overlay.follow(places.overlay(*self.size, 0).width, options.keys, facts, pages, explained):
            screen.rearrange()

    def _explained(self) -> tuple[tuple[str, Line], ...]:
        """What there is to know of the pane that has the focus."""
        from unstick.views.explain import explain  # noqa: PLC0415 - only when somebody asks

        screen = _screen(self)
        view = screen.pane(screen.ui.focus).view
        context = screen.told.board.context if screen.told.board is not None else None
        return tuple(explain(screen.ui.focus, view.columns if view is not None else (), context))

    def action_page_of(self, key: str) -> None:
        """A page that comes with the picture, or back."""
        opened, comes = self.overlay.shows(key), self.comes(key)
        self.overlay.close()
        if not opened and comes:
            self.overlay.open_page(key)
        _changed(self)
        if not comes:
            _screen(self).say("there is nothing else to play")

    def action_compare(self) -> None:
        """Remember this instant; elsewhere tell what differs; then forget."""
        place = _screen(self).told.place
        if place is None or place.compared_at is None or self.shows(DIFFERENCE):
            self.action_close()
            _screen(self).wish(lambda cursor: cursor.compare())
        else:
            self.lay_over(DIFFERENCE)

    def action_help(self, keys: bool = False) -> None:  # noqa: FBT001, FBT002 - an argument of a binding
        """What the pane means and every key, or every key first; or back."""
        if self.overlay.is_help:
            self.action_close()
        else:
            self.overlay.open_help(keys_first=keys)
            _changed(self)

    def action_close(self) -> None:
        """The board without a page over it."""
        if self.overlay.is_open:
            self.uncover()


def _screen(part: Covering) -> BoardScreen:
    return cast("BoardScreen", part)


def _changed(part: Covering) -> None:
    screen = _screen(part)
    screen.change(screen.ui)
