"""One dependency, tried once: what goes wrong is the answer, not a failed look."""

from __future__ import annotations

from typing import Literal
from urllib.parse import SplitResult, urlsplit

from unstick import clock
from unstick.backends.base import BackendError, failure
from unstick.backends.dial import DialConnection
from unstick.backends.http import HttpConnection
from unstick.facts.dependency import DependencyFacts
from unstick.facts.reading import Source, TroubleKind
from unstick.facts.text import clean
from unstick.settings import Dependency

Kind = Literal["http", "tcp", "tls", "dns"]
Outcome = tuple[int | None, float | None, tuple[str, ...]]
"""Status, end of the certificate, addresses."""

ASKS_FOR_LOGIN = (401, 403)
"""Whoever asks for a password is up."""


class DependencyPoller:
    """Knocks at one place. ``entry`` has its blanks filled."""

    def __init__(self, source: Source, entry: Dependency) -> None:
        self.source = source
        self._entry = entry
        self._parts = urlsplit(entry.url.reveal() if entry.url else "")
        self.kind: Kind = _KINDS[self._parts.scheme.lower()]
        self.name = clean(entry.known_as)

    async def look(self, connection: HttpConnection | DialConnection) -> DependencyFacts:
        """Try once. Raises only what is unstick's own fault."""
        begun = clock.monotonic()
        error: BackendError | None = None
        outcome: Outcome = (None, None, ())
        try:
            outcome = await self._try(connection)
        except BackendError as caught:
            if caught.trouble.kind is TroubleKind.INTERNAL:
                raise
            connection.abort()
            error = caught
        status, ends_at, addresses = outcome
        return DependencyFacts(
            name=self.name,
            kind=self.kind,
            address=clean(self._entry.url.address if self._entry.url else ""),
            looked_at=clock.now(),
            took_s=clock.monotonic() - begun,
            status=status,
            expected=error is None and (status is None or self._expects(status)),
            error=error.trouble.text if error else None,
            trouble=error.trouble.kind if error else None,
            certificate_ends_at=ends_at,
            addresses=tuple(map(clean, addresses)),
            slow_s=self._entry.slow_s,
            tls_warning_s=self._entry.tls_warning_s,
            hint=clean(self._entry.hint),
        )

    async def _try(self, connection: HttpConnection | DialConnection) -> Outcome:
        parts = self._parts
        if isinstance(connection, HttpConnection):
            answer = await connection.get(path_of_url(parts), body=False)
            return answer.status, answer.certificate_ends_at, ()
        if self.kind == "dns":
            return None, None, await connection.resolve(parts.hostname or "")
        if parts.port is None:
            raise failure(TroubleKind.PROTOCOL, "the address names no port")
        return None, await connection.connect(parts.hostname or "", parts.port, tls=self.kind == "tls"), ()

    def _expects(self, status: int) -> bool:
        wanted = self._entry.status
        return status in wanted if wanted else status < 400 or status in ASKS_FOR_LOGIN


def path_of_url(parts: SplitResult) -> str:
    """Path and query, as they are asked for."""
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


_KINDS: dict[str, Kind] = {"http": "http", "https": "http", "tcp": "tcp", "tls": "tls", "dns": "dns"}
