"""The Celery application on Redis: it copies balances from Redis to PostgreSQL.

``celery -A demo_data.world.celery_app worker -Q balance_sync,default`` and ``… beat``. The hourly schedule of the
original is ``WORLD_SYNC_EVERY_S`` seconds here; the daily one at 02:00 is as it was.
"""

from __future__ import annotations

import asyncio
import os
import time
from decimal import Decimal, InvalidOperation
from typing import Any

import redis
from celery import Celery
from celery.schedules import crontab

from demo_data.world.common import connect, dumps, iso, now

SYNC_TASK = "src.tasks.balance_sync.sync_balances_task"
EVERY_S = float(os.environ.get("WORLD_SYNC_EVERY_S", "60"))
BALANCES_URL = os.environ.get("WORLD_BALANCES_URL", "redis://127.0.0.1:1/3")
BATCH = 50
RUNNING = "sync:running"
REQUESTED = "sync:requested"
STATUS = "sync:status"
RECENT = "sync:recent"

app = Celery(
    "world",
    broker=os.environ.get("WORLD_CELERY_URL", "redis://127.0.0.1:1/1"),
    backend=os.environ.get("WORLD_CELERY_RESULTS_URL", "redis://127.0.0.1:1/2"),
)
app.conf.update(
    task_serializer="json",
    accept_content=["json"],
    result_serializer="json",
    timezone="UTC",
    enable_utc=True,
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=1000,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_default_queue="default",
    broker_connection_retry_on_startup=True,
    broker_transport_options={"priority_steps": [0, 3, 6, 9], "queue_order_strategy": "priority"},
    result_expires=3600,
    beat_schedule={
        "sync-balances-hourly": {
            "task": SYNC_TASK,
            "schedule": EVERY_S,
            "args": ["beat"],
            "options": {"queue": "balance_sync"},
        },
        "sync-balances-daily": {
            "task": SYNC_TASK,
            "schedule": crontab(minute=0, hour=2),
            "args": ["beat"],
            "options": {"queue": "balance_sync"},
        },
    },
)


def balances() -> redis.Redis:
    """The cache that holds the wallets, and what the sync tells about itself."""
    return redis.Redis.from_url(BALANCES_URL, decode_responses=True)


@app.task(name=SYNC_TASK, bind=True)  # type: ignore[untyped-decorator]
def sync_balances_task(self: Any, trigger: str = "manual") -> dict[str, Any]:
    """Copies every balance that differs; skips what cannot be read; refuses to run twice at a time."""
    cache = balances()
    if not cache.set(RUNNING, self.request.id, nx=True, ex=120):
        return {"status": "already running"}
    cache.delete(REQUESTED)
    if trigger == "beat":
        cache.hset(STATUS, "last_beat_at", str(iso(now())))
    began = time.monotonic()
    try:
        counts = asyncio.run(_copy(cache))
        report = counts | {
            "status": "ok" if not counts["errors"] else "partial",
            "trigger": trigger,
            "last_sync_at": iso(now()),
            "last_duration_seconds": round(time.monotonic() - began, 2),
        }
        cache.hset(STATUS, mapping={key: str(value) for key, value in report.items()})
        cache.lpush(RECENT, dumps(report))
        cache.ltrim(RECENT, 0, 99)
        for key in ("processed", "updated", "errors"):
            cache.hincrby(STATUS, f"{key}_total", counts[key])
        cache.hincrby(STATUS, "runs_total", 1)
        return report
    finally:
        cache.delete(RUNNING)
        cache.close()


async def _copy(cache: redis.Redis) -> dict[str, int]:
    counts = {"processed": 0, "updated": 0, "errors": 0}
    connection = await connect("balance-sync")
    try:
        users = [
            row["user_id"] for row in await connection.fetch("SELECT user_id FROM user_balances ORDER BY user_id")
        ]
        for start in range(0, len(users), BATCH):
            batch = users[start : start + BATCH]
            values: Any = cache.mget([f"balance:{user}" for user in batch])
            known = {
                user: amount
                for user, value in zip(batch, values, strict=True)
                if (amount := _amount(value)) is not None
            }
            counts["errors"] += sum(value is not None for value in values) - len(known)
            counts["processed"] += len(known)
            counts["updated"] += await connection.fetchval(
                "WITH fresh AS (SELECT * FROM unnest($1::bigint[], $2::numeric[]) AS f (user_id, amount)),"
                " changed AS (UPDATE user_balances b SET balance = amount, updated_at = now() FROM fresh f"
                "  WHERE b.user_id = f.user_id AND b.balance <> f.amount RETURNING b.user_id)"
                " SELECT count(*) FROM changed",
                list(known),
                list(known.values()),
            )
            await connection.execute(
                "UPDATE user_balances SET last_synced_at = now() WHERE user_id = ANY($1)", list(known)
            )
            await asyncio.sleep(0.1)
    finally:
        await connection.close()
    return counts


def _amount(value: str | None) -> Decimal | None:
    """A balance as written in the cache, or nothing when it is no number."""
    try:
        amount = Decimal(value) if value is not None else None
    except InvalidOperation:
        return None
    return amount if amount is not None and amount.is_finite() else None


@app.task(name="src.tasks.rates.refresh_rates")  # type: ignore[untyped-decorator]
def refresh_rates() -> None:
    """A small task of the default queue."""
    time.sleep(0.1)
