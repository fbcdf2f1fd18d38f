"""What a fold and its telling cost, by the number of workers, proxies and queues: operations, and milliseconds.

``python -m tests.benchmarks.folding``. Operations are instructions of Python's machine: the same in every run, whatever else
the computer does. ``tests/unit/test_linear.py`` compares them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

from unstick.board.board import Board, fold
from unstick.facts.crawler import CrawlerFacts, CrawlerWorker, ProxyPool, ProxyRow, TaskTable
from unstick.facts.dramatiq import DramatiqFacts, DramatiqProcess, DramatiqQueue
from unstick.facts.frame import Frame, Observation
from unstick.facts.locks import LockFacts, LockRow
from unstick.facts.reading import Fresh, Source
from unstick.facts.text import natural
from unstick.settings import Context, Crawler, Locks
from unstick.views.tell import tell

CONTEXT = Context(name="bench", crawler=Crawler(), locks=Locks())
ROUNDS = 3
CAP = 2_000
"""Rows of a kind that the pollers send at most; the counts are the server's."""
T = TypeVar("T")


def frames(workers: int, proxies: int, *, silent_s: float = 0.0, rounds: int = ROUNDS) -> list[Frame]:
    """A few Frames with so many workers and held proxies without a task, and a tenth as many locks and queues."""
    made = []
    for tick in range(rounds + 1):
        at = 1_000_000.0 + tick
        beat_at = 1_000_000.0 - silent_s if silent_s else at
        rows = tuple(CrawlerWorker(f"c{n % 40}_{n}", f"c{n % 40}", 1, 1, beat_at, at - 4000) for n in range(workers))
        held = tuple(
            ProxyRow(str(n), f"c{n % 40}_{n % workers}", f"c{n % 40}", str(n), at - 3600) for n in range(proxies)
        )
        crawler = CrawlerFacts(
            at, ProxyPool(proxies, proxies, 0, 0, 0), (TaskTable("t", workers, 0),), rows, workers, held, len(held)
        )
        processes = tuple(DramatiqProcess(f"{n:032x}", beat_at, 2, 0, "m") for n in range(workers // 10))
        queues = tuple(DramatiqQueue(f"q{n}", n, 1, 0, 0, at - n) for n in range(workers // 10))
        dramatiq = DramatiqFacts("dramatiq", at, processes, queues, len(processes))
        taken = tuple(LockRow(str(n), "k", str(n), f"c{n % 40}_{n}", at - 60, at + 60) for n in range(workers // 10))
        locks = LockFacts("postgres", "locks", at, len(taken), 0, 0, (), taken)
        made.append(
            Frame(
                tick,
                at,
                "bench",
                (
                    Observation(Source("crawler", "crawler", "postgres", 1.0), Fresh(crawler, at)),
                    Observation(Source("dramatiq", "dramatiq", "redis", 1.0), Fresh(dramatiq, at)),
                    Observation(Source("locks", "locks", "postgres", 1.0), Fresh(locks, at)),
                ),
            )
        )
    return made


def operations(work: Callable[[], T]) -> tuple[int, T]:
    """How many instructions of Python ``work`` takes, and what comes of it."""
    count = 0

    def step(_frame: FrameType, event: str, _what: Any) -> Any:
        nonlocal count
        count += event == "opcode"
        return step

    def enter(frame: FrameType, _event: str, _what: Any) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return step

    natural.cache_clear()
    before = sys.gettrace()
    sys.settrace(enter)
    try:
        made = work()
    finally:
        sys.settrace(before)
    return count, made


def counted(workers: int, proxies: int, *, silent_s: float = 0.0) -> tuple[int, int]:
    """Operations of one fold in the midst of others, and of telling it."""
    board: Board | None = None
    *earlier, last = frames(workers, proxies, silent_s=silent_s)
    for frame in earlier:
        board = fold(board, frame, CONTEXT)
    folded, after = operations(lambda: fold(board, last, CONTEXT))
    return folded, operations(lambda: tell(after))[0]


def main() -> None:
    """Print the curve of ten times as many, and that of what pollers really send."""
    for words, silent_s in (("all live", 0.0), ("all dead: a finding for every container and process", 3600.0)):
        print(f"\nfolding: one Frame, {words}   (python -m tests.benchmarks.folding)")
        _curve(((100, 1_000), (1_000, 10_000), (10_000, 100_000)), silent_s)
    print(f"\nfolding: the same stack as the pollers send it, at most {CAP:,} rows of a kind, all dead")
    _curve(((CAP, CAP),), 3600.0)


def _curve(sizes: tuple[tuple[int, int], ...], silent_s: float) -> None:
    print(
        f"{'workers':>8}  {'proxies':>8}  {'fold ops':>10}  {'x before':>8}  {'tell ops':>10}  {'x before':>8}"
        f"  {'fold ms':>8}  {'tell ms':>8}"
    )
    before = 0, 0
    for workers, proxies in sizes:
        ops = counted(workers, proxies, silent_s=silent_s)
        times = [f"{now / then:.1f}" if then else "–" for now, then in zip(ops, before, strict=True)]
        fold_ms, tell_ms = _timed(workers, proxies, silent_s)
        print(
            f"{workers:>8}  {proxies:>8}  {ops[0]:>10}  {times[0]:>8}  {ops[1]:>10}  {times[1]:>8}"
            f"  {fold_ms:>8.1f}  {tell_ms:>8.1f}"
        )
        before = ops


def _timed(workers: int, proxies: int, silent_s: float) -> tuple[float, float]:
    """Milliseconds of this process's CPU for a fold and for telling it."""
    board: Board | None = None
    fold_s = tell_s = 0.0
    for frame in frames(workers, proxies, silent_s=silent_s):
        begun = time.process_time()
        board = fold(board, frame, CONTEXT)
        folded = time.process_time()
        tell(board)
        fold_s, tell_s = fold_s + folded - begun, tell_s + time.process_time() - folded
    return fold_s / (ROUNDS + 1) * 1000, tell_s / (ROUNDS + 1) * 1000


if __name__ == "__main__":
    main()
