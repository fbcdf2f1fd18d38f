"""The part of the board that takes note of findings: acknowledged with a word, or silent for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.widget import Widget

from unstick.config.values import WrongError, seconds
from unstick.facts.units import duration
from unstick.tui.prompt import ACKNOWLEDGE, SNOOZE
from unstick.views.ui import VERDICT

if TYPE_CHECKING:
    from unstick.tui.board import BoardScreen

SNOOZED_S = 1800.0
"""Where no time is said."""
LONGEST_S = 86_400.0


class Noticing(Widget, inherit_bindings=False):
    """Knows which finding is meant while a note is written, whatever comes meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self._meant = ""

    def action_acknowledge(self) -> None:
        """Write a note for the finding; one that was noted is taken back."""
        screen = _screen(self)
        finding = self._finding()
        board = screen.told.board
        if finding and board is not None and finding in board.acks:
            self._take_note(finding, "", None)
        elif finding:
            self._meant = finding
            screen.write(ACKNOWLEDGE)

    def action_snooze(self) -> None:
        """Write for how long the finding is to be silent, and why."""
        finding = self._finding()
        if finding:
            self._meant = finding
            _screen(self).write(SNOOZE, "30m ")

    def noted(self, name: str, text: str) -> None:
        """Do what was written for ``acknowledge`` or ``snooze``."""
        finding = self._meant or self._finding()
        self._meant = ""
        if not finding:
            return
        for_s = None
        if name == "snooze":
            head, _, rest = text.strip().partition(" ")
            try:
                for_s = min(LONGEST_S, seconds(head))
                text = rest
            except WrongError:
                for_s = SNOOZED_S
        note = text.strip() or (f"for {duration(for_s)}" if for_s is not None else "seen")
        self._take_note(finding, note, for_s)

    def _take_note(self, finding: str, note: str, for_s: float | None) -> None:
        _screen(self).wish(lambda cursor: cursor.notice(finding, note, for_s))

    def _finding(self) -> str:
        """The finding of the page that is shown, else under the cursor, else the first that nobody took note of."""
        screen = _screen(self)
        shown = screen.ui.trail.shown or ""
        if shown.startswith("finding:"):
            return shown.partition(":")[2]
        board = screen.told.board
        row = screen.panes[VERDICT].current if screen.ui.focus == VERDICT else None
        if row is not None and board is not None:
            keys = {line.id: f"{line.subject}|{line.id}" for line in board.findings}
            under = [name for name, key in keys.items() if row.key == key or row.key.startswith(f"{key}|")]
            return under[0] if under else ""
        found = [line.id for line in board.findings if line.id not in board.acks] if board is not None else []
        if not found:
            screen.say("there is no finding that nobody took note of")
        return found[0] if found else ""


def _screen(widget: Widget) -> BoardScreen:
    return cast("BoardScreen", widget)
