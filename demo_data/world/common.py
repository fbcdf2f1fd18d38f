"""What every program of the world needs: settings, logging, an orderly end, the time."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

import asyncpg


def setting(name: str, default: str | None = None) -> str:
    """An environment variable; without a default the program ends with one clear line when it is missing."""
    value = os.environ.get(name, default)
    if value is None:
        raise SystemExit(f"{name} is not set")
    return value


def now() -> datetime:
    """The present instant in UTC."""
    return datetime.fromtimestamp(time.time_ns() / 1e9, UTC)


def iso(instant: datetime | None) -> str | None:
    """An instant as the world's services write it: ``2026-11-22T04:00:03Z``."""
    return None if instant is None else instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def log_to_stdout(name: str) -> logging.Logger:
    """A logger on standard output; the one who started the program keeps that in a file."""
    logging.basicConfig(
        stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    for chatty in ("httpx", "pika", "aio_pika", "aiormq"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    return logging.getLogger(name)


async def connect(application: str) -> asyncpg.Connection[asyncpg.Record]:
    """One PostgreSQL connection that says whose it is."""
    return await asyncpg.connect(setting("DATABASE_URL"), server_settings={"application_name": application})


def run_until_terminated(main: Coroutine[Any, Any, None]) -> None:
    """Runs a coroutine; SIGTERM and SIGINT cancel it, so that its ``finally`` blocks give back what it holds."""

    async def supervised() -> None:
        task = asyncio.ensure_future(main)
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            logging.getLogger("world").info("asked to end")

    asyncio.run(supervised())


def dumps(value: object) -> str:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":"))
