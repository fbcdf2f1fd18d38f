"""Whole pictures of the board, drawn without Textual: what is seen while it is being loaded."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from unstick.tui import bands, box, places, terminal, themes
from unstick.tui.cells import cells_of, measure
from unstick.tui.glyphs import replaced
from unstick.tui.ink import Ink, Inks, of_theme
from unstick.tui.mending import with_keys
from unstick.tui.options import BoardOptions
from unstick.tui.places import Place
from unstick.tui.roles import Drawn, Ground, Piece, on
from unstick.tui.shadow import Shadow
from unstick.tui.waiting import waiting
from unstick.tui.wardrobe import Wardrobe
from unstick.views.screen import PANE_KEYS, Told
from unstick.views.scrub import draw_caption, draw_scrub
from unstick.views.ui import UiState

if TYPE_CHECKING:
    from unstick.tui.bare import Run


class Sketch:
    """Draws what the board's screen draws first, cell by cell the same."""

    def __init__(self, options: BoardOptions, width: int, height: int) -> None:
        self.shadow = Shadow(width, height, Inks(), erases=terminal.erases(os.environ))
        self._options = options
        self._theme = Wardrobe(
            options.theme, os.environ, production=options.production, no_color=options.no_color
        ).worn
        self._depth = terminal.depth(os.environ)
        self._glyphs = terminal.glyphs(os.environ, wanted_ascii=options.ascii)
        self._tones: dict[tuple[str, str], int] = {}

    def empty(self) -> bytes:
        """The board before the first look, for a terminal that was just cleared."""
        self.shadow.cleared()
        return self.draw(waiting(self._options))

    def over(self, bare: Sequence[Run]) -> bytes:
        """What leads from bare frames to what is drawn."""
        stands = Shadow(self.shadow.width, self.shadow.height, self.shadow.inks, erases=terminal.erases(os.environ))
        for y, x, text, ink in bare:
            tone = self.shadow.inks.number(Ink(*ink))
            blank = self.shadow.inks.blank(tone)
            stands.put(x, y, text, [blank if char == " " else tone for char in text])
        stands.take()
        return stands.become(self.shadow).encode("utf-8", "replace")

    def draw(self, told: Told) -> bytes:
        """What leads from the last picture to that of ``told``."""
        for place, lines in _boxes(told, self._options, self.shadow.width, self.shadow.height):
            for y, line in enumerate(lines, place.y):
                chars: list[str] = []
                tones: list[int] = []
                for piece in line:
                    self._add(piece, chars, tones)
                self.shadow.put(place.x, y, chars, tones)
        return self.shadow.take().encode("utf-8", "replace")

    def _add(self, piece: Piece, chars: list[str], tones: list[int]) -> None:
        tone = self._tone(piece.role, piece.ground)
        blank, cells = self.shadow.inks.blank(tone), cells_of(replaced(piece.text, self._glyphs, measure))
        chars += cells
        tones += [blank if char == " " else tone for char in cells]

    def _tone(self, role: str, ground: str) -> int:
        tone = self._tones.get((role, ground))
        if tone is None:
            prefix, _, name = role.partition(":")
            style = self._theme.contexts[name] if name else themes.resolve(self._theme, prefix, ground)
            tone = self._tones[role, ground] = self.shadow.inks.number(of_theme(style, self._depth))
        return tone


def _boxes(told: Told, options: BoardOptions, width: int, height: int) -> Iterator[tuple[Place, tuple[Drawn, ...]]]:
    ui = UiState()
    band = places.band_height(bands.verdict_lines(told.verdict), width, height)
    time = bands.time_lines(told, (width, height), measure)
    found = places.arrange(width, height, band, None, single=PANE_KEYS[0], time=time)
    yield found.header, (bands.draw_header(told.header, bands.Signal(told.place), options, width, measure),)
    if found.tabs:
        yield found.tabs, (bands.draw_tabs(told.panes, PANE_KEYS[0], width, measure),)
    if found.footer.height:
        yield found.footer, (bands.draw_footer(ui, options.keys, "", width, measure, told=told),)
    if told.place is not None:
        if found.caption is not None:
            captions = draw_caption(told.place, width, found.caption.height, measure)
            yield found.caption, tuple(on(Ground.SCREEN, line) for line in captions)
        if found.scrub is not None:
            yield found.scrub, (on(Ground.SCREEN, draw_scrub(told.place, width, measure)),)
    for number, view in enumerate((with_keys(told.verdict, options.keys, width), *told.panes)):
        if view.key in found.panes:
            place = found.panes[view.key]
            look = box.Look(str(number or ""), ui.focus == view.key, total=len(view.rows))
            yield place, box.draw(view, view.rows, look, place.width, place.height, measure).lines
