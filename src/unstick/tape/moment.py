"""Instants as people type them: ``03:12``, ``2025-12-10T03:12:30Z``, ``+90s``, ``5m ago``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from unstick.facts.units import timestamp

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?")


def span(text: str) -> float:
    """Seconds of ``90s``, ``1.5h`` or ``1h30m``; a bare number counts seconds. Raises ``ValueError``.

    >>> span("90s"), span("1h30m"), span("10")
    (90.0, 5400.0, 10.0)
    """
    text = text.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    parts = _SPAN.findall(text)
    if not parts or _SPAN.sub("", text).strip():
        raise ValueError(f'"{text}" is no span like 90s, 5m or 1h30m')
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def moment(text: str, first: float, last: float) -> float:
    """The instant that ``text`` means on a tape from ``first`` to ``last``. Raises ``ValueError`` with the reason.

    A time of day is UTC and the first one of that tape; ``+5m`` counts from its start, ``5m ago`` from its end.

    >>> moment("+90s", 1000.0, 2000.0), moment("5m ago", 1000.0, 2000.0), moment("00:20", 1000.0, 2000.0)
    (1090.0, 1700.0, 1200.0)
    """
    text = text.strip()
    if text.startswith("+"):
        at = first + span(text[1:])
    elif text.lower().endswith("ago"):
        at = last - span(text[:-3])
    elif match := _TIME.fullmatch(text):
        at = _time_of_day(match, first)
    else:
        at = _date(text)
    if at < first - 60:
        raise ValueError(f"{timestamp(at)} is before the start {timestamp(first)}")
    if at > last + 60:
        raise ValueError(f"{timestamp(at)} is after the end {timestamp(last)}")
    return min(max(at, first), last)


def _time_of_day(match: re.Match[str], first: float) -> float:
    hours, minutes, seconds = int(match[1]), int(match[2]), float(match[3] or 0)
    if hours > 23 or minutes > 59 or seconds >= 60:
        raise ValueError(f'"{match[0]}" is no time of day')
    day = datetime.fromtimestamp(first, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    at = day + timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if at.timestamp() < first - 60:
        at += timedelta(days=1)
    return at.timestamp()


def _date(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f'"{text}" is no time like 03:12, 2025-12-10T03:12:30Z, +90s or 5m ago') from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
