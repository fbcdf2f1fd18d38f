"""The statements of ``free-proxies`` for one mapping of the proxy and task tables."""

from __future__ import annotations

from collections.abc import Sequence

from unstick import sql
from unstick.actions.database import Column
from unstick.settings import Crawler, TaskTable
from unstick.sql.relations import ROW_VERSION, Relation, relations


def mapped_columns(settings: Crawler, *, tasks: bool) -> list[tuple[str, str]]:
    """(table, column) of everything whose type the statements must know, in the order they want it."""
    found = [(settings.proxies, settings.id), (settings.proxies, settings.worker)]
    for task in settings.tasks:
        found.append((task.table, task.worker))
        if tasks and task.heartbeat is not None:
            found += [(task.table, task.id), (task.table, task.heartbeat)]
    return found


class PoolStatements:
    """``columns`` are those of :func:`mapped_columns`."""

    def __init__(self, settings: Crawler, columns: Sequence[Column], *, tasks: bool, dates_commits: bool) -> None:
        proxies, *task_relations = relations(settings)
        known = iter(columns)
        id_column, worker_column = next(known), next(known)
        committed = f"extract(epoch FROM pg_xact_commit_timestamp(p.{ROW_VERSION}))::float8"
        changed_at = sql.instant(proxies.optional(settings.changed_at))
        named = {
            "proxies": proxies.source,
            "id": proxies.column(settings.id),
            "in_use": proxies.column(settings.in_use),
            "worker": proxies.column(settings.worker),
            "changed_at": changed_at,
            "committed_at": committed if dates_commits else "NULL::float8",
            "id_type": id_column.type,
            "worker_type": worker_column.type,
        }
        self.held = sql.statement("proxy_held", **named)
        self.unowned = sql.statement("proxy_unowned", **named)
        self.lock = sql.statement("writes/proxy_lock", **named)
        self.again = sql.statement("proxy_again", **named)
        written = f"greatest({changed_at}, {named['committed_at']})"
        narrow = [sql.statement("proxy_signs", **named, written_at=written, others="")]
        wide = [sql.statement("proxy_signs", **named, written_at=written, others=" OR true")]
        idle: list[str] = []
        waits: list[str] = []
        self.returns: list[TaskStatements | None] = []
        for task, relation in zip(settings.tasks, task_relations, strict=True):
            parts = _parts(task, relation, next(known).type)
            narrow.append(sql.statement("task_signs", **parts, others=""))
            wide.append(sql.statement("task_signs", **parts, others=_others(parts)))
            idle.append(sql.statement("no_task", **parts | {"worker": named["worker"]}))
            waits.append(sql.statement("task_waits", **parts))
            returnable = tasks and task.heartbeat is not None
            self.returns.append(TaskStatements(task, relation, next(known), next(known)) if returnable else None)
        self.signs = sql.statement("holder_signs", signs="\nUNION ALL\n".join(narrow))
        self.all_signs = sql.statement("holder_signs", signs="\nUNION ALL\n".join(wide))
        self.waiting = sql.statement("tasks_waiting", waits="\n  OR ".join(waits) or "true")
        changes = [
            f"{sql.column(settings.in_use)} = false",
            f"{sql.column(settings.worker)} = {_nobody(worker_column)}",
        ]
        returns = [f"{sql.column(settings.in_use)} = true", f"{sql.column(settings.worker)} = wanted.worker_id"]
        if settings.changed_at is not None:
            changes.append(f"{sql.column(settings.changed_at)} = clock_timestamp()")
            returns.append(changes[-1])
        self.give_back = sql.statement("writes/proxy_give_back", **named, returns=", ".join(returns))
        self.free = sql.statement(
            "writes/proxy_free", **named, changes=", ".join(changes), no_task="\n  AND ".join(idle)
        )


class TaskStatements:
    """How expired tasks of one table are returned."""

    def __init__(self, task: TaskTable, relation: Relation, id_column: Column, beat_column: Column) -> None:
        self.table = task.table
        named = _parts(task, relation, "text") | {
            "id": relation.column(task.id),
            "id_type": id_column.type,
            "version": f"{relation.alias}.{ROW_VERSION}::text",
        }
        changes = [f"{sql.column(task.status)} = {sql.word(task.pending)}", f"{sql.column(task.worker)} = NULL"]
        if not beat_column.filled and task.heartbeat is not None:
            changes.append(f"{sql.column(task.heartbeat)} = NULL")
        self.expired = sql.statement("task_expired", **named)
        self.lock = sql.statement("writes/task_lock", **named)
        self.again = sql.statement("task_again", **named)
        self.give_back = sql.statement("writes/task_return", **named, changes=", ".join(changes))


def _parts(task: TaskTable, relation: Relation, worker_type: str) -> dict[str, str]:
    beat = relation.optional(task.heartbeat)
    return {
        "tasks": relation.source,
        "worker": relation.column(task.worker),
        "task_worker": relation.column(task.worker),
        "status": relation.column(task.status),
        "word": sql.word(task.processing),
        "pending": sql.word(task.pending),
        "heartbeat": "NULL::timestamptz" if beat is None else f"{beat}::timestamptz",
        "beat_at": sql.instant(beat),
        "worker_type": worker_type,
    }


def _others(parts: dict[str, str]) -> str:
    """Besides the workers asked for, everybody who works or gave a sign within the grace."""
    fresh = f"{parts['heartbeat']} > clock_timestamp() - make_interval(secs => $3::float8)"
    return f" OR {parts['status']} = {parts['word']} OR {fresh}"


def _nobody(column: Column) -> str:
    """What stands for "no worker" in a column."""
    return "''" if column.filled else "NULL"
