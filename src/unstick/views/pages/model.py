"""The vocabulary of a page: everything known of one thing, who said it and when, and what it is tied to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from unstick.board.board import Board
from unstick.board.events import Event
from unstick.board.memory import TIERS_S
from unstick.facts.level import Level
from unstick.facts.place import Tick
from unstick.facts.units import clock_time, duration
from unstick.views.pane import Line, Role
from unstick.views.words import cell

Unit = Literal["count", "seconds", "percent", "ms", "bytes"]


class Fact(msgspec.Struct, frozen=True):
    """``source`` said it ``age_s`` ago; ``jump`` is the key of the page that it leads to."""

    name: str
    value: Line
    source: str = ""
    age_s: float | None = None
    jump: str = ""
    level: Level = Level.OK
    command: str = ""
    """The command that it names; the screen tells its key."""


class Part(msgspec.Struct, frozen=True):
    """Facts of one kind; ``empty`` is said when there are none."""

    title: str
    facts: tuple[Fact, ...]
    empty: str = ""


class Limit(msgspec.Struct, frozen=True):
    """Where a value becomes a warning or worse, in words."""

    value: float
    words: str
    level: Level = Level.WARNING


class History(msgspec.Struct, frozen=True):
    """Values every ``step_s``, the first at ``begin_at`` (UTC seconds); ``None`` is a gap."""

    begin_at: float
    step_s: float
    values: tuple[float | None, ...]


class Curve(msgspec.Struct, frozen=True):
    """One number over time, from the finest to the coarsest history."""

    title: str
    unit: Unit
    histories: tuple[History, ...]
    limits: tuple[Limit, ...] = ()


class Page(msgspec.Struct, frozen=True):
    """``subject`` is the key of its pane; ``says`` is the one sentence that matters."""

    key: str
    subject: str
    title: str
    level: Level
    says: Line
    parts: tuple[Part, ...]
    curves: tuple[Curve, ...] = ()
    crumb: str = ""
    """Its title where pages stand behind it; empty: the same."""


class Known:
    """A board with what pages ask of it."""

    def __init__(self, board: Board, ticks: Sequence[Tick] = ()) -> None:
        self.board = board
        self.ticks = ticks
        """What was marked and done."""
        self.subjects = board.subjects
        self._ages = {state.source.id: state.age_s for state in board.sources}

    def age(self, source: str) -> float | None:
        """Seconds since ``source`` last answered; of several brokers, any whose name begins so."""
        return self._ages.get(source)

    def of_system(self, *systems: str) -> str:
        """The first source of ``systems``."""
        return next((s.source.id for s in self.board.sources if s.source.system in systems), "")

    def fact(
        self,
        name: str,
        text: str,
        source: str = "",
        *,
        jump: str = "",
        level: Level = Level.OK,
        role: Role = Role.TEXT,
    ) -> Fact:
        """A fact with the age of its source; a dash is unknown."""
        shown = Role.UNKNOWN if text == "–" else role
        return Fact(name, cell(text, shown), source, self.age(source), jump, level)

    def told(self, name: str, value: Line, source: str = "", *, jump: str = "", level: Level = Level.OK) -> Fact:
        """The same of a line."""
        return Fact(name, value, source, self.age(source), jump, level)

    def curve(self, name: str, title: str, unit: Unit, *limits: Limit) -> tuple[Curve, ...]:
        """The history called ``name``; none where nothing was recorded."""
        histories = []
        for tier, step_s in enumerate(TIERS_S):
            series = self.board.memory.tier(name, tier)
            if series is not None and any(value is not None for value in series.values):
                begin = (series.column - len(series.values) + 1) * step_s
                histories.append(History(begin, step_s, series.values))
        return (Curve(title, unit, tuple(histories), limits),) if histories else ()


def ago(seconds: float | None) -> str:
    """How long ago, in words; a dash where nobody knows."""
    return "–" if seconds is None else f"{duration(seconds)} ago"


_WORD = re.compile(r"[\w@.#-]+")
MOST_EVENTS = 12


def words_of(text: str) -> frozenset[str]:
    """The names in ``text``: ``8b4f59aa_1`` is one of them, ``8b4f59aa`` is another."""
    return frozenset(word.strip(".") for word in _WORD.findall(text))


def findings(known: Known, *names: str) -> tuple[Fact, ...]:
    """What is found wrong that names one of ``names``: in its id, its title or its evidence."""
    facts = []
    for finding in known.board.findings:
        text = " ".join((finding.id, finding.title, *(evidence.text for evidence in finding.evidence)))
        if _named(text, names):
            jump = f"finding:{finding.id}"
            facts.append(Fact(finding.level.value, cell(finding.title), "", None, jump, finding.level))
    return tuple(facts)


def happened(known: Known, *names: str) -> Part:
    """What happened lately to one of ``names``, the newest first."""
    found = [event for event in reversed(known.board.timeline) if _named(f"{event.id} {event.text}", names)]
    return Part("What happened", tuple(event_fact(event) for event in found[:MOST_EVENTS]), "nothing since one looks")


def event_fact(event: Event) -> Fact:
    """An event by its time of day."""
    return Fact(f"{clock_time(event.at)}Z", cell(f"{_VERBS.get(event.what, '')}{event.text}"), level=event.level)


_VERBS = {"begins": "begins: ", "ends": "ends: ", "worse": "worse: ", "better": "better: ", "merges": "explained: "}


def _named(text: str, names: tuple[str, ...]) -> bool:
    found = words_of(text)
    return any(name and (name in found or (not _WORD.fullmatch(name) and name in text)) for name in names)
