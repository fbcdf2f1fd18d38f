"""A Redis stream that carries records of a tape: one writes, any number read. No other key is touched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from unstick.backends.base import BackendError, failure
from unstick.backends.redis import RedisConnection
from unstick.facts.reading import TroubleKind

RECORD = b"r"
"""The field of an entry that holds the record; ``k`` is its type, for people."""
WAIT_S = 1.0
"""How long a reader waits for the next entry, at a time."""


class Entry(NamedTuple):
    """One entry: its id, and what is in its record field (empty where there is none)."""

    id: bytes
    record: bytes


class StreamConnection(RedisConnection):
    """One connection, used for one key alone."""

    async def add(self, key: str, records: Sequence[tuple[str, bytes]], keep: int | None = None) -> None:
        """Append records by type and bytes; about the newest ``keep`` stay, or all. Raises :class:`BackendError`."""
        bound = () if keep is None else ("MAXLEN", "~", str(keep))
        commands = [("XADD", key, *bound, "*", "k", kind, RECORD.decode(), record) for kind, record in records]
        for reply in await self._round(commands):
            if isinstance(reply, BackendError):
                raise reply

    async def newest(self, key: str, count: int) -> list[Entry]:
        """The newest entries, oldest first. Raises :class:`BackendError`."""
        (reply,) = await self._round([("XREVRANGE", key, "+", "-", "COUNT", str(count))])
        return _entries(reply)[::-1]

    async def after(self, key: str, id_: bytes, count: int) -> list[Entry]:
        """What came after an entry, waiting a second at most. Raises :class:`BackendError`."""
        wait = str(int(WAIT_S * 1000))
        command = ("XREAD", "COUNT", str(count), "BLOCK", wait, "STREAMS", key, id_)
        (reply,) = await self._round([command])
        if isinstance(reply, dict):
            return _entries(next(iter(reply.values()), []))
        if isinstance(reply, list) and reply and isinstance(reply[0], list) and len(reply[0]) == 2:
            return _entries(reply[0][1])
        return _entries(reply or [])


def _entries(reply: object) -> list[Entry]:
    if isinstance(reply, BackendError):
        raise reply
    if not isinstance(reply, list):
        raise failure(TroubleKind.PROTOCOL, "an answer that is no stream")
    found = []
    for entry in reply:
        if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[0], bytes):
            raise failure(TroubleKind.PROTOCOL, "an answer that is no stream")
        found.append(Entry(entry[0], _field(entry[1])))
    return found


def _field(fields: object) -> bytes:
    pairs = list(fields.items()) if isinstance(fields, dict) else _paired(fields)
    return next((value for name, value in pairs if name == RECORD and isinstance(value, bytes)), b"")


def _paired(fields: object) -> list[tuple[object, object]]:
    flat = fields if isinstance(fields, list) else []
    return list(zip(flat[::2], flat[1::2], strict=False))
