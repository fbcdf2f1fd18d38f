"""A log that is followed: how many lines of each kind were seen, and the last few of them."""

from __future__ import annotations

import msgspec


class LogHits(msgspec.Struct, frozen=True):
    """Lines that match one pattern, counted since unstick follows the log; ``lines`` are the newest last."""

    pattern: str
    count: int
    last_at: float | None
    lines: tuple[str, ...]


class LogFacts(msgspec.Struct, frozen=True, tag="log"):
    """One log. Counters are since ``since_at``; ``skipped_bytes`` came faster than they were read.

    ``warning_per_min`` and ``critical_per_min`` are the entry's own.
    """

    name: str
    place: str
    looked_at: float
    since_at: float
    files: int
    lines: int
    skipped_bytes: int
    hits: tuple[LogHits, ...]
    warning_per_min: int
    critical_per_min: int
