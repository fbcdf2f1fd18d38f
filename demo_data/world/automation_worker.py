"""An automation worker: uploads in bulk, locks what it works on, and answers on ``/api/v1``.

SIGUSR1 makes it take thirty locks at once: some with a short end, some with a long one, a few without any. SIGUSR2
makes it lose all connections of its pool: they are taken and never given back.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import signal
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from statistics import quantiles
from typing import Any

import asyncpg
import httpx
import psutil
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from demo_data.world.common import iso, log_to_stdout, now, setting

KINDS = ("bulk_upload", "warmup", "avatar", "follow")
MAX_TASKS = 3
MEMORY_LIMIT_MB = 2048
WINDOW_S = 60
LIMITS = {"metrics": 20, "health": 200, "other": 100}
"""Requests per window and client, as the worker's documentation gives them."""

TAKE_LOCK = """
INSERT INTO dashboard_tasklock (kind, task_id, worker_id, expires_at)
VALUES ($1, $2, $3, now() + make_interval(secs => $4)) ON CONFLICT DO NOTHING RETURNING id"""
PILE = """
INSERT INTO dashboard_tasklock (kind, task_id, worker_id, expires_at)
SELECT ($2::text[])[1 + g % 4], 900000 + g, $1,
       CASE WHEN g <= 4 THEN NULL WHEN g <= 16 THEN now() + interval '15 seconds' ELSE now() + interval '1 hour' END
  FROM generate_series(1, 30) g ON CONFLICT DO NOTHING"""
LOCKS = """
SELECT kind, task_id, worker_id, acquired_at, expires_at, extract(epoch FROM expires_at - now())::int AS ttl
  FROM dashboard_tasklock ORDER BY expires_at NULLS FIRST LIMIT 200"""


class Breaker:
    """A circuit breaker: open after five failures in a row, for thirty seconds."""

    def __init__(self) -> None:
        self.failures = 0
        self.opened_at: float | None = None
        self.opened: str | None = None

    @property
    def state(self) -> str:
        """``closed``, ``open``, or ``half_open`` when the next call is a trial."""
        if self.opened_at is None:
            return "closed"
        return "open" if time.monotonic() - self.opened_at < 30 else "half_open"

    def note(self, *, ok: bool) -> None:
        """Takes in the outcome of a call."""
        self.failures = 0 if ok else self.failures + 1
        if ok:
            self.opened_at = self.opened = None
        elif self.failures >= 5:
            self.opened_at, self.opened = time.monotonic(), iso(now())

    def told(self) -> dict[str, Any]:
        """As ``/status`` shows it."""
        return {"state": self.state, "failures": self.failures} | ({"opened_at": self.opened} if self.opened else {})


class Timer:
    """Durations of one kind."""

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.longest = 0.0
        self.recent: deque[float] = deque(maxlen=500)

    def note(self, seconds: float) -> None:
        """Takes in one duration."""
        self.count += 1
        self.total += seconds
        self.longest = max(self.longest, seconds)
        self.recent.append(seconds)

    def timer(self) -> dict[str, Any]:
        """Count, average and maximum in milliseconds."""
        average = self.total / self.count if self.count else 0
        return {"count": self.count, "avg_ms": round(average * 1000, 1), "max_ms": round(self.longest * 1000, 1)}

    def histogram(self) -> dict[str, Any]:
        """Count, sum and quantiles in seconds."""
        cuts = quantiles(self.recent, n=100) if len(self.recent) > 1 else [0.0] * 99
        return {
            "count": self.count,
            "sum": round(self.total, 3),
            **{f"p{cut}": round(cuts[cut - 1], 3) for cut in (50, 95, 99)},
        }


