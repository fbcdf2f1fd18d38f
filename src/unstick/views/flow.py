"""How fast a queue fills and empties, as far as its depth tells."""

from __future__ import annotations

from itertools import pairwise

import msgspec

from unstick.board.memory import COLUMN_S, Memory
from unstick.facts.units import count, duration

WINDOW = 13
"""Columns of five seconds whose twelve steps make a minute."""


class Flow(msgspec.Struct, frozen=True):
    """Messages per minute, at least: what came and went between two looks is not seen. ``None``: not known yet.

    ``drain_s``: until it is empty at this rate; ``None`` where it does not shrink.
    """

    in_per_min: float | None
    out_per_min: float | None
    growth_per_min: float | None
    drain_s: float | None
    depth: int | None

    @property
    def told_in(self) -> str:
        """The rate in, in words."""
        return "–" if self.in_per_min is None else f"at least {count(self.in_per_min)} a minute"

    @property
    def told_out(self) -> str:
        """The rate out, in words."""
        return "–" if self.out_per_min is None else f"at least {count(self.out_per_min)} a minute"

    @property
    def told_drain(self) -> str:
        """When it will be empty, in words."""
        if not self.depth:
            return "it is empty" if self.depth == 0 else "–"
        if self.growth_per_min is None:
            return "–"
        return "never: it does not shrink" if self.drain_s is None else duration(self.drain_s)

    @property
    def says(self) -> str:
        """What it does, in a few words."""
        if self.growth_per_min is None:
            return "how fast is not known yet"
        if self.drain_s is not None:
            return f"empty in {duration(self.drain_s)}"
        grows = self.growth_per_min >= 0.5
        return f"grows by {count(self.growth_per_min)} a minute" if grows else "neither grows nor shrinks"


def flow(memory: Memory, name: str, depth: int | None, growth_per_min: float | None) -> Flow:
    """The flow of the queue whose depth is recorded as ``name``."""
    values = memory.values(name)[-WINDOW:]
    known = [value for value in values if value is not None]
    if len(known) < 4 or depth is None:
        return Flow(None, None, growth_per_min, None, depth)
    steps = [later - earlier for earlier, later in pairwise(known)]
    minutes = len(steps) * COLUMN_S / 60
    came, went = sum(step for step in steps if step > 0), -sum(step for step in steps if step < 0)
    shrinks = growth_per_min is not None and growth_per_min <= -0.5 and depth > 0
    drain = depth * 60 / -growth_per_min if shrinks and growth_per_min else None
    return Flow(came / minutes, went / minutes, growth_per_min, drain, depth)
