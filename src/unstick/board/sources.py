"""The state of every source, and the readings of one system with their age."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, Literal, TypeVar

import msgspec

from unstick.facts.frame import Fact, Frame, Observation
from unstick.facts.reading import Cost, Fresh, Missing, Source, Stale, Trouble, TroubleKind

FactT = TypeVar("FactT", bound=Fact)

STALE_FLOOR_S = 5.0
"""A shorter silence is a hiccup; a source that fails for longer is unseen, however slowly it is asked."""
LATE_LOOKS = 6.0
"""A server that needs long for an answer is asked less often: its readings may be this many looks old."""
HICCUP_S = 10.0
"""A server that answered before may fail this long before it counts as down."""

State = Literal["fresh", "stale", "missing"]


class SourceState(msgspec.Struct, frozen=True):
    """One source as the header and ``status --json`` tell it. ``age_s`` is ``None`` when it was never seen."""

    source: Source
    state: State
    age_s: float | None
    trouble: Trouble | None
    failing_s: float | None
    cost: Cost

    @property
    def pending(self) -> bool:
        """Not asked yet: neither good nor bad."""
        return self.trouble is not None and self.trouble.kind is TroubleKind.PENDING


class Seen(Generic[FactT]):
    """A value with its age. ``current``: young enough for totals; else it is shown, but counts as unknown."""

    __slots__ = ("age_s", "at", "current", "source", "trouble", "value")

    def __init__(self, source: Source, value: FactT, at: float, now: float, stale_after_s: float) -> None:
        self.source = source
        self.value = value
        self.at = at
        self.age_s = max(0.0, now - at)
        self.current = self.age_s <= stale_after_s


def stale_after_s(source: Source, cost: Cost, factor: float) -> float:
    """How old a reading may be and still count: some intervals, at least 5 s, and more when it took long to have."""
    return max(factor * source.interval_s, STALE_FLOOR_S, LATE_LOOKS * cost.took_s)


def source_state(observation: Observation, now: float, factor: float) -> SourceState:
    """The state of one observation at ``now``."""
    source, reading = observation.source, observation.reading
    match reading:
        case Missing(trouble, since):
            return SourceState(source, "missing", None, trouble, max(0.0, now - since), Cost())
        case Stale(_, at, trouble, since, cost):
            return SourceState(source, "stale", max(0.0, now - at), trouble, max(0.0, now - since), cost)
        case Fresh(_, at, cost):
            age = max(0.0, now - at)
            late = age > stale_after_s(source, cost, factor)
            overdue = Trouble(TroubleKind.TIMEOUT, "no newer answer") if late else None
            return SourceState(source, "stale" if late else "fresh", age, overdue, None, cost)


class Sight:
    """A Frame with its readings at hand by type of fact."""

    def __init__(self, frame: Frame, factor: float) -> None:
        self.frame = frame
        self.now = frame.at
        self._factor = factor
        self.sources = tuple(source_state(o, frame.at, factor) for o in frame.observations)

    def seen(self, kind: type[FactT]) -> Iterator[Seen[FactT]]:
        """Readings with a value of type ``kind``, current or not."""
        for observation in self.frame.observations:
            reading = observation.reading
            if isinstance(reading, Fresh | Stale) and isinstance(reading.value, kind):
                limit = stale_after_s(observation.source, reading.cost, self._factor)
                if isinstance(reading, Stale) and self.now - reading.since >= STALE_FLOOR_S:
                    limit = -1.0
                yield Seen(observation.source, reading.value, reading.at, self.now, limit)

    def states(self, *systems: str) -> tuple[SourceState, ...]:
        """The sources of ``systems``."""
        return tuple(state for state in self.sources if state.source.system in systems)

    def blind(self, *systems: str) -> tuple[SourceState, ...]:
        """Sources of ``systems`` whose numbers can't be counted now: missing, or too old."""
        return tuple(s for s in self.states(*systems) if s.age_s is None or not self._young(s))

    @property
    def unseen(self) -> frozenset[str]:
        """The ids of all sources whose numbers can't be counted now, those not asked yet left out."""
        return frozenset(s.source.id for s in self.sources if not s.pending and not self._young(s))

    def _young(self, state: SourceState) -> bool:
        if state.age_s is None or (state.failing_s or 0.0) >= STALE_FLOOR_S:
            return False
        return state.age_s <= stale_after_s(state.source, state.cost, self._factor)
