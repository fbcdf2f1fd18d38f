"""What the commands on tapes share: opening one, and its errors in one line each."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

from unstick import __version__, clock
from unstick.cli.codes import BAD_TAPE, INPUT_OUTPUT, NO_INPUT, NO_PERMISSION, USAGE
from unstick.cli.complaint import complain
from unstick.settings import Context
from unstick.tape.meta import Meta, kept
from unstick.tape.moment import moment
from unstick.tape.parts import Parts
from unstick.tape.record import TapeError


class UsageError(Exception):
    """What was asked for can't be had of this tape."""


def with_tape(path: Path, command: Callable[[Parts], int]) -> int:
    """Run ``command`` on all parts of the tape at ``path``; the exit code. Only its results reach standard output."""
    try:
        with Parts.open(path) as tape:
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


def _first(tape: Parts) -> None:
    if tape.playable(tape.first) is None:
        raise TapeError("holds no frame that can be read", "see unstick verify")


def io_error(path: Path, error: OSError) -> int:
    """Complain of a file; the exit code."""
    reason = (error.strerror or str(error)).lower()
    match error:
        case FileNotFoundError() if not path.parent.is_dir():
            told, code = f"no such directory; mend: mkdir {path.parent}", NO_INPUT
        case FileNotFoundError():
            told, code = "no such file; mend: check the path", NO_INPUT
        case IsADirectoryError():
            told, code = "is a directory; mend: name a tape in it", NO_INPUT
        case OSError(errno=errno.ESPIPE):
            told, code = "is a pipe; mend: name a file", NO_INPUT
        case PermissionError():
            told, code = f"{reason}; mend: run as its owner", NO_PERMISSION
        case FileExistsError() | NotADirectoryError():
            told, code = f"{reason}; mend: choose another name", INPUT_OUTPUT
        case _:
            told, code = f"{reason}; mend: check the disk", INPUT_OUTPUT
    complain(f"{path}: {told}")
    return code


def at_moment(tape: Parts, text: str | None, default: float) -> float:
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
