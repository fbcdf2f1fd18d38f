"""Finding Dramatiq and Celery in a Redis database, in small steps that never hold the server up.

Queue names are kept exactly (bytes that are not UTF-8 as lone surrogates), because keys are addressed by them; they
are sanitised where they enter a fact.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Final

import msgspec

from unstick import clock
from unstick.backends.redis import RedisConnection
from unstick.pollers.redis_round import RoundTrip

SCAN_COUNT: Final = 1000
CALLS_PER_LOOK: Final = 5
PASS_EVERY_S: Final = 60.0
DISCOVERY_CALLS: Final = 50
NAMESPACE_CAP: Final = 8
EXCHANGE_CAP: Final = 200
HEARTBEATS: Final = "__heartbeats__"
BINDING: Final = "_kombu.binding."
REDBEAT: Final = "redbeat::schedule"

_BOTH_SYSTEMS: Final = "*_[_k][ho][em][ab][ru]*"
"""Matches ``__heartbeats__`` and ``_kombu.binding``, so that one pass finds both."""
_USUAL_KEYS: Final = (
    f"dramatiq:{HEARTBEATS}",
    *(BINDING + exchange for exchange in ("celery", "default", "celeryev", "celery.pidbox")),
)
_KOMBU_SEPARATOR: Final = "\x06\x16"


class FoundDramatiq(msgspec.Struct, frozen=True):
    """A namespace with the queues that have keys now."""

    namespace: str
    queues: tuple[str, ...]


class FoundCelery(msgspec.Struct, frozen=True):
    """A ``global_keyprefix`` (mostly empty) with the queues that were ever bound."""

    key_prefix: str
    queues: tuple[str, ...]


class Found(msgspec.Struct, frozen=True):
    """What one database holds. ``complete``: its whole key space was seen."""

    dramatiq: tuple[FoundDramatiq, ...]
    celery: tuple[FoundCelery, ...]
    complete: bool
    redbeat: bool = False
    """A schedule of RedBeat stands under its usual name."""


class KeyScan:
    """A pass over the key space, resumed at every step and begun again at most once in ``every_s`` seconds."""

    def __init__(self, pattern: str, *, calls: int = CALLS_PER_LOOK, every_s: float = PASS_EVERY_S) -> None:
        self._pattern = pattern
        self._calls = calls
        self._every_s = every_s
        self._cursor = 0
        self._due = -math.inf
        self.passes = 0
        """How many passes have ended."""

    async def step(self, connection: RedisConnection) -> list[str]:
        """The matching keys of this step; a server that forbids SCAN has none to tell."""
        keys: list[str] = []
        if self._cursor == 0 and clock.monotonic() < self._due:
            return keys
        for _ in range(self._calls):
            trip = RoundTrip()
            answer = trip.ask("SCAN", self._cursor, "MATCH", self._pattern, "COUNT", SCAN_COUNT)
            await trip.go(connection)
            match answer.items:
                case [bytes(cursor), [*found]]:
                    self._cursor = int(cursor)
                    keys += [exact(key) for key in found if isinstance(key, bytes)]
                case _:
                    self._cursor = 0
            if self._cursor == 0:
                self._due = clock.monotonic() + self._every_s
                self.passes += answer.refusal is None
                break
        return keys


async def discover(connection: RedisConnection) -> Found:
    """Which Dramatiq namespaces and Celery brokers the connection's database holds, within 50 calls of SCAN.

    The usual names are asked for directly, so that they are found in a database of any size.
    """
    trip = RoundTrip()
    usual = {key: trip.ask("EXISTS", key) for key in _USUAL_KEYS}
    redbeat = trip.ask("EXISTS", REDBEAT)
    await trip.go(connection)
    scan = KeyScan(_BOTH_SYSTEMS, calls=DISCOVERY_CALLS // 2)
    keys = {key for key, answer in usual.items() if answer.count} | set(await scan.step(connection))
    keys = {key for key in keys if _spellable(key)}
    namespaces = sorted(key.removesuffix(f":{HEARTBEATS}") for key in keys if key.endswith(f":{HEARTBEATS}"))
    dramatiq = await _dramatiq(connection, namespaces[:NAMESPACE_CAP])
    celery = await _celery(connection, {key for key in keys if BINDING in key})
    return Found(dramatiq, celery, scan.passes > 0, bool(redbeat.count))


async def _dramatiq(connection: RedisConnection, namespaces: list[str]) -> tuple[FoundDramatiq, ...]:
    calls = DISCOVERY_CALLS // 2 // max(1, len(namespaces))
    found = []
    for namespace in namespaces:
        keys = await KeyScan(f"{escape(namespace)}:*", calls=calls).step(connection)
        queues = {dramatiq_queue(key.removeprefix(f"{namespace}:")) for key in keys if _spellable(key)}
        found.append(FoundDramatiq(namespace, tuple(sorted(queue for queue in queues if queue))))
    return tuple(found)


async def _celery(connection: RedisConnection, keys: set[str]) -> tuple[FoundCelery, ...]:
    bindings = await read_bindings(connection, keys)
    queues: dict[str, set[str]] = {key.partition(BINDING)[0]: set() for key in keys}
    for key, bound in bindings.items():
        queues[key.partition(BINDING)[0]] |= {queue for _, queue in bound}
    return tuple(FoundCelery(prefix, tuple(sorted(names))) for prefix, names in sorted(queues.items()))


async def read_bindings(
    connection: RedisConnection, keys: Iterable[str], separator: str = _KOMBU_SEPARATOR
) -> dict[str, list[tuple[str, str]]]:
    """Routing key and queue of every binding of the exchanges at ``keys``; those of remote control and events left
    out, since they name a queue per worker process, dead ones too. ``separator``: ``sep`` of the transport options.
    """
    wanted = [key for key in sorted(keys) if not _internal_exchange(key.partition(BINDING)[2])][:EXCHANGE_CAP]
    trip = RoundTrip()
    answers = {key: trip.ask("SSCAN", key, 0, "COUNT", SCAN_COUNT) for key in wanted}
    await trip.go(connection)
    found: dict[str, list[tuple[str, str]]] = {}
    for key, answer in answers.items():
        match answer.items:
            case [bytes(), [*members]]:
                bound = (_binding(exact(member), separator) for member in members if isinstance(member, bytes))
                found[key] = [binding for binding in bound if binding is not None]
    return found


def dramatiq_queue(rest: str) -> str | None:
    """The queue that a key belongs to, by what follows ``<namespace>:``.

    >>> [dramatiq_queue(rest) for rest in ("mail.DQ.msgs", "mail.XQ", "__acks__.5f.mail.DQ", "__heartbeats__")]
    ['mail', 'mail', 'mail', None]
    """
    if rest.startswith("__acks__."):
        rest = rest.removeprefix("__acks__.").partition(".")[2]
    if rest == HEARTBEATS:
        return None
    return re.sub(r"(\.[DX]Q)?(\.msgs)?\Z", "", rest, flags=re.DOTALL) or None


def exact(data: bytes) -> str:
    """A name that addresses the same key when it is sent back, whatever bytes it has."""
    return data.decode("utf-8", "surrogateescape")


def escape(text: str) -> str:
    """``text`` as a literal inside a glob pattern of Redis."""
    return re.sub(r"([*?\[\]\\^])", r"\\\1", text)


def _spellable(name: str) -> bool:
    """Whether a configuration file, which is UTF-8, can name it."""
    return not re.search("[\ud800-\udfff]", name)


def _binding(member: str, separator: str) -> tuple[str, str] | None:
    parts = member.split(separator)
    if len(parts) != 3 or not parts[2] or _internal_queue(parts[2]):
        return None
    return parts[0], parts[2]


def _internal_exchange(name: str) -> bool:
    return name == "celeryev" or name.endswith(".pidbox")


def _internal_queue(name: str) -> bool:
    return name.startswith("celeryev.") or name.endswith(".pidbox")
