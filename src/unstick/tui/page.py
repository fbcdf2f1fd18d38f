"""A page on the screen: its facts as the rows of a pane, and its charts as another pane beside or below. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from unstick.facts.level import Level
from unstick.facts.place import Tick
from unstick.facts.units import duration
from unstick.tui import chart, mending
from unstick.tui.keys import key_label
from unstick.views.layout import GAP, Measure, fit, wrap
from unstick.views.pages import Fact, Page
from unstick.views.pane import LEVEL_GLYPH, LEVEL_ROLE, Column, Line, PaneView, Role, Row, Span
from unstick.views.screen import PANE_KEYS
from unstick.views.ui import SPANS_S

_SOURCE, _AGE = 16, 6
_NAMES = (10, 26)
"""The least and the most cells of the column of names."""
_MOST_CURVES = 3
_HIGHEST = 20
"""Lines of a chart: higher, it tells no more."""
_TITLE_EDGE = 12
"""Cells of a border that its title cannot have; a longer one is told in full below it."""
_CRUMBS = 2
"""Titles of pages before that are named; of more there is an ellipsis."""


def facts_view(
    page: Page,
    crumbs: Sequence[str],
    width: int,
    measure: Measure,
    overrides: Mapping[str, str],
    *,
    gone: bool = False,
    hint: str = "",
) -> PaneView:
    """Every fact in ``width`` cells, nothing cut; ``crumbs`` are the titles of the pages before it."""
    number = PANE_KEYS.index(page.subject) + 1 if page.subject in PANE_KEYS else 0
    lead = (f"{number} {page.subject.capitalize()}",) if number else ()
    title = " › ".join((*lead, *(("…",) if len(crumbs) > _CRUMBS else ()), *crumbs[-_CRUMBS:], page.title))
    note: Line = (Span("this is gone; it was seen last", Role.WARNING),) if gone else (Span(hint, Role.DIM),)
    names = min(_NAMES[1], max([_NAMES[0], *(measure(fact.name) for part in page.parts for fact in part.facts)])) + 2
    columns = (
        Column("name", "", names),
        Column("value", "", 20, flex=1),
        Column("source", "said by", _SOURCE, priority=1),
        Column("age", "age", _AGE, "right", priority=2),
    )
    says = (Span(LEVEL_GLYPH[page.level], LEVEL_ROLE[page.level]), Span(" "), *page.says)
    cut = measure(title) > width - _TITLE_EDGE
    told = wrap((Span(page.title, Role.STRONG),), max(8, width - 4), measure) if cut else ()
    lines = (*told, *wrap(says, max(8, width - 4), measure))
    head = [_banner(f"says|{nth}", line) for nth, line in enumerate(lines)]
    rows = (*head, *_rows(_with_keys(page, overrides), names, width - 4, measure))
    return PaneView("page", title, page.level, (), (), columns, rows, note)


def _with_keys(page: Page, overrides: Mapping[str, str]) -> Page:
    """``page`` with the keys of the commands that it names."""
    parts = tuple(
        replace(part, facts=tuple(_keyed(fact, overrides) for fact in part.facts))
        if any(fact.command for fact in part.facts)
        else part
        for part in page.parts
    )
    return replace(page, parts=parts)


def _keyed(fact: Fact, overrides: Mapping[str, str]) -> Fact:
    keys = mending.hint(fact.command, overrides)
    return replace(fact, value=(*keys, Span("  "), *fact.value)) if keys else fact


def _banner(key: str, line: Line) -> Row:
    return Row(key, Level.OK, (line,), (), banner=True)


def _room(names: int, inside: int, *, said: bool) -> int:
    """Cells of a value beside its name; the last columns go first where it is narrow, or where nothing is in them."""
    if not said:
        return max(8, inside - names - GAP)
    for taken in (names + _SOURCE + _AGE + 3 * GAP, names + _SOURCE + 2 * GAP, names + GAP):
        if inside - taken >= 20:
            return inside - taken
    return max(8, inside - names - GAP)


def _rows(page: Page, names: int, inside: int, measure: Measure) -> Iterator[Row]:
    for nth, part in enumerate(page.parts):
        yield _banner(f"{nth}|gap", ())
        if part.title:
            tail = () if part.facts else (Span(f"  {part.empty}", Role.DIM),)
            yield _banner(f"{nth}|{part.title}", (Span(part.title, Role.TITLE), *tail))
        for place, fact in enumerate(part.facts):
            key = f"{nth}|{place}|{fact.name}"
            if fact.name:
                yield from _fact(key, fact, names, _room(names, inside, said=bool(fact.source)), measure)
            else:
                for line, words in enumerate(wrap(fact.value, max(8, inside - 2), measure)):
                    yield _banner(f"{key}|{line}", (Span("  "), *words))


def _fact(key: str, fact: Fact, width: int, room: int, measure: Measure) -> Iterator[Row]:
    """The lines of one fact; what leads somewhere is marked."""
    mark = Span("› ", Role.KEY) if fact.jump else Span("  ")
    names = wrap((Span(fact.name, Role.TEXT if fact.jump else Role.DIM),), width - 2, measure)
    state: Line = ()
    if fact.level is not Level.OK:
        state = (Span(LEVEL_GLYPH[fact.level], LEVEL_ROLE[fact.level]), Span(" "))
    values = wrap((*state, *fact.value), room, measure)
    age = "" if fact.age_s is None else duration(fact.age_s)
    for nth in range(max(len(names), len(values))):
        name = (mark if nth == 0 else Span("  "), *(names[nth] if nth < len(names) else ()))
        value = values[nth] if nth < len(values) else ()
        if not fact.source:
            line = (*fit(name, width, measure), Span(" " * GAP), *value)
            yield Row(f"{key}|{nth}", fact.level, (line,), (), jump=fact.jump, banner=True)
            continue
        said = ((Span(fact.source, Role.DIM),), (Span(age, Role.DIM),)) if nth == 0 else ((), ())
        yield Row(f"{key}|{nth}", fact.level, (name, value, *said), (), jump=fact.jump)


def charts_view(
    page: Page,
    first: int,
    span: int,
    ticks: Sequence[Tick],
    size: tuple[int, int],
    measure: Measure,
    overrides: Mapping[str, str],
) -> PaneView:
    """As many of the charts as fit into ``size``, beginning with ``first``."""
    width, height = size
    room, high = width - 4, height - 2
    many = max(1, min(len(page.curves), _MOST_CURVES, high // (chart.LEAST + 5)))
    lines: list[Line] = []
    for nth in range(many):
        curve = page.curves[(first + nth) % len(page.curves)]
        share = min(_HIGHEST, high // many + (1 if nth < high % many else 0))
        gap = 1 if nth < many - 1 else 0
        lines += chart.draw(curve, SPANS_S[span], ticks, room, share - gap, measure)
        lines += [()] * gap
    reach = SPANS_S[span]
    words = "all there is" if reach is None else f"last {reach / 60:g} min"
    more = f"{first % len(page.curves) + 1} of {len(page.curves)}" if many < len(page.curves) else ""
    less_more = key_label("reach-less", overrides) + key_label("reach-more", overrides)
    counts = (Span(words, Role.DIM), Span(f"  {less_more}", Role.KEY))
    next_one = (Span(f"{more}  ", Role.DIM), Span(key_label("curve", overrides), Role.KEY), Span(" next", Role.DIM))
    note = next_one if more else ()
    return PaneView("charts", "History", Level.OK, counts, tuple(lines), (), (), note)
