"""``python -m tests.docs.screens FOLDER``: every screen in three sizes and three themes, to be looked at."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.docs.stage import moment, played, pressed
from tests.tui.stand import Stand
from unstick.tui.options import BoardOptions
from unstick.tui.svg import svg

SIZES = ((80, 24), (120, 36), (200, 60))
THEMES = ("midnight", "paper", "mono")
PANES = {number: (number,) for number in "12345678"}
SCREENS: dict[str, tuple[str, ...]] = {
    "board": (),
    "verdict": ("v",),
    "finding": ("v", "enter"),
    **{f"pane-{number}": keys for number, keys in PANES.items()},
    **{f"page-{number}": (*keys, "enter") for number, keys in PANES.items()},
    "chart": ("4", "enter", "c"),
    "process": ("8", "greater_than_sign", "enter"),
    "tasks": ("2", "greater_than_sign", "enter"),
    "happened": ("h",),
    "help": ("3", "question_mark"),
    "keys": ("f1",),
    "commands": ("colon",),
    "themes": ("t",),
    "filter": ("slash", "8", "b"),
    "faults": ("x",),
    "preset": ("z",),
}


def main() -> None:
    """Draw them all."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for theme in THEMES:
        for size in SIZES:
            for name, keys in SCREENS.items():
                file = folder / f"{name}-{theme}-{size[0]}x{size[1]}.svg"
                file.write_text(screen(keys, theme, size), encoding="utf-8")


def screen(keys: tuple[str, ...], theme: str, size: tuple[int, int]) -> str:
    """One screen after some keys."""
    drawn: list[str] = []
    before = pressed(keys)

    async def scenario(stand: Stand) -> None:
        await before(stand)
        drawn.append(svg(stand.app.board.painted(), size[0], " ".join(keys)))

    played(moment("stuck-proxies", 200), scenario, size, BoardOptions(context="lab", theme=theme))
    return drawn[0]


if __name__ == "__main__":
    main()
