"""One action in one transaction of PostgreSQL: alone, on the server of the plan, and with an end that is known."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from unstick import clock, sql
from unstick.actions.deed import UNDONE, Done, Intend, Item, Notes, RefusedError
from unstick.backends.base import BackendError, UnsureError, failure
from unstick.backends.postgres import Look
from unstick.backends.postgres_writes import PostgresWriter, Writing
from unstick.facts.actions import Actor, Outcome, Plan, Server, State
from unstick.facts.reading import TroubleKind
from unstick.facts.text import clean
from unstick.facts.units import duration
from unstick.settings import Context
from unstick.sql.relations import Relation
from unstick.sql.rights import explain_action

LIVES_S = 60.0
"""How long a plan may be applied, by the clock of the database."""
ATTEMPTS = 4
PAUSE_S = 0.3
"""Between two attempts to lock tables that somebody else has locked."""
SETTLE_S = 20.0
"""How long the fate of a transaction is asked for after its connection was lost."""
LOCK_NOT_AVAILABLE = "55P03"
IN_PROGRESS = "its transaction is still in progress"

Work = Callable[[Writing], Awaitable[Sequence[Item]]]
"""The statements of an action; the items that they changed."""


class Base(msgspec.Struct, frozen=True):
    """The database as one look found it."""

    server: Server
    server_at: float
    standby: bool
    dates_commits: bool


class Column(msgspec.Struct, frozen=True):
    """``type`` as SQL writes it; ``filled``: NULL can't stand in it."""

    type: str
    filled: bool


class Fate(msgspec.Struct, frozen=True):
    """What became of a transaction; ``committed`` is ``None`` when it can't be found out, and ``why`` says why.

    ``unseen``: the server did not answer; another time it may.
    """

    committed: bool | None
    why: str = ""
    unseen: bool = False


