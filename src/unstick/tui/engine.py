"""Runs a feed in a thread with its own event loop: a stalled terminal can stop the screen, never the collection.

The newest told frame waits in a one-place slot; at most one wake-up of the screen is pending.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec.structs import replace

from unstick import clock, loops
from unstick.facts.frame import Frame
from unstick.facts.text import clean
from unstick.feeds.base import Cursor, Feed
from unstick.views.screen import Told

log = logging.getLogger(__name__)
_FIRST_RETRY_S = 1.0
_LONGEST_RETRY_S = 30.0


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
    answer: str = ""
    """What came of the newest wish, in words; ``answers`` counts them."""
    answers: int = 0


class Engine:
    """``wake`` is called from the engine's thread when there is news that was not announced yet."""

    def __init__(self, feed: Feed, story: Story, wake: Callable[[], None]) -> None:
        self._feed = feed
        self._story = story
        self._wake = wake
        self._lock = threading.Lock()
        self._news = News()
        self._announced = False
        self._wishes: set[asyncio.Future[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="unstick-engine", daemon=True)

    def start(self) -> None:
        """Begin to read the feed."""
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

    def stop(self, timeout_s: float = 1.0) -> bool:
        """Close the feed and wait for the thread at most ``timeout_s``; whether it ended."""
        with self._lock:
            loop, task = self._loop, self._task
        if loop is not None and task is not None:
            with suppress(RuntimeError):  # its loop ended by itself
                loop.call_soon_threadsafe(task.cancel)
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            loops.run(self._main())
        except asyncio.CancelledError:
            log.debug("the engine was stopped")
        except Exception as error:
            log.exception("the engine ended")
            self._publish(trouble=f"the engine ended: {where(error)}")

    async def _main(self) -> None:
        with self._lock:
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        retry = _FIRST_RETRY_S
        while True:
            try:
                await self._read()
            except Exception as error:
                log.exception("the feed ended with an error")
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
            self._publish(told=told, at=frame.at)

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
        self._wake()


def where(error: BaseException) -> str:
    """Kind of error and the line it came from. Never its text: that may carry what must not be shown."""
    trace = error.__traceback__
    place = ""
    while trace is not None:
        place = f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return clean(f"{type(error).__name__}{place}", 120)
