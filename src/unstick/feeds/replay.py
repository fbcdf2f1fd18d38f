"""A tape as a feed: its Frames with the instants that they had, at the pace that is asked for.

Whoever holds the feed may pause, step and seek from any thread; the Frames come out of the engine's.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from collections.abc import AsyncGenerator
from typing import Literal

from unstick.facts.frame import Frame
from unstick.tape.reader import Tape

LEAST_S = 0.05
"""Between two Frames on the screen; at high speed those between are folded and not shown."""
LONGEST_S = 3.0
"""Of a pause in the recording, when it is played."""
REPEAT_S = 2.0
"""While time stands still the newest Frame is told again: a feed that is silent has lost its source."""
REWIND_S = 3.0
"""How long the last Frame stays before a loop begins again."""
POLL_S = 0.5
"""How often a tape that is still being written is looked at."""
SPEEDS = (0.1, 1000.0)

AtEnd = Literal["stop", "stay", "loop"]


class ReplayFeed:
    """Plays ``tape`` from ``at``. At its end: stop, stay at the last Frame, or begin again."""

    def __init__(self, tape: Tape, *, speed: float = 1.0, at: float | None = None, at_end: AtEnd = "stay") -> None:
        self.tape = tape
        self.position = tape.find(at) if at is not None else 0
        """The number of the newest Frame that was given out."""
        self.paused = False
        self.speed = min(max(speed, SPEEDS[0]), SPEEDS[1])
        self._at_end = at_end
        self._lock = threading.Lock()
        self._jump: int | None = None
        self._aim = self.position
        """Where the newest wish leads, be it on its way: two steps are two."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._since = 0.0

    def pause(self) -> None:
        """Let time stand still."""
        self.paused = True
        self._wake()

    def resume(self) -> None:
        """Let time go on; at the end of the tape from its beginning."""
        if self.position >= len(self.tape) - 1 and not self.tape.growing():
            self.go(0)
        self.paused = False
        self._wake()

    def step(self, frames: int) -> None:
        """Go so many Frames on or back, and stand still there."""
        self.paused = True
        self.go(self._aim + frames)

    def shift(self, seconds: float) -> None:
        """Go so many seconds on or back."""
        self.seek(self.tape.at(self._aim) + seconds)

    def seek(self, at: float) -> None:
        """Go to the newest Frame at or before ``at``."""
        self.go(self.tape.find(at))

    def go(self, number: int) -> None:
        """Go to a Frame by its number."""
        with self._lock:
            self._aim = self._jump = min(max(number, 0), len(self.tape) - 1)
        self._wake()

    def set_speed(self, speed: float) -> None:
        """Play ``speed`` times as fast as it was."""
        self.speed = min(max(speed, SPEEDS[0]), SPEEDS[1])
        self._wake()

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """Frames until the tape ends (``stop``) or the iterator is closed."""
        self._loop, self._changed = asyncio.get_running_loop(), asyncio.Event()
        number = self._readable(self.position, 1)
        while number is not None:
            frame = self.tape.frame(number)
            if number != self.position or not self._since:
                self.position, self._since = number, self._loop.time()
            with self._lock:
                self._aim = number if self._jump is None else self._aim
            if frame is not None:
                yield frame
            number = await self._next(number)

    def _wake(self) -> None:
        loop = self._loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(self._changed.set)
            except RuntimeError:
                self._loop = None  # the engine has ended

    async def _next(self, here: int) -> int | None:
        """The Frame to show next, when it is due; ``here`` again while time stands still, ``None`` at the end."""
        loop = asyncio.get_running_loop()
        repeat = loop.time() + REPEAT_S
        while True:
            self._changed.clear()
            jumped = self._take_jump(here)
            if jumped is not None:
                return jumped
            ahead, due = (None, math.inf) if self.paused else self._ahead(here)
            if ahead is None and due <= loop.time():
                return None
            if due <= loop.time():
                return ahead
            if repeat <= loop.time():
                return here
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(min(due, repeat, loop.time() + POLL_S)):
                    await self._changed.wait()

    def _ahead(self, here: int) -> tuple[int | None, float]:
        """The Frame after ``here`` and when it is due, by the clock of the loop; no Frame: the end."""
        ahead = here + 1
        if ahead >= len(self.tape) and not self.tape.refresh():
            if self._at_end == "loop":
                return self._readable(0, 1), self._since + REWIND_S
            return None, 0.0 if self._at_end == "stop" and not self.tape.growing() else math.inf
        ahead = max(ahead, self.tape.find(self.tape.at(here) + LEAST_S * self.speed))
        found = self._readable(ahead, 1)
        span = min(self.tape.at(ahead) - self.tape.at(here), max(LONGEST_S, LEAST_S * self.speed))
        return (found if found is not None else here), self._since + span / self.speed

    def _take_jump(self, here: int) -> int | None:
        with self._lock:
            jump, self._jump = self._jump, None
        if jump is None:
            return None
        step = 1 if jump >= here else -1
        found = self._readable(jump, step)
        return found if found is not None else self._readable(jump, -step)

    def _readable(self, number: int, step: int) -> int | None:
        return self.tape.playable(number, step)
