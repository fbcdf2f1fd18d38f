"""A TCP proxy on loopback that breaks the wire on request, at run time, in the way that was asked for.

    with FaultProxy(postgres.port) as proxy:
        connect(f"postgresql://…@127.0.0.1:{proxy.port}/…")
        proxy.freeze()          # half-open: both sockets stay, nothing moves
        proxy.clear()           # what was held flows on
        proxy.drop_on(b"COMMIT", after=True)   # the server commits, the client never hears of it

It runs in a thread with a loop of its own, so that synchronous and asynchronous tests use it alike.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.lab.processes import LOOPBACK, free_port

T = TypeVar("T")
_CHUNK = 65_536
_RST = struct.pack("ii", 1, 0)


class Kind(Enum):
    """How the wire behaves."""

    PASS = "pass"
    REFUSE = "refuse"
    RESET = "reset"
    MUTE = "mute"
    FREEZE = "freeze"
    DELAY = "delay"
    THROTTLE = "throttle"
    CUT = "cut"
    GARBAGE = "garbage"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Mode:
    """One behaviour with its parameters."""

    kind: Kind = Kind.PASS
    amount: float = 0
    """Seconds of delay, bytes per second, or bytes before the cut."""
    pattern: bytes = b""
    after: bool = False
    """Whether the pattern still reaches the server."""


PASS = Mode()


class _Link:
    """One client's connection with its connection to the server."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.client = client
        self.server: asyncio.StreamWriter | None = None
        self.tail = b""
        self.swallow = False
        self.answered = asyncio.Event()

    def close(self, *, reset: bool) -> None:
        for writer in (self.client, self.server):
            if writer is not None:
                _end(writer, reset=reset)


