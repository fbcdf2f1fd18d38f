"""What a board sees goes to a tape as well: in order, and without the board ever waiting for the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec

from unstick.facts.frame import Frame
from unstick.facts.text import clean
from unstick.facts.units import size
from unstick.tape.event import GAP, Event
from unstick.tape.record import TapeError
from unstick.tape.writer import Writer

WAITING = 120
"""Frames that wait for a slow disk; what comes then is a gap."""
END_S = 0.7
"""How long the end waits for the disk."""


class Recording(msgspec.Struct, frozen=True):
    """``path`` and what is on it; ``trouble`` is why nothing is recorded now."""

    path: str
    frames: int
    bytes: int
    trouble: str | None = None


class Recorder:
    """One tape after the other, each made by ``opened``. The writer is used by one call at a time, in threads."""

    def __init__(self, opened: Callable[[], Writer]) -> None:
        self._opened = opened
        self._writer: Writer | None = None
        self._waiting: asyncio.Queue[Frame | Event | None] = asyncio.Queue(WAITING)
        self._task: asyncio.Future[None] | None = None
        self._starts = False
        self._lost_at: float | None = None
        self._lost_until = 0.0
        self.finished: list[Recording] = []
        """Tapes that were closed."""

    @property
    def now(self) -> Recording | None:
        """What is being recorded."""
        return None if self._writer is None else _told(self._writer, lost=self._lost_at is not None)

    async def toggle(self) -> str:
        """Begin or end a tape; what came of it, in words."""
        if self._starts:
            return "one moment"
        if self._writer is not None:
            await self.stop()
            last = self.finished[-1]
            return f"recorded {last.frames} frames, {size(last.bytes)}: {_short(last.path)}"
        self._starts = True
        try:
            self._writer = await asyncio.to_thread(self._opened)
        except (OSError, TapeError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            return f"cannot record: {clean(reason or type(error).__name__, 120)}"
        finally:
            self._starts = False
        self._waiting, self._lost_at = asyncio.Queue(WAITING), None
        self._task = asyncio.ensure_future(self._work(self._writer, self._waiting))
        return f"recording to {_short(str(self._writer.path))}"

    def frame(self, frame: Frame) -> None:
        """Take in the next Frame, if a tape is being made."""
        if self._writer is None:
            return
        if self._waiting.full():
            self._lost_at, self._lost_until = self._lost_at or frame.at, frame.at
            return
        self._name_gap(frame.at)
        self._put(frame)

    def _name_gap(self, at: float) -> None:
        if self._lost_at is not None:
            details = {"since": self._lost_at, "until": at}
            self._lost_at = None
            self.event(Event(GAP, at, "nothing recorded: the disk is too slow", details))

    def event(self, event: Event) -> bool:
        """Take in what happened; whether a tape is being made."""
        if self._writer is None or self._waiting.full():
            return False
        self._put(event)
        return True

    def _put(self, what: Frame | Event) -> None:
        if not self._waiting.full():
            self._waiting.put_nowait(what)

    async def stop(self) -> None:
        """End the tape in order, as far as the disk lets."""
        writer, task = self._writer, self._task
        if writer is None or task is None:
            return
        self._name_gap(self._lost_until)
        ended = asyncio.ensure_future(self._waiting.put(None))
        await asyncio.wait([ended, task], timeout=END_S, return_when=asyncio.ALL_COMPLETED)
        self._writer, self._task = None, None
        self.finished.append(_told(writer, lost=False))

    async def _work(self, writer: Writer, waiting: asyncio.Queue[Frame | Event | None]) -> None:
        while (what := await waiting.get()) is not None:
            if isinstance(what, Frame):
                await asyncio.to_thread(writer.frame, what)
            else:
                await asyncio.to_thread(writer.event, what)
        await asyncio.to_thread(writer.close)


def _told(writer: Writer, *, lost: bool) -> Recording:
    trouble = writer.trouble or ("the disk is too slow" if lost else None)
    return Recording(str(writer.path), writer.frames, writer.size, trouble)


def _short(path: str) -> str:
    home = str(Path.home())
    return f"~{path.removeprefix(home)}" if path.startswith(f"{home}/") else path
