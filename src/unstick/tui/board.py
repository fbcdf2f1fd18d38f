"""The board on screen: hands the newest picture to generic panes and keys to the pane that has the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from msgspec.structs import replace
from textual.app import ComposeResult
from textual.binding import Binding
from textual.geometry import Offset, Region, Size, Spacing
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.screen import Screen
from textual.widget import Widget

from unstick import __version__, clock
from unstick.tui import bands, places
from unstick.tui.details import detail, help_page
from unstick.tui.engine import News
from unstick.tui.keys import REGISTRY
from unstick.tui.lines import Lines
from unstick.tui.options import BoardOptions
from unstick.tui.paint import measure
from unstick.tui.pane import OVERLAY, Pane
from unstick.tui.prompt import Footer
from unstick.tui.waiting import waiting
from unstick.views import ui as choices
from unstick.views.pane import PaneView
from unstick.views.screen import PANE_KEYS
from unstick.views.select import parse

if TYPE_CHECKING:
    from unstick.tui.app import BoardApp

_SILENT_S = 10.0
_CALM_TELLINGS = 10
"""The verdict band shrinks only after this many pictures in a row asked for less: the board must not jump."""


class ByPlaces(Layout):
    """Puts every widget of the board where :mod:`unstick.tui.places` says."""

    name = "places"

    def __init__(self, board: BoardScreen) -> None:
        self._board = board

    def arrange(
        self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True  # noqa: FBT001, FBT002 - its contract
    ) -> ArrangeResult:
        """Placements of those children that are visible now."""
        del parent, greedy
        spots = self._board.spots(size)
        return [
            WidgetPlacement(Region(*spots[child.id]), Offset(0, 0), Spacing(), child)
            for child in children
            if child.id in spots
        ]


class BoardScreen(Screen[None], inherit_bindings=False):
    """One screen for board, tabs, overlay and prompt; what the person chose is one frozen :class:`UiState`."""

    BINDINGS: ClassVar = [
        Binding(",".join(key.keys), key.action, key.help, id=key.id, priority=key.priority) for key in REGISTRY
    ]
    DEFAULT_CSS = """
    BoardScreen { layers: base over; overflow: hidden; }
    BoardScreen #pane-overlay { layer: over; }
    """
    AUTO_FOCUS = None
    ALLOW_SELECT = False

    def __init__(self, options: BoardOptions) -> None:
        super().__init__()
        self.options = options
        self.ui = choices.UiState()
        self.latest = News(received=clock.monotonic())
        self.shown = self.latest
        self.told = waiting(options)
        self.notice = ""
        self._band = 0
        self._calm = 0
        self._alarmed = False
        self._overlay: str | None = None
        self._opened: tuple[str, str] | None = None
        self._single = PANE_KEYS[0]
        self._by_places = ByPlaces(self)

    @property
    def layout(self) -> Layout:
        """Where widgets stand; a style can only name Textual's own layouts."""
        return self._by_places

    def compose(self) -> ComposeResult:
        """Every widget once; the layout decides which are seen."""
        yield Lines("header")
        yield Lines("alarm")
        yield Pane(choices.VERDICT, "")
        yield Lines("tabs")
        for number, key in enumerate(PANE_KEYS, 1):
            yield Pane(key, str(number))
        yield Footer()
        yield Pane(OVERLAY, "")

    def on_mount(self) -> None:
        """The clock only moves ages in the header."""
        self.set_interval(1.0, self.draw_header)
        self.show_picture()

    def pane(self, key: str) -> Pane:
        """The widget of a pane."""
        return self.query_one(f"#pane-{key}", Pane)

    @property
    def footer(self) -> Footer:
        """Keys or prompt."""
        return self.query_one(Footer)

    @property
    def front(self) -> Pane:
        """Where keys go: the overlay, else the pane that has the focus."""
        return self.pane(OVERLAY if self._overlay else self.ui.focus)

    # What is seen.

    def receive(self, news: News) -> None:
        """The newest picture; while paused it waits."""
        self.latest = news
        if self.ui.paused:
            self.draw_bands()
            return
        self.show_news(news)

    def show_news(self, news: News) -> None:
        """Put ``news`` on the screen."""
        self.shown = news
        if news.told is not None:
            self.told = news.told
        self.show_picture()

    def show_picture(self) -> None:
        """Hand every pane its view. Panes that did not change do nothing."""
        if not self.is_mounted:
            return
        alarmed, self._alarmed = self._alarmed, bool(self.alarm)
        if self._adapt_band() or alarmed != self._alarmed:
            self.rearrange()
        with self.app.batch_update():
            self._visibility()
            for view in (self.told.verdict, *self.told.panes):
                if view.key in choices.STOPS:
                    self.pane(view.key).tell(view, self.ui)
            self._draw_overlay()
            self.draw_bands()

    def spots(self, size: Size) -> dict[str | None, places.Place]:
        """Widget id to rectangle for a screen of ``size``."""
        spots = self._places(size)
        found: dict[str | None, places.Place] = {f"pane-{key}": place for key, place in spots.panes.items()}
        found |= {"header": spots.header, "footer": spots.footer}
        found |= {"tabs": spots.tabs} if spots.tabs else {}
        found |= {"alarm": spots.alarm} if spots.alarm else {}
        if self._overlay:
            found["pane-overlay"] = places.overlay(*size, len(self.pane(OVERLAY).rows))
        return found

    def rearrange(self) -> None:
        """Ask for the places anew. A child asks, because Textual forgets the arrangement of parents only."""
        self.query_one("#header", Lines).refresh(layout=True)

    def _places(self, size: Size) -> places.Places:
        return places.arrange(
            size.width, size.height, self._band, self.ui.maximised, single=self._single, alarm=bool(self.alarm)
        )

    def _visibility(self) -> None:
        visible = self.spots(self.size)
        for pane in self.query(Pane):
            pane.on_board = pane.id in visible

    def _adapt_band(self) -> bool:
        wanted = places.band_height(len(self.told.verdict.rows), *self.size)
        self._calm = self._calm + 1 if wanted < self._band else 0
        if wanted > self._band or self._calm >= _CALM_TELLINGS:
            self._band, self._calm = wanted, 0
            return True
        return False

    @property
    def alarm(self) -> str:
        """Trouble of the engine itself."""
        return self.latest.trouble or ""

    def draw_bands(self) -> None:
        """Header, alarm, tabs and footer."""
        width = self.size.width
        self.draw_header()
        self.query_one("#alarm", Lines).show([bands.draw_alarm(self.alarm, width, measure)])
        active = self.ui.maximised or self._single
        self.query_one("#tabs", Lines).show([bands.draw_tabs(self.told.panes, active, width, measure)])
        footer = self.footer
        if footer.draft is not None:
            footer.show(footer.lines(self._matches()))
        else:
            footer.show([bands.draw_footer(self.ui, self.options.keys, self.notice, width, measure)])

    def draw_header(self) -> None:
        """The header with its ages; unchanged cells are not painted again."""
        now = clock.monotonic()
        silent = now - self.latest.received
        signal = bands.Signal(
            int(now - self.shown.received) if self.ui.paused else None,
            int(silent) if silent >= _SILENT_S and not self.latest.ended else None,
            self.latest.ended,
        )
        line = bands.draw_header(self.told.header, signal, self.options, self.size.width, measure)
        self.query_one("#header", Lines).show([line])

    def _matches(self) -> str:
        error = parse(self.ui.query).error
        shown = sum(len(self.pane(key).rows) for key in PANE_KEYS)
        return error or f"{shown:,} of {sum(len(view.rows) for view in self.told.panes):,} rows"

    def on_resize(self) -> None:
        """A new size asks for new bands; panes draw themselves when theirs changes."""
        self._band = places.band_height(len(self.told.verdict.rows), *self.size)
        self.change(self.ui)

    # What the person does.

    def change(self, ui: choices.UiState, *, layout: bool = True) -> None:
        """Another choice: everything that depends on it is drawn."""
        self.ui = ui
        self.notice = ""
        if ui.focus in PANE_KEYS:
            self._single = ui.focus
        if layout:
            self.rearrange()
        self.show_picture()

    def action_pane(self, key: str) -> None:
        """Maximise a pane, or bring the board back."""
        self._close()
        single = places.across(*self.size) == 1
        if single and key != choices.VERDICT:
            self.change(replace(choices.focus_on(self.ui, key), maximised=None))
        else:
            self.change(choices.toggle_maximised(self.ui, key))

    def action_board(self) -> None:
        """The whole board."""
        self._close()
        self.change(replace(self.ui, maximised=None))

    def action_focus_pane(self, step: int) -> None:
        """The next or previous pane."""
        self._close()
        self.change(choices.move_focus(self.ui, step))

    def action_move(self, step: int) -> None:
        """The cursor, row by row."""
        self.front.move(step)

    def action_page(self, direction: int) -> None:
        """The cursor, page by page."""
        self.front.page(direction)

    def action_edge(self, direction: int) -> None:
        """The cursor to the first or last row."""
        self.front.edge(direction)

    def action_filter(self) -> None:
        """Write a filter in the footer."""
        self._close()
        self.notice = ""
        self.footer.begin(self.ui.query)
        self.draw_bands()

    def on_footer_changed(self, message: Footer.Changed) -> None:
        """Rows follow the filter while it is written."""
        self.change(replace(self.ui, query=message.text), layout=False)

    def on_footer_done(self, message: Footer.Done) -> None:
        """The filter stays, or goes."""
        self.footer.end()
        self.change(self.ui if message.kept else replace(self.ui, query=""), layout=False)

    def action_sort(self) -> None:
        """Order by the next column of the focused pane."""
        view = self._view()
        if view is not None and view.columns:
            self.change(choices.next_sort(self.ui, view.key, view.columns), layout=False)

    def action_invert(self) -> None:
        """The other direction."""
        self.change(choices.invert_sort(self.ui, self.ui.focus), layout=False)

    def action_faults(self) -> None:
        """Only rows that are not well."""
        self.change(replace(self.ui, faults_only=not self.ui.faults_only), layout=False)

    def action_pause(self) -> None:
        """Hold the picture, or show the newest again."""
        self.ui = replace(self.ui, paused=not self.ui.paused)
        self.show_news(self.shown if self.ui.paused else self.latest)

    def action_theme(self) -> None:
        """The next theme that suits this terminal."""
        title = cast("BoardApp", self.app).next_theme()
        self.notice = f"theme: {title}"
        self.repaint()

    def action_redraw(self) -> None:
        """Everything again, for a terminal that others wrote on."""
        self.repaint()

    def repaint(self) -> None:
        """Paint every line, changed or not."""
        self.draw_bands()
        for widget in self.query(Lines):
            widget.refresh()

    def action_open(self) -> None:
        """Everything known of the row under the cursor."""
        row = self.front.current
        if row is not None and not self._overlay:
            self._opened = self.ui.focus, row.key
            self._open("detail")

    def action_help(self) -> None:
        """Keys and signs, or back."""
        if self._overlay == "help":
            self.action_back()
        else:
            self._open("help")

    def action_back(self) -> None:
        """One step back: overlay, filter, faults only, maximised pane."""
        if self._overlay:
            self._close()
            self.change(self.ui)
        elif self.ui.query:
            self.change(replace(self.ui, query=""), layout=False)
        elif self.ui.faults_only:
            self.change(replace(self.ui, faults_only=False), layout=False)
        else:
            self.change(replace(self.ui, maximised=None))

    def action_quit(self) -> None:
        """Leave, exit code 0."""
        cast("BoardApp", self.app).leave(0)

    def action_interrupt(self) -> None:
        """Leave, exit code 130."""
        cast("BoardApp", self.app).leave(130)

    def on_pane_pressed(self, message: Pane.Pressed) -> None:
        """A click moves the focus, a double click opens."""
        if message.pane.key in choices.STOPS and not self._overlay:
            self.change(choices.focus_on(self.ui, message.pane.key), layout=False)
            if message.opened:
                self.action_open()

    # The overlay.

    def _view(self) -> PaneView | None:
        return self.pane(self.ui.focus).view

    def _open(self, kind: str) -> None:
        self._overlay = kind
        overlay = self.pane(OVERLAY)
        overlay.edge(-1)
        self.change(self.ui)

    def _close(self) -> None:
        self._overlay = self._opened = None

    def _draw_overlay(self) -> None:
        width = places.overlay(*self.size, 0).width
        view = self._help(width) if self._overlay == "help" else self._detail(width)
        if self._overlay and view is not None:
            overlay = self.pane(OVERLAY)
            before = len(overlay.rows)
            overlay.tell(view, choices.UiState(focus=OVERLAY))
            if len(overlay.rows) != before:
                self.rearrange()

    def _detail(self, width: int) -> PaneView | None:
        if self._opened is None:
            return None
        pane = self.pane(self._opened[0])
        if pane.view is None:
            return None
        row = next((row for row in pane.view.rows if row.key == self._opened[1]), None)
        if row is not None:
            self._last_row = row
        return detail(pane.view, row or self._last_row, width, measure, gone=row is None)

    def _help(self, width: int) -> PaneView:
        theme = cast("BoardApp", self.app).painter.theme
        facts = [("version", __version__), ("context", self.options.context), ("theme", theme.title)]
        facts += [("log", str(self.options.log_path))] if self.options.log_path else []
        return help_page(self.options.keys, facts, width, measure)
