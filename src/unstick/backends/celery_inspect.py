"""One look at one Celery worker, by remote control: only when somebody asks for it, never by itself.

The question goes to the worker that is named; it writes to the broker for a moment and takes away what it wrote.
On Redis a binding and a list for the reply, on RabbitMQ an exclusive queue, which ends with its connection.
"""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from collections.abc import Callable
from typing import Any, Final

import aio_pika
import msgspec

from unstick import clock
from unstick.backends.amqp import AmqpConnection
from unstick.backends.amqp_events import QUEUE_PREFIX
from unstick.backends.base import BackendError, failure
from unstick.backends.redis import Command, RedisConnection
from unstick.facts.reading import TroubleKind
from unstick.secret import Url

TIMEOUT_S = 1.0
METHODS = ("stats", "active")
_BOX, _REPLIES = "celery.pidbox", "reply.celery.pidbox"
_BINDING: Final = f"_kombu.binding.{_REPLIES}"
_SEPARATOR: Final = "\x06\x16"


async def inspect(url: Url, hostname: str, *, prefix: str = "") -> dict[str, Any]:
    """What the worker ``hostname`` says of ``stats`` and ``active``, as it says it.

    Raises :class:`BackendError`, kind ``TIMEOUT`` when it does not answer within a second: its main process hangs.
    """
    connection: RedisControl | AmqpControl
    redis = url.scheme in {"redis", "rediss", "unix"}
    connection = RedisControl(url, prefix) if redis else AmqpControl(url)
    try:
        await connection.open()
        return {method: await connection.call(method, hostname) for method in METHODS}
    except BaseException:
        connection.abort()
        raise
    finally:
        await connection.close()


def _question(method: str, hostname: str, reply_to: dict[str, str]) -> dict[str, Any]:
    return {
        "method": method,
        "arguments": {},
        "destination": [hostname],
        "pattern": None,
        "matcher": None,
        "ticket": str(uuid.uuid4()),
        "reply_to": reply_to,
    }


def _silent(hostname: str) -> BackendError:
    return failure(TroubleKind.TIMEOUT, f"{hostname} does not answer within {TIMEOUT_S:g} s")


class RedisControl(RedisConnection):
    """Remote control over Redis: five commands, each on the keys of one question alone."""

    def __init__(self, url: Url, prefix: str) -> None:
        super().__init__(url, setting="celery.url")
        self._prefix = prefix
        self._channel = f"{prefix}/{url.redis_database}.{_BOX}"

    async def call(self, method: str, hostname: str) -> Any:
        """The answer of one worker. Raises :class:`BackendError`."""
        own = str(uuid.uuid4())
        binding, replies = self._prefix + _BINDING, f"{self._prefix}{own}.{_REPLIES}"
        member = _SEPARATOR.join((own, "", f"{own}.{_REPLIES}"))
        body = json.dumps(_question(method, hostname, {"exchange": _REPLIES, "routing_key": own})).encode()
        envelope = {
            "body": base64.b64encode(body).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {"clock": 1, "expires": clock.now() + TIMEOUT_S},
            "properties": {
                "delivery_mode": 1,
                "delivery_info": {"exchange": _BOX, "routing_key": ""},
                "priority": 0,
                "body_encoding": "base64",
                "delivery_tag": str(uuid.uuid4()),
            },
        }
        try:
            await self._send(("SADD", binding, member), ("PUBLISH", self._channel, json.dumps(envelope)))
            (reply,) = await self._send(("BRPOP", replies, TIMEOUT_S))
        finally:
            await self._send(("SREM", binding, member), ("DEL", replies))
        if not isinstance(reply, list) or not isinstance(reply[-1], bytes):
            raise _silent(hostname)
        wrapped = msgspec.json.decode(reply[-1])
        return _of(base64.b64decode(wrapped["body"]), hostname)

    async def _send(self, *commands: Command) -> list[object]:
        """The one place that sends commands which write. Raises a refusal."""
        wire = self._wire
        if wire is None:
            raise failure(TroubleKind.CLOSED, "not connected", transport=True)
        with self._breaking():
            await wire.send_packed_command(wire.pack_commands(commands))
            replies = [await self._reply(wire, command) for command in commands]
        for reply in replies:
            if isinstance(reply, BackendError):
                raise reply
        return replies


class AmqpControl(AmqpConnection):
    """Remote control over AMQP: the reply comes through the default exchange to an exclusive queue."""

    async def call(self, method: str, hostname: str) -> Any:
        """The answer of one worker. Raises :class:`BackendError`."""
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            if not answered.done():
                answered.set_result(message.body)

        await self._within(self._ask(method, hostname, take))
        done, _ = await asyncio.wait({answered}, timeout=TIMEOUT_S)
        if not done:
            raise _silent(hostname)
        return _of(answered.result(), hostname)

    async def _ask(self, method: str, hostname: str, take: Callable[..., Any]) -> None:
        if self._connection is None:
            raise failure(TroubleKind.CLOSED, "connection was given up", transport=True)
        channel = await self._connection.channel(publisher_confirms=False)
        box = await channel.get_exchange(_BOX, ensure=True)
        queue = await channel.declare_queue(QUEUE_PREFIX + uuid.uuid4().hex, exclusive=True, auto_delete=True)
        await queue.consume(take, no_ack=True)
        question = _question(method, hostname, {"exchange": "", "routing_key": queue.name})
        expires: dict[str, Any] = {"clock": 1, "expires": clock.now() + TIMEOUT_S}
        message = aio_pika.Message(
            json.dumps(question).encode(), content_type="application/json", content_encoding="utf-8", headers=expires
        )
        await box.publish(message, routing_key="")


def _of(body: bytes, hostname: str) -> Any:
    """The part of a reply that is about one worker. Raises ``PROTOCOL``."""
    try:
        told = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        told = None
    if not isinstance(told, dict) or hostname not in told:
        raise failure(TroubleKind.PROTOCOL, f"{hostname} answers what is no answer")
    return told[hostname]
