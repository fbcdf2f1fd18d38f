"""Small phrases that several panes share."""

from __future__ import annotations

from collections.abc import Iterable

from unstick.facts.level import Level
from unstick.facts.text import clean
from unstick.facts.units import count, duration
from unstick.views.pane import LEVEL_ROLE, Line, PaneView, Role, Span


def span(text: str, role: Role = Role.TEXT) -> Span:
    """Text from data as a span: sanitised here once more."""
    return Span(clean(text), role)


def cell(text: str, role: Role = Role.TEXT) -> Line:
    """A table cell of one span."""
    return (span(text, role),)


def details(name: str, texts: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Lines for the opened row, the first of them named."""
    return tuple((name if nth == 0 else "", clean(text)) for nth, text in enumerate(texts))


def number(value: float | None, level: Level = Level.OK) -> Line:
    """A count; unknown is a dimmed dash, zero is dimmed too, so that the eye finds the rest."""
    if value is None:
        return (Span("–", Role.UNKNOWN),)
    role = LEVEL_ROLE[level] if level.rank >= Level.WARNING.rank else (Role.DIM if value == 0 else Role.TEXT)
    return (Span(count(value), role),)


def age(seconds: float | None, level: Level = Level.OK) -> Line:
    """A span of time."""
    if seconds is None:
        return (Span("–", Role.UNKNOWN),)
    role = LEVEL_ROLE[level] if level.rank >= Level.WARNING.rank else Role.TEXT
    return (Span(duration(seconds), role),)


def tally(*parts: tuple[float | None, str, Role]) -> Line:
    """Counts for a pane's title: ``60 used  27 blocked``; zero counts of a bad kind are left out."""
    if all(value is None for value, _, _ in parts):
        return (Span("unknown", Role.UNKNOWN),)
    spans: list[Span] = []
    for value, word, role in parts:
        if value == 0 and role in {Role.CRITICAL, Role.WARNING, Role.UNKNOWN}:
            continue
        if spans:
            spans.append(Span("  "))
        shown = role if value is not None else Role.UNKNOWN
        spans.append(Span(f"{count(value)} {word}".rstrip(), shown))
    return tuple(spans)


def absent(key: str, title: str, mend: str) -> PaneView:
    """The pane of a subject that nobody configured."""
    return PaneView(
        key, title, Level.OK, (Span("not configured", Role.DIM),), (), (), (), (), (Span(mend, Role.DIM),)
    )


def nothing(text: str, known: float | None) -> Line:
    """What an empty pane says: ``text`` when it was seen to be empty, else that nobody could see it."""
    return (Span(text, Role.DIM),) if known is not None else (Span("can't be seen now", Role.UNKNOWN),)
