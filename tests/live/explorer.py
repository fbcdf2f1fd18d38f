"""Who does what when: workers, a reaper, operators and the clock take turns, statement by statement, at random.

All of them speak to one real PostgreSQL, each over a connection of its own. A turn is one statement; whoever waits for
a lock keeps the others from nothing. The database has a clock that only the explorer moves on: ``now()`` and
``clock_timestamp()`` of a schema that stands before ``pg_catalog`` in the search path, so that nothing of what is
tested knows of it. Triggers note in which order tasks begin and end and proxies are freed: a free between the
beginning and the end of a task of the same worker is wrong, whatever anybody believed.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import pytest

from unstick.actions import database
from unstick.actions.audit import Audit
from unstick.actions.gate import Gate
from unstick.backends import postgres
from unstick.backends.base import BackendError
from unstick.facts.actions import Actor, Confirmation, FreeProxies, Outcome, State
from unstick.secret import Url
from unstick.settings import Actions, Context, Crawler, Postgres, Thresholds

Link: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

WORKERS, PROXIES, TASKS = 5, 8, 12
GRACE_S, UNCHANGED_S, REAP_S, EXPIRED_S = 30.0, 20.0, 90.0, 60.0
BLOCKED_S = 0.003
"""A statement that takes longer waits for somebody: the next one has his turn."""
PATIENCE_S = 30.0

CLOCK = """
CREATE SCHEMA fake;
CREATE SEQUENCE fake.seconds;
CREATE FUNCTION fake.clock_timestamp() RETURNS timestamptz LANGUAGE sql
  AS $$ SELECT timestamptz '2030-01-01 00:00:00+00' + (SELECT last_value FROM fake.seconds) * interval '1 s' $$;
CREATE FUNCTION fake.now() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT fake.clock_timestamp() $$;
"""
NOTES = """
CREATE SEQUENCE fake.ord;
CREATE TABLE fake.log (ord bigint NOT NULL DEFAULT nextval('fake.ord'), kind text, worker text, thing text, app text);
CREATE INDEX ON fake.log (thing, ord);
CREATE INDEX ON fake.log (app, ord);
CREATE FUNCTION fake.note_task() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF new.status = 'processing' AND old.status <> 'processing' THEN
    INSERT INTO fake.log (kind, worker, thing) VALUES ('begin', new.worker_id, tg_table_name || new.id);
  ELSIF old.status = 'processing' AND new.status <> 'processing' THEN
    INSERT INTO fake.log (kind, worker, thing) VALUES ('end', old.worker_id, tg_table_name || old.id);
  END IF;
  RETURN new;
END $$;
CREATE FUNCTION fake.note_free() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO fake.log (kind, worker, thing, app)
  VALUES ('free', old.worker_id, old.id::text, current_setting('application_name'));
  RETURN new;
END $$;
CREATE TRIGGER note BEFORE UPDATE ON public.catalog_tasks FOR EACH ROW EXECUTE FUNCTION fake.note_task();
CREATE TRIGGER note BEFORE UPDATE ON public.object_tasks FOR EACH ROW EXECUTE FUNCTION fake.note_task();
CREATE TRIGGER note BEFORE UPDATE ON public.proxies FOR EACH ROW WHEN (old.is_in_use AND NOT new.is_in_use)
  EXECUTE FUNCTION fake.note_free();
"""
WRONG = """
SELECT f.ord, f.worker, f.thing, f.app, task.thing AS task FROM fake.log AS f
CROSS JOIN (SELECT DISTINCT thing FROM fake.log WHERE kind = 'begin') AS task
CROSS JOIN LATERAL (SELECT kind, worker FROM fake.log AS l WHERE l.thing = task.thing AND l.ord < f.ord
                    ORDER BY l.ord DESC LIMIT 1) AS last
