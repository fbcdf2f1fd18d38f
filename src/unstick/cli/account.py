"""What a tape shows from its first to its last Frame: levels, findings, and the worst moment of every incident."""

from __future__ import annotations

import math
from collections.abc import Collection

import msgspec

from unstick.board.board import Board, fold
from unstick.board.events import Event
from unstick.board.findings import Finding
from unstick.board.levels import Levels
from unstick.facts.level import Level
from unstick.feeds.noticed import Noticed
from unstick.tape.meta import context_of
from unstick.tape.parts import Parts

MOST = 2000
"""Events that are told."""
FLICKER_S = 15.0
"""A finding that is back so soon never ended."""
CALM_S = 60.0
"""An incident is over when nothing was wrong for so long."""


class Found(msgspec.Struct):
    """One finding from ``begin`` to ``end`` (UTC seconds), as first seen at its worst, and as seen last."""

    begin: float
    end: float
    level: Level
    finding: Finding
    last: Finding
    open: bool = True


class Incident(msgspec.Struct):
    """A time when something was wrong, and the board of its worst moment."""

    begin: float
    end: float
    worst: Board


class Account:
    """Folds the whole tape once; the boards of the Frames ``asked`` for are kept."""

    def __init__(self, tape: Parts, asked: Collection[int] = ()) -> None:
        self.levels = Levels()
        self.findings: list[Found] = []
        self.incidents: list[Incident] = []
        self.boards: dict[int, Board] = {}
        self.events: list[Event] = []
        self._lost: set[str] = set()
        self.board: Board | None = None
        self._last: dict[str, Found] = {}
        context, noticed = context_of(tape.meta.settings), Noticed(tape)
        for number, frame in tape.frames():
            since = self.board.frame.at if self.board else -math.inf
            self.board = fold(self.board, frame, context, noticed.between(since, frame.at))
            self._take(self.board)
            self.events += [event for event in self.board.news if self._tells(event)][: MOST - len(self.events)]
            if number in asked:
                self.boards[number] = self.board

    def _tells(self, event: Event) -> bool:
        """That a source was found at the start is no news, and levels have a section of their own."""
        if event.what == "source":
            back, lost = event.level is Level.OK, event.id in self._lost
            self._lost ^= {event.id} if back == lost else set()
            return not back or lost
        return event.what != "level"

    @property
    def worst(self) -> Board | None:
        """The board of the worst moment of all."""
        return max((incident.worst for incident in self.incidents), key=badness, default=None)

    def _take(self, board: Board) -> None:
        at = board.frame.at
        self.levels.add(at, board.level)
        if board.level.rank >= Level.WARNING.rank:
            self._suffer(board)
        for found in self._last.values():
            found.open = False
        for finding in board.findings:
            self._find(finding, at)

    def _suffer(self, board: Board) -> None:
        at = board.frame.at
        if not self.incidents or at - self.incidents[-1].end > CALM_S:
            self.incidents.append(Incident(at, at, board))
        incident = self.incidents[-1]
        incident.end = at
        if badness(board) > badness(incident.worst):
            incident.worst = board

    def _find(self, finding: Finding, at: float) -> None:
        found = self._last.get(finding.id)
        if found is None or at - found.end > FLICKER_S:
            found = self._last[finding.id] = Found(at, at, finding.level, finding, finding)
            self.findings.append(found)
        found.end, found.last, found.open = at, finding, True
        if finding.level.rank > found.level.rank:
            found.level, found.finding = finding.level, finding


def badness(board: Board) -> tuple[int, int, int, int]:
    """What orders boards from calm to worst: level, critical findings, findings, things held back."""
    critical = sum(finding.level is Level.CRITICAL for finding in board.findings)
    held = sum(finding.held for finding in board.findings)
    return board.level.rank, critical, len(board.findings), held
