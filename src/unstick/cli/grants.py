"""``unstick grants``: what a least-privilege role needs, for the mapped schema, as lines to run on each server."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from msgspec.structs import replace

from unstick import sql
from unstick.cli.codes import DONE, USAGE
from unstick.facts.text import clean
from unstick.secret import Url
from unstick.settings import Celery, Context, Crawler, Dramatiq, Locks, Sync
from unstick.sql.relations import needed_columns
from unstick.sql.rights import grant_select, operator_rights

if TYPE_CHECKING:
    from unstick.config import Loaded

Kind = Literal["watcher", "operator"]

CONNECTION_LIMIT = 8
"""A board holds two connections, one command one more."""

_REDIS_COMMANDS = (
    *("hello", "auth", "select", "ping", "client|setname"),
    *("time", "info", "dbsize", "acl|whoami", "acl|dryrun", "slowlog|len", "type", "exists", "pttl", "scan"),
    *("get", "mget", "strlen", "llen", "lindex", "lrange"),
    *("hlen", "hget", "hmget", "hstrlen", "hscan", "scard", "smembers", "sscan"),
    *("zcard", "zcount", "zscore", "zrange", "zrevrange"),
)
_LISTENING = ("subscribe", "psubscribe")
_AMQP = frozenset({"amqp", "amqps"})


def run(loaded: Loaded, role: str, *, kind: Kind = "watcher") -> int:
    """Print the lines for ``role``; exit code 64 for a name that no server would take."""
    if not usable(role):
        sys.stderr.write(
            f"unstick: grants: {clean(role)!r} is not a role name; mend: up to 63 letters, digits, _ or -\n"
        )
        return USAGE
    from unstick.cli.discovery import discovered  # noqa: PLC0415 - imports what it asks

    context = discovered(loaded)
    if loaded.discover and not (context.dramatiq or context.celery):
        context = replace(context, dramatiq=(Dramatiq(),), celery=(Celery(),))
    sys.stdout.write("".join(f"{line}\n" for line in lines(context, role, kind)))
    return DONE


def usable(role: str) -> bool:
    """Whether all three servers can have a user of this name: visible characters, no spaces, no leading dash.

    >>> usable("watcher"), usable("two words"), usable("-x"), usable('o"brien')
    (True, False, False, True)
    """
    plain = clean(role) == role and not re.search(r"\s", role) and not role.startswith("-")
    return plain and 0 < len(role.encode()) <= sql.NAME_BYTES


def lines(context: Context, role: str, kind: Kind) -> Iterator[str]:
    """Everything that is printed, a block per server."""
    yield from postgres_lines(context, role, kind)
    yield ""
    yield from redis_lines(context, role, kind)
    yield ""
    yield from rabbitmq_lines(context, role, kind)


def sections(context: Context) -> tuple[Crawler | Locks | Sync, ...]:
    """The mapped tables; the default mapping for a context that names no tables at all."""
    named = tuple(section for section in (context.crawler, context.locks, context.sync) if section is not None)
    return named or (Crawler(), Locks(), Sync())


def postgres_lines(context: Context, role: str, kind: Kind) -> Iterator[str]:
    """SQL for the owner of the tables."""
    name = sql.column(role)
    database = context.postgres.url.path if context.postgres.url is not None else ""
    yield f"-- PostgreSQL: as the owner of the tables{f', in the database {clean(database)}' if database else ''}."
    yield f"CREATE ROLE {name} LOGIN CONNECTION LIMIT {CONNECTION_LIMIT};"
    yield f"-- Its password, in psql:  \\password {name}"
    yield f"ALTER ROLE {name} SET default_transaction_read_only = on;"
    yield f"ALTER ROLE {name} SET statement_timeout = '3s';"
    yield f"ALTER ROLE {name} SET lock_timeout = '1s';"
    yield f"ALTER ROLE {name} SET idle_in_transaction_session_timeout = '10s';"
    if database:
        yield f"GRANT CONNECT ON DATABASE {sql.column(database)} TO {name};"
    if context.servers.postgres:
        yield f"GRANT pg_read_all_stats TO {name};"
    yield from _select_lines(context, role)
    if any(probe.sql for probe in context.probe):
        yield "-- And SELECT on what the queries of [[probe]] read."
    if kind == "operator":
        yield from _operator_lines(context, role)


def _select_lines(context: Context, role: str) -> Iterator[str]:
    columns = wanted_columns(context)
    schemas = {sql.name_parts(table)[0] if len(sql.name_parts(table)) == 2 else "public" for table in columns}
    for schema in sorted(schemas):
        yield f"GRANT USAGE ON SCHEMA {sql.column(schema)} TO {sql.column(role)};"
    for table, names in columns.items():
        yield grant_select(table, names, role) + ";"


def wanted_columns(context: Context) -> dict[str, tuple[str, ...]]:
    """Every mapped table with the columns that are read of it."""
    columns: dict[str, dict[str, None]] = {}
    for section in sections(context):
        for table, names in needed_columns(section).items():
            columns.setdefault(table, {}).update(dict.fromkeys(names))
    return {table: tuple(names) for table, names in columns.items()}


def _operator_lines(context: Context, role: str) -> Iterator[str]:
    yield "-- Operator: what the actions change, in transactions that say READ WRITE. Locking the task tables against"
    yield "-- writers takes UPDATE on all of them: nobody may take a task while it is decided whether he lives."
    audit_table = context.actions.audit_table
    if audit_table is not None:
        yield from sql.statement("writes/action_audit_table", audit=sql.table(audit_table)).splitlines()
    mapped = sections(context)
    crawler = next((section for section in mapped if isinstance(section, Crawler)), None)
    locks = next((section for section in mapped if isinstance(section, Locks)), None)
    for right in operator_rights(crawler, locks, audit_table):
        yield right.grant(role) + ";"


def redis_lines(context: Context, role: str, kind: Kind = "watcher") -> Iterator[str]:
    """The ACL line, which names what is read, and what an operator changes, and nothing else."""
    yield "# Redis 7, in redis-cli (for Redis 6 write ~ instead of %R~); the second line sets the password."
    written, changing = _written(context) if kind == "operator" else ([], [])
    words = [*(f"%R~{_glob(pattern)}" for pattern in _patterns(context)), *(f"~{_glob(one)}" for one in written)]
    channels = [f"&{_glob(pattern)}" for pattern in _channels(context)]
    commands = (*_REDIS_COMMANDS, *_LISTENING * bool(channels), *changing)
    words += [*channels, *(f"+{command}" for command in commands)]
    yield f"ACL SETUSER {_redis_word(role)} reset on {' '.join(words)}"
    yield f"# ACL SETUSER {_redis_word(role)} '>PASSWORD'"


def _channels(context: Context) -> list[str]:
    """Patterns of the channels that are listened to, as they are subscribed to."""
    urls = [(entry, entry.url or context.redis.url) for entry in context.celery if entry.events != "off"]
    listened = [(entry, url) for entry, url in urls if url is not None and not _speaks_amqp(url)]
    return [f"{entry.key_prefix}/{url.redis_database}.celeryev/*" for entry, url in listened]


def _written(context: Context) -> tuple[list[str], list[str]]:
    """Patterns of the keys that actions change, and the commands that do it, inside a script."""
    patterns: list[str] = []
    commands: list[str] = []
    if context.locks is not None and context.locks.redis_keys:
        patterns += context.locks.redis_keys
        commands += ["eval", "del"]
    broker = task_broker(context)
    if broker is not None and context.sync is not None and not _speaks_amqp(broker.url):
        patterns.append(escape(broker.key_prefix + context.sync.task_queue))
        commands += ["eval", "lpush"]
    return patterns, list(dict.fromkeys(commands))


def task_broker(context: Context) -> Celery | None:
    """The broker that ``sync.task`` is sent to; ``None`` where no task is configured."""
    if context.sync is None or context.sync.task is None:
        return None
    return next((one for one in context.celery if context.sync.task_broker in {None, one.name}), None)


def _patterns(context: Context) -> list[str]:
    """Glob patterns of the keys that are read, without doubles."""
    dramatiq = [entry for entry in context.dramatiq if not _speaks_amqp(entry.url)]
    celery = [entry for entry in context.celery if not _speaks_amqp(entry.url)]
    if not context.dramatiq and not context.celery and context.sync is None:
        dramatiq, celery = [Dramatiq()], [Celery()]
    found = [f"{escape(entry.namespace)}:*" for entry in dramatiq]
    for entry in celery:
        prefix = escape(entry.key_prefix)
        found += [f"{prefix}_kombu.binding.*"]
        found += [prefix + escape(key) for key in (entry.unacked_key, entry.unacked_index_key)]
        for queue in entry.queues:
            found += [prefix + escape(queue), f"{prefix}{escape(queue + entry.separator)}*"]
        found += [f"{escape(entry.redbeat_prefix)}*"] * entry.redbeat
    found += [escape(probe.redis[1]) for probe in context.probe if len(probe.redis) > 1]
    if context.sync is not None:
        before, _, after = context.sync.balance_key.partition("{id}")
        found.append(f"{escape(before)}*{escape(after)}")
    return list(dict.fromkeys(found))


def escape(text: str) -> str:
    """``text`` as a literal inside a glob pattern of Redis."""
    return re.sub(r"([*?\[\]\\^])", r"\\\1", text)


def _glob(pattern: str) -> str:
    """A pattern as a word of redis-cli. What cannot be typed becomes ``?``, one character of any kind."""
    return re.sub(r"[\x00-\x20\x7f\"']", "?", pattern)


def _redis_word(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return word if re.fullmatch(r"[\w.-]+", word) else f'"{escaped}"'


def rabbitmq_lines(context: Context, role: str, kind: Kind = "watcher") -> Iterator[str]:
    """``rabbitmqctl`` lines for every virtual host that is looked at; an operator may publish to queues by name."""
    name = shlex.quote(role)
    broker = task_broker(context) if kind == "operator" else None
    url = None if broker is None else broker.url
    published = _vhost(url) if url is not None and _speaks_amqp(url) else None
    yield "# RabbitMQ, in a shell of the broker's host; the first line asks for the password."
    yield f"rabbitmqctl add_user {name}"
    yield f"rabbitmqctl set_user_tags {name} monitoring"
    listening = [entry.url for entry in context.celery if entry.events != "off"]
    listened = {_vhost(url) for url in listening if url is not None and _speaks_amqp(url)}
    for vhost in vhosts(context):
        rights = (LISTENER if vhost in listened else NOTHING).split(" ")
        if vhost == published:
            rights[1] = PUBLISHER if vhost not in listened else LISTENING_PUBLISHER
        yield f"rabbitmqctl set_permissions -p {shlex.quote(vhost)} {name} {' '.join(rights)}"


NOTHING = "'^$' '^$' '^$'"
LISTENER = r"'^celeryev\.unstick\.' '^celeryev\.unstick\.' '^celeryev'"
"""What listening to events takes: a queue of its own, bound to Celery's exchange."""


PUBLISHER = r"'^amq\.default$'"
LISTENING_PUBLISHER = r"'^(amq\.default$|celeryev\.unstick\.)'"
"""Where an operator may write: to queues by their name, which is the default exchange."""


def vhosts(context: Context) -> list[str]:
    """The virtual hosts that the lines are for; ``/`` when the configuration names none."""
    return named_vhosts(context) or ["/"]


def named_vhosts(context: Context) -> list[str]:
    """The virtual hosts that the configuration names."""
    brokers = [*(entry.url for entry in context.dramatiq), *(entry.url for entry in context.celery)]
    urls = [context.rabbitmq.url, *brokers]
    named = [*context.rabbitmq.vhosts, *(_vhost(url) for url in urls if url is not None and _speaks_amqp(url))]
    return [vhost for vhost in dict.fromkeys(named) if clean(vhost) == vhost]


def _vhost(url: Url) -> str:
    return (url.path if urlsplit(url.reveal()).path else "") or "/"


def _speaks_amqp(url: Url | None) -> bool:
    return url is not None and url.scheme in _AMQP
