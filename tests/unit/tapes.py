"""Frames that change as real ones do, and small tapes of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from tests.unit.boards import CONTEXT, T0
from unstick.facts.crawler import CrawlerFacts, CrawlerWorker, ProxyPool, ProxyRow, TaskTable
from unstick.facts.dramatiq import DramatiqFacts, DramatiqProcess, DramatiqQueue
from unstick.facts.frame import AnyReading, Frame, Observation
from unstick.facts.health import HealthFacts
from unstick.facts.host import Disk, HostFacts, Process
from unstick.facts.locks import LockFacts, LockRow
from unstick.facts.rabbitmq import RabbitConnection, RabbitFacts, RabbitQueue
from unstick.facts.reading import Cost, Fresh, Missing, Source, Stale, Trouble, TroubleKind
from unstick.facts.sync import SyncApiFacts
from unstick.tape.meta import Meta, kept
from unstick.tape.reader import Tape
from unstick.tape.writer import Writer

META = Meta(kept(CONTEXT), pid=4711, started_at=T0)


class Stack:
    """Workers, queues, connections and locks that come, go and change: about a fifth of the rows in a tick."""

    def __init__(self, seed: int, scale: int = 1, step_s: float = 1.0) -> None:
        self.step_s = step_s
        self.dice = random.Random(seed)
        self.at = T0
        self.seq = 0
        self.crawlers = {f"c{n % 4}_{n}": T0 for n in range(8 * scale)}
        self.processes = {f"{n:08x}": T0 for n in range(2 * scale)}
        self.queues = {f"q{n}": n for n in range(6 * scale)}
        self.connections = {f"127.0.0.1:{40000 + n} -> 127.0.0.1:5672": n for n in range(4 * scale)}
        self.locks = {str(n): T0 + 60 + n for n in range(2 * scale)}
        self.readings: dict[str, AnyReading] = {}

    def frames(self, count: int) -> Iterator[Frame]:
        """``count`` Frames, one after each step."""
        for _ in range(count):
            yield self.frame()

    def frame(self) -> Frame:
        """The next one."""
        self.at += self.step_s + self.dice.random() / 100
        self.seq += 1
        self._churn()
        every = {"crawler": 2, "dramatiq": 1, "rabbitmq": 5, "locks": 3, "host": 2, "sync": 4, "health:web-1": 5}
        for name, seconds in every.items():
            if self.seq % seconds == 0 or name not in self.readings:
                self.readings[name] = self._reading(name)
        servers = {
            "crawler": "postgres",
            "locks": "postgres",
            "dramatiq": "redis",
            "rabbitmq": "rabbitmq",
            "host": "host",
        }
        observations = tuple(
            Observation(Source(name, name.split(":")[0], servers.get(name, "http"), float(every[name])), reading)
            for name, reading in self.readings.items()
        )
        return Frame(self.seq, self.at, "test", observations)

    def _churn(self) -> None:
        d = self.dice
        for name in d.sample(sorted(self.crawlers), max(1, len(self.crawlers) // 5)):
            self.crawlers[name] = self.at
        if d.random() < 0.2:
            self.crawlers[f"c{d.randrange(4)}_{d.randrange(10_000)}"] = self.at
        if d.random() < 0.2 and len(self.crawlers) > 2:
            del self.crawlers[d.choice(sorted(self.crawlers))]
        for name in self.processes:
            self.processes[name] = self.at
        for name in d.sample(sorted(self.queues), max(1, len(self.queues) // 5)):
            self.queues[name] = max(0, self.queues[name] + d.randrange(-5, 7))
        if d.random() < 0.1:
            name, depth = self.queues.popitem()
            self.queues = {name: depth, **self.queues}
        for name in d.sample(sorted(self.connections), max(1, len(self.connections) // 5)):
            self.connections[name] += 1

    def _reading(self, name: str) -> AnyReading:
        cost = Cost(2, self.dice.randrange(10_000), 100, self.dice.random() / 100)
        trouble = Trouble(TroubleKind.TIMEOUT, "no answer in 4 s")
        before = self.readings.get(name)
        roll = self.dice.random()
        if roll < 0.03 and isinstance(before, Fresh):
            return Stale(before.value, before.at, trouble, self.at, cost)
        if roll < 0.04 or (before is None and roll < 0.2):
            return Missing(trouble, self.at)
        return Fresh(getattr(self, f"_{name.split(':', maxsplit=1)[0]}")(), self.at - self.dice.random() / 10, cost)

    def _crawler(self) -> CrawlerFacts:
        workers = tuple(
            CrawlerWorker(name, name.split("_")[0], 1, n % 2, beat, None if n % 3 else beat - 5)
            for n, (name, beat) in enumerate(self.crawlers.items())
        )
        rows = tuple(ProxyRow(str(n), w.worker_id, w.container, str(n), T0) for n, w in enumerate(workers[::3]))
        pool = ProxyPool(100, len(workers), 27, 73 - len(workers), 0)
        tables = (TaskTable("catalog_tasks", len(workers), 0), TaskTable("object_tasks", 3, None))
        return CrawlerFacts(self.at, pool, tables, workers, len(workers), rows, len(rows))

    def _dramatiq(self) -> DramatiqFacts:
        processes = tuple(DramatiqProcess(name, beat, 2, 0, "m") for name, beat in self.processes.items())
        queues = tuple(DramatiqQueue(name, depth, 1, None, 0, T0) for name, depth in self.queues.items())
        return DramatiqFacts("dramatiq", self.at, processes, queues, len(processes))

    def _rabbitmq(self) -> RabbitFacts:
        connections = tuple(
            RabbitConnection(name, T0, f"client-{n % 3}", "pika", "guest", "/", name, n, 2047, 60.0, "running")
            for name, n in self.connections.items()
        )
        queues = tuple(RabbitQueue("/", name, depth, 1, 1) for name, depth in self.queues.items())
        return RabbitFacts("management", "rabbit@lab", "3", connections, len(connections), 9, queues, len(queues))

    def _locks(self) -> LockFacts:
        rows = tuple(LockRow(key, "crawl", key, "c1_1", T0, ends) for key, ends in self.locks.items())
        return LockFacts("postgres", "locks", self.at, len(rows), 0, 0, (("c1_1", len(rows)),), rows)

    def _sync(self) -> SyncApiFacts:
        last = self.at - self.dice.randrange(200)
        return SyncApiFacts(self.at, last, 1.5, last + 60, False, 500, 3, 0, True, True, "ok")

    def _health(self) -> HealthFacts:
        up = self.at - T0
        return HealthFacts("web-1", "10.1.2.3:80", "ok", True, True, up, self.seq, 1.0, True, 200)

    def _host(self) -> HostFacts:
        d = self.dice
        top = tuple(Process(n, f"python{n}", d.random(), 1000 * n) for n in d.sample(range(9), 4))
        return HostFacts(
            "lab", d.random() * 100, 2, 0.5, 0.4, 0.3, 40.1, 1 << 33, 1 << 32, 0.0, (Disk("/", 50.0, 1 << 40),),
            100, None, 5, 6, 90, top, 1.0, 1 << 25,
        )  # fmt: skip


def taped(
    path: Path, count: int = 130, seed: int = 1, marks: dict[int, str] | None = None, scale: int = 1
) -> list[Frame]:
    """A closed tape at ``path``; the Frames that it should hold."""
    frames = list(Stack(seed, scale).frames(count))
    writer = Writer(path, META)
    for number, frame in enumerate(frames):
        writer.frame(frame)
        if marks and number in marks:
            writer.mark(marks[number])
    writer.close()
    assert writer.trouble is None
    return frames


def same(left: Frame, right: Frame) -> bool:
    """Whether two Frames say the same."""
    return (left.seq, left.at, left.context, left.observations) == (
        right.seq,
        right.at,
        right.context,
        right.observations,
    )


def played(path: Path) -> dict[float, Frame]:
    """Every Frame of a tape that can be read, by its instant."""
    with Tape.open(path) as tape:
        return {frame.at: frame for _, frame in tape.frames()}
