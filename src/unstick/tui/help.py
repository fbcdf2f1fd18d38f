"""The help page, told as a pane: what one looks at, and every key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unstick.facts.level import Level
from unstick.tui.keys import GROUPS, REGISTRY, keys_of, label
from unstick.views.layout import Measure, wrap
from unstick.views.pane import Column, Line, PaneView, Role, Row, Span

_NAME_WIDTH = 18
_COLUMNS = (Column("name", "", _NAME_WIDTH), Column("value", "", 20, flex=1))


def _page(
    title: str, level: Level, facts: list[tuple[str, Line]], width: int, measure: Measure, note: Line
) -> PaneView:
    rows: list[Row] = []
    for name, value in facts:
        for nth, line in enumerate(wrap(value, max(8, width - _NAME_WIDTH - 6), measure)):
            head = (Span(name if nth == 0 else "", Role.DIM),)
            rows.append(Row(f"{len(rows)}", Level.OK, (head, line), ()))
    return PaneView("overlay", title, level, (), (), _COLUMNS, tuple(rows), note)


def help_page(
    overrides: Mapping[str, str],
    facts: list[tuple[str, str]],
    width: int,
    measure: Measure,
    explained: Sequence[tuple[str, Line]] = (),
) -> PaneView:
    """What the pane means that one looks at, keys by group, and ``facts`` about this run."""
    lines: list[tuple[str, Line]] = []
    for name, line in explained:
        if lines and line and line[0].role is Role.TITLE:
            lines.append(("", ()))
        lines.append((name, line))
    if lines:
        lines.append(("", ()))
    for group in GROUPS:
        lines += [("", (Span(group, Role.TITLE),)), *_keys(group, overrides), ("", ())]
    lines.append(("", (Span("This run", Role.TITLE),)))
    lines += [(name, (Span(value),)) for name, value in facts]
    return _page("Help", Level.OK, lines, width, measure, (Span("esc closes", Role.DIM),))


def _keys(group: str, overrides: Mapping[str, str]) -> list[tuple[str, Line]]:
    """One line per key; keys that do the same to different panes share theirs."""
    by_help: dict[str, list[str]] = {}
    for key in REGISTRY:
        if key.group == group:
            by_help.setdefault(key.help, []).extend(label(name) for name in keys_of(key, overrides))
    return [(" ".join(names), (Span(words),)) for words, names in by_help.items()]
