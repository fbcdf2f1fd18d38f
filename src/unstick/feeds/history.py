"""The board at any Frame of a tape: the fold over everything before it, digit for digit as it was live."""

from __future__ import annotations

from unstick.board.board import Board, fold
from unstick.facts.level import Level
from unstick.settings import Context
from unstick.tape.reader import Tape

BACK = 1800
"""Frames that a jump folds at most: half an hour at one a second, while the board remembers twelve minutes."""
SPACING = 60
KEPT = 48
"""Boards that are kept to go on from; when there are more, every other one is forgotten."""


class History:
    """Boards by the number of their Frame. Playing on costs one fold; a jump folds from the nearest kept board.

    Exact from the first Frame on. Only a jump over more than :data:`BACK` Frames that were never folded begins anew
    in their midst: ages that are longer than that then count from there.
    """

    def __init__(self, tape: Tape, context: Context) -> None:
        self.context = context
        self.levels: dict[int, Level] = {}
        """The level at every Frame that was folded."""
        self._tape = tape
        self._at: tuple[int, Board | None] = (-1, None)
        self._kept: dict[int, Board] = {}
        self._spacing = SPACING

    def board(self, number: int) -> Board | None:
        """The board after Frame ``number``; ``None`` when nothing up to it can be read."""
        place, board = self._start(number)
        for n, frame in self._tape.frames(place + 1, number):
            board = fold(board, frame, self.context)
            self.levels[n] = board.level
            if n % self._spacing == 0:
                self._keep(n, board)
        self._at = (number, board)
        return board

    def _start(self, number: int) -> tuple[int, Board | None]:
        """The nearest known board at or before ``number``."""
        if self._at[0] == number:
            return self._at
        known = {place: board for place, board in self._kept.items() if place <= number}
        if self._at[1] is not None and self._at[0] <= number:
            known[self._at[0]] = self._at[1]
        place = max(known, default=-1)
        board = known.get(place)
        return (place, board) if number - place <= BACK else (number - BACK, None)

    def _keep(self, number: int, board: Board) -> None:
        self._kept[number] = board
        if len(self._kept) > KEPT:
            self._spacing *= 2
            self._kept = {n: kept for n, kept in self._kept.items() if n % self._spacing == 0}
