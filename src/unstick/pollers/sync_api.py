"""The balance sync's own account of itself: ``/status``, ``/schedule``, ``/health`` and ``/stats`` below one prefix.

No format is agreed for these answers: each field is looked for under the names that such services use, or at the
dotted path that the configuration gives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from unstick import settings
from unstick.backends.base import BackendError
from unstick.backends.http import Answer, HttpConnection
from unstick.facts.reading import Source
from unstick.facts.sync import SyncApiFacts
from unstick.pollers.reply import ask, decode, raise_if_none_answered
from unstick.pollers.values import flag, instant, path_of, span, text, whole

T = TypeVar("T")
Read = Callable[[object], T | None]

LOOK_S = 3.5
"""All four requests together; less than the deadline of a lane."""
STATUS_CHARACTERS = 64
ENDPOINTS = ("status", "health", "stats", "schedule")
"""In the order in which they are asked and in which a field is looked for."""

_PLACES = ("", "data", "result", "stats", "statistics", "sync", "last_sync", "last_run", "last_result", "schedule")
_PARTS = ("", "checks", "components", "services", "dependencies", "connections", "data")
_SUCCESS = (
    "last_success_at last_successful_sync_at last_successful_sync last_success last_sync_at last_sync_time"
    " last_synced_at last_sync last_completed_at completed_at finished_at"
)
_DURATION = (
    "last_duration_s last_duration_seconds last_duration duration_s duration_seconds duration sync_duration"
    " execution_time elapsed_seconds"
)
_DURATION_MS = "last_duration_ms duration_ms execution_time_ms"
_DUE = (
    "next_due_at next_run_at next_sync_at next_run next_sync next_run_time next_sync_time next_scheduled_at"
    " next_scheduled_sync next_scheduled next_execution"
)
_RUNNING = "running is_running sync_running is_syncing in_progress sync_in_progress"
_PROCESSED = "processed processed_count users_processed processed_users records_processed"
_UPDATED = "updated updated_count users_updated updated_users records_updated"
_ERRORS = "errors error_count errors_count failed failed_count"
_REDIS = "redis_ok redis redis_connected redis_connection redis_status cache"
_DATABASE = (
    "database_ok database database_connected database_connection database_status db db_connected db_status postgres"
    " postgresql"
)
_STATUS = "status state sync_status"


class SyncApiPoller:
    """One sync service."""

    def __init__(self, source: Source, options: settings.Sync) -> None:
        self.source = source
        prefix = options.prefix.rstrip("/")
        self._paths = {name: f"{prefix}/{name}" for name in ENDPOINTS}
        self._fields = options.fields

    async def look(self, connection: HttpConnection) -> SyncApiFacts:
        """Ask all four, each optional; raises when none of them answers."""
        said = await ask(connection, tuple(self._paths.values()), total_s=LOOK_S, sick=True)
        raise_if_none_answered(said)
        return sync_facts({name: said[path] for name, path in self._paths.items()}, self._fields)


def sync_facts(said: Mapping[str, Answer | BackendError], fields: Mapping[str, str]) -> SyncApiFacts:
    """The facts of one look: pure. Raises ``PROTOCOL`` when no answer could be read."""
    documents: list[Any] = []
    partial: list[str] = []
    failures: dict[str, Answer | BackendError] = {}
    for name, answer in said.items():
        try:
            if isinstance(answer, BackendError):
                raise answer
            documents.append(decode(answer.body, object))
        except BackendError as error:
            failures[name] = error
            partial.append(f"{name}: {error.trouble.text}")
    raise_if_none_answered(failures if not documents else {})
    found = _Finder(documents, fields)
    return SyncApiFacts(
        server_at=next((a.date_at for a in said.values() if isinstance(a, Answer) and a.date_at is not None), None),
        last_success_at=found.field("last_success_at", _SUCCESS, instant),
        last_duration_s=_first(found.field("last_duration_s", _DURATION, span), found.field("", _DURATION_MS, _ms)),
        next_due_at=found.field("next_due_at", _DUE, instant),
        running=_first(found.field("running", _RUNNING, flag), found.field("", _STATUS, _is_running)),
        processed=found.field("processed", _PROCESSED, whole),
        updated=found.field("updated", _UPDATED, whole),
        errors=found.field("errors", _ERRORS, _count),
        redis_ok=found.field("redis_ok", _REDIS, flag, _PARTS),
        database_ok=found.field("database_ok", _DATABASE, flag, _PARTS),
        status=found.field("status", _STATUS, _status),
        partial=tuple(partial),
    )


class _Finder:
    """Looks a field up in all documents."""

    def __init__(self, documents: Sequence[Any], fields: Mapping[str, str]) -> None:
        self._documents = documents
        self._fields = fields

    def field(self, name: str, keys: str, read: Read[T], places: Sequence[str] = _PLACES) -> T | None:
        """The first readable value: at the configured path alone, else under any of ``keys``, likelier ones first."""
        if (path := self._fields.get(name)) is not None:
            return self._at(path, read)
        for key in keys.split():
            for place in places:
                if (value := self._at(f"{place}.{key}" if place else key, read)) is not None:
                    return value
        return None

    def _at(self, path: str, read: Read[T]) -> T | None:
        values = (read(path_of(document, path)) for document in self._documents)
        return next((value for value in values if value is not None), None)


def _first(value: T | None, other: T | None) -> T | None:
    return other if value is None else value


def _ms(value: object) -> float | None:
    found = span(value)
    return None if found is None else found / 1000


def _status(value: object) -> str | None:
    return text(value, STATUS_CHARACTERS)


def _is_running(value: object) -> bool | None:
    return True if isinstance(value, str) and value.strip().lower() in {"running", "syncing", "in_progress"} else None


def _count(value: object) -> int | None:
    """A count, or the length of a list of errors."""
    return len(value) if isinstance(value, list) else whole(value)
