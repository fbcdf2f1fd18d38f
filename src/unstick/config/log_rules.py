"""What a followed log must say: known shapes of error, and patterns that end in time."""

from __future__ import annotations

import re
from collections.abc import Iterator

from unstick.config.presets import LOG_PATTERNS
from unstick.config.values import shown
from unstick.settings import Log

_NESTED = re.compile(r"[+*}]\??\)[+*{]")
"""A repeated group that ends in a repeat: it can take for ever on a short line, and everything else stands still."""


def log_problems(log: Log) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Each key that is wrong, what is wrong with it, and what mends it."""
    for name in log.patterns:
        if name not in LOG_PATTERNS:
            yield ("patterns",), f"no such shape (got {shown(name)})", f"known: {', '.join(LOG_PATTERNS)}"
    for name, pattern in log.match.items():
        try:
            re.compile(pattern)
        except re.error as error:
            yield ("match", name), f"is no regular expression: {error}", "see the re module of Python"
        else:
            if _NESTED.search(pattern):
                yield ("match", name), "repeats a repeat: it may never end", "write it without (a+)+"
    if log.critical_per_min < log.warning_per_min:
        what = f"critical_per_min {log.critical_per_min} is below warning_per_min {log.warning_per_min}"
        yield ("critical_per_min",), what, "a warning comes first"
