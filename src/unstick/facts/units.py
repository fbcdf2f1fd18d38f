"""Spans, counts, sizes and instants in words: one style everywhere."""

from __future__ import annotations

import math
from datetime import UTC, datetime


def duration(seconds: float | None) -> str:
    """A span in its two largest units; unknown is a dash.

    >>> duration(4.2), duration(3720), duration(90000), duration(-5), duration(None)
    ('4s', '1h02m', '1d01h', '-5s', '–')
    """
    if seconds is None or not math.isfinite(seconds):
        return "–"
    sign, left = ("-" if seconds <= -1 else ""), abs(int(seconds))
    if left < 60:
        return f"{sign}{left}s"
    if left < 3600:
        return f"{sign}{left // 60}m{left % 60:02}s"
    if left < 86400:
        return f"{sign}{left // 3600}h{left % 3600 // 60:02}m"
    return f"{sign}{left // 86400}d{left % 86400 // 3600:02}h"


def brief(seconds: float | None) -> str:
    """A span that may be short: in milliseconds below a second.

    >>> brief(0.047), brief(5), brief(90), brief(None)
    ('47ms', '5s', '1m30s', '–')
    """
    return f"{seconds * 1000:.0f}ms" if seconds is not None and 0 <= seconds < 0.9995 else duration(seconds)


def count(number: float | None) -> str:
    """A count in at most five characters; unknown is a dash, never 0.

    >>> count(0), count(999), count(1234), count(56789), count(2_000_000), count(None)
    ('0', '999', '1.2k', '57k', '2.0M', '–')
    """
    if number is None or not math.isfinite(number):
        return "–"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size * 0.9995:
            value = number / size
            return f"{value:.0f}{unit}" if abs(value) >= 9.95 else f"{value:.1f}{unit}"
    return f"{number:.0f}"


def exact(number: float | None) -> str:
    """A count where there is room for all of it.

    >>> exact(2047), exact(0), exact(None)
    ('2,047', '0', '–')
    """
    return "–" if number is None or not math.isfinite(number) else f"{number:,.0f}"


def size(number: float | None) -> str:
    """Bytes in binary units.

    >>> size(900), size(2048), size(5_600_000), size(None)
    ('900B', '2.0K', '5.3M', '–')
    """
    if number is None or not math.isfinite(number):
        return "–"
    if number < 1024:
        return f"{number:.0f}B"
    power = next(power for power in (4, 3, 2, 1) if number >= 1024**power)
    value, unit = number / 1024**power, "KMGT"[power - 1]
    return f"{value:.0f}{unit}" if value >= 9.95 else f"{value:.1f}{unit}"


def clock_time(at: float | None, *, seconds: bool = True) -> str:
    """The UTC time of day of an instant; out of range shows as a dash.

    >>> clock_time(0), clock_time(3600, seconds=False), clock_time(1e99)
    ('00:00:00', '01:00', '–')
    """
    if at is None:
        return "–"
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S" if seconds else "%H:%M")
    except (ValueError, OverflowError, OSError):
        return "–"


def timestamp(at: float | None) -> str | None:
    """An instant as ISO 8601 with milliseconds and ``Z``; ``None`` when unknown or out of range.

    >>> timestamp(0.5), timestamp(None)
    ('1970-01-01T00:00:00.500Z', None)
    """
    if at is None:
        return None
    try:
        text = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return None
    return text.replace("+00:00", "Z")


def elapsed(seconds: float) -> str:
    """Hours, minutes and seconds of a clock that was started.

    >>> elapsed(872.4)
    '00:14:32'
    """
    minutes, rest = divmod(int(max(0.0, seconds)), 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest:02d}"
