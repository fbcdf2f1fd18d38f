"""Redis: one connection, one round trip per look, reading commands only.

The driver's connection is used without its client: replies stay as the server sent them (bytes, with names that are
not UTF-8 intact), nothing is retried, and the socket can be closed at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Protocol, cast

import redis.exceptions as said
from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from unstick.backends.base import BackendError, failure
from unstick.backends.redis_reads import READ_COMMANDS, Command, check, scored
from unstick.backends.redis_trouble import refusal, unreachable
from unstick.backends.redis_url import Login, is_socket, options
from unstick.facts.reading import Cost, TroubleKind
from unstick.secret import Url

__all__ = ["READ_COMMANDS", "Command", "RedisConnection", "scored"]

_GARBAGE: Final = (said.InvalidResponse, ValueError, TypeError, AttributeError, RecursionError)
_ONE_COMMAND: Final = frozenset({TroubleKind.DENIED, TroubleKind.SCHEMA})
"""Refusals of one command that leave the others of a pipeline their value."""


class _Wire(Protocol):
    """What is used of the driver's connection."""

    @property
    def is_connected(self) -> bool: ...
    async def connect(self) -> None: ...
    async def disconnect(self) -> None: ...
    async def send_packed_command(self, command: list[bytes]) -> None: ...
    async def read_response(
        self,
        *,
        disable_decoding: bool,
        disconnect_on_error: bool,
        timeout: float | None = None,  # noqa: ASYNC109 - the driver's own
    ) -> object: ...
    def pack_commands(self, commands: Iterable[Command]) -> list[bytes]: ...
    def cut(self) -> None: ...


class _Cut:
    """Adds closing without waiting, which the driver does not offer."""

    _writer: asyncio.StreamWriter | None
    _reader: asyncio.StreamReader | None

    def cut(self) -> None:
        """Drop the socket, whatever is still to be sent or read."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._writer = self._reader = None


class _Tcp(_Cut, Connection):
    pass


class _Tls(_Cut, SSLConnection):
    pass


class _Unix(_Cut, UnixDomainSocketConnection):
    pass


class RedisConnection:
    """One connection to one numbered database. ``setting`` is the key of the configuration that errors name."""

    def __init__(self, url: Url, *, timeout_s: float = 2.0, setting: str = "redis.url") -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._setting = setting
        self._wire: _Wire | None = None
        self._protocol = 3
        self._cost = Cost()

    @property
    def user(self) -> str:
        """The ACL user this connection acts as."""
        with contextlib.suppress(ValueError):
            return Login(self._url).user or "default"
        return "default"

    async def open(self) -> None:
        """Connect if not connected. Raises :class:`BackendError`, always as a transport error."""
        if self._wire is not None and self._wire.is_connected:
            return
        try:
            await self._connect()
        except said.ResponseError as error:
            if self._protocol == 2 or "hello" not in str(error).lower():
                raise refusal(error, ("SELECT",), self.user, self._setting, transport=True) from None
            # Redis before 6, some proxies and narrow ACLs know no HELLO: the older protocol does as well.
            self._protocol = 2
            await self.open()

    def abort(self) -> None:
        """Close the socket at once."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.cut()

    async def close(self) -> None:
        """Part within a second."""
        wire, self._wire = self._wire, None
        if wire is None:
            return
        with contextlib.suppress(said.RedisError, OSError, TimeoutError):
            async with asyncio.timeout(1.0):
                await wire.disconnect()
        wire.cut()

    def take_cost(self) -> Cost:
        """Round trips since the last call, and the bytes of their commands and replies (framing estimated)."""
        cost, self._cost = self._cost, Cost()
        return cost

    async def pipeline(self, commands: Sequence[Command]) -> list[object]:
        """The replies to ``commands``, asked in one round trip and without a transaction.

        Texts are bytes. A command that the server refused (wrong type, no permission) has its
        :class:`BackendError` in its place. Raises :class:`BackendError` when the server as a whole cannot answer,
        and :class:`PermissionError` before anything is sent when a command is not a bounded read.
        """
        for command in commands:
            check(command)
        return await self._round(commands)

    async def _round(self, commands: Sequence[Command]) -> list[object]:
        """One round trip."""
        if not commands:
            return []
        wire = self._wire
        if wire is None or not wire.is_connected:
            raise failure(TroubleKind.CLOSED, "not connected", transport=True)
        packed = wire.pack_commands(commands)
        with self._breaking():
            await wire.send_packed_command(packed)
            replies = [await self._reply(wire, command) for command in commands]
        self._spend(sum(map(len, packed)), sum(map(_size, replies)))
        for reply in replies:
            if isinstance(reply, BackendError) and reply.trouble.kind not in _ONE_COMMAND:
                raise reply
        return replies

    async def _connect(self) -> None:
        self._wire = wire = _wire(self._url, self._setting, self._timeout_s, self._protocol)
        try:
            with self._breaking():
                await wire.connect()
            self._still_wanted(wire)
        except BaseException:
            wire.cut()  # aborted before there was a socket, it would connect all the same
            raise
        self._spend(0, 0)

    def _still_wanted(self, wire: _Wire) -> None:
        """Raises where :meth:`abort` came while ``wire`` was being connected."""
        if self._wire is not wire:
            raise failure(TroubleKind.CLOSED, "connection was given up", transport=True)

    async def _reply(self, wire: _Wire, command: Command) -> object:
        try:
            return await wire.read_response(disable_decoding=True, disconnect_on_error=False)
        except (said.ResponseError, said.BusyLoadingError) as error:
            return refusal(error, command, self.user, self._setting, transport=False)

    @contextlib.contextmanager
    def _breaking(self) -> Iterator[None]:
        """Whatever goes wrong inside ends the connection: a late reply would be taken for that of a later command."""
        try:
            yield
        except said.ResponseError:
            self.abort()
            raise
        except (said.RedisError, OSError, *_GARBAGE) as error:
            self.abort()
            strange = said.InvalidResponse(str(error)) if isinstance(error, _GARBAGE) else error
            raise unreachable(strange, self._url.address or "localhost", self._timeout_s, self._setting) from None
        except BaseException:
            self.abort()
            raise

    def _spend(self, sent: int, received: int) -> None:
        cost = self._cost
        self._cost = Cost(cost.queries + 1, cost.bytes_in + received, cost.bytes_out + sent)


def _wire(url: Url, setting: str, timeout_s: float, protocol: int) -> _Wire:
    """A connection that is not yet open. Raises :class:`BackendError` for a URL that cannot be meant."""
    arguments: dict[str, Any] = options(url, setting) | {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": 0,
        "client_name": "unstick",
        "encoding_errors": "surrogateescape",
        "protocol": protocol,
    }
    if is_socket(url):
        return cast("_Wire", _Unix(**arguments))
    return cast("_Wire", (_Tls if url.scheme == "rediss" else _Tcp)(**arguments))


def _size(reply: object) -> int:
    if isinstance(reply, bytes):
        return len(reply) + 8
    if isinstance(reply, list):
        return 6 + sum(map(_size, reply))
    if isinstance(reply, dict):
        return 6 + sum(_size(key) + _size(value) for key, value in reply.items())
    return 8
