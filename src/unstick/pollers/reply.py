"""JSON answers: several paths asked within one deadline, and decoding that no body can break."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from unstick import clock
from unstick.backends.base import BackendError, failure
from unstick.backends.http import SOCKETS, Answer, HttpConnection, check
from unstick.facts.reading import TroubleKind

T = TypeVar("T")

RESERVED_S = 0.6
"""What a slow question leaves for those that wait behind it."""
SHORTEST_S = 0.1

_LONE_SURROGATE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


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
