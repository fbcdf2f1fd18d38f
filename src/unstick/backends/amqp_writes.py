"""The other door to RabbitMQ: one message, published once and confirmed. Only actions open it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import aio_pika
from aio_pika import exceptions as amqp_errors
from aiormq import abc as aiormq_types

from unstick.backends.amqp import AmqpConnection
from unstick.backends.base import BackendError, UnsureError, failure
from unstick.facts.reading import TroubleKind

CONFIRM_S = 10.0
"""A broker in an alarm lets publishers wait for ever."""


class AmqpPublisher(AmqpConnection):
    """A connection of its own: in an alarm the broker stops reading from whoever has published."""

    async def publish(
        self, queue: str, body: bytes, *, headers: Mapping[str, Any], correlation_id: str, expires_s: float
    ) -> None:
        """Put a JSON message into ``queue``, which drops it when nobody takes it for ``expires_s``.

        Raises :class:`BackendError` when it is not in the queue, :class:`UnsureError` when nobody can tell.
        """
        await self.open()
        message = aio_pika.Message(
            body,
            content_type="application/json",
            content_encoding="utf-8",
            headers=dict(headers),
            correlation_id=correlation_id,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            expiration=expires_s,
        )
        channel = await self._within(self._confirming())
        try:
            async with asyncio.timeout(CONFIRM_S):
                said = await channel.default_exchange.publish(message, routing_key=queue, mandatory=True)
        except amqp_errors.DeliveryError:
            raise failure(TroubleKind.OVERLOAD, f"the broker did not take the message for {queue}") from None
        except TimeoutError:
            text = f"no confirmation within {CONFIRM_S:g} s; is the broker in an alarm?"
            raise self._unsure(failure(TroubleKind.TIMEOUT, text, transport=True)) from None
        except Exception as error:  # noqa: BLE001 - aio-pika, aiormq, pamqp share no base
            raise self._unsure(self._mapped(error)) from None
        if isinstance(said, aiormq_types.DeliveredMessage):
            raise failure(TroubleKind.ABSENT, f"no queue {queue} on this broker")

    async def _confirming(self) -> aio_pika.abc.AbstractChannel:
        if self._connection is None:
            raise failure(TroubleKind.CLOSED, "connection was given up", transport=True)
        return await self._connection.channel(publisher_confirms=True)

    def _unsure(self, error: BackendError) -> UnsureError:
        self.abort()
        return UnsureError(error.trouble, transport=True)
