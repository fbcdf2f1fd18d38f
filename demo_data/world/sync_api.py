"""The HTTP service in front of the balance sync: ``/sync-management/{status,schedule,health,stats,force-sync}``.

Its numbers are what the sync task itself noted in the cache.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import redis.asyncio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from demo_data.world import celery_app
from demo_data.world.common import connect, iso, now, setting

started = now()


class Service:
    """The connections and the answers."""

    def __init__(self) -> None:
        self.cache: Any = redis.asyncio.Redis.from_url(
            setting("WORLD_BALANCES_URL"), decode_responses=True, socket_timeout=2
        )
        self.database: asyncpg.Connection[asyncpg.Record] | None = None
        self._asking = asyncio.Lock()

    async def status(self, _: Request) -> JSONResponse:
        """The last sync, and whether one runs."""
        told = await self.cache.hgetall(celery_app.STATUS)
        running = bool(await self.cache.exists(celery_app.RUNNING))
        return JSONResponse(
            {
                "status": "running" if running else told.get("status", "never ran"),
                "last_sync_at": told.get("last_sync_at"),
                "last_duration_seconds": _number(told.get("last_duration_seconds")),
                "processed": _number(told.get("processed")),
                "updated": _number(told.get("updated")),
                "errors": _number(told.get("errors")),
                "is_running": running,
                "next_run_at": iso(_next_run(told)),
            }
        )

    async def schedule(self, _: Request) -> JSONResponse:
        """What beat will do when."""
        told = await self.cache.hgetall(celery_app.STATUS)
        at_two = now().replace(hour=2, minute=0, second=0, microsecond=0)
        daily = at_two if at_two > now() else at_two + timedelta(days=1)
        return JSONResponse(
            {
                "timezone": "UTC",
                "schedules": [
                    {
                        "name": "sync-balances-hourly",
                        "every_seconds": celery_app.EVERY_S,
                        "next_run_at": iso(_next_run(told)),
                    },
                    {"name": "sync-balances-daily", "crontab": "0 2 * * *", "next_run_at": iso(daily)},
                ],
            }
        )

    async def health(self, _: Request) -> JSONResponse:
        """Whether the cache and the database answer."""
        cache, database = await asyncio.gather(self._up(self.cache.ping()), self._up(self._select()))
        status = "healthy" if cache and database else "unhealthy"
        answer = {"status": status, "redis": "up" if cache else "down", "database": "up" if database else "down"}
        return JSONResponse(answer, 200 if status == "healthy" else 503)

    async def stats(self, _: Request) -> JSONResponse:
        """Totals and the last runs."""
        told = await self.cache.hgetall(celery_app.STATUS)
        recent = [json.loads(entry) for entry in await self.cache.lrange(celery_app.RECENT, 0, 9)]
        durations = [entry["last_duration_seconds"] for entry in recent]
        totals = {
            key: int(told.get(key, 0)) for key in ("runs_total", "processed_total", "updated_total", "errors_total")
        }
        average = round(sum(durations) / len(durations), 2) if durations else None
        return JSONResponse(totals | {"avg_duration_seconds": average, "recent": recent})

    async def force_sync(self, _: Request) -> JSONResponse:
        """Sends the task, unless it runs or waits already."""
        if await self.cache.exists(celery_app.RUNNING):
            return JSONResponse({"detail": "a sync is running"}, 409)
        if not await self.cache.set(celery_app.REQUESTED, "1", nx=True, ex=60):
            return JSONResponse({"detail": "a sync was requested already"}, 409)
        send = celery_app.sync_balances_task.apply_async
        sent = await asyncio.to_thread(send, args=["api"], queue="balance_sync", priority=0)
        return JSONResponse({"status": "accepted", "task_id": sent.id}, 202)

    async def _select(self) -> None:
        async with self._asking:  # a connection answers one question at a time
            if self.database is None or self.database.is_closed():
                self.database = await connect("sync-api")
            await self.database.fetchval("SELECT 1")

    @staticmethod
    async def _up(question: Any) -> bool:
        try:
            async with asyncio.timeout(2):
                await question
        except (OSError, TimeoutError, redis.RedisError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Closes what was opened."""
        yield
        await self.cache.aclose()
        if self.database is not None:
            await self.database.close()


def _number(text: str | None) -> float | int | None:
    return None if text is None else float(text) if "." in text else int(text)


def _next_run(told: dict[str, str]) -> datetime:
    """The next run after the last one that beat triggered; it lies in the past when beat has stopped."""
    last = datetime.fromisoformat(told["last_beat_at"]) if "last_beat_at" in told else started
    return last + timedelta(seconds=celery_app.EVERY_S)


def main() -> None:
    """Serves on loopback."""
    service = Service()
    routes = [
        Route("/sync-management/status", service.status),
        Route("/sync-management/schedule", service.schedule),
        Route("/sync-management/health", service.health),
        Route("/sync-management/stats", service.stats),
        Route("/sync-management/force-sync", service.force_sync, methods=["POST"]),
    ]
    app = Starlette(routes=routes, lifespan=service.lifespan)
    uvicorn.run(app, host="127.0.0.1", port=int(setting("WORLD_PORT")), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
