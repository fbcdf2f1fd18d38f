"""A number of one's own: what a query, a command or a document said, and where it becomes too much."""

from __future__ import annotations

from typing import Literal

import msgspec

Way = Literal["sql", "redis", "json", "metric", "promql"]


class ProbeFacts(msgspec.Struct, frozen=True, tag="probe"):
    """``value`` is ``None`` when there was none, or no number: then ``text`` says what there was instead.

    ``warning``, ``critical`` and ``below`` are the entry's own: a replay judges by what was configured then.
    """

    name: str
    label: str
    way: Way
    value: float | None
    text: str | None
    unit: str
    warning: float | None
    critical: float | None
    below: bool
