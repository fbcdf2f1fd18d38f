"""PostgreSQL through one asyncpg connection that can hurt nobody.

Every look is one ``BEGIN READ ONLY`` transaction with its limits ``SET LOCAL``: a session ``SET`` would leak to other
clients of a transaction pooler. There is no pool and no statement cache, for the same reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias, TypeVar
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import asyncpg

from unstick.backends.base import BackendError, failure
from unstick.backends.postgres_trouble import link_failure, server_failure
from unstick.facts.reading import Cost, TroubleKind
from unstick.secret import Url

APPLICATION_NAME = "unstick"
PARTING_S = 1.0
IDLE_IN_TRANSACTION_MS = 5000

AnswerT = TypeVar("AnswerT")
Row = dict[str, Any]
Call: TypeAlias = "Callable[[asyncpg.Connection[asyncpg.Record]], Awaitable[AnswerT]]"
Explain = Callable[[str, str], str | None]
"""(SQLSTATE, server message) -> better words, or ``None``: whoever wrote the statement knows its mapping."""

_UNDERSTOOD = frozenset(
    {
        *("host", "port", "user", "password", "passfile", "dbname", "database", "service", "options"),
        *("target_session_attrs", "krbsrvname", "gsslib", "sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl"),
        *("sslpassword", "sslnegotiation", "ssl_min_protocol_version", "ssl_max_protocol_version"),
    }
)
"""URL parameters that reach the driver; it would send any other to the server as a startup parameter."""


class Look:
    """One read-only transaction: all its statements see one snapshot."""

    def __init__(self, connection: PostgresConnection, explain: Explain) -> None:
        self._connection = connection
        self._explain = explain

    async def rows(self, sql: str, *args: object) -> list[Row]:
        """The rows of one statement. Raises :class:`BackendError`."""
        records = await self._ask(lambda link: link.fetch(sql, *args), sql)
        found = [dict(record) for record in records]
        self._connection.received(found)
        return found

    async def _ask(self, call: Call[AnswerT], sql: str) -> AnswerT:
        return await self._connection.ask(call, self._explain, sql)


class PostgresConnection:
    """One connection; limits are seconds. ``connect_timeout_s`` covers TCP, TLS and login together."""

    def __init__(
        self,
        url: Url,
        *,
        statement_timeout_s: float = 1.5,
        lock_timeout_s: float = 0.3,
        connect_timeout_s: float = 3.0,
        application: str = APPLICATION_NAME,
    ) -> None:
        self._url = url
        self._application = application
        self._connect_timeout_s = connect_timeout_s
        self._answer_s = statement_timeout_s + 0.5
        self._begin = (
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
            f"SET LOCAL statement_timeout = {_milliseconds(statement_timeout_s)}; "
            f"SET LOCAL lock_timeout = {_milliseconds(lock_timeout_s)}; "
            f"SET LOCAL idle_in_transaction_session_timeout = {IDLE_IN_TRANSACTION_MS}; "
            "SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL jit = off; SET LOCAL timezone = 'UTC'"
        )
        self._link: asyncpg.Connection[asyncpg.Record] | None = None
        self._queries = self._bytes_in = self._bytes_out = 0

    @property
    def user(self) -> str | None:
        """The role of the URL, for the GRANT line that a refusal suggests."""
        try:
            name = urlsplit(self._url.reveal()).username
        except ValueError:
            return None
        return unquote(name) if name else None

    @property
    def pid(self) -> int | None:
        """The server process that was promised when the connection was made; a pooler promises one of its own."""
        return None if self._link is None or self._link.is_closed() else self._link.get_server_pid()

    async def open(self) -> None:
        """Connect if not connected. Raises :class:`BackendError`."""
        if self._link is not None and not self._link.is_closed():
            return
        self.abort()
        _refuse_unquoted(self._url)
        try:
            self._link = await asyncpg.connect(
                _dsn(self._url),
                timeout=self._connect_timeout_s,
                command_timeout=self._answer_s,
                statement_cache_size=0,
                server_settings={"application_name": self._application},
            )
        except asyncpg.PostgresError as error:
            raise server_failure(error) from None
        except asyncpg.ClientConfigurationError as error:
            if "certificate" in str(error):
                raise failure(TroubleKind.TLS, f"TLS: {error}", transport=True) from None
            raise _bad_url() from None
        except (ssl.SSLError, UnicodeDecodeError) as error:
            raise link_failure(error, self._url.address, self._connect_timeout_s) from None
        except ValueError:
            raise _bad_url() from None
        except Exception as error:  # noqa: BLE001 - a peer that is no PostgreSQL makes the driver fail in any way
            raise link_failure(error, self._url.address, self._connect_timeout_s) from None

    def abort(self) -> None:
        """Close the socket at once."""
        link, self._link = self._link, None
        if link is not None:
            with contextlib.suppress(Exception):
                link.terminate()

    async def close(self) -> None:
        """Part politely within a second, then close the socket."""
        link = self._link
        if link is None or link.is_closed():
            return self.abort()
        parting = asyncio.ensure_future(link.close())
        try:
            await asyncio.wait({parting}, timeout=PARTING_S)
        finally:
            self.abort()
            parting.cancel()
            await asyncio.wait({parting}, timeout=0.1)
            if not parting.cancelled() and parting.done():
                parting.exception()

    def take_cost(self) -> Cost:
        """Statements and approximate payload since the last call."""
        cost = Cost(self._queries, self._bytes_in, self._bytes_out)
        self._queries = self._bytes_in = self._bytes_out = 0
        return cost

    @contextlib.asynccontextmanager
    async def look(self, explain: Explain = lambda _code, _said: None, *, undo: bool = False) -> AsyncIterator[Look]:
        """A read-only transaction on the open connection. Naive timestamps count as UTC in it.

        ``undo``: it is rolled back, for statements of others; before PostgreSQL 16 large objects are written in it.
        """
        end = "ROLLBACK" if undo else "COMMIT"
        try:
            await self.ask(lambda link: link.execute(self._begin), explain, self._begin)
            yield Look(self, explain)
            await self.ask(lambda link: link.execute(end), explain, end)
        except BackendError as error:
            if not error.transport:
                await self._roll_back()
            raise
        except BaseException:
            # Cancelled half-way: nobody knows what the server would answer next.
            self.abort()
            raise

    async def ask(self, call: Call[AnswerT], explain: Explain, sql: str) -> AnswerT:
        """One statement through ``call``; driver errors leave as :class:`BackendError`."""
        link = self._link
        if link is None:
            raise failure(TroubleKind.CLOSED, "the connection was closed", transport=True)
        self._queries += 1
        self._bytes_out += len(sql)
        try:
            return await call(link)
        except asyncpg.PostgresError as error:
            trouble = server_failure(error, explain(error.sqlstate or "", str(error.args[0])))
        except asyncpg.DataError as error:
            trouble = failure(TroubleKind.INTERNAL, f"a parameter does not fit: {error}")
        except Exception as error:  # noqa: BLE001 - decoding errors have no common type; the link is dropped
            trouble = link_failure(error, self._url.address, self._answer_s)
        if trouble.transport:
            self.abort()
        raise trouble from None

    def received(self, rows: list[Row]) -> None:
        """Count what came in: texts by their length, other values as eight bytes."""
        for row in rows:
            self._bytes_in += sum(len(value) if isinstance(value, str) else 8 for value in row.values())

    async def _roll_back(self) -> None:
        try:
            await self.ask(lambda link: link.execute("ROLLBACK"), lambda _code, _said: None, "ROLLBACK")
        except BackendError:
            self.abort()


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _bad_url() -> BackendError:
    text = "postgres.url is not a URL the driver understands; special characters of a password are written %XX"
    return failure(TroubleKind.PROTOCOL, text, transport=True)


def _refuse_unquoted(url: Url) -> None:
    """A password with a bare ``@ / ? #`` makes a part of it the host name: it would be looked up in DNS."""
    credentials, at, _ = url.reveal().partition("://")[2].partition("?")[0].rpartition("@")
    if at and re.search(r"[/?#@]", credentials):
        raise _bad_url()


def _dsn(url: Url) -> str:
    """The URL as the driver wants it: plain scheme, only parameters that stay in the client."""
    parts = urlsplit(url.reveal())
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name in _UNDERSTOOD]
    wanted = dict(parse_qsl(parts.query)).get("ssl")
    if wanted and not any(name == "sslmode" for name, _ in kept):
        kept.append(("sslmode", "require" if wanted.lower() in {"1", "true", "on"} else wanted))
    scheme = "postgresql" if parts.scheme.startswith(("postgresql", "postgres")) else parts.scheme
    return parts._replace(scheme=scheme, query=urlencode(kept), fragment="").geturl()
