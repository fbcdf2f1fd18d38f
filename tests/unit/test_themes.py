"""Shipped themes are complete, legible, and tell states apart without relying on colour."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from rich.color import Color, ColorSystem

from unstick.tui.glyphs import replaced
from unstick.tui.paint import Painter, measure
from unstick.tui.roles import Chrome, Ground, Piece
from unstick.tui.terminal import Glyphs, few_colors, glyphs, no_color, refusal
from unstick.tui.themes import CONTEXT_COLORS, ROLES, SHIPPED, Theme, ThemeError, contrast, load, parse, resolve
from unstick.views.pane import LEVEL_GLYPH, LEVEL_ROLE, Role

RGB = [name for name in SHIPPED if load(name).kind == "rgb"]
DRAWN = frozenset(
    {Chrome.BORDER, Chrome.BORDER_WARNING, Chrome.BORDER_CRITICAL, Chrome.BORDER_UNKNOWN, Chrome.FOCUS, Chrome.THUMB}
    | {Role.BAR_USED, Role.BAR_STUCK, Role.BAR_BLOCKED, Role.BAR_FREE, Role.SPARK}
)
"""Roles of lines and areas: no text is written in them."""
GOOD = (Path(__file__).parents[2] / "themes" / "midnight.toml").read_text()


@pytest.mark.parametrize("name", RGB)
@pytest.mark.parametrize("ground", list(Ground))
def test_text_has_contrast_on_every_ground(name: str, ground: Ground) -> None:
    theme = load(name)
    for role in sorted(ROLES - DRAWN):
        style = resolve(theme, role, ground)
        assert style.color
        assert style.background
        assert contrast(style.color, style.background) >= 4.5, (name, role, ground)


@pytest.mark.parametrize("name", RGB)
def test_drawn_states_stand_out_from_the_screen(name: str) -> None:
    theme = load(name)
    for role in DRAWN - {Chrome.BORDER}:
        style = resolve(theme, role, Ground.SCREEN)
        assert style.color
        assert style.background
        assert contrast(style.color, style.background) >= 3.0, (name, role)


@pytest.mark.parametrize("name", RGB)
def test_context_badges_are_legible(name: str) -> None:
    theme = load(name)
    for color in CONTEXT_COLORS:
        style = theme.contexts[color]
        assert style.color
        assert style.background
        assert contrast(style.color, style.background) >= 4.5, (name, color)


def in_256(color: str) -> int | None:
    return Color.parse(color).downgrade(ColorSystem.EIGHT_BIT).number


@pytest.mark.parametrize("name", RGB)
def test_states_and_cursor_survive_256_colours(name: str) -> None:
    theme = load(name)
    found = {role: resolve(theme, role, Ground.SCREEN) for role in LEVEL_ROLE.values()}
    for one, other in combinations(found, 2):
        assert in_256(str(found[one].color)) != in_256(str(found[other].color)), (one, other)
    grounds = {ground: str(theme.grounds[ground].background) for ground in (Ground.SCREEN, Ground.CURSOR)}
    assert in_256(grounds[Ground.SCREEN]) != in_256(grounds[Ground.CURSOR])


def test_levels_differ_by_glyph_in_every_glyph_set() -> None:
    for kind in Glyphs:
        marks = [replaced(glyph, kind) for glyph in LEVEL_GLYPH.values()]
        assert len(set(marks)) == len(marks)


def test_mono_has_no_colour_at_all() -> None:
    painter = Painter(load("mono"))
    for role in ROLES:
        for ground in Ground:
            style = painter.style(role, ground)
            assert style.color is None
            assert style.bgcolor is None


@pytest.mark.parametrize("name", SHIPPED)
def test_loud_states_are_loud_without_colour_too(name: str) -> None:
    theme = load(name)
    for role in (Chrome.PRODUCTION, Chrome.PAUSED, Chrome.ALARM):
        style = resolve(theme, role, Ground.HEADER)
        assert "reverse" in style.attributes or style.background != theme.grounds[Ground.HEADER].background


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace('text = ""', ""), "lacks or does not know: text"),
        (GOOD.replace("[roles]", '[roles]\nnonsense = "bold"'), "nonsense"),
        (GOOD.replace('ok = "green"', 'ok = "greenish"'), "'greenish' is no colour"),
        (GOOD.replace('kind = "rgb"', 'kind = "rgba"'), "kind: rgb, ansi or none"),
        ("[roles", "theme mine"),
    ],
)
def test_a_bad_theme_is_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(ThemeError, match=r"theme") as caught:
        parse("mine", text)
    assert said in str(caught.value)


def test_an_unknown_theme_names_those_there_are() -> None:
    with pytest.raises(ThemeError, match=r"midnight, paper"):
        load("nope")


def test_ascii_keeps_the_width_of_every_text() -> None:
    for text in ("╭─ ● ▲ ✖ …╮", "日本語", "Привет", "e\u0301", "▁▂▃▄▅▆▇█", "⠿⣿", "DE ⚠ ok"):
        out = replaced(text, Glyphs.ASCII, measure)
        assert out.isascii()
        assert len(out) == measure(text)


def test_a_painted_strip_is_as_wide_as_asked_and_parses_no_markup() -> None:
    theme: Theme = load("midnight")
    strip = Painter(theme).strip((Piece("[red]x[/red] ", Role.TEXT), Piece("日本", Role.OK)), 17)
    assert strip.cell_length == 17
    assert strip.text == "[red]x[/red] 日本"


@pytest.mark.parametrize(
    ("environ", "kind"),
    [
        ({"LANG": "en_US.UTF-8"}, Glyphs.FULL),
        ({"LANG": "en_US.UTF-8", "TERM": "linux"}, Glyphs.PLAIN),
        ({"LANG": "de_DE.ISO-8859-1"}, Glyphs.ASCII),
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, Glyphs.ASCII),
        ({"LC_CTYPE": "C.UTF-8"}, Glyphs.FULL),
        ({}, Glyphs.ASCII),
    ],
)
def test_glyphs_follow_the_locale(environ: dict[str, str], kind: Glyphs) -> None:
    assert glyphs(environ) is kind
    assert glyphs(environ, wanted_ascii=True) is Glyphs.ASCII


def test_no_color_counts_when_it_is_not_empty() -> None:
    assert no_color({"NO_COLOR": "1"})
    assert not no_color({"NO_COLOR": ""})
    assert not no_color({})


@pytest.mark.parametrize(
    ("environ", "few"),
    [
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, False),
        ({"TERM": "linux"}, True),
        ({"TERM": "xterm-16color"}, True),
    ],
)
def test_sixteen_colours_are_known_by_the_terminal_name(environ: dict[str, str], few: bool) -> None:
    assert few_colors(environ) is few


def test_without_a_terminal_the_board_is_refused_in_one_line() -> None:
    reason = refusal({"TERM": "xterm-256color"})  # the streams of a test run are files
    assert reason is not None
    assert "\n" not in reason
