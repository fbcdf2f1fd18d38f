"""PostgreSQL: what the mapping names is there and readable, and nothing can be written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from unstick import sql
from unstick.backends.base import BackendError
from unstick.backends.postgres import Look, PostgresConnection
from unstick.cli.checkup.check import Check, Mark, Watch, asked, check
from unstick.settings import Context, Crawler, Locks, Sync
from unstick.sql.relations import needed_columns, relations
from unstick.sql.rights import grant_select

SUBJECT = "postgres"
READ_ONLY = "25006"
ATTEMPT = "UPDATE {table} SET {column} = {column} WHERE false"
"""Would change no row; a read-only transaction refuses it before it looks at any right: the proof that is wanted."""


async def postgres(context: Context) -> list[Check]:
    """Every check of the configured server."""
    settings = context.postgres
    if settings.url is None:
        return list(_unusable(context))
    connection = PostgresConnection(
        settings.url, statement_timeout_s=settings.statement_timeout_s, lock_timeout_s=settings.lock_timeout_s
    )
    examination = _Examination(context, connection)
    return await asked(SUBJECT, connection, lambda _: examination.run(), url=settings.url, setting="postgres.url")


def _unusable(context: Context) -> Iterator[Check]:
    names = [name for name in ("crawler", "sync") if getattr(context, name) is not None]
    names += ["locks"] if context.locks is not None and context.locks.table is not None else []
    if names:
        text = f"postgres.url is not set, though {', '.join(names)} need it"
        yield check(SUBJECT, Mark.DOWN, text, "set postgres.url, or export DATABASE_URL")


class _Examination:
    def __init__(self, context: Context, connection: PostgresConnection) -> None:
        self._servers = context.servers.postgres
        sections: list[Crawler | Locks | Sync | None] = [context.crawler, context.locks, context.sync]
        self._sections = [section for section in sections if section is not None]
        self._connection = connection
        self._address = context.postgres.url.address if context.postgres.url is not None else ""
        self._role: str | None = None
        self._found: list[str] = []
        """Tables that are there, in schemas that the role may use."""

    async def run(self) -> list[Check]:
        watch = Watch()
        async with self._connection.look() as look:
            with watch.timing():
                (server,) = await look.rows(sql.statement("doctor_server"))
            self._role = server["role"]
            checks = [*self._server(server, watch), watch.skew(SUBJECT, server["server_at"])]
            checks += await self._reading(look)
            could = await self._could_write(look, server)
        return [*checks, await self._cannot_write(could, server)]

    def _server(self, server: dict[str, Any], watch: Watch) -> Iterator[Check]:
        standby = ", standby" if server["standby"] else ""
        text = f"{self._address}: {watch.latency}, PostgreSQL {server['version']}{standby}, as {server['role']}"
        yield check(SUBJECT, Mark.OK, text)
        if self._connection.pid not in {None, server["pid"]}:
            text = "through a connection pooler (PgBouncer): every look is one transaction, so it serves"
            yield check(SUBJECT, Mark.NOTE, text, "pool_mode = transaction or session; statement will not do")
        if self._servers and not server["sees_all"]:
            text = "sessions of other roles are counted; what they do can't be seen"
            yield check(SUBJECT, Mark.NOTE, text, f"GRANT pg_read_all_stats TO {sql.column(server['role'])}")
        limit = server["role_limit"]
        if 0 <= limit < 3:
            yield check(
                SUBJECT,
                Mark.WARNING,
                f"{server['role']} may hold {limit} connections: a board holds two, one command one more",
                f"ALTER ROLE {sql.column(server['role'])} CONNECTION LIMIT 8",
            )

    async def _reading(self, look: Look) -> list[Check]:
        wanted = [
            (section, table, columns)
            for section in self._sections
            for table, columns in needed_columns(section).items()
        ]
        places = [(sql.name_parts(table), column) for _, table, columns in wanted for column in columns]
        arrays = (
            ["" if len(parts) == 1 else parts[0] for parts, _ in places],
            [parts[-1] for parts, _ in places],
            [column for _, column in places],
        )
        rows = iter(await look.rows(sql.statement("doctor_columns"), *arrays) if places else [])
        return [
            self._table(section, table, columns, [next(rows) for _ in columns]) for section, table, columns in wanted
        ]

    def _table(
        self, section: Crawler | Locks | Sync, table: str, columns: tuple[str, ...], rows: list[dict[str, Any]]
    ) -> Check:
        keys = {column: key for one in relations(section) if one.name == table for column, key in one.columns}
        named = next(one.key for one in relations(section) if one.name == table)
        first = rows[0]
        if not first["has_table"]:
            there = f"; there is {first['elsewhere']}.{table}" if first["elsewhere"] else ""
            return check(SUBJECT, Mark.MISSING, f"no table {table}{there}", f"set {named} to the right name")
        if not first["may_enter"]:
            schema = sql.name_parts(table)[0]
            role = sql.column(self._role or "")
            return check(
                SUBJECT,
                Mark.MISSING,
                f"{table}: no way into its schema",
                f"GRANT USAGE ON SCHEMA {sql.column(schema)} TO {role}",
            )
        self._found.append(table)
        absent = [column for column, row in zip(columns, rows, strict=True) if not row["has_column"]]
        if absent:
            mend = ", ".join(filter(None, (keys[column] for column in absent))) or f"{named}: a view has no xmin"
            return check(SUBJECT, Mark.MISSING, f"{table}: no column {', '.join(absent)}", f"set {mend}")
        refused = [column for column, row in zip(columns, rows, strict=True) if not row["may_read"]]
        if refused:
            text = f"{table}: may not read {', '.join(refused)}"
            return check(SUBJECT, Mark.MISSING, text, grant_select(table, columns, self._role))
        return check(SUBJECT, Mark.OK, f"{table}: reads {', '.join(columns)}")

    async def _could_write(self, look: Look, server: dict[str, Any]) -> list[str]:
        """What the role itself would be allowed to change, in words; transactions are another matter."""
        if server["superuser"]:
            return ["everything: it is a superuser"]
        tables = {sql.table(table): table for table in self._found}
        rows = await look.rows(sql.statement("doctor_writes"), list(tables))
        return [f"{tables[row['name']]} ({', '.join(row['rights'])})" for row in rows if row["rights"]]

    async def _cannot_write(self, could: list[str], server: dict[str, Any]) -> Check:
        refused = server["read_only"] == "on" and await self._attempt()
        role = server["role"]
        if not refused:
            text = "its transactions are not read only: a pooler or proxy changes them"
            return check(SUBJECT, Mark.MISSING, text, "connect without it, or use a role of unstick grants")
        proof = (
            f"an UPDATE was refused with {READ_ONLY}" if refused == READ_ONLY else "its transactions are read only"
        )
        if could:
            text = f"writing: unstick cannot ({proof}), though {role} could change {'; '.join(could)}"
            return check(SUBJECT, Mark.WARNING, text, "a role of its own: unstick grants watcher")
        return check(SUBJECT, Mark.OK, f"writing: unstick cannot ({proof}), and {role} has no right to")

    async def _attempt(self) -> str:
        """The SQLSTATE of an UPDATE that would change nothing; empty when the server would have done it."""
        relation = next((one for section in self._sections for one in relations(section)), None)
        if relation is None:
            return "not tried"
        codes: list[str] = []

        def note(code: str, _said: str) -> None:
            codes.append(code)

        column = sql.column(next(column for column, key in relation.columns if key))
        statement = ATTEMPT.format(table=sql.table(relation.name), column=column)
        try:
            async with self._connection.look(note) as look:
                await look.rows(statement)
        except BackendError:
            return codes[0] if codes else "not tried"
        return ""
