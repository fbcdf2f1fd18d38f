"""Findings, told: the lines of the verdict band, and everything known of one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from unstick.board.findings import Evidence, Finding
from unstick.board.held import things
from unstick.facts.ack import Ack
from unstick.facts.units import clock_time, duration, timestamp
from unstick.views.pane import LEVEL_GLYPH, Column, Role, Row, Span
from unstick.views.words import cell, details

ABOUT = "What is wrong now, the worst and the causes first: what it rests on, holds and explains, and what mends it."
COLUMNS = (
    Column("title", "", 56, flex=1, about="what is wrong, causes first; what they explain stands on their page"),
    Column("aside", "", 20, "right", priority=2, about="how much is left, how old, how soon"),
    Column("since", "", 10, "right", priority=1, about="for how long it is so, by its own evidence"),
)


def row(finding: Finding, now: float, ack: Ack | None = None) -> Row:
    """One line of the verdict band; opened it tells everything. What somebody took notice of steps back."""
    lasts = max(0.0, now - finding.since)
    loud = ack is None and finding.calm_s is None
    noticed = () if ack is None else (Span("✓ ", Role.OK),)
    return Row(
        f"{finding.subject}|{finding.id}",
        finding.level,
        (
            (*noticed, *cell(title(finding), Role.STRONG if loud else Role.DIM)),
            cell(noted(ack, now) if ack else finding.aside, Role.DIM),
            cell(f"for {duration(lasts)}", Role.DIM),
        ),
        (finding.title, finding.aside, lasts),
        (*details("taken note of", (told_of(ack, now),) if ack else ()), *spelled(finding)),
        command=finding.action or "",
    )


def noted(ack: Ack, now: float) -> str:
    """Who took notice, or for how long it is silent; and the note."""
    left = "" if ack.until is None else f"snoozed for {duration(max(0.0, ack.until - now))}"
    return ": ".join(part for part in (left or ack.by or "acknowledged", ack.note) if part)


def told_of(ack: Ack, now: float) -> str:
    """The same in a sentence."""
    what = "acknowledged" if ack.until is None else f"snoozed until {clock_time(ack.until)}Z"
    whom = f" by {ack.by}" if ack.by else ""
    note = f": {ack.note}" if ack.note else ""
    return f"{what}{whom} at {clock_time(ack.at)}Z, {duration(max(0.0, now - ack.at))} ago{note}"


def title(finding: Finding) -> str:
    """What is wrong, in one line, with a word where it changes all the time or is not certain to be over."""
    flaps = f" (changed {finding.changes} times in 5 minutes)" if finding.changes else ""
    calm = "" if finding.calm_s is None else f" (calm for {duration(finding.calm_s)})"
    return f"{finding.title}{flaps or calm}"


def said(finding: Finding) -> str:
    """The line for a text without columns: with what an operator asks next."""
    return f"{title(finding)}; {finding.aside}" if finding.aside else title(finding)


def spelled(finding: Finding) -> Iterator[tuple[str, str]]:
    """Name and text of everything that the opened line tells."""
    yield from details("since", (f"{clock_time(finding.since)}Z",))
    if finding.held:
        yield from details("holds", (things(finding.holds),))
    yield from details("evidence", map(measured, finding.evidence))
    if finding.forecast is not None:
        yield from details("forecast", (f"{finding.forecast.what} in {duration(finding.forecast.in_s)}",))
    if finding.symptoms:
        listed = [f"{LEVEL_GLYPH[each.level]} {each.title}" for each in finding.symptoms]
        left_out = finding.symptom_count - len(listed)
        yield from details("explains", [*listed, *([f"and {left_out} more"] if left_out > 0 else [])])
    if finding.advice:
        yield from details("what to do", (finding.advice,))
    if finding.action:
        yield from details("mended by", (f"unstick {finding.action}",))
    yield from details("rule", (f"{finding.rule} (unstick explain {finding.rule})",))
    yield from details("shown in", (finding.subject,))


def measured(evidence: Evidence) -> str:
    """What was seen, by whom and how long ago."""
    if not evidence.source:
        return evidence.text
    age = "" if evidence.age_s is None else f", {duration(evidence.age_s)} ago"
    return f"{evidence.text}  ({evidence.source}{age})"


def plain(finding: Finding) -> dict[str, Any]:
    """The finding in ``status --json``, schema 1."""
    return {
        "id": finding.id,
        "rule": finding.rule,
        "subject": finding.subject,
        "level": finding.level.value,
        "title": finding.title,
        "aside": finding.aside or None,
        "evidence": [evidence.text for evidence in finding.evidence],
        "measured": [
            {
                "value": evidence.value,
                "limit": evidence.limit,
                "setting": evidence.key or None,
                "source": evidence.source or None,
                "age_s": None if evidence.age_s is None else round(evidence.age_s, 3),
            }
            for evidence in finding.evidence
        ],
        "since": timestamp(finding.since),
        "holds": dict(finding.holds),
        "forecast": finding.forecast and {"what": finding.forecast.what, "in_s": round(finding.forecast.in_s, 1)},
        "symptoms": [{"id": s.id, "level": s.level.value, "title": s.title} for s in finding.symptoms],
        "symptom_count": finding.symptom_count,
        "changes": finding.changes,
        "calm_s": finding.calm_s,
        "action": finding.action,
        "advice": finding.advice,
    }
