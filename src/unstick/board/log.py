"""A followed log, judged: how many lines of each kind came within a minute."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.judged import Judged, Problem
from unstick.board.memory import Notes
from unstick.board.sources import Seen
from unstick.facts.level import Level, above
from unstick.facts.log import LogFacts, LogHits
from unstick.facts.units import count, duration, size
from unstick.settings import Context


def judge(seen: Seen[LogFacts], notes: Notes, _context: Context) -> Judged:
    """What the last minute of a log means."""
    facts, source = seen.value, seen.source.id
    lately = {hits.pattern: notes.risen(f"{source}:{hits.pattern}", hits.count) or 0.0 for hits in facts.hits}
    problems = tuple(_often(facts, lately))
    busy = sorted((pattern for pattern in lately if lately[pattern]), key=lambda pattern: -lately[pattern])
    says = ", ".join(f"{pattern} {count(lately[pattern])}/min" for pattern in busy)
    total = sum(hits.count for hits in facts.hits)
    numbers = (
        ("matches_per_minute", sum(lately.values())),
        ("matches_total", float(total)),
        ("lines_total", float(facts.lines)),
        ("skipped_bytes_total", float(facts.skipped_bytes)),
    )
    quiet = f"{count(total)} of {count(facts.lines)} lines since {duration(facts.looked_at - facts.since_at)}"
    empty = not facts.files and not facts.lines and not total
    words = f"no file is {facts.place}" if empty else says or quiet
    return Judged(words, problems, tuple(_told(facts)), numbers, "matches_per_minute", unknown=empty)


def _often(facts: LogFacts, lately: dict[str, float]) -> Iterator[Problem]:
    for hits in facts.hits:
        times = lately[hits.pattern]
        level = above(times, facts.warning_per_min, facts.critical_per_min)
        if level is not Level.OK:
            title = f"{hits.pattern}: {count(times)} lines within a minute"
            yield Problem(f"pattern:{hits.pattern}", level, title, tuple(hits.lines[-3:]))


def _told(facts: LogFacts) -> Iterator[tuple[str, str]]:
    yield "log", f"{facts.place}, {facts.files} files"
    if facts.skipped_bytes:
        yield "skipped", f"{size(facts.skipped_bytes)} came faster than they were read"
    for hits in sorted(facts.hits, key=lambda hits: -hits.count):
        if hits.count or hits.lines:
            yield hits.pattern, _ago(hits, facts)
            yield from ((hits.pattern, line) for line in hits.lines)


def _ago(hits: LogHits, facts: LogFacts) -> str:
    if hits.last_at is None:
        return "none since it is followed; before that:"
    return f"{count(hits.count)} lines, last {duration(facts.looked_at - hits.last_at)} ago"
