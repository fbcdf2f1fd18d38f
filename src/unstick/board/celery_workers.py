"""Celery's workers by their own events: who fell silent, and who beats and finishes nothing."""

from __future__ import annotations

from unstick.board.memory import Notes
from unstick.board.sources import Seen, Sight
from unstick.board.worker import Holds, Life, Worker
from unstick.facts.celery import CeleryFacts
from unstick.facts.celery_events import CeleryEventsFacts, CeleryNode
from unstick.facts.level import Level
from unstick.facts.rabbitmq import RabbitFacts
from unstick.facts.units import duration
from unstick.settings import Context

BEATS_MISSED = 5
SILENT_S = 10.0
"""Silence is meant, when so many heartbeats are missing and that much time has passed."""


def celery_workers(sight: Sight, notes: Notes, context: Context) -> list[Worker]:
    """One for each node that was heard of lately."""
    workers: list[Worker] = []
    for seen in sight.seen(CeleryEventsFacts):
        tracked: dict[str, str | float | None] = {
            f"done:{node.hostname}": None if not node.active or node.left else float(node.processed or 0)
            for node in seen.value.nodes
        }
        notes.remember(f"{seen.source.id}/nodes", seen.at, tracked)
        waiting = _waiting(sight, seen.value.name)
        patience_s = max(context.thresholds.stall_s, 1.5 * _longest(seen.value))
        workers += [_worker(node, seen, notes, patience_s, waiting) for node in seen.value.nodes]
    return workers


def _worker(
    node: CeleryNode, seen: Seen[CeleryEventsFacts], notes: Notes, patience_s: float, waiting: int | None
) -> Worker:
    silent_s = max(0.0, seen.value.looked_at - max(node.heard_at, seen.value.since_at))
    done = notes.track(f"{seen.source.id}/nodes", f"done:{node.hostname}")
    stuck_s = notes.at - done.since if done and done.value is not None else 0.0
    life: Life
    if not seen.current:
        life, level, note = "unknown", Level.UNKNOWN, "the broker's events are unheard"
    elif node.left:
        life, level, note = "left", Level.OK, "said goodbye"
    elif silent_s > max(BEATS_MISSED * node.every_s, SILENT_S):
        in_hand = f", had {node.active} tasks in hand" if node.active else ""
        life, level, note = "dead", Level.CRITICAL if node.active else Level.WARNING, f"silent{in_hand}"
    elif node.active and stuck_s >= patience_s and waiting:
        life, level, note = "stalled", Level.CRITICAL, f"beats, finished nothing for at least {duration(stuck_s)}"
    else:
        life, level, note = "alive", Level.OK, "" if node.processed is None else f"{node.processed} done"
    last = notes.at - node.heard_at if seen.current else None
    stuck = stuck_s if life == "stalled" else None
    holds = Holds(tasks=node.active if life in {"alive", "stalled", "dead"} else None)
    return Worker(node.hostname, "celery", life, level, None, last, holds, note, seen.source.id, stuck)


def _longest(facts: CeleryEventsFacts) -> float:
    return max((task.longest_s for task in facts.tasks if task.longest_s is not None), default=0.0)


def _waiting(sight: Sight, name: str) -> int | None:
    """Messages that wait on the broker called ``name``, on RabbitMQ those of all Celery queues."""
    redis = [s.value.queues for s in sight.seen(CeleryFacts) if s.current and s.value.name == name]
    if redis:
        return sum(queue.ready or 0 for queues in redis for queue in queues)
    rabbit = [s.value.queues or () for s in sight.seen(RabbitFacts) if s.current]
    return sum(q.ready or 0 for queues in rabbit for q in queues if q.owner == "celery") if rabbit else None
