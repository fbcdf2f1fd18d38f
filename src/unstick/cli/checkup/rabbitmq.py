"""RabbitMQ: tags and rights of the user as the management API tells them. Nothing is declared or published for it."""

from __future__ import annotations

import asyncio
import shlex
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from unstick.backends.amqp import AmqpConnection
from unstick.backends.base import BackendError
from unstick.backends.http import Answer, HttpConnection
from unstick.backends.http import check as checked
from unstick.cli.checkup.check import Check, Mark, Watch, asked, check
from unstick.cli.grants import named_vhosts
from unstick.secret import Url
from unstick.settings import Celery, Context, Dramatiq

SUBJECT = "rabbitmq"
VHOSTS = 20
"""So many virtual hosts are tried where the configuration names none."""
_SEES_ALL = frozenset({"administrator", "monitoring"})
_HARMLESS = frozenset({"", "^$"})


class _Rights(msgspec.Struct):
    """One line of the permissions of a user."""

    vhost: str
    configure: str
    write: str


async def rabbitmq(context: Context) -> list[Check]:
    """The management API where there is one, and every AMQP URL where there is none."""
    management = context.rabbitmq.management_url
    if management is not None:
        return await asked(
            SUBJECT,
            HttpConnection(management),
            lambda link: _management(context, link, management),
            url=management,
            setting="rabbitmq.management_url",
        )
    answers = await asyncio.gather(*(_amqp(url, queues) for url, queues in _amqp_urls(context).items()))
    return [one for answer in answers for one in answer]


async def _management(context: Context, link: HttpConnection, url: Url) -> list[Check]:
    user = urlsplit(url.reveal()).username or "guest"
    name = shlex.quote(user)
    watch = Watch()
    with watch.timing():
        answer = await link.get("/api/whoami")
    if answer.status == 401 and b"Not management user" in answer.body:
        text = f"{link.address}: {user} may not use the management API"
        return [check(SUBJECT, Mark.MISSING, text, f"rabbitmqctl set_user_tags {name} monitoring")]
    tags = _tags(_json(checked(answer)))
    overview = _json(checked(await link.get("/api/overview")))
    version = str(overview.get("rabbitmq_version", "?")) if isinstance(overview, dict) else "?"
    text = f"{link.address}: {watch.latency}, RabbitMQ {version}, as {user}"
    checks = [check(SUBJECT, Mark.OK, text), watch.skew(SUBJECT, answer.date_at, resolution_s=1.0)]
    if isinstance(overview, dict) and overview.get("disable_stats"):
        text = "statistics are switched off: connections and channels stay unknown"
        checks.append(check(SUBJECT, Mark.WARNING, text, "management_agent.disable_metrics_collector = false"))
    return [*checks, _seeing(user, tags), *await _rights(context, link, user, tags)]


def _seeing(user: str, tags: frozenset[str]) -> Check:
    shown = ", ".join(sorted(tags)) or "none"
    if tags & _SEES_ALL:
        return check(SUBJECT, Mark.OK, f"tags of {user}: {shown}; sees every connection")
    text = f"tags of {user}: {shown}; sees only its own connections"
    return check(SUBJECT, Mark.MISSING, text, f"rabbitmqctl set_user_tags {shlex.quote(user)} monitoring")


async def _rights(context: Context, link: HttpConnection, user: str, tags: frozenset[str]) -> list[Check]:
    """Whether the queues of the virtual hosts can be seen: one that may not be entered is left out of every list."""
    named = named_vhosts(context)
    candidates = named or await _listed(link)
    open_ = [vhost for vhost in candidates if await _enters(link, vhost)]
    closed = [vhost for vhost in candidates if vhost not in open_]
    checks = [check(SUBJECT, Mark.OK, f"sees the queues of {', '.join(open_)}")] if open_ else []
    checks += [
        check(
            SUBJECT,
            Mark.MISSING,
            f"{user} has no rights in the virtual host {vhost}: its queues stay unknown",
            f"rabbitmqctl set_permissions -p {shlex.quote(vhost)} {shlex.quote(user)} '^$' '^$' '^$'",
        )
        for vhost in (closed if named or not open_ else [])
    ]
    return [*checks, *_writing(user, tags, await _permissions(link, user))]


async def _listed(link: HttpConnection) -> list[str]:
    found = _json(checked(await link.get("/api/vhosts?columns=name")))
    items = found if isinstance(found, list) else []
    names = [item["name"] for item in items if isinstance(item, dict) and isinstance(item.get("name"), str)]
    return names[:VHOSTS] or ["/"]


