"""The guard: frees what is provably stuck, round after round, and stops itself when anything is not as expected."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from unstick.actions.gate import Gate
from unstick.backends.panic import panic
from unstick.facts.actions import Confirmation, FreeProxies, Outcome, Plan, Receipt, State
from unstick.settings import Context

HOUR_S = 3600.0
REFUSALS = 3
"""So many refused rounds in a row stop it: something is in the way for good."""
WATCHED_S = HOUR_S
"""For so long workers whose proxies were freed are looked after, by the clock of the database."""


class StoppedError(Exception):
    """It stops itself; the text says why."""

    def __init__(self, text: str, outcome: Outcome = Outcome.REFUSED) -> None:
        super().__init__(text)
        self.outcome = outcome


class Guard:
    """One context, through ``gate``. ``monotonic`` is a clock that never steps, in seconds."""

    def __init__(self, context: Context, gate: Gate, monotonic: Callable[[], float]) -> None:
        self._settings = context.actions.guard
        self._panic_file = context.actions.panic_file
        self._gate = gate
        self._monotonic = monotonic
        self._order = FreeProxies(tasks=self._settings.tasks, strict=not self._settings.idle_workers)
        self._spent: deque[tuple[float, int]] = deque()
        self._freed: dict[str, float] = {}
        """Worker -> instant of the database of the plan that freed its proxies."""
        self._bereft: set[str] = set()
        self._server = ""
        self._refusals = 0
        self.again_s = 0.0
        """How soon after the last round another look would decide more; 0 when none would."""

    async def round(self) -> Receipt | None:
        """Look, and free what was seen to be stuck in this look and the one before; ``None`` when there was nothing.

        Raises :class:`StoppedError`, and :class:`~unstick.backends.base.BackendError` when the server does not tell.
        """
        self._not_panicking()
        plan = await self._gate.plan(self._order)
        self.again_s = plan.again_s
        if plan.refused is not None:
            raise StoppedError(plan.refused)
        self._same_server(plan)
        await self._nobody_bereft(plan)
        if not plan.targets:
            return None
        self._within_caps(plan)
        return self._judged(plan, await self._gate.apply(plan, Confirmation(unattended=True)))

    def _not_panicking(self) -> None:
        if why := panic(self._panic_file):
            raise StoppedError(why)

    def _same_server(self, plan: Plan) -> None:
        identity = plan.servers[0].identity
        if self._server and identity != self._server:
            raise StoppedError("another server answers than in the round before (a failover?)")
        self._server = identity

    async def _nobody_bereft(self, plan: Plan) -> None:
        """A worker that works on without the proxy that was freed from it was no dead one."""
        self._freed = {name: at for name, at in self._freed.items() if plan.made_at - at < WATCHED_S}
        if not self._freed:
            return
        bereft = set(await self._gate.bereft(self._freed))
        if again := bereft & self._bereft:
            names = ", ".join(sorted(again))
            raise StoppedError(f"{names} works on without the proxy that was freed from it")
        self._bereft = bereft

    def _within_caps(self, plan: Plan) -> None:
        count, now = len(plan.targets), self._monotonic()
        while self._spent and now - self._spent[0][0] >= HOUR_S:
            self._spent.popleft()
        if count > self._settings.rows:
            raise StoppedError(
                f"{count} rows are stuck at once, more than {self._settings.rows}: a human should look"
            )
        if count + sum(rows for _, rows in self._spent) > self._settings.rows_per_hour:
            limit = self._settings.rows_per_hour
            raise StoppedError(f"{count} more rows are stuck, above {limit} in one hour: a human should look")

    def _judged(self, plan: Plan, receipt: Receipt) -> Receipt:
        self._spent.append((self._monotonic(), receipt.count(State.DONE)))
        if receipt.outcome is Outcome.UNKNOWN:
            raise StoppedError(receipt.text, Outcome.UNKNOWN)
        if receipt.outcome in {Outcome.REFUSED, Outcome.NOT_SENT}:
            self._refusals += 1
            if self._refusals >= REFUSALS:
                raise StoppedError(f"{REFUSALS} rounds in a row came to nothing; the last: {receipt.text}")
        else:
            self._refusals = 0
        freed = (one.holder for one in receipt.results if one.state is State.DONE and one.kind == "proxy")
        self._freed.update(dict.fromkeys(freed, plan.made_at))
        return receipt
