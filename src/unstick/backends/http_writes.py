"""The other door to HTTP servers: one request that changes something, sent once. Only actions open it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from unstick.backends.base import BackendError, UnsureError, failure
from unstick.backends.http import Answer, HttpConnection, as_failure, parse_date
from unstick.facts.reading import TroubleKind

LISTEN_S = 0.05
"""A server that hangs up without waiting for a request is given this long to do so."""


class HttpSender(HttpConnection):
    """One server. Every request has a connection of its own: a kept one could turn out to be closed half-way."""

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> Answer:
        """The reply, whatever its status. ``path`` is quoted already.

        Raises :class:`BackendError` when nothing was sent, :class:`UnsureError` when it was and no reply came.
        """
        self.abort()
        await self.open()
        trace = _Trace()
        reply: list[Answer] = []
        try:
            async with asyncio.timeout(self._total_s):
                await self._once_only(method, path, headers or {}, content, trace, reply)
        except TimeoutError:
            error = failure(TroubleKind.TIMEOUT, f"no complete answer within {self._total_s:.3g} s", transport=True)
            return _or_raise(reply, trace, error)
        except BackendError as error:
            return _or_raise(reply, trace, error)
        except Exception as error:  # noqa: BLE001 - httpx, httpcore, anyio and ssl have no common base
            return _or_raise(reply, trace, as_failure(error))
        finally:
            self.abort()
        return reply[0]

    async def _once_only(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        content: bytes,
        trace: _Trace,
        reply: list[Answer],
    ) -> None:
        client = self._client
        assert client is not None  # noqa: S101 - opened just now
        target = f"{self._base}/{path.removeprefix('/')}"
        extensions = {"trace": trace}
        async with client.stream(
            method, target, headers=dict(headers), content=content, extensions=extensions
        ) as said:
            known = {name.lower(): value for name, value in said.headers.items()}
            reply.append(Answer(said.status_code, known, b"", parse_date(known.get("date", ""))))
            body = await self._body(said)
            reply[0] = Answer(said.status_code, known, body, reply[0].date_at)


class _Trace:
    """Hears how far one request got."""

    def __init__(self) -> None:
        self.sent = False

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            await asyncio.sleep(LISTEN_S)
            if info["return_value"].get_extra_info("is_readable"):
                raise httpx.ReadError("the server hung up before it was asked")
        elif event == "http11.send_request_headers.complete":
            self.sent = True


def _or_raise(reply: list[Answer], trace: _Trace, error: BackendError) -> Answer:
    """A status line that came is an answer, even if its body did not."""
    if reply:
        return reply[0]
    if trace.sent:
        raise UnsureError(error.trouble, transport=True, code=error.code) from None
    raise error from None
