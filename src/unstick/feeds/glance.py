"""How bad a long recording was, roughly and soon: a Frame here and there, until the fold of all of them is there."""

from __future__ import annotations

from unstick.board.board import Board, fold
from unstick.board.levels import GAP_S, Levels
from unstick.settings import Context
from unstick.tape.reel import Reader, Reel

LONG = 7200
"""A finished recording of more Frames is glanced at first."""
GLANCES = 720


class Glance:
    """Levels of a few Frames of ``reel``, in order; of none where the recording is short."""

    def __init__(self, reel: Reel, context: Context) -> None:
        self._reel = reel
        self._context = context
        self._reader = Reader(reel)
        self._stride = max(1, len(reel) // GLANCES)
        self._number = reel.first
        self._end = reel.last if len(reel) > LONG else reel.first - 1
        self._board: Board | None = None
        self.levels = Levels(GAP_S * self._stride)

    @property
    def at(self) -> float:
        """How far it has come, UTC seconds."""
        known = self.levels.stretches
        return known[-1].end if known else 0.0

    def advance(self) -> bool:
        """Look at one Frame more; whether there was one."""
        if self._number > self._end:
            return False
        frame = self._reader.frame(self._number)
        if frame is not None:
            self._board = fold(self._board, frame, self._context)
            self.levels.add(self._reel.at(self._number), self._board.level)
        self._number += self._stride
        return True
