"""The management API's answers as facts: pure. Only the fields that are used are decoded.

Values are of any type until they are looked at: clients choose their own properties, protocols other than AMQP leave
fields out, and an empty Erlang property list arrives as ``[]`` where an object belongs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from unstick.backends.http import Answer
from unstick.facts.rabbitmq import RabbitChurn, RabbitConnection
from unstick.facts.text import clean
from unstick.pollers.reply import decode
from unstick.pollers.values import instant, number, text, whole

Odd = list[Any] | str | int | float | bool | None
"""What may stand in a list where an object belongs."""

ALARMS_LIMIT = 20
NO_FIGURES_S = 10.0
"""Younger connections count 0 channels, however many they have: the broker's statistics need two rounds of 5 s."""
_SEES_EVERYTHING = frozenset({"administrator", "monitoring"})


class Totals(msgspec.Struct):
    """``object_totals``: of the whole broker, or of what a user without the ``monitoring`` tag may see."""

    connections: Any = None
    channels: Any = None
    queues: Any = None


class Churn(msgspec.Struct):
    """``churn_rates``: counters since the start of the node."""

    connection_created: Any = None
    connection_closed: Any = None
    channel_created: Any = None
    channel_closed: Any = None


class Overview(msgspec.Struct):
    """``/api/overview``."""

    cluster_name: Any = None
    rabbitmq_version: Any = None
    management_version: Any = None
    disable_stats: Any = None
    object_totals: Totals | list[Any] | None = None
    churn_rates: Churn | list[Any] | None = None

    @property
    def totals(self) -> Totals:
        """The totals, all unknown where there are none."""
        return self.object_totals if isinstance(self.object_totals, Totals) else Totals()

    @property
    def churn(self) -> RabbitChurn:
        """The churn counters; unknown where there are none."""
        found = self.churn_rates if isinstance(self.churn_rates, Churn) else Churn()
        return RabbitChurn(
            connections_opened=whole(found.connection_created),
            connections_closed=whole(found.connection_closed),
            channels_opened=whole(found.channel_created),
            channels_closed=whole(found.channel_closed),
        )


class Client(msgspec.Struct):
    """``client_properties``: what a client says of itself."""

    product: Any = None
    hostname: Any = None
    host: Any = None
    pid: Any = None

    @property
    def process(self) -> str | None:
        """``HOST:PID``; ``None`` where it does not say both."""
        host, pid = text(self.hostname) or text(self.host), whole(self.pid) or text(self.pid)
        return clean(f"{host}:{pid}", 200) if host and pid else None


class Connection(msgspec.Struct):
    """One item of ``/api/connections``."""

    name: Any = None
    user_provided_name: Any = None
    connected_at: Any = None
    client_properties: Client | list[Any] | str | int | float | None = None
    user: Any = None
    vhost: Any = None
    peer_host: Any = None
    peer_port: Any = None
    channels: Any = None
    channel_max: Any = None
    timeout: Any = None
    state: Any = None


class Queue(msgspec.Struct):
    """One item of ``/api/queues``."""

    vhost: Any = None
    name: Any = None
    state: Any = None
    messages_ready: Any = None
    messages_unacknowledged: Any = None
    consumers: Any = None

    @property
    def depth(self) -> int:
        """Ready and unacknowledged messages, for ranking only: 0 where unknown."""
        return (whole(self.messages_ready) or 0) + (whole(self.messages_unacknowledged) or 0)


class ConnectionPage(msgspec.Struct):
    """One page of ``/api/connections``."""

    items: list[Connection | Odd]


class QueuePage(msgspec.Struct):
    """One page of ``/api/queues``."""

    items: list[Queue | Odd]


_CONNECTIONS: Any = list[Connection | Odd] | ConnectionPage
_QUEUES: Any = list[Queue | Odd] | QueuePage


class Who(msgspec.Struct):
    """``/api/whoami``."""

    tags: Any = None


class Alarm(msgspec.Struct):
    """One alarm in effect."""

    resource: Any = None
    node: Any = None


class Alarms(msgspec.Struct):
    """``/api/health/checks/alarms``."""

    status: Any = None
    alarms: list[Alarm | list[Any] | None] | None = None


def connections(body: bytes) -> list[Connection]:
    """The connections of a list, or of one page of it; items that are no objects are left out."""
    found = decode(body, _CONNECTIONS)
    items = found.items if isinstance(found, ConnectionPage) else found
    return [item for item in items if isinstance(item, Connection)]


def queues(body: bytes) -> list[Queue]:
    """The queues of a list, or of one page of it, that have a name and a virtual host."""
    found = decode(body, _QUEUES)
    items = found.items if isinstance(found, QueuePage) else found
    return [q for q in items if isinstance(q, Queue) and isinstance(q.name, str) and isinstance(q.vhost, str)]


def connection_facts(
    items: Iterable[Connection], limit: int, server_at: float | None = None
) -> tuple[RabbitConnection, ...]:
    """At most ``limit`` connections, those with most channels first. ``server_at``: when the broker answered."""
    facts = [_connection(item, server_at) for item in items if isinstance(item.name, str)]
    facts.sort(key=lambda fact: (-(fact.channels or 0), fact.name))
    return tuple(facts[:limit])


def _connection(item: Connection, server_at: float | None) -> RabbitConnection:
    connected_at, channels = instant(item.connected_at), whole(item.channels)
    if channels == 0 and connected_at and server_at and server_at - connected_at < NO_FIGURES_S:
        channels = None
    host, port = text(item.peer_host), whole(item.peer_port)
    client = item.client_properties
    heartbeat = number(item.timeout)
    return RabbitConnection(
        name=clean(item.name),
        connected_at=connected_at,
        client=text(item.user_provided_name),
        product=text(client.product) if isinstance(client, Client) else None,
        user=text(item.user),
        vhost=text(item.vhost),
        peer=f"{host}:{port}" if host and port else host,
        channels=channels,
        channel_max=whole(item.channel_max),
        heartbeat_s=heartbeat if heartbeat is not None and heartbeat >= 0 else None,
        state=text(item.state),
        process=client.process if isinstance(client, Client) else None,
    )


def alarm_facts(answer: Answer) -> tuple[str, ...] | None:
    """The alarms in effect, for example ``memory on rabbit@a``; ``None`` when this user may not know them."""
    if answer.status not in {200, 503}:
        return None
    said = decode(answer.body, Alarms)
    if answer.status == 200 or said.alarms is None:
        return () if answer.status == 200 else None
    found = [alarm for alarm in said.alarms if isinstance(alarm, Alarm)][:ALARMS_LIMIT]
    return tuple(f"{text(alarm.resource) or 'alarm'} on {text(alarm.node) or 'a node'}" for alarm in found)


def sees_everything(who: Who) -> bool:
    """Whether the user may see what others do: a user without such a tag gets lists that only look complete."""
    tags = who.tags.split(",") if isinstance(who.tags, str) else who.tags
    return isinstance(tags, list) and any(isinstance(tag, str) and tag.strip() in _SEES_EVERYTHING for tag in tags)
