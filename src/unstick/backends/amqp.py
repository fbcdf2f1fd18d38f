"""AMQP, asking only: one plain connection, one channel, passive declares.

Never a robust connection: those leak a channel for every failed declare and declare again whatever they once asked
for. A client object stays behind for every channel that was ever opened, so the connection is renewed now and then.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

import aio_pika
from aio_pika import exceptions as amqp_errors
from aiormq import exceptions as channel_errors
from aiormq.connection import TransportFactory
from pamqp import commands
from pamqp.common import FieldTable
from yarl import URL

from unstick import clock
from unstick.backends.base import BackendError, failure
from unstick.backends.wire import wire_failure
from unstick.facts.reading import Cost, TroubleKind
from unstick.secret import Url

CHANNELS_PER_CONNECTION = 50
ABSENT_FOR_S = 60.0
"""A missing queue is asked for again only after this: each time costs the broker two error lines in its log."""
CLOSE_S = 1.0
FRAME_BYTES = 64
"""What one declare, or its answer, takes on the wire beside the queue's name, roughly."""

NAME_BYTES = 255
"""The longest name that AMQP can carry."""
_PROPERTIES: FieldTable = {"connection_name": "unstick", "product": "unstick"}

T = TypeVar("T")

for _name in ("aio_pika", "aiormq"):  # without any handler Python prints their errors over the screen
    logging.getLogger(_name).addHandler(logging.NullHandler())


