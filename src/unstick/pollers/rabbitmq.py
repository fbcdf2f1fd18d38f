"""RabbitMQ by its management API: connections, queues, churn and alarms, within a small budget of the broker's time.

Never ``/api/channels`` (0.9 s of broker CPU at 5,000 channels), never ``/api/aliveness-test`` (it publishes).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from unstick import settings
from unstick.backends.base import BackendError, failure
from unstick.backends.http import Answer, HttpConnection, check
from unstick.facts.rabbitmq import RabbitConnection, RabbitFacts, RabbitQueue
from unstick.facts.reading import Source, TroubleKind
from unstick.facts.text import clean
from unstick.pollers.queue_owners import Owner, Owners, configured, internal, owner_of
from unstick.pollers.rabbit_reply import (
    Odd,
    Overview,
    Queue,
    Who,
    alarm_facts,
    connection_facts,
    connections,
    queues,
    sees_everything,
)
from unstick.pollers.reply import decode
from unstick.pollers.values import text, whole

CONNECTIONS_LIMIT = 500
QUEUES_LIMIT = 1000
LIST_LIMIT = 10_000
"""Above this many queues only the deepest are listed, and those that the configuration names."""
PAGE = 500
"""The largest page of the API."""
CONSUMERS_OF = 50
CONSUMERS_PER_LOOK = 10
RIGHTS_EVERY_LOOKS = 12

_CONNECTION_COLUMNS = (
    "name,user_provided_name,connected_at,client_properties,user,vhost,peer_host,peer_port,"
    "channels,channel_max,timeout,state"
)
_CONNECTIONS = (
    f"/api/connections?columns={_CONNECTION_COLUMNS}"
    f"&sort=channels&sort_reverse=true&page=1&page_size={CONNECTIONS_LIMIT}"
)
_TOTALS = (
    "disable_stats=true&enable_queue_totals=true"
    "&columns=vhost,name,state,messages_ready,messages_unacknowledged,consumers"
)
_DEEPEST = "&sort=messages&sort_reverse=true&page={page}&page_size=500"
_REGEX_CHARACTERS = 1500
_SERVICE = r"\.DQ|\.XQ"
_PATTERN_CHARACTERS = re.compile(r"([^\w\s-])")


class RabbitPoller:
    """One broker. ``owners`` says which job system uses which queue, where the configuration tells."""

    def __init__(self, source: Source, options: settings.RabbitMQ, owners: Owners) -> None:
        self.source = source
        self._options = options
        self._owners = owners
        self._consumers: dict[tuple[str, str], int | None] = {}
        self._turn = 0
        self._looks = 0
        self._sees_everything = False

    async def look(self, connection: HttpConnection) -> RabbitFacts:
        """Ask once: four requests, and at most ten for the consumers of single queues."""
        overview = decode((await self._get(connection, "/api/overview")).body, Overview)
        if self._looks % RIGHTS_EVERY_LOOKS == 0:
            self._sees_everything = sees_everything(decode((await self._get(connection, "/api/whoami")).body, Who))
        self._looks += 1
        statistics_off = overview.disable_stats is True
        sees_connections = self._sees_everything and not statistics_off
        alarms = alarm_facts(await connection.get("/api/health/checks/alarms"))
        listed = await self._queues(connection, overview)
        if listed and not statistics_off:
            await self._ask_consumers(connection, listed)
        totals = overview.totals
        return RabbitFacts(
            via="management",
            name=text(overview.cluster_name) or clean(self.source.server),
            version=text(overview.rabbitmq_version) or text(overview.management_version),
            connections=await self._connections(connection, overview) if sees_connections else None,
            connection_count=whole(totals.connections) if sees_connections else None,
            channel_count=whole(totals.channels) if sees_connections else None,
            queues=None if listed is None else self._queue_facts(listed),
            queue_count=None if listed is None else self._queue_count(overview, listed),
            churn=overview.churn,
            alarms=alarms or (),
            alarms_known=alarms is not None,
            statistics_off=statistics_off,
        )

    async def _get(self, connection: HttpConnection, path: str) -> Answer:
        answer = await connection.get(path)
        if answer.status == 401 and b"Not management user" in answer.body:
            words = "401 not a management user; needs: rabbitmqctl set_user_tags USER monitoring"
            raise failure(TroubleKind.DENIED, words, transport=True)
        if answer.status == 401 and b"authorised" in answer.body:  # a refused login is spelled "not_authorized"
            words = f"401 no rights for {path.partition('?')[0]}; needs: rabbitmqctl set_permissions"
            raise failure(TroubleKind.DENIED, words)
        return check(answer)

    async def _connections(
        self, connection: HttpConnection, overview: Overview
    ) -> tuple[RabbitConnection, ...] | None:
        answer = await self._get(connection, _CONNECTIONS)
        items = connections(answer.body)
        if not items and whole(overview.totals.connections) != 0:
            return None
        return connection_facts(items, CONNECTIONS_LIMIT, answer.date_at)

    async def _queues(self, connection: HttpConnection, overview: Overview) -> list[Queue] | None:
        """All queues that this user may see; ``None`` when an empty list may be a refusal."""
        total = whole(overview.totals.queues)
        found: list[Queue] = []
        for place in [f"/{quote(vhost, safe='')}" for vhost in self._options.vhosts] or [""]:
            base = f"/api/queues{place}?{_TOTALS}"
            for tail in self._tails() if (total or 0) > LIST_LIMIT else [""]:
                found += queues((await self._get(connection, base + tail)).body)
        if found or self._options.vhosts:
            return found
        if total == 0 and decode((await self._get(connection, "/api/vhosts?columns=name")).body, list[Any]):
            return []
        return None

    def _tails(self) -> list[str]:
        """The pages of a list that is too long to fetch: the deepest queues, then those that were named."""
        tails = [_DEEPEST.format(page=page) for page in range(1, QUEUES_LIMIT // PAGE + 1)]
        names = sorted({name for _, name in self._owners} | set(self._options.queues))
        pattern = ""
        for name in [*names, None]:
            if pattern and (name is None or len(pattern) > _REGEX_CHARACTERS):
                wanted = quote(f"^({pattern})({_SERVICE})?$", safe="")
                tails.append(f"&use_regex=true&name={wanted}&page=1&page_size={PAGE}")
                pattern = ""
            if name is not None:
                pattern += ("|" if pattern else "") + _PATTERN_CHARACTERS.sub(r"\\\1", name)
        return tails

    def _queue_facts(self, listed: Sequence[Queue]) -> tuple[RabbitQueue, ...]:
        """Named queues first, then those of a job system, then the deepest; all the named ones, whatever the cap."""
        existing = {(q.vhost, q.name): q for q in listed if not internal(q.name)}
        owners = {key: owner_of(*key, self._owners, existing) for key in existing}
        ranked = [(not self._named(q), owners[key] is None, -q.depth, q, owners[key]) for key, q in existing.items()]
        ranked.sort(key=lambda row: row[:3])
        limit = max(QUEUES_LIMIT, sum(not row[0] for row in ranked))
        return tuple(self._fact(q, owner) for *_, q, owner in ranked[:limit])

    def _fact(self, q: Queue, owner: Owner | None) -> RabbitQueue:
        consumers = whole(q.consumers)
        return RabbitQueue(
            vhost=clean(q.vhost),
            name=clean(q.name),
            ready=whole(q.messages_ready),
            unacked=whole(q.messages_unacknowledged),
            consumers=self._consumers.get((q.vhost, q.name)) if consumers is None else consumers,
            state=text(q.state),
            owner=owner,
        )

    def _queue_count(self, overview: Overview, listed: Sequence[Queue]) -> int | None:
        """Queues that people use: those that Celery keeps for itself are not counted."""
        total = len(listed) if self._options.vhosts else whole(overview.totals.queues)
        return None if total is None else max(0, total - sum(internal(q.name) for q in listed))

    def _named(self, q: Queue) -> bool:
        return q.name in self._options.queues or configured(q.vhost, q.name, self._owners) is not None

    async def _ask_consumers(self, connection: HttpConnection, listed: Sequence[Queue]) -> None:
        """Totals come without consumers: ask for those of some queues in each look, in turn."""
        wanted = [q for q in listed if whole(q.consumers) is None and not internal(q.name)]
        wanted = [q for q in wanted if whole(q.messages_ready) or self._named(q)]
        wanted.sort(key=lambda q: (not self._named(q), -q.depth))
        keys = [(q.vhost, q.name) for q in wanted[:CONSUMERS_OF]]
        self._consumers = {key: self._consumers.get(key) for key in keys}
        first = self._turn % len(keys) if keys else 0
        self._turn = first + CONSUMERS_PER_LOOK
        for vhost, name in (keys[first:] + keys[:first])[:CONSUMERS_PER_LOOK]:
            path = f"/api/queues/{quote(vhost, safe='')}/{quote(name, safe='')}?columns=consumers"
            self._consumers[vhost, name] = await self._consumers_at(connection, path)

    async def _consumers_at(self, connection: HttpConnection, path: str) -> int | None:
        try:
            found = decode(check(await connection.get(path)).body, Queue | list[Odd])  # type: ignore[arg-type]
        except BackendError as error:
            if error.transport and error.trouble.kind is not TroubleKind.AUTH:
                raise
            return None
        return whole(found.consumers) if isinstance(found, Queue) else None
