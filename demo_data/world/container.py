"""One crawler container: ``python -m demo_data.world.container CONTAINER WORKERS``.

Each worker ``<container>_<n>`` holds one proxy as long as it lives and works through catalogue and object tasks
with it. SIGTERM gives everything back. SIGKILL gives nothing back: the tasks are returned by the reaper, the
proxies by nobody. SIGUSR1 lets the last worker die alone, as a crashed browser does, without giving its proxy back.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from dataclasses import dataclass
from typing import Any

import asyncpg

from demo_data.world.common import connect, log_to_stdout, run_until_terminated

HEARTBEAT_S = 4
TASK_S = (8.0, 20.0)
TASKS_PER_PROXY = 6
WANTED_PENDING = 250
LOCKS = 3
LOCK_TTL_S = 60

TAKE_PROXY = """
UPDATE proxies SET is_in_use = true, worker_id = $1, updated_at = now()
 WHERE id = (SELECT id FROM proxies WHERE NOT is_in_use AND NOT is_blocked
              ORDER BY updated_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id"""
RELEASE_PROXY = """
UPDATE proxies SET is_in_use = false, worker_id = NULL, updated_at = now() WHERE id = $1 AND worker_id = $2"""
STILL_MINE = "UPDATE proxies SET updated_at = now() WHERE id = $1 AND worker_id = $2 AND is_in_use RETURNING id"
TAKE_TASK = """
UPDATE {table} SET status = 'processing', worker_id = $1, heartbeat_at = now()
 WHERE id = (SELECT id FROM {table} WHERE status = 'pending' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id"""
FINISH_TASK = """
UPDATE {table} SET status = $3, heartbeat_at = now() WHERE id = $1 AND worker_id = $2 AND status = 'processing'"""
BEAT = "UPDATE {table} SET heartbeat_at = now() WHERE status = 'processing' AND worker_id = ANY($1)"
FOUND_MORE = """
INSERT INTO {table} (url) SELECT 'https://shop.example/{kind}/' || floor(random() * 1e6)::int
  FROM generate_series(1, 2) WHERE (SELECT count(*) FROM {table} WHERE status = 'pending') < $1"""
FORGET = "DELETE FROM {table} WHERE status IN ('done', 'failed') AND heartbeat_at < now() - interval '10 minutes'"
TAKE_LOCK = """
INSERT INTO dashboard_tasklock (kind, task_id, worker_id, expires_at)
VALUES ('crawl_batch', $1, $2, now() + make_interval(secs => $3))
ON CONFLICT (kind, task_id) DO UPDATE SET expires_at = excluded.expires_at
 WHERE dashboard_tasklock.worker_id = excluded.worker_id"""
RELEASE_LOCK = "DELETE FROM dashboard_tasklock WHERE kind = 'crawl_batch' AND task_id = $1 AND worker_id = $2"
TABLES = {"catalog_tasks": "catalog", "object_tasks": "object"}


@dataclass
class Worker:
    """One browser: the proxy it holds and the task it works on."""

    name: str
    proxy: int | None = None
    table: str | None = None
    task: int | None = None
    done: int = 0


class Container:
    """The workers of one container over one PostgreSQL connection."""

    def __init__(self, name: str, count: int, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self.name = name
        self.log = log_to_stdout(name)
        self.workers = [Worker(f"{name}_{number}") for number in range(1, count + 1)]
        self.connection = connection
        self.turn = asyncio.Lock()
        self.dice = random.Random(name)
        self.jobs: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Works until cancelled, then gives everything back."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self.crash_last)
        for worker in self.workers:
            self.jobs[worker.name] = asyncio.create_task(self.work(worker))
        self.jobs["beat"] = asyncio.create_task(self.beat())
        self.jobs["locks"] = asyncio.create_task(self.keep_locks())
        try:
            await asyncio.Event().wait()
        finally:
            for job in self.jobs.values():
                job.cancel()
            await asyncio.gather(*self.jobs.values(), return_exceptions=True)
            await self.give_back()

    def crash_last(self) -> None:
        """The last worker is gone, what it holds stays in the tables."""
        worker = self.workers.pop()
        self.jobs.pop(worker.name).cancel()
        self.log.error("worker %s died", worker.name)

    async def work(self, worker: Worker) -> None:
        await asyncio.sleep(self.dice.uniform(0, 0.3))
        while True:
            if await self.hold_proxy(worker) and await self.take_task(worker):
                await asyncio.sleep(self.dice.uniform(*TASK_S))
                await self.finish_task(worker)
            else:
                await asyncio.sleep(1)

    async def hold_proxy(self, worker: Worker) -> bool:
        """Holds a proxy: the one it has, another one after some tasks, a new one when it was taken away."""
        if worker.proxy is not None and worker.done % TASKS_PER_PROXY:
            if await self.value(STILL_MINE, worker.proxy, worker.name):
                return True
            self.log.error("proxy %s was taken from the living worker %s", worker.proxy, worker.name)
            worker.proxy = None
        async with self.turn, self.connection.transaction():
            fresh = await self.connection.fetchval(TAKE_PROXY, worker.name)
            if fresh is not None and worker.proxy is not None:
                await self.connection.execute(RELEASE_PROXY, worker.proxy, worker.name)
        worker.proxy = fresh if fresh is not None else worker.proxy
        return worker.proxy is not None

    async def take_task(self, worker: Worker) -> bool:
        tables = list(TABLES) if self.dice.random() < 0.65 else list(reversed(TABLES))
        for table in tables:
            task = await self.value(TAKE_TASK.format(table=table), worker.name)
            if task is not None:
                worker.table, worker.task = table, task
                return True
        return False

    async def finish_task(self, worker: Worker) -> None:
        assert worker.table is not None
        status = "failed" if self.dice.random() < 0.03 else "done"
        await self.value(FINISH_TASK.format(table=worker.table), worker.task, worker.name, status)
        worker.table = worker.task = None
        worker.done += 1
        table = self.dice.choice(list(TABLES))
        await self.value(FOUND_MORE.format(table=table, kind=TABLES[table]), WANTED_PENDING)

    async def beat(self) -> None:
        """One sign of life for all workers, every few seconds."""
        rounds = 0
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            rounds += 1
            names = [worker.name for worker in self.workers]
            for table in TABLES:
                await self.value(BEAT.format(table=table), names)
                if rounds % 15 == 0:
                    await self.value(FORGET.format(table=table))

    async def keep_locks(self) -> None:
        """Some workers lock the batch they crawl, renew the lock while they need it, and take another one later."""
        batches = [int(self.name, 16) % 1_000_000 + slot for slot in range(LOCKS)]
        rounds = 0
        while True:
            for slot, worker in enumerate(self.workers[:LOCKS]):
                if rounds and (rounds + slot) % 4 == 0:
                    await self.value(RELEASE_LOCK, batches[slot], worker.name)
                    batches[slot] += LOCKS
                await self.value(TAKE_LOCK, batches[slot], worker.name, LOCK_TTL_S)
            rounds += 1
            await asyncio.sleep(LOCK_TTL_S / 4)

    async def give_back(self) -> None:
        """Proxies, tasks and locks go back, in one transaction."""
        names = [worker.name for worker in self.workers]
        async with self.turn, self.connection.transaction():
            await self.connection.execute(
                "UPDATE proxies SET is_in_use = false, worker_id = NULL, updated_at = now()"
                " WHERE worker_id = ANY($1)",
                names,
            )
            for table in TABLES:
                await self.connection.execute(
                    f"UPDATE {table} SET status = 'pending', worker_id = NULL"
                    " WHERE status = 'processing' AND worker_id = ANY($1)",
                    names,
                )
            await self.connection.execute("DELETE FROM dashboard_tasklock WHERE worker_id = ANY($1)", names)
        self.log.info("gave everything back")

    async def value(self, sql: str, *args: object) -> Any:
        """Runs one statement in turn and returns its first value.

        It is shielded: a worker that is cancelled must not interrupt a statement half-way.
        """

        async def ask() -> Any:
            async with self.turn:
                return await self.connection.fetchval(sql, *args)

        return await asyncio.shield(asyncio.ensure_future(ask()))


async def main(name: str, count: int) -> None:
    """Connects and works."""
    connection = await connect(f"crawler-{name}")
    try:
        await Container(name, count, connection).run()
    finally:
        await connection.close()


if __name__ == "__main__":
    run_until_terminated(main(sys.argv[1], int(sys.argv[2])))
