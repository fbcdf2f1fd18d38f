"""A number of one's own, judged by the limits that came with it."""

from __future__ import annotations

from unstick.board.judged import Judged, Problem
from unstick.board.memory import Notes
from unstick.board.sources import Seen
from unstick.facts.level import Level, above
from unstick.facts.probe import ProbeFacts
from unstick.settings import Context


def judge(seen: Seen[ProbeFacts], _notes: Notes, _context: Context) -> Judged:
    """What the number means."""
    facts = seen.value
    shown = _shown(facts.value, facts.unit)
    limits = [
        (word, f"{'below' if facts.below else 'from'} {_shown(limit, facts.unit)}")
        for word, limit in (("warning", facts.warning), ("critical", facts.critical))
        if limit is not None
    ]
    numbers = (("value", facts.value), ("warning_limit", facts.warning), ("critical_limit", facts.critical))
    if facts.value is None:
        says = "no value" if facts.text is None else f"no number: {facts.text}"
        return Judged(says, (), tuple(limits), numbers, "value", unknown=True)
    level = _level(facts, facts.value)
    says = f"{facts.label}: {shown}" if facts.label else shown
    crossed = limits[-1 if level is Level.CRITICAL else 0][1] if level is not Level.OK else ""
    title = f"{says}, {level.value} {crossed}"
    problems = () if level is Level.OK else (Problem("limit", level, title),)
    return Judged(says, problems, tuple(limits), numbers, "value")


def _level(facts: ProbeFacts, value: float) -> Level:
    """A limit that is not set is never reached."""
    never = float("inf")
    sign = -1.0 if facts.below else 1.0
    warning, critical = (never if limit is None else sign * limit for limit in (facts.warning, facts.critical))
    return above(sign * value, min(warning, critical), critical)


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    text = f"{value:,.0f}" if value == int(value) else f"{value:,.3g}"
    return f"{text} {unit}" if unit else text
