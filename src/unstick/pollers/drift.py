"""Balances compared: what a row says against what its key holds, as decimals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal, DecimalException
from typing import TYPE_CHECKING

from unstick.backends.base import BackendError
from unstick.facts.reading import TroubleKind
from unstick.facts.sync import Drift
from unstick.facts.text import clean

if TYPE_CHECKING:
    from unstick.backends.redis import RedisConnection

EXAMPLES = 5
DIGITS = 64
"""A balance is no longer than this; anything longer is not read as a number."""


async def held(redis: RedisConnection, keys: Sequence[str], field: str | None) -> list[object]:
    """What each key holds, ``None`` for a missing one: the value, or ``field`` of its JSON object or hash.

    MGET answers nothing for a hash, so only those keys are asked again. Raises :class:`BackendError`.
    """
    if not keys:
        return []
    (answer,) = _answers(await redis.pipeline([("MGET", *keys)]))
    values = list(answer) if isinstance(answer, list) else [None] * len(keys)
    if field is None:
        return values
    hashes = [number for number, value in enumerate(values) if value is None]
    values = [value if value is None else _json_field(value, field) for value in values]
    if hashes:
        found = _answers(await redis.pipeline([("HGET", keys[number], field) for number in hashes]))
        for number, value in zip(hashes, found, strict=True):
            values[number] = value
    return values


def compare(keys: Sequence[str], cached: Sequence[object], stored: Sequence[str | None]) -> Drift:
    """Count what differs. A value that is not a finite number is unreadable, never different."""
    missing = unreadable = 0
    differing: list[tuple[Decimal, str, str, str]] = []
    for key, left, right in zip(keys, cached, stored, strict=True):
        if left is None:
            missing += 1
            continue
        first, second = _number(left), _number(right)
        gap = None if first is None or second is None else _gap(first, second)
        if gap is None:
            unreadable += 1
        elif gap:
            differing.append((gap, clean(key), clean(_text(left), DIGITS), clean(str(right), DIGITS)))
    differing.sort(key=lambda entry: entry[0], reverse=True)
    return Drift(
        sampled=len(keys),
        differing=len(differing),
        missing=missing,
        unreadable=unreadable,
        largest=_plain(differing[0][0]) if differing else None,
        examples=tuple(entry[1:] for entry in differing[:EXAMPLES]),
    )


def _answers(answers: list[object]) -> list[object]:
    """The answers; a key of another type is unreadable, any other refusal is for all of them."""
    for answer in answers:
        if isinstance(answer, BackendError) and answer.trouble.kind is not TroubleKind.SCHEMA:
            raise answer
    return ["(neither text nor hash)" if isinstance(answer, BackendError) else answer for answer in answers]


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _json_field(value: object, field: str) -> object:
    """The field of a JSON object; the unreadable text itself where there is none."""
    try:
        found = json.loads(_text(value), parse_float=Decimal)
    except (ValueError, RecursionError):
        return _text(value)[:DIGITS] or "(empty)"
    if not isinstance(found, dict) or field not in found or isinstance(found[field], bool | dict | list | None):
        return f"(no {field})"
    return found[field]


def _number(value: object) -> Decimal | None:
    text = _text(value).strip()
    if not text or len(text) > DIGITS or "_" in text:
        return None
    try:
        number = Decimal(text)
    except DecimalException:
        return None
    return number if number.is_finite() else None


def _gap(first: Decimal, second: Decimal) -> Decimal | None:
    try:
        return abs(first - second)
    except DecimalException:
        return None


def _plain(gap: Decimal) -> str:
    return format(gap, "f") if abs(gap.adjusted()) < DIGITS else str(gap)
