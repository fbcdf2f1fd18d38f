"""What the board says of an action: before it is armed, before it is applied, meanwhile and afterwards. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from unstick.facts.actions import Order, Outcome, OwnAction, Plan, Receipt, name_of
from unstick.facts.level import Level, worst
from unstick.views import plan as plans
from unstick.views import receipt as receipts
from unstick.views.pane import Line, Role, Span
from unstick.views.scope import whose
from unstick.views.words import span

ARMING: Line = (Span("Arm the actions?", Role.TITLE),)
APPLYING: tuple[Line, ...] = (
    (Span("applying… ", Role.WARNING), Span("what came of it is shown here; hidden, it goes on", Role.DIM)),
)
_LEVELS = {
    Outcome.APPLIED: Level.OK,
    Outcome.NOTHING: Level.OK,
    Outcome.PARTIAL: Level.WARNING,
    Outcome.REFUSED: Level.WARNING,
    Outcome.NOT_SENT: Level.WARNING,
    Outcome.UNKNOWN: Level.CRITICAL,
}


def name(order: Order) -> str:
    """What is to be done, of whom: ``free proxies of container 8b4f59aa``."""
    called = name_of(order) if isinstance(order, OwnAction) else name_of(order).replace("-", " ")
    return f"{called} {whose(order)}".rstrip()


def title(order: Order | None) -> Line:
    """The title of a dialog."""
    return (span("what became of earlier actions" if order is None else name(order), Role.TITLE),)


def busy(order: Order, *, applying: bool) -> str:
    """For the header."""
    return span(f"{'APPLYING' if applying else 'planning'} {name(order)}…").text


def arming(context: str, *, production: bool) -> tuple[Line, ...]:
    """What arming means."""
    marked = (Span("PRODUCTION  ", Role.CRITICAL),) if production else ()
    return (
        (*marked, Span("context ", Role.DIM), span(context, Role.STRONG)),
        (),
        (Span("From now on F, D, S and O may change servers. Each first shows what it would change, and asks."),),
        (Span("Ten minutes after the last action the board is read only again; A ends it at once.", Role.DIM),),
    )


def level_of(plan: Plan | None = None, *, production: bool = False) -> Level:
    """How loud a dialog that asks is."""
    if production or (plan is not None and plan.production):
        return Level.CRITICAL
    return Level.WARNING


def preview(plan: Plan | None, age_s: float, trouble: str) -> tuple[Line, ...]:
    """The plan with every row, and what keeps it from being made anew."""
    wrong = ((Span("no plan now: ", Role.CRITICAL), span(trouble)),) if trouble else ()
    told = tuple(plans.lines(plan, age_s))[1:] if plan is not None else ()
    context: tuple[Line, ...] = ()
    if plan is not None:
        marked = (Span("  PRODUCTION", Role.CRITICAL),) if plan.production else ()
        context = ((Span("in ", Role.DIM), span(plan.context, Role.STRONG), *marked),)
    waits = plan.again_s if plan is not None else 0.0
    undecided = sum(left.again_s is not None for left in plan.left) if plan is not None else 0
    more: Line = (Span(f"{undecided} undecided: looked at again", Role.WARNING),)
    return (*wrong, *context, *((more,) if waits else ()), *told)


def may(plan: Plan) -> bool:
    """Whether there is anything to agree to."""
    return bool(plan.targets) and plan.refused is None and plan.stays is None


def wanted(plan: Plan) -> str:
    """The count that must be typed; empty when none."""
    return str(len(plan.targets)) if plan.above_cap or plan.production else ""


def says(plan: Plan | None, *, changed: bool) -> tuple[Line, ...]:
    """What stands above the buttons."""
    out: list[Line] = []
    if changed:
        out.append((Span("▲ it has changed meanwhile: look again, nothing is agreed to", Role.WARNING),))
    if plan is not None:
        out.append((Span(plans.question(plan), Role.STRONG),))
    return tuple(out)


def told(found: Sequence[Receipt], trouble: str) -> tuple[Line, ...]:
    """Receipts, row by row."""
    wrong = ((Span(trouble, Role.CRITICAL),),) if trouble else ()
    out: list[Line] = []
    for receipt in found:
        out += [(), *receipts.lines(receipt)] if out else receipts.lines(receipt)
    return (*wrong, *out)


def worst_of(found: Sequence[Receipt], trouble: str) -> Level:
    """How well it ended."""
    return Level.CRITICAL if trouble else worst([_LEVELS[receipt.outcome] for receipt in found])


def text_of(found: Sequence[Receipt]) -> str:
    """Receipts as plain text, for the clipboard."""
    lines = told(found, "")
    return "\n".join("".join(part.text for part in line).rstrip() for line in lines) + "\n"
