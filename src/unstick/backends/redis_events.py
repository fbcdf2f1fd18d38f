"""Events over Redis pub/sub, listening only: SUBSCRIBE leaves no key behind, and PING proves that the link lives.

A half-open link gives no error to a subscriber: silence is only believed after a PING was answered.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from unstick.backends.base import BackendError, failure
from unstick.backends.heard import Heard
from unstick.backends.redis import Command, RedisConnection
from unstick.facts.reading import Cost, TroubleKind
from unstick.secret import Url

QUIET_S = 86_400.0
"""How long nothing at all may come: a PING is sent much more often."""


class RedisEvents(RedisConnection):
    """One subscription. ``channels`` are subscribed to by name, ``patterns`` by pattern."""

    def __init__(
        self,
        url: Url,
        *,
        channels: Sequence[str] = (),
        patterns: Sequence[str] = (),
        timeout_s: float = 2.0,
        setting: str = "celery.url",
    ) -> None:
        super().__init__(url, timeout_s=timeout_s, setting=setting)
        self._protocol = 2  # the older protocol has pub/sub messages where replies stand
        self._wanted: list[Command] = []
        self._wanted += [("SUBSCRIBE", *channels)] if channels else []
        self._wanted += [("PSUBSCRIBE", *patterns)] if patterns else []
        self._heard = Heard()
        self._reader: asyncio.Task[None] | None = None
        self._pong = asyncio.Event()
        self._bytes = 0
        self.sessions = 0
        """How often a subscription began."""

    async def open(self) -> None:
        """Connect and subscribe if that is not done. Raises :class:`BackendError`."""
        if self._reader is not None and not self._reader.done():
            return
        self.abort()
        await super().open()
        wire = self._wire
        if wire is None:
            raise failure(TroubleKind.CLOSED, "connection was given up", transport=True)
        with self._breaking():
            await wire.send_packed_command(wire.pack_commands(self._wanted))
            for command in self._wanted:
                for _ in command[1:]:
                    reply = await self._reply(wire, command)
                    if isinstance(reply, BackendError):
                        raise BackendError(reply.trouble, transport=True)
        self._reader = asyncio.ensure_future(self._read())
        self.sessions += 1

    async def heard(self) -> tuple[list[tuple[float, bytes]], int]:
        """What came since the last call, with its instant, and how much was dropped in all. Raises on a dead link."""
        wire = self._wire
        if wire is None or self._reader is None:
            raise failure(TroubleKind.CLOSED, "not connected", transport=True)
        self._pong.clear()
        waiting = asyncio.ensure_future(self._pong.wait())
        try:
            with self._breaking():
                await wire.send_packed_command(wire.pack_commands([("PING",)]))
            await asyncio.wait({waiting, self._reader}, timeout=self._timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if self._reader.done():
            self._reader.result()
        if not self._pong.is_set():
            raise failure(TroubleKind.TIMEOUT, f"no answer within {self._timeout_s:g} s", transport=True)
        return self._heard.take(), self._heard.dropped

    def abort(self) -> None:
        """Close the socket at once; the reader ends with it."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.cancel()
            reader.add_done_callback(_forgotten)
        super().abort()

    async def close(self) -> None:
        """The same: a subscriber has nothing to say goodbye to."""
        self.abort()

    def take_cost(self) -> Cost:
        """One PING for each look, and what was heard."""
        cost = super().take_cost()
        received, self._bytes = self._bytes, 0
        return Cost(cost.queries + 1, cost.bytes_in + received, cost.bytes_out + 14)

    async def _read(self) -> None:
        """Take messages from the socket as they come, so that none waits in the server."""
        wire = self._wire
        while wire is not None and self._wire is wire:
            with self._breaking():
                said = await wire.read_response(disable_decoding=True, disconnect_on_error=False, timeout=QUIET_S)
            match said:
                case [b"message", bytes(), bytes(body)] | [b"pmessage", bytes(), bytes(), bytes(body)]:
                    self._bytes += len(body)
                    self._heard.add(body)
                case [b"pong", *_] | b"PONG":
                    self._pong.set()


def _forgotten(task: asyncio.Task[None]) -> None:
    """The error of a reader that nobody waits for any more."""
    with contextlib.suppress(asyncio.CancelledError):
        task.exception()
