"""What the terminal shows, cell by cell, and the bytes that bring it from one picture to the next. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from unstick.tui.ink import Inks

_BRIDGE = 4
"""A gap of unchanged cells up to this long is written again: jumping over it costs as many bytes."""
_ERASE = 11
"""From this many blanks on, erasing and jumping is shorter than spaces."""
_DOUBTFUL = "\U0001f000"
"""From here on, terminals disagree about widths: where the cursor stands afterwards is said, not assumed."""


class Shadow:
    """Cells are texts of one column; the right half of a wide one is ``""``, an unknown one ``None``.

    A frame begins with nothing assumed about cursor and pen, so that whoever else wrote to the terminal does not
    distort it. ``erases``: erased cells take the background of the pen, which is so on all but a few terminals.
    """

    def __init__(self, width: int, height: int, inks: Inks, *, erases: bool = True) -> None:
        self.inks = inks
        self._erases = erases
        self._out: list[str] = []
        self._pen = -1
        self._at: tuple[int, int] | None = None
        self.resize(width, height)

    def resize(self, width: int, height: int) -> None:
        """Another size: nothing is known of what stands there."""
        self.width, self.height = width, height
        self.forget()

    def forget(self) -> None:
        """The terminal may show anything: every cell is sent again."""
        self._chars: list[list[str | None]] = [[None] * self.width for _ in range(self.height)]
        self._tones = [[-1] * self.width for _ in range(self.height)]
        self._out.clear()
        self._pen, self._at = -1, None

    def cleared(self) -> None:
        """The terminal was just cleared in its own ink."""
        self._chars = [[" "] * self.width for _ in range(self.height)]
        self._tones = [[0] * self.width for _ in range(self.height)]

    def become(self, other: Shadow) -> str:
        """The frame that leads from what stands here to what stands on a shadow of the same size and inks."""
        for y, (chars, tones) in enumerate(zip(other._chars, other._tones, strict=True)):
            self.put(0, y, [char or "" for char in chars], tones)
        return self.take()

    def take(self) -> str:
        """The frame: everything that :meth:`put` found to be sent since the last call."""
        frame = "".join(self._out)
        self._out.clear()
        self._pen, self._at = -1, None
        return frame

    def put(self, x: int, y: int, chars: Sequence[str], tones: Sequence[int]) -> None:
        """Show these cells from column ``x`` of line ``y`` on; what stands there already is not sent."""
        if not 0 <= y < self.height or x >= self.width:
            return
        chars, tones = list(chars[: self.width - x]), list(tones[: self.width - x])
        row, inked, end = self._chars[y], self._tones[y], x + len(chars)
        old, was = row[x:end], inked[x:end]
        if old == chars and was == tones:
            return
        changed = [nth for nth in range(len(chars)) if chars[nth] != old[nth] or tones[nth] != was[nth]]
        for start, stop in _runs(changed, chars, tones):
            self._write(x + start, y, chars[start:stop], tones[start:stop])
        if x and old[0] == "" and chars[0] != "":
            row[x - 1] = None  # the left half of a wide one that lost its right half
        if end < self.width and row[end] == "":
            row[end] = None
        row[x:end], inked[x:end] = chars, tones

    def _write(self, x: int, y: int, chars: list[str], tones: list[int]) -> None:
        self._move(x, y)
        out, inks, nth, size = self._out, self.inks, 0, len(chars)
        while nth < size:
            char, tone = chars[nth], tones[nth]
            if char == " " and inks.blank(tone) == tone:
                nth = self._blanks(x, y, chars, tones, nth)
                continue
            if tone != self._pen:
                out.append(inks.change(self._pen, tone))
                self._pen = tone
            out.append(char)
            nth += 1
            if len(char) > 1 or char >= _DOUBTFUL:
                self._at = None
                nth += nth < size and chars[nth] == ""
                if nth < size:
                    self._move(x + nth, y)
        # In the last column terminals differ about where the cursor stands.
        self._at = (x + size, y) if self._at and x + size < self.width else None

    def _blanks(self, x: int, y: int, chars: list[str], tones: list[int], start: int) -> int:
        """Write the blanks that begin at ``start``; where they end. Any plain pen of their ground will do."""
        tone, stop = tones[start], start
        while stop < len(chars) and chars[stop] == " " and tones[stop] == tone:
            stop += 1
        if self._pen < 0 or self.inks.blank(self._pen) != tone:
            self._out.append(self.inks.change(self._pen, tone))
            self._pen = tone
        count, at_end = stop - start, x + stop == self.width
        if not self._erases or (count <= 3 if at_end else count < _ERASE):
            self._out.append(" " * count)
        elif at_end:
            self._out.append("\x1b[K")
        else:
            self._out.append(f"\x1b[{count}X")
            if stop < len(chars):
                self._at = (x + start, y)
                self._move(x + stop, y)
            else:
                self._at = None
        return stop

    def _move(self, x: int, y: int) -> None:
        if self._at == (x, y):
            return
        if self._at and self._at[1] == y and x > self._at[0]:
            step = x - self._at[0]
            self._out.append(f"\x1b[{step}C" if step > 1 else "\x1b[C")
        elif x:
            self._out.append(f"\x1b[{y + 1};{x + 1}H")
        else:
            self._out.append(f"\x1b[{y + 1}H" if y else "\x1b[H")
        self._at = (x, y)


def _runs(changed: list[int], chars: list[str], tones: list[int]) -> list[tuple[int, int]]:
    """Changed cells as runs; short gaps of the ink before them are bridged. Halves of a wide one change together."""
    runs: list[tuple[int, int]] = []
    for nth in changed:
        if runs and (nth == runs[-1][1] or _bridged(runs[-1][1], nth, chars, tones)):
            runs[-1] = (runs[-1][0], nth + 1)
        else:
            runs.append((nth, nth + 1))
    size = len(chars)
    return [(start, stop + (stop < size and chars[stop] == "")) for start, stop in runs]


def _bridged(stop: int, start: int, chars: list[str], tones: list[int]) -> bool:
    if start - stop > _BRIDGE or any(tone != tones[stop - 1] for tone in tones[stop:start]):
        return False
    return len("".join(chars[stop:start]).encode()) <= _BRIDGE
