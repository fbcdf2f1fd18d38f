"""What the operator's login may change: all that the actions need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from unstick import sql
from unstick.backends.base import BackendError
from unstick.backends.panic import panic
from unstick.backends.postgres import PostgresConnection
from unstick.backends.redis import Command, RedisConnection
from unstick.cli.checkup.check import Check, Mark, asked, check
from unstick.cli.grants import task_broker
from unstick.secret import Url
from unstick.settings import Actions, Context
from unstick.sql.rights import Right, operator_rights

SUBJECT = "actions"


async def actions(context: Context) -> list[Check]:
    """Every check of the actions; one note where they are not configured."""
    return [*_switches(context), *await _rights(context), *await _redis(context)]


def _switches(context: Context) -> Iterator[Check]:
    settings = context.actions
    if settings.read_only:
        yield check(SUBJECT, Mark.OK, f"context {context.name} is read only")
    if why := panic(settings.panic_file):
        yield check(SUBJECT, Mark.WARNING, f"{why}: nothing is changed while that is so", f"rm {settings.panic_file}")


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
            hidden = await look.rows(sql.statement("doctor_hidden"), sorted(set(arrays[0])))
        may = [bool(row["may"]) for row in rows]
        found = _told(server["role"], rights, may, superuser=server["superuser"], standby=server["standby"])
        return [*found, *(_hides(server["role"], row["name"]) for row in hidden)]

    connection = PostgresConnection(url)
    setting = "actions.postgres_url" if settings.postgres_url is not None else "postgres.url"
    return await asked(SUBJECT, connection, ask, url=url, setting=setting)


async def _redis(context: Context) -> list[Check]:
    """Whether the operator may change the keys that actions change; asked of ``ACL DRYRUN``."""
    found: list[Check] = []
    for action, url, setting, commands in _written(context):

        async def ask(
            link: RedisConnection, action: str = action, commands: Sequence[Command] = commands
        ) -> list[Check]:
            (whoami,) = await link.pipeline([("ACL", "WHOAMI")])
            user = whoami.decode("utf-8", "replace") if isinstance(whoami, bytes) else link.user
            answers = await link.pipeline([("ACL", "DRYRUN", user, *words) for words in commands])
            return [_redis_told(action, user, commands, answers)]

        found += await asked(SUBJECT, RedisConnection(url, setting=setting), ask, url=url, setting=setting)
    return found


def _written(context: Context) -> Iterator[tuple[str, Url, str, list[Command]]]:
    """Action, server, the setting that names it, and what it does there."""
    locks, settings = context.locks, context.actions
    url = settings.redis_url or (locks.redis_url if locks else None) or context.redis.url
    if locks is not None and locks.redis_keys and url is not None and not settings.read_only:
        key = locks.redis_keys[0].replace("*", "x")
        yield "drain-locks", url, "actions.redis_url", [("EVAL", "return 1", "1", key), ("DEL", key)]
    broker = task_broker(context)
    if broker is None or context.sync is None or settings.read_only:
        return
    url = settings.broker_url or broker.url or context.redis.url
    if url is not None and url.scheme not in {"amqp", "amqps"}:
        key = broker.key_prefix + context.sync.task_queue
        yield "sync-balances", url, "actions.broker_url", [("EVAL", "return 1", "1", key), ("LPUSH", key, "x")]


def _redis_told(action: str, user: str, commands: Sequence[Command], answers: Sequence[object]) -> Check:
    if any(isinstance(answer, BackendError) for answer in answers):
        text = f"{action}: whether {user} may cannot be asked of this Redis"
        return check(SUBJECT, Mark.UNKNOWN, text, f"ACL SETUSER {user} +acl|dryrun +acl|whoami")
    refused = [str(words[0]) for words, answer in zip(commands, answers, strict=True) if answer != b"OK"]
    if refused:
        text = f"{action}: {user} may not {' or '.join(refused)} in Redis"
        return check(SUBJECT, Mark.MISSING, text, "the ACL line of: unstick grants NAME --role operator")
    return check(SUBJECT, Mark.OK, f"{action}: {user} may in Redis")


def _hides(role: str, table: str) -> Check:
    """An action fails where rows are hidden: a task that is not seen is not one that is not there."""
    text = f"policies of row security may hide rows of {table} from {role}"
    return check(SUBJECT, Mark.MISSING, text, f"ALTER ROLE {sql.column(role)} BYPASSRLS, as a superuser")


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
