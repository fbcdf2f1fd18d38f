"""The proxy pool, its holders and the tasks of the crawler containers: four statements in one snapshot."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from unstick import sql
from unstick.backends.base import BackendError
from unstick.facts.crawler import CrawlerFacts, CrawlerWorker, ProxyPool, ProxyRow, TaskTable
from unstick.facts.reading import Source, TroubleKind
from unstick.facts.text import clean
from unstick.settings import Crawler
from unstick.sql.relations import ROW_VERSION, relations
from unstick.sql.rights import explain

if TYPE_CHECKING:
    from unstick.backends.postgres import Look, PostgresConnection, Row

WORKERS_CAP = 2000
CANDIDATES_CAP = 500


def container_of(worker_id: str, separator: str) -> str:
    """What stands before the last separator; the whole id where nothing does.

    >>> container_of("8b4f59aa_3", "_"), container_of("eu_west_3", "_"), container_of("solo", "_")
    ('8b4f59aa', 'eu_west', 'solo')
    """
    head = worker_id.rpartition(separator)[0] if separator else ""
    return head or worker_id


class CrawlerPoller:
    """Asks one PostgreSQL. A processing task is expired when its heartbeat is older than ``grace_s``."""

    def __init__(self, source: Source, settings: Crawler, *, grace_s: float) -> None:
        self._source = source
        self._settings = settings
        self._grace_s = grace_s
        self._relations = relations(settings)
        self._statements = CrawlerStatements(settings)

    @property
    def source(self) -> Source:
        """Who is asked."""
        return self._source

    async def look(self, connection: PostgresConnection) -> CrawlerFacts:
        """One look. A view in the place of the proxy table has no row versions and is read without them."""
        try:
            return await self._look(connection)
        except BackendError as error:
            if error.trouble.kind is not TroubleKind.SCHEMA or ROW_VERSION not in error.trouble.text:
                raise
        self._statements = CrawlerStatements(self._settings, versions=False)
        return await self._look(connection)

    async def _look(self, connection: PostgresConnection) -> CrawlerFacts:
        async with connection.look(partial(explain, self._relations, connection.user)) as look:
            (pool,) = await look.rows(self._statements.pool)
            tables = await self._tables(look)
            workers = await look.rows(self._statements.workers, WORKERS_CAP)
            candidates = await look.rows(self._statements.candidates, CANDIDATES_CAP)
        return CrawlerFacts(
            server_at=pool["server_at"],
            pool=ProxyPool(
                total=pool["total"],
                in_use=pool["in_use"],
                blocked=pool["blocked"],
                free=pool["total"] - pool["in_use"] - pool["blocked"],
                unowned=pool["unowned"],
            ),
            tables=tables,
            workers=tuple(map(self._worker, workers)),
            worker_count=workers[0]["worker_count"] if workers else 0,
            candidates=tuple(map(self._candidate, candidates)),
            candidate_count=candidates[0]["candidate_count"] if candidates else 0,
        )

    async def _tables(self, look: Look) -> tuple[TaskTable, ...]:
        if not self._settings.tasks:
            return ()
        counts = await look.rows(self._statements.tasks, self._grace_s)
        tasks = self._settings.tasks
        return tuple(
            TaskTable(
                clean(tasks[row["number"] - 1].table),
                row["processing"],
                None if tasks[row["number"] - 1].heartbeat is None else row["expired"],
            )
            for row in counts
        )

    def _worker(self, row: Row) -> CrawlerWorker:
        return CrawlerWorker(
            worker_id=clean(row["worker_id"]),
            container=clean(container_of(row["worker_id"], self._settings.separator)),
            proxies=row["proxies"],
            processing=row["processing"],
            task_beat_at=row["task_beat_at"],
            proxy_changed_at=row["proxy_changed_at"],
        )

    def _candidate(self, row: Row) -> ProxyRow:
        return ProxyRow(
            id=clean(row["id"]),
            worker_id=clean(row["worker_id"]),
            container=clean(container_of(row["worker_id"], self._settings.separator)),
            version=row["version"],
            changed_at=row["changed_at"],
        )


class CrawlerStatements:
    """The statements of one mapping. ``$1`` is the cap of rows, or the grace."""

    def __init__(self, settings: Crawler, *, versions: bool = True) -> None:
        proxies, *tasks = relations(settings)
        named = {
            "proxies": proxies.source,
            "id": proxies.column(settings.id),
            "in_use": proxies.column(settings.in_use),
            "worker": proxies.column(settings.worker),
            "changed_at": sql.instant(proxies.optional(settings.changed_at)),
            "cap": "$1",
        }
        mapped = [
            {
                "tasks": relation.source,
                "task_worker": relation.column(task.worker),
                "status": relation.column(task.status),
                "heartbeat": relation.optional(task.heartbeat) or "NULL",
                "beat_at": sql.instant(relation.optional(task.heartbeat)),
                "word": sql.word(task.processing),
                "number": str(number),
                "grace": "$1",
            }
            for number, (task, relation) in enumerate(zip(settings.tasks, tasks, strict=True), 1)
        ]
        rows = [sql.statement("task_rows", **task | {"worker": task["task_worker"]}) for task in mapped]
        idle = [sql.statement("no_task", **named | task) for task in mapped]
        self.pool = sql.statement("pool", **named, blocked=proxies.optional(settings.blocked) or "false")
        self.tasks = "\nUNION ALL\n".join(sql.statement("task_counts", **task) for task in mapped) + "\nORDER BY 1"
        nobody = "SELECT NULL::text AS worker_id, NULL::float8 AS beat_at WHERE false"
        self.workers = sql.statement("workers", **named, task_rows="\nUNION ALL\n".join(rows) or nobody)
        self.candidates = sql.statement(
            "candidates",
            **named,
            no_task="\n  AND ".join(idle) or "true",
            version=f"p.{ROW_VERSION}::text" if versions else "NULL::text",
        )
