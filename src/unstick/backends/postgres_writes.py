"""The other door to PostgreSQL: the one that changes something. Only actions open it.

What it does is one short ``BEGIN READ WRITE`` transaction with its limits ``SET LOCAL``, undone unless its commit was
asked for and answered. It waits for locks as long as it is told, and a client that stops in the middle is thrown out
by the server: workers wait behind what it has locked.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TypeAlias, TypeVar

import asyncpg

from unstick.backends.base import BackendError, UnsureError, failure
from unstick.backends.postgres import Call, Explain, Look, PostgresConnection
from unstick.facts.reading import TroubleKind
from unstick.secret import Url

STATEMENT_S = 5.0
STALL_MS = 5000
"""Until the first lock is taken: the intent is written to disk meanwhile."""
WHOLE = "SET LOCAL row_security = off"
"""A policy that hides rows makes a statement fail: a task that is not seen is not one that is not there."""
STALL_LOCKED_MS = 1000
"""While tables are locked: the longest that a client which stopped can keep workers waiting."""
STATEMENT_LOCKED_MS = 2000
"""The longest that one statement can, on tables so large that it has to search for so long."""
APPLICATION_BYTES = 63
AnswerT = TypeVar("AnswerT")
Link: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


def _nothing(_code: str, _said: str) -> None:
    """No better words than the server's own."""


class Writing(Look):
    """One read-write transaction. Each statement sees what was committed before it began.

    A statement that would run outside of it is not sent: what it changes would stand at once, without any lock.
    """

    def __init__(self, connection: PostgresConnection, explain: Explain, link: Link) -> None:
        super().__init__(connection, explain)
        self._link = link

    async def _ask(self, call: Call[AnswerT], sql: str) -> AnswerT:
        async def inside(link: Link) -> AnswerT:
            if link is not self._link or not link.is_in_transaction():
                raise ConnectionAbortedError("the transaction is gone")
            return await call(link)

        return await self._connection.ask(inside, self._explain, sql)

    async def locking(self, tables: str, mode: str, wait_s: float) -> None:
        """Lock ``tables`` (quoted SQL) in ``mode``, waiting ``wait_s`` at most. Raises :class:`BackendError`."""
        limit = max(1, round(wait_s * 1000))
        statement = (
            f"SET LOCAL idle_in_transaction_session_timeout = {STALL_LOCKED_MS}; "
            f"SET LOCAL statement_timeout = {STATEMENT_LOCKED_MS}; "
            f"SET LOCAL lock_timeout = {limit}; LOCK TABLE {tables} IN {mode} MODE"
        )
        await self._ask(lambda link: link.execute(statement), statement)

    async def hold(self, seconds: float) -> None:
        """Let the transaction stand idle for so long."""
        statement = f"SET LOCAL idle_in_transaction_session_timeout = {round(seconds * 1000)}"
        await self._ask(lambda link: link.execute(statement), statement)

    async def commit(self) -> None:
        """Raises :class:`UnsureError` when the answer did not come, :class:`BackendError` when it was a refusal."""
        try:
            said = await self._ask(lambda link: link.execute("COMMIT"), "COMMIT")
        except BackendError as error:
            if error.transport:
                raise UnsureError(error.trouble, transport=True, code=error.code) from None
            raise
        if said != "COMMIT":
            raise failure(TroubleKind.INTERNAL, f"the server undid the transaction (it said {said})")


class PostgresWriter(PostgresConnection):
    """One connection that may change something; ``application`` is what other sessions see of it.

    A statement waits ``lock_timeout_s`` at most for a row that somebody else is changing.
    """

    def __init__(self, url: Url, *, application: str, lock_timeout_s: float) -> None:
        shown = application.encode("ascii", "replace")[:APPLICATION_BYTES].decode()
        super().__init__(url, statement_timeout_s=STATEMENT_S, application=shown)
        self._write = (
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; "
            f"SET LOCAL statement_timeout = {round(STATEMENT_S * 1000)}; "
            f"SET LOCAL lock_timeout = {max(1, round(lock_timeout_s * 1000))}; "
            f"SET LOCAL idle_in_transaction_session_timeout = {STALL_MS}; "
            "SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL timezone = 'UTC'"
            f"; {WHOLE}"
        )
        self._begin += f"; {WHOLE}"

    @contextlib.asynccontextmanager
    async def writing(self, explain: Explain = _nothing) -> AsyncIterator[Writing]:
        """A read-write transaction on the open connection; without :meth:`Writing.commit` it is undone."""

        async def begin(link: Link) -> Link:
            await link.execute(self._write)
            return link

        writing = Writing(self, explain, await self.ask(begin, explain, self._write))
        try:
            yield writing
        except BackendError:
            await self.end()
            raise
        except asyncio.CancelledError:
            self.abort()
            raise
        except BaseException:
            await self.end()
            raise
        await self.end()

    async def end(self) -> None:
        """Undo what is not committed; a link that can't is dropped, which undoes it as well."""
        link = self._link
        if link is None or link.is_closed() or not link.is_in_transaction():
            return
        await self._roll_back()
