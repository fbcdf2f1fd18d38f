"""Shipped themes are complete, legible, and tell states apart without relying on colour."""

from __future__ import annotations

import os
from itertools import combinations
from pathlib import Path

import pytest
from rich.color import Color, ColorSystem

from tests.docs.theme_tables import BARS, DRAWN, LEVELS, contrasts, least_difference
from tests.docs.vision import VISIONS, contrast
from unstick.tui.glyphs import replaced
from unstick.tui.paint import Painter, measure
from unstick.tui.roles import Chrome, Ground, Piece
from unstick.tui.terminal import Glyphs, few_colors, glyphs, no_color, refusal
from unstick.tui.theme_file import CONTEXT_COLORS, ROLES, ThemeError
from unstick.tui.themes import SHIPPED, Theme, load, parse, resolve
from unstick.tui.wardrobe import Wardrobe
from unstick.views.pane import LEVEL_GLYPH, LEVEL_ROLE, Role

RGB = [name for name in SHIPPED if load(name).kind == "rgb"]
SAFE = ("safe", "safe-day")
GOOD = (Path(__file__).parents[2] / "themes" / "midnight.toml").read_text()


@pytest.mark.parametrize("name", RGB)
def test_text_has_contrast_on_every_ground(name: str) -> None:
    assert [found for found in contrasts(load(name)) if found[0] < 4.5] == []


@pytest.mark.parametrize("vision", ["normal", *VISIONS])
@pytest.mark.parametrize("name", SAFE)
def test_safe_themes_are_told_apart_by_every_eye(name: str, vision: str) -> None:
    assert least_difference(load(name), LEVELS, vision) >= 10
    assert least_difference(load(name), BARS, vision) >= 10


def test_there_are_themes_for_every_taste_and_need() -> None:
    shipped = [load(name) for name in SHIPPED]
    assert len(shipped) >= 10
    assert sum(theme.dark for theme in shipped if theme.kind == "rgb") >= 2
    assert sum(not theme.dark for theme in shipped) >= 2
    assert {theme.kind for theme in shipped} == {"rgb", "ansi", "none"}
    assert len({theme.title for theme in shipped}) == len(shipped)
    assert {path.stem for path in (Path(__file__).parents[2] / "themes").glob("*.toml")} == set(SHIPPED)


