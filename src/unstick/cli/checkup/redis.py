"""Redis: every database that the configuration names, what may be read there, and that nothing may be written."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from unstick.backends.base import BackendError
from unstick.backends.redis import Command, RedisConnection
from unstick.cli.checkup.check import Check, Mark, Watch, asked, check, of_trouble
from unstick.secret import Url
from unstick.settings import Celery, Context, Dramatiq

_SCHEMES = frozenset({"redis", "rediss", "unix"})
_WRITES: tuple[tuple[str, ...], ...] = (
    ("DEL", "unstick:doctor"),
    ("SET", "unstick:doctor", "1"),
    ("LPUSH", "unstick:doctor", "1"),
    ("KEYS", "*"),
    ("FLUSHALL",),
)
"""Asked of ``ACL DRYRUN``, which says whether a command would be allowed and does nothing else."""


async def redis(context: Context) -> list[Check]:
    """The checks of every Redis database, one connection each."""
    answers = await asyncio.gather(
        *(
            _database("redis" if url == context.redis.url else f"redis {name}", name, url, reads)
            for url, (name, reads) in _databases(context).items()
        )
    )
    return [*_unusable(context), *(one for answer in answers for one in answer)]


def _unusable(context: Context) -> Iterator[Check]:
    if context.redis.url is None:
        entries: list[Dramatiq | Celery] = [*context.dramatiq, *context.celery]
        for entry in entries:
            if entry.url is None:
                text = f"{entry.name} has no server: neither its url nor redis.url is set"
                yield check("redis", Mark.DOWN, text, "set redis.url, or export REDIS_URL")


def _databases(context: Context) -> dict[Url, tuple[str, list[Command]]]:
    """Each database with the keys of the configuration that name it, and what the board would read there."""
    found: dict[Url, tuple[list[str], list[Command]]] = {}

    def add(url: Url | None, name: str, *reads: Command) -> None:
        if url is not None and url.scheme in _SCHEMES:
            names, commands = found.setdefault(url, ([], []))
            names.append(name)
            commands.extend(reads)

    add(context.redis.url, "", *([("INFO",), ("SLOWLOG", "LEN")] if context.servers.redis else []))
    for dramatiq in context.dramatiq:
        beats, queue = f"{dramatiq.namespace}:__heartbeats__", f"{dramatiq.namespace}:default"
        add(
            *(dramatiq.url or context.redis.url, dramatiq.name),
            *(("ZCARD", beats), ("ZREVRANGE", beats, 0, 0, "WITHSCORES"), ("LLEN", queue), ("LINDEX", queue, 0)),
            *(("HLEN", f"{queue}.msgs"), ("HGET", f"{queue}.msgs", "0"), ("HSTRLEN", f"{queue}.msgs", "0")),
            *(("ZCARD", f"{queue}.XQ"), ("SMEMBERS", f"{dramatiq.namespace}:__acks__.0.default")),
            *(("SCARD", f"{dramatiq.namespace}:__acks__.0.default"), ("EXISTS", beats)),
            ("SCAN", 0, "MATCH", f"{dramatiq.namespace}:*", "COUNT", 1),
        )
    for celery in context.celery:
        prefix = celery.key_prefix
        add(
            *(celery.url or context.redis.url, celery.name),
            *(("LLEN", f"{prefix}{queue}") for queue in celery.queues),
            ("HLEN", prefix + celery.unacked_key),
            ("ZRANGE", prefix + celery.unacked_index_key, 0, 0, "WITHSCORES"),
        )
        if context.servers.redis:
            add(celery.results_url, f"{celery.name} results", ("INFO",), ("SLOWLOG", "LEN"))
    if context.sync is not None:
        key = context.sync.balance_key.replace("{id}", "0")
        read: Command = ("MGET", key) if context.sync.balance_field is None else ("TYPE", key)
        add(context.sync.redis_url or context.redis.url, "sync", read)
    return {url: (", ".join(dict.fromkeys(filter(None, names))), reads) for url, (names, reads) in found.items()}


async def _database(subject: str, name: str, url: Url, reads: list[Command]) -> list[Check]:
    setting = "redis.url" if subject == "redis" else f"the url of {name}"
    connection = RedisConnection(url, setting=setting)

    async def ask(link: RedisConnection) -> list[Check]:
        watch = Watch()
        with watch.timing():
            answers = await link.pipeline([("TIME",), ("INFO", "server"), ("INFO", "replication"), ("ACL", "WHOAMI")])
        time, server, replication, whoami = answers
        user = whoami.decode("utf-8", "replace") if isinstance(whoami, bytes) else link.user
        version = _field(server, "redis_version") or "unknown version"
        replica = ", replica" if _field(replication, "role") == "slave" else ""
        text = f"{url.address}: {watch.latency}, Redis {version}{replica}, as {user}"
        checks = [check(subject, Mark.OK, text), watch.skew(subject, _instant(time))]
        refused = [of_trouble(subject, one.trouble) for one in (time, server) if isinstance(one, BackendError)]
        checks += [one for one in refused if one.mark is Mark.MISSING]
        checks += await _reading(subject, link, name, reads)
        return [*checks, await _writing(subject, link, user, version)]

    return await asked(subject, connection, ask, url=url, setting=setting)


async def _reading(subject: str, link: RedisConnection, name: str, reads: list[Command]) -> list[Check]:
    """The board's own reads, once, on keys of the mapping: a refusal names the ACL line that mends it."""
    answers = await link.pipeline(list(dict.fromkeys(reads)))
    refused = {
        one.text: one for one in (of_trouble(subject, a.trouble) for a in answers if isinstance(a, BackendError))
    }
    missing = [one for one in refused.values() if one.mark is Mark.MISSING]
    if missing or not reads:
        return missing
    return [check(subject, Mark.OK, f"reads what {name} asks for")]


async def _writing(subject: str, link: RedisConnection, user: str, version: str) -> Check:
    """What the user itself would be allowed to do. unstick sends reading commands only, whatever the answer is."""
    commands: list[Command] = [("ACL", "DRYRUN", user, *words) for words in _WRITES]
    answers = await link.pipeline(commands)
    own = "unstick sends reading commands only"
    if any(isinstance(answer, BackendError) for answer in answers):
        text = f"writing: {own}; whether {user} may cannot be asked (Redis {version}, ACL DRYRUN)"
        return check(subject, Mark.UNKNOWN, text, f"Redis 7: ACL SETUSER {user} +acl|dryrun +acl|whoami")
    allowed = [words[0] for words, answer in zip(_WRITES, answers, strict=True) if answer == b"OK"]
    if allowed:
        text = f"writing: {own}, though {user} may {', '.join(allowed)}"
        return check(subject, Mark.WARNING, text, "a user of its own: unstick grants watcher")
    names = ", ".join(words[0] for words in _WRITES)
    return check(subject, Mark.OK, f"writing: {user} may not ({names} refused by ACL DRYRUN)")


def _field(reply: Any, name: str) -> str | None:
    """A field of INFO's text."""
    if isinstance(reply, bytes):
        for line in reply.decode("utf-8", "replace").splitlines():
            if line.startswith(f"{name}:"):
                return line.partition(":")[2].strip()
    return None


def _instant(reply: Any) -> float | None:
    match reply:
        case [bytes() as seconds, bytes() as micros]:
            return int(seconds) + int(micros) / 1e6
    return None
