"""Who has the terminal: from the first picture, which is shown before anything is loaded, until it is given back.

Imported by every command, so that a complaint never lands on a picture: it loads next to nothing itself.
"""

from __future__ import annotations

import gc
import os

from unstick.tui import bare, remembered

try:
    # What the signal module wraps: without its enums it is there at once.
    from _signal import signal as _set  # type: ignore[import-not-found]
except ImportError:
    from signal import signal as _set

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from unstick.tui.bare import Run
    from unstick.tui.opening import Opening
    from unstick.tui.tty import Tty

_ENDS = (15, 1, 2, 3)
"""SIGTERM, SIGHUP, SIGINT and SIGQUIT end the program in order."""
_NEW_SIZE = 28
"""SIGWINCH."""


class _Now:
    """What stands on the terminal, and how signals were handled before."""

    key = b""
    picture = b""
    """What the terminal shows; empty: that is not known."""
    bare: Sequence[Run] = ()
    """The frames that it shows instead."""
    tty: Tty | None = None
    opening: Opening | None = None

    def __init__(self) -> None:
        self.handlers: dict[int, Any] = {}


_now = _Now()


def begin(arguments: Sequence[str]) -> None:
    """Show what such a start showed the last time, if it showed a board; bare frames where none is remembered."""
    if not all(map(os.isatty, (0, 1, 2))):
        return
    try:
        size = os.get_terminal_size(0)
    except OSError:
        return
    _now.key = remembered.key(arguments, (size.columns, size.lines), os.environ)
    _now.picture = remembered.recall(_now.key, os.environ)
    picture = _now.picture
    if not picture:
        _now.bare = bare.runs(arguments, size, os.environ)
        picture = bare.painted(_now.bare)
    if picture:
        gc.disable()  # nothing that is imported from here on becomes garbage
        _take(picture)


def stand() -> Opening:
    """The terminal is the board's from now on, if it was not before."""
    if _now.opening is None:
        from unstick.tui.opening import Opening  # noqa: PLC0415 - other commands need none of it

        if _now.tty is None:
            _take()
        _now.opening = Opening(_now.tty, _now.picture, _now.bare)
        _now.opening.enter()
    return _now.opening


def keep(picture: bytes) -> None:
    """Show ``picture`` the next time that a start like this one begins."""
    if _now.key:
        remembered.keep(_now.key, picture, os.environ)


def give_back() -> None:
    """The terminal is the shell's again; without a board nothing happens."""
    opening, tty, _now.opening, _now.tty = _now.opening, _now.tty, None, None
    if opening is not None:
        opening.exit()
    elif tty is not None:
        tty.close()
    gc.enable()
    for number, handler in _now.handlers.items():
        _set(number, handler)
    _now.handlers.clear()


def _take(picture: bytes = b"") -> None:
    from unstick.tui.tty import Tty  # noqa: PLC0415 - other commands need none of it

    for number in _ENDS:
        _now.handlers[number] = _set(number, _on_end)
    _now.handlers[_NEW_SIZE] = _set(_NEW_SIZE, _on_size)
    _now.tty = Tty.open()
    if _now.tty is not None:
        _now.tty.enter()
        _now.tty.send(picture)


def _on_size(_number: int, _frame: object) -> None:
    """Whoever draws next draws everything."""
    _now.picture, _now.bare = b"", ()
    if _now.opening is not None:
        _now.opening.stale = True


def _on_end(number: int, _frame: object) -> None:
    """End in order; before anything runs that could be ended in order, end at once."""
    if _now.opening is not None:
        _now.opening.ask(128 + number)
        return
    if _now.tty is not None:
        _now.tty.leave()
    os._exit(128 + number)
