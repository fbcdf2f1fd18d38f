"""What every action is made of: a look that drafts a plan, and the doing of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec

from unstick.facts.actions import Outcome, Plan, Result, State
from unstick.facts.text import clean

Intend = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Writes down, on disk, what is about to be done; nothing is changed before it has returned."""


class RefusedError(Exception):
    """The action may not be done now; the text says why, in words fit for the screen."""


class Item(msgspec.Struct, frozen=True):
    """One target word for word, as the server needs it and the audit keeps it. ``before``: its values until now."""

    kind: str
    place: str
    id: str
    holder: str = ""
    version: str = ""
    before: Mapping[str, Any] = {}

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from the other targets of a plan."""
        return self.kind, self.place, self.id

    @property
    def shown(self) -> tuple[str, str, str, str]:
        """Kind, place, id and holder, fit for the screen."""
        return clean(self.kind), clean(self.place), clean(self.id), clean(self.holder)


class Draft(msgspec.Struct, frozen=True):
    """A plan with its targets word for word, in the same order."""

    plan: Plan
    items: tuple[Item, ...] = ()


class Done(msgspec.Struct, frozen=True):
    """How it ended."""

    outcome: Outcome
    text: str
    results: tuple[Result, ...] = ()
    notes: tuple[str, ...] = ()


class Deed(Protocol):
    """One action in one context."""

    async def look(self) -> Draft:
        """What would be done now. Raises :class:`~unstick.backends.base.BackendError`."""

    async def do(self, draft: Draft, intend: Intend) -> Done:
        """Do it: a subset of the draft, never more. Raises :class:`RefusedError`, and
        :class:`~unstick.backends.base.BackendError` when nothing was changed.
        """

    async def settle(self, intent: Mapping[str, Any]) -> Done:
        """What became of an earlier one that was cut off after its intent was written."""

    async def close(self) -> None:
        """Part from the servers."""


def counted(results: tuple[Result, ...]) -> Outcome:
    """The outcome that the results of single targets add up to."""
    states = {result.state for result in results}
    if State.UNKNOWN in states:
        return Outcome.UNKNOWN
    if State.DONE not in states:
        return Outcome.NOTHING
    return Outcome.APPLIED if states == {State.DONE} else Outcome.PARTIAL
