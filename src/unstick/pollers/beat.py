"""RedBeat's schedule in Redis: two round trips. Keys and their meaning: ``redbeat/schedulers.py``."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from unstick.backends.redis import RedisConnection, scored
from unstick.facts.beat import BeatEntry, BeatFacts
from unstick.facts.reading import Source
from unstick.facts.text import clean
from unstick.pollers.redis_discovery import exact
from unstick.pollers.redis_round import Answer, RoundTrip
from unstick.pollers.values import path_of, whole
from unstick.settings import Celery

ENTRIES_CAP = 100
BODY_CAP = 65_536


class BeatPoller:
    """One schedule."""

    def __init__(self, source: Source, settings: Celery) -> None:
        self.source = source
        self._settings = settings

    async def look(self, connection: RedisConnection) -> BeatFacts:
        """Ask once. Raises :class:`BackendError`, also where the schedule may not be read."""
        prefix = self._settings.redbeat_prefix
        trip = RoundTrip()
        server, lock = trip.ask("TIME"), trip.ask("PTTL", f"{prefix}:lock")
        count = trip.ask("ZCARD", f"{prefix}:schedule")
        due = trip.ask("ZRANGE", f"{prefix}:schedule", 0, ENTRIES_CAP - 1, "WITHSCORES")
        await trip.go(connection)
        places = list(scored(due.sure().value))
        trip = RoundTrip()
        bodies = [trip.ask("HMGET", exact(key), "definition", "meta") for key, _ in places]
        await trip.go(connection)
        left = lock.count
        return BeatFacts(
            name=clean(self._settings.name),
            server_at=server.server_at,
            entries=tuple(
                _entry(exact(key).removeprefix(prefix), score, body)
                for (key, score), body in zip(places, bodies, strict=True)
            ),
            entry_count=count.count if count.count is not None else len(places),
            lock_s=left / 1000 if left is not None and left >= 0 else None,
        )


def _entry(name: str, due_at: float, body: Answer) -> BeatEntry:
    definition, meta = (_document(item) for item in (body.items or [None, None])[:2])
    task = path_of(definition, "task")
    return BeatEntry(
        name=clean(name, 200),
        task=clean(task, 200) if isinstance(task, str) else None,
        due_at=due_at,
        last_run_at=_instant(path_of(meta, "last_run_at")),
        runs=whole(path_of(meta, "total_run_count")),
        enabled=path_of(definition, "enabled") is not False,
    )


def _document(body: object) -> Any:
    if not isinstance(body, bytes) or len(body) > BODY_CAP:
        return None
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _instant(said: Any) -> float | None:
    """RedBeat spells instants out: ``{"__type__": "datetime", "year": …}``, the zone by name or in minutes."""
    fields = [whole(path_of(said, name)) for name in ("year", "month", "day", "hour", "minute", "second")]
    if not isinstance(said, dict) or None in fields:
        return None
    zone = said.get("timezone")
    try:
        offset = timezone(timedelta(minutes=zone)) if isinstance(zone, int | float) else ZoneInfo(str(zone or "UTC"))
        year, month, day, hour, minute, second = (field or 0 for field in fields)
        return datetime(year, month, day, hour, minute, second, tzinfo=offset).timestamp()
    except (ValueError, OverflowError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return None
