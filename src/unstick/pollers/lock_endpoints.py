"""The locks that a worker lists over HTTP: ``{"locks": […]}`` or a bare list."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

from unstick import clock, settings
from unstick.backends.base import failure
from unstick.backends.http import Answer, HttpConnection, check
from unstick.facts.locks import LockFacts, LockRow
from unstick.facts.reading import Source, TroubleKind
from unstick.facts.text import clean
from unstick.pollers.reply import decode
from unstick.pollers.values import instant, number, text
from unstick.secret import Url

ROWS_LIMIT = 500
WORKERS_LIMIT = 200
_LISTS = ("locks", "items", "results", "data")
_ENDLESS_WORDS = frozenset({"", "never", "none", "null", "infinity"})


class LockEndpointPoller:
    """One worker's lock endpoint."""

    def __init__(self, source: Source, options: settings.Locks, url: Url) -> None:
        self.source = source
        self._path = options.path
        self._name = clean(url.address)

    async def look(self, connection: HttpConnection) -> LockFacts:
        """Ask once. Ages count by the ``Date`` of the answer, where it has one."""
        answer = check(await connection.get(self._path))
        return lock_facts(answer, self._name, clock.now() if answer.date_at is None else answer.date_at)


def lock_facts(answer: Answer, name: str, server_at: float) -> LockFacts:
    """The facts of one answer: pure. Raises ``PROTOCOL`` when there is no list of locks in it.

    A lock whose end cannot be read counts in the total only: it is neither expired nor endless.
    """
    items = _items(decode(answer.body, object))
    rows: list[LockRow] = []
    for item in items:
        end = _end(item, server_at)
        if end != "unreadable":
            rows.append(_row(item, end))
    rows.sort(key=lambda row: (_rank(row, server_at), row.expires_at or 0.0, row.id))
    return LockFacts(
        via="http",
        name=name,
        server_at=server_at,
        total=len(items),
        expired=sum(_rank(row, server_at) == 0 for row in rows),
        endless=sum(_rank(row, server_at) == 1 for row in rows),
        by_worker=tuple(Counter(row.worker_id for row in rows).most_common(WORKERS_LIMIT)),
        rows=tuple(rows[:ROWS_LIMIT]),
    )


def _items(document: Any) -> list[dict[str, Any]]:
    if isinstance(document, dict):
        document = next((document[key] for key in _LISTS if isinstance(document.get(key), list)), None)
    if not isinstance(document, list):
        raise failure(TroubleKind.PROTOCOL, "bad reply: no list of locks in it")
    return [item for item in document if isinstance(item, dict)]


def _row(item: dict[str, Any], expires_at: float | None) -> LockRow:
    kind = _word(item, "kind", "type", "lock_type")
    task = _word(item, "task_id", "task", "resource")
    return LockRow(
        id=_word(item, "id", "lock_id", "key") or f"{kind}:{task}",
        kind=kind,
        task_id=task,
        worker_id=_word(item, "worker_id", "worker", "holder", "owner"),
        acquired_at=instant(item.get("acquired_at", item.get("created_at"))),
        expires_at=expires_at,
    )


def _word(item: dict[str, Any], *keys: str) -> str:
    """The first of ``keys`` that holds a text or a whole number."""
    for key in keys:
        value = item.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return clean(str(value)) if abs(value) < 10**30 else "?"
        if (found := text(value)) is not None:
            return found
    return ""


def _end(item: dict[str, Any], server_at: float) -> float | Literal["unreadable"] | None:
    """When a lock ends: its instant, else its time to live; ``None`` when it has no end."""
    stated, left = item.get("expires_at"), item.get("ttl_seconds", item.get("ttl"))
    if isinstance(stated, str) and stated.strip().lower() in _ENDLESS_WORDS:
        stated = None
    if stated is not None:
        found = instant(stated)
        return "unreadable" if found is None else found
    if left is None:
        return None
    seconds = number(left)
    return "unreadable" if seconds is None or abs(seconds) > 1e9 else server_at + seconds


def _rank(row: LockRow, server_at: float) -> int:
    if row.expires_at is None:
        return 1
    return 0 if row.expires_at <= server_at else 2
