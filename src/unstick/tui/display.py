"""Between Textual's compositor and the terminal: strips become cells, cells become the bytes that differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.color import Color, ColorSystem, ColorType
from rich.style import Style
from textual.strip import Strip

from unstick.tui.cells import cells_of
from unstick.tui.ink import ATTRIBUTES, Ink, bits, parameter
from unstick.tui.shadow import Shadow
from unstick.tui.terminal import Depth

_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
"""Synchronized output: the terminal shows a frame when it is whole."""


class Display:
    """``send`` takes a whole frame; ``ready`` says whether the terminal took the last one."""

    def __init__(
        self, shadow: Shadow, depth: Depth, send: Callable[[bytes], None], taken: Callable[[], bool]
    ) -> None:
        self.shadow = shadow
        self.sent = 0
        self._depth = depth
        self._send = send
        self._taken = taken
        self._tones: dict[Style | None, int] = {None: 0}

    @property
    def ready(self) -> bool:
        """Whether the terminal took the last frame."""
        return self._taken()

    def follow(self, width: int, height: int) -> bool:
        """Take another size; whether it is another, so that every cell has to be composed."""
        if (width, height) == (self.shadow.width, self.shadow.height):
            return False
        self.shadow.resize(width, height)
        return True

    def forget(self) -> None:
        """Others wrote on the terminal: the next frame sends every cell that is composed."""
        self.shadow.forget()

    def show(self, strips: Iterable[tuple[int, int, Iterable[Strip]]], *, synchronized: bool) -> None:
        """Send what differs from what the terminal shows; nothing when nothing does."""
        for y, x, line in strips:
            chars: list[str] = []
            tones: list[int] = []
            for strip in line:
                self._add(strip, chars, tones)
            self.shadow.put(x, y, chars, tones)
        frame = self.shadow.take()
        if frame:
            data = (f"{_BEGIN}{frame}{_END}" if synchronized else frame).encode("utf-8", "replace")
            self.sent += len(data)
            self._send(data)

    def _add(self, strip: Strip, chars: list[str], tones: list[int]) -> None:
        for text, style, control in strip:
            if control or not text:
                continue
            cells, tone = cells_of(text), self._tone(style)
            chars += cells
            blank = self.shadow.inks.blank(tone)
            if blank == tone or " " not in text:
                tones += [tone] * len(cells)
            else:
                tones += [blank if char == " " else tone for char in cells]

    def _tone(self, style: Style | None) -> int:
        tone = self._tones.get(style)
        if tone is None and style is not None:
            tone = self._tones[style] = self.shadow.inks.number(ink_of(style, self._depth))
        return tone or 0


def ink_of(style: Style, depth: Depth) -> Ink:
    """The ink of a Rich style on a terminal with so many colours."""
    names = {name for name, _, _ in ATTRIBUTES if getattr(style, name)}
    return Ink(_parameter(style.color, depth, 30), _parameter(style.bgcolor, depth, 40), bits(names))


def _parameter(color: Color | None, depth: Depth, base: int) -> str:
    if color is None or color.type is ColorType.DEFAULT:
        return str(base + 9)
    if color.triplet is not None and depth is not Depth.FEW:
        return parameter(color.triplet.hex, depth, background=base == 40)
    most = ColorSystem.STANDARD if depth is Depth.FEW else ColorSystem.EIGHT_BIT
    return ";".join(color.downgrade(most).get_ansi_codes(foreground=base == 30))
