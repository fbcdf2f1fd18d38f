"""Parts of the documentation that are made from the code: ``python -m tests.docs`` writes them, a test compares."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.docs import key_table, tasks, theme_tables

ROOT = Path(__file__).parents[2]
PARTS: dict[str, tuple[tuple[str, Callable[[], str]], ...]] = {
    "docs/keys.md": (("keys", key_table.keys),),
    "docs/tasks/README.md": (("keystrokes", tasks.keystrokes),),
    "docs/themes.md": (("themes", theme_tables.list_of_themes), ("figures", theme_tables.figures)),
}
"""By page: the names of its parts and what makes them."""


def made(page: str) -> str:
    """``page`` with its parts made anew. Raises :class:`ValueError` when a marker is missing."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for name, make in PARTS[page]:
        place = re.compile(rf"(<!-- {name}: [^>]*-->\n).*?(<!-- end of {name} -->\n)", re.DOTALL)
        found = place.search(text)
        if found is None:
            raise ValueError(f"{page} has no place for {name}")
        text = f"{text[: found.end(1)]}\n{make()}\n{text[found.start(2) :]}"
    return text


def write() -> None:
    """Make every part anew."""
    for page in PARTS:
        (ROOT / page).write_text(made(page), encoding="utf-8")
