"""The part of the board that offers choices: commands behind ``:``, and themes that are tried on while one looks."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace
from textual.widget import Widget

from unstick.facts.level import Level
from unstick.tui import commands
from unstick.tui.commands import Command
from unstick.tui.prompt import COMMAND
from unstick.tui.themes import Theme
from unstick.views.pane import Column, PaneView, Role, Row, Span
from unstick.views.ui import Sort

if TYPE_CHECKING:
    from unstick.tui.app import BoardApp
    from unstick.tui.board import BoardScreen

log = logging.getLogger(__name__)
THEMES = "themes"
_LISTS = frozenset({THEMES, commands.KEY})


class Choosing(Widget, inherit_bindings=False):
    """Its lists lie over the board like pages that come with the picture."""

    def __init__(self) -> None:
        super().__init__()
        self._line = ""
        self._history: list[str] = []
        self._themes: list[Theme] = []

    # Themes.

    async def check_themes(self) -> None:
        """Name what is wrong with a person's own themes, once."""
        wrong = await asyncio.to_thread(_app(self).wardrobe.wrong)
        for sentence in wrong:
            log.warning("theme left out: %s", sentence)
        if wrong:
            more = f" (and {len(wrong) - 1} more: see the log)" if len(wrong) > 1 else ""
            _screen(self).say(f"theme left out: {wrong[0]}{more}")

    def refresh_theme(self) -> None:
        """Wear the theme anew when its file was edited."""
        app = _app(self)
        wrong = app.wardrobe.look_again()
        if wrong is not None:
            app.dress()
            _screen(self).say(wrong or f"theme {app.wardrobe.worn.title} was read again")

    def action_theme(self) -> None:
        """The list of themes; where the cursor goes, the theme is tried on."""
        screen, app = _screen(self), _app(self)
        if screen.shows(THEMES):
            self.give_up_theme()
            return
        self._themes = app.wardrobe.offered()
        screen.lay_over(THEMES)
        names = [theme.name for theme in self._themes]
        if app.wardrobe.chosen in names:
            screen.front.put_cursor(names.index(app.wardrobe.chosen))

    def cursor_moved(self) -> None:
        """The cursor of the list went elsewhere."""
        screen, row = _screen(self), _screen(self).front.current
        if row is not None and screen.shows(THEMES):
            _app(self).wardrobe.try_on(row.key)
            _app(self).dress()

    def keep_theme(self) -> None:
        """The theme that was tried on stays."""
        screen, app = _screen(self), _app(self)
        app.wardrobe.keep()
        screen.uncover()
        screen.say(f'theme {app.wardrobe.worn.title}; for good: [screen] theme = "{app.wardrobe.chosen}"')

    def give_up_theme(self) -> None:
        """The theme from before comes back."""
        _app(self).wardrobe.put_back()
        _screen(self).uncover()
        _app(self).dress()

    # Commands.

    @property
    def known(self) -> tuple[Command, ...]:
        """The commands there are now."""
        screen = _screen(self)
        view = screen.pane(screen.ui.focus).view
        columns = [column.key for column in view.columns] if view is not None else []
        themes = [theme.name for theme in self._themes]
        own = {one.name: one.confirm or one.does for one in screen.options.own}
        return commands.commands(screen.options.keys, themes, [one.name for one in screen.presets], columns, own)

    def action_command(self, text: str = "") -> None:
        """Write a command; what it may be is listed."""
        screen = _screen(self)
        self._themes, self._line = _app(self).wardrobe.offered(), text
        screen.uncover()
        screen.write(COMMAND, text)
        screen.lay_over(commands.KEY)

    def command_drafted(self, text: str) -> None:
        """The list follows what is written."""
        self._line = text
        _screen(self).lay_over(commands.KEY)

    def steer(self, key: str) -> str | None:
        """Another row of the list, or the row as what is written; ``None``: the key is not for the list."""
        screen = _screen(self)
        step = {"up": -1, "down": 1, "pageup": -8, "pagedown": 8}.get(key)
        if step is not None:
            screen.front.move(step)
            return self._line
        row = screen.front.current
        if key != "tab":
            return None
        chosen = self._chosen(row)
        more = any(each.text == chosen and each.more for each in self._suggestions())
        return f"{chosen} " if more else chosen

    def command_written(self, text: str | None) -> None:
        """Do what was written, or what the cursor stands on where that is only begun."""
        screen = _screen(self)
        row = screen.front.current if screen.shows(commands.KEY) else None
        screen.uncover()
        if text is None:
            return
        line = self._chosen(row, text)
        found = commands.parse(line, self.known)
        if found is None:
            screen.say(f"there is no command '{line}'")
            return
        self._history = [*(old for old in self._history if old != line), line][-commands.MOST :]
        self._do(*found)

    def _chosen(self, row: Row | None, text: str | None = None) -> str:
        """The line of the row under the cursor; a whole command stands for itself."""
        written = self._line if text is None else text
        whole = commands.is_whole(written, self.known)
        moved = row is not None and _screen(self).front.cursor > 0
        return commands.text_of(row) if row is not None and (moved or not whole) else written.strip()

    def _do(self, command: Command, word: str) -> None:
        screen = _screen(self)
        if not word and not command.action:
            screen.say(f"{command.name}: {command.help}")
        elif not word:
            screen.call_next(screen.run_action, command.action)
        elif command.name == "theme":
            wrong = _app(self).wardrobe.try_on(word)
            _app(self).dress()
            screen.say(wrong) if wrong else self.keep_theme()
        elif command.name == "preset":
            screen.take_preset(word)
        elif command.name == "sort":
            sorts = tuple(sort for sort in screen.ui.sorts if sort.pane != screen.ui.focus)
            screen.change(replace(screen.ui, sorts=(*sorts, Sort(screen.ui.focus, word, descending=True))))
        elif command.name == commands.OWN:
            screen.act_own(word)
        elif command.name in ("export", "copy"):
            screen.call_next(screen.run_action, f"{command.name}('{word}')")
        else:
            screen.written_for(command.name, word)

    def _suggestions(self) -> tuple[commands.Suggestion, ...]:
        return commands.suggest(self._line, self.known, self._history)

    def lists(self) -> tuple[PaneView, ...]:
        """The lists that may lie over the board, as far as one of them does."""
        screen = _screen(self)
        if screen.shows(commands.KEY):
            return (commands.view(self._suggestions()),)
        return (_theme_list(self._themes, _app(self).wardrobe.chosen),) if screen.shows(THEMES) else ()


def _theme_list(themes: list[Theme], chosen: str) -> PaneView:
    columns = (
        Column("mark", "", 1),
        Column("name", "theme", 14),
        Column("title", "", 14),
        Column("kind", "", 12, flex=1),
    )
    rows = tuple(
        Row(
            theme.name,
            Level.OK,
            (
                (Span("●" if theme.name == chosen else " ", Role.ACCENT),),
                (Span(theme.name, Role.STRONG),),
                (Span(theme.title),),
                (Span(_KINDS[theme.kind] if theme.kind != "rgb" else "dark" if theme.dark else "light", Role.DIM),),
            ),
            (),
        )
        for theme in themes
    )
    return PaneView(
        THEMES, "Themes", Level.OK, (), (), columns, rows, (Span("enter keeps  esc puts back", Role.DIM),)
    )


_KINDS = {"ansi": "the terminal's own colours", "none": "no colour"}


def _screen(widget: Widget) -> BoardScreen:
    return cast("BoardScreen", widget)


def _app(widget: Widget) -> BoardApp:
    return cast("BoardApp", widget.app)
