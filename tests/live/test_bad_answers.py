"""Everything that is asked over HTTP answers ten megabytes or what is no answer: each source says so, no other notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.live.stack import Watch, uncaught
from tests.live.systems import row, seen, value_of, watching_only
from unstick import settings
from unstick.facts.reading import TroubleKind
from unstick.secret import Url
from unstick.settings import Automation, Context, Health, Locks, Probe, RabbitMQ, Sync

pytestmark = pytest.mark.usefixtures("hasty")
BODIES = {
    "ten megabytes": b'{"a": "' + b"x" * 10_000_000 + b'"}',
    "half a document": b'{"locks": [{"id": ',
    "a page for people": b"<!doctype html><html><body>It works!</body></html>",
    "a hundred thousand brackets": b"[" * 100_000,
    "bytes": bytes(range(256)) * 40,
}
FINE = "probe:fine"


@asynccontextmanager
async def answering(body: bytes) -> AsyncIterator[str]:
    """A server that answers every question with ``body``, and says that all is well."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def asked(base: str, redis_url: str) -> Context:
    """Every source that speaks HTTP, and one that does not."""
    url = Url(base)
    return watching_only(
        redis=settings.Redis(Url(redis_url)),
        rabbitmq=RabbitMQ(management_url=url),
        health=(Health(url=url, name="worker"),),
        automation=(Automation(url=url, name="automation", locks=False),),
        locks=Locks(table=None, urls=(url,)),
        sync=Sync(url=url),
        probe=(
            Probe(name="json", url=url, json="a.b"),
            Probe(name="promql", url=url, promql="up"),
            Probe(name="metric", url=url, metric="up"),
            Probe(name="fine", redis=("DBSIZE",)),
        ),
    )


@pytest.mark.parametrize("body", BODIES)
def test_each_source_says_so_and_no_other_notices(body: str, redis_url: str) -> None:
    async def run() -> None:
        async with uncaught() as errors, answering(BODIES[body]) as base, Watch(asked(base, redis_url)) as watch:
            lapses: list[str] = []
            await seen(lambda: row(watch, FINE) is not None, "the one that is well")
            watch.seen.append(lambda _: lapses.extend(name for name in [FINE] if watch.states[name].state != "fresh"))
            await seen(lambda: not any(state.pending for state in watch.states.values()), "all were asked")
            for name, state in watch.states.items():
                if name != FINE:
                    told = state.trouble
                    value = value_of(watch, name)
                    # A health check is its status; that its numbers cannot be read is said beside it.
                    doubt = getattr(value, "partial", ()) or getattr(value, "bad_metric_lines", 0)
                    assert told is not None or doubt, f"{name} takes it for an answer: {value}"
                    assert told is None or told.kind is TroubleKind.PROTOCOL, (name, told)
            await asyncio.sleep(1)
            assert lapses == []
        assert errors == []

    asyncio.run(run())
