"""Knocking: a name looked up, a port opened, a TLS handshake done, and nothing said."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ssl

from unstick.backends.base import failure
from unstick.backends.wire import wire_failure
from unstick.facts.reading import Cost, TroubleKind

ADDRESSES = 8


class DialConnection:
    """Makes a connection per question and keeps none. ``total_s`` bounds each."""

    def __init__(self, *, total_s: float) -> None:
        self._total_s = total_s
        self._writer: asyncio.StreamWriter | None = None
        self._queries = 0

    async def open(self) -> None:
        """Nothing to open before there is a question."""

    async def resolve(self, host: str) -> tuple[str, ...]:
        """The addresses of a name, by this host's resolver. Raises :class:`BackendError`."""
        self._queries += 1
        try:
            async with asyncio.timeout(self._total_s):
                found = await asyncio.get_running_loop().getaddrinfo(host, None, type=1)
        except (OSError, UnicodeError, TimeoutError) as error:
            raise self._failed(error) from None
        return tuple(dict.fromkeys(str(place[0]) for *_, place in found))[:ADDRESSES]

    async def connect(self, host: str, port: int, *, tls: bool) -> float | None:
        """Open a port and close it; the end of its certificate where it speaks TLS. Raises :class:`BackendError`."""
        self._queries += 1
        try:
            async with asyncio.timeout(self._total_s):
                context = await asyncio.to_thread(tls_context) if tls else None
                _, self._writer = await asyncio.open_connection(host, port, ssl=context)
        except (OSError, UnicodeError, TimeoutError) as error:
            raise self._failed(error) from None
        ends_at = certificate_end(self._writer.get_extra_info("ssl_object"))
        self.abort()
        return ends_at

    def abort(self) -> None:
        """Close the socket at once."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with contextlib.suppress(Exception):
                writer.transport.abort()

    async def close(self) -> None:
        """The same."""
        self.abort()

    def take_cost(self) -> Cost:
        """Attempts since the last call."""
        cost, self._queries = Cost(self._queries), 0
        return cost

    def _failed(self, error: Exception) -> Exception:
        self.abort()
        if isinstance(error, TimeoutError) and not error.args:
            return failure(TroubleKind.TIMEOUT, f"no answer within {self._total_s:g} s", transport=True)
        known = wire_failure(error)
        return known or failure(TroubleKind.PROTOCOL, "this is no name or address", transport=True)


@functools.cache
def tls_context() -> ssl.SSLContext:
    """The system's certificate authorities, or those of ``SSL_CERT_FILE``; read once, it takes 20 ms and more."""
    return ssl.create_default_context()


def certificate_end(link: object) -> float | None:
    """When the peer's certificate ends (UTC seconds); ``None`` without TLS."""
    if not isinstance(link, ssl.SSLObject):
        return None
    end = (link.getpeercert() or {}).get("notAfter")
    return float(ssl.cert_time_to_seconds(end)) if isinstance(end, str) else None
