"""Keys that move in time: wishes for the cursor, which lives in the engine's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.widget import Widget

from unstick.tui.engine import Wish

if TYPE_CHECKING:
    from unstick.tui.app import BoardApp


class Travel(Widget, inherit_bindings=False):
    """The part of the board that knows the words of the cursor."""

    def wish(self, wish: Wish) -> None:
        """Ask the cursor for something; what comes of it is shown at once, also on a thin line."""
        cast("BoardApp", self.app).wish(wish)

    def action_pause(self) -> None:
        """Time stands still, or goes on."""
        self.wish(lambda cursor: cursor.pause())

    def action_step(self, frames: int) -> None:
        """Look by look; time stands still there."""
        self.wish(lambda cursor: cursor.step(frames))

    def action_shift(self, seconds: float) -> None:
        """By seconds."""
        self.wish(lambda cursor: cursor.shift(seconds))

    def action_pace(self, factor: float) -> None:
        """Faster or slower."""
        self.wish(lambda cursor: cursor.pace(factor))

    def action_begin(self) -> None:
        """The beginning."""
        self.wish(lambda cursor: cursor.begin())

    def action_newest(self) -> None:
        """The newest; where more comes, follow it."""
        self.wish(lambda cursor: cursor.newest())

    def action_record(self) -> None:
        """Begin or end a tape."""
        self.wish(lambda cursor: cursor.record())

    def action_skip(self, direction: int) -> None:
        """From mark to mark."""
        self.wish(lambda cursor: cursor.skip(direction))
