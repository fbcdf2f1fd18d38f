"""The part of the board in which something is written: a filter, a time, a note, a command."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from msgspec.structs import replace
from textual import events
from textual.widget import Widget

from unstick.tui.prompt import ACKNOWLEDGE, COMMAND, FILTER, GO, INCIDENT, MARK, SIFT, SNOOZE, Footer, Prompt
from unstick.views.pages.timeline import query_of

if TYPE_CHECKING:
    from unstick.tui.board import BoardScreen


class Writing(Widget, inherit_bindings=False):
    """What is written takes all keys until it ends."""

    def __init__(self) -> None:
        super().__init__()
        self.footer = Footer(self.drafted, self.written, self.steered)
        self._marked_at: float | None = None

    def write(self, prompt: Prompt, text: str = "") -> None:
        """Begin to write."""
        self.footer.begin(prompt, text)
        _screen(self).draw_bands()

    def action_filter(self) -> None:
        """Write a filter in the footer."""
        screen = _screen(self)
        screen.action_close()
        if screen.sifts:
            self.write(SIFT, query_of(screen.ui.trail.shown or ""))
        else:
            self.write(FILTER, screen.ui.query)

    def action_go(self) -> None:
        """Write a time in the footer."""
        self.write(GO)

    def action_mark(self) -> None:
        """Write a note for what is shown now, however long it takes to write."""
        place = _screen(self).told.place
        self._marked_at = place.at if place else None
        self.write(MARK)

    def typed(self, event: events.Key | events.Paste) -> bool:
        """Take what was typed as a part of the footer's draft; whether one is being written."""
        return self.footer.take(event)

    def steered(self, prompt: Prompt, key: str) -> str | None:
        """What is written after a key that is not for the text; ``None``: it is."""
        return _screen(self).steer(key) if prompt is COMMAND else None

    def drafted(self, prompt: Prompt, text: str) -> None:
        """Rows follow the filter while it is written, a list follows the command."""
        screen = _screen(self)
        if prompt is COMMAND:
            screen.command_drafted(text)
        elif prompt is SIFT:
            screen.sift(text)
        else:
            screen.change(replace(screen.ui, query=text) if prompt is FILTER else screen.ui, layout=False)

    def written(self, prompt: Prompt, text: str | None) -> None:
        """The filter stays, or goes (``None``); a time is gone to, a mark set, a command done."""
        screen = _screen(self)
        given_up = prompt is FILTER and text is None
        screen.change(replace(screen.ui, query="") if given_up else screen.ui, layout=False)
        if prompt is COMMAND:
            screen.command_written(text)
        elif prompt is SIFT:
            screen.sift(text or "")
        elif text is not None:
            self.written_for(_NAMES[prompt], text)

    def written_for(self, name: str, text: str) -> None:
        """Do what ``text`` was written for, by the name of its key."""
        screen = _screen(self)
        place = screen.told.place
        at = self._marked_at if self._marked_at is not None else place.at if place else None
        self._marked_at = None
        if name == "filter":
            screen.change(replace(screen.ui, query=text), layout=False)
        elif name == "go" and text:
            screen.wish(lambda cursor: cursor.go(text))
        elif name == "mark" and at is not None:
            screen.wish(lambda cursor: cursor.mark(text, at))
        elif name in ("acknowledge", "snooze"):
            screen.noted(name, text)
        elif name == "incident":
            screen.incident_written(text)
        elif name == "role":
            screen.wish(lambda cursor: cursor.role(text))


_NAMES = {
    FILTER: "filter",
    GO: "go",
    MARK: "mark",
    ACKNOWLEDGE: "acknowledge",
    SNOOZE: "snooze",
    INCIDENT: "incident",
}


def _screen(widget: Widget) -> BoardScreen:
    return cast("BoardScreen", widget)
