"""The commands that change something: plan, preview, confirm, apply, receipt."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

import click
import msgspec

from unstick import clock, loops
from unstick.actions.actor import present
from unstick.actions.audit import Audit
from unstick.actions.gate import Gate
from unstick.backends.base import BackendError
from unstick.cli.audit import audit_path
from unstick.cli.codes import (
    CONFIG,
    DONE,
    INPUT_OUTPUT,
    NO_PERMISSION,
    NOTHING_TO_DO,
    OUTCOME_UNKNOWN,
    PARTIAL,
    REFUSED,
    UNAVAILABLE,
    USAGE,
)
from unstick.cli.complaint import complain
from unstick.cli.logs import log_to_file
from unstick.cli.start import open_config, open_context
from unstick.cli.stdout import say
from unstick.facts.actions import Confirmation, Order, Outcome, OwnAction, Plan, Receipt
from unstick.facts.reading import Trouble, TroubleKind
from unstick.facts.units import duration
from unstick.settings import Context
from unstick.views import plan as plans
from unstick.views import receipt as receipts
from unstick.views.pane import Line
from unstick.views.status_text import flat_exactly

SCHEMA = 1
CODES = {
    Outcome.APPLIED: DONE,
    Outcome.NOTHING: NOTHING_TO_DO,
    Outcome.PARTIAL: PARTIAL,
    Outcome.REFUSED: REFUSED,
    Outcome.NOT_SENT: UNAVAILABLE,
    Outcome.UNKNOWN: OUTCOME_UNKNOWN,
}
SLACK_S = 10.0
"""How much longer than planned rows are watched, before those that keep changing are left out."""
TROUBLES = {TroubleKind.DENIED: NO_PERMISSION, TroubleKind.AUTH: NO_PERMISSION, TroubleKind.SCHEMA: CONFIG}
"""What does not mend itself."""


class Choice(msgspec.Struct, frozen=True):
    """How a command goes about it. ``count`` is the confirmation that a plan above its cap needs."""

    dry_run: bool = False
    yes: bool = False
    count: int | None = None
    as_json: bool = False


def run_order(path: Path | None, context: str | None, order: Order, choice: Choice) -> int:
    """Carry out ``order``; the exit code."""
    log_to_file()
    if not (choice.dry_run or choice.yes or choice.count is not None or sys.stdin.isatty()):
        complain("nobody is there to confirm; mend: --dry-run to look, --yes to do it")
        return USAGE
    opened = _opened(path, context) if isinstance(order, OwnAction) else open_context(path, context)
    return opened if isinstance(opened, int) else loops.run(_Command(opened, order, choice).run())


def _opened(path: Path | None, context: str | None) -> Context | int:
    """The context as it is configured: what one runs of one's own needs no server."""
    loaded = open_config(path, context)
    return loaded if isinstance(loaded, int) else loaded.context


def list_own(path: Path | None, context: str | None) -> int:
    """Print the actions of the operator's own; the exit code."""
    opened = _opened(path, context)
    if isinstance(opened, int):
        return opened
    for own in opened.actions.own:
        wanted = " ".join(f"--set {name}=…" for name in sorted(own.wants))
        say(
            [f"unstick run {shlex.quote(own.name)} {wanted}".rstrip() + (f"  # {own.confirm}" if own.confirm else "")]
        )
    return DONE


def gate_of(context: Context) -> Gate:
    """The gate of this process."""
    audit = Audit(audit_path(context.actions), to_syslog=context.actions.syslog)
    return Gate(context, present(os.environ), audit)


class _Command:
    """One order from plan to receipt."""

    def __init__(self, context: Context, order: Order, choice: Choice) -> None:
        self._order = order
        self._choice = choice
        self._gate = gate_of(context)
        self._unchanged_s = max(context.actions.unchanged_s, context.thresholds.grace_s)

    async def run(self) -> int:
        try:
            if not self._choice.dry_run:
                await self._recover()
            return await self._carried_out()
        except BackendError as error:
            return _failed(error.trouble)
        except OSError as error:
            complain(f"audit: {error}; mend: set actions.audit to a file that can be written")
            return INPUT_OUTPUT
        finally:
            await self._gate.close()

    async def _recover(self) -> None:
        for receipt in await self._gate.recover():
            _tell([receipts.headline(receipt)])

    async def _carried_out(self) -> int:
        plan = await self._planned()
        while True:
            seen = clock.monotonic()
            if self._choice.dry_run:
                self._print(plans.lines(plan, 0.0), plan)
                return _dry_code(plan)
            if plan.refused is not None or not plan.targets:
                return await self._apply(plan, Confirmation(unattended=True))
            _tell(plans.lines(plan, 0.0))
            confirmation = await asyncio.to_thread(self._confirm, plan)
            if confirmation is None:
                complain("not confirmed; nothing was changed")
                return REFUSED
            if clock.monotonic() - seen < plan.lives_s / 2:
                return await self._apply(plan, confirmation)
            again = await self._planned()
            if again.same(plan):
                return await self._apply(again, confirmation)
            complain("it has changed meanwhile; look again")
            plan = again

    async def _apply(self, plan: Plan, confirmation: Confirmation) -> int:
        try:
            receipt = await self._gate.apply(plan, confirmation)
        except asyncio.CancelledError:
            known = self._gate.receipt(plan)
            if known is not None:
                self._print(receipts.lines(known), plan, known)
            raise
        self._print(receipts.lines(receipt), plan, receipt)
        return CODES[receipt.outcome]

    async def _planned(self) -> Plan:
        """A plan that another look would not make better; who keeps changing is left out in the end."""
        plan = await self._gate.plan(self._order)
        until = clock.monotonic() + self._unchanged_s + SLACK_S
        while plan.again_s and clock.monotonic() < until:
            waiting = sum(left.again_s is not None for left in plan.left)
            complain(f"looking again in {duration(max(1.0, plan.again_s))}: {waiting} undecided")
            await asyncio.sleep(plan.again_s + 0.05)
            plan = await self._gate.plan(self._order)
        return plan

    def _confirm(self, plan: Plan) -> Confirmation | None:
        choice = self._choice
        if choice.count is not None:
            return Confirmation(choice.count, unattended=choice.yes)
        if choice.yes:
            return Confirmation(unattended=True)
        typed = plan.above_cap or plan.production
        try:
            if not typed:
                return Confirmation() if click.confirm(plans.question(plan), default=False, err=True) else None
            answer = click.prompt(plans.question(plan), default="", show_default=False, err=True)
        except click.Abort:
            return None
        return Confirmation(int(answer)) if answer.strip().isdecimal() else None

    def _print(self, lines: Iterable[Line], plan: Plan, receipt: Receipt | None = None) -> None:
        if not self._choice.as_json:
            say(map(flat_exactly, lines))
            return
        told = None if receipt is None else receipts.as_json(receipt)
        say([json.dumps({"schema": SCHEMA, "plan": plans.as_json(plan), "receipt": told}, allow_nan=False)])


def _tell(lines: Iterable[Line]) -> None:
    """On standard error: standard output carries the result alone."""
    sys.stderr.writelines(f"{flat_exactly(line)}\n" for line in lines)


def _dry_code(plan: Plan) -> int:
    if plan.refused is not None or plan.stays is not None:
        return REFUSED
    return DONE if plan.targets else NOTHING_TO_DO


def _failed(trouble: Trouble) -> int:
    complain(f"{trouble.text}; mend: unstick doctor says what is missing")
    return TROUBLES.get(trouble.kind, UNAVAILABLE)
