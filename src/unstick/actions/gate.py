"""The gate: the only way to plan an action and to apply a plan.

    plan = await gate.plan(FreeProxies(container="8b4f59aa"))
    receipt = await gate.apply(plan, Confirmation(count=16))

A plan is a picture: what it would change is kept here, word for word, so that only a plan that this gate made can be
applied, once, while it lives. All of it runs in one event loop, that of the engine or of a command.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from unstick import clock
from unstick.actions import audit as log
from unstick.actions.actor import runs
from unstick.actions.audit import Audit
from unstick.actions.database import LIVES_S, Database
from unstick.actions.deed import Deed, Done, Draft, RefusedError
from unstick.actions.locks import Locks
from unstick.actions.own import Own
from unstick.actions.proxies import Proxies
from unstick.actions.sync import Sync
from unstick.actions.undo import Undoing
from unstick.actions.watch import Watch
from unstick.backends.base import BackendError, UnsureError, failure
from unstick.backends.panic import panic
from unstick.facts.actions import (
    Actor,
    Confirmation,
    DrainLocks,
    FreeProxies,
    Order,
    Outcome,
    OwnAction,
    Plan,
    Receipt,
    SyncBalances,
    Undo,
    name_of,
)
from unstick.facts.reading import TroubleKind
from unstick.facts.text import clean
from unstick.facts.units import duration
from unstick.settings import Context
from unstick.sql.relations import relations

REMEMBERED = 32
"""Plans that can still be applied, and receipts that are given again to who asks twice."""
PLAN_S = 30.0
APPLY_S = 60.0
"""How long an apply that was begun is waited for when its caller goes away."""


class Gate:
    """Actions in one context, by one actor. ``monotonic`` is a clock that never steps, in seconds."""

    def __init__(
        self, context: Context, actor: Actor, audit: Audit, *, monotonic: Callable[[], float] = clock.monotonic
    ) -> None:
        self._context = context
        self._actor = actor
        self._audit = audit
        self._monotonic = monotonic
        self._watch = Watch(monotonic)
        self._deeds: dict[Order, Deed] = {}
        self._drafts: dict[str, tuple[Draft, Deed, float]] = {}
        self._receipts: dict[str, Receipt] = {}
        self._turn = asyncio.Lock()
        self._database: Database | None = None

    async def plan(self, order: Order) -> Plan:
        """What ``order`` would do now. Raises :class:`BackendError` when a server does not tell.

        Planned again, rows that were seen unchanged meanwhile count as seen in so many looks.
        """
        async with self._turn:
            try:
                deed = self._deed(order)
                await self._forget_deeds()
                async with asyncio.timeout(PLAN_S):
                    draft = await deed.look()
            except RefusedError as error:
                return self._refused(order, str(error))
            except TimeoutError:
                raise failure(TroubleKind.TIMEOUT, f"no plan within {PLAN_S:g} s") from None
        self._drafts[draft.plan.id] = draft, deed, self._monotonic()
        _forget(self._drafts)
        return draft.plan

    async def apply(self, plan: Plan, confirmation: Confirmation) -> Receipt:
        """Do what ``plan`` says, or less. Asked twice, the first receipt is given again.

        Whoever is cancelled in here is cancelled when the outcome is known and written down.
        """
        task = asyncio.ensure_future(self._apply(plan, confirmation))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if plan.id in self._drafts:
                self._drafts[plan.id][1].hurry()
            await asyncio.wait({task}, timeout=APPLY_S)
            raise

    def receipt(self, plan: Plan) -> Receipt | None:
        """The receipt of a plan that was applied; ``None`` when it was not, or nobody knows yet."""
        return self._receipts.get(plan.id)

    async def recover(self) -> list[Receipt]:
        """What became of actions in this context that were cut off; each is told once.

        Those of processes that still run are left to them; those whose server does not answer are told again next
        time. Raises :class:`OSError` when the audit log can't be read.
        """
        receipts = []
        for record in await asyncio.to_thread(self._audit.unfinished):
            with contextlib.suppress(msgspec.ValidationError, KeyError):
                actor = msgspec.convert(record["actor"], Actor)
                if record["context"] == self._context.name and not runs(actor):
                    async with self._turn:
                        receipts.append(await self._settled(record, actor))
        return receipts

    async def bereft(self, freed: Mapping[str, float]) -> list[str]:
        """Of the workers whose proxies were freed at an instant of the server: those that work on without one.

        Raises :class:`BackendError`.
        """
        async with self._turn:
            deed = self._deed(FreeProxies())
            return await deed.bereft(freed) if isinstance(deed, Proxies) else []

    async def close(self) -> None:
        """Part from every server."""
        for deed in self._deeds.values():
            await deed.close()
        self._deeds.clear()
        self._drafts.clear()
        if self._database is not None:
            await self._database.close()

    def _deed(self, order: Order) -> Deed:
        """The deed of ``order``, kept as long as the gate. Raises :class:`RefusedError`."""
        if "" in (getattr(order, "worker", None), getattr(order, "container", None)):
            raise RefusedError("a name is empty: whose?")
        if order not in self._deeds:
            self._deeds[order] = self._new_deed(order)
        return self._deeds[order]

    async def _forget_deeds(self) -> None:
        while len(self._deeds) > REMEMBERED:
            await self._deeds.pop(next(iter(self._deeds))).close()

    def _new_deed(self, order: Order) -> Deed:
        match order:
            case FreeProxies():
                return Proxies(self._context, order, self._postgres(), self._watch)
            case DrainLocks():
                locks, table = self._context.locks, None
                if locks is not None and locks.table is not None:
                    table = self._postgres()
                return Locks(self._context, order, table, self._watch)
            case Undo():
                return Undoing(self._context, order, self._postgres(), self._audit)
            case OwnAction():
                return Own(self._context, order)
            case SyncBalances():
                known = self._context.actions.postgres_url or self._context.postgres.url
                return Sync(self._context, order, self._actor, self._postgres() if known else None)

    def _postgres(self) -> Database:
        if self._database is None:
            sections = filter(None, (self._context.crawler, self._context.locks))
            known = tuple(relation for section in sections for relation in relations(section))
            self._database = Database(self._context, self._actor, known)
        return self._database

    def _refused(self, order: Order, why: str) -> Plan:
        name, production = self._context.name, self._context.production
        return Plan(str(uuid.uuid4()), order, name, production, (), clock.now(), LIVES_S, (), refused=clean(why))

    async def _apply(self, plan: Plan, confirmation: Confirmation) -> Receipt:
        async with self._turn:
            if (known := self._receipts.get(plan.id)) is not None:
                return known
            done = await self._done(plan, confirmation)
            receipt = self._receipt(plan.id, plan.order, done, plan)
            try:
                await asyncio.to_thread(self._audit.write, log.outcome(receipt, self._actor))
            except OSError as error:
                note = f"the audit log could not be written: {error}"
                receipt = msgspec.structs.replace(receipt, notes=(*receipt.notes, clean(note)))
            self._receipts[plan.id] = receipt
            _forget(self._receipts)
            return receipt

    async def _done(self, plan: Plan, confirmation: Confirmation) -> Done:
        try:
            draft, deed = self._permitted(plan, confirmation)
            if not draft.items:
                return Done(Outcome.NOTHING, "nothing qualifies")

            async def intend(more: Mapping[str, Any]) -> None:
                self._not_panicking()
                record = log.intent(draft.plan, draft.items, self._actor, confirmation)
                try:
                    await asyncio.to_thread(self._audit.write, record | dict(more))
                except OSError as error:
                    raise RefusedError(f"the audit log can't be written: {error}") from error

            return await deed.do(draft, intend)
        except RefusedError as error:
            return Done(Outcome.REFUSED, str(error))
        except UnsureError as error:
            return Done(Outcome.UNKNOWN, str(error))
        except BackendError as error:
            return Done(Outcome.NOT_SENT, f"nothing was changed: {error}")
        except Exception as error:  # noqa: BLE001 - a bug in here must not leave the operator without a receipt
            return Done(Outcome.UNKNOWN, f"{type(error).__name__}: {error}")

    def _permitted(self, plan: Plan, confirmation: Confirmation) -> tuple[Draft, Deed]:
        """The draft behind ``plan``; raises :class:`RefusedError` when it may not be applied."""
        self._not_panicking()
        actions = self._context.actions
        if actions.read_only:
            raise RefusedError("this context is read only (actions.read_only)")
        draft, deed, made = self._drafts.get(plan.id, (None, None, 0.0))
        known = plan if draft is None else draft.plan
        name = name_of(FreeProxies()) if isinstance(known.order, Undo) else known.name
        if name not in actions.allow and not isinstance(known.order, OwnAction):
            raise RefusedError(f"{name} is not allowed in this context (actions.allow)")
        if why := known.refused or known.stays:
            raise RefusedError(why)
        if draft is None or deed is None:
            raise RefusedError("the plan is not known here any more; plan anew")
        if self._monotonic() - made > known.lives_s:
            raise RefusedError(f"the plan lives {duration(known.lives_s)} and is older; plan anew")
        if draft.items:
            _confirmed(draft.plan, confirmation)
        return draft, deed

    def _not_panicking(self) -> None:
        if why := panic(self._context.actions.panic_file):
            raise RefusedError(f"{why}; nothing is changed while that is so")

    async def _settled(self, record: log.Record, actor: Actor) -> Receipt:
        order = msgspec.convert(record["order"], Order)
        try:
            done = await self._deed(order).settle(record)
        except RefusedError as error:
            done = Done(Outcome.UNKNOWN, f"whether it was applied can't be found out: {error}")
        except BackendError as error:
            text = f"it can't be found out yet whether it was applied: {error}"
            return self._receipt(record["id"], order, Done(Outcome.UNKNOWN, text))
        said = f"{name_of(order)} by {actor.shown} at {record['at']} was cut off; {done.text}"
        receipt = self._receipt(record["id"], order, msgspec.structs.replace(done, text=said))
        await asyncio.to_thread(self._audit.write, log.outcome(receipt, self._actor))
        return receipt

    def _receipt(self, plan_id: str, order: Order, done: Done, plan: Plan | None = None) -> Receipt:
        return Receipt(
            plan_id=plan_id,
            order=order,
            context=self._context.name,
            servers=plan.servers if plan else (),
            outcome=done.outcome,
            at=clock.now(),
            text=clean(done.text),
            results=done.results,
            notes=tuple(map(clean, done.notes)),
        )


def _confirmed(plan: Plan, confirmation: Confirmation) -> None:
    """Raises :class:`RefusedError` unless ``confirmation`` is enough for ``plan``."""
    count, typed = len(plan.targets), confirmation.count
    if typed is not None and typed != count:
        raise RefusedError(f"{typed} was typed, but the plan changes {count}")
    if plan.above_cap and typed is None:
        raise RefusedError(f"it changes {count}, more than the cap of {plan.cap}: the count must be typed")
    if plan.production and typed is None and not confirmation.unattended:
        raise RefusedError(f"production: the count must be typed ({count})")


def _forget(kept: dict[str, Any]) -> None:
    while len(kept) > REMEMBERED:
        del kept[next(iter(kept))]
