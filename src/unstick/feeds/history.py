"""The board at any Frame of a reel: the fold over everything before it, digit for digit as it was live."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.board import Board, fold
from unstick.board.levels import GAP_S, Levels
from unstick.settings import Context
from unstick.tape.reel import Reader, Reel

BACK = 900
"""Frames that a jump into what was never folded looks back: the board remembers twelve minutes."""
LEAP = 5
"""Far behind its aim, or far too much to fold in full, every so-manieth Frame is folded: a column of its charts."""
CLOSE = 60
"""Of those Frames every one is folded."""
LONG = 7200
"""A finished recording of more Frames is surveyed in leaps."""
SPACING = 60
KEPT = 48
"""Boards that are kept to go on from; when there are more, every other one is forgotten."""
NEAR = 64
"""Boards that are kept around the place that was visited last, for steps back."""


class History:
    """Boards by the number of their Frame.

    Its *edge* folds the reel from the first Frame on: live as they come, otherwise ahead of whoever watches
    (:meth:`advance`). What the edge has passed is exact, wherever one jumps. A jump beyond it, or on a recording of
    more than :data:`LONG` Frames, begins to fold :data:`BACK` Frames before its aim: ages that are longer than that
    count from there.
    """

    def __init__(self, reel: Reel, context: Context) -> None:
        self.context = context
        self._reel = reel
        self._stride = LEAP if len(reel) > LONG else 1
        self.levels = Levels(GAP_S * self._stride)
        """Of what the edge has passed."""
        self._edge: tuple[int, Board | None] = (reel.first - 1, None)
        self._scout = Reader(reel)
        self._here: tuple[int, Board | None] = self._edge
        self._exact = True
        """Whether what was visited last is what the fold of everything gives."""
        self._near: dict[int, Board] = {}
        self._kept: dict[int, Board] = {}
        self._spacing = SPACING

    # The edge.

    @property
    def edge(self) -> int:
        """The number of the newest Frame that was folded in its turn."""
        return self._edge[0]

    def advance(self) -> bool:
        """Fold one Frame more at the edge; whether there was one."""
        number, board = self._edge
        ahead = min(number + self._stride, self._reel.last)
        if ahead <= number:
            return False
        frame = self._scout.frame(ahead)
        if frame is not None:
            board = fold(board, frame, self.context)
            self.levels.add(self._reel.at(ahead), board.level)
        self._edge = ahead, board
        if board is not None and self._stride == 1 and ahead % self._spacing == 0:
            self._keep(ahead, board)
        return True

    def forget(self) -> int | None:
        """Let go of the oldest part, as far as the board after it is known; the number of its Frame."""
        number = min((place for place in self._kept if place > self._reel.first), default=None)
        if number is not None:
            self._kept = {place: board for place, board in self._kept.items() if place >= number}
            self.levels.forget(self._reel.at(number))
        return number

    def _keep(self, number: int, board: Board) -> None:
        self._kept[number] = board
        if len(self._kept) > KEPT:
            self._spacing *= 2
            self._kept = {n: kept for n, kept in self._kept.items() if n % self._spacing == 0}

    # Any place.

    def board(self, number: int) -> Board | None:
        """The board after Frame ``number``; ``None`` when nothing up to it can be read."""
        for _ in self.towards(number):
            pass
        return self.visited

    @property
    def visited(self) -> Board | None:
        """The board where :meth:`towards` went last."""
        return self._here[1]

    def towards(self, number: int) -> Iterator[None]:
        """Fold on to Frame ``number``, one at a time, so that others can work in between."""
        place, board, exact = self._start(number)
        if exact is not self._exact or (board is None and not exact) or place == self._edge[0]:
            self._near = {}
        for n in _path(place, number):
            frame = self._reel.frame(n)
            if frame is not None:
                board = fold(board, frame, self.context)
                self._remember(n, board)
                yield
        self._here, self._exact = (number, board), exact

    def _remember(self, number: int, board: Board) -> None:
        self._near[number] = board
        if len(self._near) > NEAR:
            del self._near[next(iter(self._near))]

    def _start(self, number: int) -> tuple[int, Board | None, bool]:
        """The nearest known board at or before ``number``, and whether it is what the fold of everything gives."""
        visited = {n: board for n, board in (*self._near.items(), self._here) if n <= number}
        known: dict[int, Board | None] = {n: board for n, board in self._kept.items() if n <= number}
        known |= visited if self._exact else {}
        if self._stride == 1 and self._edge[0] <= number:
            known[self._edge[0]] = self._edge[1]
        for boards, exact in ((known, True), (visited, self._exact)):
            place = max(boards, default=-1)
            if number - place <= BACK:
                return place, boards.get(place), exact
        return number - BACK - 1, None, False


def _path(place: int, number: int) -> Iterator[int]:
    """Which Frames to fold on the way: behind a jump with nothing to stand on, leaps are enough at first."""
    if number - place > BACK:
        yield from range(place + 1, number - CLOSE, LEAP)
        place = number - CLOSE - 1
    yield from range(place + 1, number + 1)
