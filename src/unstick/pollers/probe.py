"""Numbers of one's own: SQL in a read-only transaction, a Redis command, a JSON path, Prometheus text, PromQL."""

from __future__ import annotations

import asyncio
import math
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from unstick import sql
from unstick.backends.base import BackendError, failure
from unstick.facts.probe import ProbeFacts, Way
from unstick.facts.reading import Source, TroubleKind
from unstick.facts.text import clean, clean_bytes
from unstick.pollers.values import number, path_of

if TYPE_CHECKING:
    from unstick.backends.http import HttpConnection
    from unstick.backends.postgres import PostgresConnection
    from unstick.backends.redis import RedisConnection
    from unstick.settings import Probe

CHARACTERS = 100
_SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\})?\s*\Z", re.DOTALL)
_MATCHER = re.compile(r'\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|\Z)')
_REFUSED = (400, 422, 503)
"""Statuses with which Prometheus says in words what is wrong with a query."""


class _Probe:
    """What all of them share: the fact is made of whatever came."""

    way: Way

    def __init__(self, source: Source, entry: Probe) -> None:
        self.source = source
        self._entry = entry

    def _fact(self, found: Any) -> ProbeFacts:
        entry, value = self._entry, _number(found)
        return ProbeFacts(
            name=clean(entry.name),
            label=clean(entry.label),
            way=self.way,
            value=value,
            text=_text(found) if value is None else None,
            unit=clean(entry.unit),
            warning=entry.warning,
            critical=entry.critical,
            below=entry.below,
        )


class SqlProbe(_Probe):
    """One query over the connection of the other questions."""

    way: Way = "sql"

    async def look(self, connection: PostgresConnection) -> ProbeFacts:
        """Ask once. Raises :class:`BackendError`."""
        query = sql.statement("probe", query=self._entry.sql.strip().rstrip(";"))
        async with connection.look(undo=True) as look:
            rows = await look.rows(query)
        return self._fact(rows[0]["value"] if rows else None)


class RedisProbe(_Probe):
    """One reading command."""

    way: Way = "redis"

    async def look(self, connection: RedisConnection) -> ProbeFacts:
        """Ask once. Raises :class:`BackendError`, also for a command that is no bounded read."""
        name, *arguments = self._entry.redis
        try:
            (reply,) = await connection.pipeline([(name.upper(), *arguments)])
        except PermissionError as error:
            raise failure(TroubleKind.DENIED, str(error)) from None
        if isinstance(reply, BackendError):
            raise reply
        return self._fact(reply)


class HttpProbe(_Probe):
    """A document, or a query that a Prometheus answers."""

    def __init__(self, source: Source, entry: Probe) -> None:
        super().__init__(source, entry)
        self.way = "promql" if entry.promql else "metric" if entry.metric else "json"
        parts = urlsplit(entry.url.reveal() if entry.url else "")
        path = parts.path or "/"
        if entry.promql:
            self._path = f"{path.rstrip('/')}/api/v1/query?query={quote(entry.promql, safe='')}"
        else:
            self._path = path + (f"?{parts.query}" if parts.query else "")

    async def look(self, connection: HttpConnection) -> ProbeFacts:
        """Ask once. Raises :class:`BackendError`."""
        from unstick.backends.http import check  # noqa: PLC0415 - a driver, only where one asks over HTTP
        from unstick.pollers.prometheus import parse  # noqa: PLC0415
        from unstick.pollers.reply import decode  # noqa: PLC0415

        answer = await connection.get(self._path)
        entry = self._entry
        if entry.promql:
            reply = answer if answer.status in _REFUSED else check(answer)
            return self._fact(promql_value(decode(reply.body, object), below=entry.below))
        body = check(answer).body
        if entry.metric:
            name, labels = selector(entry.metric)
            told = await asyncio.to_thread(parse, body, name)
            if told.bad_lines and not told.samples:
                raise failure(TroubleKind.PROTOCOL, "bad reply: no Prometheus text")
            found = [s.value for s in told.samples if s.name == name and labels.items() <= dict(s.labels).items()]
            return self._fact(sum(found) if found else None)
        document = decode(body, object)
        return self._fact(path_of(document, entry.json) if entry.json else document)


def selector(text: str) -> tuple[str, dict[str, str]]:
    """Name and labels of a metric. Raises ``SCHEMA`` for what is none.

    >>> selector('queue_depth{queue="mail", host="a"}')
    ('queue_depth', {'queue': 'mail', 'host': 'a'})
    """
    match = _SELECTOR.match(text.strip())
    inside = (match[2] or "").strip() if match else ""
    labels = {name: re.sub(r"\\(.)", r"\1", value) for name, value in _MATCHER.findall(inside)}
    if match is None or _MATCHER.sub("", inside).strip(" ,"):
        raise failure(TroubleKind.SCHEMA, 'metric is not name or name{label="value"}')
    return match[1], labels


def promql_value(document: Any, *, below: bool) -> float | None:
    """The value of an instant query; of several series the worst. Raises ``PROTOCOL`` with what Prometheus says."""
    if path_of(document, "status") != "success":
        said = path_of(document, "error")
        raise failure(TroubleKind.PROTOCOL, f"Prometheus: {said if isinstance(said, str) else 'bad reply'}")
    result, kind = path_of(document, "data.result"), path_of(document, "data.resultType")
    if kind in {"scalar", "string"}:
        return number(path_of(result, "1"))
    found = [number(path_of(series, "value.1")) for series in result] if isinstance(result, list) else []
    known = [value for value in found if value is not None]
    return (min(known) if below else max(known)) if known else None


def _number(found: Any) -> float | None:
    """A finite number; yes and no count as 1 and 0."""
    if isinstance(found, bytes):
        found = clean_bytes(found, CHARACTERS)
    if isinstance(found, bool):
        return float(found)
    if isinstance(found, str) and found.strip().lower() in {"true", "false"}:
        return float(found.strip().lower() == "true")
    value = number(found.strip() if isinstance(found, str) else found)
    return value if value is not None and math.isfinite(value) else None


def _text(found: Any) -> str | None:
    if isinstance(found, bytes):
        return clean_bytes(found, CHARACTERS)
    return None if found is None else clean(str(found)[: CHARACTERS * 2], CHARACTERS)
