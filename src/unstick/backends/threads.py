"""Calls that may hang for ever, each in a daemon thread of its own: a dead mount hangs whoever looks at it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from unstick.backends.base import failure
from unstick.facts.reading import TroubleKind

T = TypeVar("T")


class Threads:
    """At most one thread at a time for each question; one that hangs cannot keep the program from ending."""

    def __init__(self) -> None:
        self._busy: dict[str, threading.Thread] = {}

    async def run(self, question: str, look: Callable[[], T]) -> T:
        """What ``look`` gives. Raises what it raises, and ``TIMEOUT`` while the last one has not come back."""
        if (earlier := self._busy.get(question)) is not None and earlier.is_alive():
            raise failure(TroubleKind.TIMEOUT, f"the last look at {question} has not come back")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def run() -> None:
            try:
                value = look()
            except Exception as error:  # noqa: BLE001 - handed to the waiting task
                _hand_over(loop, answer, error=error)
            else:
                _hand_over(loop, answer, value=value)

        self._busy[question] = thread = threading.Thread(target=run, name=f"unstick-{question}"[:40], daemon=True)
        thread.start()
        return await answer


def _hand_over(
    loop: asyncio.AbstractEventLoop, answer: asyncio.Future[Any], *, value: Any = None, error: Exception | None = None
) -> None:
    def settle() -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(value)
        else:
            answer.set_exception(error)

    with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
        loop.call_soon_threadsafe(settle)
