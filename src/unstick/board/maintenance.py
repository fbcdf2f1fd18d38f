"""A maintenance job, judged by what it left behind: silent, shrunk, or without room for the next."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.judged import Judged, Problem
from unstick.board.memory import Notes
from unstick.board.sources import Seen
from unstick.facts.level import Level
from unstick.facts.maintenance import MaintenanceFacts, SeenFile
from unstick.facts.units import duration, size
from unstick.settings import Context

LEEWAY_S = 60.0
LEEWAY = 0.1
"""Cron begins on the minute and jobs take their time."""
WRITING_S = 120.0
"""A file that was written so lately may still grow."""
COMFORT = 2.0
"""Room for so many backups like the newest is enough."""


def judge(seen: Seen[MaintenanceFacts], _notes: Notes, _context: Context) -> Judged:
    """What the files of one job mean."""
    facts = seen.value
    age_s = _age(facts)
    problems = (*_silent(facts, age_s), *(_backup(facts) if facts.backup else ()))
    says = f"last effect {duration(age_s)} ago, every {duration(facts.every_s)}"
    says += f", {size(facts.newest.size)}" if facts.newest and facts.backup else ""
    numbers = (
        ("age_seconds", age_s),
        ("due_every_seconds", facts.every_s),
        ("files", float(facts.files)),
        ("newest_bytes", facts.newest.size if facts.newest else None),
        ("free_bytes", facts.free_bytes),
    )
    return Judged(says, problems, tuple(_told(facts)), numbers, "age_seconds")


def _age(facts: MaintenanceFacts) -> float | None:
    """Since the time in the last line where there is one, else since the newest file was written."""
    if facts.newest is None:
        return None
    return facts.looked_at - (facts.newest.at if facts.line_at is None else facts.line_at)


def _silent(facts: MaintenanceFacts, age_s: float | None) -> Iterator[Problem]:
    every = duration(facts.every_s)
    if age_s is None:
        yield Problem("silent", Level.CRITICAL, f"left nothing: no file is {facts.pattern}", (f"due every {every}",))
        return
    late = facts.every_s * (1 + LEEWAY) + LEEWAY_S
    if age_s > late:
        level = Level.CRITICAL if age_s > late + facts.every_s else Level.WARNING
        evidence = (facts.newest.name,) if facts.newest else ()
        title = f"silent for {duration(age_s)}, due every {every}"
        yield Problem("silent", level, title, evidence, age_s - facts.every_s)


def _backup(facts: MaintenanceFacts) -> Iterator[Problem]:
    newest, before = facts.newest, facts.before
    if newest is None:
        return
    settled = facts.looked_at - newest.at > WRITING_S
    if newest.size == 0 and settled:
        yield Problem("shrunk", Level.CRITICAL, "the newest backup is empty", (newest.name,))
    elif before and settled and _shrunk(newest, before) >= facts.shrink_warning:
        title = f"the newest backup has {size(newest.size)}, the one before {size(before.size)}"
        yield Problem("shrunk", Level.WARNING, title, (newest.name, before.name))
    if facts.free_bytes is not None and newest.size and facts.free_bytes < COMFORT * newest.size:
        none = facts.free_bytes < newest.size
        title = f"{'no ' if none else 'little '}room for the next backup: {size(facts.free_bytes)} free"
        yield Problem(
            "room", Level.CRITICAL if none else Level.WARNING, title, (f"the newest has {size(newest.size)}",)
        )


def _shrunk(newest: SeenFile, before: SeenFile) -> float:
    """By how many percent."""
    return 100.0 * (before.size - newest.size) / before.size if before.size else 0.0


def _told(facts: MaintenanceFacts) -> Iterator[tuple[str, str]]:
    yield "files", f"{facts.files} of {facts.pattern}"
    if facts.newest:
        yield "newest", f"{facts.newest.name}, {size(facts.newest.size)}"
    if facts.before:
        yield "before", f"{facts.before.name}, {size(facts.before.size)}"
    if facts.line:
        yield "last line", facts.line
    if facts.free_bytes is not None:
        yield "room", f"{size(facts.free_bytes)} free"
