"""PostgreSQL failures in words: every SQLSTATE, socket and TLS error as one :class:`BackendError`.

Server messages may be in any language, so decisions rest on SQLSTATE and on names, never on words. PgBouncer is the
exception: it says everything in English under one code.
"""

from __future__ import annotations

import errno
import socket
import ssl

import asyncpg

from unstick.backends.base import BackendError, failure
from unstick.facts.reading import TroubleKind

_SQLSTATES: dict[str, tuple[TroubleKind, str, bool]] = {
    "28P01": (TroubleKind.AUTH, "wrong user or password: check postgres.url", True),
    "3D000": (TroubleKind.SCHEMA, "no such database: check postgres.url", True),
    "42501": (TroubleKind.DENIED, "not permitted", False),
    "57014": (TroubleKind.TIMEOUT, "statement timeout: the statement was cancelled", False),
    "55P03": (TroubleKind.TIMEOUT, "lock timeout: a table is locked by somebody else", False),
    "53300": (TroubleKind.OVERLOAD, "too many connections", True),
    "57P01": (TroubleKind.CLOSED, "disconnected by an administrator or a shutdown", True),
    "57P02": (TroubleKind.CLOSED, "disconnected: another server process crashed", True),
    "57P03": (TroubleKind.REFUSED, "the server is starting up or shutting down", True),
    "57P05": (TroubleKind.CLOSED, "disconnected: idle for too long", True),
    "25P03": (TroubleKind.CLOSED, "disconnected: the transaction was idle for too long", True),
    "40001": (TroubleKind.TIMEOUT, "cancelled: conflicts with replication on this standby", False),
    "25006": (TroubleKind.DENIED, "read-only: the transaction or the server accepts no writes", False),
}
"""SQLSTATE -> kind, words, whether the connection is gone (PostgreSQL manual, appendix A)."""

_CLASSES: dict[str, tuple[TroubleKind, bool]] = {
    "08": (TroubleKind.CLOSED, True),
    "28": (TroubleKind.AUTH, True),
    "53": (TroubleKind.OVERLOAD, False),
    "42": (TroubleKind.SCHEMA, False),
    "3F": (TroubleKind.SCHEMA, False),
    "22": (TroubleKind.SCHEMA, False),
}

_POOLER_WORDS = (
    ("no more connections", TroubleKind.OVERLOAD),
    ("query_wait_timeout", TroubleKind.OVERLOAD),
    ("password", TroubleKind.AUTH),
    ("auth", TroubleKind.AUTH),
    ("no such user", TroubleKind.AUTH),
)

_STATEMENT_POOLING = "not allowed in statement pooling mode"

_TLS_REASONS = (
    ("certificate has expired", "the server's certificate has expired"),
    ("mismatch", "the server's certificate is for another host name"),
    ("self-signed", "the server's certificate is signed by an unknown authority"),
    ("self signed", "the server's certificate is signed by an unknown authority"),
    ("unable to get local issuer", "the server's certificate is signed by an unknown authority"),
)

_ERRNOS = (
    (errno.ECONNREFUSED, TroubleKind.REFUSED, "connection refused"),
    (errno.ETIMEDOUT, TroubleKind.TIMEOUT, "no answer to the connection attempt"),
    (errno.ENOENT, TroubleKind.REFUSED, "no such file, the socket or certificate of postgres.url"),
    (errno.EHOSTUNREACH, TroubleKind.REFUSED, "no route to host"),
    (errno.ENETUNREACH, TroubleKind.REFUSED, "network is unreachable"),
)


def server_failure(error: asyncpg.PostgresError, explained: str | None = None) -> BackendError:
    """What the server itself refused. ``explained`` replaces the words where a caller knows better ones."""
    code = error.sqlstate or ""
    said = str(error.args[0]) if error.args else type(error).__name__
    if _STATEMENT_POOLING in said:
        words = "PgBouncer is in statement pooling mode: pool_mode must be transaction or session"
        return failure(TroubleKind.PROTOCOL, words, transport=True, code=code)
    if code == "08P01":
        kind = next((kind for word, kind in _POOLER_WORDS if word in said.lower()), TroubleKind.PROTOCOL)
        return failure(kind, said, transport=True, code=code)
    if code in _SQLSTATES:
        kind, words, transport = _SQLSTATES[code]
        return failure(kind, explained or (f"{words} ({said})" if said else words), transport=transport, code=code)
    kind, transport = _CLASSES.get(code[:2], (TroubleKind.PROTOCOL, False))
    hint = "; check postgres.url" if kind is TroubleKind.AUTH else ""
    return failure(kind, explained or f"{said}{hint}", transport=transport, code=code)


_LINK: tuple[tuple[type[Exception], TroubleKind, str], ...] = (
    (TimeoutError, TroubleKind.TIMEOUT, "no answer from {address} within {patience:g} s"),
    (socket.gaierror, TroubleKind.DNS, "{error}: {address}"),
    (asyncpg.ProtocolError, TroubleKind.PROTOCOL, "bad reply from {address}"),
    (asyncpg.InternalClientError, TroubleKind.CLOSED, "the connection was closed"),
    (asyncpg.InterfaceError, TroubleKind.CLOSED, "the connection was closed"),
)
"""Driver and socket errors whose type says everything; the first that fits counts."""


def link_failure(error: Exception, address: str, patience_s: float) -> BackendError:
    """What happened to the link while ``address`` had ``patience_s`` to answer; the connection is gone."""
    for family, kind, words in _LINK:
        if isinstance(error, family):
            return failure(kind, words.format(error=error, address=address, patience=patience_s), transport=True)
    if isinstance(error, ssl.SSLError):
        return failure(TroubleKind.TLS, _tls_reason(str(error)), transport=True)
    if isinstance(error, ConnectionError) and "SSL" in str(error):
        return failure(TroubleKind.TLS, "TLS: the server offers none on this port", transport=True)
    if isinstance(error, OSError):
        kind, words = _socket(error, address)
        return failure(kind, words, transport=True)
    return failure(TroubleKind.PROTOCOL, f"bad reply from {address}: {type(error).__name__}", transport=True)


def _tls_reason(said: str) -> str:
    reason = next((words for mark, words in _TLS_REASONS if mark in said.lower()), said)
    return f"TLS: {reason}"


def _socket(error: OSError, address: str) -> tuple[TroubleKind, str]:
    """Several addresses of one host give one error without a number: its text still lists them."""
    for number, kind, words in _ERRNOS:
        if error.errno == number or f"[Errno {number}]" in str(error):
            return kind, f"{words}: {address}"
    if isinstance(error, ConnectionError):
        return TroubleKind.CLOSED, "the connection was closed"
    return TroubleKind.REFUSED, f"{error.strerror or type(error).__name__}: {address}"
