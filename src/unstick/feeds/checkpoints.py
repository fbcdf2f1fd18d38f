"""Boards to go on folding from, by the number of their Frame: packed, bounded in bytes however large the stack."""

from __future__ import annotations

import pickle
from bisect import bisect_right

import msgspec
import zstandard

from unstick.board.board import Board
from unstick.settings import Context

SPACING = 60
BYTES = 64 << 20
"""When there is more, every other one is let go of."""
_BLANK = Context(name="")


class Checkpoints:
    """Kept at every :data:`SPACING` Frames, or so many times that as :data:`BYTES` ask for."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._spacing = SPACING
        self._packed: dict[int, bytes] = {}
        """In order of their numbers."""
        self._size = 0
        self._loaded: tuple[int, Board] | None = None

    def __len__(self) -> int:
        """How many there are."""
        return len(self._packed)

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return self._size

    def offer(self, number: int, board: Board) -> None:
        """Keep the board after Frame ``number``, no lower than all before, if it is time for one."""
        if number % self._spacing:
            return
        # Settings are everybody's, and what is secret in them stays where it is.
        plain = pickle.dumps(msgspec.structs.replace(board, context=_BLANK), pickle.HIGHEST_PROTOCOL)
        self._size -= len(self._packed.get(number, b""))
        self._packed[number] = zstandard.compress(plain, 1)
        self._size += len(self._packed[number])
        if self._loaded is not None and self._loaded[0] == number:
            self._loaded = None
        while self._size > BYTES and len(self._packed) > 2:
            self._spacing *= 2
            oldest = next(iter(self._packed))
            self._hold({n: each for n, each in self._packed.items() if n == oldest or n % self._spacing == 0})

    def nearest(self, number: int) -> int | None:
        """The newest one at or before Frame ``number``."""
        places = list(self._packed)
        found = bisect_right(places, number)
        return places[found - 1] if found else None

    def after(self, number: int) -> int | None:
        """The oldest one after Frame ``number``."""
        return next((place for place in self._packed if place > number), None)

    def board(self, place: int) -> Board:
        """The board that is kept for Frame ``place``."""
        if self._loaded is None or self._loaded[0] != place:
            board: Board = pickle.loads(zstandard.decompress(self._packed[place]))  # noqa: S301 - packed in offer()
            self._loaded = place, msgspec.structs.replace(board, context=self._context)
        return self._loaded[1]

    def forget(self, number: int) -> None:
        """Let go of those before Frame ``number``."""
        self._hold({place: each for place, each in self._packed.items() if place >= number})

    def _hold(self, packed: dict[int, bytes]) -> None:
        self._packed = packed
        self._size = sum(map(len, packed.values()))