@pytest.mark.parametrize("name", RGB)
def test_production_stands_on_a_ground_of_its_own(name: str) -> None:
    theme = load(name)
    header = theme.grounds[Ground.HEADER].background
    production = str(theme.in_production().grounds[Ground.HEADER].background)
    assert production != header or name == "production"
    assert int(production[1:3], 16) > max(int(production[3:5], 16), int(production[5:7], 16))  # red


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
        (GOOD.replace('text = ""', ""), "roles: lacks text; mend:"),
        (GOOD.replace("[roles]", '[roles]\nnonsense = "bold"'), "roles.nonsense: is not known"),
        ('base = "midnight"\n\n[roles]\nok = "greenish"', "mine.toml:4: roles.ok: 'greenish' is no colour; mend:"),
        ('[palette]\nink = "#12345"', "mine.toml:2: palette.ink: '#12345' is no colour"),
        ("[palette]\nink = 3", "mine.toml:2: palette.ink: '3' is no colour"),
        ('roles = "bold"', "mine.toml:1: roles: needs a table"),
        ('base = "nope"', "mine.toml:1: base: there is no shipped theme 'nope'"),
        ('color = "red"', "mine.toml:1: color: is no key of a theme"),
        (GOOD.replace('kind = "rgb"', 'kind = "rgba"'), "kind: 'rgba' is no kind; mend: rgb, ansi or none"),
        ("[roles", "mine.toml: Expected"),
    ],
)
def test_a_bad_theme_is_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(ThemeError) as caught:
        parse(Path("mine.toml"), text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_theme_may_say_only_what_differs_from_a_shipped_one() -> None:
    theme = parse(Path("mine.toml"), 'base = "harbor"\n[palette]\nground = "#000001"\n[roles]\nok = "bold ink"')
    assert theme.name == theme.title == "mine"
    assert theme.grounds[Ground.SCREEN].background == "#000001"
    assert theme.roles["ok"].attributes == {"bold"}
    assert theme.roles["critical"] == load("harbor").roles["critical"]
    assert [path.stem for path in theme.files] == ["midnight", "harbor", "mine"]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("unstick.tui.themes.own_folder", lambda: tmp_path)
    return tmp_path


def test_own_themes_are_offered_and_bad_ones_named_and_left_out(own: Path) -> None:
    (own / "mine.toml").write_text('base = "paper"\ntitle = "Mine"')
    (own / "bad.toml").write_text('base = "paper"\n[palette]\nink = "ink"')
    (own / "harbor.toml").write_text('base = "paper"')
    wardrobe = Wardrobe("mine", {"TERM": "xterm-256color"})
    wrong = wardrobe.wrong()
    assert [theme.name for theme in wardrobe.offered()] == ["mine", *SHIPPED]
    assert wardrobe.worn.title == "Mine"
    assert len(wrong) == 2
    assert wrong[1].startswith(f"{own}/harbor.toml: a shipped theme has this name")
    assert wrong[0].startswith(f"{own}/bad.toml:3: palette.ink: 'ink' is no colour")


def test_a_wanted_theme_that_is_bad_is_named_and_another_worn(own: Path) -> None:
    (own / "bad.toml").write_text('base = "paper"\n[palette]\nink = "ink"')
    wardrobe = Wardrobe("bad", {"TERM": "xterm-256color"})
    assert wardrobe.worn.name == "midnight"
    assert f"{own}/bad.toml:3: palette.ink" in wardrobe.notice


def test_a_theme_that_is_edited_is_read_again(own: Path) -> None:
    file = own / "mine.toml"
    file.write_text('base = "paper"\n[palette]\nground = "#000001"')
    wardrobe = Wardrobe("mine", {"TERM": "xterm-256color"})
    assert wardrobe.look_again() is None
    file.write_text('base = "paper"\n[palette]\nground = "#000002"')
    os.utime(file, ns=(1, 1))
    assert wardrobe.look_again() == ""
    assert wardrobe.worn.grounds[Ground.SCREEN].background == "#000002"
    file.write_text("[palette")
    os.utime(file, ns=(2, 2))
    assert str(file) in (wardrobe.look_again() or "")
    assert wardrobe.look_again() is None
    assert wardrobe.worn.grounds[Ground.SCREEN].background == "#000002"


def test_a_theme_that_was_tried_on_is_kept_or_put_back() -> None:
    wardrobe = Wardrobe("midnight", {"TERM": "xterm-256color"})
    assert wardrobe.try_on("paper") == ""
    assert wardrobe.worn.name == "paper"
    wardrobe.put_back()
    assert wardrobe.worn.name == "midnight"
    wardrobe.try_on("paper")
    wardrobe.keep()
    wardrobe.put_back()
    assert wardrobe.worn.name == wardrobe.chosen == "paper"
    assert "no theme 'nope'" in wardrobe.try_on("nope")


@pytest.mark.parametrize(
    ("environ", "names"),
    [({"TERM": "xterm"}, ["terminal", "mono"]), ({"TERM": "xterm-256color", "NO_COLOR": "1"}, ["mono"])],
)
def test_only_themes_that_the_terminal_can_show_are_offered(
    own: Path, environ: dict[str, str], names: list[str]
) -> None:
    (own / "mine.toml").write_text('base = "paper"')
    assert [theme.name for theme in Wardrobe("mine", environ).offered()] == names


def test_an_unknown_theme_names_those_there_are() -> None:
    with pytest.raises(ThemeError, match=r"midnight, harbor"):
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
