"""``undo``: what a plan has freed goes back to its workers, as far as nobody has written it since.

Proxies only: a lock that was drained may have been taken again under another id, and a sync can't be unsent.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from unstick.actions.audit import Audit, Record
from unstick.actions.database import LIVES_S, Base, Database
from unstick.actions.deed import Done, Draft, Intend, Item, Notes, RefusedError, counted, told
from unstick.actions.pool import Pool
from unstick.backends.base import UnsureError
from unstick.backends.postgres import Row
from unstick.backends.postgres_writes import Writing
from unstick.facts.actions import FreeProxies, Left, Outcome, Plan, Result, State, Target, Undo, name_of
from unstick.facts.text import clean
from unstick.facts.units import duration
from unstick.settings import Context

WITHIN_S = 600.0
"""Older plans are not undone: by then the pool has moved on."""
RETURNED = "given back"


class Undoing:
    """The undoing of one plan."""

    def __init__(self, context: Context, order: Undo, database: Database, audit: Audit) -> None:
        if context.crawler is None:
            raise RefusedError("no proxy table is configured; map it in [crawler]")
        self._context = context
        self._order = order
        self._pool = Pool(context, context.crawler, database, tasks=False)
        self._audit = audit

    async def look(self) -> Draft:
        """What would be given back now."""
        intent, freed = await asyncio.to_thread(self._remembered)
        connection = await self._pool.database.reading()
        async with connection.look(self._pool.database.explain) as look:
            base = await self._pool.database.base(look)
            statements = await self._pool.prepare(look, base)
            rows = await look.rows(statements.again, [item.id for item in freed])
        if base.server.identity != intent["server"]:
            raise RefusedError("another server answers than the one that plan was applied to")
        age = base.server_at - float(intent["made_at"])
        if age > WITHIN_S:
            raise RefusedError(f"that plan is {duration(age)} old; it can be undone for {duration(WITHIN_S)}")
        return self._drafted(base, freed, {row["id"]: row for row in rows}, str(int(intent["xid"]) % 2**32))

    async def do(self, draft: Draft, intend: Intend) -> Done:
        """Give back what is still as the plan left it."""
        notes = Notes(draft.items)

        async def work(writing: Writing) -> list[Item]:
            arrays = _arrays(draft.items)
            await writing.rows(self._pool.statements.lock, arrays[0])
            done = {row["id"] for row in await writing.rows(self._pool.statements.give_back, *arrays)}
            for item in draft.items:
                state = State.DONE if item.id in done else State.SKIPPED
                notes.note(item, state, RETURNED if item.id in done else "was taken or written since")
            return [item for item in draft.items if item.id in done]

        try:
            await self._pool.database.transact(draft.plan, intend, work, [], alone=name_of(FreeProxies()))
        except UnsureError as error:
            notes.all(State.UNKNOWN, "may have been given back")
            return Done(Outcome.UNKNOWN, f"whether it was committed is unknown: {error}", notes.told)
        return _done(notes.told)

    async def settle(self, intent: Mapping[str, Any]) -> Done:
        """What became of an interrupted one: its transaction is asked for."""
        notes = Notes(msgspec.convert(intent["items"], tuple[Item, ...]))
        ended = await self._pool.database.settled(intent, notes, RETURNED)
        if ended is not None:
            return ended
        notes.all(State.DONE, f"{RETURNED}, unless it was taken before")
        return _done(notes.told)

    def hurry(self) -> None:
        """It is over at once."""

    async def close(self) -> None:
        """Nothing: the database is the gate's to close."""

    def _remembered(self) -> tuple[Record, list[Item]]:
        """The intent of the plan, and the proxies that it has freed. Raises :class:`RefusedError`."""
        records = [record for record in self._audit.records() if record["id"] == self._order.plan_id]
        intent = next((one for one in reversed(records) if one.get("record") == "intent"), None)
        outcome = next((one for one in reversed(records) if one.get("record") == "outcome"), None)
        if intent is None or outcome is None or intent.get("context") != self._context.name:
            raise RefusedError("the audit log knows no such plan that was applied in this context")
        if intent.get("action") != name_of(FreeProxies()):
            raise RefusedError(f"{clean(str(intent.get('action')))} can't be undone")
        items = msgspec.convert(intent["items"], tuple[Item, ...])
        results = msgspec.convert(outcome["results"], tuple[Result, ...])
        done = {(one.kind, one.id) for one in results if one.state is State.DONE}
        freed = [item for item in items if item.kind == "proxy" and (item.kind, clean(item.id)) in done]
        if not freed:
            raise RefusedError("that plan has freed nothing")
        return intent, freed

    def _drafted(self, base: Base, freed: Sequence[Item], rows: Mapping[str, Row], version: str) -> Draft:
        chosen, left = [], []
        for item in freed:
            row = rows.get(item.id)
            why = _moved(row, version)
            if why is None:
                ours = msgspec.structs.replace(item, version=version, before={})
                chosen.append((ours, Target(*item.shown, "would be given back")))
            else:
                left.append(Left(*item.shown, clean(why)))
        plan = Plan(
            id=str(uuid.uuid4()),
            order=self._order,
            context=self._context.name,
            production=self._context.production,
            servers=(base.server,),
            made_at=base.server_at,
            lives_s=LIVES_S,
            targets=tuple(target for _, target in chosen),
            left=tuple(left),
            notes=(f"undoes plan {clean(self._order.plan_id)}",),
            cap=self._context.actions.rows,
        )
        return Draft(plan, tuple(item for item, _ in chosen))


def _moved(row: Row | None, version: str) -> str | None:
    """What others did to a row since it was freed."""
    if row is None:
        return "is no longer there"
    if row["in_use"]:
        return f"is held by {row['worker_id'] or 'nobody named'} now"
    return None if row["version"] == version else "was written since"


def _arrays(items: Sequence[Item]) -> tuple[list[str], list[str], list[str]]:
    return [item.id for item in items], [item.version for item in items], [item.holder for item in items]


def _done(results: tuple[Result, ...]) -> Done:
    return Done(counted(results), told(results, [("proxy", "proxies", RETURNED)]), results)
