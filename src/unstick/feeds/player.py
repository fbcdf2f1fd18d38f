"""A place in the time of a reel: which Frame is due next, at the pace that is asked for; for one loop alone."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncGenerator
from typing import Literal

from unstick.tape.reel import Reel

LEAST_S = 0.05
"""Between two Frames on the screen; at high speed those between are folded and not shown."""
LONGEST_S = 3.0
"""Of a pause in the recording, when it is played."""
LATE_S = 1.0
"""What was lost by waiting for others is caught up to this extent."""
REPEAT_S = 2.0
"""While nothing comes and time stands still the Frame is told again: a feed that is silent has lost its source."""
REWIND_S = 3.0
"""How long the last Frame stays before a loop begins again."""
POLL_S = 0.5
"""How often a reel that may grow is looked at."""
SPEEDS = (1 / 16, 1024.0)

AtEnd = Literal["stop", "stay", "loop"]


class Player:
    """Gives out the numbers of the Frames of ``reel``, from ``at`` on, or (``follow``) from the newest.

    At the end of a reel that grows it follows what comes, without delay; at the end of a finished one it stops, stays
    at the last Frame, or begins again.
    """

    def __init__(
        self,
        reel: Reel,
        *,
        speed: float = 1.0,
        at: float | None = None,
        at_end: AtEnd = "stay",
        follow: bool = False,
    ) -> None:
        self.reel = reel
        self.position = reel.find(at) if at is not None and len(reel) else reel.first
        """The number of the newest Frame that was given out."""
        self.paused = False
        self.speed = min(max(speed, SPEEDS[0]), SPEEDS[1])
        self.at_end = at_end
        self.jumped = True
        """Whether the newest Frame that was given out is elsewhere, not the next one."""
        self._jump: int | None = None
        self._aim = self.position
        self._follow = follow
        self._held = False
        self._stir = False
        self._changed = asyncio.Event()
        self._since = 0.0
        self._error: BaseException | None = None
        self._ended = False

    @property
    def wanted(self) -> int | None:
        """Where a wish leads that was not fulfilled yet."""
        return self._jump

    @property
    def aim(self) -> int:
        """Where the newest wish leads, be it on its way: two steps are two."""
        return self._aim

    @property
    def following(self) -> bool:
        """Whether the newest Frame is shown, and the next one will be."""
        return not self.paused and self._aim >= self.reel.last - 1 and self.reel.growing()

    @property
    def over(self) -> bool:
        """Whether it stays at the end of what will not grow any more."""
        return self.at_end != "loop" and self._aim >= self.reel.last and not self.reel.growing()

    def pause(self) -> None:
        """Let time stand still."""
        self._held, self.paused = self.following, True
        self.stir()

    def resume(self) -> None:
        """Let time go on from here; with the newest Frame, if one stood still there; at the end, anew."""
        if self._held:
            self.go(self.reel.last)
        elif self._aim >= self.reel.last and not self.reel.growing():
            self.go(self.reel.first)
        self._held = self.paused = False
        self.stir()

    def step(self, frames: int) -> None:
        """Go so many Frames on or back, and stand still there."""
        self.paused = True
        self.go(self._aim + frames)

    def shift(self, seconds: float) -> None:
        """Go so many seconds on or back."""
        self.seek(self.reel.at(max(self._aim, self.reel.first)) + seconds)

    def seek(self, at: float) -> None:
        """Go to the newest Frame at or before ``at``."""
        self.go(self.reel.find(at))

    def go(self, number: int) -> None:
        """Go to a Frame by its number."""
        self._held = False
        self._aim = self._jump = min(max(number, self.reel.first), self.reel.last)
        self.stir()

    def catch_up(self) -> None:
        """Go to the newest Frame; on a reel that grows, follow it from now on."""
        if self.reel.growing():
            self.paused, self.speed = False, 1.0
        self.go(self.reel.last)

    def set_speed(self, speed: float) -> None:
        """Play ``speed`` times as fast as it was."""
        self.speed = min(max(speed, SPEEDS[0]), SPEEDS[1])
        self.stir()

    def stir(self) -> None:
        """Tell the Frame again, or a newer one: something changed."""
        self._stir = True
        self._changed.set()

    def grew(self) -> None:
        """The reel has more Frames, or will have none any more."""
        self._changed.set()

    def end(self) -> None:
        """Give out no more."""
        self._ended = True
        self._changed.set()

    @property
    def failed(self) -> bool:
        """Whether it ended with an error; whoever reads may begin again."""
        return self._error is not None

    def fail(self, error: BaseException) -> None:
        """End with ``error``: what the reel grows from has failed."""
        self._error = error
        self._changed.set()

    async def numbers(self) -> AsyncGenerator[int, None]:
        """Frames by number until the reel ends (``stop``) or the iterator is closed."""
        loop = asyncio.get_running_loop()
        self._error, self._since = None, loop.time()
        number = await self._begin()
        while number is not None:
            if number != self.position:
                self.position, self._since = number, max(self._since, loop.time() - LATE_S)
            self._aim = number if self._jump is None else self._aim
            self._follow = self.following
            newest = self.reel.last
            yield number
            await asyncio.sleep(0)  # however fast one plays, wishes are heard and servers are asked
            self.jumped = False
            number = await self._next(number, newest)

    async def _begin(self) -> int | None:
        while True:
            self._changed.clear()
            self._check()
            reel = self.reel
            number = reel.playable(reel.last, -1) if self._follow else reel.playable(max(self.position, reel.first))
            if number is not None or not self.reel.growing():
                return number
            await self._wait(POLL_S)

    async def _next(self, here: int, newest: int) -> int | None:
        """The Frame to show next, when it is due; ``here`` again where something changed, ``None`` at the end.

        ``newest`` was the last one when ``here`` was given out: what came since is worth telling.
        """
        loop, reel = asyncio.get_running_loop(), self.reel
        told = loop.time()
        while True:
            self._changed.clear()
            self._check()
            if self._ended:
                return None
            reel.refresh()
            if self._jump is not None or here < reel.first:
                return self._take_jump(here)
            growing = reel.growing()
            if growing and not self.paused and reel.last > here >= newest - 1:
                self._since = loop.time()
                return self._nearest(reel.last, here)
            ahead, due = self._ahead(here)
            if due <= loop.time():
                self._since = due
                return ahead if ahead is None else self._nearest(ahead, here)
            repeat = math.inf if growing else told + REPEAT_S
            if self._stir or reel.last > newest or repeat <= loop.time():
                self._stir = False
                return here
            await self._wait(min(due, repeat) - loop.time())

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(max(seconds, 0.0), POLL_S)):
                await self._changed.wait()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _ahead(self, here: int) -> tuple[int | None, float]:
        """The Frame after ``here`` and when it is due, by the clock of the loop; no Frame: the end."""
        ahead, reel = here + 1, self.reel
        if self.paused:
            return here, math.inf
        if ahead > reel.last:
            if reel.growing() or self.at_end == "stay":
                return None, math.inf
            return (reel.first, self._since + REWIND_S) if self.at_end == "loop" else (None, 0.0)
        ahead = max(ahead, reel.find(reel.at(here) + LEAST_S * self.speed))
        span = min(reel.at(ahead) - reel.at(here), max(LONGEST_S, LEAST_S * self.speed))
        return ahead, self._since + span / self.speed

    def _take_jump(self, here: int) -> int:
        jump = self.reel.first if self._jump is None else self._jump
        self._jump, self._since, self.jumped = None, asyncio.get_running_loop().time(), True
        return self._nearest(jump, here)

    def _nearest(self, number: int, here: int) -> int:
        """The readable Frame nearest to ``number``: beyond it, seen from ``here``, else before it, else ``here``."""
        step = 1 if number >= here else -1
        found = self.reel.playable(number, step)
        found = found if found is not None else self.reel.playable(number, -step)
        return here if found is None else found
