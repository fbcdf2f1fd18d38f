"""The PostgreSQL server itself: connections against the limit, who waits for whom, how far replicas are behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unstick import sql
from unstick.facts.reading import Source
from unstick.facts.servers import OpenTransaction, PostgresServerFacts, Sessions, Standby, Waiter
from unstick.facts.text import clean
from unstick.settings import Context
from unstick.sql.relations import relations

if TYPE_CHECKING:
    from unstick.backends.postgres import PostgresConnection, Row

GROUPS_CAP = 50
WAITERS_CAP = 30
STANDBYS_CAP = 20


class PostgresServerPoller:
    """Five statements in one snapshot, over the connection that the other questions of this server use."""

    def __init__(self, source: Source, context: Context) -> None:
        self.source = source
        self._name = clean(context.postgres.url.address if context.postgres.url else "postgres")
        self._watched = {sql.table(name): name for name in watched_tables(context)}

    async def look(self, connection: PostgresConnection) -> PostgresServerFacts:
        """One look. Raises :class:`~unstick.backends.base.BackendError`."""
        async with connection.look() as look:
            (limits,) = await look.rows(sql.statement("server_limits"))
            sessions = await look.rows(sql.statement("server_sessions"), GROUPS_CAP)
            oldest = await look.rows(sql.statement("server_oldest"))
            waiters = await look.rows(sql.statement("server_waiters"), list(self._watched), WAITERS_CAP)
            standbys = await look.rows(sql.statement("server_standbys"), STANDBYS_CAP)
        return PostgresServerFacts(
            name=self._name,
            server_at=limits["server_at"],
            version=clean(limits["version"]),
            max_connections=limits["max_connections"],
            reserved=limits["reserved"],
            connections=sessions[0]["total"] if sessions else 0,
            sessions=tuple(map(_sessions, sessions)),
            sees_all=limits["sees_all"],
            oldest=_transaction(oldest[0]) if oldest else None,
            waiting=waiters[0]["total"] if waiters else 0,
            waiters=tuple(map(_waiter, waiters)),
            watched=tuple(sorted((clean(self._watched[name]), count) for name, count in _at_watched(waiters))),
            standby=limits["standby"],
            replay_lag_s=limits["replay_lag_s"],
            standbys=tuple(map(_standby, standbys)),
        )


def watched_tables(context: Context) -> list[str]:
    """Every table that the configuration maps."""
    sections = (context.crawler, context.locks, context.sync)
    found = (relation.name for section in sections if section is not None for relation in relations(section))
    return list(dict.fromkeys(found))


def _at_watched(waiters: list[Row]) -> set[tuple[str, int]]:
    return {(row["watched"], row["at_watched"]) for row in waiters if row["watched"] is not None}


def _state(state: str | None) -> str | None:
    return None if state is None else clean(state)


def _sessions(row: Row) -> Sessions:
    return Sessions(clean(row["application"]), _state(row["state"]), row["count"])


def _transaction(row: Row) -> OpenTransaction:
    return OpenTransaction(row["pid"], clean(row["application"]), _state(row["state"]), row["began_at"])


def _waiter(row: Row) -> Waiter:
    known = row["blocker_pid"] is not None
    return Waiter(
        pid=row["pid"],
        application=clean(row["application"]),
        since_at=row["since_at"],
        table=None if row["relation"] is None else clean(row["relation"]),
        blocker_pid=row["blocker_pid"],
        blocker=clean(row["blocker"]) if known else None,
        blocker_state=_state(row["blocker_state"]),
        blocker_began_at=row["blocker_began_at"],
    )


def _standby(row: Row) -> Standby:
    return Standby(clean(row["name"]), _state(row["state"]), row["lag_bytes"], row["lag_s"])
