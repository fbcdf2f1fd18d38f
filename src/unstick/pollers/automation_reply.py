"""What the JSON of an automation worker says of pools, breakers and timers: pure, patient with its spelling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from unstick.facts.automation import Breaker, Pool, Timing
from unstick.facts.text import clean
from unstick.pollers.values import flag, number, path_of, whole

T = TypeVar("T")

CAP = 20
"""Pools, breakers and timers of one worker."""
WORD = 64
_USED = ("in_use", "used", "active", "busy", "checked_out")
_MINIMUM = ("min_connections", "min_size", "minimum", "min")
_MAXIMUM = ("max_connections", "max_size", "maximum", "max")
_WAITING = ("waiting", "waiters", "requests_waiting", "pending")
_AVERAGE = ("avg", "average", "mean")
_LONGEST = ("max", "maximum", "longest")
_PERCENTILES = (("p50", "median", "50"), ("p95", "95"), ("p99", "99"))


def first(*values: T | None) -> T | None:
    """The first that is known."""
    return next((value for value in values if value is not None), None)


def megabytes(document: Any, key: str) -> float | None:
    """Bytes of a count of megabytes."""
    found = seconds(document, key)
    return None if found is None else found * 2.0**20


def seconds(document: Any, key: str) -> float | None:
    """A number from 0 on."""
    found = number(path_of(document, key))
    return found if found is not None and found >= 0 else None


def failing(health: Any) -> tuple[str, ...]:
    """The names of checks that say no, wherever the answer lists them."""
    for key in ("checks", "components", "dependencies", "services"):
        checks = path_of(health, key)
        if isinstance(checks, dict):
            return tuple(clean(str(name), WORD) for name, said in list(checks.items())[:CAP] if flag(said) is False)
    return ()


def pools(document: Any) -> tuple[Pool, ...]:
    """Pools by name; a single one that has no name is the default."""
    if not isinstance(document, dict):
        return ()
    if any(key in document for key in _MAXIMUM):
        document = {"default": document}
    return tuple(
        Pool(clean(name, WORD), *(_whole(pool, keys) for keys in (_USED, _MINIMUM, _MAXIMUM, _WAITING)))
        for name, pool in list(document.items())[:CAP]
        if isinstance(pool, dict)
    )


def breakers(document: Any) -> tuple[Breaker, ...]:
    """Breakers by name, with an object each or with one word."""
    if not isinstance(document, dict):
        return ()
    return tuple(_breaker(name, said) for name, said in list(document.items())[:CAP] if isinstance(said, (dict, str)))


def _breaker(name: str, said: dict[str, Any] | str) -> Breaker:
    state = said if isinstance(said, str) else path_of(said, "state")
    word = clean(state, WORD).lower().replace("-", "_") if isinstance(state, str) else "unknown"
    failures = None if isinstance(said, str) else _whole(said, ("failures", "failure_count"))
    return Breaker(clean(name, WORD), word, failures)


def timings(metrics: Any) -> tuple[Timing, ...]:
    """Timers and histograms; of two with one name the one that knows percentiles."""
    found: dict[str, Timing] = {}
    for section in ("histograms", "timers"):
        listed = path_of(metrics, section)
        for name, said in list(listed.items())[:CAP] if isinstance(listed, dict) else ():
            if isinstance(said, dict):
                timing = _timing(clean(name, WORD), said)
                found.setdefault(timing.name.removesuffix("_seconds"), timing)
    return tuple(found.values())


def _timing(name: str, said: dict[str, Any]) -> Timing:
    nested = said.get("percentiles")
    flat = {**nested, **said} if isinstance(nested, dict) else said
    p50, p95, p99 = (_span(flat, keys) for keys in _PERCENTILES)
    count, total = whole(said.get("count")), _span(flat, ("sum", "total"))
    average = _span(flat, _AVERAGE)
    if average is None and count and total is not None:
        average = total / count
    return Timing(name, count, average, p50, p95, p99, _span(flat, _LONGEST))


def _span(said: dict[str, Any], keys: tuple[str, ...]) -> float | None:
    """Seconds under the first of ``keys``, plain or with its unit."""
    for key, factor in _spelled(keys):
        found = number(said.get(key))
        if found is not None and found >= 0:
            return found * factor
    return None


def _spelled(keys: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    for key in keys:
        yield from ((key, 1.0), (f"{key}_seconds", 1.0), (f"{key}_s", 1.0), (f"{key}_ms", 0.001))


def _whole(said: dict[str, Any], keys: tuple[str, ...]) -> int | None:
    return next((found for key in keys if (found := whole(said.get(key))) is not None), None)
