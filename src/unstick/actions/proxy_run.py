"""One doing of ``free-proxies``: the statements under the locks, and the look at every row afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unstick.actions.deed import Item, Notes
from unstick.actions.evidence import Signs
from unstick.actions.pool import Pool
from unstick.actions.pool_sql import TaskStatements
from unstick.backends.postgres import Row
from unstick.backends.postgres_writes import Writing
from unstick.facts.actions import State
from unstick.facts.units import duration

FREED = "freed"
RETURNED = "returned to pending"
"""What is done to a proxy, and to a task."""


class Run:
    """Of the items of one draft."""

    def __init__(self, pool: Pool, items: Sequence[Item]) -> None:
        self._pool = pool
        self._proxies = [item for item in items if item.kind == "proxy"]
        self._tasks = [item for item in items if item.kind == "task"]
        self.notes = Notes(items)

    async def work(self, writing: Writing) -> list[Item]:
        """Lock, look afresh, change; the items that were changed."""
        self.notes.clear()
        statements = self._pool.statements
        ids = [item.id for item in self._proxies]
        workers = sorted({item.holder for item in self._proxies})
        before = await self._pool.signs(writing, workers, everybody=True)
        await self._pool.lock(writing)
        returned = await self._return_tasks(writing, before)
        locked = {row["id"] for row in await writing.rows(statements.lock, ids)}
        rows = {row["id"]: row for row in await writing.rows(statements.again, ids)}
        signs = await self._pool.signs(writing, workers)
        fit = self._fit(locked, rows, signs, before)
        arrays = [item.id for item in fit], [item.version for item in fit], [item.holder for item in fit]
        freed = {row["id"] for row in await writing.rows(statements.free, *arrays)} if fit else set()
        for item in fit:
            if item.id in freed:
                self.notes.note(item, State.DONE, FREED)
            else:
                self.notes.note(item, State.SKIPPED, "changed at the last moment")
        return [*returned, *(item for item in fit if item.id in freed)]

    def _fit(self, locked: set[str], rows: Mapping[str, Row], signs: Signs, before: Signs) -> list[Item]:
        """The proxies that are still what the plan saw; the others get their reason."""
        fit = []
        for item in self._proxies:
            row = rows.get(item.id)
            if row is None:
                self.notes.note(item, State.GONE, "is no longer there")
                continue
            why = _moved(item, row) or self._lives(item, signs, before)
            if why is None and item.id not in locked:
                why = "somebody is changing it at this moment"
            if why is None:
                fit.append(item)
            else:
                self.notes.note(item, State.SKIPPED, why)
        return fit

    def _lives(self, item: Item, signs: Signs, before: Signs) -> str | None:
        """Why ``item`` stays with its worker, by a look under the locks and one just before."""
        sign, rules = signs.of(item.holder), self._pool.rules
        busy = sign.processing - (sign.expired if item.kind == "task" else 0)
        if busy:
            return f"its worker processes {busy} again"
        silent = signs.silent_s(item.holder)
        if silent is not None and silent < rules.grace_s:
            return f"its worker gave a sign of life {duration(max(0.0, silent))} ago"
        container = self._pool.container(item.holder)
        if (silent is None or rules.strict) and before.lives(container):
            return f"container {container} works again"
        return None

    async def _return_tasks(self, writing: Writing, before: Signs) -> list[Item]:
        if not self._tasks:
            return []
        signs = await self._pool.signs(writing, sorted({item.holder for item in self._tasks}))
        ready = []
        for item in self._tasks:
            why = self._lives(item, signs, before)
            if why is None:
                ready.append(item)
            else:
                self.notes.note(item, State.SKIPPED, why)
        changed: list[Item] = []
        for each in filter(None, self._pool.statements.returns):
            items = [item for item in ready if item.place == each.table]
            if items:
                changed += await self._return(writing, each, items)
        return changed

    async def _return(self, writing: Writing, each: TaskStatements, items: list[Item]) -> list[Item]:
        locked = {row["id"] for row in await writing.rows(each.lock, [item.id for item in items])}
        ready = [item for item in items if item.id in locked]
        arrays = [item.id for item in ready], [item.version for item in ready]
        rows = await writing.rows(each.give_back, *arrays, self._pool.silence_s) if ready else []
        done = {row["id"] for row in rows}
        for item in items:
            if item.id in done:
                self.notes.note(item, State.DONE, RETURNED)
            else:
                self.notes.note(item, State.SKIPPED, "changed since the plan")
        return [item for item in items if item.id in done]

    async def look_again(self, xid: str) -> None:
        """Read every row once more: who wrote it last tells whether it was us. Raises ``BackendError``."""
        connection = await self._pool.database.reading()
        statements = self._pool.statements
        async with connection.look(self._pool.database.explain) as look:
            rows = await look.rows(statements.again, [item.id for item in self._proxies])
            self._compare(self._proxies, rows, xid, FREED)
            for each in filter(None, statements.returns):
                items = [item for item in self._tasks if item.place == each.table]
                rows = await look.rows(each.again, [item.id for item in items])
                self._compare(items, rows, xid, RETURNED)

    def _compare(self, items: Sequence[Item], rows: Sequence[Row], xid: str, done: str) -> None:
        """Where the doing itself is still known, only what it changed is looked at."""
        found = {row["id"]: row for row in rows}
        written_by_us = str(int(xid) % 2**32) if xid else None
        for item in items:
            known, row = self.notes.state(item), found.get(item.id)
            if known is None:
                self.notes.note(item, *_deduced(item, row, written_by_us, done))
            elif known is State.DONE:
                self.notes.note(item, State.DONE, done + _since(row, written_by_us))


def _deduced(item: Item, row: Row | None, written_by_us: str | None, done: str) -> tuple[State, str]:
    """What became of an item, after the process that changed it is gone."""
    if row is None:
        return State.UNKNOWN, "is no longer there"
    if row["version"] == written_by_us:
        return State.DONE, done
    if row["version"] == item.version:
        return State.SKIPPED, "was not changed"
    return State.UNKNOWN, "was changed since, by us or by somebody else"


def _since(row: Row | None, written_by_us: str | None) -> str:
    """What others did to a row after us."""
    if row is None:
        return ", deleted since"
    if row["version"] == written_by_us:
        return ""
    return f", taken by {row['worker_id']} since" if row["worker_id"] else ", changed since"


def _moved(item: Item, row: Row) -> str | None:
    if not row["in_use"]:
        return "is free already"
    if row["worker_id"] != item.holder:
        return f"is held by {row['worker_id'] or 'nobody named'} now"
    return None if row["version"] == item.version else "its row was written since the plan"
