"""A receipt, told: how it ended, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from unstick.facts.actions import Outcome, Receipt, Result, State
from unstick.facts.units import timestamp
from unstick.views.pane import Line, Role, Span
from unstick.views.words import span

_ROLES = {
    Outcome.APPLIED: Role.OK,
    Outcome.PARTIAL: Role.WARNING,
    Outcome.NOTHING: Role.DIM,
    Outcome.REFUSED: Role.WARNING,
    Outcome.NOT_SENT: Role.WARNING,
    Outcome.UNKNOWN: Role.CRITICAL,
}
_GLYPHS = {State.DONE: ("●", Role.OK), State.UNKNOWN: ("?", Role.CRITICAL)}


def headline(receipt: Receipt) -> Line:
    """The outcome in one line."""
    return (Span(f"{receipt.outcome.value}: ", _ROLES[receipt.outcome]), span(receipt.text))


def lines(receipt: Receipt) -> Iterator[Line]:
    """The whole receipt."""
    yield headline(receipt)
    yield from map(_result, receipt.results)
    for note in receipt.notes:
        yield (span(f"note: {note}", Role.WARNING),)
    yield (span(f"plan {receipt.plan_id} in {receipt.context}, {timestamp(receipt.at) or '–'}", Role.DIM),)


def as_json(receipt: Receipt) -> dict[str, Any]:
    """Schema 1: plain data, for scripts."""
    return {
        "plan_id": receipt.plan_id,
        "action": receipt.name,
        "context": receipt.context,
        "servers": msgspec.to_builtins(receipt.servers),
        "outcome": receipt.outcome.value,
        "at": timestamp(receipt.at),
        "text": receipt.text,
        "results": msgspec.to_builtins(receipt.results),
        "notes": list(receipt.notes),
    }


def _result(result: Result) -> Line:
    glyph, role = _GLYPHS.get(result.state, ("·", Role.DIM))
    holder = f" of {result.holder}" if result.holder else ""
    return (Span(f"  {glyph} ", role), span(f"{result.kind} {result.id}{holder}: {result.text}"))
