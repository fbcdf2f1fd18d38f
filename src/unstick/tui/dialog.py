"""The dialog over the board: what is typed is its own, and nothing counts that was typed before it was seen."""

from __future__ import annotations

from collections.abc import Callable

from textual import events

from unstick import clock
from unstick.tui import sheet as sheets
from unstick.tui.lines import Lines
from unstick.tui.paint import measure
from unstick.tui.sheet import Sheet

QUIET_S = 0.3
"""So long after it was painted nothing is heard; what is typed meanwhile begins that time anew."""
_LONGEST = 9
_STEPS = {"up": -1, "k": -1, "down": 1, "j": 1}
_TURNS = {"tab": 1, "right": 1, "shift+tab": -1, "left": -1}


class Dialog(Lines):
    """Asks for one of the sheet's answers. Focus begins at the first, which changes nothing.

    ``painted`` is called with what is to be called when the terminal has what was drawn.
    """

    def __init__(self, answered: Callable[[str, str], None], painted: Callable[[Callable[[], None]], None]) -> None:
        super().__init__(id="dialog")
        self.sheet: Sheet | None = None
        self.focus_at = 0
        self.typed_count = ""
        self._answered = answered
        self._painted = painted
        self._top = 0
        self._asked = 0
        self._heeds_at: float | None = None
        self._laid = sheets.Laid((), 0, 0, 0, ())

    @property
    def is_open(self) -> bool:
        """Whether there is something to answer."""
        return self.sheet is not None

    def tell(self, sheet: Sheet | None) -> None:
        """Show ``sheet``. Another one, or another edition of it, is answered anew from the first button."""
        before, self.sheet = self.sheet, sheet
        if sheet is None:
            self._heeds_at = None
            return
        other = before is None or before.key != sheet.key
        if other:
            self._top = 0
        if other or before is None or before.edition != sheet.edition or before.buttons != sheet.buttons:
            self.focus_at, self.typed_count, self._heeds_at = 0, "", None
            self._asked += 1
            asked = self._asked
            self._painted(lambda: self._seen(asked))
        self.draw()

    def _seen(self, asked: int) -> None:
        if asked == self._asked and self._heeds_at is None and self.is_open:
            self._heeds_at = clock.monotonic() + QUIET_S

    @property
    def heeds(self) -> bool:
        """Whether what is typed now counts."""
        return self._heeds_at is not None and clock.monotonic() >= self._heeds_at

    def draw(self) -> None:
        """Draw what is on screen now."""
        width, height = self.size
        if self.sheet is not None and width and height:
            self._laid = sheets.draw(self.sheet, self.focus_at, self._top, self.typed_count, (width, height), measure)
            self._top = max(0, min(self._top, self._laid.total - self._laid.visible))
            self.show(self._laid.lines)

    def on_resize(self) -> None:
        """Another size, another break of lines."""
        self.draw()

    def take(self, event: events.Key | events.Paste) -> bool:
        """What is typed while it is open, except for what ends the program; pasted text never counts."""
        if self.sheet is None or (isinstance(event, events.Key) and event.key == "ctrl+c"):
            return False
        if self._too_early(event.time) or isinstance(event, events.Paste):
            return True
        if event.key == "escape":
            self._answer(0)
        elif event.key in ("enter", "space"):
            self._answer(self.focus_at)
        elif event.key in _TURNS:
            self.focus_at = (self.focus_at + _TURNS[event.key]) % len(self.sheet.buttons)
        else:
            self._type(event)
        self.draw()
        return True

    def _too_early(self, at: float) -> bool:
        if self._heeds_at is None:
            return True
        if at < self._heeds_at:
            self._heeds_at = max(self._heeds_at, at + QUIET_S)
            return True
        return False

    def _type(self, event: events.Key) -> None:
        sheet, key = self.sheet, event.key
        page = max(1, self._laid.visible - 1)
        steps = _STEPS | {"pageup": -page, "u": -page, "pagedown": page, "d": page}
        if key in steps:
            self._scroll(steps[key])
        elif key in ("home", "end"):
            self._scroll(self._laid.total * (-1 if key == "home" else 1))
        elif sheet is not None and sheet.wanted and key in ("backspace", "ctrl+h"):
            self.typed_count = self.typed_count[:-1]
        elif sheet is not None and sheet.wanted and (event.character or "").isdecimal():
            self.typed_count = (self.typed_count + (event.character or ""))[:_LONGEST]
        elif sheet is not None and key in {name for name, _ in sheet.keys}:
            self._answered(sheet.key, key)

    def _scroll(self, lines: int) -> None:
        self._top = max(0, min(self._top + lines, self._laid.total - self._laid.visible))
        self.draw()

    def _answer(self, nth: int) -> None:
        if self.sheet is not None:
            self._answered(self.sheet.key, self.sheet.buttons[nth][0])

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel scrolls the text."""
        event.stop()
        self._scroll(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel scrolls the text."""
        event.stop()
        self._scroll(-3)

    def on_click(self, event: events.Click) -> None:
        """A click chooses a button; only the first, which changes nothing, is pressed by it."""
        event.stop()
        if self.sheet is None or event.y != self._laid.row or self._too_early(event.time):
            return
        for nth, (left, right) in enumerate(self._laid.buttons):
            if left <= event.x < right:
                self.focus_at = nth
                self.draw()
                if nth == 0:
                    self._answer(0)
