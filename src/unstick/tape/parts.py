"""A recording that went on in further files, as one reel; a recording in one file is the simplest of them."""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from unstick.tape.event import Event
from unstick.tape.meta import Meta
from unstick.tape.reader import Tape
from unstick.tape.record import Header, TapeError
from unstick.tape.reel import Reel


def part_path(path: Path, part: int) -> Path:
    """Where part ``part`` (from 1) of the recording at ``path`` is."""
    return path if part == 1 else path.with_name(f"{path.stem}.{part:06}{path.suffix}")


def oldest(path: Path) -> Path:
    """The first part of the recording at ``path`` that was not let go of yet; ``path`` where there is none."""
    if path.exists():
        return path
    others = sorted(path.parent.glob(f"{path.stem}.[0-9][0-9][0-9][0-9][0-9][0-9]{path.suffix}"))
    return others[0] if others else path


class Parts(Reel):
    """All parts of one recording that are there, also those that are still to come."""

    def __init__(self, path: Path, tape: Tape) -> None:
        super().__init__()
        self.path = path
        self.meta: Meta = tape.meta
        self._tapes: list[Tape] = []
        self._starts: list[int] = []
        self._noted: list[Event] = []
        self._events: list[Event] = []
        self._take(tape)
        while self._next():
            pass

    @classmethod
    def open(cls, path: Path) -> Parts:
        """The recording that begins at ``path``, or what is left of it; a later part alone. Raises as a tape does."""
        first = oldest(path)
        tape = Tape.open(first)
        try:
            return cls(path, tape)
        except BaseException:
            tape.close()
            raise

    def close(self) -> None:
        """Part from the files."""
        for tape in self._tapes:
            tape.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def tapes(self) -> Sequence[Tape]:
        """The parts, in order."""
        return self._tapes

    def growing(self) -> bool:
        """Whether a writer holds the last part."""
        return self._tapes[-1].growing()

    @property
    def trouble(self) -> str | None:
        """What happened to the files meanwhile."""
        return next((tape.trouble for tape in self._tapes if tape.trouble), None)

    def refresh(self) -> int:
        """Take in what was written since, also to a part that is new; how many Frames that were."""
        before = len(self)
        self._tapes[-1].refresh()
        self._extend()
        while self._next():
            pass
        return len(self) - before

    def _next(self) -> bool:
        """Take in the part behind the last one; whether there is one."""
        last = self._tapes[-1]
        with contextlib.suppress(OSError, TapeError):
            tape = Tape.open(part_path(self.path, last.meta.part + 1))
            if tape.meta.part == last.meta.part + 1 and tape.meta.pid == last.meta.pid:
                self._take(tape)
                return True
            tape.close()
        return False

    def _take(self, tape: Tape) -> None:
        self._starts.append(len(self))
        self._tapes.append(tape)
        self._extend()

    def _extend(self) -> None:
        """Take in the Frames of the last part that are new."""
        start, tape = self._starts[-1], self._tapes[-1]
        for number in range(len(self) - start, len(tape)):
            if tape.key(number) == number:
                self._keys.append(start + number)
            self._times.append(max(tape.at(number), self._times[-1] if self._times else 0.0))

    def _place(self, number: int) -> tuple[Tape, int]:
        part = bisect_right(self._starts, number) - 1
        return self._tapes[part], number - self._starts[part]

    def events(self) -> Sequence[Event]:
        """What happened beside the facts, in order of time."""
        found = [event for tape in self._tapes for event in tape.events()] + self._noted
        if len(found) != len(self._events):
            self._events = sorted(found, key=lambda event: event.at)
        return self._events

    def note(self, event: Event) -> None:
        """Remember what happened, for as long as this is open; the files stay as they are."""
        self._noted.append(event)

    def record(self, number: int) -> tuple[Header, bytes]:
        """Header and payload of a Frame's record."""
        tape, place = self._place(number)
        return tape.record(place)

    def spoil(self, number: int, what: str) -> None:
        """Remember that the record of a Frame is damaged."""
        tape, place = self._place(number)
        tape.spoil(place, what)

    def damages(self) -> list[tuple[float, str]]:
        """What was found damaged so far: the instant from which on, and how."""
        return [(tape.affected(damage)[0], damage.what) for tape in self._tapes for damage in tape.damages]