async def _enters(link: HttpConnection, vhost: str) -> bool:
    place = f"/api/queues/{quote(vhost, safe='')}"
    answer = await link.get(f"{place}?disable_stats=true&enable_queue_totals=true&page=1&page_size=1")
    return 200 <= answer.status < 300


def _writing(user: str, tags: frozenset[str], rights: list[_Rights] | None) -> list[Check]:
    name = shlex.quote(user)
    if "administrator" in tags:
        text = f"writing: unstick only reads, though {user} is an administrator"
        return [check(SUBJECT, Mark.WARNING, text, "a user of its own: unstick grants watcher")]
    if rights is None:
        text = f"writing: unstick only reads; the rights of {user} are told to administrators only"
        return [check(SUBJECT, Mark.UNKNOWN, text, f"on the broker: rabbitmqctl list_user_permissions {name}")]
    may = [one for one in rights if not {one.configure, one.write} <= _HARMLESS]
    if not may:
        places = ", ".join(one.vhost for one in rights) or "no virtual host"
        return [check(SUBJECT, Mark.OK, f"writing: {user} may not configure or write (^$ in {places})")]
    return [
        check(
            SUBJECT,
            Mark.WARNING,
            f"writing: unstick only reads, though {user} may in {one.vhost}: {one.configure} {one.write}",
            f"rabbitmqctl set_permissions -p {shlex.quote(one.vhost)} {name} '^$' '^$' '^$'",
        )
        for one in may
    ]


async def _permissions(link: HttpConnection, user: str) -> list[_Rights] | None:
    """The rights of ``user``; ``None`` when the API does not tell this user."""
    try:
        answer = checked(await link.get(f"/api/users/{quote(user, safe='')}/permissions"))
        return msgspec.json.decode(answer.body, type=list[_Rights])
    except (BackendError, msgspec.DecodeError, RecursionError):
        return None


def _amqp_urls(context: Context) -> dict[Url, list[str]]:
    """Every broker that is asked over AMQP, with the queues that are asked for."""
    found: dict[Url, list[str]] = {}
    if context.rabbitmq.url is not None:
        found[context.rabbitmq.url] = list(context.rabbitmq.queues)
    entries: list[Dramatiq | Celery] = [*context.dramatiq, *context.celery]
    for entry in entries:
        url = entry.url
        if url is not None and url.scheme in {"amqp", "amqps"}:
            suffixes = ("", ".DQ", ".XQ") if isinstance(entry, Dramatiq) else ("",)
            found.setdefault(url, []).extend(queue + suffix for queue in entry.queues for suffix in suffixes)
    return found


async def _amqp(url: Url, queues: list[str]) -> list[Check]:
    connection = AmqpConnection(url)

    async def ask(link: AmqpConnection) -> list[Check]:
        watch = Watch()
        with watch.timing():
            await link.close()
            await link.open()
        user = urlsplit(url.reveal()).username or "guest"
        text = f"{link.address}: {watch.latency} to log in, as {user}, without the management API"
        checks = [check(SUBJECT, Mark.OK, text)]
        absent = [queue for queue in dict.fromkeys(queues) if await link.depth(queue) is None]
        if absent:
            mend = "correct the queues of rabbitmq, dramatiq or celery"
            checks.append(check(SUBJECT, Mark.WARNING, f"no queue {', '.join(absent)} in {link.vhost}", mend))
        if not queues:
            mend = "name queues, or set rabbitmq.management_url"
            checks.append(check(SUBJECT, Mark.WARNING, "AMQP cannot list queues: none is watched", mend))
        text = f"writing: unstick only asks for queues passively; AMQP does not tell the rights of {user}"
        mend = f"on the broker: rabbitmqctl list_user_permissions {shlex.quote(user)}"
        return [*checks, check(SUBJECT, Mark.UNKNOWN, text, mend)]

    return await asked(SUBJECT, connection, ask, url=url, setting="rabbitmq.url")


def _json(answer: Answer) -> Any:
    try:
        return msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, RecursionError):
        return None


def _tags(who: Any) -> frozenset[str]:
    """RabbitMQ before 3.9 has them in one text with commas."""
    tags = who.get("tags") if isinstance(who, dict) else None
    if isinstance(tags, str):
        tags = tags.split(",")
    return frozenset(str(tag) for tag in tags if tag) if isinstance(tags, list) else frozenset()
