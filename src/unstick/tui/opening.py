"""The terminal while Textual is not loaded: pictures drawn without it; and the terminal, given back for sure."""

from __future__ import annotations

import os
import sys
import threading

from unstick.tui import first
from unstick.tui.leaving import Leaving

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from unstick.tui.bare import Run
    from unstick.tui.options import BoardOptions
    from unstick.tui.shadow import Shadow
    from unstick.tui.sketch import Sketch
    from unstick.tui.tty import Tty
    from unstick.views.screen import Told

_CLEAR = b"\x1b[m\x1b[2J"


class Opening:
    """Between :meth:`enter` and :meth:`exit` the terminal is the board's; whatever happens, it is given back.

    ``tty`` was entered, and ``picture`` or ``bare`` frames stand on it; it is ``None`` where the terminal cannot be
    opened once more: then nothing is drawn here, and Textual does as it always does. Until ``leave`` is set, the
    program ends at once when it is asked to: nothing is running yet that could not be left.
    """

    def __init__(self, tty: Tty | None = None, picture: bytes = b"", bare: Sequence[Run] = ()) -> None:
        self.tty = tty
        self.leave: Callable[[int], None] = self._leave_at_once
        self.stale = False
        """The terminal has another size now, or had one for a while: nobody knows what it shows."""
        self._stands, self._bare = picture, bare
        self._draws = True
        self._sketch: Sketch | None = None
        self._drawing = threading.Lock()
        self._leaving = Leaving(self._leave, self._restore)

    def enter(self) -> None:
        """Watch the terminal."""
        self._leaving.enter()
        if self.tty is None:
            self._leaving.learn()
        self._send(b"")

    def exit(self) -> None:
        """Give the terminal back as it was."""
        self.give_up()
        self._leaving.exit()

    def give_up(self) -> None:
        """Leave the terminal to Textual's own driver, or to the shell."""
        with self._drawing:
            self._sketch, self._draws = None, False
            if self.tty is not None:
                self.tty.close()
                self._leaving.learn()
            self.tty = None

    def ask(self, code: int) -> None:
        """Leave, as a signal wants it."""
        self._leaving.ask(code)

    def hurry(self, code: int) -> None:
        """From now on the program must end; see :class:`Leaving`."""
        self._leaving.hurry(code)

    def draw(self, options: BoardOptions) -> None:
        """The empty board; no byte is sent when it stands there already."""
        from unstick.tui.sketch import Sketch  # noqa: PLC0415 - what is remembered is shown before this is loaded

        with self._drawing:
            if self.tty is None or self._sketch is not None:
                return
            self._sketch = Sketch(options, *self.tty.size())
            picture = self._sketch.empty()
            if picture != self._stands or self.stale:
                self._send(self._sketch.over(self._bare) if self._bare and not self.stale else _CLEAR + picture)
                self.stale = False
                first.keep(picture)

    def show(self, told: Told) -> None:
        """Draw ``told``, from any thread, unless the terminal is busy or handed over.

        What cannot be drawn is not: the board will find out why, and say so.
        """
        with self._drawing:
            if self._sketch is None or self.tty is None or not self.tty.flush():
                return
            try:
                if self.stale:
                    self.stale = False
                    self._sketch.shadow.resize(*self.tty.size())
                self._send(self._sketch.draw(told))
            except Exception:  # noqa: BLE001 - this is not the place where it is told
                self._sketch.shadow.forget()

    def _send(self, data: bytes) -> None:
        if self.tty is not None and not self.tty.send(data):
            threading.Thread(target=self._push, name="unstick-opening", daemon=True).start()

    def _push(self) -> None:
        """Send the rest as the terminal takes it: nobody else waits for it yet."""
        while (tty := self.tty) is not None:
            ready = tty.ready()
            with self._drawing:
                if not self._draws or (ready and tty.flush()):
                    return

    def hand_over(self) -> Shadow | None:
        """What stands on the terminal; from now on nothing is drawn here."""
        with self._drawing:
            sketch, self._sketch, self._draws = self._sketch, None, False
            return sketch.shadow if sketch is not None else None

    def _restore(self) -> bool:
        if self.tty is None:
            return False
        self.tty.leave()
        return True

    def _leave(self, code: int) -> None:
        self.leave(code)

    def _leave_at_once(self, code: int) -> None:
        self._restore()
        sys.stderr.flush()
        os._exit(code)