def _end(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    if reset:
        with contextlib.suppress(OSError):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
        writer.transport.abort()
    else:
        writer.close()


class FaultProxy:
    """A proxy in front of one loopback port.

    ``accepted`` counts connections, ``open`` those that still stand, ``triggered`` the faults that struck
    (cuts and pattern drops), ``up`` and ``down`` the bytes forwarded to the server and to the client.
    """

    def __init__(self, target_port: int, *, port: int | None = None) -> None:
        self.target_port = target_port
        self.port = port or free_port()
        self.accepted = 0
        self.triggered = 0
        self.up = 0
        self.down = 0
        self._mode = PASS
        self._budget = 0.0
        self._drops_left = 0
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._flow = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)

    # -- life

    def start(self) -> None:
        """Starts to listen, passing everything."""
        self._thread.start()
        self._call(self._switch(PASS))

    def stop(self) -> None:
        """Cuts everything and ends the thread."""
        if not self._thread.is_alive():
            return
        self._call(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- faults

    def clear(self) -> None:
        """Passes everything; what a freeze held back flows on."""
        self._call(self._switch(PASS))

    def refuse(self) -> None:
        """Closes the listening port: new connections are refused, standing ones go on."""
        self._call(self._switch(Mode(Kind.REFUSE)))

    def reset(self) -> None:
        """Answers every new connection with a reset, and resets the standing ones."""
        self._call(self._switch(Mode(Kind.RESET)))
        self.rst_all()

    def mute(self) -> None:
        """Accepts, reads and says nothing, for ever."""
        self._call(self._switch(Mode(Kind.MUTE)))

    def freeze(self) -> None:
        """Half-open: sockets stay and connects succeed, but nothing moves in either direction."""
        self._call(self._switch(Mode(Kind.FREEZE)))

    def delay(self, seconds: float) -> None:
        """Holds back each piece of an answer that long."""
        self._call(self._switch(Mode(Kind.DELAY, amount=seconds)))

    def throttle(self, bytes_per_second: float) -> None:
        """Lets answers through at this rate, for each connection."""
        self._call(self._switch(Mode(Kind.THROTTLE, amount=bytes_per_second)))

    def cut_after(self, count: int) -> None:
        """Cuts the connection that carries the answer byte number ``count`` from now, behind that byte; then passes."""
        self._call(self._switch(Mode(Kind.CUT, amount=count)))

    def garbage(self) -> None:
        """Answers with random bytes instead of what the server says."""
        self._call(self._switch(Mode(Kind.GARBAGE)))

    def drop_on(self, pattern: bytes, *, after: bool = False, times: int = 1) -> None:
        """Drops the connection when a client sends the pattern.

        Before it reaches the server, or (``after``) when the server has answered it and the client has not
        heard the answer. Strikes ``times`` times, then passes.
        """
        self._call(self._switch(Mode(Kind.DROP, amount=times, pattern=pattern, after=after)))

    def rst_all(self) -> None:
        """Resets every standing connection on both sides."""

        async def reset() -> None:
            for link in list(self._links):
                link.close(reset=True)

        self._call(reset())

    @property
    def open(self) -> int:
        """How many connections stand."""
        return len(self._links)

    # -- in the loop

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _switch(self, mode: Mode) -> None:
        self._mode = mode
        self._budget = mode.amount
        self._drops_left = int(mode.amount) if mode.kind is Kind.DROP else 0
        if mode.kind is Kind.FREEZE:
            self._flow.clear()
        else:
            self._flow.set()
        if mode.kind is Kind.REFUSE:
            await self._stop_listening()
        elif self._listener is None:
            self._listener = await asyncio.start_server(self._accept, LOOPBACK, self.port)

    async def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            await asyncio.sleep(0)

    async def _shut(self) -> None:
        await self._stop_listening()
        for link in list(self._links):
            link.close(reset=True)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.accepted += 1
        link = _Link(writer)
        self._links.add(link)
        try:
            await self._serve(link, reader)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            link.close(reset=False)
            self._links.discard(link)
            self._tasks.discard(task)

    async def _serve(self, link: _Link, reader: asyncio.StreamReader) -> None:
        await self._flow.wait()
        if self._mode.kind is Kind.RESET:
            link.close(reset=True)
            return
        if self._mode.kind is Kind.GARBAGE:
            await self._send(link.client, _noise(512))
        while self._mode.kind in (Kind.MUTE, Kind.GARBAGE):
            if not await reader.read(_CHUNK):
                return
        try:
            answers, link.server = await asyncio.open_connection(LOOPBACK, self.target_port)
        except OSError:
            link.close(reset=True)
            return
        pumps = [
            asyncio.create_task(self._pump_up(link, reader)),
            asyncio.create_task(self._pump_down(link, answers)),
        ]
        try:
            await asyncio.gather(*pumps)
        finally:
            for pump in pumps:
                pump.cancel()

    async def _pump_up(self, link: _Link, reader: asyncio.StreamReader) -> None:
        assert link.server is not None
        while data := await reader.read(_CHUNK):
            await self._flow.wait()
            if self._mode.kind is Kind.MUTE:
                continue
            if self._mode.kind is Kind.DROP and await self._struck(link, data):
                return
            self.up += len(data)
            await self._send(link.server, data)
        await self._flow.wait()
        if link.server.can_write_eof():
            with contextlib.suppress(OSError):
                link.server.write_eof()

    async def _struck(self, link: _Link, data: bytes) -> bool:
        """Whether this piece completes the pattern; drops the connection then."""
        pattern = self._mode.pattern
        seen = link.tail + data
        link.tail = seen[-(len(pattern) - 1) :] if len(pattern) > 1 else b""
        if pattern not in seen or self._drops_left <= 0:
            return False
        self._drops_left -= 1
        self.triggered += 1
        if self._mode.after and link.server is not None:
            link.swallow = True
            link.answered.clear()
            await self._send(link.server, data)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(link.answered.wait(), 2)
        link.close(reset=True)
        return True

    async def _pump_down(self, link: _Link, answers: asyncio.StreamReader) -> None:
        while data := await answers.read(self._piece()):
            await self._flow.wait()
            link.answered.set()
            if link.swallow or self._mode.kind is Kind.MUTE:
                continue
            await self._forward(link, data)
        await self._flow.wait()
        link.close(reset=False)

    def _piece(self) -> int:
        return max(1, int(self._mode.amount / 20)) if self._mode.kind is Kind.THROTTLE else _CHUNK

    async def _forward(self, link: _Link, data: bytes) -> None:
        mode = self._mode
        if mode.kind is Kind.DELAY:
            await asyncio.sleep(mode.amount)
        elif mode.kind is Kind.GARBAGE:
            data = _noise(len(data))
        elif mode.kind is Kind.CUT:
            head, self._budget = data[: int(self._budget)], self._budget - len(data)
            if self._budget <= 0:
                await self._send(link.client, head)
                self.triggered += 1
                await self._switch(PASS)
                link.close(reset=False)
                return
        self.down += len(data)
        await self._send(link.client, data)
        if mode.kind is Kind.THROTTLE:
            await asyncio.sleep(len(data) / mode.amount)

    @staticmethod
    async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(data)
        await writer.drain()


def _noise(count: int) -> bytes:
    return random.Random(count).randbytes(count)
