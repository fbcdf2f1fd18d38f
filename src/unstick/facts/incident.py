"""An incident that people are at: since when, and who does what. Told by marks, so that a tape tells it too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from unstick.facts.text import clean

KEY = "incident"
"""Where it stands among the details of a mark."""
BEGINS, ENDS, ROLE = "begins", "ends", "role"
ROLES = 8


class Incident(msgspec.Struct, frozen=True):
    """``begun_at`` is UTC seconds; ``roles`` are (what, who), in the order in which they were taken."""

    begun_at: float
    roles: tuple[tuple[str, str], ...] = ()


def at_work(marks: Iterable[tuple[float, Mapping[str, Any]]], at: float) -> Incident | None:
    """The incident that lasts at an instant; ``marks`` are instants and details, in order of time."""
    found: Incident | None = None
    for when, details in marks:
        if when > at:
            break
        step = details.get(KEY)
        if step == BEGINS:
            found = found or Incident(when)
        elif step == ENDS:
            found = None
        elif step == ROLE and found is not None:
            what, who = (clean(str(details.get(name, "")), 40) for name in ("role", "who"))
            others = [role for role in found.roles if role[0] != what]
            found = msgspec.structs.replace(found, roles=(*others, (what, who))[-ROLES:])
    return found
