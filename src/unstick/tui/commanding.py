"""The part of the board for an incident: big type for a wall, a clock, who does what, and the report in the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace
from textual.geometry import Size
from textual.widget import Widget

from unstick.feeds.base import Cursor
from unstick.tui import export
from unstick.tui.lines import Lines
from unstick.tui.paint import measure
from unstick.tui.places import Place
from unstick.tui.prompt import INCIDENT
from unstick.tui.roles import Ground, on
from unstick.tui.stage import Spots
from unstick.views.wall import draw_wall

if TYPE_CHECKING:
    from unstick.tui.app import BoardApp
    from unstick.tui.board import BoardScreen

_KEPT = frozenset({"header", "alarm", "scrub", "footer"})


class Commanding(Widget, inherit_bindings=False):
    """What is decided here stands on the tape as marks."""

    def __init__(self) -> None:
        super().__init__()
        self.wall = Lines("wall")

    @property
    def on_wall(self) -> bool:
        """Whether big type stands where the board does."""
        ui = _screen(self).ui
        return ui.wall and ui.trail.shown is None

    def wall_spots(self, spots: Spots, size: Size) -> Spots:
        """``spots`` with the wall instead of panes: between what stands above and below it."""
        kept: Spots = {name: place for name, place in spots.items() if name in _KEPT}
        low = min((place.y for name, place in kept.items() if name in {"scrub", "footer"}), default=size.height)
        top = max((place.y + place.height for name, place in kept.items() if name in {"header", "alarm"}), default=0)
        return {**kept, "wall": Place(0, top, size.width, max(0, low - top))}

    def draw_wall(self, spots: Spots) -> None:
        """The newest picture in big type."""
        if "wall" in spots:
            place = spots["wall"]
            lines = draw_wall(_screen(self).told, place.width, place.height, measure)
            self.wall.show([on(Ground.SCREEN, line) for line in lines])

    def action_wall(self) -> None:
        """Big type, or the board again."""
        screen = _screen(self)
        screen.overlay.close()
        on_wall = self.on_wall
        screen.change(replace(screen.ui, wall=not on_wall, trail=type(screen.ui.trail)()))

    def action_incident(self) -> None:
        """Begin an incident; or write what ended it."""
        screen = _screen(self)
        place = screen.told.place
        if place is None or place.name != "live":
            screen.say("this is a recording: an incident stands on it, none begins here")
        elif place.incident is None:
            screen.wish(lambda cursor: cursor.begin_incident())
            screen.change(replace(screen.ui, wall=True))
        else:
            screen.write(INCIDENT)

    def incident_written(self, text: str) -> None:
        """End the incident; its report goes to a file and to the terminal's clipboard."""
        app = cast("BoardApp", self.app)

        async def end(cursor: Cursor) -> str:
            words, report = await cursor.end_incident(text)
            if report is not None and app.loop is not None:
                app.loop.call_soon_threadsafe(self.copy_file, report)
            return words

        _screen(self).wish(end)

    def copy_file(self, path: Path) -> None:
        """The text of a file into the clipboard of the terminal, as much as it takes."""
        try:
            text = path.read_text(encoding="utf-8")
        except OSError:
            return
        cast("BoardApp", self.app).write(export.clip(text)[0])


def _screen(widget: Widget) -> BoardScreen:
    return cast("BoardScreen", widget)
