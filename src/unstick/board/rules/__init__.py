"""The table of rules, from causes to symptoms: of two findings equally bad the cause stands first."""

from __future__ import annotations

from unstick.board.rules import brokers, crawler, host, locks, queues, services, sources, sync, workers
from unstick.board.rules.rule import Case, Rule

RULES: tuple[Rule, ...] = (
    sources.UNSEEN,
    services.SERVICE,
    brokers.ALARM,
    crawler.HELD,
    workers.DEAD,
    workers.STALLED,
    queues.UNTAKEN,
    queues.UNCONSUMED,
    workers.UNPRODUCTIVE,
    workers.BROKER_LOST,
    brokers.HELD_UP,
    brokers.LEAK,
    sources.ENDPOINT,
    crawler.POOL,
    locks.LOCKS,
    queues.LATE,
    sync.CUT_OFF,
    sync.OVERDUE,
    sync.FAILING,
    crawler.TASKS,
    workers.RESTART,
    workers.CLOCK,
    brokers.STORM,
    brokers.MANY,
    brokers.BEATLESS,
    queues.DEEP,
    workers.UNHEALTHY,
    sync.SLOW_RUN,
    sync.UNREADABLE,
    sync.FUTURE,
    host.DISK,
    host.MEMORY,
    host.CPU,
)
"""One line per rule. A finding explains only findings of rules below its own."""

__all__ = ["RULES", "Case", "Rule"]
