"""The ways to start a balance sync: a POST to its service, or its Celery task by name on Redis or RabbitMQ.

Each is sent once. What came of it is seen by its effect, elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from unstick.actions import celery_message
from unstick.actions.deed import RefusedError
from unstick.backends.amqp_writes import AmqpPublisher
from unstick.backends.base import UnsureError, failure
from unstick.backends.http import Answer, retry_after_s
from unstick.backends.http_writes import HttpSender
from unstick.backends.redis_writes import PUSH_UNLESS, RedisWriter
from unstick.facts.actions import Server
from unstick.facts.reading import TroubleKind
from unstick.facts.text import clean
from unstick.facts.units import duration
from unstick.pollers.redis_round import RoundTrip
from unstick.secret import Url
from unstick.settings import Celery, Sync

SEND_S = 10.0
WAITING_CAP = 1000
"""Messages of one list that are looked through; more of them hide the task."""


class Ways(msgspec.Struct, frozen=True):
    """What a way shows before it is taken. ``busy``: why a sync must not be started this way now."""

    server: Server
    evidence: tuple[str, ...] = ()
    busy: str | None = None


class Way(Protocol):
    """One way to start a sync."""

    async def look(self) -> Ways:
        """What stands in the way. Raises :class:`~unstick.backends.base.BackendError`."""

    async def send(self, name: str) -> str:
        """Send it once, called ``name``; what was said, in words.

        Raises :class:`RefusedError` when it was refused, :class:`UnsureError` when nobody can tell, and
        :class:`~unstick.backends.base.BackendError` when it was not sent.
        """

    async def close(self) -> None:
        """Part from the server."""


class ByPost:
    """``POST /sync-management/force-sync``."""

    def __init__(self, url: Url, settings: Sync) -> None:
        self._connection = HttpSender(url, total_s=SEND_S, cap=64 << 10)
        self._address = clean(url.address)
        self._path = settings.prefix.rstrip("/") + settings.force_path

    async def look(self) -> Ways:
        """Its own status tells what there is to know."""
        return Ways(Server("HTTP", self._address, "", self._address), (f"POST {self._path}",))

    async def send(self, name: str) -> str:
        """One POST; an answer that says neither yes nor no leaves it open."""
        answer = await self._connection.send("POST", self._path, headers={"idempotency-key": name})
        words = f"{answer.status}{_said(answer)}"
        if 200 <= answer.status < 300:
            return f"accepted ({words})"
        if answer.status >= 500:
            raise UnsureError(failure(TroubleKind.PROTOCOL, f"the service said {words}").trouble, transport=False)
        after = f"; try again in {duration(retry_after_s(answer))}" if answer.status == 429 else ""
        raise RefusedError(clean(f"the service refused: {words}{after}"))

    async def close(self) -> None:
        """Part from the service."""
        await self._connection.close()


class ByRedis:
    """The task's message in a list of Redis, unless one waits there already."""

    def __init__(self, url: Url, broker: Celery, settings: Sync, task: str, origin: str) -> None:
        self._connection = RedisWriter(url, setting="actions.broker_url")
        self._address = clean(url.address)
        self._broker = broker
        self._settings = settings
        self._task = task
        self._origin = origin

    async def look(self) -> Ways:
        """How many messages wait, and whether the task is among them or with a worker."""
        await self._connection.open()
        broker, queue = self._broker, self._settings.task_queue
        steps = [broker.key_prefix + _list_name(broker, queue, step) for step in sorted({0, *broker.priority_steps})]
        unacked = broker.key_prefix + broker.unacked_key
        trip = RoundTrip()
        info = trip.ask("INFO", "server")
        waiting = [trip.ask("LRANGE", key, 0, WAITING_CAP - 1) for key in steps]
        running = trip.ask("HSCAN", unacked, 0, "COUNT", WAITING_CAP)
        held = trip.ask("HLEN", unacked)
        await trip.go(self._connection)
        messages = [one for answer in waiting for one in answer.sure().items or []]
        scanned = running.sure().items or []
        taken = list(scanned[1]) if len(scanned) == 2 and isinstance(scanned[1], list) else []
        busy = None
        if self._among(messages):
            busy = f"{self._task} waits in {queue} already"
        elif self._among(taken):
            busy = f"{self._task} is with a worker: it runs"
        elif max(len(messages), held.sure().count or 0) >= WAITING_CAP:
            busy = f"too many messages in {queue} to tell whether it is among them"
        evidence = (f"task {self._task} to queue {queue}", f"{len(messages)} wait there")
        server = Server("Redis", self._address, clean(self._connection.user), _run_id(info.sure().text))
        return Ways(server, tuple(map(clean, evidence)), None if busy is None else clean(busy))

    async def send(self, name: str) -> str:
        """Push it, unless one waits by now: both in one step."""
        await self._connection.open()
        trip = RoundTrip()
        time = trip.ask("TIME")
        await trip.go(self._connection)
        expires = datetime.fromtimestamp(time.server_at + celery_message.EXPIRES_S, UTC).isoformat()
        arguments = self._settings.task_args
        known = celery_message.headers(self._task, name, arguments, origin=self._origin, expires=expires)
        queue = self._settings.task_queue
        message = celery_message.for_redis(known, celery_message.body(arguments), queue)
        key = self._broker.key_prefix + queue
        if not await self._connection.run(PUSH_UNLESS, key, json.dumps(self._task), message):
            raise RefusedError(clean(f"{self._task} waits in {queue} already"))
        return f"sent as task {name}"

    async def close(self) -> None:
        """Part from the broker."""
        await self._connection.close()

    def _among(self, messages: Sequence[object]) -> bool:
        name = json.dumps(self._task).encode()
        quoted = json.dumps(json.dumps(self._task))[1:-1].encode()
        return any(isinstance(one, bytes) and (name in one or quoted in one) for one in messages)


