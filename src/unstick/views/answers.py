"""What a source answered last, in a few words: how much of everything it told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from unstick.board.board import Board
from unstick.facts.celery import CeleryFacts
from unstick.facts.crawler import CrawlerFacts
from unstick.facts.dramatiq import DramatiqFacts
from unstick.facts.frame import Fact
from unstick.facts.health import HealthFacts
from unstick.facts.host import HostFacts
from unstick.facts.locks import LockFacts
from unstick.facts.rabbitmq import RabbitFacts
from unstick.facts.reading import Fresh
from unstick.facts.sync import SyncApiFacts, SyncDataFacts
from unstick.facts.text import clean


def answers(board: Board) -> Mapping[str, str]:
    """By the name of a source; only of what is fresh, and of nobody who has more to say himself."""
    return {
        observation.source.id: clean(answer(observation.reading.value))
        for observation in board.frame.observations
        if isinstance(observation.reading, Fresh)
    }


def answer(fact: Fact) -> str:
    """One answer.

    >>> answer(CeleryFacts("celery", 0.0, (), 3, None, 3600.0))
    '0 queues, 3 unacked'
    """
    return ", ".join(part for part in _parts(fact) if part)


def _parts(fact: Fact) -> Iterator[str]:
    match fact:
        case CrawlerFacts():
            yield from (_many(fact.pool.total, "proxies", "proxy"), _many(fact.worker_count, "workers"))
        case DramatiqFacts():
            yield from (_many(fact.process_count, "workers"), _many(len(fact.queues), "queues"))
        case CeleryFacts():
            yield _many(len(fact.queues), "queues")
            yield "" if fact.unacked is None else f"{fact.unacked:,} unacked"
        case RabbitFacts():
            yield from (_many(fact.connection_count, "connections"), _many(fact.queue_count, "queues"))
        case LockFacts():
            yield _many(fact.total, "locks")
        case SyncApiFacts():
            yield fact.status or {True: "running", False: "idle", None: ""}[fact.running]
        case SyncDataFacts():
            yield _many(fact.rows, "balances")
            yield "" if fact.drift is None else f"{fact.drift.sampled:,} compared"
            yield fact.instants_trouble or ""
        case HealthFacts():
            yield fact.status or ""
        case HostFacts():
            yield from (fact.hostname, _many(fact.process_count, "processes", "process"))


def _many(number: int | None, many: str, one: str = "") -> str:
    if number is None:
        return ""
    return f"{number:,} {(one or many[:-1]) if number == 1 else many}"
