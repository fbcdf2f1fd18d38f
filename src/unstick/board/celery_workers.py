"""Celery's workers by their own events: who fell silent, and who beats and finishes nothing."""

from __future__ import annotations

from typing import NamedTuple

from unstick.board.memory import Notes
from unstick.board.sources import Seen, Sight
from unstick.board.worker import Fault, Holds, Life, Worker
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
        broker = _broker(sight, seen.value.name)
        patience_s = max(context.thresholds.stall_s, 1.5 * _longest(seen.value))
        workers += [_worker(node, seen, notes, patience_s, broker) for node in seen.value.nodes]
    return workers


def is_silent(node: CeleryNode, facts: CeleryEventsFacts) -> bool:
    """Whether it missed so many heartbeats that it is meant to be dead; who said goodbye is not."""
    silent_s = facts.looked_at - max(node.heard_at, facts.since_at)
    return not node.left and silent_s > max(BEATS_MISSED * node.every_s, SILENT_S)


def _worker(
    node: CeleryNode, seen: Seen[CeleryEventsFacts], notes: Notes, patience_s: float, broker: _Broker
) -> Worker:
    done = notes.track(f"{seen.source.id}/nodes", f"done:{node.hostname}")
    stuck_s = notes.at - done.since if done and done.value is not None else 0.0
    life: Life
    fault: Fault = ""
    if not seen.current:
        life, level, fault, note = "unknown", Level.UNKNOWN, "unseen", "the broker's events are unheard"
    elif node.left:
        life, level, note = "left", Level.OK, "said goodbye"
    elif is_silent(node, seen.value):
        in_hand = f", had {node.active} tasks in hand" if node.active else ""
        level = Level.CRITICAL if node.active else Level.WARNING
        life, fault, note = "dead", "silent", f"silent{in_hand}"
    elif node.active and stuck_s >= patience_s and broker.waiting:
        life, level, fault = "stalled", Level.CRITICAL, "stuck"
        note = f"beats, finished nothing for at least {duration(stuck_s)}"
    else:
        life, level, note = "alive", Level.OK, "" if node.processed is None else f"{node.processed} done"
    last = notes.at - node.heard_at if seen.current else None
    return Worker(
        node.hostname,
        "celery",
        life,
        level,
        None,
        last,
        Holds(tasks=node.active if life in {"alive", "stalled", "dead"} else None),
        note,
        seen.source.id,
        stuck_s if life == "stalled" else None,
        fault,
        pool=broker.source,
        pid=node.pid,
    )


def _longest(facts: CeleryEventsFacts) -> float:
    return max((task.longest_s for task in facts.tasks if task.longest_s is not None), default=0.0)


class _Broker(NamedTuple):
    """Where a node's queues are told, and what waits there; on RabbitMQ in all queues of Celery."""

    source: str
    waiting: int | None


def _broker(sight: Sight, name: str) -> _Broker:
    for redis in sight.seen(CeleryFacts):
        if redis.value.name == name:
            waiting = sum(queue.ready or 0 for queue in redis.value.queues)
            return _Broker(redis.source.id, waiting if redis.current else None)
    for rabbit in sight.seen(RabbitFacts):
        queues = [queue for queue in rabbit.value.queues or () if queue.owner == "celery"]
        return _Broker(rabbit.source.id, sum(q.ready or 0 for q in queues) if rabbit.current else None)
    return _Broker("", None)
