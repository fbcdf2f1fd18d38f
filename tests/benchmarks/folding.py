"""What a fold and its telling cost, by the number of workers, proxies and queues: a ratio per step of ten.

``python -m tests.benchmarks.folding``
"""

from __future__ import annotations

import time

from unstick.board.board import Board, fold
from unstick.facts.crawler import CrawlerFacts, CrawlerWorker, ProxyPool, ProxyRow, TaskTable
from unstick.facts.dramatiq import DramatiqFacts, DramatiqProcess, DramatiqQueue
from unstick.facts.frame import Frame, Observation
from unstick.facts.reading import Fresh, Source
from unstick.settings import Context, Crawler
from unstick.views.tell import tell

CONTEXT = Context(name="bench", crawler=Crawler())
ROUNDS = 5


def frames(size: int, *, silent_s: float = 0.0) -> list[Frame]:
    """A few Frames with ``size`` workers, half as many candidates and a tenth as many queues."""
    made = []
    for tick in range(ROUNDS + 1):
        at = 1_000_000.0 + tick
        workers = tuple(
            CrawlerWorker(f"c{n % 40}_{n}", f"c{n % 40}", 1, 1, made_at(at, silent_s), at - 4000) for n in range(size)
        )
        rows = tuple(ProxyRow(str(n), f"c{n % 40}_{n}", f"c{n % 40}", str(n), at - 3600) for n in range(size // 2))
        crawler = CrawlerFacts(
            at, ProxyPool(size, size, 0, 0, 0), (TaskTable("t", size, 0),), workers, size, rows, len(rows)
        )
        processes = tuple(DramatiqProcess(f"{n:032x}", made_at(at, silent_s), 2, 0, "m") for n in range(size // 10))
        queues = tuple(DramatiqQueue(f"q{n}", n, 1, 0, 0, at - n) for n in range(size // 10))
        dramatiq = DramatiqFacts("dramatiq", at, processes, queues, len(processes))
        made.append(
            Frame(
                tick,
                at,
                "bench",
                (
                    Observation(Source("crawler", "crawler", "postgres", 1.0), Fresh(crawler, at)),
                    Observation(Source("dramatiq", "dramatiq", "redis", 1.0), Fresh(dramatiq, at)),
                ),
            )
        )
    return made


def made_at(at: float, silent_s: float) -> float:
    """The last heartbeat of one who lives, or of one who fell silent so long before the first Frame."""
    return 1_000_000.0 - silent_s if silent_s else at


def main() -> None:
    """Print CPU milliseconds per fold and per telling, and the growth from one size to the next."""
    for words, silent_s in (("all live", 0.0), ("all dead: a finding for every container and process", 3600.0)):
        print(f"\nfolding: CPU per Frame, {words}   (python -m tests.benchmarks.folding)")
        _curve(silent_s)


def _curve(silent_s: float) -> None:
    print(f"{'workers':>8}  {'fold ms':>8}  {'tell ms':>8}  {'per worker µs':>13}  {'x the size before':>17}")
    before = None
    for size in (100, 1_000, 10_000):
        board: Board | None = None
        fold_s = tell_s = 0.0
        for frame in frames(size, silent_s=silent_s):
            begun = time.process_time()
            board = fold(board, frame, CONTEXT)
            folded = time.process_time()
            tell(board)
            fold_s, tell_s = fold_s + folded - begun, tell_s + time.process_time() - folded
        rounds = ROUNDS + 1
        total = (fold_s + tell_s) / rounds
        ratio = "–" if before is None else f"{total / before:.1f}"
        print(
            f"{size:>8}  {fold_s / rounds * 1000:>8.2f}  {tell_s / rounds * 1000:>8.2f}  "
            f"{total / size * 1e6:>13.1f}  {ratio:>17}"
        )
        before = total


if __name__ == "__main__":
    main()
