"""Frames for the fold tests, built by hand: small, and explicit about time."""

from __future__ import annotations

from collections.abc import Iterable

from unstick.board.board import Board, fold
from unstick.facts.crawler import CrawlerFacts, CrawlerWorker, ProxyPool, ProxyRow, TaskTable
from unstick.facts.dramatiq import DramatiqFacts, DramatiqProcess, DramatiqQueue
from unstick.facts.frame import AnyReading, Fact, Frame, Observation
from unstick.facts.reading import Cost, Fresh, Missing, Source, Stale, Trouble, TroubleKind
from unstick.settings import Context, Crawler, Dramatiq, Locks, Sync

T0 = 1_000_000.0
CONTEXT = Context(name="test", crawler=Crawler(), locks=Locks(), sync=Sync(every_s=60.0), dramatiq=(Dramatiq(),))


def source(name: str, server: str = "", interval_s: float = 1.0) -> Source:
    """The source called ``name``; what stands before a colon is its system, and what stands behind it an endpoint."""
    system, colon, _ = name.partition(":")
    return Source(name, system, server or ("http" if colon else "server"), interval_s)


def fresh(name: str, value: Fact, at: float, system: str | None = None) -> Observation:
    """A source that answered at ``at``."""
    src = source(name) if system is None else Source(name, system, "server", 1.0)
    return Observation(src, Fresh(value, at, Cost(1, 100, 10, 0.002)))


def stale(name: str, value: Fact, at: float, since: float, kind: TroubleKind = TroubleKind.TIMEOUT) -> Observation:
    """A source whose value is from ``at`` and that fails since ``since``."""
    return Observation(source(name), Stale(value, at, Trouble(kind, "no answer"), since))


def missing(name: str, since: float, kind: TroubleKind = TroubleKind.REFUSED) -> Observation:
    """A source that was never seen."""
    return Observation(source(name), Missing(Trouble(kind, f"{kind.value} by server"), since))


def frame(at: float, *observations: Observation) -> Frame:
    """A Frame at ``at``."""
    return Frame(int(at * 10), at, "test", observations)


def played(frames: Iterable[Frame], context: Context = CONTEXT) -> Board:
    """The board after all ``frames``."""
    board: Board | None = None
    for each in frames:
        board = fold(board, each, context)
    assert board is not None
    return board


def reading(board: Board, name: str) -> AnyReading:
    """The reading of the source called ``name``."""
    return next(o.reading for o in board.frame.observations if o.source.id == name)


def crawler(
    at: float,
    candidates: tuple[ProxyRow, ...] = (),
    workers: tuple[CrawlerWorker, ...] = (),
    pool: ProxyPool | None = None,
) -> CrawlerFacts:
    """Crawler facts at database time ``at``."""
    pool = pool or ProxyPool(100, 60, 27, 13, 0)
    tables = (TaskTable("catalog_tasks", 20, 0), TaskTable("object_tasks", 20, 0))
    return CrawlerFacts(at, pool, tables, workers, len(workers), candidates, len(candidates))


def dramatiq(
    at: float, processes: tuple[DramatiqProcess, ...] = (), queues: tuple[DramatiqQueue, ...] = ()
) -> DramatiqFacts:
    """Dramatiq facts at Redis time ``at``."""
    return DramatiqFacts("dramatiq", at, processes, queues, len(processes))
