"""``free-proxies``: what dead workers hold goes back to the pool, and nothing that a living one holds."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from unstick import sql
from unstick.actions.database import LIVES_S, Base, Database
from unstick.actions.deed import Done, Draft, Intend, Item, RefusedError, counted, told
from unstick.actions.evidence import Held, Signs
from unstick.actions.pool import Pool
from unstick.actions.pool_sql import PoolStatements
from unstick.actions.proxy_run import FREED, RETURNED, Run
from unstick.actions.watch import Watch
from unstick.backends.base import BackendError, UnsureError
from unstick.backends.postgres import Look, Row
from unstick.facts.actions import FreeProxies, Left, Outcome, Plan, Result, State, Target
from unstick.facts.text import clean, natural
from unstick.facts.units import duration
from unstick.pollers.crawler import CrawlerStatements
from unstick.settings import Context

HELD_CAP = 10_000
"""Held proxies that are looked at; the longest unchanged come first."""
LEFT_CAP = 200
UNOWNED_CAP = 20


class Proxies:
    """The action on one context."""

    def __init__(self, context: Context, order: FreeProxies, database: Database, watch: Watch) -> None:
        if context.crawler is None:
            raise RefusedError("no proxy table is configured; map it in [crawler]")
        self._context = context
        self._order = order
        self._pool = Pool(context, context.crawler, database, tasks=order.tasks, strict=order.strict)
        self._watch = watch

    async def look(self) -> Draft:
        """What would be freed now."""
        pool = self._pool
        connection = await pool.database.reading()
        async with connection.look(pool.database.explain) as look:
            base = await pool.database.base(look)
            statements = await pool.prepare(look, base)
            (totals,) = await look.rows(CrawlerStatements(pool.settings).pool)
            held, tasks = await self._asked_for(look, statements)
            workers = sorted({row.worker_id for row in held} | {item.holder for item in tasks})
            signs = await pool.signs(look, workers, everybody=True)
            elsewhere = await self._elsewhere(look)
            (work,) = await look.rows(statements.waiting)
            unowned = [] if self._scoped else await look.rows(statements.unowned, UNOWNED_CAP)
        seen = _Seen(base, totals, held, tasks, signs, elsewhere, waiting=work["waiting"])
        return self._drafted(seen, [row["id"] for row in unowned])

    async def do(self, draft: Draft, intend: Intend) -> Done:
        """Free what still qualifies."""
        run = Run(self._pool, draft.items)
        tables = [task.table for task in self._pool.settings.tasks]
        try:
            xid = await self._pool.database.transact(draft.plan, intend, run.work, tables)
        except UnsureError as error:
            run.notes.all(State.UNKNOWN, "may have been changed")
            return Done(Outcome.UNKNOWN, f"whether it was committed is unknown: {error}", run.notes.told)
        notes: tuple[str, ...] = ()
        try:
            await run.look_again(xid)
        except BackendError as error:
            notes = (f"not looked at again: {error}",)
        return _done(run.notes.told, notes)

    async def bereft(self, freed: Mapping[str, float]) -> list[str]:
        """Workers that went on with a task after an instant of the server, and hold no proxy any more."""
        connection = await self._pool.database.reading()
        async with connection.look(self._pool.database.explain) as look:
            await self._pool.prepare(look, await self._pool.database.base(look))
            signs = await self._pool.signs(look, sorted(freed))
        found = ((name, signs.of(name), at) for name, at in freed.items())
        return [name for name, sign, at in found if sign.processing and not sign.held and (sign.sign_at or 0.0) > at]

    async def settle(self, intent: Mapping[str, Any]) -> Done:
        """What became of an interrupted one: its transaction is asked for, then its rows by who wrote them last.

        Raises :class:`BackendError` when the server does not answer.
        """
        run = Run(self._pool, msgspec.convert(intent["items"], tuple[Item, ...]))
        ended = await self._pool.database.settled(intent, run.notes, "changed")
        if ended is not None:
            return ended
        connection = await self._pool.database.reading()
        async with connection.look(self._pool.database.explain) as look:
            await self._pool.prepare(look, await self._pool.database.base(look))
        await run.look_again(intent["xid"])
        return _done(run.notes.told)

    def hurry(self) -> None:
        """It is over at once."""

    async def close(self) -> None:
        """Nothing: the database is the gate's to close."""

    @property
    def _scoped(self) -> bool:
        return self._order.worker is not None or self._order.container is not None

    def _wanted(self, worker_id: str) -> bool:
        """Of two containers ``eu`` and ``eu_west`` each has its own workers."""
        return self._order.container is None or self._pool.container(worker_id) == self._order.container

    def _looks_wanted(self, worker_id: str) -> bool:
        """As :meth:`_wanted`, by what the screen shows of a name."""
        if self._order.worker is not None:
            return clean(worker_id) == self._order.worker
        return clean(self._pool.container(worker_id)) == self._order.container

    async def _asked_for(self, look: Look, statements: PoolStatements) -> tuple[list[Held], list[Item]]:
        """What those hold and process whom the order names. A name that nobody has is taken as one that is shown."""
        order = self._order
        prefix = None if order.container is None else order.container + self._pool.settings.separator
        found = await self._of(look, statements, order.worker, prefix, self._wanted)
        if any(found) or not self._scoped:
            return found
        return await self._of(look, statements, None, None, self._looks_wanted)

    async def _of(
        self,
        look: Look,
        statements: PoolStatements,
        worker: str | None,
        prefix: str | None,
        wanted: Callable[[str], bool],
    ) -> tuple[list[Held], list[Item]]:
        rows = await look.rows(statements.held, worker, prefix, HELD_CAP)
        tasks = await self._expired(look, statements, worker, prefix)
        held = [_held(row) for row in rows if wanted(row["worker_id"])]
        return held, [item for item in tasks if wanted(item.holder)]

    async def _expired(
        self, look: Look, statements: PoolStatements, worker: str | None, prefix: str | None
    ) -> list[Item]:
        found = []
        for each in filter(None, statements.returns):
            rows = await look.rows(each.expired, self._pool.silence_s, worker, prefix, HELD_CAP)
            found += [
                Item("task", each.table, row["id"], row["worker_id"], row["version"], {"beat_at": row["beat_at"]})
                for row in rows
            ]
        return found

    async def _elsewhere(self, look: Look) -> tuple[str, ...]:
        tasks = self._pool.settings.tasks
        mapped = [sql.table(name) for name in (self._pool.settings.proxies, *(task.table for task in tasks))]
        columns = [task.status for task in tasks], [task.worker for task in tasks]
        return tuple(row["name"] for row in await look.rows(sql.statement("task_elsewhere"), mapped, *columns))

    def _drafted(self, seen: _Seen, unowned: Sequence[str]) -> Draft:
        chosen, left, working = self._judged(seen)
        nobody = "no worker is named: nothing tells who holds it"
        left += [_left(self._proxy(name), nobody) for name in unowned]
        plan = Plan(
            id=str(uuid.uuid4()),
            order=self._order,
            context=self._context.name,
            production=self._context.production,
            servers=(seen.base.server,),
            made_at=seen.base.server_at,
            lives_s=LIVES_S,
            targets=tuple(target for _, target in chosen),
            left=tuple(left[:LEFT_CAP]),
            notes=tuple(_notes(seen, working, len(left))),
            cap=self._cap(seen.totals["total"]),
            refused="this server is a standby: it accepts no changes" if seen.base.standby else None,
        )
        return Draft(plan, tuple(item for item, _ in chosen))

    def _judged(self, seen: _Seen) -> tuple[list[tuple[Item, Target]], list[Left], int]:
        """What may go, what must stay, and how many more are held by those who work."""
        chosen = [(item, _task(item, seen.signs)) for item in seen.tasks if seen.signs.abandoned(item.holder)]
        left: list[Left] = []
        working = 0
        watched = self._watch.look({_key(row): row.version for row in seen.held}, whole=not self._scoped)
        for row in sorted(seen.held, key=lambda row: (natural(row.worker_id), natural(row.id))):
            verdict = seen.signs.judge(row, watched[_key(row)], waiting=seen.waiting)
            item = self._proxy(row.id, row)
            if verdict.why is None:
                chosen.append((item, _target(item, "would be freed", verdict.evidence)))
            elif not self._scoped and seen.signs.of(row.worker_id).processing:
                working += 1
            else:
                left.append(_left(item, verdict.why, verdict.again_s))
        return chosen, left, working

    def _proxy(self, name: str, row: Held | None = None) -> Item:
        place = self._pool.settings.proxies
        if row is None:
            return Item("proxy", place, name)
        return Item("proxy", place, name, row.worker_id, row.version, {"written_at": row.known_at})

    def _cap(self, total: int) -> int:
        actions = self._context.actions
        return max(1, min(actions.rows, int(total * actions.pool_percent / 100)))


