"""Workers that are known by their own HTTP endpoints."""

from __future__ import annotations

from unstick.board.holders import Names
from unstick.board.sources import HICCUP_S, Sight, SourceState
from unstick.board.worker import Fault, Holds, Life, Worker, held
from unstick.facts.automation import AutomationFacts
from unstick.facts.celery import CeleryFacts
from unstick.facts.dramatiq import DramatiqFacts
from unstick.facts.health import HealthFacts
from unstick.facts.level import Level
from unstick.facts.rabbitmq import RabbitFacts
from unstick.facts.reading import TroubleKind
from unstick.facts.units import duration
from unstick.settings import Context


def http_workers(sight: Sight, context: Context, locks: dict[str, int] | None, names: Names) -> list[Worker]:
    """Workers with ``/health`` and ``/metrics``."""
    waiting: dict[str, int | None] = {"": _waiting(sight, "")}
    pools = {entry.known_as: _pool(sight, entry.broker) for entry in context.health if entry.broker}
    seen_ids = {seen.source.id: seen for seen in sight.seen(HealthFacts)}
    workers: list[Worker] = []
    for state in sight.states("health"):
        if state.pending:
            continue
        name = state.source.id.partition(":")[2] or state.source.id
        seen = seen_ids.get(state.source.id)
        pool = pools.get(name, "")
        life: Life
        fault: Fault
        trouble = state.trouble.text if state.trouble else "unseen"
        if _hung_up(state):
            life, level, fault, note = "dead", Level.CRITICAL, "hung-up", trouble
        elif seen is None or not seen.current:
            life, level, fault, note = "unknown", Level.UNKNOWN, "unseen", trouble
        else:
            if pool not in waiting:
                waiting[pool] = _waiting(sight, pool)
            life, level, fault, note = _judge_health(seen.value, context, waiting[pool])
        last = seen.value.heartbeat_age_s + seen.age_s if seen and seen.value.heartbeat_age_s is not None else None
        holds = Holds(locks=None if locks is None else locks.get(names.worker("http", name), 0))
        if life == "dead" and holds.locks:
            note = f"{note}, still holds {held(holds)}"
        worker = Worker(name, "http", life, level, None, last, holds, note, state.source.id, None, fault, pool=pool)
        workers.append(worker)
    return workers


def automation_workers(sight: Sight, locks: dict[str, int] | None, names: Names) -> list[Worker]:
    """A worker is known by the id that it once gave; what is wrong with a living one is told among the services."""
    seen_ids = {seen.source.id: seen for seen in sight.seen(AutomationFacts)}
    workers: list[Worker] = []
    for state in sight.states("automation"):
        if state.pending:
            continue
        seen = seen_ids.get(state.source.id)
        name = seen.value.worker if seen else state.source.id.partition(":")[2]
        trouble = state.trouble.text if state.trouble else ""
        life: Life
        fault: Fault
        if _hung_up(state):
            life, level, fault, note = "dead", Level.CRITICAL, "hung-up", trouble
        elif seen is None or not seen.current:
            life, level, fault, note = "unknown", Level.UNKNOWN, "unseen", trouble or "unseen"
        else:
            life, level, fault, note = "alive", Level.OK, "", ""
        active = seen.value.active if seen and life == "alive" else None
        holds = Holds(locks=None if locks is None else locks.get(names.worker("http", name), 0), tasks=active)
        if life == "dead" and holds.locks:
            note = f"{note}, still holds {held(holds)}"
        last = seen.age_s if seen else None
        workers.append(Worker(name, "http", life, level, None, last, holds, note, state.source.id, None, fault))
    return workers


def _hung_up(state: SourceState) -> bool:
    """Nobody listens there, or whoever does has hung up for longer than a hiccup."""
    if state.state == "fresh" or state.trouble is None:
        return False
    lasts = state.state == "missing" or (state.failing_s or 0.0) >= HICCUP_S
    return state.trouble.kind is TroubleKind.REFUSED or (state.trouble.kind is TroubleKind.CLOSED and lasts)


def _pool(sight: Sight, broker: str) -> str:
    """The source that tells of a broker's queues, by the name of its entry."""
    found: list[str] = [seen.source.id for seen in sight.seen(DramatiqFacts) if seen.value.name == broker]
    found += [seen.source.id for seen in sight.seen(CeleryFacts) if seen.value.name == broker]
    return next(iter([*found, *(state.source.id for state in sight.states("rabbitmq"))]), "")


def _waiting(sight: Sight, pool: str) -> int | None:
    """Messages that wait on one broker, else for Dramatiq workers on all; ``None``: none seen, some may be hidden."""
    celery = [seen for seen in sight.seen(CeleryFacts) if seen.source.id == pool]
    if celery:
        return sum(queue.ready or 0 for queue in celery[0].value.queues) if celery[0].current else None
    redis = [seen.value.queues for seen in sight.seen(DramatiqFacts) if seen.current and pool in {"", seen.source.id}]
    rabbit = [seen.value.queues for seen in sight.seen(RabbitFacts) if seen.current and pool in {"", seen.source.id}]
    depths = [queue.ready for queues in redis for queue in queues]
    for queues in rabbit:
        jobs = [queue for queue in queues or () if queue.owner == "dramatiq"]
        depths += [queue.ready for queue in jobs if not queue.name.endswith((".DQ", ".XQ"))]
    blind = [state for state in sight.blind("dramatiq", "rabbitmq") if pool in {"", state.source.id}]
    hidden = bool(blind) or None in rabbit or None in depths
    return sum(depth or 0 for depth in depths) or (None if hidden or not (redis or rabbit) else 0)


def _judge_health(facts: HealthFacts, context: Context, waiting: int | None) -> tuple[Life, Level, Fault, str]:
    if facts.broker_connected is False:
        return "alive", Level.CRITICAL, "broker-lost", "broker link lost"
    silent = facts.heartbeat_age_s is not None and facts.heartbeat_age_s >= context.thresholds.heartbeat_s
    if facts.healthy is False or silent:
        age = "" if facts.heartbeat_age_s is None else f", no task done for {duration(facts.heartbeat_age_s)}"
        if waiting:
            return "stalled", Level.CRITICAL, "unproductive", f"unhealthy{age} while {waiting} messages wait"
        unsure = "what waits for it can't be seen" if waiting is None else "nothing waits for it"
        return "alive", Level.WARNING, "unhealthy", f"unhealthy{age}; {unsure}"
    if facts.healthy is None:
        return "unknown", Level.UNKNOWN, "unseen", "says nothing of its health"
    return "alive", Level.OK, "", ""
