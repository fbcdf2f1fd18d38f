"""A database of a shop, its dead and its living, and a gate to act on it."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
import pytest

from tests.lab.fixtures import DEMO_DATA
from tests.lab.servers import Postgres as PostgresServer
from unstick.actions.audit import Audit
from unstick.actions.gate import Gate
from unstick.facts.actions import Actor, Confirmation, Order, Plan, Receipt, State
from unstick.secret import Url
from unstick.settings import Actions, Context, Crawler, Locks, Postgres

T = TypeVar("T")

ALICE = Actor("alice", "web-1", ssh="10.0.0.7")
YES = Confirmation(unattended=True)


class Ticks:
    """A monotonic clock that a test moves on."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@dataclass
class Shop:
    """One fresh database; every row in it is a day old."""

    server: PostgresServer
    url: str
    folder: Path
    context: Context = field(default_factory=Context)
    ticks: Ticks = field(default_factory=Ticks)

    def __post_init__(self) -> None:
        self.context = Context(name="shop", postgres=Postgres(url=Url(self.url)), crawler=Crawler(), locks=Locks())
        self.configure(panic_file=str(self.folder / "panic"))
        self.sql("UPDATE proxies SET updated_at = updated_at - interval '1 day';")

    def configure(self, **actions: Any) -> None:
        """Other settings of ``[actions]``."""
        known: Actions = msgspec.structs.replace(self.context.actions, **actions)
        self.context = msgspec.structs.replace(self.context, actions=known)

    @property
    def audit(self) -> Audit:
        """The audit log of every gate of this shop."""
        return Audit(self.folder / "audit.jsonl")

    def sql(self, text: str) -> str:
        """Run SQL as the owner of everything."""
        return self.server.psql(text, urlsplit(self.url).path[1:])

    def hold(self, worker: str | None, *ids: int, ago: str = "1 hour") -> None:
        """Proxies ``ids`` have been held by ``worker`` for so long."""
        owner = "NULL" if worker is None else "'" + worker.replace("'", "''") + "'"
        wanted = ",".join(map(str, ids))
        self.sql(
            f"UPDATE proxies SET is_in_use = true, is_blocked = false, worker_id = {owner},"
            f" updated_at = now() - interval '{ago}' WHERE id IN ({wanted});"
        )

    def work(self, worker: str, task: int, *, table: str = "catalog_tasks", beat: str | None = "1 second") -> None:
        """``worker`` processes ``task``; its last heartbeat was so long ago."""
        at = "NULL" if beat is None else f"now() - interval '{beat}'"
        name = worker.replace("'", "''")
        self.sql(
            f"UPDATE {table} SET status = 'processing', worker_id = '{name}', heartbeat_at = {at} WHERE id = {task};"
        )

    def held(self) -> set[str]:
        """The ids of the proxies in use."""
        return set(self.sql("SELECT id FROM proxies WHERE is_in_use;").split())

    def gate(self, actor: Actor = ALICE) -> Gate:
        """Another gate."""
        return Gate(self.context, actor, self.audit, monotonic=self.ticks)

    async def looks(self, gate: Gate, order: Order, *after_s: float) -> list[Plan]:
        """A plan, and more of them after so many seconds each."""
        plans = [await gate.plan(order)]
        for seconds in after_s:
            self.ticks.at += seconds
            plans.append(await gate.plan(order))
        return plans

    async def decided(self, gate: Gate, order: Order) -> Plan:
        """A plan after two looks, three seconds apart."""
        return (await self.looks(gate, order, 3))[-1]

    def run(self, work: Callable[[Gate], Coroutine[Any, Any, T]]) -> T:
        """``work`` with a gate that is closed afterwards."""

        async def whole() -> T:
            gate = self.gate()
            try:
                return await work(gate)
            finally:
                await gate.close()

        return asyncio.run(whole())

    def plan(self, order: Order) -> Plan:
        """A plan of its own gate."""
        return self.run(lambda gate: self.decided(gate, order))

    def act(self, order: Order, confirmation: Confirmation = YES) -> Receipt:
        """Plan and apply."""

        async def work(gate: Gate) -> Receipt:
            return await gate.apply(await self.decided(gate, order), confirmation)

        return self.run(work)


def targets(plan: Plan) -> set[str]:
    """The ids that would change."""
    return {target.id for target in plan.targets}


def done(receipt: Receipt) -> set[str]:
    """The ids that were changed."""
    return {result.id for result in receipt.results if result.state is State.DONE}


def ageless(text: str) -> str:
    """``text`` without the seconds that went by: a loaded machine takes its time.

    >>> ageless("took a lock 20s ago")
    'took a lock just ago'
    """
    return re.sub(r"\b\d+s ago", "just ago", text)


SEED = (DEMO_DATA / "seed.sql").read_text()
TABLES = "proxies, catalog_tasks, object_tasks, dashboard_tasklock, users, user_balances"


@pytest.fixture(scope="module")
def standing_shop(postgres: PostgresServer, seeded: str) -> Iterator[str]:
    """The connection string of one database for the tests of a file."""
    name = f"shop_{secrets.token_hex(4)}"
    postgres.psql(f"CREATE DATABASE {name} TEMPLATE {seeded};")
    yield postgres.database_url(name)
    postgres.psql(f"DROP DATABASE {name} WITH (FORCE);")


def anew(server: PostgresServer, url: str, folder: Path) -> Shop:
    """The shop in a database that others have used."""
    server.psql(f"TRUNCATE {TABLES} RESTART IDENTITY;" + SEED, urlsplit(url).path[1:])
    return Shop(server, url, folder)


@pytest.fixture
def shop(standing_shop: str, postgres: PostgresServer, tmp_path: Path) -> Shop:
    """The rows are new in every test, the tables are not."""
    return anew(postgres, standing_shop, tmp_path)


@pytest.fixture
def own_shop(postgres: PostgresServer, database: str, tmp_path: Path) -> Shop:
    """For tests that change the tables."""
    return Shop(postgres, database, tmp_path)
