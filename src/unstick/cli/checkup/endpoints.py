"""HTTP endpoints: workers, locks, the sync API. Reached is reached, whatever the endpoint says of its own health."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from unstick.backends.http import WORKER_CAP, HttpConnection
from unstick.cli.checkup.check import Check, Mark, Watch, asked, check
from unstick.secret import Url
from unstick.settings import Context

AT_ONCE = 8


async def endpoints(context: Context) -> list[Check]:
    """One request to each endpoint, eight at a time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(subject: str, url: Url, path: str, key: str) -> list[Check]:
        async with gate:
            connection = HttpConnection(url, cap=WORKER_CAP)
            setting = f"{key.partition('.')[0]}.url"
            return await asked(
                subject, connection, lambda link: _ask(subject, link, path, key), url=url, setting=setting
            )

    answers = await asyncio.gather(*(one(*place) for place in _places(context)))
    return [found for answer in answers for found in answer]


def _places(context: Context) -> Iterator[tuple[str, Url, str, str]]:
    for entry in context.health:
        yield f"health {entry.known_as}", entry.url, entry.health_path, "health.health_path"
    if context.sync is not None and context.sync.url is not None:
        yield "sync", context.sync.url, f"{context.sync.prefix.rstrip('/')}/status", "sync.prefix"
    if context.locks is not None:
        for url in context.locks.urls:
            yield f"locks {url.address}", url, context.locks.path, "locks.path"


async def _ask(subject: str, link: HttpConnection, path: str, key: str) -> list[Check]:
    watch = Watch()
    with watch.timing():
        answer = await link.get(path)
    text = f"{link.address}{path}: {watch.latency}, status {answer.status}"
    if answer.status in {401, 403}:
        return [check(subject, Mark.MISSING, text, "give the url a user and a password_file")]
    if answer.status == 404:
        return [check(subject, Mark.WARNING, text, f"set {key} to the right path")]
    return [check(subject, Mark.OK, text), watch.skew(subject, answer.date_at, resolution_s=1.0)]
