"""What a tape costs: bytes a Frame and a day, time to write, to open and to go anywhere, for a large stack.

``python -m tests.benchmarks.taping [FRAMES]``. 200 workers (140 crawlers, 60 Dramatiq), 300 queues, 100 connections,
50 locks; a fifth of the rows changes between two looks, every Dramatiq worker beats each second.
"""

from __future__ import annotations

import gc
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil

from unstick.facts.crawler import CrawlerFacts, CrawlerWorker, ProxyPool, ProxyRow, TaskTable
from unstick.facts.dramatiq import DramatiqFacts, DramatiqProcess, DramatiqQueue
from unstick.facts.frame import Fact, Frame, Observation
from unstick.facts.host import Disk, HostFacts, Process
from unstick.facts.locks import LockFacts, LockRow
from unstick.facts.rabbitmq import RabbitConnection, RabbitFacts, RabbitQueue
from unstick.facts.reading import Cost, Fresh, Source
from unstick.feeds.history import History
from unstick.settings import Context, Crawler
from unstick.tape.meta import Meta, kept
from unstick.tape.reader import Tape
from unstick.tape.recent import FRAMES as FRAMES_KEPT
from unstick.tape.recent import Recent
from unstick.tape.record import unpack
from unstick.tape.writer import Writer

FRAMES = 3600
DAY = 86_400
SEEKS = 300
CONTEXT = Context(name="bench", crawler=Crawler())
META = Meta(kept(CONTEXT))
T0 = 1_765_335_000.0
EVERY = {"dramatiq": 1, "crawler": 2, "host": 2, "locks": 3, "rabbitmq": 5}


def frames(count: int) -> Iterator[Frame]:
    """One a second, each fact at its own interval."""
    dice = random.Random(1)
    crawlers = {f"{n % 14:08x}_{n // 14}": T0 for n in range(140)}
    processes = [f"{dice.getrandbits(128):032x}" for _ in range(60)]
    queues = [dice.randrange(50) for _ in range(300)]
    channels = [dice.randrange(1, 9) for _ in range(100)]
    observations: dict[str, Observation] = {}
    for tick in range(count):
        at = T0 + tick + dice.random() / 500
        for name in dice.sample(sorted(crawlers), 28):
            crawlers[name] = round(at - dice.random(), 6)
        for n in dice.sample(range(300), 60):
            queues[n] = max(0, queues[n] + dice.randrange(-9, 10))
        for n in dice.sample(range(100), 20):
            channels[n] = max(1, channels[n] + dice.randrange(-1, 2))
        for name, seconds in EVERY.items():
            if tick % seconds:
                continue
            match name:
                case "crawler":
                    fact = _crawler(at, crawlers)
                case "dramatiq":
                    fact = _dramatiq(at, processes, queues[:40], dice)
                case "rabbitmq":
                    fact = _rabbitmq(queues[40:], channels)
                case "locks":
                    fact = _locks(at)
                case _:
                    fact = _host(dice)
            cost = Cost(3, dice.randrange(20_000, 20_100), 300, dice.random() / 100)
            observations[name] = Observation(Source(name, name, name, float(seconds)), Fresh(fact, at, cost))
        yield Frame(tick, at, "bench", tuple(observations.values()))


def _crawler(at: float, crawlers: dict[str, float]) -> Fact:
    workers = tuple(
        CrawlerWorker(w, w.split("_")[0], 1, 1, beat, T0 + n) for n, (w, beat) in enumerate(crawlers.items())
    )
    rows = tuple(ProxyRow(str(n), w.worker_id, w.container, str(9000 + n), T0) for n, w in enumerate(workers[:50]))
    tables = (TaskTable("catalog_tasks", 90, 0), TaskTable("object_tasks", 50, 0))
    return CrawlerFacts(at, ProxyPool(300, 140, 60, 100, 0), tables, workers, 140, rows, 50)


def _dramatiq(at: float, processes: list[str], queues: list[int], dice: random.Random) -> Fact:
    told = tuple(DramatiqProcess(name, round(at - dice.random(), 3), 2, 0, name[:8]) for name in processes)
    rows = tuple(DramatiqQueue(f"queue-{n}", depth, 2, 0, 0, T0) for n, depth in enumerate(queues))
    return DramatiqFacts("dramatiq", at, told, rows, len(told))


