"""An automation worker: five endpoints, each asked only while its rate limit has room."""

from __future__ import annotations

import asyncio
from typing import Any

from unstick import clock
from unstick.backends.base import BackendError
from unstick.backends.http import SOCKETS, Answer, HttpConnection, check
from unstick.facts.automation import AutomationFacts
from unstick.facts.reading import Source
from unstick.facts.text import clean
from unstick.pollers import automation_reply as reply
from unstick.pollers.allowance import Limits
from unstick.pollers.reply import decode, raise_if_none_answered
from unstick.pollers.values import flag, path_of, text, whole
from unstick.settings import Automation

ENDPOINTS = ("health/simple", "health", "status", "metrics")
"""Locks are the lock pane's: :mod:`unstick.pollers.lock_endpoints` asks for them on the same connection."""
LOOK_S = 3.5
"""All requests of one look together; less than the deadline of a lane."""
KEPT_LOOKS = 3
"""A part that is spared counts for so many intervals, then it is unknown."""
WORD = 64
MEGABYTE = 2.0**20


class AutomationPoller:
    """One worker. ``name`` is what it is called until it says its id."""

    def __init__(self, source: Source, entry: Automation, name: str, address: str) -> None:
        self.source = source
        self._entry = entry
        self._name = clean(name)
        self._address = clean(address)
        self._limits = Limits()
        self._kept: dict[str, tuple[float, Any]] = {}

    async def look(self, connection: HttpConnection) -> AutomationFacts:
        """Ask what may be asked; raises when nothing answers."""
        said = await self._ask(connection)
        raise_if_none_answered(said)
        documents: dict[str, Any] = {}
        partial = []
        for endpoint, answer in said.items():
            try:
                if isinstance(answer, BackendError):
                    raise answer
                documents[endpoint] = decode(answer.body, object)
                self._kept[endpoint] = clock.monotonic(), documents[endpoint]
            except BackendError as error:
                partial.append(f"{endpoint}: {error.trouble.text}")
                if self._limits.quiet(endpoint):
                    documents[endpoint] = self._recent(endpoint)
        well = {endpoint: _well(said[endpoint], documents.get(endpoint)) for endpoint in ENDPOINTS[:2]}
        return self._facts(documents, well, tuple(partial))

    def _recent(self, endpoint: str) -> Any:
        """What a spared endpoint said, while that is young enough to count."""
        at, document = self._kept.get(endpoint, (float("-inf"), None))
        return document if clock.monotonic() - at <= KEPT_LOOKS * self.source.interval_s else None

    async def _ask(self, connection: HttpConnection) -> dict[str, Answer | BackendError]:
        """Two at a time; a 503 is an answer too."""
        said: dict[str, Answer | BackendError] = {}
        waiting = list(reversed(ENDPOINTS))
        until = clock.monotonic() + LOOK_S

        async def one_after_the_other() -> None:
            while waiting:
                endpoint = waiting.pop()
                quiet = self._limits.quiet(endpoint)
                try:
                    if quiet is not None:
                        raise quiet
                    path = f"{self._entry.prefix.rstrip('/')}/{endpoint}"
                    answer = await connection.get(path, total_s=max(until - clock.monotonic(), 0.1))
                    self._limits.note(endpoint, answer)
                    said[endpoint] = answer if answer.status == 503 else check(answer)
                except BackendError as error:
                    said[endpoint] = error

        await asyncio.gather(*(one_after_the_other() for _ in range(SOCKETS)))
        return {endpoint: said[endpoint] for endpoint in ENDPOINTS}

    def _facts(
        self, documents: dict[str, Any], well: dict[str, bool | None], partial: tuple[str, ...]
    ) -> AutomationFacts:
        health, status, metrics = (documents.get(endpoint) for endpoint in ENDPOINTS[1:])
        entry, usage, gauges = self._entry, path_of(status, "resource_usage"), path_of(metrics, "gauges")
        limit = reply.megabytes(usage, "memory_limit_mb")
        if limit is None and entry.memory_limit_mb is not None:
            limit = entry.memory_limit_mb * MEGABYTE
        return AutomationFacts(
            worker=text(path_of(status, "worker_id"), WORD) or text(path_of(health, "worker_id"), WORD) or self._name,
            address=self._address,
            looked_at=clock.now(),
            alive=well["health/simple"],
            healthy=well["health"],
            status=text(path_of(status, "status"), WORD) or text(path_of(health, "status"), WORD),
            failing=reply.failing(health),
            uptime_s=reply.first(reply.seconds(status, "uptime_seconds"), reply.seconds(status, "uptime")),
            memory_bytes=reply.first(
                reply.megabytes(usage, "memory_mb"),
                reply.megabytes(usage, "memory_usage_mb"),
                reply.megabytes(gauges, "memory_usage_mb"),
            ),
            memory_limit_bytes=limit,
            cpu_percent=reply.first(reply.seconds(usage, "cpu_percent"), reply.seconds(gauges, "cpu_usage_percent")),
            active=reply.first(whole(path_of(status, "active_tasks")), whole(path_of(gauges, "active_tasks"))),
            max_active=reply.first(whole(path_of(status, "max_concurrent_tasks")), entry.max_tasks),
            started=whole(path_of(metrics, "counters.tasks_started_total")),
            completed=whole(path_of(metrics, "counters.tasks_completed_total")),
            pools=reply.pools(path_of(metrics, "database_pools")),
            breakers=reply.breakers(reply.first(path_of(status, "circuit_breakers"), path_of(metrics, "breakers"))),
            timings=reply.timings(metrics),
            allowances=self._limits.allowances(),
            partial=partial,
        )


def _well(answer: Answer | BackendError, document: Any) -> bool | None:
    """What the body says, else the status; an endpoint that is spared says what it said lately."""
    said = flag(document)
    if said is None and isinstance(answer, Answer):
        return answer.status < 300
    return said
