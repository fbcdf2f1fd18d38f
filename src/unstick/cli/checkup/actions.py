"""What the operator's login may change: all that the actions need."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from unstick import sql
from unstick.backends.postgres import PostgresConnection
from unstick.cli.checkup.check import Check, Mark, asked, check
from unstick.settings import Actions, Context
from unstick.sql.rights import Right, operator_rights

SUBJECT = "actions"


async def actions(context: Context) -> list[Check]:
    """Every check of the actions; one note where they are not configured."""
    return [*_switches(context), *await _rights(context)]


def _switches(context: Context) -> Iterator[Check]:
    settings = context.actions
    if settings.read_only:
        yield check(SUBJECT, Mark.OK, f"context {context.name} is read only")
    if settings.panic_file and os.path.lexists(settings.panic_file):
        text = f"the panic file {settings.panic_file} exists: nothing is changed while it does"
        yield check(SUBJECT, Mark.WARNING, text, f"rm {settings.panic_file}")


async def _rights(context: Context) -> list[Check]:
    settings = context.actions
    url = settings.postgres_url or context.postgres.url
    rights = tuple(operator_rights(context.crawler, context.locks, settings.audit_table))
    if url is None or not rights or settings.read_only:
        return []
    if settings == Actions():
        text = "would use the login of [postgres]"
        return [check(SUBJECT, Mark.NOTE, text, "unstick grants NAME --role operator; actions.postgres_url = …")]

    async def ask(connection: PostgresConnection) -> list[Check]:
        async with connection.look() as look:
            (server,) = await look.rows(sql.statement("doctor_server"))
            wanted = [(right, column) for right in rights for column in right.columns or ("",)]
            arrays = (
                [sql.table(right.table) for right, _ in wanted],
                [column for _, column in wanted],
                [right.privilege for right, _ in wanted],
            )
            rows = await look.rows(sql.statement("doctor_rights"), *arrays)
        may = [bool(row["may"]) for row in rows]
        return list(_told(server["role"], rights, may, superuser=server["superuser"], standby=server["standby"]))

    connection = PostgresConnection(url)
    setting = "actions.postgres_url" if settings.postgres_url is not None else "postgres.url"
    return await asked(SUBJECT, connection, ask, url=url, setting=setting)


def _told(
    role: str, rights: Sequence[Right], may: Sequence[bool], *, superuser: bool, standby: bool
) -> Iterator[Check]:
    if standby:
        yield check(SUBJECT, Mark.MISSING, "this server is a standby: it accepts no changes", "name the primary")
    if superuser:
        text = f"{role} is a superuser: the server keeps it from nothing"
        yield check(SUBJECT, Mark.WARNING, text, "a role of its own: unstick grants NAME --role operator")
    place = 0
    lacking: dict[str, list[Right]] = {}
    for right in rights:
        columns = len(right.columns) or 1
        missing = not all(may[place : place + columns])
        place += columns
        lacking.setdefault(right.action, []).extend([right] if missing else [])
    for action, missed in lacking.items():
        if missed:
            words = ", ".join(f"{right.privilege} on {right.table}" for right in missed)
            mend = "; ".join(right.grant(role) for right in missed)
            yield check(SUBJECT, Mark.MISSING, f"{action}: {role} lacks {words}", mend)
        else:
            yield check(SUBJECT, Mark.OK, f"{action}: {role} may")
