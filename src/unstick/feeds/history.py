"""The board at any Frame of a reel: the fold over everything before it, digit for digit as it was live."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from unstick.board.acks import answered
from unstick.board.board import Board, fold
from unstick.board.events import KEPT, noticed
from unstick.board.levels import Levels
from unstick.facts.ack import Ack
from unstick.facts.frame import Frame
from unstick.facts.place import Stretch
from unstick.feeds.checkpoints import Checkpoints
from unstick.feeds.glance import Glance
from unstick.feeds.noticed import Noticed
from unstick.settings import Context
from unstick.tape.reel import Reader, Reel

BACK = 900
"""Frames that a jump beyond the edge looks back, until the edge is there: the board remembers twelve minutes."""
LEAP = 5
"""Far behind such an aim every so-manieth Frame is folded: a column of its charts."""
CLOSE = 60
"""Of those Frames every one is folded."""
NEAR = 64
"""Boards that are kept around the place that was visited last, for steps back."""


class Visit(NamedTuple):
    """The board after Frame ``number``; folded from Frame ``since`` on, ``None``: from the first one on."""

    number: int
    board: Board | None
    since: int | None = None


class History:
    """Boards by the number of their Frame.

    Its *edge* folds the reel from the first Frame on: live as they come, otherwise ahead of whoever watches
    (:meth:`advance`). What the edge has passed is exact, wherever one jumps: checkpoints are kept on the way. A jump
    far beyond it is told at first by the :data:`BACK` Frames before its aim (:attr:`since` says so), and exactly when
    the edge has come by.
    """

    def __init__(self, reel: Reel, context: Context) -> None:
        self.context = context
        self._reel = reel
        self._levels = Levels()
        self._glance = Glance(reel, context)
        self._edge: tuple[int, Board | None] = (reel.first - 1, None)
        self._scout = Reader(reel)
        self._noticed = Noticed(reel)
        self._walker = Reader(reel)
        self._here = Visit(*self._edge)
        self._aim = self.edge
        """Where :meth:`towards` leads, or led last: the edge may be there first."""
        self._near: dict[int, Board] = {}
        self._near_since: int | None = None
        self._kept = Checkpoints(context)

    # The edge.

    @property
    def edge(self) -> int:
        """The number of the newest Frame that was folded in its turn."""
        return self._edge[0]

    @property
    def folded_at(self) -> float:
        """So far the edge has come, UTC seconds."""
        return self._reel.at(max(self.edge, self._reel.first))

    @property
    def surveyed_at(self) -> float:
        """Until then levels are known, UTC seconds."""
        return max(self.folded_at, self._glance.at)

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """How bad it was, in order of time: exactly where the edge has been, roughly where only a glance has."""
        exact = self._levels.stretches
        known_at = exact[-1].end if exact else 0.0
        rough = (s for s in self._glance.levels.stretches if s.end > known_at)
        return (*exact, *(msgspec.structs.replace(s, begin=max(s.begin, known_at)) for s in rough))

    def glance(self) -> bool:
        """Look at one Frame more of a long recording, far ahead of the edge; whether there was one."""
        return self._glance.advance()

    def advance(self) -> bool:
        """Fold one Frame more at the edge; whether there was one."""
        number, board = self._edge
        ahead = number + 1
        if ahead > self._reel.last:
            return False
        frame = self._scout.frame(ahead)
        if frame is not None:
            board = self._folded(board, frame)
            self._levels.add(self._reel.at(ahead), board.level)
            self._kept.offer(ahead, board)
        self._edge = ahead, board
        if ahead == self._aim:
            self._here = Visit(ahead, board)
        return True

    def _folded(self, board: Board | None, frame: Frame) -> Board:
        since = board.frame.at if board is not None else -math.inf
        return fold(board, frame, self.context, self._noticed.between(since, frame.at))

    @property
    def newest(self) -> Board | None:
        """The board at the edge."""
        return self._edge[1]

    def notice(self, ack: Ack) -> None:
        """Let the board at the edge know at once what a mark of its instant says."""
        number, board = self._edge
        if board is None:
            return
        known = msgspec.structs.replace(board, acks=answered(board.acks, (ack,), board.frame.at))
        news = tuple(noticed(board, known))
        known = msgspec.structs.replace(known, news=(*board.news, *news), timeline=(*board.timeline, *news)[-KEPT:])
        self._edge = number, known
        self._kept.offer(number, known)
        if number in self._near:
            self._near[number] = known
        if self._here.number == number:
            self._here = Visit(number, known, self._here.since)

    def forget(self) -> int | None:
        """Let go of the oldest part, as far as the board after it is known; the number of its Frame."""
        number = self._kept.after(self._reel.first)
        if number is not None:
            self._kept.forget(number)
            self._levels.forget(self._reel.at(number))
        return number

    # Any place.

    def board(self, number: int) -> Board | None:
        """The board after Frame ``number``; ``None`` when nothing up to it can be read."""
        for _ in self.towards(number):
            pass
        return self.visited

    @property
    def visited(self) -> Board | None:
        """The board where :meth:`towards` went last."""
        return self._here.board

    @property
    def since(self) -> int | None:
        """The Frame from which on that board is folded; ``None``: from the first one on, it is exact."""
        return self._here.since

    def glimpse(self, number: int) -> Board | None:
        """What Frame ``number`` says by itself: on an older board, what happened in between would be told wrongly."""
        frame = self._reel.frame(number)
        return None if frame is None else self._folded(None, frame)

    def towards(self, number: int) -> Iterator[None]:
        """Fold on to Frame ``number``, one at a time, so that others can work in between."""
        self._aim = number
        place, board, since = self._start(number)
        if place == self.edge and since is None:
            yield from self._along(number)
            return
        blank = since is not None and board is None
        if blank or since != self._near_since:
            self._near, self._near_since = {}, since
        for n in _path(place, number, leaps=blank):
            frame = self._walker.frame(n)
            if frame is not None:
                board = self._folded(board, frame)
                self._remember(n, board)
                yield
        self._here = Visit(number, board, since)

    def _along(self, number: int) -> Iterator[None]:
        """Take the edge to Frame ``number``."""
        if self._near_since is not None:
            self._near, self._near_since = {}, None
        while self.edge < number and self.advance():
            place, board = self._edge
            if board is not None:
                self._remember(place, board)
            yield
        if self.edge == number:
            self._here = Visit(*self._edge)

    def _remember(self, number: int, board: Board) -> None:
        self._near[number] = board
        if len(self._near) > NEAR:
            del self._near[next(iter(self._near))]

    def _start(self, number: int) -> Visit:
        """The nearest known board at or before Frame ``number``."""
        behind = [self._here, *(Visit(n, board, self._near_since) for n, board in self._near.items())]
        behind = [visit for visit in behind if visit.number <= number]
        exact = [visit for visit in behind if visit.since is None]
        exact += [Visit(self._reel.first - 1, None), *([Visit(*self._edge)] if self.edge <= number else [])]
        best, kept = max(exact, key=_number), self._kept.nearest(number)
        if kept is not None and kept > best.number:
            return Visit(kept, self._kept.board(kept))
        rough = max(behind, key=_number, default=best)
        if number <= self.edge or number - best.number <= BACK:
            return best
        aim = number - BACK
        return rough if rough.number >= aim else Visit(aim - 1, None, aim)


def _number(visit: Visit) -> int:
    return visit.number


def _path(place: int, number: int, *, leaps: bool) -> Iterator[int]:
    """Which Frames to fold on the way: behind a jump with nothing to stand on, leaps are enough at first."""
    if leaps:
        yield from range(place + 1, number - CLOSE, LEAP)
        place = max(place, number - CLOSE - 1)
    yield from range(place + 1, number + 1)
