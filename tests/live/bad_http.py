"""A small HTTP server that misbehaves in the way its path says, over plain TCP or TLS."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from email.utils import formatdate

_RESET = struct.pack("ii", 1, 0)
_BOMB = gzip.compress(b"a 1\n" * 2_000_000)
Writer = asyncio.StreamWriter


@dataclass
class BadServer:
    """Where it listens and what it was asked: request lines, headers, and how many sockets it accepted."""

    port: int = 0
    requests: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    accepted: int = 0
    open: int = 0
    writers: set[Writer] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def _plain(status: str, body: bytes = b"", **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body


async def _drip(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def _endless(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b"y" * 65536 + b"\r\n")
        await writer.drain()


async def _reset(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    await writer.drain()
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


_LIVE: dict[str, Callable[[Writer], object]] = {
    "/drip": _drip,
    "/endless": _endless,
    "/reset": _reset,
}
_SAID: dict[str, bytes] = {
    "/ok": _plain("200 OK", b"fine", Date="Sun, 22 Nov 2026 03:35:03 GMT", X_Thing="A"),
    "/bomb": _plain("200 OK", _BOMB, Content_Encoding="gzip"),
    "/short": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
    "/garbage": b"\x00\x01\x02 not http\r\n\r\n",
    "/tls-alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "/nothing": b"",
    "/redirect": _plain("302 Found", Location="/ok"),
    "/429": _plain("429 Too Many Requests", Retry_After="30", X_RateLimit_Reset="1640995200"),
    "/429-date": _plain("429 Too Many Requests", Retry_After=formatdate(2_000_000_045, usegmt=True),
                        Date=formatdate(2_000_000_000, usegmt=True)),
    "/header": b"HTTP/1.1 200 OK\r\nX: " + b"z" * 300_000 + b"\r\n\r\n",
    "/large": _plain("200 OK", b"x" * 2_000_000),
    "/401": _plain("401 Unauthorized"),
    "/403": _plain("403 Forbidden"),
    "/503": _plain("503 Service Unavailable", b'{"status":"unhealthy"}'),
}  # fmt: skip
_KEEPS_OPEN = {"/ok", "/429", "/429-date", "/401", "/403", "/503", "/redirect"}


@contextlib.asynccontextmanager
async def bad_server(context: ssl.SSLContext | None = None) -> AsyncIterator[BadServer]:
    """The server, on a free loopback port, until the block ends."""
    state = BadServer()

    async def serve(reader: asyncio.StreamReader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        state.tasks.add(task)
        state.accepted += 1
        state.open += 1
        state.writers.add(writer)
        try:
            while line := await reader.readline():
                if not line.endswith(b" HTTP/1.1\r\n"):
                    writer.write(_plain("400 Bad Request"))
                    break
                state.requests.append(line.decode().strip())
                headers = {}
                while (header := await reader.readline()) not in (b"\r\n", b""):
                    name, _, value = header.decode().partition(":")
                    headers[name.lower()] = value.strip()
                state.headers.append(headers)
                path = line.decode().split()[1].partition("?")[0]
                if path == "/hang":
                    await reader.read()
                    break
                if path in _LIVE:
                    await _LIVE[path](writer)  # type: ignore[misc]
                writer.write(_SAID.get(path, _plain("404 Not Found")))
                await writer.drain()
                if path in _SAID and path not in _KEEPS_OPEN:
                    break
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            state.open -= 1
            state.writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    state.port = server.sockets[0].getsockname()[1]
    try:
        yield state
    finally:
        server.close()
        for writer in list(state.writers):
            writer.transport.abort()
        for task in state.tasks:
            task.cancel()
        await asyncio.gather(*state.tasks, return_exceptions=True)
