"""A dependency, judged: down, slow, or with a certificate that ends soon."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.judged import Judged, Problem
from unstick.board.memory import Notes
from unstick.board.sources import Seen
from unstick.facts.dependency import DependencyFacts
from unstick.facts.level import Level
from unstick.facts.reading import TroubleKind
from unstick.facts.units import brief, duration
from unstick.settings import Context

CERTAIN = frozenset({TroubleKind.REFUSED, TroubleKind.DNS, TroubleKind.TLS})
"""Once is enough: these are no hiccups."""


def judge(seen: Seen[DependencyFacts], notes: Notes, _: Context) -> Judged:
    """What one attempt means."""
    facts, source = seen.value, seen.source.id
    notes.remember(source, seen.at, {"error": facts.error, "up": str(facts.expected)})
    track = notes.track(source, "up")
    took = facts.took_s if facts.error is None else None
    ends_s = None if facts.certificate_ends_at is None else facts.certificate_ends_at - facts.looked_at
    problems = (
        *_down(facts, track.looks if track else 1, seen.at - track.since if track else 0.0),
        *_slow(facts),
        *_certificate(facts, ends_s),
    )
    parts = [f"up, {brief(facts.took_s)}"]
    parts += [f"status {facts.status}"] if facts.status is not None else []
    parts += [f"certificate for {duration(ends_s)}"] if ends_s is not None else []
    numbers = (
        ("up", float(facts.expected)),
        ("latency_seconds", took),
        ("certificate_seconds", ends_s),
    )
    return Judged(", ".join(parts), problems, tuple(_told(facts, ends_s)), numbers, "latency_seconds")


def _down(facts: DependencyFacts, looks: int, lasted_s: float) -> Iterator[Problem]:
    if facts.expected:
        return
    what = facts.error or f"answers {facts.status}"
    sure = looks > 1 or facts.trouble in CERTAIN
    evidence = tuple(filter(None, (facts.address, facts.hint)))
    yield Problem("down", Level.CRITICAL if sure else Level.WARNING, f"down: {what}", evidence, lasted_s)


def _slow(facts: DependencyFacts) -> Iterator[Problem]:
    if facts.error is None and facts.took_s >= facts.slow_s:
        title = f"slow: {facts.took_s:.1f} s, more than {facts.slow_s:g} s"
        yield Problem("slow", Level.WARNING, title, (facts.address,))


def _certificate(facts: DependencyFacts, ends_s: float | None) -> Iterator[Problem]:
    """A warning from the limit on, critical in its last fifth."""
    if ends_s is not None and ends_s < facts.tls_warning_s:
        level = Level.CRITICAL if ends_s < facts.tls_warning_s / 5 else Level.WARNING
        yield Problem("certificate", level, f"its certificate ends in {duration(ends_s)}", (facts.address,))


def _told(facts: DependencyFacts, ends_s: float | None) -> Iterator[tuple[str, str]]:
    yield "asked", f"{facts.kind} {facts.address}"
    if facts.addresses:
        yield "addresses", ", ".join(facts.addresses)
    if ends_s is not None:
        yield "certificate", f"ends in {duration(ends_s)}"
