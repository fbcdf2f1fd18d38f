"""Every fact there is travels through a tape unchanged, keeps its secrets under ``--hash-names``, and is told."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pytest

from tests.unit.boards import T0, frame, fresh, played
from unstick.board.services import JUDGES
from unstick.facts.frame import Fact, Frame
from unstick.settings import Context
from unstick.tape.codec import Documents, Frames
from unstick.tape.delta import apply, change
from unstick.tape.redact import READABLE, Redactor
from unstick.views.services import view
from unstick.views.status_json import status

FACTS: tuple[type[msgspec.Struct], ...] = get_args(Fact)
NAMED = "S3CR3T name"


def made(kind: Any, *, full: bool) -> Any:
    """A value of ``kind``: with everything that may be absent, or without."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is typing.Literal:
        return arguments[0]
    if origin in {types.UnionType, typing.Union}:
        return (
            made(arguments[0], full=full)
            if full
            else None
            if type(None) in arguments
            else made(arguments[0], full=full)
        )
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return (made(arguments[0], full=full),) if full else ()
        return tuple(made(each, full=full) for each in arguments)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind(**{name: made(hint, full=full) for name, hint in get_type_hints(kind).items()})
    if kind in {bool, int, float}:
        return kind(1)
    if kind is str:
        return NAMED
    return next(iter(kind))


def frames(kind: type[msgspec.Struct]) -> Iterator[Frame]:
    for number, full in enumerate((True, False, True)):
        value: Any = made(kind, full=full)
        yield frame(T0 + number, fresh("x:y", value, T0 + number))


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.__name__)
def test_it_travels(kind: type[msgspec.Struct]) -> None:
    documents, decoded = Documents(), Frames()
    before: Any = None
    state: Any = None
    for each in frames(kind):
        document = documents.of(each)
        state = _through(document) if before is None else apply(state, _through(change(before, document)))
        assert decoded.of(state).observations == each.observations
        before = document


def _through(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.__name__)
def test_names_are_hashed(kind: type[msgspec.Struct]) -> None:
    (full, *_) = frames(kind)
    hashed = Redactor(b"k").frame(full).observations[0].reading
    kept = [field for field in READABLE if field.partition(".")[0] == kind.__name__]
    left = msgspec.json.encode(hashed).decode().count(NAMED)
    assert left <= sum(_texts(hashed, kind.__name__, ""))
    assert left >= len([field for field in kept if typing.get_type_hints(kind)[field.partition(".")[2]] is str])


def _texts(value: Any, kind: str, field: str) -> Iterator[int]:
    """One for every text of a field that stays readable."""
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _texts(getattr(value, name), type(value).__name__, name)
    elif isinstance(value, tuple):
        for each in value:
            yield from _texts(each, kind, field)
    elif isinstance(value, str) and f"{kind}.{field}" in READABLE:
        yield 1


@pytest.mark.parametrize("kind", JUDGES, ids=lambda kind: kind.__name__)
def test_it_is_told_whatever_is_absent(kind: type[msgspec.Struct]) -> None:
    board = played(frames(kind), Context(name="test"))
    (item,) = status(board)["services"]["items"]
    assert item["numbers"] is not None
    assert msgspec.json.encode(item)
    (row,) = view(board).rows
    assert row.cells
    for empty in frames(kind):
        assert msgspec.json.encode(status(played([empty], Context(name="test"))))
