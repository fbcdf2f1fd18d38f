"""What a rule is, and what it may look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property

import msgspec

from unstick.board.channels import Link
from unstick.board.findings import Finding, Subjects
from unstick.board.holders import Names, called
from unstick.board.locks import Lock
from unstick.board.memory import Memory
from unstick.board.queues import Queue
from unstick.board.services import Service
from unstick.board.sources import Sight, SourceState
from unstick.board.worker import Worker
from unstick.facts.level import Level
from unstick.settings import Context


class Pool(msgspec.Struct):
    """The workers of one broker, counted: who live, who of them hold messages, who of those are stuck.

    Whoever enqueues beats too: where messages wait, only those who hold some are known to work.
    """

    living: int = 0
    unsure: int = 0
    busy: int = 0
    stuck: int = 0

    @property
    def possible(self) -> bool:
        """Whether anybody may work there."""
        return bool(self.living or self.unsure)


class Case:
    """Everything that rules judge by: the subjects of one Frame, and what was seen before."""

    def __init__(self, subjects: Subjects, sight: Sight, memory: Memory, context: Context) -> None:
        self.subjects = subjects
        self.memory = memory
        self.context = context
        self.now = sight.now
        self.sources: Mapping[str, SourceState] = {state.source.id: state for state in sight.sources}
        self.blind: frozenset[str] = sight.unseen
        self.workers: tuple[Worker, ...] = subjects.workers.items if subjects.workers else ()
        self.queues: tuple[Queue, ...] = subjects.queues.items if subjects.queues else ()

    @cached_property
    def pools(self) -> Mapping[str, Pool]:
        """The Dramatiq and Celery workers of each broker, counted by its source."""
        found: dict[str, Pool] = defaultdict(Pool)
        for worker in self.workers:
            if worker.kind in {"dramatiq", "celery"}:
                pool = found[worker.pool or worker.source]
                pool.living += worker.life in {"alive", "stalled"}
                pool.unsure += worker.life == "unknown"
                pool.busy += worker.life in {"alive", "stalled"} and bool(worker.holds.unacked or worker.holds.tasks)
                pool.stuck += worker.fault == "stuck"
        return found

    @cached_property
    def waiting(self) -> Mapping[str, Sequence[Queue]]:
        """Queues in which something waits by their broker's source, the fullest first."""
        found: dict[str, list[Queue]] = defaultdict(list)
        for queue in sorted(self.queues, key=lambda queue: -(queue.ready or 0)):
            if queue.ready:
                found[queue.source].append(queue)
        return found

    @cached_property
    def locks_of(self) -> Mapping[str, Sequence[Lock]]:
        """Locks by holder, and by the holder's container."""
        found: dict[str, list[Lock]] = defaultdict(list)
        for lock in self.subjects.locks.items if self.subjects.locks else ():
            for holder in {lock.holder, lock.container}:
                found[holder].append(lock)
        return found

    @cached_property
    def links_of(self) -> Mapping[str, Sequence[Link]]:
        """Connections to RabbitMQ that are seen now, by the worker that their names say."""
        found: dict[str, list[Link]] = defaultdict(list)
        names, channels = Names(self.context), self.subjects.channels
        for link in channels.items if channels else ():
            if link.level is not Level.UNKNOWN:
                for name in called(link, names):
                    found[name].append(link)
        return found

    @cached_property
    def services(self) -> Mapping[str, Service]:
        """Services by the id of their source."""
        return {item.name: item for item in self.subjects.services.items}

    def of(self, system: str) -> tuple[str, ...]:
        """The ids of the sources of one system."""
        return tuple(name for name, state in self.sources.items() if state.source.system == system)

    def age_s(self, source: str) -> float | None:
        """How old the newest answer of a source is."""
        state = self.sources.get(source)
        return None if state is None else state.age_s

    def heartbeat_s(self, source: str) -> float | None:
        """The heartbeat timeout of a Dramatiq broker, by the id of its source."""
        entries = self.context.dramatiq
        name = source.partition(":")[2] or "dramatiq"
        found = next((entry for entry in entries if entry.name == name), entries[0] if len(entries) == 1 else None)
        return found.heartbeat_timeout_s if found is not None and source.startswith("dramatiq") else None


class Rule(msgspec.Struct, frozen=True):
    """One row of the table of rules. ``find`` is pure; the texts are what ``unstick explain`` prints."""

    name: str
    subject: str
    find: Callable[[Case], Iterator[Finding]]
    says: str
    """What it concludes."""
    when: str
    """On what evidence."""
    why: str
    """Where it comes from."""
    advice: str
    """What to do."""
    thresholds: tuple[str, ...] = ()
    """The settings that it compares with, as the file spells them."""
    action: str | None = None
    for_s: float = 0.0
    """How long a warning must hold before it is told; what is critical is told at once."""
    clear_s: float = 0.0
    """How long it must be absent before it has ended."""
    many: str = ""
    """The title of many with one kin: ``{n}`` of them, ``{kin}``, ``{holds}``. Empty: each is told by itself."""
    many_from: int = 4


def bad(level: Level) -> bool:
    """Whether a level is worth a finding."""
    return level.rank >= Level.WARNING.rank
