"""Prometheus text, read as far as it can be read: pure.

The parser of the format's own library gives up at the first bad line; then every line is tried alone, and those that
stay unreadable are counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

LINES_LIMIT = 5000
"""Beyond this, only lines of the wanted prefix are read, and no more of them than this."""
LINE_CHARACTERS = 4096
CUT_LIMIT = 1 << 20


class Sample(NamedTuple):
    """One value. NaN and the infinities pass; :func:`finite` leaves them out."""

    name: str
    labels: Mapping[str, str]
    value: float


class Exposition(NamedTuple):
    """All readable samples, and how many lines were not readable."""

    samples: tuple[Sample, ...]
    bad_lines: int


def parse(body: bytes, prefix: str = "") -> Exposition:
    """The samples of an exposition; it never raises. ``prefix`` is what matters when there are too many lines."""
    lines = body[:CUT_LIMIT].decode("utf-8-sig", "replace").split("\n")
    if len(lines) > LINES_LIMIT:
        lines = [line for line in lines if prefix in line[:LINE_CHARACTERS]][:LINES_LIMIT]
    kept = [line for line in lines if len(line) <= LINE_CHARACTERS]
    too_long = len(lines) - len(kept)
    try:
        return Exposition(tuple(_samples("\n".join(kept) + "\n")), too_long)
    except (ValueError, ArithmeticError, LookupError, AttributeError, RecursionError):
        pass
    samples: list[Sample] = []
    bad = too_long
    for line in kept:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            samples += _samples(line + "\n")
        except (ValueError, ArithmeticError, LookupError, AttributeError, RecursionError):
            bad += 1
    return Exposition(tuple(samples), bad)


def finite(exposition: Exposition, name: str) -> list[float]:
    """The finite values of one metric over all its labels; a counter's ``_total`` may be there or not."""
    names = {name, f"{name}_total"}
    return [s.value for s in exposition.samples if s.name in names and math.isfinite(s.value)]


def _samples(exposition: str) -> Iterator[Sample]:
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 - 90 ms, only where needed

    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            yield Sample(sample.name, sample.labels, float(sample.value))
