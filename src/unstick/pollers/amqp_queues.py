"""RabbitMQ by AMQP alone: ready messages and consumers of the queues that were named. Nothing else can be known."""

from __future__ import annotations

from collections.abc import Sequence

from unstick.backends.amqp import AmqpConnection
from unstick.backends.base import BackendError
from unstick.facts.rabbitmq import RabbitFacts, RabbitQueue
from unstick.facts.reading import Source
from unstick.facts.text import clean
from unstick.pollers.queue_owners import Owners, owner_of

QUEUES_LIMIT = 500


class AmqpQueuePoller:
    """The named queues of one virtual host, at most :data:`QUEUES_LIMIT` of them."""

    def __init__(self, source: Source, queues: Sequence[str], owners: Owners) -> None:
        self.source = source
        self._queues = tuple(dict.fromkeys(queues))[:QUEUES_LIMIT]
        self._owners = owners

    async def look(self, connection: AmqpConnection) -> RabbitFacts:
        """One passive declare per queue; a queue that cannot be asked for keeps its place, with the reason."""
        await connection.open()
        existing = {(connection.vhost, name) for name in self._queues}
        rows = []
        for name in self._queues:
            row = await _row(connection, name)
            owner = owner_of(connection.vhost, name, self._owners, existing)
            rows.append(RabbitQueue(clean(connection.vhost), clean(name), *row, owner=owner, absent=row == _ABSENT))
        return RabbitFacts(
            via="amqp",
            name=clean(connection.address),
            version=None,
            connections=None,
            connection_count=None,
            channel_count=None,
            queues=tuple(rows),
            queue_count=None,
            alarms_known=False,
        )


Row = tuple[int | None, int | None, int | None, str | None]
"""Ready, unacknowledged (never known), consumers, and why nothing is known."""

_ABSENT: Row = (None, None, None, None)


async def _row(connection: AmqpConnection, name: str) -> Row:
    try:
        depth = await connection.depth(name)
    except BackendError as error:
        if error.transport:
            raise
        return None, None, None, error.trouble.text
    return _ABSENT if depth is None else (depth[0], None, depth[1], None)
