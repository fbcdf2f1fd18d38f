"""What went wrong with Redis, in words: the driver's exceptions and the server's error codes."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from typing import Final

import redis.exceptions as said

from unstick.backends.base import BackendError, failure
from unstick.facts.reading import TroubleKind

_WHOLE_SERVER: Final = {
    "LOADING": (TroubleKind.OVERLOAD, "Redis is loading its data"),
    "BUSY": (TroubleKind.OVERLOAD, "Redis is busy running a script"),
    "MASTERDOWN": (TroubleKind.OVERLOAD, "the replica lost its master and serves no stale data"),
    "CLUSTERDOWN": (TroubleKind.OVERLOAD, "the Redis cluster is down"),
    "TRYAGAIN": (TroubleKind.OVERLOAD, "the Redis cluster is moving keys"),
    "OOM": (TroubleKind.OVERLOAD, "Redis is out of memory"),
    "READONLY": (TroubleKind.OVERLOAD, "the Redis server is a read-only replica"),
    "MISCONF": (TroubleKind.OVERLOAD, "Redis cannot write its snapshots"),
    "MOVED": (TroubleKind.PROTOCOL, "the key lives on another cluster node; name that node's server"),
    "ASK": (TroubleKind.PROTOCOL, "the key is moving to another cluster node"),
    "CROSSSLOT": (TroubleKind.PROTOCOL, "the keys live on several cluster nodes"),
}
_BY_CLASS: Final = (
    (said.BusyLoadingError, "LOADING"),
    (said.MasterDownError, "MASTERDOWN"),
    (said.ClusterDownError, "CLUSTERDOWN"),
    (said.TryAgainError, "TRYAGAIN"),
    (said.OutOfMemoryError, "OOM"),
    (said.ReadOnlyError, "READONLY"),
    (said.MovedError, "MOVED"),
    (said.AskError, "ASK"),
    (said.ClusterCrossSlotError, "CROSSSLOT"),
)


def refusal(
    error: said.RedisError, command: tuple[object, ...], user: str, setting: str, *, transport: bool
) -> BackendError:
    """What the server answered to ``command`` instead of a value: kind ``SCHEMA`` or ``DENIED`` for this command
    alone, another kind when the server as a whole cannot answer.
    """
    code = _code(error)
    if code in _WHOLE_SERVER:
        kind, text = _WHOLE_SERVER[code]
        return failure(kind, text, transport=transport)
    if isinstance(error, said.NoPermissionError):
        return failure(TroubleKind.DENIED, _denied(str(error), command, user), transport=transport)
    if isinstance(error, said.AuthenticationWrongNumberOfArgsError):
        return failure(TroubleKind.AUTH, f"this Redis knows no user names; check {setting}", transport=True)
    if "db index" in str(error).lower():
        return failure(TroubleKind.ABSENT, f"the server has no such database; check {setting}", transport=transport)
    if code == "WRONGTYPE":
        return failure(TroubleKind.SCHEMA, f"{_shown(command)}: the key has another type", transport=transport)
    return failure(TroubleKind.SCHEMA, f"{_shown(command)}: {error}", transport=transport)


def unreachable(error: Exception, place: str, timeout_s: float, setting: str) -> BackendError:
    """Why there is no connection, or none any more. ``place`` is ``host:port/db`` without credentials."""
    kind, text = _unreachable(error, place, timeout_s, setting)
    return failure(kind, text, transport=True)


def _unreachable(error: Exception, place: str, timeout_s: float, setting: str) -> tuple[TroubleKind, str]:
    match error:
        case said.AuthenticationError():
            unnamed = "required" in str(error).lower() or "already authenticated" in str(error).lower()
            wanted = "wants a password" if unnamed else "refused user or password"
            found = TroubleKind.AUTH, f"{place} {wanted}; check {setting}"
        case said.BusyLoadingError():
            found = _WHOLE_SERVER["LOADING"]
        case said.InvalidResponse():
            found = TroubleKind.PROTOCOL, f"{place} does not speak the Redis protocol: {str(error)[:80]}"
        case said.ConnectionError() if "max number of clients" in str(error):
            found = TroubleKind.OVERLOAD, f"{place}: the limit of clients (maxclients) is reached"
        case _:
            causes = (_by_cause(cause, place, timeout_s) for cause in _causes(error))
            found = next((known for known in causes if known), (TroubleKind.CLOSED, f"{place} closed the connection"))
    return found


def _by_cause(cause: BaseException, place: str, timeout_s: float) -> tuple[TroubleKind, str] | None:
    match cause:
        case socket.gaierror():
            words = "name not known" if cause.errno == socket.EAI_NONAME else f"resolver: {cause.strerror}"
            found = TroubleKind.DNS, f"{place}: {words}"
        case ConnectionRefusedError():
            found = TroubleKind.REFUSED, f"{place} refuses connections"
        case ssl.SSLCertVerificationError():
            found = TroubleKind.TLS, f"{place}: certificate refused: {cause.verify_message}"
        case ssl.SSLError():
            found = TroubleKind.TLS, f"{place}: no TLS on this port ({cause.reason or 'handshake failed'})"
        case said.TimeoutError() | TimeoutError():
            found = TroubleKind.TIMEOUT, f"{place}: no answer within {timeout_s:g} s"
        case ConnectionResetError() | BrokenPipeError():
            found = TroubleKind.CLOSED, f"{place} closed the connection"
        case OSError(strerror=str(words)):
            found = TroubleKind.REFUSED, f"{place}: {words}"
        case _:
            return None
    return found


def _causes(error: BaseException) -> Iterator[BaseException]:
    at: BaseException | None = error
    while at is not None:
        yield at
        at = at.__cause__ or at.__context__


def _code(error: said.RedisError) -> str:
    for kind, code in _BY_CLASS:
        if isinstance(error, kind):
            return code
    return str(error).partition(" ")[0]


def _denied(text: str, command: tuple[object, ...], user: str) -> str:
    if re.search(r"\bkeys?\b", text):
        key = _text(command[1]) if len(command) > 1 else "*"
        pattern = key.partition(":")[0] + ":*" if ":" in key else key
        return f"no permission for key {key}; mend: ACL SETUSER {user} ~{pattern}"
    named = re.search(r"'([a-z|]+)'", text)
    name = named[1] if named else str(command[0]).lower()
    return f"no permission for {name.upper().replace('|', ' ')}; mend: ACL SETUSER {user} +{name}"


def _shown(command: tuple[object, ...]) -> str:
    return " ".join(_text(part) for part in command[:2])


def _text(part: object) -> str:
    return part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part)
