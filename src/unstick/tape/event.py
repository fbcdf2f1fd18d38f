"""What happened beside the facts: marks, gaps, sources that went or came back, receipts of actions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from unstick.facts.frame import Frame
from unstick.facts.reading import Fresh, Missing, Stale, TroubleKind

MARK, GAP, SOURCE, ACTION = "mark", "gap", "source", "action"


class Event(msgspec.Struct, frozen=True):
    """``event`` is the kind, one of those above or one of a newer unstick; ``text`` is fit for the screen."""

    event: str
    at: float
    text: str
    details: dict[str, Any] = {}


def states(frame: Frame) -> dict[str, str]:
    """``ok`` or ``lost`` by source; those that were not asked yet are left out."""
    told = {}
    for observation in frame.observations:
        match observation.reading:
            case Fresh():
                told[observation.source.id] = "ok"
            case Missing(trouble, _) if trouble.kind is TroubleKind.PENDING:
                pass
            case _:
                told[observation.source.id] = "lost"
    return told


def transitions(before: dict[str, str], frame: Frame) -> Iterator[Event]:
    """Sources that were lost or came back since ``before``, the states of the Frame before."""
    after = states(frame)
    for observation in frame.observations:
        name, reading = observation.source.id, observation.reading
        state = after.get(name)
        if state is None or state == before.get(name, "ok"):
            continue
        trouble = reading.trouble.text if isinstance(reading, Stale | Missing) else ""
        text = f"{name} lost: {trouble}" if state == "lost" else f"{name} is back"
        yield Event(SOURCE, frame.at, text, {"source": name, "state": state})