WHERE f.kind = 'free' AND f.app LIKE 'unstick%' AND last.kind = 'begin' AND last.worker = f.worker
"""
"""Frees between the beginning and the end of a task of the same worker."""

TAKE_PROXY = """
UPDATE proxies SET is_in_use = true, worker_id = $1, updated_at = now()
 WHERE id = (SELECT id FROM proxies WHERE NOT is_in_use ORDER BY updated_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id"""
RELEASE_PROXY = """
UPDATE proxies SET is_in_use = false, worker_id = NULL, updated_at = now() WHERE id = $1 AND worker_id = $2"""
TAKE_TASK = """
UPDATE {table} SET status = 'processing', worker_id = $1, heartbeat_at = now()
 WHERE id = (SELECT id FROM {table} WHERE status = 'pending' ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id"""
END_TASK = """
UPDATE {table} SET status = 'pending', worker_id = NULL, heartbeat_at = NULL
 WHERE id = $1 AND worker_id = $2 AND status = 'processing'"""
BEAT = "UPDATE {table} SET heartbeat_at = now() WHERE id = $1 AND worker_id = $2 AND status = 'processing'"
REAP = """
UPDATE {table} SET status = 'pending', worker_id = NULL, heartbeat_at = NULL
 WHERE status = 'processing' AND heartbeat_at < now() - make_interval(secs => $1)"""
IDS_OF_A_PREVIEW = """
SELECT id FROM proxies AS p WHERE is_in_use AND worker_id IS NOT NULL
 AND NOT EXISTS (SELECT FROM catalog_tasks WHERE worker_id = p.worker_id AND status = 'processing')
 AND NOT EXISTS (SELECT FROM object_tasks WHERE worker_id = p.worker_id AND status = 'processing')"""
UPDATE_BY_ID = "UPDATE proxies SET is_in_use = false, worker_id = NULL WHERE id = ANY($1::bigint[])"
TABLES = ("catalog_tasks", "object_tasks")


@dataclass
class Found:
    """What a run came to."""

    steps: int = 0
    plans: int = 0
    applied: int = 0
    freed: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    wrong: list[dict[str, Any]] = field(default_factory=list)
    """Frees of a proxy whose worker had a task in hand."""
    outside: list[str] = field(default_factory=list)
    """Rows that were freed and stood in no plan, or not in the receipt."""


class Memory(Audit):
    """An audit log that is soon forgotten."""

    def __init__(self) -> None:
        super().__init__(Path("nowhere"))

    def write(self, record: Mapping[str, Any]) -> None:
        """Nothing is kept."""


class Turns:
    """Gives turns at random: whoever wants one waits until it is his."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.steps = 0
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._weights: dict[str, float] = {}
        self._arrived = asyncio.Event()
        self._over = False

    async def turn(self, name: str, weight: float) -> None:
        """Wait for a turn."""
        if self._over:
            raise asyncio.CancelledError
        self._weights[name] = weight
        self._waiting[name] = asyncio.get_running_loop().create_future()
        self._arrived.set()
        await self._waiting[name]

    def end(self) -> None:
        """There are no turns any more, for nobody."""
        self._over = True
        for waiting in self._waiting.values():
            waiting.cancel()

    async def run(self, steps: int, stop: Callable[[], bool]) -> None:
        """Give ``steps`` turns."""
        while self.steps < steps and not stop():
            while not self._waiting:
                self._arrived.clear()
                await asyncio.wait_for(self._arrived.wait(), PATIENCE_S)
            names = list(self._waiting)
            (name,) = self.dice.choices(names, [self._weights[one] for one in names])
            self.steps += 1
            self._waiting.pop(name).set_result(None)
            await self._settled(name)

    async def _settled(self, name: str) -> None:
        """Until he wants another turn, or is seen to wait for a lock."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BLOCKED_S):
                while name not in self._waiting:
                    self._arrived.clear()
                    await self._arrived.wait()


class Explorer:
    """One world. ``operators`` free by the gate; ``naive`` ones by the ids of a preview."""

    def __init__(self, url: str, *, seed: int, operators: int = 2, naive: int = 0) -> None:
        self.found = Found()
        self._url = url
        self._turns = Turns(seed)
        self._dice = random.Random(seed + 1)
        self._operators = operators
        self._naive = naive
        self._virtual = 1.0
        self._tasks: list[asyncio.Task[None]] = []
        self._links: list[Link] = []
        self._looking = asyncio.Lock()
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    async def run(self, steps: int, *, until_wrong: bool = False) -> Found:
        """Take ``steps`` turns; with ``until_wrong`` look for something wrong now and then, and stop there."""
        self._observer = await self._connected("observer")
        for number in range(WORKERS):
            await self._begin(self._worker, f"c{number % 2}_{number}", 4.0)
        await self._begin(self._reaper, "reaper", 0.3)
        await self._begin(self._clock, "clock", 1.0)
        for number in range(self._operators):
            self._tasks.append(asyncio.create_task(self._operator(f"op{number}", 6.0)))
        for number in range(self._naive):
            await self._begin(self._hasty, f"unstick naive{number}", 2.0)
        try:
            rounds = range(500, steps + 1, 500) if until_wrong else (steps,)
            for limit in rounds:
                await self._turns.run(limit, self._broken)
                await self._look()
                if self.found.wrong and until_wrong:
                    break
        finally:
            self.found.steps = self._turns.steps
            self._turns.end()
            for task in self._tasks:
                task.cancel()
            errors = await asyncio.gather(*self._tasks, return_exceptions=True)
            for link in self._links:
                link.terminate()
        for error in errors:
            if isinstance(error, Exception):
                raise error
        return self.found

    def _broken(self) -> bool:
        return any(task.done() for task in self._tasks)

    async def _look(self) -> None:
        async with self._looking:
            self.found.wrong = [dict(row) for row in await self._observer.fetch(WRONG)]

    async def _connected(self, name: str) -> Link:
        link = await asyncpg.connect(self._url, server_settings={"application_name": name})
        self._links.append(link)
        return link

    async def _begin(self, part: Callable[[str, Link, float], Awaitable[None]], name: str, weight: float) -> None:
        link = await self._connected(name)

        async def play() -> None:
            await part(name, link, weight)

        self._tasks.append(asyncio.create_task(play()))

    async def _clock(self, name: str, link: Link, weight: float) -> None:
        while True:
            await self._turns.turn(name, weight)
            self._virtual += self._dice.choice((1, 1, 2, 5, 15))
            await link.execute("SELECT setval('fake.seconds', $1)", int(self._virtual))
            for due, sleeper in self._sleepers:
                if due <= self._virtual and not sleeper.done():
                    sleeper.set_result(None)
            self._sleepers = [one for one in self._sleepers if not one[1].done()]

    async def _reaper(self, name: str, link: Link, weight: float) -> None:
        while True:
            for table in TABLES:
                await self._turns.turn(name, weight)
                await link.execute(REAP.format(table=table), REAP_S)

    async def _worker(self, name: str, link: Link, weight: float) -> None:
        """One life after the other under one name; each ends without giving anything back."""
        dice = self._dice

        async def step(sql: str, *args: object) -> Any:
            await self._turns.turn(name, weight)
            return await link.fetchval(sql, *args)

        while True:
            proxy: int | None = None
            for _ in range(dice.randrange(1, 12)):
                proxy = proxy or await step(TAKE_PROXY, name)
                if proxy is None:
                    await self._rest(dice.randrange(1, 6))
                    continue
                await self._work(name, step)
                if dice.random() < 0.3:
                    await step(RELEASE_PROXY, proxy, name)
                    proxy = None
                await self._rest(dice.choice((0, 0, 2, 5, 25)))
            await self._rest(dice.choice((15, 60, 150)))

    async def _work(self, name: str, step: Callable[..., Awaitable[Any]]) -> None:
        """A task or a few, one statement at a time, now and then inside a transaction of its own."""
        table = self._dice.choice(TABLES)
        inside = self._dice.random() < 0.5
        if inside:
            await step("BEGIN")
        task = await step(TAKE_TASK.format(table=table), name)
        if inside and self._dice.random() < 0.3:
            await step("SELECT 1")
        if inside:
            await step("COMMIT")
        if task is None or self._dice.random() < 0.1:
            return  # nothing to do, or dead with the task in hand
        for _ in range(self._dice.randrange(0, 4)):
            await step(BEAT.format(table=table), task, name)
        await step(END_TASK.format(table=table), task, name)

    async def _rest(self, seconds: float) -> None:
        """By the clock of the database."""
        if seconds:
            sleeper = asyncio.get_running_loop().create_future()
            self._sleepers.append((self._virtual + seconds, sleeper))
            await sleeper

    async def _hasty(self, name: str, link: Link, weight: float) -> None:
        """The obvious action: show a preview, then update what it showed."""
        while True:
            await self._turns.turn(name, weight)
            ids = [row["id"] for row in await link.fetch(IDS_OF_A_PREVIEW)]
            await self._turns.turn(name, weight)
            await link.execute(UPDATE_BY_ID, ids)

    async def _operator(self, name: str, weight: float) -> None:
        """Plan, think, apply: through the gate."""
        context = Context(
            name="explored",
            postgres=Postgres(url=Url(self._url)),
            crawler=Crawler(blocked=None),
            thresholds=Thresholds(grace_s=GRACE_S, heartbeat_s=EXPIRED_S),
            actions=Actions(unchanged_s=UNCHANGED_S, lock_timeout_s=0.01, pool_percent=100, panic_file=""),
        )
        gate = Gate(context, Actor(name, "here"), Memory(), monotonic=lambda: self._virtual)
        connection = gate._postgres()._connection
        ask = connection.ask

        async def in_turn(*args: Any) -> Any:
            await self._turns.turn(name, weight)
            return await ask(*args)

        connection.ask = in_turn  # type: ignore[method-assign, assignment]
        application = f"unstick {name}@here"
        seen = 0
        try:
            while True:
                with contextlib.suppress(BackendError):
                    seen = await self._press(gate, application, seen)
        finally:
            connection.abort()

    async def _press(self, gate: Gate, application: str, seen: int) -> int:
        order = FreeProxies(tasks=self._dice.random() < 0.2)
        plan = await gate.plan(order)
        self.found.plans += 1
        if not plan.targets:
            return seen
        receipt = await gate.apply(plan, Confirmation(count=len(plan.targets)))
        outcomes = self.found.outcomes
        outcomes[receipt.outcome] = outcomes.get(receipt.outcome, 0) + 1
        rows = await self._frees(application, seen)
        freed = {row["thing"] for row in rows}
        told = {one.id for one in receipt.results if one.kind == "proxy" and one.state is State.DONE}
        planned = {target.id for target in plan.targets if target.kind == "proxy"}
        if not freed <= planned or (freed != told and receipt.outcome is not Outcome.UNKNOWN):
            self.found.outside.append(f"plan {sorted(planned)}, freed {sorted(freed)}, told {sorted(told)}")
        self.found.freed += len(freed)
        self.found.applied += bool(freed)
        return max((row["ord"] for row in rows), default=seen)

    async def _frees(self, application: str, seen: int) -> Iterable[Any]:
        statement = "SELECT ord, thing FROM fake.log WHERE kind = 'free' AND app = $1 AND ord > $2"
        async with self._looking:
            return await self._observer.fetch(statement, application, seen)


def prepare(psql: Callable[[str], str], schema: str, name: str) -> None:
    """Make the tables of the world in an empty database called ``name``, under a clock of its own."""
    psql(f'ALTER DATABASE "{name}" SET synchronous_commit = off;')
    psql(CLOCK + f'ALTER DATABASE "{name}" SET search_path = public, fake, pg_catalog;')
    psql(schema)
    psql(
        NOTES + f"INSERT INTO proxies (address) SELECT 'p' || g FROM generate_series(1, {PROXIES}) AS g;"
        f"INSERT INTO catalog_tasks (url) SELECT 'u' FROM generate_series(1, {TASKS});"
        f"INSERT INTO object_tasks (url) SELECT 'u' FROM generate_series(1, {TASKS});"
    )


@contextlib.contextmanager
def hurried() -> Iterator[None]:
    """Without the patience that real tables need, and with statements that are prepared once."""

    async def connect(*args: Any, **options: Any) -> Link:
        return await asyncpg.connect(*args, **options | {"statement_cache_size": 100})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "PAUSE_S", 0.001)
        patch.setattr(database, "ATTEMPTS", 2)
        patch.setattr(postgres, "asyncpg", _Driver(connect))
        yield


class _Driver:
    """The driver with another ``connect``."""

    def __init__(self, connect: Callable[..., Awaitable[Link]]) -> None:
        self.connect = connect

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncpg, name)
