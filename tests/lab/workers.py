"""Real Dramatiq and Celery workers as child processes, with small private applications.

with DramatiqWorker(redis_url, queues=["default", "reports"]) as worker:
    worker.send("default", "sleep", 0.1)
    worker.pause(); worker.resume(); worker.kill()
"""

from __future__ import annotations

import contextlib
import itertools
import json
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.lab import celery_app, dramatiq_app
from tests.lab.processes import Child, TempDir, clean_env

CHECKOUT = Path(__file__).resolve().parents[2]
_numbers = itertools.count(1)


class Worker(ABC):
    """A worker process (with whatever processes it starts itself)."""

    kind: str
    ready_text: str

    def __init__(self, directory: Path | None = None) -> None:
        self._own_dir: TempDir | None = None
        if directory is None:
            self._own_dir = TempDir("worker")
            directory = self._own_dir.path
        self.log = directory / f"{self.kind}-{next(_numbers)}.log"
        self._child: Child | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """The arguments that follow the Python interpreter."""

    @abstractmethod
    def settings(self) -> dict[str, str]:
        """The environment variables of the application."""

    def ready(self, log: str) -> bool:
        """Whether the worker takes messages, by what it has logged since it was started."""
        return self.ready_text in log

    def start(self) -> None:
        """Starts the worker and returns when it takes messages."""
        offset = self.log.stat().st_size if self.log.exists() else 0
        self._child = Child(
            [sys.executable, *self.command()],
            log=self.log,
            env=clean_env(TMPDIR=str(self.log.parent), **self.settings()),
            cwd=CHECKOUT,
            name=self.kind,
        )
        self._child.wait_ready(lambda: self.ready(self.log.read_bytes()[offset:].decode(errors="replace")), 30)

    def stop(self, patience: float = 5) -> None:
        """Asks the worker to end, kills it when it does not, and removes the directory it made for itself."""
        if self._child is not None:
            self._child.end(signal.SIGTERM, patience)
            self._child = None
        if self._own_dir is not None:
            self._own_dir.remove()

    def kill(self) -> None:
        """SIGKILL for the worker with all its processes."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def pause(self) -> None:
        """SIGSTOP for all its processes."""
        self._running().send(signal.SIGSTOP, whole_family=True)

    def resume(self) -> None:
        """SIGCONT after :meth:`pause`."""
        self._running().send(signal.SIGCONT, whole_family=True)

    @property
    def alive(self) -> bool:
        """Whether the worker's main process lives."""
        return self._child is not None and self._child.alive

    @property
    def pids(self) -> list[int]:
        """Its processes, the main one first."""
        return [process.pid for process in self._running().family()]

    def _running(self) -> Child:
        if self._child is None:
            raise RuntimeError(f"{self.kind} does not run")
        return self._child

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(patience=1)


class DramatiqWorker(Worker):
    """A Dramatiq worker on Redis (``redis://…``) or RabbitMQ (``amqp://…``)."""

    kind = "dramatiq"
    ready_text = "Worker process is ready for action."

    def __init__(
        self,
        url: str,
        queues: Sequence[str] = ("default",),
        *,
        namespace: str = "dramatiq",
        processes: int = 1,
        threads: int = 2,
        only: Sequence[str] | None = None,
        directory: Path | None = None,
    ) -> None:
        super().__init__(directory)
        self.url = url
        self.queues = list(queues)
        self.namespace = namespace
        self.processes = processes
        self.threads = threads
        self.only = list(only or queues)

    def command(self) -> list[str]:
        counts = ["--processes", str(self.processes), "--threads", str(self.threads)]
        return ["-m", "dramatiq", "tests.lab.dramatiq_app:broker", *counts, "--queues", *self.only]

    def settings(self) -> dict[str, str]:
        return {
            dramatiq_app.BROKER_URL: self.url,
            dramatiq_app.NAMESPACE: self.namespace,
            dramatiq_app.QUEUES: ",".join(self.queues),
        }

    def ready(self, log: str) -> bool:
        return log.count(self.ready_text) >= self.processes

    def send(self, queue: str, actor: str, *args: object, delay_ms: int | None = None, count: int = 1) -> list[str]:
        """Enqueues messages for an actor (``sleep``, ``hang``, ``fail``, ``retry``); their ids.

        On Redis a Dramatiq producer enters itself among the heartbeats like a worker; this one leaves no such trace.
        """
        with self._producer() as broker:
            message = broker.get_actor(f"{actor}.{queue}").message(*args)
            # A message's id on the queue is its own; copies would otherwise share it.
            copies = [broker.get_actor(message.actor_name).message(*args) for _ in range(count)]
            return [broker.enqueue(copy, delay=delay_ms).message_id for copy in copies]

    @contextlib.contextmanager
    def _producer(self) -> Iterator[Any]:
        broker: Any = dramatiq_app.make_broker(self.url, self.namespace, self.queues)
        try:
            yield broker
            if self.url.startswith("redis"):
                broker.client.zrem(f"{self.namespace}:__heartbeats__", broker.broker_id)
        finally:
            broker.close()


