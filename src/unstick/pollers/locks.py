"""The lock table: three statements in one snapshot, judged by the clock of the database."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from unstick import sql
from unstick.facts.locks import LockFacts, LockRow
from unstick.facts.reading import Source
from unstick.facts.text import clean
from unstick.settings import Locks
from unstick.sql.relations import relations
from unstick.sql.rights import explain

if TYPE_CHECKING:
    from unstick.backends.postgres import PostgresConnection, Row

CAP = 500


class LockTablePoller:
    """Asks one PostgreSQL. A lock is expired when its end is more than ``grace_s`` ago."""

    def __init__(self, source: Source, settings: Locks, *, grace_s: float) -> None:
        self._source = source
        self._grace_s = grace_s
        self._relations = relations(settings)
        (locks,) = self._relations
        ends = locks.column(settings.expires_at)
        named = {
            "locks": locks.source,
            "id": locks.column(settings.id),
            "kind": locks.column(settings.kind),
            "task": locks.column(settings.task),
            "worker": locks.column(settings.worker),
            "acquired_at": sql.instant(locks.column(settings.acquired_at)),
            "expires_at": f"{ends}::timestamptz",
            "ends_at": sql.instant(ends),
        }
        self._name = clean(locks.name)
        self._counts = sql.statement("lock_counts", **named)
        self._holders = sql.statement("lock_holders", **named)
        self._rows = sql.statement("lock_rows", **named)

    @property
    def source(self) -> Source:
        """Who is asked."""
        return self._source

    async def look(self, connection: PostgresConnection) -> LockFacts:
        """One look. Raises :class:`~unstick.backends.base.BackendError`."""
        async with connection.look(partial(explain, self._relations, connection.user)) as look:
            (counts,) = await look.rows(self._counts, self._grace_s)
            holders = await look.rows(self._holders, CAP)
            rows = await look.rows(self._rows, self._grace_s, CAP)
        return LockFacts(
            via="postgres",
            name=self._name,
            server_at=counts["server_at"],
            total=counts["total"],
            expired=counts["expired"],
            endless=counts["endless"],
            by_worker=tuple((clean(row["worker_id"]), row["locks"]) for row in holders),
            rows=tuple(map(_lock, rows)),
        )


def _lock(row: Row) -> LockRow:
    return LockRow(
        id=clean(row["id"]),
        kind=clean(row["kind"]),
        task_id=clean(row["task_id"]),
        worker_id=clean(row["worker_id"]),
        acquired_at=row["acquired_at"],
        expires_at=row["expires_at"],
    )
