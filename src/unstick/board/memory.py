"""What must be remembered between looks: since when a value has not changed, and bounded history for charts.

Both are values: a fold returns new ones, so that replaying the same Frames gives the same board.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import msgspec

COLUMN_S = 5.0
COLUMNS = 144
"""Twelve minutes of history at one column per five seconds."""
TIERS_S = (COLUMN_S, 60.0, 600.0)
"""Beside it as many columns of a minute and of ten, for charts: two hours and a day."""

Value = str | float | None


class Track(msgspec.Struct, frozen=True):
    """One remembered value. ``since``: when it last changed; ``looks``: how often it was seen unchanged."""

    value: Value
    since: float
    first: float
    looks: int
    changed: bool = False
    """It changed at least once while it was watched."""


class Series(msgspec.Struct, frozen=True):
    """Values in columns of :data:`COLUMN_S`, the newest last; ``None`` is a gap. ``column`` numbers the newest."""

    column: int
    values: tuple[float | None, ...]

    def added(self, column: int, value: float | None) -> Series:
        """This series with ``value`` in ``column``: the newest value of a column wins, gaps are kept as gaps."""
        if column <= self.column:
            kept = self.values[-1] if value is None else value
            return Series(self.column, (*self.values[:-1], kept))
        gap = min(column - self.column - 1, COLUMNS)
        return Series(column, (*self.values, *([None] * gap), value)[-COLUMNS:])


class Memory(msgspec.Struct, frozen=True, eq=False):
    """Tracks by source and key, and series by name."""

    tracks: Mapping[str, Mapping[str, Track]] = {}
    looked_at: Mapping[str, float] = {}
    series: Mapping[str, Series] = {}
    coarse: Mapping[str, tuple[Series, ...]] = {}
    """The same names at the tiers after the first; of every column the first value that was known."""

    def track(self, source: str, key: str) -> Track | None:
        """What is remembered of ``key`` of ``source``."""
        return self.tracks.get(source, {}).get(key)

    def values(self, name: str) -> tuple[float | None, ...]:
        """The history called ``name``, oldest first; empty when there is none."""
        series = self.series.get(name)
        return series.values if series else ()

    def tier(self, name: str, tier: int) -> Series | None:
        """The history called ``name`` in columns of ``TIERS_S[tier]``."""
        if tier == 0:
            return self.series.get(name)
        coarse = self.coarse.get(name)
        return coarse[tier - 1] if coarse else None

    def rises(self, name: str, window_s: float = 60.0) -> int:
        """How often a history rose within its last ``window_s``: once is a step, several times is growth."""
        known = [value for _, value in self._known(name, window_s)]
        return sum(later > earlier for earlier, later in pairwise(known))

    def rate_per_min(self, name: str, window_s: float = 60.0, *, counter: bool = False) -> float | None:
        """Growth of a history over its last ``window_s``, per minute; ``None`` below 15 s of data.

        A ``counter`` only rises: where it fell it began anew, and what was before that does not count.
        """
        known = self._known(name, window_s)
        if counter:
            known = known[max((n for n in range(1, len(known)) if known[n][1] < known[n - 1][1]), default=0) :]
        if len(known) < 4:
            return None
        (first, low), (last, high) = known[0], known[-1]
        return (high - low) * 60.0 / ((last - first) * COLUMN_S)

    def _known(self, name: str, window_s: float) -> list[tuple[int, float]]:
        """The columns of the last ``window_s`` that have a value, each with its number."""
        values = self.values(name)[-(int(window_s / COLUMN_S) + 1) :]
        return [(index, value) for index, value in enumerate(values) if value is not None]


class Notes:
    """Collects what one fold wants to remember, then becomes the next :class:`Memory`."""

    def __init__(self, before: Memory, at: float) -> None:
        self.before = before
        self.at = at
        self._column = int(at // COLUMN_S)
        self._coarse_columns = tuple(int(at // step) for step in TIERS_S[1:])
        self._tracks: dict[str, Mapping[str, Track]] = dict(before.tracks)
        self._looked: dict[str, float] = dict(before.looked_at)
        self._series: dict[str, Series] = {}
        self._coarse: dict[str, tuple[Series, ...]] = {}

    def remember(self, source: str, looked_at: float, values: Mapping[str, Value]) -> None:
        """Track ``values`` of one look of ``source``; the same look told twice counts once."""
        if self._looked.get(source) == looked_at:
            return
        before = self._tracks.get(source, {})
        self._tracks[source] = {key: _next(before.get(key), value, looked_at) for key, value in values.items()}
        self._looked[source] = looked_at

    def track(self, source: str, key: str) -> Track | None:
        """The track as this fold left it."""
        return self._tracks.get(source, {}).get(key)

    def record(self, name: str, value: float | None) -> None:
        """Put ``value`` into the history called ``name``."""
        known = self.before.series.get(name)
        self._series[name] = known.added(self._column, value) if known else Series(self._column, (value,))
        if value is not None:
            self._coarsen(name, value)

    def _coarsen(self, name: str, value: float) -> None:
        known = self.before.coarse.get(name)
        columns = self._coarse_columns
        if known is None:
            self._coarse[name] = tuple(Series(column, (value,)) for column in columns)
        elif any(series.column < column for series, column in zip(known, columns, strict=True)):
            pairs = zip(known, columns, strict=True)
            self._coarse[name] = tuple(old if old.column >= new else old.added(new, value) for old, new in pairs)

    def risen(self, name: str, counter: float | None, window_s: float = 60.0) -> float | None:
        """Record a counter; by how much it rose within the last ``window_s``. ``None`` where that can't be said yet.

        What a counter had before it began anew does not count.
        """
        self.record(name, counter)
        known = [value for value in self.before.values(name)[-int(window_s / COLUMN_S) :] if value is not None]
        if counter is None or not known:
            return None
        return sum(max(0.0, later - earlier) for earlier, later in pairwise([*known, counter]))

    def memory(self) -> Memory:
        """Everything remembered; a history that nobody recorded for its whole length is dropped."""
        horizon = self._column - COLUMNS
        kept = {n: s for n, s in self.before.series.items() if n not in self._series and s.column > horizon}
        series = {**kept, **self._series}
        coarse = {name: long for name, long in self.before.coarse.items() if name in series}
        return Memory(self._tracks, self._looked, series, {**coarse, **self._coarse})


def _next(track: Track | None, value: Value, at: float) -> Track:
    if track is None:
        return Track(value, at, at, 1)
    if track.value != value:
        return Track(value, at, track.first, 1, changed=True)
    return Track(value, track.since, track.first, track.looks + 1, track.changed)
