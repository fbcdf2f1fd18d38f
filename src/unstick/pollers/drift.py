"""Balances compared: what a row says against what its key holds, as decimals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal, DecimalException
from typing import TYPE_CHECKING

import msgspec

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


class Differing(msgspec.Struct, frozen=True):
    """One balance that differs: its key, what Redis and PostgreSQL hold, and by how much. Sanitised."""

    key: str
    cached: str
    stored: str
    gap: Decimal


class Comparison(msgspec.Struct, frozen=True):
    """Every key of a sample: those that differ (the most first), those that are missing, those nobody can read."""

    sampled: int
    differing: tuple[Differing, ...]
    missing: tuple[str, ...]
    unreadable: tuple[str, ...]


def compared(keys: Sequence[str], cached: Sequence[object], stored: Sequence[str | None]) -> Comparison:
    """Which keys differ. A value that is not a finite number is unreadable, never different."""
    missing: list[str] = []
    unreadable: list[str] = []
    differing: list[Differing] = []
    for key, left, right in zip(keys, cached, stored, strict=True):
        if left is None:
            missing.append(clean(key))
            continue
        first, second = _number(left), _number(right)
        gap = None if first is None or second is None else _gap(first, second)
        if gap is None:
            unreadable.append(clean(key))
        elif gap:
            differing.append(Differing(clean(key), clean(_text(left), DIGITS), clean(str(right), DIGITS), gap))
    differing.sort(key=lambda one: one.gap, reverse=True)
    return Comparison(len(keys), tuple(differing), tuple(missing), tuple(unreadable))


def drift_of(found: Comparison) -> Drift:
    """A comparison in numbers, with the worst few."""
    return Drift(
        sampled=found.sampled,
        differing=len(found.differing),
        missing=len(found.missing),
        unreadable=len(found.unreadable),
        largest=plain(found.differing[0].gap) if found.differing else None,
        examples=tuple((one.key, one.cached, one.stored) for one in found.differing[:EXAMPLES]),
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


def plain(gap: Decimal) -> str:
    """A difference as text, without an exponent where that is short."""
    return format(gap, "f") if abs(gap.adjusted()) < DIGITS else str(gap)
