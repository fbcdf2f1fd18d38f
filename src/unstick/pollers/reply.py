"""What a JSON answer says: decoding that no body can break, and values that are right or ``None``.

A field of the wrong type is an unknown field, not a broken answer; a body that is no JSON is a bad reply.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from unstick import clock
from unstick.backends.base import BackendError, failure
from unstick.backends.http import SOCKETS, Answer, HttpConnection, check
from unstick.facts.reading import TroubleKind
from unstick.facts.text import CELL_LIMIT, clean

T = TypeVar("T")

WHOLE_LIMIT = 2**53
"""The largest count that JSON readers agree about."""
RESERVED_S = 0.6
"""What a slow question leaves for those that wait behind it."""
SHORTEST_S = 0.1

_MILLISECONDS_FROM = 1e11
_YEAR_10000 = 253402300800.0
_LONE_SURROGATE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
_YES = frozenset(
    {"ok", "healthy", "up", "connected", "available", "pass", "alive", "ready", "true", "yes", "running"}
)
_NO = frozenset(
    {"error", "unhealthy", "down", "disconnected", "unavailable", "fail", "failed", "stopped", "idle", "false", "no"}
)
_FLAG_KEYS = ("ok", "healthy", "connected", "available", "status", "state")
_CLOCKFACE = re.compile(r"(?:(\d{1,6}):)?(\d{1,6}):(\d{1,2}(?:\.\d{1,9})?)")


def decode(body: bytes, kind: type[T]) -> T:
    """``body`` as ``kind``; raises ``PROTOCOL``, "bad reply: …", whatever the body holds."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (ValueError, RecursionError, OverflowError) as error:
        reason = _reason(body, error)
    repaired = _LONE_SURROGATE.sub(r"\\ufffd", body.decode("utf-8-sig", "replace")).encode("utf-8", "replace")
    if repaired != body:
        try:
            return msgspec.json.decode(repaired, type=kind)
        except (ValueError, RecursionError, OverflowError):
            pass
    raise failure(TroubleKind.PROTOCOL, f"bad reply: {reason}") from None


def _reason(body: bytes, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    start = body[:64].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html")):
        return "HTML instead of JSON"
    return "empty" if not start else str(error)


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


async def ask(
    connection: HttpConnection, paths: Sequence[str], *, total_s: float, sick: bool = False
) -> dict[str, Answer | BackendError]:
    """GET all paths, two at a time; an answer or what went wrong, per path. ``sick``: a 503 is an answer too.

    Slow paths leave a moment for those that wait. Raises ``OVERLOAD``: a server that asks for silence gets it.
    """
    until = clock.monotonic() + total_s
    waiting = deque(paths)
    said: dict[str, Answer | BackendError] = {}

    async def one_after_the_other() -> None:
        while waiting:
            path = waiting.popleft()
            left = until - clock.monotonic() - (RESERVED_S if waiting else 0.0)
            try:
                answer = await connection.get(path, total_s=max(left, SHORTEST_S))
                said[path] = answer if sick and answer.status == 503 else check(answer)
            except BackendError as error:
                said[path] = error

    await asyncio.gather(*(one_after_the_other() for _ in range(SOCKETS)))
    for answer in said.values():
        if isinstance(answer, BackendError) and answer.trouble.kind is TroubleKind.OVERLOAD:
            raise answer
    return {path: said[path] for path in paths}


def raise_if_none_answered(said: Mapping[str, Answer | BackendError]) -> None:
    """Raises the first failure when nothing but failures came; the connection counts as lost when all lost it."""
    errors = [answer for answer in said.values() if isinstance(answer, BackendError)]
    if errors and len(errors) == len(said):
        raise BackendError(errors[0].trouble, transport=all(error.transport for error in errors))


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
