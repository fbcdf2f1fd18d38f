"""The themes that suit this terminal: which one is worn, which are tried on, and whether its file changed."""

from __future__ import annotations

from collections.abc import Mapping

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

    def offered(self) -> tuple[list[Theme], list[str]]:
        """Every theme that suits the terminal, in the order of the list; and what is wrong with those left out."""
        found: list[Theme] = []
        wrong: list[str] = []
        own = themes.own_names()
        for name in own:
            if name in themes.SHIPPED:
                path = themes.own_folder() / f"{name}.toml"
                wrong.append(f"{path}: a shipped theme has this name; mend: give the file another")
        for name in dict.fromkeys((*self._names, *own)):
            try:
                found.append(themes.load(name))
            except ThemeError as error:
                wrong.append(str(error))
        return [theme for theme in found if self._suits(theme)], wrong

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
