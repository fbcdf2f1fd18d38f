"""HTTP, reading only: one client, at most two sockets, bodies that are capped and never unpacked.

Total deadlines instead of per-read ones (a drip of single bytes would never end), no proxies from the environment,
no redirects, no compression (100 kB of gzip become 200 MB).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import httpx

from unstick import clock
from unstick.backends.base import BackendError, failure
from unstick.backends.dial import certificate_end, tls_context
from unstick.backends.wire import wire_failure
from unstick.facts.reading import Cost, TroubleKind
from unstick.secret import Secret, Url

MANAGEMENT_CAP = 8 << 20
"""Bytes of one answer of a broker's management API."""
WORKER_CAP = 1 << 20
"""Bytes of one answer of a worker's own endpoint."""
RETRY_DEFAULT_S = 30.0
RETRY_LIMIT_S = 900.0
"""The longest silence that a server can ask for."""
SOCKETS = 2
CLOSE_S = 1.0

_HEADERS = {"user-agent": "unstick", "accept": "*/*", "accept-encoding": "identity"}
_EPOCH_FROM = 1e9
_KINDS = {401: TroubleKind.AUTH, 403: TroubleKind.DENIED, 404: TroubleKind.ABSENT, 429: TroubleKind.OVERLOAD}
_WORDS = {401: "user name or password refused", 403: "not allowed", 404: "no such path", 429: "too many requests"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply, whatever its status. ``headers`` have lower-case names; ``date_at`` is the server's clock."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    date_at: float | None
    certificate_ends_at: float | None = None


def check(answer: Answer) -> Answer:
    """``answer`` when its status is 2xx; otherwise raises :class:`BackendError` of the kind that the status means."""
    if 200 <= answer.status < 300:
        return answer
    kind = _KINDS.get(answer.status, TroubleKind.PROTOCOL)
    words = f"{answer.status} {_WORDS.get(answer.status) or _reason(answer.status)}"
    if kind is TroubleKind.OVERLOAD:
        raise failure(kind, words, retry_after_s=retry_after_s(answer))
    raise failure(kind, words, transport=kind is TroubleKind.AUTH)


def retry_after_s(answer: Answer) -> float:
    """Seconds to stay away: ``Retry-After`` (seconds or date), else ``X-RateLimit-Reset`` (seconds or instant)."""
    now = clock.now() if answer.date_at is None else answer.date_at
    stated = answer.headers.get("retry-after", "")
    seconds = _seconds(stated)
    if seconds is None and (until := parse_date(stated)) is not None:
        seconds = until - now
    if seconds is None and (reset := _seconds(answer.headers.get("x-ratelimit-reset", ""))) is not None:
        seconds = reset - now if reset >= _EPOCH_FROM else reset
        seconds = seconds if seconds > 0 else None
    return RETRY_DEFAULT_S if seconds is None else min(max(seconds, 0.0), RETRY_LIMIT_S)


def parse_date(text: str) -> float | None:
    """A date of an HTTP header as an instant; ``None`` when it is none."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
        return None


class HttpConnection:
    """One server. ``total_s`` bounds one request from name look-up to last byte, ``cap`` the bytes of its body."""

    def __init__(self, url: Url, *, total_s: float = 3.0, cap: int = MANAGEMENT_CAP) -> None:
        self.address = url.address
        self._url = url
        self._total_s = total_s
        self._cap = cap
        self._base = ""
        self._client: httpx.AsyncClient | None = None
        self._streams: deque[Any] = deque(maxlen=2 * SOCKETS)
        self._certificate_ends_at: float | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._cost = Cost()

    async def open(self) -> None:
        """Prepare the client; the socket opens with the first request. Raises ``PROTOCOL`` for a bad address."""
        if self._client is not None:
            return
        parts = _split(self._url)
        context = await asyncio.to_thread(tls_context) if parts.scheme == "https" else False
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        port = f":{parts.port}" if parts.port else ""
        self._base = f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"
        self._client = httpx.AsyncClient(
            auth=_credentials(parts),
            verify=context,
            headers=_HEADERS,
            timeout=None,  # noqa: S113 - every request has one total deadline instead
            limits=httpx.Limits(max_connections=SOCKETS, max_keepalive_connections=SOCKETS, keepalive_expiry=15),
            follow_redirects=False,
            trust_env=False,
        )

    async def get(self, path_and_query: str, *, total_s: float | None = None, body: bool = True) -> Answer:
        """GET below the path of the URL. ``path_and_query`` is quoted already. Raises :class:`BackendError`.

        Without ``body`` the answer is left where it is: its socket is closed.
        """
        await self.open()
        within = self._total_s if total_s is None else total_s
        try:
            async with asyncio.timeout(within):
                return await self._patiently(path_and_query, body=body)
        except TimeoutError:  # leaving the request has closed its socket
            raise failure(TroubleKind.TIMEOUT, f"no complete answer within {within:.3g} s", transport=True) from None
        except BackendError:
            raise
        except Exception as error:  # httpx, httpcore, anyio and ssl have no common base
            raise as_failure(error) from error

    def abort(self) -> None:
        """Shut the sockets down at once; what is left of the client is closed in the background."""
        client, self._client = self._client, None
        for stream in self._streams:
            with contextlib.suppress(Exception):
                stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        self._streams.clear()
        if client is None:
            return
        with contextlib.suppress(RuntimeError):  # no loop runs any more: nothing is left to wait for
            task = asyncio.get_running_loop().create_task(_close(client))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Close the connection and wait, at most a second, until it and earlier ones are gone."""
        self.abort()
        if self._closing:
            await asyncio.wait(self._closing, timeout=CLOSE_S)

    def take_cost(self) -> Cost:
        """Requests and bytes since the last call."""
        cost, self._cost = self._cost, Cost()
        return cost

    async def _patiently(self, path_and_query: str, *, body: bool) -> Answer:
        """Ask again, once, when a kept connection turns out to have been closed meanwhile."""
        for last in (False, True):
            trace = _Trace(self._streams)
            try:
                return await self._once(path_and_query, trace, body=body)
            except (httpx.RemoteProtocolError, httpx.NetworkError):
                if last or trace.connected:
                    raise
        raise AssertionError("unreachable")

    async def _once(self, path_and_query: str, trace: _Trace, *, body: bool) -> Answer:
        if self._client is None:
            raise failure(TroubleKind.CLOSED, "connection was given up", transport=True)
        target = f"{self._base}/{path_and_query.removeprefix('/')}"
        async with self._client.stream("GET", target, extensions={"trace": trace}) as reply:
            headers = {name.lower(): value for name, value in reply.headers.items()}
            if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
                raise failure(TroubleKind.PROTOCOL, "bad reply: compressed, though asked not to", transport=True)
            content = await self._body(reply) if body else b""
        if trace.connected:
            self._certificate_ends_at = trace.certificate_ends_at
        self._spend(path_and_query, len(content) + sum(len(k) + len(v) + 4 for k, v in headers.items()))
        date_at = parse_date(headers.get("date", ""))
        return Answer(reply.status_code, headers, content, date_at, self._certificate_ends_at)

    async def _body(self, reply: httpx.Response) -> bytes:
        body = bytearray()
        async for piece in reply.aiter_raw():
            body += piece
            if len(body) > self._cap:
                self._spend("", len(body))
                raise failure(TroubleKind.PROTOCOL, f"bad reply: more than {self._cap} bytes", transport=True)
        return bytes(body)

    def _spend(self, path: str, received: int) -> None:
        cost = self._cost
        sent = len(self._base) + len(path) + sum(len(k) + len(v) + 4 for k, v in _HEADERS.items())
        self._cost = Cost(cost.queries + 1, cost.bytes_in + received, cost.bytes_out + sent)


class _Trace:
    """Hears from one request when a socket is opened for it, and whose certificate it was shown."""

    def __init__(self, streams: deque[Any]) -> None:
        self.connected = False
        self.certificate_ends_at: float | None = None
        self._streams = streams

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            self.connected = True
            self._streams.append(info["return_value"])
        elif event == "connection.start_tls.complete":
            self.certificate_ends_at = certificate_end(info["return_value"].get_extra_info("ssl_object"))


async def _close(client: httpx.AsyncClient) -> None:
    with contextlib.suppress(Exception):
        await client.aclose()


def _split(url: Url) -> SplitResult:
    try:
        parts = urlsplit(url.reveal())
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 0) >= 0
    except ValueError:
        usable = False
    if not usable:
        raise failure(TroubleKind.PROTOCOL, f"not an http address: {url.shown}", transport=True) from None
    return parts


