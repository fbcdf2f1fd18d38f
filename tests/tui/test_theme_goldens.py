"""One theme of each family, painted: which cells have which style."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from string import ascii_letters, digits

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from tests.tui.samples import incident
from tests.tui.stand import Stand, golden, on_stage

FAMILIES = {
    "midnight": "dark",
    "paper": "light",
    "contrast": "high contrast",
    "safe": "safe for every eye",
    "production": "loud",
    "terminal": "the terminal's sixteen",
    "mono": "none",
}
LETTERS = ascii_letters + digits


@pytest.mark.parametrize("name", FAMILIES)
def test_a_theme_of_each_family_is_painted_as_in_its_golden(name: str) -> None:
    drawn: list[str] = []

    async def scenario(stand: Stand) -> None:
        stand.app.keep_colors()
        await stand.show(incident())
        await stand.press("2")
        drawn.append(styles([list(line) for line in stand.app.board.painted()]))

    on_stage(scenario, (80, 24), theme=name, production=name == "production")
    golden(f"theme_{name}_80x24", drawn[0])


def styles(lines: Sequence[Iterable[Segment]]) -> str:
    """A letter for the style of each cell, and what the letters stand for in the order in which they come."""
    letters: dict[str, str] = {}
    grid = []
    for line in lines:
        row = ""
        for text, style, _ in line:
            named = said(style or Style())
            letter = letters.setdefault(named, LETTERS[len(letters)])
            row += (letter if text.strip() or "on " in named or "reverse" in named else ".") * cell_len(text)
        grid.append(row)
    return "\n".join([*grid, "", *(f"{letter} {named}" for named, letter in letters.items())])


def said(style: Style) -> str:
    """A style without what Textual adds for its own use."""
    words = [word for word in ("bold", "dim", "italic", "underline", "reverse") if getattr(style, word)]
    words += [style.color.name] if style.color else []
    return " ".join([*words, *(("on", style.bgcolor.name) if style.bgcolor else ())]) or "plain"
