"""Actions as the board has them: armed or not, and the one that is under way. Its work is done in the engine's loop.

The board knows the gate as an :class:`Actuator` that is made when it is needed first. Where there is nothing to make
one from, as in a replay, there are no actions at all.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

import msgspec
from msgspec.structs import replace

from unstick import clock
from unstick.backends.base import BackendError
from unstick.facts.actions import Confirmation, Order, Plan, Receipt, name_of
from unstick.facts.text import clean
from unstick.tui.engine import Engine, where
from unstick.views import receipt as receipts

log = logging.getLogger(__name__)
ARMED_S = 600.0
"""So long after the last action the board is read only again, unless it was started to operate."""
EVERY_S = 10.0
"""How often a plan that is looked at is made anew."""
SOON_S = 5.0
"""A second look that is due so soon is waited for before anybody is asked."""
_SLACK_S = 0.05
_LOOKS = 4
"""So many of them at most."""
NO_ACTIONS = "a recording has no actions"


class Actuator(Protocol):
    """The gate, as far as the board knows it."""

    async def plan(self, order: Order) -> Plan:
        """What would be done."""

    async def apply(self, plan: Plan, confirmation: Confirmation) -> Receipt:
        """Do it; asked twice, the first receipt is given again. Cancelled, it ends when the outcome is known."""

    async def recover(self) -> list[Receipt]:
        """What became of actions that were cut off."""

    async def close(self) -> None:
        """Part from every server."""


class Hands(msgspec.Struct, frozen=True):
    """What actions are made from: ``build`` may take long, ``refused`` is why there are none, ``operate``: armed."""

    build: Callable[[], Actuator]
    refused: str = ""
    operate: bool = False


class Stage(StrEnum):
    """How far an action is."""

    PLANNING = "planning"
    ASKING = "asking"
    APPLYING = "applying"
    TOLD = "told"


class Job(msgspec.Struct, frozen=True):
    """The action under way. ``edition`` counts plans that would do something else than the one before."""

    number: int
    stage: Stage
    order: Order | None = None
    plan: Plan | None = None
    planned: float = 0.0
    """When the plan came, by this process's monotonic clock."""
    edition: int = 0
    trouble: str = ""
    receipts: tuple[Receipt, ...] = ()


