"""Where in time a board stands, and what else there is to see: told by whichever feed has a past."""

from __future__ import annotations

import msgspec

from unstick.facts.incident import Incident
from unstick.facts.level import Level


class Stretch(msgspec.Struct, frozen=True):
    """One level from ``begin`` to ``end``, UTC seconds. Between two stretches that do not touch is a gap."""

    begin: float
    end: float
    level: Level


class Tick(msgspec.Struct, frozen=True):
    """What happened at one instant: a ``mark`` with its note, an ``action`` with its receipt."""

    kind: str
    at: float
    text: str


class Place(msgspec.Struct, frozen=True):
    """``at`` is shown, ``first_at`` and ``last_at`` are the ends of what there is, UTC seconds.

    ``grows``: there will be more; ``following``: the newest is shown, and the next will be.
    """

    name: str
    """Of what is played, in one word: ``live``, ``replay``."""
    at: float
    first_at: float
    last_at: float
    grows: bool = False
    following: bool = False
    paused: bool = False
    speed: float = 1.0
    over: bool = False
    """It stays at its end."""
    surveyed_at: float = 0.0
    """Until then levels are known."""
    stretches: tuple[Stretch, ...] = ()
    ticks: tuple[Tick, ...] = ()
    compared_at: float | None = None
    """The instant that this one is compared with."""
    taped: str | None = None
    """How much is on the tape that is being made, in words; ``None``: none is."""
    tape_trouble: str | None = None
    """Why nothing is recorded now."""
    reel_trouble: str | None = None
    """What happened to the recording that is played."""
    since_at: float | None = None
    """What is shown is folded from there on, until the fold of everything before is there; ``None``: it is."""
    folded_at: float = 0.0
    """So far everything is folded."""
    incident: Incident | None = None
    """That people are at, at the instant that is shown."""

    @property
    def behind_s(self) -> float:
        """How far the newest is ahead of what is shown."""
        return max(0.0, self.last_at - self.at)
