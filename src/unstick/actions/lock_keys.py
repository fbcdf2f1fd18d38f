"""Locks that are keys of Redis, each with its holder's token: compared before they are deleted.

A key that expires is gone by itself, so that only those without an end can outlive their holder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from unstick.actions.deed import Item, Notes
from unstick.actions.holders import Holders, Life
from unstick.actions.lock_table import BY_DEATH, BY_FORCE, DRAINED, Part, one_shown
from unstick.backends.base import BackendError, UnsureError
from unstick.backends.redis_writes import DELETE_IF, RedisWriter
from unstick.facts.actions import DrainLocks, Left, Server, State, Target
from unstick.facts.text import clean
from unstick.facts.units import duration
from unstick.pollers.redis_discovery import KeyScan
from unstick.pollers.redis_round import RoundTrip
from unstick.secret import Url
from unstick.settings import Locks

KEYS_CAP = 2000
SCAN_CALLS = 200
"""At most so many times a thousand keys are looked through for one pattern."""
KEY = "key"
"""The kind of a target that is a key."""
DELETED, ENDING = 1, -1
"""What :data:`DELETE_IF` answers."""


class _Key(msgspec.Struct, frozen=True):
    """``left_s`` until it expires, ``None`` without an end."""

    name: str
    token: str
    worker_id: str
    left_s: float | None


class LockKeys:
    """Those of one context."""

    kind = "Redis"

    def __init__(self, url: Url, settings: Locks, order: DrainLocks, holders: Holders) -> None:
        self._connection = RedisWriter(url, setting="locks.redis_url")
        self._address = clean(url.address)
        self._settings = settings
        self._order = order
        self._holders = holders

    async def look(self) -> Part:
        """What may be deleted now. Raises :class:`BackendError`."""
        await self._connection.open()
        trip = RoundTrip()
        time, info = trip.ask("TIME"), trip.ask("INFO", "server", "replication")
        await trip.go(self._connection)
        said = _info(info.sure().text or b"")
        names = await self._names()
        keys = self._wanted(await self._read(names[:KEYS_CAP]))
        lives = await self._holders.lives((key.worker_id for key in keys), None)
        server = Server(self.kind, self._address, clean(self._connection.user), clean(said.get("run_id", "")))
        chosen, left, held = self._judged(keys, lives)
        notes = [f"Redis: {len(names)} {'lock' if len(names) == 1 else 'locks'}"]
        notes += [f"{held} of them end by themselves"] if held else []
        notes += [f"looked at {KEYS_CAP} of them"] if len(names) > KEYS_CAP else []
        replica = "this Redis is a replica: it accepts no changes" if said.get("role") == "slave" else None
        return Part(server, time.server_at, tuple(chosen), tuple(left), tuple(notes), replica)

    async def same(self, server: Server) -> bool:
        """Whether ``server`` is still who answers, asked over a new connection."""
        self._connection.abort()
        await self._connection.open()
        trip = RoundTrip()
        info = trip.ask("INFO", "server")
        await trip.go(self._connection)
        return _info(info.sure().text or b"").get("run_id") == server.identity

    async def work(self, items: Sequence[Item], notes: Notes) -> None:
        """Delete, key by key, what still holds the token of the plan."""
        for item in items:
            try:
                await self._delete(item, notes)
            except UnsureError:
                await self._resolve(item, notes)
            except BackendError as error:
                notes.note(item, State.SKIPPED, f"was not drained: {error}")

    async def compare(self, items: Sequence[Item], notes: Notes) -> None:
        """What became of keys whose deleting nobody remembers. Raises :class:`BackendError`."""
        await self._connection.open()
        tokens = await self._tokens([item.id for item in items])
        for item in items:
            if tokens[item.id] == item.version:
                notes.note(item, State.SKIPPED, "was not drained")
            elif tokens[item.id] is None:
                notes.note(item, State.GONE, "is gone, by us or by somebody else")
            else:
                notes.note(item, State.SKIPPED, "is held by somebody else now")

    async def close(self) -> None:
        """Part from the server."""
        await self._connection.close()

    async def _delete(self, item: Item, notes: Notes) -> None:
        condition = "endless" if item.before["by"] == BY_DEATH else "any"
        answer = await self._connection.run(DELETE_IF, item.id, item.version, condition)
        if answer == DELETED:
            notes.note(item, State.DONE, DRAINED)
        elif answer == ENDING:
            notes.note(item, State.SKIPPED, "ends by itself now")
        else:
            notes.note(item, State.SKIPPED, "is gone, or held by somebody else now")

    async def _resolve(self, item: Item, notes: Notes) -> None:
        """After a lost connection: a token that is still there was not deleted."""
        try:
            await self.compare([item], notes)
        except BackendError as error:
            self._connection.abort()
            notes.note(item, State.UNKNOWN, f"may have been drained: {error}")

    async def _names(self) -> list[str]:
        found: dict[str, None] = {}
        for pattern in self._settings.redis_keys:
            scan = KeyScan(pattern, calls=1)
            for _ in range(SCAN_CALLS):
                found.update(dict.fromkeys(await scan.step(self._connection)))
                if scan.passes or len(found) > KEYS_CAP:
                    break
        return sorted(found)

    async def _read(self, names: Sequence[str]) -> list[_Key]:
        trip = RoundTrip()
        asked = [(name, trip.ask("GET", name), trip.ask("PTTL", name)) for name in names]
        await trip.go(self._connection)
        keys = []
        for name, token, ttl in asked:
            if token.text is not None and ttl.count is not None and ttl.count != -2:
                text = token.text.decode("utf-8", "surrogateescape")
                left = None if ttl.count == -1 else ttl.count / 1000
                keys.append(_Key(name, text, self._holder(text), left))
        return keys

    async def _tokens(self, names: Sequence[str]) -> dict[str, str | None]:
        tokens = {key.name: key.token for key in await self._read(names)}
        return {name: tokens.get(name) for name in names}

    def _holder(self, token: str) -> str:
        if self._settings.redis_worker is None:
            return token.partition(":")[0]
        try:
            document: Any = msgspec.json.decode(token.encode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return ""
        value = document.get(self._settings.redis_worker) if isinstance(document, dict) else None
        return value if isinstance(value, str) else ""

    def _wanted(self, keys: list[_Key]) -> list[_Key]:
        order = self._order
        if order.worker is None:
            return keys
        exact = [key for key in keys if key.worker_id == order.worker]
        named = order.worker if exact else one_shown(order, (key.worker_id for key in keys))
        return exact or [key for key in keys if named is not None and key.worker_id == named]

    def _judged(
        self, keys: Sequence[_Key], lives: Mapping[str, Life]
    ) -> tuple[list[tuple[Item, Target]], list[Left], int]:
        chosen, left, held = [], [], 0
        for key in keys:
            life = lives[key.worker_id]
            by = BY_FORCE if self._order.force else BY_DEATH if key.left_s is None and life.dead else None
            item = Item(KEY, self.kind, key.name, key.worker_id, key.token, {"by": by, "left_s": key.left_s})
            ends = "has no end" if key.left_s is None else f"ends in {duration(key.left_s)}"
            if by is not None:
                chosen.append((item, Target(*item.shown, "would be drained", (ends, clean(life.text)))))
            elif key.left_s is None or self._order.worker is not None:
                left.append(Left(*item.shown, clean(f"{ends}; {life.text}"), life.again_s))
            else:
                held += 1
        return chosen, left, held


def _info(text: bytes) -> dict[str, str]:
    """``INFO`` as a table."""
    lines = (line.partition(":") for line in text.decode("utf-8", "replace").splitlines())
    return {name: value.strip() for name, separator, value in lines if separator}
