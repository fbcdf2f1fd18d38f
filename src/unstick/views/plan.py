"""A plan, told: what would change, what stays and why, of which server, how old it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from unstick.facts.actions import Left, Plan, Server, Target
from unstick.facts.units import duration, timestamp
from unstick.views.pane import Line, Role, Span
from unstick.views.words import span

SCHEMA = 1
_VERBS = {
    "free-proxies": "free proxies",
    "drain-locks": "drain locks",
    "sync-balances": "sync balances",
    "undo": "undo",
}


_DEEDS = {"own": "run it", "sync": "start a sync"}


def title(plan: Plan) -> Line:
    """What is asked for, where, and how loudly."""
    production = (Span("  PRODUCTION", Role.CRITICAL),) if plan.production else ()
    return (
        Span(_VERBS.get(plan.name, plan.name), Role.TITLE),
        span(f"  in {plan.context}", Role.STRONG),
        *production,
    )


def lines(plan: Plan, age_s: float) -> Iterator[Line]:
    """The preview. ``age_s`` is how long ago the plan was made."""
    yield title(plan)
    yield from map(_server, plan.servers)
    if plan.refused is not None:
        yield (Span("refused: ", Role.CRITICAL), span(plan.refused))
        yield from ((span(text, Role.DIM),) for text in (*plan.notes, *plan.details))
        return
    old = Role.WARNING if age_s > plan.lives_s / 2 else Role.DIM
    yield (Span(f"seen {duration(age_s)} ago, may be applied for {duration(max(0.0, plan.lives_s - age_s))}", old),)
    for note in plan.notes:
        yield (span(note, Role.DIM),)
    yield (Span(_count(plan), Role.STRONG if plan.targets else Role.DIM),)
    for target in plan.targets:
        yield from _target(target)
    yield from ((span(f"  {detail}"),) for detail in plan.details)
    if plan.left:
        yield (Span(f"stays as it is: {len(plan.left)}", Role.STRONG),)
    for left in plan.left:
        yield _left(left)
    if plan.above_cap:
        yield (Span(f"above the cap of {plan.cap}: its count must be typed", Role.WARNING),)


def question(plan: Plan) -> str:
    """What is asked before it is applied."""
    what = _what(plan)
    if plan.above_cap or plan.production:
        return f"Type {len(plan.targets)} to {what}"
    return f"{what.capitalize()}?"


def as_json(plan: Plan) -> dict[str, Any]:
    """Schema 1: plain data, for scripts."""
    return {
        "id": plan.id,
        "action": plan.name,
        "order": msgspec.to_builtins(plan.order),
        "context": plan.context,
        "production": plan.production,
        "servers": msgspec.to_builtins(plan.servers),
        "made_at": timestamp(plan.made_at),
        "lives_s": plan.lives_s,
        "cap": plan.cap,
        "refused": plan.refused,
        "targets": msgspec.to_builtins(plan.targets),
        "left": msgspec.to_builtins(plan.left),
        "notes": list(plan.notes),
        "details": list(plan.details),
    }


def _count(plan: Plan) -> str:
    return f"would {_what(plan)}:" if plan.targets else "would change nothing"


def _what(plan: Plan) -> str:
    kinds = {target.kind for target in plan.targets}
    return _DEEDS[kinds.pop()] if len(kinds) == 1 and kinds <= _DEEDS.keys() else f"change {_things(plan)}"


def _things(plan: Plan) -> str:
    """``15 proxies and 2 tasks``."""
    kinds: dict[str, int] = {}
    for target in plan.targets:
        kinds[target.kind] = kinds.get(target.kind, 0) + 1
    return " and ".join(f"{count} {kind if count == 1 else plural(kind)}" for kind, count in kinds.items())


def plural(kind: str) -> str:
    """More than one of a kind.

    >>> plural("proxy"), plural("lock")
    ('proxies', 'locks')
    """
    return f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"


def _server(server: Server) -> Line:
    role = f" as {server.role}" if server.role else ""
    return (Span("on ", Role.DIM), span(f"{server.kind} {server.address}{role}"))


def _target(target: Target) -> Iterator[Line]:
    holder = f" of {target.holder}" if target.holder else ""
    head = f"  {target.kind} {target.id}{holder}"
    yield (span(head, Role.ACCENT), span(f" {target.change}"))
    if target.evidence:
        yield (span(f"      {'; '.join(target.evidence)}", Role.DIM),)


def _left(left: Left) -> Line:
    holder = f" of {left.holder}" if left.holder else ""
    return (span(f"  {left.kind} {left.id}{holder}"), span(f": {left.why}", Role.DIM))
