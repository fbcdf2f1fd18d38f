"""Values out of a document of unknown shape: right, or ``None``. A field of the wrong type is an unknown field."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

from unstick.facts.text import CELL_LIMIT, clean

WHOLE_LIMIT = 2**53
"""The largest count that JSON readers agree about."""

_MILLISECONDS_FROM = 1e11
_YEAR_10000 = 253402300800.0
_YES = frozenset(
    {"ok", "healthy", "up", "connected", "available", "pass", "alive", "ready", "true", "yes", "running"}
)
_NO = frozenset(
    {"error", "unhealthy", "down", "disconnected", "unavailable", "fail", "failed", "stopped", "idle", "false", "no"}
)
_FLAG_KEYS = ("ok", "healthy", "connected", "available", "status", "state")
_CLOCKFACE = re.compile(r"(?:(\d{1,6}):)?(\d{1,6}):(\d{1,2}(?:\.\d{1,9})?)")


def text(value: object, limit: int = CELL_LIMIT) -> str | None:
    """A text, made harmless; ``None`` for anything else and for an empty one."""
    return clean(value, limit) if isinstance(value, str) and value else None


def number(value: object) -> float | None:
    """A finite number, also one written as a text of digits."""
    if isinstance(value, str) and len(value) <= 32:
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > 1e300:
        return None
    return float(value) if math.isfinite(value) else None


def whole(value: object) -> int | None:
    """A count: a whole number from 0 on."""
    found = number(value)
    return int(found) if found is not None and 0 <= found <= WHOLE_LIMIT and found == int(found) else None


def flag(value: object) -> bool | None:
    """Yes or no: a boolean, 0 or 1, a word such as ``healthy`` or ``down``, or an object that says one of these."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and value in (0, 1):
        return bool(value)
    if isinstance(value, str):
        word = value.strip().lower()
        return True if word in _YES else False if word in _NO else None
    if isinstance(value, dict):
        answers = (flag(value[key]) for key in _FLAG_KEYS if not isinstance(value.get(key), (dict, type(None))))
        return next((answer for answer in answers if answer is not None), None)
    return None


def instant(value: object) -> float | None:
    """An instant: ISO 8601 (without a zone: UTC), or epoch seconds or milliseconds."""
    if isinstance(value, str) and not value.strip().replace(".", "", 1).isdigit():
        try:
            moment = datetime.fromisoformat(value.strip())
            seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
        return seconds if 0 < seconds < _YEAR_10000 else None
    found = number(value)
    if found is None or found <= 0:
        return None
    found = found / 1000 if found >= _MILLISECONDS_FROM else found
    return found if found < _YEAR_10000 else None


def span(value: object) -> float | None:
    """Seconds, from 0 on: a number, ``"12.8"``, ``"12.8s"`` or ``"h:mm:ss"``."""
    if isinstance(value, str):
        if face := _CLOCKFACE.fullmatch(value.strip()):
            hours, minutes, seconds = face.groups()
            return int(hours or 0) * 3600.0 + int(minutes) * 60 + float(seconds)
        value = value.strip().removesuffix("s").rstrip()
    found = number(value)
    return found if found is not None and found >= 0 else None


def path_of(document: Any, dotted: str) -> Any:
    """What stands at ``a.b.0.c`` in a decoded document; ``None`` where there is nothing."""
    for step in dotted.split("."):
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and step.isdecimal() and len(step) < 9 and int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    return document
