"""A worker's own endpoints: its metrics decide, the JSON of ``/health`` and ``/ready`` fills what they leave open."""

from __future__ import annotations

import asyncio
from typing import Any

from unstick import settings
from unstick.backends.base import BackendError
from unstick.backends.http import Answer, HttpConnection
from unstick.facts.health import HealthFacts
from unstick.facts.reading import Source
from unstick.facts.text import clean
from unstick.pollers.prometheus import Exposition, finite, parse
from unstick.pollers.reply import ask, decode, raise_if_none_answered
from unstick.pollers.values import flag, number, path_of, text, whole

LOOK_S = 3.5
"""All three requests together; less than the deadline of a lane."""
STATUS_CHARACTERS = 64
_NOTHING = Exposition((), 0)
_INSTANT_FROM = 1e9


class HealthPoller:
    """One worker endpoint."""

    def __init__(self, source: Source, options: settings.Health) -> None:
        self.source = source
        self._options = options
        self.address = clean(options.url.address)
        self.name = clean(options.name or options.url.address)

    async def look(self, connection: HttpConnection) -> HealthFacts:
        """Ask all three. A missing one leaves its fields unknown; raises when none of them answers."""
        options = self._options
        paths = (options.health_path, options.ready_path, options.metrics_path)
        said = await ask(connection, paths, total_s=LOOK_S, sick=True)
        raise_if_none_answered(said)
        health, ready, metrics = (said[path] for path in paths)
        exposition = _NOTHING
        if isinstance(metrics, Answer) and metrics.status == 200:
            exposition = await asyncio.to_thread(parse, metrics.body, options.metric_prefix)
        document = _document(health)
        return HealthFacts(
            name=self.name,
            address=self.address,
            status=text(path_of(document, "status"), STATUS_CHARACTERS),
            healthy=_healthy(exposition, options.metric_prefix, document, health),
            ready=_ready(ready),
            uptime_s=_least(exposition, f"{options.metric_prefix}_uptime_seconds", document, "uptime_seconds"),
            processed=_processed(exposition, options.metric_prefix, document),
            heartbeat_age_s=_heartbeat_age(exposition, options.metric_prefix, document, metrics, health),
            broker_connected=_connected(exposition, options.metric_prefix, document),
            health_code=_code(health),
            bad_metric_lines=exposition.bad_lines,
        )


def _document(answer: Answer | BackendError) -> Any:
    if isinstance(answer, BackendError):
        return None
    try:
        return decode(answer.body, object)
    except BackendError:  # a bare "OK" is an answer too
        return None


def _code(answer: Answer | BackendError) -> int | None:
    return answer.status if isinstance(answer, Answer) else None


def _healthy(exposition: Exposition, prefix: str, document: Any, answer: Answer | BackendError) -> bool | None:
    """Metrics first, then the body's words, then the status. Of several processes the sickest counts."""
    if values := finite(exposition, f"{prefix}_healthy"):
        return min(values) > 0
    if (said := flag(document)) is not None:
        return said
    return _well(answer)


def _ready(answer: Answer | BackendError) -> bool | None:
    said = flag(path_of(_document(answer), "ready"))
    return _well(answer) if said is None else said


def _well(answer: Answer | BackendError) -> bool | None:
    return answer.status < 300 if isinstance(answer, Answer) else None


def _least(exposition: Exposition, metric: str, document: Any, key: str) -> float | None:
    values = finite(exposition, metric)
    found = min(values) if values else number(path_of(document, key))
    return found if found is not None and found >= 0 else None


def _processed(exposition: Exposition, prefix: str, document: Any) -> int | None:
    if values := finite(exposition, f"{prefix}_tasks_processed_total"):
        return whole(sum(values))
    return whole(path_of(document, "tasks_processed"))


def _heartbeat_age(
    exposition: Exposition, prefix: str, document: Any, metrics: Answer | BackendError, health: Answer | BackendError
) -> float | None:
    """The oldest heartbeat. Some workers give its instant: the ``Date`` of the same answer makes an age of it."""
    values = finite(exposition, f"{prefix}_last_heartbeat_seconds")
    found = max(values) if values else number(path_of(document, "last_heartbeat_seconds"))
    if found is None or abs(found) < _INSTANT_FROM:
        return found
    instants = min(values) if values else found
    answer = metrics if values else health
    return answer.date_at - instants if isinstance(answer, Answer) and answer.date_at is not None else None


def _connected(exposition: Exposition, prefix: str, document: Any) -> bool | None:
    if values := finite(exposition, f"{prefix}_broker_connected"):
        return min(values) > 0
    return flag(path_of(document, "broker_connected"))
