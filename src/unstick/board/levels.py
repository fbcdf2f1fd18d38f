"""How bad it was, and when: the level of every Frame as stretches of time."""

from __future__ import annotations

import msgspec

from unstick.facts.level import Level
from unstick.facts.place import Stretch

GAP_S = 5.0
"""Without a Frame for longer, nobody knows."""


class Levels:
    """Grows at its end, one Frame after the other."""

    def __init__(self, gap_s: float = GAP_S) -> None:
        self._gap_s = gap_s
        self._stretches: list[Stretch] = []

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """In order of time."""
        return tuple(self._stretches)

    def add(self, at: float, level: Level) -> None:
        """The Frame of ``at`` was so bad."""
        last = self._stretches[-1] if self._stretches else None
        if last is None or at - last.end > self._gap_s:
            self._stretches.append(Stretch(at, at, level))
            return
        self._stretches[-1] = msgspec.structs.replace(last, end=at)
        if last.level is not level:
            self._stretches.append(Stretch(at, at, level))

    def forget(self, at: float) -> None:
        """Let go of what was before ``at``."""
        self._stretches = [
            msgspec.structs.replace(stretch, begin=max(stretch.begin, at))
            for stretch in self._stretches
            if stretch.end >= at
        ]
