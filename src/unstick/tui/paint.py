"""How it looks: pieces to Textual strips. The only place where a role becomes a colour."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.strip import Strip

from unstick.tui.cells import measure
from unstick.tui.glyphs import replaced
from unstick.tui.roles import Drawn
from unstick.tui.terminal import Glyphs
from unstick.tui.themes import Style, Theme, resolve

__all__ = ["Painter", "measure"]


class Painter:
    """One theme on one terminal. Text goes into segments as it is: nothing here parses it."""

    def __init__(self, theme: Theme, glyphs: Glyphs = Glyphs.FULL) -> None:
        self.theme = theme
        self.glyphs = glyphs
        self._styles: dict[tuple[str, str], RichStyle] = {}

    def strip(self, drawn: Drawn, width: int) -> Strip:
        """``drawn`` as a strip of exactly ``width`` cells."""
        segments = [
            Segment(replaced(piece.text, self.glyphs, measure), self.style(piece.role, piece.ground))
            for piece in drawn
            if piece.text
        ]
        strip = Strip(segments)
        return strip if strip.cell_length == width else strip.adjust_cell_length(width, self.style("text", "screen"))

    def style(self, role: str, ground: str) -> RichStyle:
        """The style of a role on a ground; ``context:NAME`` is a context's own colour."""
        key = role, ground
        if key not in self._styles:
            prefix, _, name = role.partition(":")
            style = self.theme.contexts[name] if prefix == "context" and name else resolve(self.theme, role, ground)
            self._styles[key] = _rich(style)
        return self._styles[key]


def _rich(style: Style) -> RichStyle:
    words = [*sorted(style.attributes), style.color or "", *(("on", style.background) if style.background else ())]
    return RichStyle.parse(" ".join(words))
