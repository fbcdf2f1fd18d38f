"""The one widget for every pane: holds a view, a cursor that sticks to a row's identity, and a scroll position."""

from __future__ import annotations

from textual import events
from textual.message import Message

from unstick.tui import box
from unstick.tui.bands import narrowed
from unstick.tui.lines import Lines
from unstick.tui.paint import measure
from unstick.tui.places import CHARTS, PAGE
from unstick.views.pane import PaneView, Row
from unstick.views.select import select, stick
from unstick.views.ui import VERDICT, UiState

OVERLAY = "overlay"
"""The key of the pane that lies over the board."""
_WHEEL = 3


class Pane(Lines):
    """Draws itself when its view, the person's choices or its size changed, and only if it is on screen."""

    class Pressed(Message):
        """A row was clicked, or the pane beside its rows; ``opened`` on a double click."""

        def __init__(self, pane: Pane, *, opened: bool) -> None:
            super().__init__()
            self.pane = pane
            self.opened = opened

    def __init__(self, key: str, number: str) -> None:
        super().__init__(id=f"pane-{key}")
        self.key = key
        self.number = number
        self.view: PaneView | None = None
        self.rows: tuple[Row, ...] = ()
        self.cursor = 0
        self.top = 0
        self.on_board = False
        self.columns: tuple[str, ...] = ()
        """Those that a preset wants."""
        self._held: str | None = None
        self._ui = UiState()
        self._picture = box.Picture((), 0, 0)

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    @property
    def own_rows(self) -> tuple[Row, ...]:
        """The rows without the lines that only tell more of them."""
        return tuple(row for row in self.rows if not row.below)

    def tell(self, view: PaneView, ui: UiState) -> None:
        """Show ``view`` as ``ui`` wants it. An equal view under an equal choice is no work at all."""
        if view == self.view and ui == self._ui:
            return
        if view is not self.view or _choice(ui, self.key) != _choice(self._ui, self.key):
            mine = UiState() if self.key == VERDICT else ui
            self.rows = select(view.rows, view.columns, mine, ui.sort_of(self.key))
            self.cursor = self._stop(stick(self.rows, self._held, self.cursor if self._held else 0), -1)
        self.view, self._ui = view, ui
        self.draw()

    def draw(self) -> None:
        """Draw what is on screen now."""
        width, height = self.size
        if self.view is None or not self.on_board or not width:
            return
        parts = box.inner(self.view, len(self.rows), width, height, measure)
        away = self.key == VERDICT and self._ui.focus != VERDICT  # then the worst is seen, wherever the cursor was
        top = box.scroll(self.top, self._last(self.cursor), parts.visible, len(self.rows))
        self.top = 0 if away else box.scroll(top, self.cursor, parts.visible, len(self.rows))
        look = box.Look(
            self.number,
            self._ui.focus == self.key,
            self.cursor,
            self.top,
            len(self.view.rows),
            self._ui.sort_of(self.key),
            narrowed(self._ui),
            columns=self.columns,
            page=self.key in (OVERLAY, PAGE, CHARTS),
            over=self.key == OVERLAY,
        )
        self._picture = box.draw(self.view, self.rows, look, width, height, measure)
        self.show(self._picture.lines)

    def move(self, step: int) -> None:
        """The cursor ``step`` rows on; from now on it sticks to the row it stands at."""
        if self.rows:
            self.cursor = self._stop(max(0, min(len(self.rows) - 1, self.cursor + step)), step)
            self._held = self.rows[self.cursor].key
            self.draw()

    def _stop(self, place: int, step: int) -> int:
        """``place``, or the next row on that the cursor may stand at; at the end the last one before."""
        stops = [nth for nth, row in enumerate(self.rows) if not row.below]
        if len(stops) == len(self.rows):
            return place
        ahead = [nth for nth in stops if (nth >= place if step > 0 else nth <= place)]
        return (min(ahead) if step > 0 else max(ahead)) if ahead else stops[-1 if step > 0 else 0]

    def _last(self, place: int) -> int:
        """The last of the lines that belong to the row at ``place``."""
        while place + 1 < len(self.rows) and self.rows[place + 1].below:
            place += 1
        return place

    def put_cursor(self, place: int) -> None:
        """The cursor to a row."""
        self.move(place - self.cursor)

    def page(self, direction: int) -> None:
        """The cursor one page on."""
        self.move(direction * max(1, self._picture.visible - 1))

    def edge(self, direction: int) -> None:
        """The cursor at the first or last row; at the first it follows whatever comes first."""
        self.move(direction * len(self.rows))
        if direction < 0:
            self._held = None

    def on_resize(self) -> None:
        """The new size shows as many rows as fit, around the same cursor."""
        self.draw()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves the cursor: what is seen is what Enter opens."""
        event.stop()
        self._wheel(_WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves the cursor."""
        event.stop()
        self._wheel(-_WHEEL)

    def _wheel(self, step: int) -> None:
        self.move(step)
        self.post_message(self.Pressed(self, opened=False))

    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor, a double click opens."""
        event.stop()
        nth = event.y - self._picture.first
        if 0 <= nth < self._picture.visible and self.top + nth < len(self.rows):
            self.move(self.top + nth - self.cursor)
        self.post_message(self.Pressed(self, opened=event.chain == 2))


def _choice(ui: UiState, pane: str) -> tuple[object, ...]:
    return ui.query, ui.faults_only, ui.sort_of(pane)
