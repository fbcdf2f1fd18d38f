"""A pane explained: what it shows, each column and symbol, what is found wrong there, and from which value on."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from unstick.board.rules import RULES
from unstick.config.schema import keys, toml
from unstick.facts.level import Level
from unstick.settings import Context
from unstick.views.field import GLYPHS
from unstick.views.pane import LEVEL_GLYPH, LEVEL_ROLE, Column, Line, Role, Span
from unstick.views.tell import ABOUT

Told = tuple[str, Line]
"""A name and what is said of it; without a name a heading."""

LEVELS = (
    (Level.OK, "well"),
    (Level.WARNING, "look soon"),
    (Level.CRITICAL, "act now"),
    (Level.UNKNOWN, "nobody could look: neither well nor ill"),
)
_SYMBOLS: dict[str, tuple[tuple[str, str, Role], ...]] = {
    "workers": (
        (GLYPHS["w"], "one worker that is well, in the field above the rows", Role.OK),
        (GLYPHS["x"], "one that is dead or stalls", Role.CRITICAL),
        (GLYPHS["?"], "one that nobody could look at", Role.UNKNOWN),
        (GLYPHS["l"], "one that left and holds nothing", Role.DIM),
    ),
    "proxies": (
        ("█", "in use", Role.BAR_USED),
        ("▚", "stuck: held by the dead", Role.BAR_STUCK),
        ("▒", "blocked", Role.BAR_BLOCKED),
        ("░", "free", Role.BAR_FREE),
    ),
    "sync": (
        ("●", "a run that succeeded", Role.OK),
        ("┃", "now", Role.ACCENT),
        ("○", "the next run", Role.TEXT),
        ("━", "late", Role.CRITICAL),
    ),
}


def explain(pane: str, columns: tuple[Column, ...], context: Context | None) -> Iterator[Told]:
    """Everything there is to know of ``pane``; thresholds with the values of ``context``, where there is one."""
    if pane in ABOUT:
        yield "", (Span(ABOUT[pane]),)
    if any(column.about for column in columns):
        yield "", (Span("Columns", Role.TITLE),)
        for column in columns:
            yield column.title or column.key, (Span(column.about),)
    yield "", (Span("Symbols", Role.TITLE),)
    for level, words in LEVELS:
        yield LEVEL_GLYPH[level], (Span(words, LEVEL_ROLE[level]),)
    for glyph, words, role in _SYMBOLS.get(pane, ()):
        yield glyph, (Span(words, role),)
    rules = [rule for rule in RULES if pane in {rule.subject, "verdict"}]
    if rules:
        yield "", (Span("What is found wrong", Role.TITLE),)
    for rule in rules:
        yield rule.name, (Span(rule.says),)
        if pane != "verdict":
            yield from (("", threshold(name, context)) for name in rule.thresholds)


def threshold(name: str, context: Context | None) -> Line:
    """A setting by the name that the file has for it, and its value."""
    value = None if context is None else _value(name, context)
    return (Span(f"  {name}", Role.DIM), *(() if value is None else (Span(f" = {value}", Role.ACCENT),)))


def _value(name: str, context: Context) -> str | None:
    table: object = context
    *tables, last = name.split(".")
    for part in tables:
        table = getattr(table, part, None)
    if not isinstance(table, msgspec.Struct):
        return None
    key = keys(type(table)).get(last)
    return None if key is None else toml(getattr(table, key.field), is_span=key.span)
