"""The page of what happened: findings, workers, sources, marks and receipts, the newest first; and a part of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from msgspec.structs import replace

from unstick.board.events import MANY, Event, What
from unstick.facts.level import Level
from unstick.facts.text import natural
from unstick.facts.units import clock_time
from unstick.views.pages.model import Fact, Known, Page, Part
from unstick.views.pane import Line, Role, Row, Span
from unstick.views.select import matcher, parse
from unstick.views.words import cell
from unstick.views.workers import worker_key

KEY = "timeline:all"
_KIND = 8
_FIELDS: dict[str, Callable[[Event], tuple[str, ...]]] = {
    "kind": lambda event: (event.what,),
    "level": lambda event: (event.level.value,),
    "source": lambda event: event.sources,
    "id": lambda event: (event.id,),
}
"""What may stand before a colon, and what of an event it is compared with: the beginning will do."""


def sifted_key(query: str) -> str:
    """The key of the page that shows what ``query`` asks for."""
    return f"{KEY}?{query}" if query.strip() else KEY


def query_of(key: str) -> str:
    """What the page of that key shows; empty: everything."""
    return key.partition("?")[2]


def timeline(known: Known, key: str) -> Page:
    """What is remembered, as far as it is asked for; what still is there leads to its page."""
    query = query_of(key)
    events = sorted((*known.board.timeline, *_marks(known)), key=lambda event: event.at, reverse=True)
    passes, wrong = sieve(query)
    found = [event for event in events if passes(event)]
    facts = tuple(_facts(known, found if query else gathered(found)))
    says = f"{len(found)} of {len(events)} events" if query else f"{len(events)} events"
    told: Line = cell(f"{says}, the newest first" if events else "nothing has happened since one looks")
    if query:
        told = (*told, Span(f"  /{query}", Role.ACCENT), Span(f"  {wrong}" if wrong else "", Role.WARNING))
    parts = (Part("", facts),) if facts else ()
    return Page(key, "verdict", "What happened", known.board.level, told, parts)


def sieve(query: str) -> tuple[Callable[[Event], bool], str]:
    """A test for events, and what is wrong with ``query``.

    ``kind:``, ``level:``, ``source:`` and ``id:`` ask for one thing each, ``!`` before it for all others; the rest is
    a text or a ``/regex/``, as in every pane. All of it must hold.
    """
    tests: list[Callable[[Event], bool]] = []
    rest = []
    for word in query.split():
        inverted = word.startswith("!")
        name, colon, wanted = word.removeprefix("!").partition(":")
        if colon and name in _FIELDS:
            tests.append(_field(_FIELDS[name], wanted.casefold(), inverted=inverted))
        else:
            rest.append(word)
    text = parse(" ".join(rest))
    matches = matcher(text)
    if matches is not None:
        tests.append(lambda event: matches(Row(event.id, Level.OK, (cell(f"{event.what}: {event.text}"),), ())))
    return (lambda event: all(test(event) for test in tests)), text.error or ""


def _field(read: Callable[[Event], tuple[str, ...]], wanted: str, *, inverted: bool) -> Callable[[Event], bool]:
    return lambda event: any(value.casefold().startswith(wanted) for value in read(event)) is not inverted


def _marks(known: Known) -> Iterator[Event]:
    """Marks and receipts, up to the instant that is shown; those that the board tells itself are left out."""
    told = {(event.at, event.text.rpartition(" by ")[0] or event.text) for event in known.board.timeline}
    for tick in known.ticks:
        kind: What = "mark" if tick.kind != "action" else "action"
        if tick.at <= known.board.frame.at + 0.001 and (tick.at, tick.text) not in told:
            yield Event(tick.at, kind, Level.OK, kind, tick.text)


def _facts(known: Known, events: list[Event]) -> Iterator[Fact]:
    findings = {finding.id for finding in known.board.findings}
    workers = known.subjects.workers
    keys = {worker.id: worker_key(worker) for worker in workers.items} if workers else {}
    sources = {state.source.id for state in known.board.sources}
    for event in events:
        jump = keys.get(event.id, "")
        jump = (
            f"finding:{event.id}" if event.id in findings else f"service:{event.id}" if event.id in sources else jump
        )
        told = (Span(event.what.ljust(_KIND) + " ", Role.DIM), *cell(event.text))
        yield Fact(f"{clock_time(event.at)}Z", told, "", None, jump, event.level)


def gathered(events: Iterable[Event]) -> list[Event]:
    """Of sources that became fresh one after the other one event that names them all; it leads nowhere."""
    out: list[Event] = []
    for fresh, run in groupby(events, key=_is_fresh):
        found = list(run)
        if fresh and len(found) >= MANY:
            names = ", ".join(sorted((event.id for event in found), key=natural))
            out.append(replace(found[0], id="", text=f"{len(found)} sources are fresh: {names}"))
        else:
            out += found
    return out


def _is_fresh(event: Event) -> bool:
    return event.what == "source" and event.text == f"{event.id} is fresh"
