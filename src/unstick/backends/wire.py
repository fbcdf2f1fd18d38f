"""What goes wrong below every protocol: names, sockets and TLS, told in the words of the screen.

Drivers wrap the system's error in their own, sometimes several deep and sometimes in a group (one error per address
of a name): the chain is searched for the error that explains most.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Iterator

from unstick.backends.base import BackendError, failure
from unstick.facts.reading import TroubleKind

_CHAIN_LIMIT = 40
_CLEAREST_FIRST = (
    TroubleKind.TLS,
    TroubleKind.DNS,
    TroubleKind.REFUSED,
    TroubleKind.CLOSED,
    TroubleKind.TIMEOUT,
)
_REFUSED = frozenset({errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EACCES})
_HANG_UPS = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, EOFError)

# OpenSSL's X509_V_ERR_*: certificate expired; host or address mismatch; issuer missing, self-signed, untrusted.
_EXPIRED = 10
_WRONG_HOST = frozenset({62, 64})
_UNKNOWN_ISSUER = frozenset({2, 18, 19, 20, 21, 27})
_NOT_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH")


def wire_failure(error: BaseException) -> BackendError | None:
    """The failure that a system error in the chain of ``error`` stands for; ``None`` when there is none.

    Texts are our own, never the driver's: those may quote the address with its password.
    """
    told = [answer for cause in _chain(error) if (answer := _told(cause)) is not None]
    if not told:
        return None
    kind, text = min(told, key=lambda answer: _CLEAREST_FIRST.index(answer[0]))
    return failure(kind, text, transport=True)


def _chain(error: BaseException) -> Iterator[BaseException]:
    waiting, seen = [error], set[int]()
    while waiting and len(seen) < _CHAIN_LIMIT:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [cause for cause in (current.__cause__, current.__context__) if cause is not None]
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions


def _told(error: BaseException) -> tuple[TroubleKind, str] | None:  # noqa: PLR0911 - one answer per cause
    match error:
        case ssl.SSLCertVerificationError():
            return TroubleKind.TLS, _certificate(error.verify_code)
        case ssl.SSLError():
            return TroubleKind.TLS, _handshake(error)
        case socket.gaierror():
            return TroubleKind.DNS, _name(error)
        case TimeoutError():
            return TroubleKind.TIMEOUT, "no answer in time"
        case OSError(errno=int() as number) if number in _REFUSED:
            return TroubleKind.REFUSED, os.strerror(number).lower()
        case OSError(errno=int() as number) if number in errno.errorcode:
            return TroubleKind.CLOSED, os.strerror(number).lower()
        case _ if isinstance(error, _HANG_UPS):
            return TroubleKind.CLOSED, "connection closed by the server"
        case OSError() if f"[Errno {errno.ECONNREFUSED}]" in str(error):
            return TroubleKind.REFUSED, "connection refused"  # asyncio joins the errors of several addresses
    return None


def _name(error: socket.gaierror) -> str:
    if error.errno == socket.EAI_AGAIN:
        return f"[Errno {error.errno}] Temporary failure in name resolution: the resolver does not answer"
    return f"[Errno {error.errno}] {error.strerror or 'Name or service not known'}"


def _certificate(code: int) -> str:
    if code == _EXPIRED:
        return "TLS: the server's certificate has expired"
    if code in _WRONG_HOST:
        return "TLS: the server's certificate is for another host name"
    if code in _UNKNOWN_ISSUER:
        return "TLS: the server's certificate is from an authority that this host does not know"
    return f"TLS: the server's certificate is not accepted (code {code})"


def _handshake(error: ssl.SSLError) -> str:
    reason = (error.reason or "").upper()
    if any(word in reason for word in _NOT_TLS):
        return "TLS: the server does not speak TLS on this port"
    return f"TLS: handshake failed ({reason.lower().replace('_', ' ') or 'no reason given'})"
