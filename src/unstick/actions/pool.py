"""The proxy pool as an action sees it: its statements, and the signs of life of those who hold its proxies."""

from __future__ import annotations

from collections.abc import Sequence

from unstick.actions.database import Base, Database
from unstick.actions.deed import RefusedError
from unstick.actions.evidence import Rules, Sign, Signs
from unstick.actions.pool_sql import PoolStatements, mapped_columns
from unstick.backends.postgres import Look, Row
from unstick.backends.postgres_writes import Writing
from unstick.pollers.crawler import container_of
from unstick.settings import Context, Crawler


class Pool:
    """Of one context. ``tasks`` and ``strict``: see :class:`~unstick.actions.evidence.Rules`."""

    def __init__(
        self, context: Context, settings: Crawler, database: Database, *, tasks: bool, strict: bool = False
    ) -> None:
        self.settings = settings
        self.database = database
        self.silence_s = context.thresholds.heartbeat_s
        """How long a task may be silent before it counts as expired."""
        self._tasks = tasks
        self._statements: PoolStatements | None = None
        dated = settings.changed_at is not None or all(task.heartbeat is not None for task in settings.tasks)
        self.rules = Rules(
            grace_s=context.thresholds.grace_s,
            unchanged_s=context.actions.unchanged_s,
            separator=settings.separator,
            dated=dated,
            tasks=tasks,
            strict=strict,
        )

    @property
    def statements(self) -> PoolStatements:
        """Those that :meth:`prepare` made."""
        if self._statements is None:
            raise RefusedError("nothing was looked at yet")
        return self._statements

    def container(self, worker_id: str) -> str:
        """The container of a worker."""
        return container_of(worker_id, self.settings.separator)

    async def prepare(self, look: Look, base: Base) -> PoolStatements:
        """Ask for the types of the mapped columns. Raises :class:`RefusedError` for one that is not there."""
        columns = await self.database.columns(look, mapped_columns(self.settings, tasks=self._tasks))
        self._statements = PoolStatements(self.settings, columns, tasks=self._tasks, dates_commits=base.dates_commits)
        return self._statements

    async def signs(self, look: Look, workers: Sequence[str], *, everybody: bool = False) -> Signs:
        """What the database says now of ``workers``, and of everybody else who shows a sign of life."""
        rows = await self._sign_rows(look, list(workers), everybody=everybody)
        known = [row for row in rows if row["worker_id"] is not None]
        found = (Sign(**{name: row[name] for name in Sign.__struct_fields__}) for row in known)
        return Signs(found, rows[0]["server_at"], self.rules)

    async def _sign_rows(self, look: Look, workers: list[str], *, everybody: bool) -> list[Row]:
        if everybody:
            return await look.rows(self.statements.all_signs, workers, self.silence_s, self.rules.grace_s)
        return await look.rows(self.statements.signs, workers, self.silence_s)

    async def lock(self, writing: Writing) -> None:
        """Keep writers from every task table; where tasks are returned, ourselves from each other too."""
        mode = "SHARE ROW EXCLUSIVE" if self._tasks else "SHARE"
        await self.database.lock(writing, [task.table for task in self.settings.tasks], mode)
