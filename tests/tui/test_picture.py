"""The board as an SVG picture: the same cells, nothing from elsewhere, whatever the texts and the terminal."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from tests.tui.samples import STATES, hostile, incident
from tests.tui.stand import Stand, on_stage
from unstick.tui.options import BoardOptions
from unstick.tui.picture import picture
from unstick.tui.theme_file import ThemeError

SVG = "{http://www.w3.org/2000/svg}"


def drawn(text: str, width: int, height: int) -> list[str]:
    """The lines of letters in a picture, by their places."""
    lines = [[" "] * width for _ in range(height)]
    for piece in ET.fromstring(text).iter(f"{SVG}text"):
        x, y = round((float(piece.attrib["x"]) - 10) / 8.4), round((float(piece.attrib["y"]) - 23) / 17)
        for nth, letter in enumerate(piece.text or ""):
            if x + nth < width:
                lines[y][x + nth] = letter
    return ["".join(line).rstrip() for line in lines]


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
def test_the_picture_shows_what_the_screen_shows(size: tuple[int, int]) -> None:
    made = drawn(picture(incident(0), BoardOptions(context="prod-eu"), size, "at its worst"), *size)

    async def scenario(stand: Stand) -> None:
        await stand.show(incident(0))
        assert [line.rstrip() for line in stand.lines] == made

    on_stage(scenario, size)


def test_it_has_colours_wherever_it_is_made_and_asks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("LANG", "C")
    monkeypatch.delenv("TERM")
    text = picture(incident(0), BoardOptions(theme="paper"), (120, 36), "at its worst")
    assert re.findall(r"https?://[^\"]*", text) == ["http://www.w3.org/2000/svg"]
    assert len(set(re.findall(r"#[0-9a-f]{6}", text))) > 6
    assert "✖" in text
    assert not re.search(r"<(script|a|image|style|foreignObject)\b|\bon\w+=|url\(", text)


@pytest.mark.parametrize("state", STATES)
def test_no_text_harms_it(state: str) -> None:
    text = picture(STATES[state](0), BoardOptions(), (100, 40), "<b>\x00\ud800&")
    assert ET.fromstring(text).tag == f"{SVG}svg"


def test_a_hostile_text_stays_text() -> None:
    text = picture(hostile(0), BoardOptions(), (200, 60), "x")
    assert "[@click=app.quit]free[/]" in "\n".join(drawn(text, 200, 60))


def test_a_theme_that_there_is_not_is_an_error() -> None:
    with pytest.raises(ThemeError):
        picture(incident(0), BoardOptions(theme="nope"), (80, 24), "x")
