"""The Textual application: theme, engine, ordered exit. Everything else is on the board."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import Any

from rich.console import RenderableType
from textual.app import App
from textual.driver import Driver
from textual.message import Message

from unstick.feeds.base import Feed
from unstick.tui import terminal, themes
from unstick.tui.board import BoardScreen
from unstick.tui.engine import Engine, Story
from unstick.tui.options import BoardOptions
from unstick.tui.paint import Painter

INTERNAL_ERROR = 70


class Ready(Message):
    """The engine has news."""


class BoardApp(App[None], inherit_bindings=False):
    """Colours are written as the themes say them: Textual converts nothing (``ansi_color``)."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "unstick"

    def __init__(
        self, feed: Feed, story: Story, options: BoardOptions, driver_class: type[Driver] | None = None
    ) -> None:
        super().__init__(driver_class=driver_class, ansi_color=True)
        self.options = options
        self.engine = Engine(feed, story, self._wake)
        self.crash: BaseException | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self._names, self._fault = _suitable(options)
        self.painter = Painter(_load(self._names[0]), terminal.glyphs(os.environ, wanted_ascii=options.ascii))
        self.board = BoardScreen(options)
        self.set_keymap(dict(options.keys))

    def get_default_screen(self) -> BoardScreen:
        """The board is the only screen."""
        return self.board

    def on_mount(self) -> None:
        """Begin to collect once the screen is painted: importing drivers takes time."""
        self.loop = asyncio.get_running_loop()
        self.board.notice = self._fault
        self.call_after_refresh(self.engine.start)

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop of the screen has ended, the engine's will soon
            self.post_message(Ready())

    def on_ready(self, _message: Ready) -> None:
        """Show the newest picture; those that came between were never needed."""
        self.board.receive(self.engine.take())

    def next_theme(self) -> str:
        """Change to the next suitable theme; its title."""
        self._names = (*self._names[1:], self._names[0])
        self.painter = Painter(_load(self._names[0]), self.painter.glyphs)
        return self.painter.theme.title

    def leave(self, code: int) -> None:
        """End in order with an exit code; the first reason counts."""
        if not self._exit:
            self.exit(return_code=code)

    def leave_soon(self, code: int) -> None:
        """:meth:`leave` from a signal handler or another thread."""
        if self.loop is not None:
            self.loop.call_soon_threadsafe(self.leave, code)

    # Textual prints tracebacks with the values of locals, secrets among them; here the error is kept for the caller.

    def _handle_exception(self, error: Exception) -> None:
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self.panic()
        self.crash = self._exception

    def panic(self, *renderables: RenderableType) -> None:
        """End at once; nothing is printed over the screen."""
        del renderables
        self.crash = self.crash or RuntimeError("the terminal could not be read")
        self._return_code = INTERNAL_ERROR
        self._close_messages_no_wait()


def _suitable(options: BoardOptions) -> tuple[tuple[str, ...], str]:
    """Theme names in the order of the key, the wanted one first, and a notice when that cannot be had."""
    wanted_none = terminal.no_color(os.environ) if options.no_color is None else options.no_color
    if wanted_none:
        return ("mono",), ""
    if terminal.few_colors(os.environ):
        return ("mono", "terminal") if options.theme == "mono" else ("terminal", "mono"), ""
    names = themes.SHIPPED
    if options.theme not in names:
        return names, f"there is no theme '{options.theme}'"
    place = names.index(options.theme)
    return (*names[place:], *names[:place]), ""


def _load(name: str) -> themes.Theme:
    return themes.load(name)


def driver_of(app: App[Any]) -> Driver | None:
    """The terminal driver, for tests that read what was written."""
    return app._driver  # noqa: SLF001 - Textual has no public name for it
