"""Celery's workers by their events: who beats, what each has in hand, which tasks ran. Nothing is sent to them."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections import OrderedDict
from typing import Any, Protocol

import msgspec

from unstick import clock
from unstick.backends.base import Connection
from unstick.config.values import seconds
from unstick.facts.celery_events import CeleryEventsFacts, CeleryNode, CeleryTask, ScheduledTask
from unstick.facts.reading import Source
from unstick.facts.text import clean
from unstick.pollers.values import number, whole
from unstick.settings import Celery

FIRST_LOOK_S = 2.2
"""Workers beat every two seconds: the first look of a subscription listens for so long."""
NODES_CAP = 500
TASKS_CAP = 100
RUNNING_CAP = 5000
FORGET_S = 3600.0
"""A worker that was not heard for so long is not told any more."""
FORGET_LEFT_S = 300.0
BEAT_S = 2.0
"""Celery's own default."""


class Listener(Connection, Protocol):
    """A subscription of whichever broker. ``sessions``: how often it began."""

    @property
    def sessions(self) -> int:
        """It began anew when this has changed."""

    async def heard(self) -> tuple[list[tuple[float, bytes]], int]:
        """Messages with their instants, and how many were dropped. Raises :class:`BackendError` on a dead link."""


class _Properties(msgspec.Struct, frozen=True):
    body_encoding: str | None = None


class _Event(msgspec.Struct):
    """The fields of an event that are read; none of a task's arguments or results is.

    ``body`` and ``properties`` are those of kombu's envelope, which wraps a message on Redis.
    """

    body: str | None = None
    properties: _Properties = _Properties()
    type: str = ""
    hostname: str = ""
    pid: Any = None
    freq: Any = None
    active: Any = None
    processed: Any = None
    loadavg: Any = None
    sw_ver: Any = None
    uuid: str = ""
    name: str = ""
    runtime: Any = None


class _Task:
    """What is known of the tasks of one name."""

    __slots__ = ("failed", "longest_s", "started_at", "succeeded")

    def __init__(self) -> None:
        self.started_at: float | None = None
        self.succeeded = self.failed = 0
        self.longest_s: float | None = None


class CeleryEventsPoller:
    """One broker."""

    def __init__(self, source: Source, settings: Celery) -> None:
        self.source = source
        self._settings = settings
        self._scheduled = {task: seconds(every) for task, every in settings.schedule.items()}
        self._since_at = 0.0
        self._session = 0
        self._nodes: dict[str, CeleryNode] = {}
        self._tasks: dict[str, _Task] = {}
        self._names: OrderedDict[str, str] = OrderedDict()
        """Tasks that were received, by id: later events do not say the name."""
        self._received = 0

    async def look(self, connection: Listener) -> CeleryEventsFacts:
        """Take in what was heard. Raises :class:`BackendError` when the subscription is dead."""
        if connection.sessions != self._session:
            self._session, self._since_at = connection.sessions, clock.now()
            await asyncio.sleep(FIRST_LOOK_S)
        messages, dropped = await connection.heard()
        for at, message in messages:
            for event in _events(message):
                self._received += 1
                self._take(at, event)
        now = clock.now()
        self._nodes = {name: node for name, node in self._nodes.items() if now - node.heard_at < _kept_s(node)}
        nodes = sorted(self._nodes.values(), key=lambda node: node.hostname)
        return CeleryEventsFacts(
            name=clean(self._settings.name),
            looked_at=now,
            since_at=self._since_at,
            nodes=tuple(nodes[:NODES_CAP]),
            node_count=len(nodes),
            tasks=tuple(_fact(name, task) for name, task in sorted(self._tasks.items())),
            scheduled=tuple(
                ScheduledTask(clean(name), every_s, self._tasks[name].started_at if name in self._tasks else None)
                for name, every_s in self._scheduled.items()
            ),
            received=self._received,
            dropped=dropped,
            hears_tasks=self._settings.events == "tasks",
        )

    def _take(self, at: float, event: _Event) -> None:
        host = clean(event.hostname, 128)
        known = self._nodes.get(host)
        if event.type.startswith("task-"):
            self._take_task(at, event)
            if known is not None and not known.left:
                self._nodes[host] = msgspec.structs.replace(known, heard_at=at)
        elif host and event.type in {"worker-online", "worker-heartbeat", "worker-offline"}:
            load = event.loadavg[0] if isinstance(event.loadavg, list) and event.loadavg else None
            self._nodes[host] = CeleryNode(
                hostname=host,
                heard_at=at,
                every_s=max(number(event.freq) or BEAT_S, 0.1),
                active=whole(event.active),
                processed=whole(event.processed),
                pid=whole(event.pid),
                load_1=number(load),
                version=clean(event.sw_ver, 32) if isinstance(event.sw_ver, str) else None,
                left=event.type == "worker-offline",
            )

    def _take_task(self, at: float, event: _Event) -> None:
        if event.name:
            self._names[event.uuid] = event.name
            if len(self._names) > RUNNING_CAP:
                self._names.popitem(last=False)
        name = self._names.get(event.uuid)
        if name is None or (name not in self._tasks and len(self._tasks) >= TASKS_CAP + len(self._scheduled)):
            return
        task = self._tasks.setdefault(name, _Task())
        match event.type:
            case "task-started":
                task.started_at = at
            case "task-succeeded":
                task.succeeded += 1
                runtime = number(event.runtime)
                task.longest_s = runtime if task.longest_s is None else max(task.longest_s, runtime or 0.0)
                task.started_at = task.started_at or at
            case "task-failed":
                task.failed += 1
        if event.type in {"task-succeeded", "task-failed", "task-revoked", "task-rejected"}:
            self._names.pop(event.uuid, None)


def _events(message: bytes) -> list[_Event]:
    """The events of one message: kombu's envelope is opened, ``task.multi`` holds a list. What is none is none."""
    try:
        told = msgspec.json.decode(message, type=_Event | list[_Event])
        if isinstance(told, _Event) and told.body is not None:
            packed = told.properties.body_encoding == "base64"
            body = base64.b64decode(told.body) if packed else told.body.encode()
            told = msgspec.json.decode(body, type=_Event | list[_Event])
        return told if isinstance(told, list) else [told]
    except (msgspec.MsgspecError, binascii.Error, ValueError, RecursionError):
        return []


def _kept_s(node: CeleryNode) -> float:
    return FORGET_LEFT_S if node.left else FORGET_S


def _fact(name: str, task: _Task) -> CeleryTask:
    return CeleryTask(clean(name, 200), task.started_at, task.succeeded, task.failed, task.longest_s)
