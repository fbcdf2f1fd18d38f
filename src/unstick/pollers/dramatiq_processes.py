"""Which Dramatiq process holds which messages, at the price of a few commands per process.

Every command that a process sends renews its score, so one whose score stands has fetched nothing since: it is asked
again only while it holds messages, which another process may take from it once it counts as dead.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from unstick.facts.dramatiq import DramatiqProcess
from unstick.facts.text import clean
from unstick.pollers.redis_round import Answer, RoundTrip

PAGE: Final = 1000
PAGES: Final = 5
"""Processes are known up to PAGE * PAGES, the newest beats first."""
FACT_CAP: Final = 500
"""Processes in a fact. Those that hold messages are never cut, whatever their number; then the newest beats."""
MEMBERS_CAP: Final = 200
"""Message ids that are read of one process and queue; with more the mark stays unknown."""


class Processes:
    """Everyone in the heartbeats of one namespace."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._known: dict[str, _Process] = {}
        self._names: tuple[str, ...] = ()
        self._again = False

    def meet(self, beats: Mapping[str, float], *, everyone: bool, again: bool) -> None:
        """Note the scores; ``everyone`` says that who is not among them has left, ``again`` to ask even the still."""
        if everyone:
            self._known = {name: process for name, process in self._known.items() if name in beats}
        for name, score in beats.items():
            self._known.setdefault(name, _Process(f"{self._prefix}__acks__.{name}.")).beat(score)
        self._again = again

    def ask(self, trip: RoundTrip, queues: Sequence[str]) -> None:
        """Ask those who can have changed."""
        names = tuple(name for queue in queues for name in (queue, f"{queue}.DQ"))
        again = self._again or names != self._names
        self._names = names
        for process in self._known.values():
            process.ask(trip, names, anyway=again)

    def ask_more(self, trip: RoundTrip) -> None:
        """Ask for the counts of sets that turned out to exist."""
        for process in self._known.values():
            process.ask_more(trip)

    def settle(self) -> None:
        """Take the answers."""
        for process in self._known.values():
            process.settle()

    def facts(self) -> tuple[DramatiqProcess, ...]:
        """The processes, newest beats first, at most :data:`FACT_CAP` unless more hold messages."""
        newest = sorted(self._known.items(), key=lambda item: -item[1].score)
        holders = sum(process.holds for _, process in newest)
        spare = max(0, FACT_CAP - holders)
        shown = []
        for name, process in newest:
            if not process.holds:
                spare -= 1
                if spare < 0:
                    continue
            shown.append(process.fact(name))
        return tuple(shown)


class _Process:
    """One heartbeat id and the sets of messages it fetched and has not acknowledged."""

    def __init__(self, keys: str) -> None:
        self._keys = keys
        self.score = 0.0
        self._moved = True
        self._counts: dict[str, int | None] = {}
        self._members: dict[str, frozenset[object] | None] = {}
        self._gone = 0
        self._names: tuple[str, ...] = ()
        self._asked: dict[str, Answer] = {}
        self._others: Answer | None = None

    @property
    def holds(self) -> bool:
        """Whether it has messages, or may have."""
        return any(count != 0 for count in self._counts.values())

    def beat(self, score: float) -> None:
        score = score if math.isfinite(score) else 0.0
        self._moved = self._moved or score != self.score
        self.score = score

    def ask(self, trip: RoundTrip, names: tuple[str, ...], *, anyway: bool) -> None:
        self._asked, self._others = {}, None
        if not (anyway or self._moved or self.holds):
            return
        self._moved = True
        self._names = names
        for name in names:
            count = self._counts.get(name, 0)
            if count != 0:
                small = count is not None and count <= MEMBERS_CAP and not name.endswith(".DQ")
                self._asked[name] = trip.ask("SMEMBERS" if small else "SCARD", self._keys + name)
        others = [self._keys + name for name in names if name not in self._asked]
        self._others = trip.ask("EXISTS", *others) if others else None

    def ask_more(self, trip: RoundTrip) -> None:
        if self._others is not None and self._others.count != 0:
            for name in self._names:
                if name not in self._asked:
                    self._asked[name] = trip.ask("SCARD", self._keys + name)

    def settle(self) -> None:
        if not (self._asked or self._others):
            return
        self._counts = dict.fromkeys(self._names, 0)
        for name, answer in self._asked.items():
            self._counts[name] = len(answer.items) if answer.items is not None else answer.count
        for name in self._names:
            if not name.endswith(".DQ"):
                self._compare(name, self._asked.get(name))
        self._asked, self._others, self._moved = {}, None, False

    def fact(self, name: str) -> DramatiqProcess:
        return DramatiqProcess(
            id=clean(name),
            beat_at=self.score / 1000,
            held=_sum(count for queue, count in self._counts.items() if not queue.endswith(".DQ")),
            held_delayed=_sum(count for queue, count in self._counts.items() if queue.endswith(".DQ")),
            in_flight_mark=self._mark(),
        )

    def _compare(self, name: str, answer: Answer | None) -> None:
        """Count a look in which a held message was gone. Of a set that was just found only the size was read yet."""
        nothing: frozenset[object] = frozenset()
        before, count = self._members.get(name, nothing), self._counts[name]
        if answer is not None and answer.items is not None:
            now: frozenset[object] | None = frozenset(item for item in answer.items if isinstance(item, bytes))
        elif count is None or count > MEMBERS_CAP:
            now = None
        else:
            now = before if count and before is not None else nothing
        self._gone += before is not None and now is not None and not before <= now
        self._members[name] = now

    def _mark(self) -> str | None:
        """``None`` while nothing is held outside the delayed queues, or while it is too much to be read."""
        held = [name for name, count in self._counts.items() if count != 0 and not name.endswith(".DQ")]
        return str(self._gone) if held and all(self._members.get(name) is not None for name in held) else None


def _sum(counts: Iterable[int | None]) -> int | None:
    """The sum when every count is known and there is one."""
    known = list(counts)
    return sum(count or 0 for count in known) if known and None not in known else None