def _credentials(parts: SplitResult) -> httpx.BasicAuth | None:
    if parts.username is None:
        return None
    password = Secret(unquote(parts.password or ""))
    return httpx.BasicAuth(unquote(parts.username), password.reveal())


def _seconds(text: str) -> float | None:
    """A count of seconds, written in digits."""
    text = text.strip()
    return float(text) if text.isascii() and text.replace(".", "", 1).isdigit() and len(text) < 20 else None


def _reason(status: int) -> str:
    words = httpx.codes.get_reason_phrase(status).lower()
    return f"{words} (not followed)" if 300 <= status < 400 else words or "unexpected status"


def as_failure(error: Exception) -> BackendError:
    """What went wrong below HTTP, in words."""
    if isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError)):
        return failure(TroubleKind.PROTOCOL, "the address or path cannot be asked over HTTP", transport=True)
    if isinstance(error, httpx.RemoteProtocolError):
        return _misspoken(str(error))
    if (known := wire_failure(error)) is not None:
        return known
    if isinstance(error, httpx.NetworkError):
        return failure(TroubleKind.CLOSED, "connection closed by the server", transport=True)
    return failure(TroubleKind.PROTOCOL, f"bad reply: {type(error).__name__}", transport=True)


def _misspoken(text: str) -> BackendError:
    if "illegal request line" in text:  # h11's words for a first byte that no HTTP reply has
        text = "not HTTP; a port that speaks TLS answers like this to a plain request"
    if "disconnected" in text or "closed connection" in text:
        return failure(TroubleKind.CLOSED, "connection closed before the whole answer came", transport=True)
    return failure(TroubleKind.PROTOCOL, f"bad reply: {text}", transport=True)
