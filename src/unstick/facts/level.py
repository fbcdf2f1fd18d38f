"""How bad: the four levels of a subject, ordered for ranking and for exit codes."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Level(StrEnum):
    """A level and its word in ``status --json``."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 (calm) to 3 (act now); unknown ranks above ok, because nobody looked."""
        return _RANKS[self]

    @property
    def exit_code(self) -> int:
        """Nagios plugin exit code."""
        return _EXIT_CODES[self]


_RANKS = {Level.OK: 0, Level.UNKNOWN: 1, Level.WARNING: 2, Level.CRITICAL: 3}
_EXIT_CODES = {Level.OK: 0, Level.WARNING: 1, Level.CRITICAL: 2, Level.UNKNOWN: 3}


def worst(levels: Iterable[Level]) -> Level:
    """The most serious of ``levels``; ``OK`` when there are none."""
    return max(levels, key=lambda level: level.rank, default=Level.OK)


def above(value: float | None, warning: float, critical: float) -> Level:
    """The level of a value that is worse the higher it is; ``None`` is unknown.

    >>> above(5, 10, 20), above(10, 10, 20), above(20, 10, 20), above(None, 1, 2)
    (<Level.OK: 'ok'>, <Level.WARNING: 'warning'>, <Level.CRITICAL: 'critical'>, <Level.UNKNOWN: 'unknown'>)
    """
    if value is None:
        return Level.UNKNOWN
    if value >= critical:
        return Level.CRITICAL
    return Level.WARNING if value >= warning else Level.OK
