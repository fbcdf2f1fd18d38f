"""The time at the beginning of a log line: ISO 8601, Python's logging, ``date`` of a shell."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_BEGINNING = 80
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,6})\d*)?\s?(Z|UTC|GMT|[+-]\d\d:?\d\d)?")
_DATE = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d:\d\d) ?(AM|PM)? ?([A-Z]{3,5}|[+-]\d{4})? ?(\d{4})"
)
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"


def line_time(line: str) -> float | None:
    """UTC seconds; a time without a zone is this host's. ``None`` where the line does not begin with a time.

    >>> line_time("2025-12-10T03:00:05Z done"), line_time("[2025-12-10 03:00:05,250+00:00] done")
    (1765335605.0, 1765335605.25)
    >>> line_time("Wed Dec 10 03:00:05 UTC 2025: Lock cleanup completed"), line_time("done at noon")
    (1765335605.0, None)
    """
    start = line[:_BEGINNING]
    if match := _ISO.search(start):
        day, time, fraction, zone = match.groups()
        return _instant(f"{day}T{time}", zone, float(f"0.{fraction}") if fraction else 0.0)
    if (match := _DATE.search(start)) and match[1] in _MONTHS:
        month, day, hour, rest, half, zone, year = match.groups()
        hours = int(hour) % 12 + 12 * (half == "PM") if half else int(hour)
        at = _MONTHS.index(month) // 4 + 1
        return _instant(f"{year}-{at:02}-{int(day):02}T{hours:02}:{rest}", zone, 0.0)
    return None


def _instant(text: str, zone: str | None, fraction: float) -> float | None:
    """Zones that have only a name, but for UTC, are this host's."""
    try:
        moment = datetime.fromisoformat(text + (zone if zone and zone[0] in "+-" else ""))
        moment = moment.replace(tzinfo=UTC) if zone in {"Z", "UTC", "GMT"} else moment
        return moment.timestamp() + fraction
    except (ValueError, OverflowError):
        return None
