"""The audit log, told: one line per plan, the newest last; or everything that is known of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from unstick.views.pane import Line, Role, Span
from unstick.views.words import span

Record = Mapping[str, Any]

CUT_OFF = "cut off"
"""What is said of an intent that has no outcome."""
_ROLES = {"applied": Role.OK, "unknown": Role.CRITICAL, CUT_OFF: Role.CRITICAL, "nothing to do": Role.DIM}


class Entry(msgspec.Struct, frozen=True):
    """What was written down of one plan: its intent, its outcome, or both."""

    id: str
    intent: Record | None
    outcome: Record | None

    @property
    def ended(self) -> str:
        """The outcome in a word or two."""
        return CUT_OFF if self.outcome is None else _text(self.outcome, "outcome")

    @property
    def first(self) -> Record:
        """The record that was written first."""
        return self.intent or self.outcome or {}

    @property
    def open(self) -> bool:
        """Whether nobody knows how it ended."""
        return self.ended in {CUT_OFF, "unknown"}


def entries(records: Iterable[Record]) -> list[Entry]:
    """The records of each plan together, in the order in which they were begun."""
    found: dict[str, Entry] = {}
    for record in records:
        name = _text(record, "id")
        known = found.get(name, Entry(name, None, None))
        if record.get("record") == "intent":
            found[name] = msgspec.structs.replace(known, intent=record)
        elif record.get("record") == "outcome":
            found[name] = msgspec.structs.replace(known, outcome=record)
    return list(found.values())


def line(entry: Entry) -> Line:
    """When, what, by whom, and how it ended."""
    first = entry.first
    said = "" if entry.outcome is None else _text(entry.outcome, "text")
    return (
        span(f"{_text(first, 'at'):<24}  ", Role.DIM),
        span(f"{entry.ended:<13}  ", _ROLES.get(entry.ended, Role.WARNING)),
        span(f"{_text(first, 'action')} in {_text(first, 'context')} by {who(first)}"),
        span(f": {said}" if said else "", Role.DIM),
        span(f"  [{entry.id}]", Role.DIM),
    )


def lines(entry: Entry) -> Iterator[Line]:
    """Everything that is known of one plan."""
    yield line(entry)
    for server in _items(entry.first, "servers"):
        role = f" as {_text(server, 'role')}" if _text(server, "role") else ""
        yield (span(f"  on {_text(server, 'kind')} {_text(server, 'address')}{role}"),)
    results = {_key(result): result for result in _items(entry.outcome or {}, "results")}
    for item in _items(entry.intent or {}, "items"):
        ended = results.pop(_key(item), {})
        told = _text(ended, "text") or "no outcome"
        yield (span(f"  {_text(item, 'kind')} {_text(item, 'id')}{_of(item)}: {told}"), _before(item))
    for result in results.values():
        yield (span(f"  {_text(result, 'kind')} {_text(result, 'id')}{_of(result)}: {_text(result, 'text')}"),)
    notes = (entry.outcome or {}).get("notes")
    for note in notes if isinstance(notes, list) else ():
        yield (span(f"  note: {note}", Role.WARNING),)


def who(record: Record) -> str:
    """``alice@web-1 from 10.0.0.7``."""
    found = record.get("actor")
    actor: Record = found if isinstance(found, dict) else {}
    name = f"{_text(actor, 'user')}@{_text(actor, 'host')}"
    name = f"{_text(actor, 'sudo_user')} as {name}" if _text(actor, "sudo_user") else name
    return f"{name} from {_text(actor, 'ssh')}" if _text(actor, "ssh") else name


def _before(item: Record) -> Span:
    found = item.get("before")
    known = {name: value for name, value in found.items() if value is not None} if isinstance(found, dict) else {}
    return span(f"  ({', '.join(f'{name} {value}' for name, value in known.items())})" if known else "", Role.DIM)


def _of(item: Record) -> str:
    return f" of {_text(item, 'holder')}" if _text(item, "holder") else ""


def _key(item: Record) -> tuple[str, str, str]:
    return _text(item, "kind"), _text(item, "place"), _text(item, "id")


def _items(record: Record, name: str) -> Sequence[Record]:
    found = record.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _text(record: Record, name: str) -> str:
    """A text of a record, whatever somebody has written there."""
    value = record.get(name)
    return value if isinstance(value, str) else ""
