"""A folder of tapes that one may choose from."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import msgspec

from unstick.tape.reader import Tape
from unstick.tape.record import TapeError

SUFFIX = ".tape"


class Title(msgspec.Struct, frozen=True):
    """``length_s`` is ``None`` where the tape can't be played; then ``text`` says why."""

    name: str
    length_s: float | None
    text: str


class Shelf:
    """The tapes of ``folder``, by their names without the suffix."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def titles(self) -> tuple[Title, ...]:
        """What there is, in order of the names."""
        return tuple(map(self._title, self.names))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What can be asked for."""
        return tuple(sorted(path.name.removesuffix(SUFFIX) for path in self.folder.glob(f"*{SUFFIX}")))

    def path(self, name: str) -> Path:
        """Where a tape is."""
        return self.folder / f"{name}{SUFFIX}"

    def open(self, name: str) -> Tape:
        """A tape. Raises what :meth:`Tape.open` does."""
        return Tape.open(self.path(name))

    def _title(self, name: str) -> Title:
        try:
            with self.open(name) as tape:
                length_s = tape.at(tape.last) - tape.at(tape.first) if len(tape) else 0.0
                return Title(name, length_s, tape.meta.title)
        except (TapeError, OSError) as error:
            return Title(name, None, f"can't be played: {error}")
