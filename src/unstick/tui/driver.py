"""Keys in, bytes out, signals between: a Textual driver on the event loop, without threads and without waiting."""

from __future__ import annotations

import codecs
import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Protocol, cast

from textual import events
from textual.app import App
from textual.driver import Driver
from textual.geometry import Size
from textual.message import Message

from unstick import clock
from unstick.tui.private import EscapeParser
from unstick.tui.tty import Tty

_LISTEN = "\x1b[?2004h\x1b[?2026$p"
"""Pasted text comes in brackets; the terminal is asked whether it can hold a frame until it is whole."""
_MOUSE = "\x1b[?1000h\x1b[?1006h"
"""Buttons and wheel. Moves are not asked for: each would be a message over the line, to no effect."""
_ESCAPE_S = 0.11
"""When nothing follows, it was the escape key: a little longer than the parser itself waits."""


class Owner(Protocol):
    """The app, as far as the driver knows it."""

    tty: Tty

    def leave(self, code: int) -> None:
        """End in order."""

    def caught_up(self) -> None:
        """The terminal took everything."""

    def came_back(self, away_s: float | None) -> None:
        """The program was stopped and goes on; ``None``: for how long is not known."""


class TtyDriver(Driver):
    """The terminal may have been entered before; then it is not cleared again."""

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        self.owner = cast("Owner", app)
        self.tty = self.owner.tty
        super().__init__(app, debug=debug, mouse=mouse, size=size or self.tty.size())
        self._parser = EscapeParser()
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._away = False

    @property
    def can_suspend(self) -> bool:
        """It can: :meth:`suspend`."""
        return True

    def write(self, data: str) -> None:
        """Send ``data``, now or when the terminal takes it."""
        self.send(data.encode())

    def send(self, data: bytes) -> None:
        """Send ``data``, now or when the terminal takes it."""
        if not self.tty.send(data):
            self._loop.add_writer(self.tty.fd, self._go_on)

    def show(self, frame: bytes) -> None:
        """Send a frame, and hear when the terminal shows it."""
        if not self.tty.ask(frame):
            self._loop.add_writer(self.tty.fd, self._go_on)

    def _go_on(self) -> None:
        if self.tty.flush():
            self._loop.remove_writer(self.tty.fd)
            self._caught_up()

    def _caught_up(self) -> None:
        if not self.tty.waiting:
            self.owner.caught_up()

    def start_application_mode(self) -> None:
        """Take the terminal, if it was not taken before, and listen to it."""
        self.tty.enter()
        self._loop.add_reader(self.tty.fd, self._read)
        for number, handler in (
            (signal.SIGWINCH, self._resized),
            (signal.SIGTSTP, self.suspend),
            (signal.SIGCONT, self._continued),
        ):
            self._loop.add_signal_handler(number, handler)
        self._listen()
        self._resized()

    def _listen(self) -> None:
        self.show((_LISTEN + (_MOUSE if self._mouse else "")).encode())

    def disable_input(self) -> None:
        """Listen no more."""
        with suppress(RuntimeError):
            self._loop.remove_reader(self.tty.fd)
            self._loop.remove_writer(self.tty.fd)
            for number in (signal.SIGWINCH, signal.SIGTSTP, signal.SIGCONT):
                self._loop.remove_signal_handler(number)

    def stop_application_mode(self) -> None:
        """Give the terminal back."""
        self.disable_input()
        self.tty.leave()

    def send_message(self, message: Message) -> None:
        """To the app: this is its thread."""
        self._app.post_message(message)

    def _read(self) -> None:
        data = self.tty.read()
        if data is None:
            self._loop.remove_reader(self.tty.fd)
            self.owner.leave(128 + signal.SIGHUP)
            return
        waited = self.tty.waiting
        self._typed(self.tty.receipts.sift(data))
        if waited:
            self._caught_up()

    def _typed(self, data: bytes) -> None:
        if text := self._decode(data):
            self._pass_on(self._parser.feed(text))
        self._loop.call_later(_ESCAPE_S, self._tick)

    def _tick(self) -> None:
        if rest := self.tty.receipts.rest():
            self._typed(rest)
        else:
            self._pass_on(self._parser.tick())

    def _pass_on(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.process_message(message)

    def _resized(self) -> None:
        size = Size(*self.tty.size())
        self._app.post_message(events.Resize(size, size))

    def suspend(self) -> None:
        """Stop the whole job, as Ctrl+Z does in other programs, and take the terminal again with ``fg``.

        Where no shell could continue it (the only program of an SSH session) the kernel does not stop it.
        """
        began = clock.monotonic()
        self.stop_application_mode()
        os.killpg(os.getpgrp(), signal.SIGTSTP)
        away_s = clock.monotonic() - began
        self.start_application_mode()
        self.owner.came_back(away_s)

    def _continued(self) -> None:
        """Continued after a stop that could not be caught: the shell has changed the modes meanwhile."""
        self.tty.leave()
        self.tty.enter()
        self._listen()
        self.owner.came_back(None)