def _rabbitmq(queues: list[int], channels: list[int]) -> Fact:
    connections = tuple(
        RabbitConnection(f"10.0.0.{n}:{40000 + n} -> 10.0.1.1:5672", T0, f"svc-{n}", "pika", "app", "/", "10.0.0.1", count, 2047, 60.0, "running")
        for n, count in enumerate(channels)
    )  # fmt: skip
    rows = tuple(RabbitQueue("/", f"orders.{n}", depth, depth // 3, 2, "running") for n, depth in enumerate(queues))
    return RabbitFacts("management", "rabbit@bus", "3.13", connections, 100, sum(channels), rows, len(rows))


def _locks(at: float) -> Fact:
    rows = tuple(LockRow(str(n), "crawl", f"task-{n}", f"{n % 14:08x}_1", T0, T0 + 9_000 + n) for n in range(50))
    return LockFacts("postgres", "locks", at, 50, 0, 0, (("a", 50),), rows)


def _host(dice: random.Random) -> Fact:
    top = tuple(Process(100 + n, "python", round(dice.random() * 90, 1), dice.getrandbits(28)) for n in range(5))
    return HostFacts(
        "web", round(dice.random() * 90, 1), 8, dice.random(), 1.0, 1.0, 40.0, 1 << 34, dice.getrandbits(33), 0.0,
        (Disk("/", 40.0, dice.getrandbits(40)),), 4000, 9000, dice.getrandbits(40), dice.getrandbits(40), 300, top, 1.0,
        dice.getrandbits(26),
    )  # fmt: skip


def timed(call: Callable[[], object]) -> float:
    """Milliseconds of CPU."""
    begun = time.process_time()
    call()
    return (time.process_time() - begun) * 1000


@dataclass
class Figures:
    """What a tape of ``frames`` cost; times in milliseconds, sorted."""

    frames: int
    size: int
    plain: float
    """Bytes of one Frame as JSON."""
    writes: list[float]
    opening: float
    keys: list[float]
    """Of the decode of one keyframe."""
    seeks: list[float]
    waits: list[float]
    """Of the same seeks, by the clock on the wall."""
    folds: list[float]

    @property
    def ratio(self) -> float:
        """How many decodes of a keyframe the 99th of 100 seeks costs."""
        return p99(self.seeks) / p50(self.keys)


def p50(values: list[float]) -> float:
    """The middle."""
    return values[len(values) // 2]


def p99(values: list[float]) -> float:
    """All but one of a hundred are below."""
    return values[int(len(values) * 0.99)]


def measured(path: Path, count: int) -> Figures:
    """Record ``count`` Frames to ``path`` and go anywhere on that tape."""
    writer = Writer(path, META)
    writes, plain = [], []
    for frame in frames(count):
        if frame.seq % 60 == 0:
            plain.append(float(len(msgspec.json.encode(frame))))
        writes.append(timed(lambda frame=frame: writer.frame(frame)))  # type: ignore[misc]
    writer.close()
    opening = timed(lambda: Tape.open(path).close())
    dice = random.Random(2)
    with Tape.open(path) as tape:
        keyframes = [entry for entry in tape.entries if entry.header.kind == "K"]
        keys = [
            timed(lambda entry=entry: unpack(entry.header, tape._payload(entry)))  # type: ignore[misc]
            for entry in dice.choices(keyframes, k=SEEKS)
        ]
        seeks, waits = [], []
        for number in dice.choices(range(count), k=SEEKS):
            begun = time.monotonic()
            seeks.append(timed(lambda number=number: tape.frame(number)))  # type: ignore[misc]
            waits.append((time.monotonic() - begun) * 1000)
        past = History(tape, CONTEXT)
        folds = [timed(past.advance) for _ in range(min(count, 300))]
    for values in (writes, keys, seeks, waits, folds, plain):
        values.sort()
    return Figures(count, path.stat().st_size, p50(plain), writes, opening, keys, seeks, waits, folds)


def tell(told: Figures) -> None:
    """Print the figures."""
    each = told.size / told.frames
    print(f"  a frame as JSON {told.plain / 1000:6.0f} kB, on the tape {each:6.0f} B")
    print(f"  24 h at 1 Hz    {each * DAY / 1e6:6.0f} MB")
    print(f"  write, ms CPU   {spread(told.writes)}   (p50, p99)")
    print(f"  open, ms CPU    {told.opening:7.2f}, of 24 h {told.opening * DAY / told.frames:7.0f}")
    print(f"  keyframe, ms    {spread(told.keys)}   (decode of one)")
    print(f"  seek, ms CPU    {spread(told.seeks)}   p99 is {told.ratio:.0f} keyframes")
    print(f"  seek, ms wall   {spread(told.waits)}")
    print(f"  fold, ms CPU    {spread(told.folds)}   (read and folded at the edge)")


def spread(values: list[float]) -> str:
    """p50 and p99."""
    return f"{p50(values):7.2f}  {p99(values):7.2f}"


def remembered() -> None:
    """Print what two hours in memory take: records, and boards to go back to."""
    reel = Recent(META)
    past = History(reel, CONTEXT)
    gc.collect()
    before = psutil.Process().memory_info().rss
    for frame in frames(FRAMES_KEPT):
        reel.append(frame)
        past.advance()
    gc.collect()
    grown = psutil.Process().memory_info().rss - before
    records = reel.size / 1e6
    print(f"  2 h in memory   {grown / 1e6:6.0f} MB, of which records {records:.0f} MB, boards {len(past._kept)}")


def main() -> None:
    """Print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else FRAMES
    print(f"\ntaping: {count} frames of a large stack   (python -m tests.benchmarks.taping)")
    with tempfile.TemporaryDirectory() as folder:
        tell(measured(Path(folder) / "a.tape", count))
    remembered()


if __name__ == "__main__":
    main()