class _Seen(msgspec.Struct, frozen=True):
    """One look at the pool, in one snapshot."""

    base: Base
    totals: Row
    held: list[Held]
    tasks: list[Item]
    signs: Signs
    elsewhere: tuple[str, ...]
    """Tables that look like task tables and are not mapped."""
    waiting: bool
    """Whether any task waits for a worker."""


def _done(results: tuple[Result, ...], notes: tuple[str, ...] = ()) -> Done:
    words = ("proxy", "proxies", FREED), ("task", "tasks", RETURNED)
    return Done(counted(results), told(results, words), results, notes)


def _notes(seen: _Seen, working: int, left: int) -> Iterable[str]:
    pool = seen.totals
    free = pool["total"] - pool["in_use"] - pool["blocked"]
    yield f"pool: {pool['total']} proxies, {pool['in_use']} in use, {pool['blocked']} blocked, {free} free"
    if not seen.waiting and seen.held:
        yield "no task waits for a worker: one that is idle and writes nothing looks like a dead one"
    if working:
        yield f"{working} more are held by workers with processing tasks"
    if left > LEFT_CAP:
        yield f"showing {LEFT_CAP} of {left} that stay"
    if pool["unowned"] > UNOWNED_CAP:
        yield f"{pool['unowned']} are in use without a worker"
    for name in seen.elsewhere:
        yield f"{clean(name)} looks like a task table and is not in crawler.tasks: who works there is not seen"
    if len(seen.held) >= HELD_CAP:
        yield f"looked at the {HELD_CAP} longest unchanged only"


def _held(row: Row) -> Held:
    return Held(row["id"], row["worker_id"], row["version"], row["written_at"], row["committed_at"])


def _key(row: Held) -> str:
    return f"{row.id}|{row.worker_id}"


def _target(item: Item, change: str, evidence: Iterable[str]) -> Target:
    return Target(*item.shown, change, tuple(map(clean, evidence)))


def _task(item: Item, signs: Signs) -> Target:
    beat_at = item.before["beat_at"]
    silent = "never" if beat_at is None else f"{duration(signs.server_at - beat_at)} ago"
    return _target(item, "would return to pending", (f"processing, last heartbeat {silent}",))


def _left(item: Item, why: str, again_s: float | None = None) -> Left:
    return Left(*item.shown, clean(why), again_s)
