"""What docs/themes.md says of the shipped themes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

from tests.docs.vision import VISIONS, contrast, difference, seen
from unstick.tui.roles import Chrome, Ground
from unstick.tui.theme_file import ROLES
from unstick.tui.themes import SHIPPED, Theme, load, resolve
from unstick.views.pane import LEVEL_ROLE, Role

DRAWN = frozenset(
    {Chrome.BORDER, Chrome.BORDER_WARNING, Chrome.BORDER_CRITICAL, Chrome.BORDER_UNKNOWN, Chrome.FOCUS, Chrome.THUMB}
    | {Role.BAR_USED, Role.BAR_STUCK, Role.BAR_BLOCKED, Role.BAR_FREE, Role.SPARK}
)
"""Roles of lines and areas: no text is written in them."""
LEVELS = tuple(LEVEL_ROLE.values())
BARS = (Role.BAR_USED, Role.BAR_STUCK, Role.BAR_BLOCKED, Role.BAR_FREE)


def list_of_themes() -> str:
    """One line per theme: its name, and what the first line of its file says of it."""
    return "\n".join(("| theme | |", "|---|---|", *(_listed(load(name)) for name in SHIPPED))) + "\n"


def _listed(theme: Theme) -> str:
    about = theme.files[-1].read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
    return f"| `{theme.name}` | {about} |"


def figures() -> str:
    """Contrast and differences of every theme with colours of its own."""
    head = "| theme | least contrast | | levels: normal | protan | deutan | tritan | bar: least |"
    rows = [_figures(theme) for theme in map(load, SHIPPED) if theme.kind == "rgb"]
    return "\n".join((head, "|---|---|---|---|---|---|---|---|", *rows)) + "\n"


def _figures(theme: Theme) -> str:
    least, role, ground = min(contrasts(theme))
    levels = [least_difference(theme, LEVELS, vision) for vision in ("normal", *VISIONS)]
    bar = min(least_difference(theme, BARS, vision) for vision in ("normal", *VISIONS))
    told = " | ".join(f"{value:.1f}" for value in levels)
    return f"| `{theme.name}` | {least:.2f} | {role} on {ground} | {told} | {bar:.1f} |"


def contrasts(theme: Theme) -> Iterator[tuple[float, str, str]]:
    """The contrast of every text role on every ground."""
    for ground in Ground:
        for role in sorted(ROLES - DRAWN):
            style = resolve(theme, role, ground)
            yield contrast(str(style.color), str(style.background)), role, ground


def least_difference(theme: Theme, roles: Iterable[str], vision: str) -> float:
    """Between two of ``roles`` on the screen, as ``vision`` sees them."""
    colors = [seen(str(resolve(theme, role, Ground.SCREEN).color), vision) for role in roles]
    return min(difference(one, other) for one, other in combinations(colors, 2))
