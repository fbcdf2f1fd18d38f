"""Events over AMQP, listening only: a queue of our own, exclusive and auto-deleted, on an exchange that is there.

The broker deletes the queue when the connection ends, however it ends. Messages are taken without acknowledgement,
and the queue holds a bounded number: a listener that is slow costs the broker nothing.
"""

from __future__ import annotations

import uuid
from typing import Any

import aio_pika
from aiormq import exceptions as channel_errors

from unstick.backends.amqp import AmqpConnection
from unstick.backends.base import failure
from unstick.backends.heard import Heard
from unstick.facts.reading import TroubleKind
from unstick.secret import Url

QUEUE_PREFIX = "celeryev.unstick."
"""Celery's own listeners are called ``celeryev.<uuid>``: whoever hides those hides this one."""
_LIMITS = {"x-max-length": 10_000, "x-max-length-bytes": 16 << 20, "x-message-ttl": 30_000, "x-expires": 60_000}


class AmqpEvents(AmqpConnection):
    """One queue on ``exchange``, bound with ``routing_key``."""

    def __init__(self, url: Url, *, exchange: str, routing_key: str, timeout_s: float = 2.0) -> None:
        super().__init__(url, timeout_s=timeout_s)
        self._exchange = exchange
        self._routing_key = routing_key
        self._heard = Heard()
        self._queue: aio_pika.abc.AbstractQueue | None = None
        self.sessions = 0
        """How often a subscription began."""

    async def open(self) -> None:
        """Connect and listen if that is not done. Raises :class:`BackendError`."""
        connection = self._connection
        if connection is not None and self._queue is not None and connection.connected.is_set():
            return
        self.abort()
        await self._within(self._connect())
        await self._within(self._listen())

    async def heard(self) -> tuple[list[tuple[float, bytes]], int]:
        """What came since the last call, with its instant, and how much was dropped in all. Raises on a dead link."""
        if self._queue is None:
            raise failure(TroubleKind.CLOSED, "not connected", transport=True)
        await self._within(self._declared(self._queue.name))
        return self._heard.take(), self._heard.dropped

    def abort(self) -> None:
        """Reset the socket at once; the broker deletes the queue."""
        self._queue = None
        super().abort()

    async def _listen(self) -> None:
        if self._connection is None:
            raise failure(TroubleKind.CLOSED, "connection was given up", transport=True)
        self._channel = channel = await self._connection.channel(publisher_confirms=False)
        try:
            exchange = await channel.get_exchange(self._exchange, ensure=True)
        except channel_errors.ChannelNotFoundEntity:
            words = f"no exchange {self._exchange}: no worker has sent an event here yet"
            raise failure(TroubleKind.ABSENT, words, transport=True) from None
        except channel_errors.ChannelAccessRefused:
            raise self._denied() from None
        try:
            queue = await channel.declare_queue(
                QUEUE_PREFIX + uuid.uuid4().hex, exclusive=True, auto_delete=True, arguments=dict[str, Any](_LIMITS)
            )
            await queue.bind(exchange, self._routing_key)
            await queue.consume(self._take, no_ack=True, exclusive=True)
        except channel_errors.ChannelAccessRefused:
            raise self._denied() from None
        self._queue = queue
        self.sessions += 1

    async def _take(self, message: aio_pika.abc.AbstractIncomingMessage) -> None:
        self._heard.add(message.body)

    def _denied(self) -> Exception:
        rights = r"'^celeryev\.unstick\.' '^celeryev\.unstick\.' '^celeryev'"
        words = f"may not listen to events; mend: rabbitmqctl set_permissions -p {self.vhost} USER {rights}"
        return failure(TroubleKind.DENIED, words, transport=True)
