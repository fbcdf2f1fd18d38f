"""What a tape costs: bytes a Frame and a day, time to write, to open and to go anywhere, for a large stack.

``python -m tests.benchmarks.taping [FRAMES]``. 200 workers (140 crawlers, 60 Dramatiq), 300 queues, 100 connections,
50 locks; a fifth of the rows changes between two looks, every Dramatiq worker beats each second.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from unstick.facts.crawler import CrawlerFacts, CrawlerWorker, ProxyPool, ProxyRow, TaskTable
from unstick.facts.dramatiq import DramatiqFacts, DramatiqProcess, DramatiqQueue
from unstick.facts.frame import Fact, Frame, Observation
from unstick.facts.host import Disk, HostFacts, Process
from unstick.facts.locks import LockFacts, LockRow
from unstick.facts.rabbitmq import RabbitConnection, RabbitFacts, RabbitQueue
from unstick.facts.reading import Cost, Fresh, Source
from unstick.settings import Context, Crawler
from unstick.tape.meta import Meta, kept
from unstick.tape.reader import Tape
from unstick.tape.record import unpack
from unstick.tape.writer import Writer

FRAMES = 3600
DAY = 86_400
SEEKS = 300
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


def spread(values: list[float]) -> str:
    """p50 and p99."""
    values = sorted(values)
    return f"{values[len(values) // 2]:7.2f}  {values[int(len(values) * 0.99)]:7.2f}"


def main() -> None:
    """Print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else FRAMES
    print(f"\ntaping: {count} frames of a large stack   (python -m tests.benchmarks.taping)")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.tape"
        writer = Writer(path, Meta(kept(Context(name="bench", crawler=Crawler()))))
        writes, size = [], 0
        for frame in frames(count):
            size += len(msgspec.json.encode(frame)) if frame.seq % 60 == 0 else 0
            writes.append(timed(lambda frame=frame: writer.frame(frame)))  # type: ignore[misc]
        writer.close()
        each = path.stat().st_size / count
        print(f"  a frame as JSON {size / max(1, count // 60) / 1000:6.0f} kB, on the tape {each:6.0f} B")
        print(f"  24 h at 1 Hz    {each * DAY / 1e6:6.0f} MB")
        print(f"  write, ms CPU   {spread(writes)}   (p50, p99)")
        begun = timed(lambda: Tape.open(path).close())
        print(f"  open, ms CPU    {begun:7.2f}, of 24 h {begun * DAY / count:7.0f}")
        _seeks(path, count)


def _seeks(path: Path, count: int) -> None:
    dice = random.Random(2)
    with Tape.open(path) as tape:
        keys = [entry for entry in tape.entries if entry.header.kind == "K"]
        decoded = [timed(lambda entry=entry: unpack(entry.header, tape._payload(entry))) for entry in keys * 3]  # type: ignore[misc]
        seeks = [timed(lambda: tape.frame(dice.randrange(count))) for _ in range(SEEKS)]
    one, far = sorted(decoded)[len(decoded) // 2], sorted(seeks)[int(SEEKS * 0.99)]
    print(f"  keyframe, ms    {spread(decoded)}   (decode of one)")
    print(f"  seek, ms CPU    {spread(seeks)}   p99 is {far / one:.0f} keyframes")


if __name__ == "__main__":
    main()
