"""The themes that suit this terminal: which one is worn, which are tried on, and whether its file changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from unstick.tui import terminal, themes
from unstick.tui.theme_file import ThemeError
from unstick.tui.themes import Theme


class Wardrobe:
    """``notice`` says what was wrong with the theme that was wanted; it is worn by nobody then.

    ``no_color`` unset: by the environment.
    """

    def __init__(
        self, wanted: str, environ: Mapping[str, str], *, production: bool = False, no_color: bool | None = None
    ) -> None:
        self._environ = environ
        self._production = production
        self._no_color = terminal.no_color(environ) if no_color is None else no_color
        self._names, self.notice = themes.suitable(wanted, environ, no_color=self._no_color)
        self._chosen = self._worn = self._stamped(self._names[0])

    @property
    def worn(self) -> Theme:
        """The theme on the screen."""
        return self._dressed(self._worn[0])

    @property
    def chosen(self) -> str:
        """The name of the theme that stays when none is tried on."""
        return self._chosen[0].name

    def offered(self) -> list[Theme]:
        """Every theme that suits the terminal, in the order of the list; those that are wrong are left out."""
        found = []
        for name in dict.fromkeys((*self._names, *themes.own_names())):
            with suppress(ThemeError):
                found.append(themes.load(name))
        return [theme for theme in found if self._suits(theme)]

    def wrong(self) -> list[str]:
        """What is wrong with a person's own themes, a sentence for each that is left out."""
        return [sentence for name in themes.own_names() for sentence in self._wrong(name)]

    def _wrong(self, name: str) -> Iterator[str]:
        if name in themes.SHIPPED:
            yield f"{themes.own_folder() / name}.toml: a shipped theme has this name; mend: give the file another"
            return
        try:
            themes.load(name)
        except ThemeError as error:
            yield str(error)

    def try_on(self, name: str) -> str:
        """Wear ``name`` until another is tried on or :meth:`keep` or :meth:`put_back`; why not, if it cannot be."""
        try:
            self._worn = self._stamped(name)
        except ThemeError as error:
            return str(error)
        return ""

    def keep(self) -> None:
        """What is worn is chosen."""
        self._chosen = self._worn

    def put_back(self) -> None:
        """Wear what was chosen."""
        self._worn = self._chosen

    def look_again(self) -> str | None:
        """Read the worn theme anew if its files changed: ``None`` if not, else what is wrong with it now."""
        theme, stamp = self._worn
        now = theme.stamp()
        if now == stamp:
            return None
        try:
            fresh = themes.read(theme.files[-1])
        except ThemeError as error:
            self._worn = theme, now
            return str(error)
        if self._chosen is self._worn:
            self._chosen = fresh, now
        self._worn = fresh, now
        return ""

    def _suits(self, theme: Theme) -> bool:
        if self._no_color:
            return theme.kind == "none"
        return theme.kind != "rgb" or not terminal.few_colors(self._environ)

    def _stamped(self, name: str) -> tuple[Theme, tuple[int, ...]]:
        theme = themes.load(name)
        return theme, theme.stamp()

    def _dressed(self, theme: Theme) -> Theme:
        return theme.in_production() if self._production else theme
