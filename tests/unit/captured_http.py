"""A connection that answers with captured replies, for tests of parsing; anything about a server is tested live."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from email.message import Message
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any

from unstick.backends.base import BackendError, failure
from unstick.backends.http import Answer, HttpConnection, parse_date
from unstick.facts.reading import Source, TroubleKind
from unstick.secret import Url

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
SOURCE = Source("x", "x", "server-x", 5.0)
LOST = failure(TroubleKind.REFUSED, "connection refused", transport=True)
ABSENT = Answer(404, {}, b'{"error":"Object Not Found","reason":"Not Found"}', None)
Said = Answer | BackendError


@functools.cache
def captured(name: str) -> Answer:
    """One reply of the management API, kept with its status."""
    whole = json.loads((FIXTURES / f"{name}.json").read_text())
    if isinstance(whole, list):
        return answer(whole)
    return answer(whole["body"], whole["_status"])


def raw(name: str) -> Answer:
    """One reply as it came over the wire."""
    head, _, body = (FIXTURES / f"{name}.http").read_bytes().partition(b"\r\n\r\n")
    status, _, lines = head.partition(b"\r\n")
    headers: Message = BytesHeaderParser().parsebytes(lines)
    kept = {key.lower(): str(value) for key, value in headers.items()}
    return Answer(int(status.split()[1]), kept, body, parse_date(kept.get("date", "")))


def answer(document: Any, status: int = 200, date_at: float | None = None) -> Answer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Answer(status, {}, body, date_at)


class CapturedConnection(HttpConnection):
    """The longest key that a path starts with gives the reply; anything else is 404."""

    def __init__(self, replies: Mapping[str, Said]) -> None:
        super().__init__(Url("http://nowhere"))
        self.replies = dict(replies)
        self.asked: list[str] = []

    async def get(self, path_and_query: str, *, total_s: float | None = None, body: bool = True) -> Answer:
        self.asked.append(path_and_query)
        keys = [key for key in self.replies if path_and_query.startswith(key)]
        said = self.replies[max(keys, key=len)] if keys else ABSENT
        if isinstance(said, BackendError):
            raise said
        return said
