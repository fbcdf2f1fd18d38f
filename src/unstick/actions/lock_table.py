"""Locks that are rows of a table: what of them may be deleted, and the deleting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from unstick import sql
from unstick.actions.database import Base, Database
from unstick.actions.deed import Item, Notes, RefusedError
from unstick.actions.evidence import Signs
from unstick.actions.holders import Holders, Life
from unstick.actions.pool import Pool
from unstick.backends.postgres import Row
from unstick.backends.postgres_writes import Writing
from unstick.facts.actions import DrainLocks, Left, Server, State, Target
from unstick.facts.text import clean
from unstick.facts.units import duration
from unstick.settings import Context, Locks
from unstick.sql.relations import relations

ROWS_CAP = 2000
DRAINED = "drained"
BY_FORCE, BY_END, BY_DEATH = "force", "end", "death"
"""Why a lock was chosen."""


class Part(msgspec.Struct, frozen=True):
    """What one server has to say to a plan."""

    server: Server
    server_at: float
    chosen: tuple[tuple[Item, Target], ...] = ()
    left: tuple[Left, ...] = ()
    notes: tuple[str, ...] = ()
    refused: str | None = None


def one_shown(order: DrainLocks, holders: Iterable[str]) -> str | None:
    """Of ``holders``, none of whom has the name of the order, the one that the screen shows by it.

    Raises :class:`RefusedError` when there are several.
    """
    alike = {name for name in holders if name and clean(name) == order.worker}
    if len(alike) > 1:
        raise RefusedError(f"{len(alike)} workers are shown as {order.worker}: nobody can tell which is meant")
    return next(iter(alike), None)


class LockTable:
    """The lock table of one context. ``pool`` tells who lives, where there are crawler tables."""

    def __init__(
        self, context: Context, order: DrainLocks, database: Database, holders: Holders, pool: Pool | None
    ) -> None:
        assert context.locks is not None  # noqa: S101 - tells the type checker
        self.database = database
        self._settings: Locks = context.locks
        self._table = context.locks.table or ""
        self._order = order
        self._grace_s = context.thresholds.lock_grace_s
        self._silence_s = context.thresholds.grace_s
        self._holders = holders
        self._pool = pool
        self._statements: _Statements | None = None

    @property
    def tables(self) -> list[str]:
        """Every table that the work may have to wait for."""
        tasks = self._pool.settings.tasks if self._pool else ()
        return [self._table, *(task.table for task in tasks)]

    async def look(self) -> Part:
        """What may be deleted now. Raises :class:`~unstick.backends.base.BackendError`."""
        connection = await self.database.reading()
        async with connection.look(self.database.explain) as look:
            base = await self.database.base(look)
            (column,) = await self.database.columns(look, [(self._table, self._settings.id)])
            self._statements = _Statements(self._settings, column.type)
            rows = await look.rows(self._statements.targets, self._order.worker, self._grace_s, ROWS_CAP)
            if not rows and self._order.worker is not None:
                known = await look.rows(self._statements.targets, None, self._grace_s, ROWS_CAP)
                named = one_shown(self._order, (row["worker_id"] for row in known))
                rows = [row for row in known if named is not None and row["worker_id"] == named]
            workers = sorted({row["worker_id"] for row in rows})
            signs: Signs | None = None
            if self._pool is not None:
                await self._pool.prepare(look, base)
                signs = await self._pool.signs(look, workers, everybody=True)
            taken = await look.rows(self._statements.taken, workers)
        lives = await self._holders.lives(workers, signs)
        return self._judged(base, rows, self._corrected(taken, lives))

    async def work(self, writing: Writing, items: Sequence[Item], notes: Notes) -> list[Item]:
        """Look afresh at those whose holder is dead, then delete; the items that were deleted."""
        assert self._statements is not None  # noqa: S101 - nobody works without having looked
        ready = await self._still_dead(writing, items, notes)
        arrays = [item.id for item in ready], [item.version for item in ready]
        rows = await writing.rows(self._statements.drain, *arrays) if ready else []
        gone = {row["id"] for row in rows}
        there = {row["id"]: row for row in await writing.rows(self._statements.again, arrays[0])}
        for item in ready:
            if item.id in gone:
                notes.note(item, State.DONE, DRAINED)
            elif item.id in there:
                notes.note(item, State.SKIPPED, f"was renewed or taken again, by {there[item.id]['worker_id']}")
            else:
                notes.note(item, State.GONE, "is no longer there")
        return [item for item in ready if item.id in gone]

    async def compare(self, items: Sequence[Item], notes: Notes, *, committed: bool) -> None:
        """Look again at every row; ``committed``: that of a transaction whose doing nobody remembers."""
        connection = await self.database.reading()
        async with connection.look(self.database.explain) as look:
            if self._statements is None:
                (column,) = await self.database.columns(look, [(self._table, self._settings.id)])
                self._statements = _Statements(self._settings, column.type)
            rows = await look.rows(self._statements.again, [item.id for item in items])
        there: Mapping[str, Row] = {row["id"]: row for row in rows}
        for item in items:
            row = there.get(item.id)
            if committed and row is None:
                notes.note(item, State.DONE, DRAINED)
            elif committed and row is not None:
                same = row["version"] == item.version
                notes.note(item, State.SKIPPED, "was not drained" if same else "was renewed or taken again")
            elif notes.state(item) is State.DONE and row is not None:
                notes.note(item, State.DONE, f"{DRAINED}, there again with the same id")

    async def _still_dead(self, writing: Writing, items: Sequence[Item], notes: Notes) -> list[Item]:
        assert self._statements is not None  # noqa: S101 - nobody works without having looked
        workers = sorted({item.holder for item in items if item.before["by"] == BY_DEATH})
        if not workers:
            return list(items)
        signs: Signs | None = None
        if self._pool is not None:
            await self._pool.lock(writing)
            signs = await self._pool.signs(writing, workers)
        found = {name: self._holders.by_tables(name, signs) for name in workers}
        lives = self._corrected(await writing.rows(self._statements.taken, workers), found)
        ready = []
        for item in items:
            if item.before["by"] == BY_DEATH and lives[item.holder].dead is False:
                notes.note(item, State.SKIPPED, lives[item.holder].text)
            else:
                ready.append(item)
        return ready

    def _corrected(self, taken: Sequence[Row], lives: Mapping[str, Life]) -> dict[str, Life]:
        """Taking a lock is a sign of life, too: whoever did so within the grace is not dead yet."""
        corrected = dict(lives)
        for row in taken:
            age = None if row["taken_at"] is None else row["server_at"] - row["taken_at"]
            if age is not None and age < self._silence_s and corrected[row["worker_id"]].dead is not False:
                text = f"its holder took a lock {duration(max(0.0, age))} ago"
                corrected[row["worker_id"]] = Life(dead=False, text=text)
        return corrected

    def _judged(self, base: Base, rows: Sequence[Row], lives: Mapping[str, Life]) -> Part:
        chosen, left = [], []
        held = 0
        for row in rows:
            life = lives[row["worker_id"]]
            by = self._chosen_by(row, life)
            item = Item("lock", self._table, row["id"], row["worker_id"], row["version"], _before(row, by))
            if by is not None:
                chosen.append((item, Target(*item.shown, "would be drained", _evidence(row, life, base.server_at))))
            elif row["endless"] or life.again_s is not None or self._order.worker is not None:
                why = f"{_ends(row, base.server_at)}; {life.text}"
                left.append(Left(*item.shown, clean(f"{_what(row)}: {why}"), life.again_s))
            else:
                held += 1
        return Part(
            base.server,
            base.server_at,
            tuple(chosen),
            tuple(left),
            tuple(_notes(clean(self._table), rows, held)),
            "this server is a standby: it accepts no changes" if base.standby else None,
        )

    def _chosen_by(self, row: Row, life: Life) -> str | None:
        if self._order.force:
            return BY_FORCE
        if row["expired"]:
            return BY_END
        return BY_DEATH if life.dead else None


class _Statements:
    def __init__(self, settings: Locks, id_type: str) -> None:
        (locks,) = relations(settings)
        ends = locks.column(settings.expires_at)
        named = {
            "locks": locks.source,
            "id": locks.column(settings.id),
            "id_type": id_type,
            "kind": locks.column(settings.kind),
            "task": locks.column(settings.task),
            "worker": locks.column(settings.worker),
            "acquired_at": sql.instant(locks.column(settings.acquired_at)),
            "expires_at": f"{ends}::timestamptz",
            "ends_at": sql.instant(ends),
        }
        self.targets = sql.statement("lock_targets", **named)
        self.again = sql.statement("lock_again", **named)
        self.taken = sql.statement("lock_taken", **named)
        self.drain = sql.statement("writes/lock_drain", **named)


def _before(row: Row, by: str | None) -> dict[str, object]:
    kept = ("kind", "task_id", "acquired_at", "ends_at")
    return {"by": by, **{name: row[name] for name in kept}}


def _what(row: Row) -> str:
    return f"{row['kind']} {row['task_id']}"


def _ends(row: Row, server_at: float) -> str:
    if row["endless"]:
        return "has no end"
    if row["ends_at"] is None:
        return "has ended long ago"
    left = row["ends_at"] - server_at
    return f"ends in {duration(left)}" if left >= 0 else f"ended {duration(-left)} ago"


def _evidence(row: Row, life: Life, server_at: float) -> tuple[str, ...]:
    since = "" if row["acquired_at"] is None else f"held for {duration(server_at - row['acquired_at'])}"
    return tuple(clean(text) for text in (_what(row), since, _ends(row, server_at), life.text) if text)


def _notes(table: str, rows: Sequence[Row], held: int) -> Iterable[str]:
    total = rows[0]["total"] if rows else 0
    yield f"{table}: {total} {'lock' if total == 1 else 'locks'}"
    if held:
        yield f"{held} are held and have not expired; nothing tells that their holders are dead"
    if total > len(rows):
        yield f"looked at {len(rows)} of {total}, the longest expired first"
