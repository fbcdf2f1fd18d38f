"""Runs a feed in a thread with its own event loop: a stalled terminal can stop the screen, never the collection.

The newest told frame waits in a one-place slot; at most one wake-up of the screen is pending.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from unstick import clock, loops
from unstick.facts.frame import Frame, Observation
from unstick.facts.reading import Missing, TroubleKind
from unstick.facts.text import clean
from unstick.feeds.base import Cursor, Feed
from unstick.views.screen import Told

log = logging.getLogger(__name__)
_FIRST_RETRY_S = 1.0
_LONGEST_RETRY_S = 30.0
TURN_S = 0.001
"""So long a thread keeps the interpreter from one that wants it (Python: 5 ms): a key wants it more than once."""
PARTING_S = 0.8
"""What is in flight when the program is left has so long to finish."""

_LAST_WORDS_S = 0.1

Finish = Callable[[], Coroutine[Any, Any, None]]


Wish = Callable[[Cursor], "str | Awaitable[str]"]
"""What the person wants of the cursor; its answer, at once or later, is told in the footer."""


class Story(Protocol):
    """Folds frames and tells them; pure calls, made in the engine's thread."""

    def fold(self, frame: Frame) -> object:
        """The board after ``frame``, a token that only the story understands."""

    def tell(self, board: object) -> Told:
        """What stands on the screen for ``board``."""

    @property
    def cursor(self) -> Cursor | None:
        """The place in time that may be moved; ``None`` where there is only now."""


class News(msgspec.Struct, frozen=True, eq=False):
    """The newest picture. ``at`` is the frame's UTC instant, ``received`` this process's monotonic clock."""

    told: Told | None = None
    at: float = 0.0
    received: float = 0.0
    trouble: str | None = None
    ended: bool = False
    bare: bool = False
    """Nothing was asked yet: the picture tells no more than that."""
    answer: str = ""
    """What came of the newest wish, in words; ``answers`` counts them."""
    answers: int = 0


