"""What every action is made of: a look that drafts a plan, and the doing of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from unstick.facts.actions import Outcome, Plan, Result, State
from unstick.facts.text import clean

Intend = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Writes down, on disk, what is about to be done; nothing is changed before it has returned."""


UNDONE = "it was cut off before its commit: the server undid it"


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


class Notes:
    """What became of each item of a draft, as far as it is known."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items
        self._results: dict[tuple[str, str, str], Result] = {}

    def note(self, item: Item, state: State, text: str) -> None:
        """``item`` ended in ``state``."""
        self._results[item.key] = Result(*item.shown, state, clean(text))

    def all(self, state: State, text: str) -> None:
        """Every item ended in ``state``."""
        for item in self._items:
            self.note(item, state, text)

    def clear(self) -> None:
        """Nothing is known: everything was undone."""
        self._results.clear()

    def state(self, item: Item) -> State | None:
        """How ``item`` ended, as far as it is known."""
        result = self._results.get(item.key)
        return result.state if result else None

    @property
    def told(self) -> tuple[Result, ...]:
        """Every result, in the order of the items; of what was not noted nobody can tell."""
        unknown = "nobody can tell what became of it"
        return tuple(
            self._results.get(item.key) or Result(*item.shown, State.UNKNOWN, unknown) for item in self._items
        )


def told(results: Sequence[Result], words: Sequence[tuple[str, str, str]]) -> str:
    """The results in a sentence; ``words`` are a kind, its plural and what is done to it.

    >>> told((), [("proxy", "proxies", "freed")])
    'nothing changed'
    """
    parts = []
    for kind, many, did in words:
        count = sum(result.kind == kind and result.state is State.DONE for result in results)
        if count:
            parts.append(f"{count} {kind if count == 1 else many} {did}")
    for state in (State.SKIPPED, State.GONE, State.UNKNOWN):
        count = sum(result.state is state for result in results)
        if count:
            parts.append(f"{count} {state.value}")
    return ", ".join(parts) or "nothing changed"


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

    def hurry(self) -> None:
        """Whoever asked has gone: what is done is done, but its effect need not be waited for."""

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
