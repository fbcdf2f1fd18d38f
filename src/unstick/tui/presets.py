"""Boards of fewer panes and columns: some that are built in, and those of the configuration. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence

from unstick.settings import Preset
from unstick.tui.layouts import LEAST, Plan, by_size
from unstick.views.pane import Column
from unstick.views.screen import PANE_KEYS

BUILT_IN = (
    Preset("board", ()),
    Preset("who holds what", ("workers proxies", "locks")),
    Preset("what flows", ("queues channels", "sync")),
)
"""What the key of presets goes through before those of the configuration; the first is the board by size."""


def presets(own: Sequence[Preset]) -> tuple[Preset, ...]:
    """All presets; one of the configuration replaces the built-in one of its name."""
    names = {preset.name for preset in own}
    return (*(preset for preset in BUILT_IN if preset.name not in names), *own)


def chosen(preset: Preset, width: int, height: int) -> Plan | None:
    """The rows of ``preset`` where they fit: side by side if it is wide, else below each other, as many as can be."""
    rows = tuple(tuple(row.split()) for row in preset.rows)
    if not rows:
        return by_size(width, height)
    if any(width // len(row) < 50 for row in rows):
        rows = tuple((key,) for row in rows for key in row)
    rows = rows[: max(1, (height - 8) // LEAST)]
    return Plan(rows, (1,) * len(rows))


def check_presets(
    own: Sequence[Preset], columns: Mapping[str, Sequence[Column]]
) -> Iterator[tuple[int, str, str, str]]:
    """What is wrong with presets of the configuration: number, key, what, and what to do."""
    for nth, preset in enumerate(own):
        panes = [name for row in preset.rows for name in row.split()]
        if not panes:
            yield nth, "rows", "names no pane", f"known: {', '.join(PANE_KEYS)}"
        for name in panes:
            if name not in PANE_KEYS:
                yield nth, "rows", f"there is no pane '{name}'", _suggestion(name, PANE_KEYS)
            elif panes.count(name) > 1:
                yield nth, "rows", f"'{name}' stands there twice", "a pane has one place"
        for pane, names in preset.columns.items():
            known = [column.key for column in columns.get(pane, ())]
            if not known:
                yield nth, f"columns.{pane}", "there is no such pane with columns", _suggestion(pane, PANE_KEYS)
            for name in names.split():
                if known and name not in known:
                    yield nth, f"columns.{pane}", f"there is no column '{name}'", _suggestion(name, known)


def _suggestion(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(known)}"
