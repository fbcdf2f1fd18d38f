"""What the commands on tapes share: opening one, and its errors in one line each."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from unstick import __version__, clock
from unstick.board.board import Board
from unstick.cli.codes import BAD_TAPE, INPUT_OUTPUT, NO_INPUT, NO_PERMISSION, USAGE
from unstick.cli.complaint import complain
from unstick.facts.frame import Frame
from unstick.feeds.history import History
from unstick.feeds.replay import ReplayFeed
from unstick.settings import Context
from unstick.tape.meta import Meta, context_of, kept
from unstick.tape.moment import moment
from unstick.tape.reader import Tape
from unstick.tape.record import TapeError
from unstick.views.screen import Told
from unstick.views.tell import tell


class UsageError(Exception):
    """What was asked for can't be had of this tape."""


def with_tape(path: Path, command: Callable[[Tape], int]) -> int:
    """Run ``command`` on the tape at ``path``; the exit code. Nothing but its own results reaches standard output."""
    try:
        with Tape.open(path) as tape:
            _first(tape)
            return command(tape)
    except TapeError as error:
        complain(f"{path}: {error}; mend: {error.mend}")
        return BAD_TAPE
    except UsageError as error:
        complain(f"{path}: {error}; mend: choose a time on the tape")
        return USAGE
    except OSError as error:
        return io_error(path, error)


def _first(tape: Tape) -> None:
    if tape.playable(0) is None:
        raise TapeError("holds no frame that can be read", "see unstick verify")


def io_error(path: Path, error: OSError) -> int:
    """Complain of a file; the exit code."""
    reason = (error.strerror or str(error)).lower()
    match error:
        case FileNotFoundError() if not path.parent.is_dir():
            complain(f"{path}: no such directory; mend: mkdir {path.parent}")
            return NO_INPUT
        case FileNotFoundError():
            complain(f"{path}: no such file; mend: check the path")
            return NO_INPUT
        case IsADirectoryError():
            complain(f"{path}: is a directory; mend: name a tape in it")
            return NO_INPUT
        case PermissionError():
            complain(f"{path}: {reason}; mend: run as its owner")
            return NO_PERMISSION
        case _:
            complain(f"{path}: {reason}; mend: check the disk")
            return INPUT_OUTPUT


def at_moment(tape: Tape, text: str | None, default: float) -> float:
    """The instant that a person asked for. Raises :class:`UsageError`."""
    if text is None:
        return default
    try:
        return moment(text, tape.at(0), tape.at(len(tape) - 1))
    except ValueError as error:
        raise UsageError(str(error)) from error


def meta_of(context: Context, title: str = "") -> Meta:
    """The description of a tape that begins now."""
    return Meta(kept(context), writer=f"unstick {__version__}", pid=os.getpid(), started_at=clock.now(), title=title)


class ReplaySession:
    """The feed and the story of one tape, used by the engine's thread alone."""

    def __init__(self, feed: ReplayFeed) -> None:
        self.feed = feed
        self.context = context_of(feed.tape.meta.settings)
        self._history = History(feed.tape, self.context)

    def frames(self) -> AsyncGenerator[Frame, None]:
        """The Frames of the tape."""
        return self.feed.frames()

    def fold(self, frame: Frame) -> Board:
        """The board after ``frame``, which is the one that the feed gave out last."""
        board = self._history.board(self.feed.position)
        if board is None:
            raise TypeError(f"frame {frame.seq} is not on the tape")
        return board

    def tell(self, board: object) -> Told:
        """``board`` as a screen; it is what :meth:`fold` gave."""
        if not isinstance(board, Board):
            raise TypeError(f"not a board: {type(board).__name__}")
        return tell(board)
