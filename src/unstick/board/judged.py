"""What is made of one source that has a row of its own among the services: words, numbers, and what is wrong."""

from __future__ import annotations

import msgspec

from unstick.board.held import Held
from unstick.facts.level import Level, worst


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong. ``id`` is stable while it lasts, and unique within its source."""

    id: str
    level: Level
    title: str
    evidence: tuple[str, ...] = ()
    lasted_s: float | None = None
    """How long it has been so by its own evidence."""
    holds: Held = ()
    """What it keeps from being used or done."""
    action: str | None = None
    advice: str = ""
    about: tuple[tuple[str, ...], ...] = ()
    explains: tuple[tuple[str, ...], ...] = ()
    """Topics, as of a :class:`unstick.board.findings.Finding`."""


class Judged(msgspec.Struct, frozen=True):
    """``says`` stands in the row, ``told`` (name, text) in the opened one.

    ``numbers`` are named as Prometheus wants names: with their unit, ``_total`` for counters. The history of
    ``charted`` is kept.
    """

    says: str
    problems: tuple[Problem, ...] = ()
    told: tuple[tuple[str, str], ...] = ()
    numbers: tuple[tuple[str, float | None], ...] = ()
    charted: str = ""
    unknown: bool = False
    """What matters most could not be had."""

    @property
    def level(self) -> Level:
        """That of the worst problem."""
        return worst([*(p.level for p in self.problems), Level.UNKNOWN if self.unknown else Level.OK])

    @property
    def note(self) -> str:
        """What is wrong, the worst first; else what there is to say."""
        wrong = sorted(self.problems, key=lambda problem: -problem.level.rank)
        return "; ".join(problem.title for problem in wrong) or self.says


def limited(value: float | None, warning: float, title: str, name: str, *evidence: str) -> tuple[Problem, ...]:
    """A problem of a span that is too long: a warning from ``warning`` on, critical from ten times that."""
    if value is None or value < warning:
        return ()
    level = Level.CRITICAL if value >= 10 * warning else Level.WARNING
    return (Problem(name, level, title, evidence, value),)
