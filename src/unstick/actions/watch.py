"""What one process has seen of rows between its looks: how long each stood unchanged."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from unstick.actions.evidence import LOOK_S, Seen


class _Track(msgspec.Struct):
    version: str
    since: float
    looked: float
    looks: int


class Watch:
    """``monotonic`` is a clock that never steps, in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._tracks: dict[str, _Track] = {}

    def look(self, versions: Mapping[str, str], *, whole: bool = True) -> dict[str, Seen]:
        """Note one look: key -> version of each row. After a ``whole`` look, rows that were not in it are forgotten.

        Looks closer to each other than :data:`LOOK_S` count once.
        """
        now = self._monotonic()
        before = self._tracks
        self._tracks = {} if whole else dict(before)
        return {key: self._noted(key, version, before.get(key), now) for key, version in versions.items()}

    def _noted(self, key: str, version: str, track: _Track | None, now: float) -> Seen:
        if track is None or track.version != version:
            track = _Track(version, now, now, 1)
        elif now - track.looked >= LOOK_S:
            track.looked, track.looks = now, track.looks + 1
        self._tracks[key] = track
        return Seen(track.looks, now - track.since)