class ByAmqp:
    """The task's message in a queue of RabbitMQ, which must be there and empty: it can't be looked into."""

    def __init__(self, url: Url, settings: Sync, task: str, origin: str) -> None:
        self._url = url
        self._connection = AmqpPublisher(url)
        self._address = clean(url.address)
        self._settings = settings
        self._task = task
        self._origin = origin

    async def look(self) -> Ways:
        """Depth and consumers of the queue."""
        queue = self._settings.task_queue
        await self._connection.open()
        depth = await self._connection.depth(queue)
        busy = None
        if depth is None:
            busy = f"no queue {queue} on this broker"
        elif depth[0]:
            busy = f"{depth[0]} messages wait in {queue}: the task may be among them"
        elif not depth[1]:
            busy = f"nobody consumes {queue}"
        consumers = f"{depth[1]} consumers" if depth else "no consumers"
        evidence = (f"task {self._task} to queue {queue}", consumers)
        server = Server("RabbitMQ", self._address, "", self._address)
        return Ways(server, tuple(map(clean, evidence)), None if busy is None else clean(busy))

    async def send(self, name: str) -> str:
        """Publish it and wait for the broker's confirmation."""
        arguments = self._settings.task_args
        known = celery_message.headers(self._task, name, arguments, origin=self._origin, expires=None)
        await self._connection.publish(
            self._settings.task_queue,
            celery_message.body(arguments),
            headers=known,
            correlation_id=name,
            expires_s=celery_message.EXPIRES_S,
        )
        return f"sent as task {name}, confirmed"

    async def close(self) -> None:
        """Part from the broker."""
        await self._connection.close()


def _list_name(broker: Celery, queue: str, step: int) -> str:
    """Step 0 has the name of the queue itself."""
    return f"{queue}{broker.separator}{step}" if step else queue


def _run_id(text: bytes | None) -> str:
    for line in (text or b"").decode("utf-8", "replace").splitlines():
        if line.startswith("run_id:"):
            return clean(line.partition(":")[2].strip())
    return ""


def _said(answer: Answer) -> str:
    """The first words of a body."""
    text = answer.body[:400].decode("utf-8", "replace").strip()
    return f": {clean(' '.join(text.split()), 120)}" if text else ""
