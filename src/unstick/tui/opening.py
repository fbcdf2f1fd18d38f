"""The first thing seen: the empty board, drawn before Textual is loaded; and the terminal, given back for sure."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Self

from unstick.tui import bands, box, places, terminal, themes
from unstick.tui.glyphs import replaced
from unstick.tui.ink import Inks, of_theme
from unstick.tui.leaving import Leaving
from unstick.tui.options import BoardOptions
from unstick.tui.places import Place
from unstick.tui.roles import Drawn
from unstick.tui.shadow import Shadow
from unstick.tui.tty import Tty
from unstick.tui.waiting import waiting
from unstick.tui.wardrobe import Wardrobe
from unstick.views.layout import Measure
from unstick.views.screen import PANE_KEYS
from unstick.views.ui import UiState


class Opening:
    """While entered, the terminal is the board's; whatever happens, it is given back.

    ``tty`` and ``shadow`` are ``None`` where the terminal cannot be opened once more: then Textual does as it
    always does. Until ``leave`` is set, a signal or a lost terminal ends the program at once: nothing is running yet.
    """

    def __init__(self, options: BoardOptions) -> None:
        self.options = options
        self.tty: Tty | None = None
        self.shadow: Shadow | None = None
        self.leave: Callable[[int], None] = self._leave_at_once
        self._leaving = Leaving(self._leave, self._restore)

    def __enter__(self) -> Self:
        self._leaving.__enter__()
        self.tty = Tty.open()
        if self.tty is not None:
            self.tty.enter()
            self._paint(self.tty)
        return self

    def __exit__(self, *error: object) -> None:
        if self.tty is not None:
            self.tty.close()
        self._leaving.__exit__(*error)

    def give_up(self) -> None:
        """Leave the terminal to Textual's own driver."""
        if self.tty is not None:
            self.tty.close()
        self.tty = self.shadow = None

    def _paint(self, tty: Tty) -> None:
        self.shadow = Shadow(*tty.size(), Inks(), erases=terminal.erases(os.environ))
        self.shadow.cleared()
        sketch(self.shadow, self.options)
        tty.send(self.shadow.take().encode("utf-8", "replace"))

    def _restore(self) -> bool:
        if self.tty is None:
            return False
        self.tty.leave()
        return True

    def _leave(self, code: int) -> None:
        self.leave(code)

    def _leave_at_once(self, code: int) -> None:
        self._restore()
        sys.stderr.flush()
        os._exit(code)


def sketch(shadow: Shadow, options: BoardOptions) -> None:
    """Put the board as it is before the first look into ``shadow``: what the screen will draw first, too."""
    theme = Wardrobe(options.theme, os.environ, production=options.production, no_color=options.no_color).worn
    depth = terminal.depth(os.environ)
    glyphs = terminal.glyphs(os.environ, wanted_ascii=options.ascii)
    measure = _measure(options)
    for place, lines in _boxes(options, shadow.width, shadow.height, measure):
        for y, line in enumerate(lines, place.y):
            chars: list[str] = []
            tones: list[int] = []
            for piece in line:
                prefix, _, name = piece.role.partition(":")
                style = theme.contexts[name] if name else themes.resolve(theme, prefix, piece.ground)
                tone = shadow.inks.number(of_theme(style, depth))
                for char in replaced(piece.text, glyphs, measure):
                    width = measure(char)
                    chars += [char, *[""] * (width - 1)] if width else []
                    tones += [shadow.inks.blank(tone) if char == " " else tone] * width
            shadow.put(place.x, y, chars, tones)


def _boxes(
    options: BoardOptions, width: int, height: int, measure: Measure
) -> Iterator[tuple[Place, tuple[Drawn, ...]]]:
    told, ui = waiting(options), UiState()
    found = places.arrange(width, height, places.band_height(0, width, height), None, single=PANE_KEYS[0])
    yield found.header, (bands.draw_header(told.header, bands.Signal(), options, width, measure),)
    if found.tabs:
        yield found.tabs, (bands.draw_tabs(told.panes, PANE_KEYS[0], width, measure),)
    if found.footer.height:
        yield found.footer, (bands.draw_footer(ui, options.keys, "", width, measure),)
    for number, view in enumerate((told.verdict, *told.panes)):
        if view.key in found.panes:
            place = found.panes[view.key]
            look = box.Look(str(number or ""), ui.focus == view.key)
            yield place, box.draw(view, (), look, place.width, place.height, measure).lines


def _measure(options: BoardOptions) -> Measure:
    if options.context.isascii():
        return len
    from wcwidth import wcswidth  # noqa: PLC0415 - a name of other letters is rare, and this takes time

    return lambda text: max(0, wcswidth(text))
