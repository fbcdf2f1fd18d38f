"""``drain-locks``: locks that outlived their end or their holder are deleted, in PostgreSQL and in Redis."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from unstick.actions.database import LIVES_S, Database
from unstick.actions.deed import Done, Draft, Intend, Item, Notes, RefusedError, counted, told
from unstick.actions.holders import Holders
from unstick.actions.lock_keys import KEY, LockKeys
from unstick.actions.lock_table import BY_DEATH, DRAINED, LockTable, Part
from unstick.actions.pool import Pool
from unstick.actions.watch import Watch
from unstick.backends.base import BackendError, UnsureError
from unstick.backends.postgres_writes import Writing
from unstick.facts.actions import DrainLocks, Outcome, Plan, Result, State
from unstick.settings import Context

LEFT_CAP = 200


class Locks:
    """The action on one context. ``database`` is there where a lock table is."""

    def __init__(self, context: Context, order: DrainLocks, database: Database | None, watch: Watch) -> None:
        if order.force and order.worker is None:
            raise RefusedError("force takes a worker: whose locks?")
        self._context = context
        self._order = order
        self._table = self._keys = None
        self._holders = holders = Holders(context, watch)
        settings = context.locks
        if settings is not None and settings.table is not None and database is not None:
            crawler = context.crawler
            pool = None if crawler is None else Pool(context, crawler, database, tasks=False)
            self._table = LockTable(context, order, database, holders, pool)
        url = context.actions.redis_url or (settings.redis_url if settings else None) or context.redis.url
        if settings is not None and settings.redis_keys and url is not None:
            self._keys = LockKeys(url, settings, order, holders)
        if self._table is None and self._keys is None:
            raise RefusedError("no locks are configured; map them in [locks]: table, or redis_keys")

    async def look(self) -> Draft:
        """What would be drained now."""
        parts = [await source.look() for source in (self._table, self._keys) if source is not None]
        chosen = [pair for part in parts for pair in part.chosen]
        left = [one for part in parts for one in part.left]
        notes = [note for part in parts for note in part.notes]
        if len(left) > LEFT_CAP:
            notes.append(f"showing {LEFT_CAP} of {len(left)} that stay")
        plan = Plan(
            id=str(uuid.uuid4()),
            order=self._order,
            context=self._context.name,
            production=self._context.production,
            servers=tuple(part.server for part in parts),
            made_at=parts[0].server_at,
            lives_s=LIVES_S,
            targets=tuple(target for _, target in chosen),
            left=tuple(left[:LEFT_CAP]),
            notes=tuple(notes),
            cap=self._context.actions.rows,
            refused=_refused(parts),
        )
        return Draft(plan, tuple(item for item, _ in chosen))

    async def do(self, draft: Draft, intend: Intend) -> Done:
        """Delete what is still what the plan saw: the rows in one transaction, then key by key."""
        notes = Notes(draft.items)
        rows, keys = _parted(await self._asleep(draft.items, notes))
        if rows and self._table is not None:
            done = await self._drain_rows(self._table, draft.plan, rows, notes, intend)
            if done is not None:
                return done
        else:
            await intend({"xid": "", "server": ""})
        remarks: tuple[str, ...] = ()
        if keys and self._keys is not None:
            await self._drain_keys(self._keys, draft.plan, keys, notes)
        if rows and self._table is not None:
            try:
                await self._table.compare(rows, notes, committed=False)
            except BackendError as error:
                remarks = (f"not looked at again: {error}",)
        return _done(notes.told, remarks)

    async def settle(self, intent: Mapping[str, Any]) -> Done:
        """What became of an interrupted one. Raises :class:`BackendError` when a server does not answer."""
        items = msgspec.convert(intent["items"], tuple[Item, ...])
        notes = Notes(items)
        rows, keys = _parted(items)
        ended: Done | None = None
        for item in rows:
            notes.note(item, State.SKIPPED, "was not drained")
        if rows and self._table is not None and intent["xid"]:
            ended = await self._table.database.settled(intent, notes, DRAINED)
            if ended is None:
                await self._table.compare(rows, notes, committed=True)
            elif ended.outcome is Outcome.UNKNOWN or not keys:
                return ended
        if keys and self._keys is not None:
            await self._keys.compare(keys, notes)
        return _done(notes.told)

    def hurry(self) -> None:
        """It is over at once."""

    async def close(self) -> None:
        """Part from Redis; the database is the gate's to close."""
        if self._keys is not None:
            await self._keys.close()

    async def _asleep(self, items: Sequence[Item], notes: Notes) -> list[Item]:
        """The items without those whose holder, taken for dead, answers after all."""
        awake = await self._holders.awake(item.holder for item in items if item.before["by"] == BY_DEATH)
        for item in items:
            if item.before["by"] == BY_DEATH and item.holder in awake:
                notes.note(item, State.SKIPPED, "its holder answers on its health endpoint again")
        return [item for item in items if notes.state(item) is None]

    async def _drain_keys(self, source: LockKeys, plan: Plan, keys: list[Item], notes: Notes) -> None:
        """Rows may be drained already: what goes wrong here is told key by key."""
        server = next(server for server in plan.servers if server.kind == source.kind)
        try:
            why = None if await source.same(server) else "another Redis answers than the one of the plan"
        except BackendError as error:
            why = f"was not drained: {error}"
        if why is None:
            await source.work(keys, notes)
            return
        for item in keys:
            notes.note(item, State.SKIPPED, why)

    async def _drain_rows(
        self, table: LockTable, plan: Plan, rows: list[Item], notes: Notes, intend: Intend
    ) -> Done | None:
        """Drain the rows; how all of it ended, when that is unknown."""

        async def work(writing: Writing) -> list[Item]:
            return await table.work(writing, rows, notes)

        try:
            await table.database.transact(plan, intend, work, table.tables)
        except UnsureError as error:
            notes.all(State.UNKNOWN, "may have been drained")
            return Done(Outcome.UNKNOWN, f"whether it was committed is unknown: {error}", notes.told)
        return None


def _parted(items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Rows of the table, and keys of Redis."""
    return [item for item in items if item.kind != KEY], [item for item in items if item.kind == KEY]


def _refused(parts: Sequence[Part]) -> str | None:
    return next((part.refused for part in parts if part.refused is not None), None)


def _done(results: tuple[Result, ...], remarks: tuple[str, ...] = ()) -> Done:
    words = ("lock", "locks", DRAINED), (KEY, "keys of Redis", DRAINED)
    return Done(counted(results), told(results, words), results, remarks)
