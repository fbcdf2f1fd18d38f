"""The only door to the host's clock, so that tests and feeds can hold their own."""

from __future__ import annotations

import time


def now() -> float:
    """UTC seconds since the epoch, for instants that are shown or recorded."""
    return time.time()  # noqa: TID251 - this is the door


def monotonic() -> float:
    """Seconds of a clock that never steps, for intervals and deadlines."""
    return time.monotonic()