class Worker:
    """One worker: its tasks, its pool, what it counts and what it answers."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.log = log_to_stdout(name)
        self.counters: dict[str, int] = defaultdict(int)
        self.timers: dict[str, Timer] = defaultdict(Timer)
        self.breakers = {"ui-service": Breaker()}
        self.active = self.waiting = 0
        self.started = time.monotonic()
        self.process = psutil.Process()
        self.seen: dict[str, deque[float]] = defaultdict(deque)
        self.dice = random.Random(name)
        self.lost: list[Any] = []
        self.pool: asyncpg.Pool[asyncpg.Record]
        self.http: httpx.AsyncClient

    # -- work

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Works as long as it serves; gives its locks back at an orderly end."""
        self.pool = await asyncpg.create_pool(
            setting("DATABASE_URL"), min_size=2, max_size=6, server_settings={"application_name": self.name}
        )
        self.http = httpx.AsyncClient(timeout=2, trust_env=False)
        self.process.cpu_percent()
        jobs = [asyncio.create_task(self.work()) for _ in range(MAX_TASKS)] + [asyncio.create_task(self.call_ui())]
        for signum, deed in ((signal.SIGUSR1, self._pile), (signal.SIGUSR2, self._leak)):
            asyncio.get_running_loop().add_signal_handler(signum, _start, deed, jobs)
        try:
            yield
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            for connection in self.lost:
                await self.pool.release(connection)
            await self.query("DELETE FROM dashboard_tasklock WHERE worker_id = $1", self.name)
            await self.http.aclose()
            await self.pool.close()

    async def work(self) -> None:
        """One task after the other, each under a lock."""
        await asyncio.sleep(self.dice.uniform(0, 5))
        while True:
            kind, task = self.dice.choice(KINDS), self.dice.randrange(1, 100_000)
            if await self.query(TAKE_LOCK, kind, task, self.name, 1800):
                self.counters["tasks_started_total"] += 1
                self.active += 1
                began = time.monotonic()
                try:
                    await asyncio.sleep(self.dice.uniform(8, 25))
                finally:
                    self.active -= 1
                self.timers["task_execution"].note(time.monotonic() - began)
                self.counters["tasks_completed_total"] += 1
                await self.query("DELETE FROM dashboard_tasklock WHERE kind = $1 AND task_id = $2", kind, task)
            await asyncio.sleep(self.dice.uniform(1, 6))

    async def call_ui(self) -> None:
        """Asks the web UI now and then, behind a circuit breaker."""
        breaker = self.breakers["ui-service"]
        while True:
            if breaker.state != "open":
                began = time.monotonic()
                try:
                    answer = await self.http.get(setting("WORLD_UI_URL"))
                    breaker.note(ok=answer.status_code < 500)
                except httpx.HTTPError:
                    breaker.note(ok=False)
                self.timers["http_request"].note(time.monotonic() - began)
            await asyncio.sleep(float(os.environ.get("WORLD_UI_EVERY_S", "3")))

    async def _pile(self) -> None:
        await self.query(PILE, self.name, list(KINDS))
        self.log.error("took thirty locks")

    async def _leak(self) -> None:
        self.log.error("loses the connections of its pool")
        for _ in range(self.pool.get_max_size()):
            self.lost.append(await self.pool.acquire())

    async def query(self, sql: str, *args: object) -> Any:
        """One statement over the pool, timed; its first value."""
        began = time.monotonic()
        try:
            async with self.connection() as connection:
                return await connection.fetchval(sql, *args)
        finally:
            self.timers["db_query"].note(time.monotonic() - began)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """One of the pool's; whoever waits for it is counted."""
        self.waiting += 1
        try:
            connection = await self.pool.acquire()
        finally:
            self.waiting -= 1
        try:
            yield connection
        finally:
            await self.pool.release(connection)

    # -- answers

    def limited(
        self, family: str, answer: Callable[[Request], Awaitable[JSONResponse]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Wraps an endpoint in its rate limit."""
        limit = LIMITS[family]

        async def wrapped(request: Request) -> Response:
            began = time.monotonic()
            self.counters["http_requests_total"] += 1
            client = request.client.host if request.client else "-"
            seen = self.seen[f"{family}:{client}"]
            while seen and seen[0] <= began - WINDOW_S:
                seen.popleft()
            reset = math.ceil(seen[0] + WINDOW_S - began) if seen else WINDOW_S
            response: Response
            if len(seen) >= limit:
                self.log.warning("429 Too Many Requests: %s", request.url.path)
                response = JSONResponse({"detail": "Rate limit exceeded"}, 429, {"Retry-After": str(max(reset, 1))})
            else:
                seen.append(began)
                response = await answer(request)
            response.headers["X-RateLimit-Limit"] = str(limit)
            response.headers["X-RateLimit-Remaining"] = str(max(limit - len(seen), 0))
            response.headers["X-RateLimit-Reset"] = str(int(now().timestamp()) + reset)
            self.timers["http_answer"].note(time.monotonic() - began)
            return response

        return wrapped

    async def simple(self, _: Request) -> JSONResponse:
        return JSONResponse({"ok": True, "status": "healthy"})

    async def health(self, _: Request) -> JSONResponse:
        try:
            async with asyncio.timeout(1):
                await self.query("SELECT 1")
            database = "up"
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            database = "down"
        ui = "up" if self.breakers["ui-service"].state == "closed" else "down"
        status = "healthy" if database == ui == "up" else "degraded"
        checks = {"database": {"status": database}, "ui-service": {"status": ui}}
        body = {"ok": status == "healthy", "status": status, "worker_id": self.name, "checks": checks}
        return JSONResponse(body, 200 if database == "up" else 503)

    async def metrics(self, _: Request) -> JSONResponse:
        size, idle = self.pool.get_size(), self.pool.get_idle_size()
        return JSONResponse(
            {
                "counters": {
                    key: self.counters[key]
                    for key in ("tasks_started_total", "tasks_completed_total", "http_requests_total")
                },
                "gauges": {"active_tasks": self.active, **self._resources()},
                "histograms": {
                    "task_duration_seconds": self.timers["task_execution"].histogram(),
                    "http_request_duration_seconds": self.timers["http_answer"].histogram(),
                },
                "timers": {
                    name: self.timers[name].timer() for name in ("db_query", "http_request", "task_execution")
                },
                "database_pools": {
                    "default": {
                        "min_connections": self.pool.get_min_size(),
                        "max_connections": self.pool.get_max_size(),
                        "size": size,
                        "in_use": size - idle,
                        "idle": idle,
                        "waiting": self.waiting,
                    }
                },
            }
        )

    async def status(self, _: Request) -> JSONResponse:
        resources = self._resources()
        broken = any(breaker.state != "closed" for breaker in self.breakers.values())
        return JSONResponse(
            {
                "status": "degraded" if broken else "healthy",
                "worker_id": self.name,
                "uptime_seconds": round(time.monotonic() - self.started),
                "resource_usage": {
                    "memory_mb": resources["memory_usage_mb"],
                    "memory_limit_mb": MEMORY_LIMIT_MB,
                    "cpu_percent": resources["cpu_usage_percent"],
                    "disk_percent": psutil.disk_usage(os.sep).percent,
                },
                "circuit_breakers": {name: breaker.told() for name, breaker in self.breakers.items()},
                "active_tasks": self.active,
                "max_concurrent_tasks": MAX_TASKS,
            }
        )

    async def locks(self, _: Request) -> JSONResponse:
        async with self.connection() as connection:
            found = await connection.fetch(LOCKS)
        rows = [
            {
                "kind": row["kind"],
                "task_id": row["task_id"],
                "worker_id": row["worker_id"],
                "acquired_at": iso(row["acquired_at"]),
                "expires_at": iso(row["expires_at"]),
                "ttl_seconds": row["ttl"],
            }
            for row in found
        ]
        return JSONResponse({"locks": rows})

    def _resources(self) -> dict[str, float]:
        return {
            "memory_usage_mb": round(self.process.memory_info().rss / 2**20, 1),
            "cpu_usage_percent": self.process.cpu_percent(),
        }


def _start(job: Callable[[], Coroutine[Any, Any, None]], jobs: list[asyncio.Task[None]]) -> None:
    jobs.append(asyncio.create_task(job()))


def main() -> None:
    """Serves on loopback."""
    worker = Worker(setting("WORLD_WORKER_ID"))
    base = "/api/v1"
    routes = [
        Route(f"{base}/health/simple", worker.limited("health", worker.simple)),
        Route(f"{base}/health", worker.limited("health", worker.health)),
        Route(f"{base}/metrics", worker.limited("metrics", worker.metrics)),
        Route(f"{base}/status", worker.limited("other", worker.status)),
        Route(f"{base}/locks", worker.limited("other", worker.locks)),
    ]
    app = Starlette(routes=routes, lifespan=worker.lifespan)
    uvicorn.run(app, host="127.0.0.1", port=int(setting("WORLD_PORT")), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
