"""One small stack of every server that unstick watches, and the context that watches all of it.

with standing(postgres, seeded, redis_server, rabbit) as urls, FaultProxy(port_of(urls.redis)) as proxy:
    context = watching(replace(urls, redis=through(urls.redis, proxy)))
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import json
import socketserver
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec
import psutil
import redis

from tests.lab.fault_proxy import FaultProxy
from tests.lab.fixtures import DEMO_DATA
from tests.lab.processes import LOOPBACK
from tests.lab.servers import Postgres, Rabbit, Redis
from unstick import clock, settings
from unstick.board.board import Board, fold
from unstick.board.sources import SourceState
from unstick.cli.wiring import lane_specs
from unstick.feeds.live import LiveFeed
from unstick.secret import Url
from unstick.views.status_json import Json, status

DRAMATIQ_QUEUE, CELERY_QUEUE = "default", "celery"
BROKER_QUEUES = ("exports", "exports.DQ", "pictures")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Urls:
    """Where every server of the stack is reached."""

    postgres: str
    redis: str
    management: str
    amqp: str
    worker: str


def through(url: str, proxy: FaultProxy) -> str:
    """The same place by way of ``proxy``."""
    parts = urlsplit(url)
    credentials, at, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{credentials}{at}{LOOPBACK}:{proxy.port}").geturl()


def port_of(url: str) -> int:
    """The port that ``url`` names."""
    port = urlsplit(url).port
    assert port is not None
    return port


def seed(server: Postgres) -> str:
    """A database of ``server`` with the demo schema and seed; its connection string."""
    server.psql("CREATE DATABASE seeded;")
    server.psql("".join((DEMO_DATA / name).read_text() for name in ("schema.sql", "seed.sql")), "seeded")
    return server.database_url("seeded")


def watching(urls: Urls, *, management: bool = True) -> settings.Context:
    """Everything of the stack, asked about as often as the floors allow; without ``management`` the broker is asked by AMQP."""
    broker = settings.RabbitMQ(url=Url(urls.amqp), management_url=Url(urls.management) if management else None)
    return settings.Context(
        name="stack",
        postgres=settings.Postgres(url=Url(urls.postgres)),
        redis=settings.Redis(url=Url(urls.redis)),
        rabbitmq=broker,
        dramatiq=(
            settings.Dramatiq(name="jobs", queues=(DRAMATIQ_QUEUE,)),
            settings.Dramatiq(name="exports", url=Url(urls.amqp), queues=("exports",)),
        ),
        celery=(
            settings.Celery(name="sync", queues=(CELERY_QUEUE,)),
            settings.Celery(name="pictures", url=Url(urls.amqp), queues=("pictures",)),
        ),
        health=(settings.Health(url=Url(urls.worker), name="worker"),),
        crawler=settings.Crawler(),
        locks=settings.Locks(urls=(Url(urls.worker),)),
        sync=settings.Sync(url=Url(urls.worker)),
        intervals=msgspec.structs.replace(settings.FLOORS, dramatiq_s=1.0, celery_s=2.0, crawler_s=2.0, locks_s=2.0),
    )


@contextlib.contextmanager
def standing(postgres: Postgres, seeded: str, redis_server: Redis, rabbit: Rabbit) -> Iterator[Urls]:
    """A database, a Redis database, a virtual host and a worker endpoint of one's own, each with something in it."""
    number = next(_numbers)
    name = f"stack_{number}"
    postgres.psql(f"CREATE DATABASE {name} TEMPLATE {seeded};")
    cache = redis_server.database_url(Redis.databases - number)
    fill(cache)
    rabbit.add_vhost(name)
    for queue in BROKER_QUEUES:
        rabbit.api("PUT", f"queues/{name}/{queue}", {"durable": True})
    try:
        with HttpWorker() as worker:
            urls = (postgres.database_url(name), cache, rabbit.management_url, rabbit.amqp_url(name), worker.url)
            yield Urls(*urls)
    finally:
        postgres.psql(f"DROP DATABASE {name} WITH (FORCE);")
        redis_server.cli("FLUSHDB", db=Redis.databases - number)
        rabbit.delete_vhost(name)


def fill(url: str) -> None:
    """A heartbeat, two waiting messages of each job system and some balances."""
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        client.zadd("dramatiq:__heartbeats__", {"worker-1": clock.now() * 1000})
        for message in ("m1", "m2"):
            client.rpush(f"dramatiq:{DRAMATIQ_QUEUE}", message)
            client.hset(
                f"dramatiq:{DRAMATIQ_QUEUE}.msgs", message, f'{{"message_timestamp": {clock.now() * 1000:.0f}}}'
            )
            client.lpush(CELERY_QUEUE, "{}")
        client.sadd("_kombu.binding.celery", "celery\x06\x16\x06\x16celery")
        client.mset({f"balance:{user}": "1.00" for user in range(1, 50)})