class AmqpConnection:
    """One connection to one virtual host. ``timeout_s`` bounds connecting, and each declare."""

    def __init__(self, url: Url, *, timeout_s: float = 2.0) -> None:
        self.address = url.address
        self._url = url
        self._timeout_s = timeout_s
        self._connection: aio_pika.Connection | None = None
        self._channel: aio_pika.abc.AbstractChannel | None = None
        self._sockets = _Sockets()
        self._channels_opened = 0
        self._absent_since: dict[str, float] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._cost = Cost()

    @property
    def vhost(self) -> str:
        """The virtual host that the URL names; ``/`` when it names none."""
        return self._url.path or "/"

    async def open(self) -> None:
        """Connect if not connected. Raises :class:`BackendError`."""
        connection = self._connection
        if connection is not None and not connection.connected.is_set():  # is_closed stays False when the broker goes
            self.abort()
        elif connection is not None and self._channels_opened >= CHANNELS_PER_CONNECTION:
            await self.close()
        if self._connection is None:
            await self._within(self._connect())

    async def depth(self, queue: str) -> tuple[int, int] | None:
        """Ready messages and consumers of ``queue``; ``None`` when there is no such queue.

        Raises :class:`BackendError`: without ``transport`` when this one queue cannot be asked for.
        """
        if not _askable(queue):
            raise failure(TroubleKind.PROTOCOL, "a queue of this name cannot be asked for over AMQP")
        missed_at = self._absent_since.get(queue)
        if missed_at is not None and clock.monotonic() - missed_at < ABSENT_FOR_S:
            return None
        await self.open()
        depth = await self._within(self._declared(queue))
        if depth is None:
            self._absent_since[queue] = clock.monotonic()
        else:
            self._absent_since.pop(queue, None)
        return depth

    def abort(self) -> None:
        """Reset the socket at once; the client's tasks end in the background."""
        connection, self._connection, self._channel = self._connection, None, None
        self._sockets.reset()
        if connection is not None:
            with contextlib.suppress(RuntimeError):  # no loop runs any more: nothing is left to wait for
                task = asyncio.get_running_loop().create_task(_part(connection))
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Say goodbye (the broker logs a warning otherwise), at most a second, then :meth:`abort`."""
        if self._connection is not None and self._connection.connected.is_set():
            await _part(self._connection)
        self.abort()
        if self._closing:
            await asyncio.wait(self._closing, timeout=CLOSE_S)

    def take_cost(self) -> Cost:
        """Declares since the last call, and about how many bytes they took."""
        cost, self._cost = self._cost, Cost()
        return cost

    async def _connect(self) -> None:
        if self._url.scheme not in {"amqp", "amqps"}:
            raise failure(TroubleKind.PROTOCOL, f"not an amqp address: {self._url.shown}", transport=True)
        self._channels_opened = 0
        self._sockets = sockets = _Sockets()

        class Link(aio_pika.Connection):
            """A plain connection whose socket is known from its first moment on."""

            def __init__(self, *args: Any, **options: Any) -> None:
                super().__init__(*args, **options)
                self.kwargs["transport_factory"] = sockets

            def __del__(self) -> None:
                """Nothing: the base would close itself in whatever thread and loop the collector runs."""

        self._connection = await aio_pika.connect(
            self._url.reveal(), connection_class=Link, client_properties=_PROPERTIES
        )

    async def _declared(self, queue: str) -> tuple[int, int] | None:
        if self._connection is None:
            raise failure(TroubleKind.CLOSED, "connection was given up", transport=True)
        if self._channel is None or self._channel.is_closed:
            self._channels_opened += 1
            self._channel = await self._connection.channel(publisher_confirms=False)
        self._spend(queue)
        try:
            channel: Any = await self._channel.get_underlay_channel()
            answer = await channel.rpc(_Declare(queue=queue, passive=True))
        except channel_errors.ChannelClosed as error:  # the broker answers a failed declare by closing the channel
            self._channel = None
            if isinstance(error, channel_errors.ChannelNotFoundEntity):
                return None
            raise _refused(error) from None
        return answer.message_count or 0, answer.consumer_count or 0

    async def _within(self, step: Coroutine[Any, Any, T]) -> T:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await step
        except BackendError:
            raise
        except asyncio.CancelledError:
            self.abort()
            raise
        except TimeoutError:
            self.abort()
            raise failure(TroubleKind.TIMEOUT, f"no answer within {self._timeout_s:g} s", transport=True) from None
        except Exception as error:  # noqa: BLE001 - aio-pika, aiormq, pamqp, yarl and ssl share no base
            self.abort()
            raise self._mapped(error) from None

    def _mapped(self, error: Exception) -> BackendError:
        if isinstance(error, (amqp_errors.ProbableAuthenticationError, amqp_errors.AuthenticationError)):
            return failure(TroubleKind.AUTH, "the broker refused user name or password", transport=True)
        if isinstance(error, amqp_errors.InvalidFrameError) and "OpenOk" in str(error):
            text = f"no virtual host {self.vhost!r} on this broker, or no rights in it"
            return failure(TroubleKind.DENIED, text, transport=True)
        if isinstance(error, amqp_errors.ProtocolSyntaxError):
            return failure(TroubleKind.PROTOCOL, "bad reply: this is not AMQP 0-9-1", transport=True)
        if (known := wire_failure(error)) is not None:
            return known
        if isinstance(error, ValueError):
            return failure(TroubleKind.PROTOCOL, f"not an amqp address: {self._url.shown}", transport=True)
        return failure(TroubleKind.CLOSED, f"connection lost ({type(error).__name__})", transport=True)

    def _spend(self, queue: str) -> None:
        cost, size = self._cost, FRAME_BYTES + len(queue)
        self._cost = Cost(cost.queries + 1, cost.bytes_in + size, cost.bytes_out + size)


def _askable(queue: str) -> bool:
    try:
        return 0 < len(queue.encode()) <= NAME_BYTES
    except UnicodeEncodeError:
        return False


class _Declare(commands.Queue.Declare):
    """A declare whose name the broker judges: RabbitMQ takes names of any script, pamqp only some of ASCII."""

    def validate(self) -> None:
        """Everything is fine; :meth:`AmqpConnection.depth` has looked at the length."""


class _Sockets(TransportFactory):
    """Opens the socket of one connection and keeps hold of it, so that it can be reset while anything hangs."""

    def __init__(self) -> None:
        self._writer: asyncio.StreamWriter | None = None

    async def create(self, url: URL, **options: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect, with TLS for ``amqps``; system errors pass as they are."""
        contexts = options.pop("ssl_context_provider")
        context = await contexts.get_context() if url.scheme == "amqps" else None
        reader, self._writer = await asyncio.open_connection(url.host, url.port, ssl=context, **options)
        return reader, self._writer

    def reset(self) -> None:
        """Drop the socket without a word."""
        if self._writer is not None:
            with contextlib.suppress(Exception):
                self._writer.transport.abort()


async def _part(connection: aio_pika.abc.AbstractConnection) -> None:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(CLOSE_S):
            await connection.close()


def _refused(error: channel_errors.ChannelClosed) -> BackendError:
    words = " ".join(str(argument) for argument in error.args)
    denied = (channel_errors.ChannelAccessRefused, channel_errors.ChannelLockedResource)
    return failure(TroubleKind.DENIED if isinstance(error, denied) else TroubleKind.PROTOCOL, words)
