"""A finding that somebody has taken notice of: acknowledged as long as it lasts, or snoozed until an instant.

It travels as a mark: on a tape, in a stream, and in the state folder all say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from unstick.facts.level import Level
from unstick.facts.text import clean

KEY = "ack"
"""Where it stands among the details of a mark."""
NOTE = 160


class Ack(msgspec.Struct, frozen=True):
    """``finding`` is the id of the finding, ``level`` how bad it was then; ``at`` and ``until`` are UTC seconds.

    ``until`` is ``None`` for one that lasts as long as its finding. ``level`` OK takes back what stood before.
    """

    finding: str
    level: Level
    at: float
    title: str = ""
    note: str = ""
    by: str = ""
    until: float | None = None

    @property
    def withdrawn(self) -> bool:
        """Whether it takes back the one before."""
        return self.level is Level.OK

    @property
    def said(self) -> str:
        """The mark in words."""
        verb = "taken back" if self.withdrawn else "acknowledged" if self.until is None else "snoozed"
        return f"{verb}: {self.title}{f' ({self.note})' if self.note else ''}"


def told(ack: Ack) -> dict[str, Any]:
    """``ack`` as the details of a mark."""
    return {KEY: msgspec.to_builtins(ack)}


def ack_of(details: Mapping[str, Any]) -> Ack | None:
    """The acknowledgement that a mark carries; ``None`` where it is another mark, or nothing that can be read."""
    if KEY not in details:
        return None
    try:
        found = msgspec.convert(details[KEY], Ack)
    except msgspec.ValidationError:
        return None
    return msgspec.structs.replace(
        found,
        finding=clean(found.finding),
        title=clean(found.title),
        note=clean(found.note, NOTE),
        by=clean(found.by, 64),
    )
