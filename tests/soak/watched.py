"""``python -m tests.soak.watched FILE ARGUMENTS``: unstick, writing each pause of the screen's loop into FILE."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from pathlib import Path

from unstick.__main__ import main

BEAT_S = 0.02
LONG_S = 0.1
"""Pauses from here on are written down: monotonic time and seconds."""


class WatchedLoops(asyncio.DefaultEventLoopPolicy):
    """Loops of the main thread beat."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """One that writes down when it was late."""
        loop = super().new_event_loop()
        if threading.current_thread() is threading.main_thread():
            loop.call_soon(self._beat, loop, time.monotonic())
        return loop

    def _beat(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        now = time.monotonic()
        if now - due >= LONG_S:
            with self._file.open("a") as file:
                file.write(f"{now:.3f} {now - due:.3f}\n")
        loop.call_later(BEAT_S, self._beat, loop, now + BEAT_S)


if __name__ == "__main__":
    asyncio.set_event_loop_policy(WatchedLoops(Path(sys.argv.pop(1))))
    main()
