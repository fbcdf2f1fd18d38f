"""``sync-balances``: a sync is started once, and followed until its effect is seen."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from unstick import clock
from unstick.actions.database import LIVES_S, Database
from unstick.actions.deed import Done, Draft, Intend, Item, RefusedError
from unstick.actions.sync_ways import SEND_S, ByAmqp, ByPost, ByRedis, Way, Ways
from unstick.backends.base import BackendError, UnsureError
from unstick.backends.http import HttpConnection
from unstick.backends.pair import Pair
from unstick.backends.postgres import PostgresConnection
from unstick.backends.redis import RedisConnection
from unstick.facts.actions import Actor, Outcome, Plan, Result, State, SyncBalances, Target
from unstick.facts.reading import Source
from unstick.facts.sync import SyncApiFacts, SyncDataFacts
from unstick.facts.text import clean
from unstick.facts.units import duration, timestamp
from unstick.pollers.drift import Comparison, Differing, plain
from unstick.pollers.sync_api import SyncApiPoller
from unstick.pollers.sync_data import SAMPLE_CAP, SyncDataPoller
from unstick.settings import Celery, Context
from unstick.settings import Sync as Settings

POLL_S = 1.0
LISTED = 20
"""Differing balances that a plan lists, the worst first; all of them when it is verbose."""


class Seen(msgspec.Struct, frozen=True):
    """What is known of syncs at one moment; ``None`` where it was not asked or not told."""

    api: SyncApiFacts | None = None
    data: SyncDataFacts | None = None
    compared: Comparison | None = None
    trouble: str | None = None
    """Why the service could not be asked."""


class Sync:
    """The action on one context."""

    def __init__(self, context: Context, order: SyncBalances, actor: Actor, database: Database | None) -> None:
        if context.sync is None:
            raise RefusedError("no balance sync is configured; describe it in [sync]")
        self._context = context
        self._settings: Settings = context.sync
        self._order = order
        self._database = database
        self._way = _way(context, context.sync, actor)
        url = context.sync.url
        self._service = None if url is None else HttpConnection(url, cap=1 << 20)
        self._data = _data(context, context.sync)
        self._follow_s = context.actions.follow_s
        self._hurried = False

    async def look(self) -> Draft:
        """What is known, what differs, and whether a sync may be started."""
        seen = await self._seen(compare=True)
        try:
            way = await self._way.look()
        except BackendError as error:
            raise RefusedError(f"can't tell what stands in the way: {error}") from None
        why = self._busy(seen, way)
        before = {"last_success_at": _last(seen), "newest_at": seen.data.newest_at if seen.data else None}
        item = Item("sync", way.server.kind, "balances", before=before)
        target = Target(*item.shown, "would be started", (*way.evidence, *_state(seen)))
        plan = Plan(
            id=str(uuid.uuid4()),
            order=self._order,
            context=self._context.name,
            production=self._context.production,
            servers=(way.server,),
            made_at=clock.now(),
            lives_s=LIVES_S,
            targets=() if why else (target,),
            notes=() if not why else tuple(map(clean, (*way.evidence, *_state(seen)))),
            details=tuple(_details(seen.compared, verbose=self._order.verbose)),
            cap=1,
            refused=why,
        )
        return Draft(plan, () if why else (item,))

    async def do(self, draft: Draft, intend: Intend) -> Done:
        """Look once more whether one runs, send it once, follow it."""
        (item,) = draft.items
        self._hurried = False
        async with contextlib.AsyncExitStack() as stack:
            if self._database is not None:
                with contextlib.suppress(BackendError):  # the service itself runs one at a time, too
                    hold_s = self._follow_s + SEND_S
                    await stack.enter_async_context(self._database.alone(draft.plan.name, hold_s))
            return await self._sent(draft.plan, item, intend)

    def hurry(self) -> None:
        """Follow no longer."""
        self._hurried = True

    async def settle(self, intent: Mapping[str, Any]) -> Done:
        """What became of an interrupted one: a sync that has succeeded since need not be ours, but is told."""
        (item,) = msgspec.convert(intent["items"], tuple[Item, ...])
        seen = await self._seen(compare=False)
        before = item.before.get("last_success_at")
        last = _last(seen)
        if last is not None and before is not None and last > before:
            text = f"a sync has succeeded since, at {timestamp(last)}; whether it was this one is unknown"
        else:
            text = "whether it was started is unknown; no sync is seen to have succeeded since"
        return Done(Outcome.UNKNOWN, text, (Result(*item.shown, State.UNKNOWN, clean(text)),))

    async def close(self) -> None:
        """Part from everybody."""
        await self._way.close()
        if self._service is not None:
            await self._service.close()
        if self._data is not None:
            await self._data[0].close()

    async def _sent(self, plan: Plan, item: Item, intend: Intend) -> Done:
        before = await self._seen(compare=False)
        way = await self._way.look()
        why = self._busy(before, way)
        if why is not None:
            raise RefusedError(why)
        await intend({"xid": "", "server": way.server.identity})
        unsure: UnsureError | None = None
        try:
            said = await self._way.send(plan.id)
        except UnsureError as error:
            unsure, said = error, f"sent, without an answer: {error}"
        return await self._followed(item, before, said, unsure)

    async def _followed(self, item: Item, before: Seen, said: str, unsure: UnsureError | None) -> Done:
        """Look until a sync has succeeded that had not before."""
        until = clock.monotonic() + self._follow_s
        after = before
        running = False
        while clock.monotonic() < until and not self._hurried:
            await asyncio.sleep(POLL_S)
            after = await self._seen(compare=False)
            running = bool(after.api and after.api.running)
            effect = None if running else _effect(before, after)
            if effect is not None:
                return self._done(item, after, effect, said if unsure else "")
        followed = "when it was followed no longer" if self._hurried else f"after {duration(self._follow_s)}"
        what = "it still runs" if running else "no effect was seen"
        text = f"{said}; {what} {followed}. {self._where()}"
        return Done(Outcome.UNKNOWN, text, (Result(*item.shown, State.UNKNOWN, clean(text)),))

    def _done(self, item: Item, after: Seen, effect: str, said: str) -> Done:
        errors = after.api.errors if after.api else None
        text = "; ".join(part for part in (effect, f"{errors} errors" if errors else "", said) if part)
        outcome = Outcome.PARTIAL if errors else Outcome.APPLIED
        return Done(outcome, text, (Result(*item.shown, State.DONE, clean(text)),))

    def _where(self) -> str:
        """How to look for oneself."""
        url = self._settings.url
        if url is None:
            return "Look at the log of its workers"
        return f"Look: curl http://{url.address.rstrip('/')}{self._settings.prefix.rstrip('/')}/status"

    def _busy(self, seen: Seen, way: Ways) -> str | None:
        """Why no sync may be started now."""
        if seen.api is not None and seen.api.running:
            return "a sync is running"
        if self._settings.task is None and seen.api is None:
            return clean(f"can't tell whether a sync is running: {seen.trouble}")
        return way.busy

    async def _seen(self, *, compare: bool) -> Seen:
        api, trouble = await self._asked()
        data, found = await self._measured(SAMPLE_CAP if compare else 0)
        return Seen(api, data, found, trouble)

    async def _asked(self) -> tuple[SyncApiFacts | None, str | None]:
        if self._service is None:
            return None, "sync.url is not set"
        try:
            poller = SyncApiPoller(Source("sync", "sync", "http", 1.0), self._settings)
            return await poller.look(self._service), None
        except BackendError as error:
            if error.transport:
                self._service.abort()
            return None, str(error)

    async def _measured(self, sample: int) -> tuple[SyncDataFacts | None, Comparison | None]:
        if self._data is None:
            return None, None
        pair, poller = self._data
        try:
            await pair.open()
            return await poller.compared(pair, sample)
        except BackendError as error:
            if error.transport:
                pair.abort()
            return None, None


def _way(context: Context, settings: Settings, actor: Actor) -> Way:
    if settings.task is None:
        if settings.url is None:
            raise RefusedError("nothing tells how to start a sync; set sync.url or sync.task")
        return ByPost(settings.url, settings)
    broker = _broker(context, settings)
    url = context.actions.broker_url or broker.url or context.redis.url
    if url is None:
        raise RefusedError("sync.task has no broker; set celery.url")
    origin = f"unstick {actor.shown}"
    if url.scheme in {"amqp", "amqps"}:
        return ByAmqp(url, settings, settings.task, origin)
    return ByRedis(url, broker, settings, settings.task, origin)


def _broker(context: Context, settings: Settings) -> Celery:
    named = [one for one in context.celery if settings.task_broker in {None, one.name}]
    if not named:
        raise RefusedError("sync.task has no broker; name a [[celery]] entry in sync.task_broker")
    return named[0]


def _data(context: Context, settings: Settings) -> tuple[Pair, SyncDataPoller] | None:
    """Where balances are compared, as the board does it: by the watcher's logins."""
    url, redis_url = context.postgres.url, settings.redis_url or context.redis.url
    if url is None:
        return None
    pair = Pair(PostgresConnection(url), None if redis_url is None else RedisConnection(redis_url))
    return pair, SyncDataPoller(Source("sync-data", "sync", "postgres", 1.0), settings)