class Operator:
    """Used by the screen's thread; ``changed`` is called from the engine's."""

    def __init__(self, engine: Engine, hands: Hands | None, monotonic: Callable[[], float] = clock.monotonic) -> None:
        self._engine = engine
        self._hands = hands
        self._monotonic = monotonic
        self._gate: Actuator | None = None
        self._opening: asyncio.Lock | None = None
        self._flight: tuple[asyncio.Future[Receipt], Plan, Confirmation] | None = None
        self._stirred: asyncio.Event | None = None
        self._lock = threading.RLock()
        self._numbers = 0
        self._until = -math.inf
        self.changed: Callable[[], None] = lambda: None
        self.job: Job | None = None
        self.parted: list[str] = []
        """What is left to be said after the board was left."""
        if hands is not None and hands.operate and not hands.refused:
            self._until = math.inf

    # Armed or not.

    @property
    def refused(self) -> str:
        """Why there are no actions; empty when there may be."""
        return NO_ACTIONS if self._hands is None else self._hands.refused

    @property
    def armed(self) -> bool:
        """Whether keys may act."""
        return not self.refused and self.left_s > 0

    @property
    def left_s(self) -> float:
        """For how long it stays armed when nothing is done; infinite when it was started to operate."""
        return max(0.0, self._until - self._monotonic())

    @property
    def age_s(self) -> float:
        """How long ago the plan that is shown was made."""
        return 0.0 if self.job is None else max(0.0, self._monotonic() - self.job.planned)

    def arm(self) -> None:
        """Keys may act from now on, for :data:`ARMED_S` after each action."""
        if not self.refused:
            self._until = max(self._until, self._monotonic() + ARMED_S)

    def disarm(self) -> None:
        """Read only again."""
        self._until = -math.inf

    # The action under way.

    def recover(self) -> None:
        """Find out what became of actions that were cut off, and tell if there is something."""
        if self.armed:
            self._engine.run(self._recover)

    def begin(self, order: Order) -> str:
        """Plan ``order``; why not, in words."""
        if self.refused or not self.armed:
            return self.refused or "read only"
        with self._lock:
            if self.job is not None and self.job.stage is Stage.APPLYING:
                return f"{_name(self.job.order)} is under way"
            self._numbers += 1
            number = self._numbers
            self.job = Job(number, Stage.PLANNING, order)
        self.arm()
        self._engine.run(lambda: self._look(number, order))
        return ""

    def apply(self, plan: Plan, count: int | None) -> str:
        """Carry out ``plan``, which is the one that is shown; why not, in words."""
        with self._lock:
            job = self.job
            if not self.armed:
                return self.refused or "no longer armed"
            if job is None or job.stage is not Stage.ASKING or job.plan is not plan or job.trouble:
                return "it has changed: look again"
            self.job = replace(job, stage=Stage.APPLYING)
        self.arm()
        self._engine.run(lambda: self._carry_out(job.number, plan, Confirmation(count)))
        return ""

    def drop(self) -> None:
        """Forget what is planned or was told. What is being applied goes on."""
        with self._lock:
            if self.job is not None and self.job.stage is not Stage.APPLYING:
                self.job = None
        self._engine.run(self._stir)

    # In the engine's loop.

    async def _opened(self) -> Actuator:
        if self._opening is None:
            self._opening = asyncio.Lock()
        async with self._opening:
            if self._gate is None:
                if self._hands is None or self._hands.refused:
                    raise RuntimeError("there are no actions")
                self._gate = await asyncio.to_thread(self._hands.build)
                self._engine.on_leave(self._leave)
            return self._gate

    async def _recover(self) -> None:
        try:
            found = await (await self._opened()).recover()
        except Exception as error:
            log.exception("what became of earlier actions can't be found out")
            self._put(None, trouble=f"what became of earlier actions can't be found out: {_said(error)}")
            return
        if found:
            for receipt in found:
                self._note(receipt)
            self._put(None, receipts=tuple(found))

    async def _look(self, number: int, order: Order) -> None:
        """Plan, and plan again, as long as the plan is looked at."""
        self._stirred = stirred = asyncio.Event()
        looks = 0
        while self._at(number, Stage.PLANNING, Stage.ASKING):
            wait = EVERY_S
            try:
                plan = await (await self._opened()).plan(order)
            except Exception as error:
                if not isinstance(error, BackendError):
                    log.exception("no plan could be made")
                self._put(number, stage=Stage.ASKING, trouble=_said(error))
            else:
                looks += 1
                again = [left.again_s + _SLACK_S for left in plan.left if left.again_s is not None]
                wait = min([EVERY_S, *again])
                self._planned(number, plan, soon=bool(again) and wait <= SOON_S and looks < _LOOKS)
            try:
                await asyncio.wait_for(stirred.wait(), wait)
            except TimeoutError:
                continue

    def _planned(self, number: int, plan: Plan, *, soon: bool) -> None:
        with self._lock:
            job = self.job
            if job is None or job.number != number or job.stage not in {Stage.PLANNING, Stage.ASKING}:
                return
            stage = Stage.PLANNING if soon and job.stage is Stage.PLANNING else Stage.ASKING
            differs = job.plan is None or not plan.same(job.plan) or bool(job.trouble)
            edition = 1 if job.stage is Stage.PLANNING else job.edition + differs
            self.job = replace(job, stage=stage, plan=plan, planned=self._monotonic(), edition=edition, trouble="")
        self.changed()

    async def _carry_out(self, number: int, plan: Plan, confirmation: Confirmation) -> None:
        self._flight = asyncio.ensure_future((await self._opened()).apply(plan, confirmation)), plan, confirmation
        try:
            receipt = await asyncio.shield(self._flight[0])
        except asyncio.CancelledError:
            return  # the board is being left: whoever waits there tells
        except Exception as error:
            log.exception("an action did not end well")
            self._put(number, stage=Stage.TOLD, trouble=f"nobody can tell whether it was applied: {_said(error)}")
        else:
            self._note(receipt)
            self._put(number, stage=Stage.TOLD, receipts=(receipt,))
        self._flight = None

    async def _leave(self) -> None:
        """Nothing is in flight any more when the program goes, or it is said that nobody knows."""
        if self._flight is not None and self._gate is not None:
            task, plan, confirmation = self._flight
            try:
                task.cancel()
                await asyncio.wait({task})
                receipt = await self._gate.apply(plan, confirmation)
            except asyncio.CancelledError:
                self.parted.append(
                    f"{plan.name}: the outcome is not known yet; unstick audit or the next start to operate tells"
                )
                raise
            self._note(receipt)
            self.parted.append(f"{plan.name}: {receipt.outcome.value}: {receipt.text}")
        if self._gate is not None:
            await self._gate.close()

    async def _stir(self) -> None:
        if self._stirred is not None:
            self._stirred.set()

    def _note(self, receipt: Receipt) -> None:
        """On the line of levels, and on the tape that is being made."""
        cursor = self._engine.cursor
        if cursor is not None:
            text = clean(f"{receipt.name}: {receipt.outcome.value}: {receipt.text}", 200)
            cursor.acted(text, receipt.at, receipts.as_json(receipt))

    def _at(self, number: int, *stages: Stage) -> bool:
        with self._lock:
            return self.job is not None and self.job.number == number and self.job.stage in stages

    def _put(self, number: int | None, **changes: object) -> None:
        """Change the job of that number, if it is still there; ``None``: tell something new, unless there is one."""
        with self._lock:
            if number is None:
                if self.job is not None:
                    return
                self._numbers += 1
                self.job = replace(Job(self._numbers, Stage.TOLD), **changes)
            elif self.job is not None and self.job.number == number:
                self.job = replace(self.job, **changes)
        self.changed()


def _name(order: Order | None) -> str:
    return "an action" if order is None else name_of(order)


def _said(error: Exception) -> str:
    return clean(str(error), 200) if isinstance(error, BackendError | OSError) else where(error)
