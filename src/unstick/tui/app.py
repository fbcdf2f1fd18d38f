"""The Textual application: theme, engine, ordered exit. Everything else is on the board."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections.abc import Callable
from contextlib import suppress

from rich.console import RenderableType
from textual import events
from textual.driver import Driver
from textual.message import Message

from unstick import clock
from unstick.tui import terminal
from unstick.tui.asking import Inspect
from unstick.tui.board import BoardScreen
from unstick.tui.display import Display
from unstick.tui.driver import TtyDriver
from unstick.tui.engine import Engine, Wish
from unstick.tui.opening import Opening
from unstick.tui.operator import Operator
from unstick.tui.options import BoardOptions
from unstick.tui.paint import Painter
from unstick.tui.private import PrivateApp, driver_of, misfit
from unstick.tui.wardrobe import Wardrobe

log = logging.getLogger(__name__)
INTERNAL_ERROR = 70
_SLOW_S = 5.0
"""How often a thin line gets news."""
_HURRY_S = 1.0
"""So long after a wish it gets all of them."""


class NewsCame(Message):
    """The engine has news."""


class ActionCame(Message):
    """The action under way has come further."""


class AnswerCame(Message):
    """Somebody who was asked by hand has answered: ``show`` is to be called by the screen."""

    def __init__(self, show: Callable[[], None]) -> None:
        super().__init__()
        self.show = show


_GARBAGE = (1000, 5, 2)
"""Small collections often: what was painted is garbage in circles, and all of it at once is a pause that is felt."""


class BoardApp(PrivateApp, inherit_bindings=False):
    """Colours are written as the themes say them: Textual converts nothing (``ansi_color``).

    ``opening`` has the terminal and what already stands on it; without, Textual's own driver takes the terminal.
    """

    ENABLE_COMMAND_PALETTE = False
    TITLE = "unstick"

    def __init__(
        self,
        engine: Engine,
        options: BoardOptions,
        opening: Opening | None = None,
        driver_class: type[Driver] | None = None,
        operator: Operator | None = None,
        inspect: Inspect | None = None,
    ) -> None:
        super().__init__(driver_class=driver_class, ansi_color=True)
        self.options = options
        self.engine = engine
        self.operator = operator or Operator(engine, None)
        self.inspect = inspect
        """What asks a Celery worker by hand; ``None`` where nobody can be asked."""
        self.loop: asyncio.AbstractEventLoop | None = None
        self._opening = opening
        self._shown_at: float | None = None
        self._hurried_until = 0.0
        self.wardrobe = Wardrobe(options.theme, os.environ, production=options.production, no_color=options.no_color)
        self.painter = Painter(self.wardrobe.worn, terminal.glyphs(os.environ, wanted_ascii=options.ascii))
        self.board = BoardScreen(options, engine.take())
        self.set_keymap(dict(options.keys))
        if opening is not None:
            self._take_over(opening)

    def _take_over(self, opening: Opening) -> None:
        shadow = opening.hand_over()
        if opening.tty is None or shadow is None:
            return
        if reason := misfit(self):
            log.warning("Textual's own display is used: %s", reason)
            opening.give_up()
            return
        tty = self.tty = opening.tty
        self.driver_class = TtyDriver
        self.differ = Display(shadow, terminal.depth(os.environ), self._send, lambda: not tty.waiting)

    def _send(self, data: bytes) -> None:
        driver = driver_of(self)
        if isinstance(driver, TtyDriver):
            driver.show(data)

    def get_default_screen(self) -> BoardScreen:
        """The board is the only screen."""
        return self.board

    def on_mount(self) -> None:
        """Follow the engine once the screen is painted."""
        self.loop = asyncio.get_running_loop()
        if self.differ is not None and self._opening is not None and self._opening.stale:
            self.differ.forget()
        self.board.notice = self.wardrobe.notice
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        gc.freeze()
        gc.set_threshold(*_GARBAGE)
        gc.enable()
        self.engine.wake = self._wake
        self._show_newest()
        self.run_worker(self.board.check_themes(), exit_on_error=False)
        self.operator.changed = lambda: self._post(ActionCame())
        self.operator.recover()

    def _wake(self) -> None:
        self._post(NewsCame())

    def _post(self, message: Message) -> None:
        with suppress(RuntimeError):  # the loop of the screen has ended, the engine's will soon
            self.post_message(message)

    def post_answer(self, show: Callable[[], None]) -> None:
        """Have ``show`` called in the screen's loop; from the engine's."""
        self._post(AnswerCame(show))

    def on_answer_came(self, message: AnswerCame) -> None:
        """Show it, also on a thin line."""
        self._hurried_until = clock.monotonic() + _HURRY_S
        message.show()

    def on_action_came(self, _message: ActionCame) -> None:
        """Show what the action under way has come to."""
        self._hurried_until = clock.monotonic() + _HURRY_S
        self.board.follow_action()

    def on_news_came(self, _message: NewsCame) -> None:
        """Show the newest picture; those that came between were never needed.

        While the terminal is busy the news stay where they are: :meth:`caught_up` fetches the newest.
        """
        if self.differ is not None and not self.differ.ready:
            return
        if self.options.slow and self._shown_at is not None and clock.monotonic() > self._hurried_until:
            rest = self._shown_at + _SLOW_S - clock.monotonic()
            if rest > 0:
                self.set_timer(rest, self._show_newest)
                return
        self._show_newest()

    def _show_newest(self) -> None:
        news = self.engine.take()
        self._shown_at = clock.monotonic() if news.told is not None else None
        self.board.receive(news)

    def wish(self, wish: Wish) -> None:
        """Ask the cursor of what is played; what comes of it is shown at once, also on a thin line."""
        self._hurried_until = clock.monotonic() + _HURRY_S
        if self.options.slow:
            self.engine.take()  # what waits for its turn on the line does not keep the answer from waking
        self.engine.ask(wish)

    # What the driver asks for.

    def caught_up(self) -> None:
        """The terminal took the last frame: show what came meanwhile."""
        if self.is_running and not self.leaving:
            self.board.compose_held()
            if self.engine.announced:
                self.post_message(NewsCame())

    def typed(self, event: events.Key | events.Paste) -> bool:
        """What was typed belongs to the filter while one is written."""
        return self.board.typed(event)

    def came_back(self, away_s: float | None) -> None:
        """The program was stopped and goes on: the terminal shows something else now."""
        if self.differ is not None:
            self.differ.forget()
        self.board.came_back(away_s)

    def dress(self) -> None:
        """Paint everything in the theme that is worn now."""
        self.painter = Painter(self.wardrobe.worn, self.painter.glyphs)
        self.board.repaint()

    def write(self, data: bytes) -> None:
        """Send a sequence to the terminal between two frames."""
        driver = driver_of(self)
        if isinstance(driver, TtyDriver):
            driver.send(data)
        elif driver is not None:
            driver.write(data.decode())

    def leave(self, code: int) -> None:
        """End in order with an exit code; the first reason counts. The terminal is given back before all else."""
        if not self.leaving:
            self.engine.part()
            if self._opening is not None:
                self._opening.hurry(code)
            self.exit(return_code=code)
            driver = driver_of(self)
            if isinstance(driver, TtyDriver):
                driver.stop_application_mode()

    def leave_soon(self, code: int) -> None:
        """:meth:`leave` from a signal handler or another thread; the engine need not wait for the screen."""
        self.engine.part()
        if self.loop is not None:
            self.loop.call_soon_threadsafe(self.leave, code)

    def panic(self, *renderables: RenderableType) -> None:
        """End at once; nothing is printed over the screen."""
        del renderables
        self.crash = self.crash or RuntimeError("the terminal could not be read")
        self.end_at_once(INTERNAL_ERROR)
