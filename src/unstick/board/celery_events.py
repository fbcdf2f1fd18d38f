"""Celery's events, judged: what was heard of workers and tasks, and scheduled tasks that nobody saw run."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.celery_workers import is_silent
from unstick.board.judged import Judged, Problem
from unstick.board.memory import Notes
from unstick.board.sources import Seen
from unstick.facts.celery_events import CeleryEventsFacts, ScheduledTask
from unstick.facts.level import Level
from unstick.facts.units import count, duration
from unstick.settings import Context

LEEWAY = 0.1
"""A schedule may drift by this share of its period."""


def judge(seen: Seen[CeleryEventsFacts], notes: Notes, context: Context) -> Judged:
    """What was heard means; each worker is told among the workers."""
    facts, source = seen.value, seen.source.id
    here = [node for node in facts.nodes if not node.left and not is_silent(node, facts)]
    failed = sum(task.failed for task in facts.tasks)
    lately = notes.risen(f"{source}:failed", failed)
    notes.record(f"{source}:processed", sum(node.processed or 0 for node in here))
    per_min = notes.before.rate_per_min(f"{source}:processed", counter=True)
    problems = (*_unfired(facts, context), *_deaf(facts))
    parts = [
        f"{len(here)} {'worker' if len(here) == 1 else 'workers'} heard",
        f"{sum(node.active or 0 for node in here)} tasks in hand",
    ]
    parts += [f"{count(per_min)}/min"] if per_min is not None else []
    parts += [f"{count(lately)} failed within a minute"] if lately else []
    numbers = (
        ("workers", float(len(here))),
        ("active_tasks", float(sum(node.active or 0 for node in here))),
        ("failed_tasks_total", float(failed) if facts.hears_tasks else None),
        ("received_events_total", float(facts.received)),
        ("dropped_events_total", float(facts.dropped)),
    )
    return Judged(", ".join(parts), problems, tuple(_told(facts)), numbers, "active_tasks")


def _unfired(facts: CeleryEventsFacts, context: Context) -> Iterator[Problem]:
    """Beat is known by its effect alone. Before anybody listened, nobody can say what ran."""
    for each in facts.scheduled:
        silent_s = facts.looked_at - (each.seen_at if each.seen_at is not None else facts.since_at)
        if silent_s > _patience(each, context):
            span, every = duration(silent_s), duration(each.every_s)
            seen = f"not seen to run for {span}" if each.seen_at is None else f"ran {span} ago"
            title = f"beat fires nothing: {each.task} {seen}, due every {every}"
            yield Problem(f"unfired:{each.task}", Level.CRITICAL, title, (), silent_s - each.every_s)


def _patience(each: ScheduledTask, context: Context) -> float:
    return each.every_s * (1 + LEEWAY) + context.thresholds.beat_late_s


def _deaf(facts: CeleryEventsFacts) -> Iterator[Problem]:
    if facts.dropped:
        title = f"{count(facts.dropped)} events came faster than they were read; what is told of tasks is too little"
        yield Problem("dropped", Level.WARNING, title, ('events = "workers" listens to heartbeats alone',))


def _told(facts: CeleryEventsFacts) -> Iterator[tuple[str, str]]:
    yield "listening", f"for {duration(facts.looked_at - facts.since_at)}, {count(facts.received)} events"
    for each in facts.scheduled:
        ran = "not seen yet" if each.seen_at is None else f"ran {duration(facts.looked_at - each.seen_at)} ago"
        yield "scheduled", f"{each.task}: {ran}, every {duration(each.every_s)}"
    for task in sorted(facts.tasks, key=lambda task: (-task.failed, -task.succeeded))[:12]:
        longest = "" if task.longest_s is None else f", longest {duration(task.longest_s)}"
        yield "task", f"{task.name}: {count(task.succeeded)} done, {count(task.failed)} failed{longest}"
