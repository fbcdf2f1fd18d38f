"""What changed from one Frame to the next: findings, workers, sources, the level. Derived, so replays have it too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

from unstick.board.findings import Finding
from unstick.board.worker import Worker
from unstick.facts.level import Level, worst

if TYPE_CHECKING:
    from unstick.board.board import Board

What = Literal[
    "begins", "ends", "worse", "better", "merges", "unseen", "worker", "source", "level", "noticed", "mark", "action"
]
KEPT = 200
"""Events that a board remembers."""
MANY = 4
"""So many workers that did the same in one Frame are one event."""
_GOOD = frozenset({"came", "is back", "left"})
_VERBS = {"alive": "is back", "dead": "died", "stalled": "stalls"}


class Event(msgspec.Struct, frozen=True):
    """``id`` is that of the finding, worker or source; ``level`` that of what is told, ``OK`` for good news."""

    at: float
    what: What
    level: Level
    id: str
    text: str
    sources: tuple[str, ...] = ()
    """Who said so."""


def happened(before: Board | None, after: Board) -> Iterator[Event]:
    """The events of one Frame, sources first, causes before symptoms."""
    yield from _sources(before, after)
    yield from _findings(before, after)
    yield from noticed(before, after)
    if before is not None:
        yield from _workers(before, after)
    if before is None or before.level != after.level:
        yield Event(after.frame.at, "level", after.level, "level", f"{after.context.name} is {after.level.value}")


def _sources(before: Board | None, after: Board) -> Iterator[Event]:
    states = {state.source.id: state for state in before.sources} if before else {}
    for state in after.sources:
        old = states.get(state.source.id)
        if state.pending or (old is not None and old.state == state.state and old.pending == state.pending):
            continue
        text = f"{state.source.id} is {state.state}" + (f": {state.trouble.text}" if state.trouble else "")
        level = Level.OK if state.state == "fresh" else Level.UNKNOWN
        yield Event(after.frame.at, "source", level, state.source.id, text, (state.source.id,))


def _findings(before: Board | None, after: Board) -> Iterator[Event]:
    at, known = after.frame.at, {finding.id: finding for finding in before.findings} if before else {}
    stood = _standing(before) if before else frozenset()
    for finding in after.findings:
        old = known.get(finding.id)
        if old is None and finding.id not in stood:
            yield Event(at, "begins", finding.level, finding.id, finding.title, finding.sources)
        elif old is not None and old.level is not finding.level:
            what: What = "worse" if finding.level.rank > old.level.rank else "better"
            yield Event(at, what, finding.level, finding.id, finding.title, finding.sources)
    lines, stands = {finding.id for finding in after.findings}, _standing(after)
    for name, old in known.items():
        if name not in lines:
            ended = Event(at, "ends", Level.OK, name, old.title, old.sources)
            yield _left(old, after) if name in stands else ended


def _standing(board: Board) -> frozenset[str]:
    return frozenset(name for name, each in board.verdict.standing.items() if each.level is not Level.OK)


def _left(old: Finding, after: Board) -> Event:
    """A line that is none any more, though what it says still stands: a cause was found, or its source was lost."""
    at = after.frame.at
    for line in after.findings:
        symptom = next((symptom for symptom in line.symptoms if symptom.id == old.id), None)
        if symptom is not None and symptom.level is Level.UNKNOWN:
            return Event(at, "unseen", Level.UNKNOWN, old.id, f"{old.title}: can't be seen now", old.sources)
        if symptom is not None:
            return Event(at, "merges", old.level, old.id, f"{old.title}: follows from {line.id}", old.sources)
    return Event(at, "merges", old.level, old.id, old.title, old.sources)


def noticed(before: Board | None, after: Board) -> Iterator[Event]:
    """Who took notice of what, and where that is over."""
    old, new = before.acks if before else {}, after.acks
    if old is new:
        return
    levels = {finding.id: finding.level for finding in after.findings}
    for name, standing in new.items():
        if name not in old or old[name].ack != standing.ack:
            whom = f" by {standing.ack.by}" if standing.ack.by else ""
            text = f"{standing.ack.said}{whom}"
            yield Event(after.frame.at, "noticed", levels.get(name, Level.OK), name, text)
    for name, standing in old.items():
        if name not in new:
            text = f"no longer {'acknowledged' if standing.ack.until is None else 'snoozed'}: {standing.ack.title}"
            yield Event(after.frame.at, "noticed", levels.get(name, Level.OK), name, text)


def _workers(before: Board, after: Board) -> Iterator[Event]:
    """Who came, left, died, stalls or is back; only by sources that were seen both times."""
    old, new = _by_key(before), _by_key(after)
    watched = {s.source.id for s in before.sources if s.state == "fresh"}
    watched &= {s.source.id for s in after.sources if s.state != "missing"}
    told: dict[tuple[str, str], list[Worker]] = defaultdict(list)
    for key, worker in new.items():
        was = old.get(key)
        verb = "" if worker.source not in watched else _verb(was, worker)
        if verb:
            told[worker.container or worker.source, verb].append(worker)
    for key, worker in old.items():
        # A crawler's worker is only known while it holds something.
        if key not in new and worker.kind != "crawler" and worker.life != "left" and worker.source in watched:
            told[worker.container or worker.source, "is gone"].append(worker)
    for (whose, verb), workers in told.items():
        level = Level.OK if verb in _GOOD else worst(worker.level for worker in workers)
        if len(workers) >= MANY:
            text = f"{len(workers)} workers of {whose}: each {verb}"
            yield Event(after.frame.at, "worker", level, whose, text, (workers[0].source,))
        else:
            for worker in workers:
                text = f"worker {worker.name} {verb}"
                yield Event(after.frame.at, "worker", level, worker.id, text, (worker.source,))


def _verb(was: Worker | None, worker: Worker) -> str:
    if was is None:
        return "came" if worker.kind != "crawler" and worker.life == "alive" else ""
    if worker.life == was.life or "unknown" in {worker.life, was.life}:
        return ""
    return "left" if worker.life == "left" else _VERBS[worker.life]


def _by_key(board: Board) -> Mapping[tuple[str, str], Worker]:
    workers = board.subjects.workers
    return {(worker.source, worker.id): worker for worker in workers.items} if workers else {}