class Database:
    """The operator's connection of one context. ``known`` are the tables that error messages may name."""

    def __init__(self, context: Context, actor: Actor, known: tuple[Relation, ...]) -> None:
        url = context.actions.postgres_url or context.postgres.url
        if url is None:
            raise RefusedError("postgres.url is not set")
        self.address = url.address
        self._lock_s = context.actions.lock_timeout_s
        self._connection = PostgresWriter(url, application=f"unstick {actor.shown}", lock_timeout_s=self._lock_s)
        self._explain = partial(explain_action, known, self._connection.user)
        self._audit_table = context.actions.audit_table
        self._actor = actor

    async def reading(self) -> PostgresWriter:
        """The open connection, for a look. Raises :class:`BackendError`."""
        await self._connection.open()
        return self._connection

    def explain(self, code: str, said: str) -> str | None:
        """Better words for a refused statement."""
        return self._explain(code, said)

    async def base(self, look: Look) -> Base:
        """Which server this is, and its clock."""
        (row,) = await look.rows(sql.statement("action_server"))
        server = Server("PostgreSQL", clean(self.address), clean(row["role"]), row["identity"])
        return Base(server, row["server_at"], row["standby"], row["dates_commits"])

    async def columns(self, look: Look, wanted: Sequence[tuple[str, str]]) -> list[Column]:
        """The columns of (table, column); raises :class:`RefusedError` for one that is not there."""
        rows = await look.rows(
            sql.statement("action_columns"), [sql.table(table) for table, _ in wanted], [name for _, name in wanted]
        )
        for (table, name), row in zip(wanted, rows, strict=True):
            if row["type"] is None:
                raise RefusedError(f"no column {clean(name)} in table {clean(table)}, or no such table")
        return [Column(row["type"], row["filled"]) for row in rows]

    async def close(self) -> None:
        """Part from the server."""
        await self._connection.close()

    async def lock(self, writing: Writing, tables: Sequence[str], mode: str) -> None:
        """Lock ``tables`` in ``mode``: all together within the lock timeout of the configuration."""
        if tables:
            await writing.locking(", ".join(map(sql.table, tables)), mode, self._lock_s / len(tables))

    async def transact(
        self, plan: Plan, intend: Intend, work: Work, tables: Sequence[str], *, alone: str = ""
    ) -> str:
        """Do ``work`` in one transaction; the number of the transaction, empty when there was nothing to commit.

        Nobody else does ``alone`` meanwhile, which is the action of the plan where nothing is said.

        Raises :class:`RefusedError`, :class:`BackendError` when everything was undone, :class:`UnsureError` with the
        reason when nobody can tell.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._attempt(plan, intend, work, alone or plan.name)
            except BackendError as error:
                if error.code != LOCK_NOT_AVAILABLE:
                    raise
                if attempt == ATTEMPTS:
                    raise RefusedError(await self._blocked(tables)) from None
            await asyncio.sleep(PAUSE_S)
        raise AssertionError("unreachable")

    async def _attempt(self, plan: Plan, intend: Intend, work: Work, alone: str) -> str:
        connection = await self.reading()
        async with connection.writing(self._explain) as writing:
            (begun,) = await writing.rows(sql.statement("action_begin"), alone)
            if not begun["alone"]:
                raise RefusedError(await self._in_progress(writing, alone))
            base = await self.base(writing)
            if base.server not in plan.servers:
                raise RefusedError(f"another server answers at {self.address} than the one of the plan; plan anew")
            age = base.server_at - plan.made_at
            if abs(age) > plan.lives_s:
                raise RefusedError(f"the plan is {duration(age)} old, it lives {duration(plan.lives_s)}; plan anew")
            await intend({"xid": begun["xid"], "server": base.server.identity})
            changed = await work(writing)
            if not changed:
                return ""
            await self._record(writing, plan, changed)
            try:
                await writing.commit()
            except UnsureError as error:
                await self._after_all(str(begun["xid"]), base.server, error)
            return str(begun["xid"])

    async def _record(self, writing: Writing, plan: Plan, changed: Sequence[Item]) -> None:
        """A row about it in the audit table, where there is one: it stands exactly when the change does."""
        if self._audit_table is None:
            return
        statement = sql.statement("writes/action_record", audit=sql.table(self._audit_table))
        rows = json.dumps(msgspec.to_builtins(changed))
        await writing.rows(statement, plan.id, plan.name, self._actor.shown, plan.context, rows)

    async def _after_all(self, xid: str, server: Server, error: UnsureError) -> None:
        """Find out what became of a commit without an answer; returns when it was committed."""
        fate = await self.fate(xid, server.identity)
        if fate.committed is None:
            raise UnsureError(failure(error.trouble.kind, f"{error}; {fate.why}").trouble, transport=True)
        if not fate.committed:
            raise BackendError(error.trouble, transport=True)

    @contextlib.asynccontextmanager
    async def alone(self, name: str, hold_s: float) -> AsyncIterator[None]:
        """Nobody else does ``name`` meanwhile, for ``hold_s`` at most.

        Raises :class:`RefusedError` when somebody does.
        """
        connection = await self.reading()
        async with connection.writing(self._explain) as writing:
            await writing.hold(hold_s)
            (row,) = await writing.rows(sql.statement("action_alone"), name)
            if not row["alone"]:
                raise RefusedError(await self._in_progress(writing, name))
            yield

    async def fate(self, xid: str, identity: str) -> Fate:
        """What became of transaction ``xid`` of the server ``identity``; asked until it is over."""
        until = clock.monotonic() + SETTLE_S
        fate = Fate(None, "it was not asked for", unseen=True)
        while clock.monotonic() < until:
            try:
                fate = await self._asked(xid, identity)
            except BackendError as error:
                self._connection.abort()
                fate = Fate(None, error.trouble.text, unseen=error.transport)
            if not (fate.unseen or fate.why == IN_PROGRESS):
                break
            await asyncio.sleep(PAUSE_S)
        return fate

    async def settled(self, intent: Mapping[str, Any], notes: Notes, did: str) -> Done | None:
        """How an action that was cut off ended, unless it was committed: then ``None``. ``did``: what was to be done.

        Raises :class:`BackendError` when the server does not answer.
        """
        fate = await self.fate(intent["xid"], intent["server"])
        if fate.unseen:
            raise failure(TroubleKind.CLOSED, fate.why)
        if fate.committed is None:
            notes.all(State.UNKNOWN, f"may have been {did}")
            return Done(Outcome.UNKNOWN, f"whether it was committed can't be found out: {fate.why}", notes.told)
        if not fate.committed:
            notes.all(State.SKIPPED, f"was not {did}")
            return Done(Outcome.NOT_SENT, UNDONE, notes.told)
        return None

    async def _asked(self, xid: str, identity: str) -> Fate:
        connection = await self.reading()
        async with connection.look() as look:
            base = await self.base(look)
            if base.server.identity != identity:
                return Fate(None, "another server answers now (a failover?)")
            (row,) = await look.rows(sql.statement("action_verdict"), xid)
        match row["verdict"]:
            case "in progress":
                return Fate(None, IN_PROGRESS)
            case None:
                return Fate(None, "the server no longer knows that transaction")
        return Fate(row["verdict"] == "committed")

    async def _in_progress(self, look: Look, name: str) -> str:
        rows = await look.rows(sql.statement("action_holder"), name)
        who = clean(rows[0]["application"]).removeprefix("unstick ") if rows else "somebody who is done by now"
        return f"{name} is in progress by {who}; look again"

    async def _blocked(self, tables: Sequence[str]) -> str:
        """Who has the tables locked, as far as it is still to be seen."""
        rows: list[dict[str, Any]] = []
        try:
            connection = await self.reading()
            async with connection.look() as look:
                rows = await look.rows(sql.statement("action_blockers"), list(map(sql.table, tables)))
        except BackendError:
            pass  # the refusal stands, whoever is behind it
        names = ", ".join(clean(f"{row['name']} by {row['application']} (pid {row['pid']})") for row in rows)
        return f"others keep the tables locked{f': {names}' if names else ''}; nothing was changed, try again"
