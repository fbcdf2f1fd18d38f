"""Which commands unstick sends to a Redis that it watches: bounded reads, nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

Argument: TypeAlias = str | bytes | int | float
Command: TypeAlias = tuple[Argument, ...]

READ_COMMANDS: Final = frozenset(
    {
        *("TIME", "PING", "INFO", "DBSIZE", "ACL", "SLOWLOG"),
        *("TYPE", "EXISTS", "PTTL", "SCAN"),
        *("GET", "MGET", "STRLEN"),
        *("LLEN", "LINDEX", "LRANGE"),
        *("HLEN", "HGET", "HMGET", "HSTRLEN", "HSCAN"),
        *("SCARD", "SMEMBERS", "SSCAN"),
        *("ZCARD", "ZCOUNT", "ZSCORE", "ZRANGE", "ZREVRANGE"),
    }
)
"""None of them writes, none walks the whole key space."""
SUBCOMMANDS: Final = {"ACL": frozenset({"WHOAMI", "DRYRUN"}), "SLOWLOG": frozenset({"LEN"})}
COUNT_CAP: Final = 1000
RANGE_CAP: Final = 1000


def check(command: Command) -> None:
    """Raises :class:`PermissionError` unless ``command`` is a bounded read of :data:`READ_COMMANDS`."""
    name = command[0] if command else ""
    if name not in READ_COMMANDS:
        raise PermissionError(f"not a reading command: {name!r}")
    arguments = [arg.upper() if isinstance(arg, str) else arg for arg in command[1:]]
    if name in SUBCOMMANDS and not (arguments and arguments[0] in SUBCOMMANDS[str(name)]):
        raise PermissionError(f"of {name} only {' and '.join(sorted(SUBCOMMANDS[str(name)]))} are read")
    if name in {"SCAN", "HSCAN", "SSCAN"} and not 0 < _count(arguments) <= COUNT_CAP:
        raise PermissionError(f"{name} must end in a COUNT of at most {COUNT_CAP}")
    if name in {"LRANGE", "ZRANGE", "ZREVRANGE"}:
        _check_range(str(name), arguments)


def scored(reply: object) -> Iterator[tuple[bytes, float]]:
    """Members with their scores: pairs in the newer protocol, a flat list in the older one."""
    if not isinstance(reply, list):
        return
    pairs = reply if reply and isinstance(reply[0], list) else zip(reply[::2], reply[1::2], strict=False)
    for member, score in pairs:
        if isinstance(member, bytes):
            yield member, float(score)


def _check_range(name: str, arguments: Sequence[Argument]) -> None:
    try:
        start, stop = int(arguments[1]), int(arguments[2])
    except (ValueError, IndexError):
        raise PermissionError(f"{name} needs numeric bounds") from None
    if (start < 0) != (stop < 0) or stop - start >= RANGE_CAP:
        raise PermissionError(f"{name} needs bounds at most {RANGE_CAP} apart")


def _count(arguments: Sequence[Argument]) -> int:
    with contextlib.suppress(ValueError, IndexError):
        if arguments[-2] == "COUNT":
            return int(arguments[-1])
    return 0