class Engine:
    """``wake`` is called from the engine's thread when there is news that was not announced yet.

    It may be replaced while the engine runs; whoever comes next takes the news once without being woken.
    """

    def __init__(self, feed: Feed, story: Story, wake: Callable[[], None]) -> None:
        self._feed = feed
        self._story = story
        self.wake = wake
        self.complete = threading.Event()
        """Set by the first picture in which nothing is pending any more."""
        self._finishes: list[Finish] = []
        self._lock = threading.RLock()  # a signal may come while the same thread holds it
        self._news = News(received=clock.monotonic())
        self._announced = False
        self._wishes: set[asyncio.Future[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._left: asyncio.Event | None = None
        self._early: list[Finish] = []
        self._works: set[asyncio.Future[None]] = set()
        self._parting = False
        self._thread = threading.Thread(target=self._run, name="unstick-engine", daemon=True)

    def start(self) -> None:
        """Begin to read the feed."""
        sys.setswitchinterval(TURN_S)
        self._thread.start()

    def take(self) -> News:
        """The newest news; from now on the next one wakes again."""
        with self._lock:
            self._announced = False
            return self._news

    @property
    def announced(self) -> bool:
        """Whether there is news that was not taken yet."""
        with self._lock:
            return self._announced

    def ask(self, wish: Wish) -> None:
        """Have ``wish`` fulfilled in the engine's thread; its answer comes with the news."""
        with self._lock:
            loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the engine has ended
                loop.call_soon_threadsafe(self._fulfil, wish)

    @property
    def cursor(self) -> Cursor | None:
        """The place in time; to be asked in the engine's loop."""
        return self._story.cursor

    def run(self, work: Finish) -> None:
        """Have ``work`` done in the engine's loop, beside everything else; what it raises is logged."""
        with self._lock:
            if self._loop is None:
                self._early.append(work)
                return
            loop = self._loop
        with suppress(RuntimeError):  # the engine has ended
            loop.call_soon_threadsafe(self._do, work)

    def _do(self, work: Finish) -> None:
        task = asyncio.ensure_future(work())
        self._works.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Future[None]) -> None:
        self._works.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("work beside the feed did not end well", exc_info=error)

    def _fulfil(self, wish: Wish) -> None:
        task = asyncio.ensure_future(self._answer(wish))
        self._wishes.add(task)
        task.add_done_callback(self._wishes.discard)

    async def _answer(self, wish: Wish) -> None:
        cursor = self._story.cursor
        try:
            answer = "there is no other time to go to" if cursor is None else wish(cursor)
            told = answer if isinstance(answer, str) else await answer
        except Exception as error:
            log.exception("a wish could not be fulfilled")
            told = f"that did not work: {where(error)}"
        if told:
            self._publish(answer=clean(told, 200))

    def on_leave(self, finish: Finish) -> Callable[[], None]:
        """Have ``finish`` awaited before the program goes; the answer takes it back, when nothing is in flight.

        Call both from the engine's loop. On ``q``, a signal or a lost terminal every ``finish`` is awaited there, all
        side by side, while the feed is still open: an action ends or learns its outcome, a tape gets its last record.
        After :data:`PARTING_S` those that are not done are cancelled: on ``CancelledError`` write down, without
        awaiting anything, that the outcome is unknown. The process ends 1.5 s after it was asked to, whatever hangs
        then: what must not be lost is on the disk before the first ``await``. Errors of a ``finish`` are logged.
        """
        self._finishes.append(finish)
        return lambda: self._finishes.remove(finish)

    def part(self) -> None:
        """Begin to end, from any thread: finish what is in flight, then close the feed."""
        with self._lock:
            self._parting = True
            loop, left = self._loop, self._left
        if loop is not None and left is not None:
            with suppress(RuntimeError):  # its loop ended by itself
                loop.call_soon_threadsafe(left.set)

    def stop(self, timeout_s: float = 1.0) -> bool:
        """:meth:`part`, and wait for the thread at most ``timeout_s``; whether it ended."""
        self.part()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            loops.run(self._main())
        except Exception as error:
            log.exception("the engine ended")
            self._publish(trouble=f"the engine ended: {where(error)}")

    async def _main(self) -> None:
        with self._lock:
            self._loop, self._left = asyncio.get_running_loop(), asyncio.Event()
            if self._parting:
                return
            for work in self._early:
                self._do(work)
            self._early.clear()
        reading = asyncio.ensure_future(self._keep_reading())
        await self._left.wait()
        await self._finish()
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading

    async def _finish(self) -> None:
        """Let what is in flight end, as :meth:`on_leave` promises."""
        tasks = [asyncio.ensure_future(finish()) for finish in self._finishes]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=PARTING_S)
        for task in late:
            task.cancel()
        done, _ = await asyncio.wait(tasks, timeout=_LAST_WORDS_S)
        for task in done:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("what was in flight did not end well", exc_info=error)

    async def _keep_reading(self) -> None:
        retry = _FIRST_RETRY_S
        while True:
            try:
                await self._read()
            except Exception as error:
                log.exception("the feed ended with an error")
                self.complete.set()
                self._publish(trouble=f"the feed broke: {where(error)}; again in {retry:.0f}s")
            else:
                self._publish(ended=True)
                return
            await asyncio.sleep(retry)
            retry = min(_LONGEST_RETRY_S, retry * 2)

    async def _read(self) -> None:
        async with aclosing(self._feed.frames()) as frames:
            async for frame in frames:
                self._tell(frame)

    def _tell(self, frame: Frame) -> None:
        try:
            told = self._story.tell(self._story.fold(frame))
        except Exception as error:
            log.exception("frame %d could not be told", frame.seq)
            self._publish(trouble=f"frame {frame.seq} could not be told: {where(error)}")
        else:
            pending = [_pending(observation) for observation in frame.observations]
            self._publish(told=told, at=frame.at, bare=bool(pending) and all(pending))
            if not any(pending):
                self.complete.set()

    def _publish(self, **changes: object) -> None:
        """Put news into the slot. Trouble keeps the last picture; a new picture ends the trouble."""
        with self._lock:
            last = self._news
            if "told" in changes:
                changes |= {"received": clock.monotonic(), "trouble": None, "ended": False}
            if "answer" in changes:
                changes["answers"] = last.answers + 1
            self._news = replace(last, **changes)
            if self._announced:
                return
            self._announced = True
        self.wake()


def _pending(observation: Observation) -> bool:
    reading = observation.reading
    return isinstance(reading, Missing) and reading.trouble.kind is TroubleKind.PENDING


def where(error: BaseException) -> str:
    """Kind of error and the line it came from. Never its text: that may carry what must not be shown."""
    trace = error.__traceback__
    place = ""
    while trace is not None:
        place = f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return clean(f"{type(error).__name__}{place}", 120)
