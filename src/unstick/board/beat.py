"""Celery's beat, judged by its effect: an entry whose time has passed was not fired."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.judged import Judged, Problem
from unstick.board.memory import Notes
from unstick.board.sources import Seen
from unstick.facts.beat import BeatEntry, BeatFacts
from unstick.facts.level import Level
from unstick.facts.units import count, duration
from unstick.settings import Context

CELERYS = "celery."
"""Celery adds tasks of its own to every schedule, such as ``celery.backend_cleanup``."""


def judge(seen: Seen[BeatFacts], _notes: Notes, context: Context) -> Judged:
    """What one look at the schedule means."""
    facts = seen.value
    now = facts.server_at + seen.age_s
    entries = sorted((entry for entry in facts.entries if entry.enabled), key=lambda entry: entry.due_at)
    own = [entry for entry in entries if not (entry.task or "").startswith(CELERYS)]
    late_s = max((now - entry.due_at for entry in entries), default=None)
    says = "nothing is scheduled"
    if entries:
        ahead = entries[0].due_at - now
        says = f"{facts.entry_count} scheduled, next {entries[0].name} {_when(ahead)}"
    numbers = (
        ("entries", float(facts.entry_count)),
        ("late_seconds", None if late_s is None else max(0.0, late_s)),
        ("lock_held", float(facts.lock_s is not None)),
    )
    problems = (*_empty(facts, own), *_silent(facts, entries, now, context))
    return Judged(says, problems, tuple(_told(facts, now)), numbers, "late_seconds")


def _when(ahead_s: float) -> str:
    return f"in {duration(ahead_s)}" if ahead_s >= 0 else f"{duration(-ahead_s)} ago"


def _holder(facts: BeatFacts) -> str:
    return "no beat holds its lock" if facts.lock_s is None else "a beat holds its lock"


def _empty(facts: BeatFacts, own: list[BeatEntry]) -> Iterator[Problem]:
    """A beat that lives and has nothing to fire fires nothing."""
    if not own and facts.entry_count == len(facts.entries):
        off = sum(not entry.enabled for entry in facts.entries)
        disabled = f", {off} switched off" if off else ""
        title = f"beat fires nothing: its schedule is empty{disabled}; {_holder(facts)}"
        yield Problem("empty", Level.WARNING if facts.lock_s is None else Level.CRITICAL, title)


def _silent(facts: BeatFacts, entries: list[BeatEntry], now: float, context: Context) -> Iterator[Problem]:
    late = [entry for entry in entries if now - entry.due_at > context.thresholds.beat_late_s]
    if late:
        first = late[0]
        more = f" and {len(late) - 1} more" if len(late) > 1 else ""
        title = f"beat is silent: {first.name}{more} was due {duration(now - first.due_at)} ago; {_holder(facts)}"
        evidence = tuple(f"{entry.name} due {duration(now - entry.due_at)} ago" for entry in late[:5])
        yield Problem("silent", Level.CRITICAL, title, evidence, now - first.due_at)


def _told(facts: BeatFacts, now: float) -> Iterator[tuple[str, str]]:
    yield "lock", _holder(facts) + ("" if facts.lock_s is None else f", for {duration(facts.lock_s)} at most")
    for entry in facts.entries[:20]:
        ran = "never seen to run" if entry.last_run_at is None else f"ran {duration(now - entry.last_run_at)} ago"
        runs = "" if entry.runs is None else f", {count(entry.runs)} times"
        off = "" if entry.enabled else ", switched off"
        yield "entry", f"{entry.name}: due {_when(entry.due_at - now)}, {ran}{runs}{off}"
