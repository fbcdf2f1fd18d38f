"""Runs of the balance sync on a line of time: those that succeeded, now, and when the next is due."""

from __future__ import annotations

from unstick.board.memory import TIERS_S, Memory
from unstick.board.sync import Sync
from unstick.facts.units import clock_time
from unstick.views.pane import Axis, Role

BEFORE, AFTER = 5.0, 1.0
"""Periods that are shown before now and after it."""


def successes(memory: Memory, name: str = "sync:lag") -> list[float]:
    """Instants of past successes, as far as the history of the lag tells; a second within a column is not seen."""
    found: list[float] = []
    for tier, step_s in enumerate(TIERS_S):
        series = memory.tier(name, tier)
        if series is None:
            continue
        first = series.column - len(series.values) + 1
        ends = [((first + nth + 1) * step_s, lag) for nth, lag in enumerate(series.values) if lag is not None]
        for at, lag in ends:
            if all(abs(at - lag - other) > 2 * step_s for other in found):
                found.append(at - lag)
    return sorted(found)


def timeline(sync: Sync, memory: Memory, now: float) -> Axis:
    """The last runs, what is late, and the next one."""
    begin, end = now - BEFORE * sync.every_s, now + AFTER * sync.every_s

    def share(at: float) -> float:
        return (at - begin) / (end - begin)

    last = None if sync.lag_s is None else now - sync.lag_s
    due = None if sync.due_in_s is None else now + sync.due_in_s
    runs = []
    if last is not None and last + sync.every_s < now:
        late = Role.CRITICAL if sync.overdue else Role.WARNING
        runs.append((max(0.0, share(last + sync.every_s)), share(now), "━", late))
    done = [*successes(memory), *([last] if last is not None else [])]
    marks = [(share(at), "●", Role.OK) for at in done if begin <= at <= now]
    marks.append((share(now), "┃", Role.ACCENT))
    if due is not None and now < due <= end:
        marks.append((share(due), "○", Role.TEXT))
    head, tail = clock_time(begin, seconds=False), clock_time(end, seconds=False)
    return Axis(head, tail, tuple(runs), tuple(marks))