def _last(seen: Seen) -> float | None:
    return seen.api.last_success_at if seen.api else None


def _effect(before: Seen, after: Seen) -> str | None:
    """What shows that a sync has succeeded since; ``None`` as long as nothing does.

    Instants of one clock are compared with each other: that of the service, else that of the database.
    """
    first, last = _last(before), _last(after)
    if last is not None and before.api is not None:
        if first is not None and last <= first:
            return None
        counts = (
            f", {after.api.updated} of {after.api.processed} updated" if after.api and after.api.processed else ""
        )
        return f"a sync succeeded at {timestamp(last)}{counts}"
    if before.data is None or after.data is None or after.data.newest_at is None:
        return None
    since = before.data.server_at
    return f"rows were synced at {timestamp(after.data.newest_at)}" if after.data.newest_at > since else None


def _state(seen: Seen) -> Iterator[str]:
    last = _last(seen)
    if last is not None and seen.api is not None:
        now = clock.now() if seen.api.server_at is None else seen.api.server_at
        yield f"last success {duration(now - last)} ago"
    if seen.trouble is not None:
        yield f"its service: {seen.trouble}"
    found = seen.compared
    if found is not None:
        worst = f", by {plain(found.differing[0].gap)} at most" if found.differing else ""
        yield f"{len(found.differing)} of {found.sampled} balances differ{worst}"


def _details(found: Comparison | None, *, verbose: bool) -> Iterator[str]:
    """The differences with their amounts."""
    if found is None:
        return
    shown = found.differing if verbose else found.differing[:LISTED]
    yield from map(_difference, shown)
    if len(shown) < len(found.differing):
        yield f"{len(found.differing) - len(shown)} more differ (--verbose lists them)"
    for names, what in ((found.missing, "is not in Redis"), (found.unreadable, "can't be read as a number")):
        if verbose:
            yield from (f"{name} {what}" for name in names)
        elif names:
            yield f"{len(names)}: {names[0]}{' and others' if len(names) > 1 else ''} {what}"


def _difference(one: Differing) -> str:
    return f"{one.key}: {one.cached} in Redis, {one.stored} in PostgreSQL, differs by {plain(one.gap)}"
