"""The board on screen: hands the newest picture to generic panes, and keys to the pane that has the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from msgspec.structs import replace
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.geometry import Size
from textual.layout import Layout

from unstick import clock
from unstick.tui import bands, places
from unstick.tui import sheet as sheets
from unstick.tui.acting import Acting
from unstick.tui.asking import Asking
from unstick.tui.choosing import Choosing
from unstick.tui.commanding import Commanding
from unstick.tui.covering import Covering
from unstick.tui.engine import News
from unstick.tui.keeping import Keeping
from unstick.tui.keys import REGISTRY
from unstick.tui.layouts import Plan
from unstick.tui.leafing import Leafing
from unstick.tui.lines import Lines
from unstick.tui.mending import with_keys
from unstick.tui.noticing import Noticing
from unstick.tui.options import BoardOptions
from unstick.tui.paint import measure
from unstick.tui.pane import OVERLAY, Pane
from unstick.tui.presets import chosen, presets
from unstick.tui.private import PrivateScreen
from unstick.tui.prompt import FILTER
from unstick.tui.roles import Ground, on
from unstick.tui.spelled import spelled
from unstick.tui.stage import Band, ByPlaces, Spots
from unstick.tui.steering import Steering
from unstick.tui.travel import Travel
from unstick.tui.waiting import waiting
from unstick.tui.writing import Writing
from unstick.views import ui as choices
from unstick.views.pane import PaneView
from unstick.views.screen import PANE_KEYS
from unstick.views.scrub import draw_caption, draw_scrub, scrubbed
from unstick.views.select import parse

if TYPE_CHECKING:
    from unstick.tui.app import BoardApp

_SILENT_S = 10.0
"""Without a frame for this long the header says so."""
_NOTICED_S = 12.0
"""How long a notice stays in the footer."""


class BoardScreen(
    Acting,
    Asking,
    Travel,
    Leafing,
    Writing,
    Choosing,
    Keeping,
    Covering,
    Steering,
    Noticing,
    Commanding,
    PrivateScreen,
    inherit_bindings=False,
):
    """The one screen: what is shown follows from the newest picture and one frozen ``UiState``."""

    BINDINGS: ClassVar = [
        Binding(",".join(key.keys), key.action, key.help, id=key.id, priority=key.priority) for key in REGISTRY
    ]
    DEFAULT_CSS = """
    BoardScreen { layers: base over; overflow: hidden; }
    BoardScreen #pane-overlay, BoardScreen #dialog { layer: over; }
    """
    AUTO_FOCUS = None
    ALLOW_SELECT = False

    def __init__(self, options: BoardOptions, news: News) -> None:
        super().__init__()
        self.options = options
        self.latest = news
        self.told = news.told or waiting(options)
        self._mended: tuple[tuple[PaneView, int], PaneView] | None = None
        self._notice, self._noticed = "", 0.0
        self._band = Band()
        self._lines = False, 0
        """Whether there is an alarm, and how many lines tell of time."""
        self._opens = options.opens
        self.ui = replace(self.ui, wall=options.wall)
        self.presets = presets(options.presets)
        self._by_places = ByPlaces(self.spots)
        self.panes = {choices.VERDICT: Pane(choices.VERDICT, "")}
        self.panes |= {key: Pane(key, str(number)) for number, key in enumerate(PANE_KEYS, 1)}
        self._header, self._alarm, self._tabs = Lines("header"), Lines("alarm"), Lines("tabs")
        self._caption, self._scrub = Lines("caption"), Lines("scrub")

    @property
    def layout(self) -> Layout:
        """Where widgets stand; a style can name Textual's own layouts only."""
        return self._by_places

    def compose(self) -> ComposeResult:
        """Every widget once; the layout decides which are seen."""
        yield from (self._header, self._alarm, self._tabs, *self.panes.values())
        yield from (self.facts, self.charts, self.wall, self._caption, self._scrub)
        yield from (self.footer, self.overlay, self.dialog)

    def on_mount(self) -> None:
        """The timer moves the ages in the header and ends notices; after ``fg`` the terminal is blank."""
        self.set_interval(5.0 if self.options.slow else 1.0, self.tick)
        self.app.app_resume_signal.subscribe(self, lambda _: self.repaint())
        self.show_picture()

    @property
    def notice(self) -> str:
        """What was just said in the footer."""
        return self._notice

    @notice.setter
    def notice(self, words: str) -> None:
        self._notice, self._noticed = words, clock.monotonic()

    def tick(self) -> None:
        """Ages go on, what was said is forgotten, a theme that was edited is worn anew."""
        self.draw_header()
        self.refresh_theme()
        self.tick_action()
        self.tick_answer()
        if self._notice and clock.monotonic() - self._noticed > _NOTICED_S:
            self.notice = ""
            self.draw_bands()

    def pane(self, key: str) -> Pane:
        """The widget of a pane, of the verdict band or of the overlay."""
        return self.overlay if key == OVERLAY else self.panes[key]

    @property
    def front(self) -> Pane:
        """Where keys go: the overlay, else the page, else the pane that has the focus."""
        if self.overlay.is_open:
            return self.overlay
        return self.panes[self.ui.focus] if self.ui.trail.shown is None else self.facts

    # What is seen.

    def receive(self, news: News) -> None:
        """Put the newest picture on the screen."""
        if news.answers != self.latest.answers:
            self.notice = news.answer
        self.latest = news
        if news.told is not None:
            self.told = news.told
            if self._opens and self.comes(self._opens):
                self.overlay.open_page(self._opens)
                self._opens = ""
        self.show_picture()

    def show_picture(self) -> None:
        """Hand every pane its view. Panes that did not change do nothing."""
        if not self.is_mounted:
            return
        grown = self._band.follow(self._band_wanted(self.size))
        time = bands.time_lines(self.told, self.size, measure)
        before, self._lines = self._lines, (bool(self.latest.trouble), time)
        turned = self.turn_page()
        if grown or turned or before != self._lines:
            self.rearrange()
        with self.app.batch_update():
            visible = self.spots(self.size)
            for pane in (*self.panes.values(), self.facts, self.charts, self.overlay):
                pane.on_board = pane.id in visible
            for view in (self._verdict(), *self.told.panes):
                if view.key in self.panes:
                    self.panes[view.key].tell(view, self.ui)
            self.tell_page(visible)
            self.draw_wall(visible)
            self.tell_overlay()
            self.draw_bands()

    def _verdict(self) -> PaneView:
        if self.ui.maximised == choices.VERDICT:
            return spelled(self.told.verdict, self.size.width, measure, self.options.keys)
        return self._mended_verdict()

    def _mended_verdict(self) -> PaneView:
        """The verdict with the keys that mend; told once for each picture."""
        key = self.told.verdict, self.size.width
        if self._mended is None or self._mended[0] != key:
            self._mended = key, with_keys(self.told.verdict, self.options.keys, self.size.width)
        return self._mended[1]

    def _band_wanted(self, size: Size) -> int:
        return places.band_height(bands.verdict_lines(self.told.verdict), *size)

    def say(self, words: str) -> None:
        """A notice in the footer."""
        self.notice = words
        self.draw_bands()

    def spots(self, size: Size) -> Spots:
        """Widget id to rectangle for a screen of ``size``."""
        if not self._band.height:
            self._band.set(self._band_wanted(size))
        found = places.arrange(
            *size,
            self._band.height,
            self.ui.maximised,
            single=self.single,
            alarm=bool(self.latest.trouble),
            time=bands.time_lines(self.told, size, measure),
            curves=self.curves,
            curve=self.ui.curve,
            plan=self.plan(size),
        )
        spots: Spots = {f"pane-{key}": place for key, place in found.panes.items()}
        spots |= {"header": found.header, "footer": found.footer}
        lines = {"tabs": found.tabs, "alarm": found.alarm, "caption": found.caption, "scrub": found.scrub}
        spots |= {name: line for name, line in lines.items() if line is not None}
        if self.on_wall:
            spots = self.wall_spots(spots, size)
        if self.overlay.is_open:
            below = bands.time_lines(self.told, size, measure)
            spots[self.overlay.id] = places.overlay(*size, self.overlay.lines, below)
        if self.dialog.sheet is not None:
            wide = places.overlay(*size, 0).width
            spots["dialog"] = places.overlay(*size, sheets.height_of(self.dialog.sheet, wide, measure))
        return spots

    def plan(self, size: Size) -> Plan | None:
        """Which panes stand where; ``None``: one at a time."""
        return chosen(self.presets[self.ui.preset], *size)

    def settled(self) -> bool:
        """Whether every visible widget has drawn itself for the place that it has."""
        spots = self.spots(self.size)
        return all(widget.settled for widget in self.query_children(Lines) if widget.id in spots)

    def rearrange(self) -> None:
        """Ask for the places anew. A child asks, because Textual forgets the arrangement of parents only."""
        self._header.refresh(layout=True)

    def draw_bands(self) -> None:
        """Header, alarm, tabs and footer."""
        width = self.size.width
        self.draw_header()
        self._alarm.show([bands.draw_alarm(self.latest.trouble or "", width, measure)])
        active = self.ui.maximised or self.single
        self._tabs.show([bands.draw_tabs(self.told.panes, active, width, measure)])
        if self.told.place is not None:
            lines = bands.time_lines(self.told, self.size, measure) - 1
            captions = draw_caption(self.told.place, width, max(0, lines), measure)
            self._caption.show([on(Ground.SCREEN, line) for line in captions])
            self._scrub.show([on(Ground.SCREEN, draw_scrub(self.told.place, width, measure))])
        if self.footer.draft is not None:
            words = self._matches() if self.footer.prompt is FILTER else ""
            self.footer.show([self.footer.written(words, width)])
        elif self.dialog.sheet is not None:
            self.footer.show([bands.draw_answers(self.dialog.sheet.hints, self.notice, width, measure)])
        else:
            armed, keys = self.operator.armed, self.options.keys
            self.footer.show(
                [bands.draw_footer(self.ui, keys, self.notice, width, measure, told=self.told, armed=armed)]
            )

    def draw_header(self) -> None:
        """The header with its ages; when they did not change, nothing is painted."""
        now = clock.monotonic()
        silent = now - self.latest.received
        signal = bands.Signal(
            self.told.place,
            int(silent) if silent >= _SILENT_S and not self.latest.ended else None,
            self.latest.ended,
            *self.signs,
        )
        self._header.show([bands.draw_header(self.told.header, signal, self.options, self.size.width, measure)])

    def _matches(self) -> str:
        shown = sum(len(self.panes[key].rows) for key in PANE_KEYS)
        return parse(self.ui.query).error or f"{shown:,} of {sum(len(v.rows) for v in self.told.panes):,} rows"

    def on_resize(self) -> None:
        """A new size asks for other bands; panes draw themselves when their own size changes."""
        self._band.set(self._band_wanted(self.size))
        self.rearrange()
        self.show_picture()

    def repaint(self) -> None:
        """Paint every line, changed or not."""
        self.stain()
        self.draw_bands()
        for widget in self.query(Lines):
            widget.refresh()

    def came_back(self, away_s: float | None) -> None:
        """Paint everything after a stop, and say how long it was."""
        self.notice = "back" if away_s is None else f"back after {bands.span_of(int(away_s))}"
        self.repaint()

    # What the person does.

    def typed(self, event: events.Key | events.Paste) -> bool:
        """What is typed belongs to a dialog, else to what is written; whether it was taken."""
        return self.dialog.take(event) or super().typed(event)

    def action_redraw(self) -> None:
        """Everything again, for a terminal that others wrote on."""
        display = cast("BoardApp", self.app).differ
        if display is not None:
            display.forget()
        self.repaint()

    def action_suspend(self) -> None:
        """To the shell with the terminal restored; the board comes back with ``fg``."""
        self.app.action_suspend_process()

    def action_quit(self) -> None:
        """Leave, exit code 0."""
        cast("BoardApp", self.app).leave(0)

    def action_interrupt(self) -> None:
        """Leave, exit code 130."""
        cast("BoardApp", self.app).leave(130)

    def on_click(self, event: events.Click) -> None:
        """A click on a tab shows its pane, one on the line of levels goes to that time."""
        if self.dialog.is_open:
            return
        if event.widget is self._scrub and self.told.place is not None:
            at = scrubbed(self.told.place, self.size.width, event.x)
            if at is not None:
                self.wish(lambda cursor: cursor.seek(at))
        if event.widget is self._tabs and self._tabs.drawn:
            nth = bands.tab_under(self._tabs.drawn[0], event.x, measure)
            if nth is not None and nth < len(PANE_KEYS):
                self.change(
                    choices.focus_on(replace(self.ui, maximised=self.ui.maximised and PANE_KEYS[nth]), PANE_KEYS[nth])
                )

    def on_pane_pressed(self, message: Pane.Pressed) -> None:
        """A click moves the focus, a double click opens."""
        if self.overlay.is_open or self.dialog.is_open or message.pane is self.charts:
            return
        if message.pane.key in self.panes:
            self.change(choices.focus_on(self.ui, message.pane.key), layout=False)
        if message.opened:
            self.action_open()
