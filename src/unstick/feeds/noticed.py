"""The acknowledgements among the events of a reel, by their instants."""

from __future__ import annotations

from bisect import bisect_right

from unstick.facts.ack import Ack, ack_of
from unstick.tape.event import MARK
from unstick.tape.reel import Reel


class Noticed:
    """Reads each event once, however often it is asked."""

    def __init__(self, reel: Reel) -> None:
        self._reel = reel
        self._seen: tuple[float, ...] = ()
        self._times: list[float] = []
        self._acks: list[Ack] = []

    def between(self, after: float, until: float) -> list[Ack]:
        """Those set after one instant and not after another, UTC seconds."""
        events = self._reel.events()
        state = (len(events), events[0].at, events[-1].at) if events else ()
        if state != self._seen:
            self._seen = state
            found = [(e.at, ack) for e in events if e.event == MARK and (ack := ack_of(e.details)) is not None]
            self._times, self._acks = [at for at, _ in found], [ack for _, ack in found]
        return self._acks[bisect_right(self._times, after) : bisect_right(self._times, until)]