class CeleryWorker(Worker):
    """A Celery worker on Redis or RabbitMQ.

    ``prefix`` is kombu's ``global_keyprefix``; ``priority_steps`` splits each Redis queue into one list per step.
    """

    kind = "celery"
    ready_text = " ready."

    def __init__(
        self,
        url: str,
        queues: Sequence[str] = ("default",),
        *,
        backend: str | None = None,
        prefix: str = "",
        priority_steps: Sequence[int] | None = None,
        concurrency: int = 1,
        pool: str = "prefork",
        name: str = "w1",
        events: bool = False,
        options: dict[str, Any] | None = None,
        directory: Path | None = None,
    ) -> None:
        super().__init__(directory)
        self.url = url
        self.backend = backend
        self.queues = list(queues)
        self.concurrency = concurrency
        self.pool = pool
        self.name = name
        self.events = events
        transport: dict[str, Any] = {}
        if prefix:
            transport["global_keyprefix"] = prefix
        if priority_steps is not None:
            transport |= {"priority_steps": list(priority_steps), "queue_order_strategy": "priority"}
        self.options: dict[str, Any] = {"broker_transport_options": transport} | (options or {})

    @property
    def hostname(self) -> str:
        """The worker's node name, as its heartbeats carry it."""
        return f"{self.name}@lab"

    def command(self) -> list[str]:
        return [
            *("-m", "celery", "-A", "tests.lab.celery_app", "worker", "--loglevel", "INFO", "-n", self.hostname),
            *("-Q", ",".join(self.queues), "--concurrency", str(self.concurrency), "--pool", self.pool),
            *("--without-gossip", "--without-mingle"),
            *(("-E",) if self.events else ()),
        ]

    def settings(self) -> dict[str, str]:
        settings = {"broker": self.url, "backend": self.backend, "options": self.options}
        return {celery_app.SETTINGS: json.dumps(settings)}

    def send(
        self, task: str, *args: object, queue: str | None = None, priority: int | None = None, count: int = 1
    ) -> list[str]:
        """Sends messages for a task (``add``, ``sleep``, ``hang``, ``fail``); their ids."""
        app = celery_app.make_app(self.url, self.backend, self.options)
        try:
            with app.connection_for_write() as connection:
                return [
                    app.send_task(
                        f"lab.{task}", args, queue=queue or self.queues[0], priority=priority, connection=connection
                    ).id
                    for _ in range(count)
                ]
        finally:
            app.close()


class CeleryBeat(Worker):
    """Celery's scheduler with a schedule of its own, kept by RedBeat in Redis or in a file.

    ``schedule`` is ``{name: (task, seconds)}``.
    """

    kind = "beat"
    ready_text = "beat: Starting..."

    def __init__(
        self,
        url: str,
        schedule: dict[str, tuple[str, float]],
        *,
        queue: str = "default",
        redbeat: bool = False,
        directory: Path | None = None,
    ) -> None:
        super().__init__(directory)
        self.url = url
        self.redbeat = redbeat
        entries = {
            name: {"task": f"lab.{task}", "schedule": every, "args": [1, 2], "options": {"queue": queue}}
            for name, (task, every) in schedule.items()
        }
        self.options = {"beat_schedule": entries, "redbeat_redis_url": url, "redbeat_lock_timeout": 20}

    def command(self) -> list[str]:
        scheduler = ("-S", "redbeat.RedBeatScheduler") if self.redbeat else ("-s", f"{self.log}.schedule")
        return [
            *("-m", "celery", "-A", "tests.lab.celery_app", "beat", "--loglevel", "INFO", "--pidfile="),
            *("--max-interval", "1", *scheduler),
        ]

    def settings(self) -> dict[str, str]:
        return {celery_app.SETTINGS: json.dumps({"broker": self.url, "backend": None, "options": self.options})}


def stop_all(workers: Iterable[Worker]) -> None:
    """Stops several workers, each even when another one's end failed."""
    with contextlib.ExitStack() as stack:
        for worker in workers:
            stack.callback(worker.stop)