class HttpWorker:
    """A worker with ``/health``, ``/ready``, ``/metrics``, a list of locks, and the API of a balance sync."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        """``METHOD /path`` of every request."""
        self._server = _Server((LOOPBACK, 0), _handler(self.asked))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="http-worker")

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is nobody's error."""


def _handler(asked: list[str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def parse_request(self) -> bool:
            understood = super().parse_request()
            if understood:
                asked.append(f"{self.command} {self.path}")
            return understood

        def do_GET(self) -> None:
            body = _answers().get(self.path)
            self.send_response_only(404 if body is None else 200)
            self.send_header("Date", formatdate(usegmt=True))
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base
            """Nothing is printed."""

    return Handler


def _answers() -> dict[str, bytes]:
    now = clock.now()
    documents = {
        "/health": {"status": "healthy"},
        "/ready": {"ready": True},
        "/api/v1/locks": {"locks": []},
        "/sync-management/status": {"status": "idle", "processed": 500, "last_sync_at": now - 60},
        "/sync-management/schedule": {"next_run_at": now + 3000},
        "/sync-management/health": {"redis": "ok", "database": "ok"},
        "/sync-management/stats": {"updated": 3, "errors": 0},
    }
    metrics = {"uptime_seconds": 120, "tasks_processed_total": 42, "last_heartbeat_seconds": 1, "healthy": 1}
    lines = "".join(f"dramatiq_worker_{name} {value}\n" for name, value in metrics.items())
    return {path: json.dumps(document).encode() for path, document in documents.items()} | {
        "/metrics": (lines + "dramatiq_worker_broker_connected 1\n").encode()
    }


class Greeter(socketserver.BaseRequestHandler):
    """A server of another kind: it speaks first, then it listens."""

    def handle(self) -> None:
        self.request.sendall(b"220 mail.example ready\r\n\r\n")
        with contextlib.suppress(OSError):
            while self.request.recv(4096):
                pass


@contextlib.contextmanager
def greeting() -> Iterator[int]:
    """A :class:`Greeter`; its port."""
    with socketserver.ThreadingTCPServer((LOOPBACK, 0), Greeter) as server:
        server.daemon_threads, server.block_on_close = True, False
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="greeter")
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


class Watch:
    """A live feed that runs, and the newest board of what it saw."""

    def __init__(self, context: settings.Context, *, tick_s: float = 0.25) -> None:
        self.context = context
        self.board: Board | None = None
        self.seen: list[Callable[[Board], None]] = []
        """Called with every new board."""
        self._feed = LiveFeed(lane_specs(context), context.name, tick_s)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.ensure_future(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    @property
    def states(self) -> dict[str, SourceState]:
        """The state of every source, as the newest board has it."""
        assert self._task is None or not self._task.done()
        return {state.source.id: state for state in self.board.sources} if self.board else {}

    def fresh(self) -> bool:
        """Whether every source is."""
        return bool(self.states) and all(state.state == "fresh" for state in self.states.values())

    def told(self) -> Json:
        """What ``status --json`` says now."""
        assert self.board is not None
        return status(self.board)

    async def _read(self) -> None:
        async with contextlib.aclosing(self._feed.frames()) as frames:
            async for frame in frames:
                self.board = fold(self.board, frame, self.context)
                for call in self.seen:
                    call(self.board)


_ASYNCPG = "unexpected connection_lost() call"
"""What asyncpg leaves to nobody when a connect is given up in the very turn of the loop that makes the socket."""


@contextlib.asynccontextmanager
async def uncaught() -> AsyncIterator[list[str]]:
    """Collects the errors of this loop that nobody caught; those of tasks that were thrown away come at the end."""
    found: list[str] = []
    loop = asyncio.get_running_loop()

    def note(_: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
        if _ASYNCPG not in str(told):
            found.append(str(told))

    loop.set_exception_handler(note)
    yield found
    for _ in range(3):
        gc.collect()
        await asyncio.sleep(0.01)
    loop.set_exception_handler(None)


def sockets_to(url: str) -> int:
    """How many connections this process holds to the server of ``url``."""
    connections = psutil.Process().net_connections("tcp")
    return sum(bool(c.raddr) and c.raddr[1] == port_of(url) and c.status == "ESTABLISHED" for c in connections)


async def until(condition: Callable[[], bool], patience_s: float) -> float | None:
    """Seconds until ``condition`` held; ``None`` when it did not within ``patience_s``."""
    begun = clock.monotonic()
    while not condition():
        if clock.monotonic() - begun > patience_s:
            return None
        await asyncio.sleep(0.02)
    return clock.monotonic() - begun
