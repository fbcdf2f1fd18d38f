"""One identity for a worker, however many speak of it: what it is called there, and what stands under its names.

Names that are equal are one worker. Where somebody calls it otherwise, ``[[holder]]`` of the configuration says how:
the first entry that fits a name decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal

import msgspec

from unstick.board.worker import Worker
from unstick.facts.level import Level
from unstick.facts.template import put_together, taken_apart
from unstick.settings import Context

if TYPE_CHECKING:
    from unstick.board.channels import Link
    from unstick.board.findings import Subjects
    from unstick.board.locks import Lock
    from unstick.board.proxies import Proxy

Caller = Literal["crawler", "dramatiq", "celery", "http", "locks", "rabbitmq"]


class Names:
    """Which worker is meant, by who calls it how."""

    def __init__(self, context: Context) -> None:
        self._entries = context.holder
        self._known: dict[tuple[Caller, str], str] = {}

    def worker(self, caller: Caller, name: str) -> str:
        """What the board calls the worker that ``caller`` calls ``name``."""
        if not self._entries:
            return name
        found = self._known.get((caller, name))
        if found is None:
            found = self._known[caller, name] = self._mapped(caller, name)
        return found

    def _mapped(self, caller: Caller, name: str) -> str:
        for entry in self._entries:
            if entry.source in {"any", caller}:
                fields = taken_apart(entry.match, name)
                if fields is not None:
                    return put_together(entry.worker, fields)
        return name


class Holder(msgspec.Struct, frozen=True):
    """Everything that is known under the names of one worker. ``workers``: one for each source that tells of it."""

    name: str
    workers: tuple[Worker, ...]
    proxies: tuple[Proxy, ...]
    """Those that it holds without a task."""
    locks: tuple[Lock, ...]
    links: tuple[Link, ...]
    """Its connections to RabbitMQ."""

    @property
    def twins(self) -> tuple[str, ...]:
        """Sources of one system that each tell of a worker of that name: they may be two."""
        systems: dict[str, set[str]] = {}
        for worker in self.workers:
            systems.setdefault(worker.source.partition(":")[0], set()).add(worker.source)
        return tuple(sorted(source for whose in systems.values() if len(whose) > 1 for source in whose))


def holder(subjects: Subjects, context: Context, name: str) -> Holder:
    """Everything that is known of the worker that the board calls ``name``."""
    names = Names(context)
    workers, proxies, locks = subjects.workers, subjects.proxies, subjects.locks
    mine = tuple(worker for worker in workers.items if worker.whose == name) if workers else ()
    meant = {name, *(process for worker in mine if (process := processes(worker)))}
    return Holder(
        name,
        mine,
        tuple(p for p in proxies.items if p.worker_id and names.worker("crawler", p.worker_id) == name)
        if proxies
        else (),
        tuple(lock for lock in locks.items if lock.holder == name) if locks else (),
        tuple(
            link
            for link in (subjects.channels.items if subjects.channels else ())
            if not meant.isdisjoint(called(link, names))
        ),
    )


def called(link: Link, names: Names) -> Iterator[str]:
    """The workers that a connection may be of: by the name it gives itself, and by host and process."""
    for name in (link.connection.client, link.connection.process):
        if name:
            yield names.worker("rabbitmq", name)


def processes(worker: Worker) -> str:
    """``HOST:PID`` of a worker that tells both, as its connections do; else nothing.

    A Celery worker calls itself ``celery@web-1``.
    """
    host = worker.id.rpartition("@")[2]
    return f"{host}:{worker.pid}" if worker.pid and host else ""


def the_dead(workers: Iterable[Worker]) -> set[str]:
    """The dead by name: whoever any source has seen alive is not among them, whatever the others say."""
    dead: set[str] = set()
    other: set[str] = set()
    for worker in workers:
        (dead if worker.life == "dead" else other).add(worker.whose)
    return dead - other


def outlived(workers: list[Worker]) -> list[Worker]:
    """``workers`` with those alive whose endpoint alone hung up: another source sees them live."""
    living = {
        worker.whose: worker.source
        for worker in workers
        if worker.kind != "http" and worker.life in {"alive", "stalled"}
    }
    return [
        _alive(worker, living[worker.whose])
        if worker.kind == "http" and worker.life == "dead" and worker.whose in living
        else worker
        for worker in workers
    ]


def _alive(worker: Worker, source: str) -> Worker:
    note = f"its endpoint hung up, but it lives: {source} sees it"
    return msgspec.structs.replace(worker, life="alive", level=Level.WARNING, note=note)
