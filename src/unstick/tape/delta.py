"""What changed between two plain documents, cell by cell, and how to apply it. Neither side needs a schema.

A delta is JSON, read against the old value:

- a scalar: the new value;
- ``[v]``: the new value is ``v``, whatever stood there; ``[]``: the key is gone;
- an object on an object: deltas by key, new keys at the end;
- an object on a list: ``o`` is the new order, in runs ``[first, count]`` of old places and new rows ``{"+": row}``;
  ``c`` are pairs of a new place and the delta of its row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unstick.tape.record import DamageError

DEPTH_LIMIT = 64
ROWS_LIMIT = 100_000
SAME: Any = object()
"""Nothing changed."""


def change(old: Any, new: Any) -> Any:
    """The delta that makes ``new`` of ``old``, or :data:`SAME`."""
    if old is new:
        return SAME
    if isinstance(old, dict) and isinstance(new, dict):
        return _fields(old, new)
    if isinstance(old, list | tuple) and isinstance(new, list | tuple):
        return SAME if old == new else _rows(old, new)
    if type(old) is type(new) and old == new:
        return SAME
    return [new] if isinstance(new, dict | list | tuple) else new


def _fields(old: dict[str, Any], new: dict[str, Any]) -> Any:
    if old.keys() == new.keys():
        if any(a != b for a, b in zip(old, new, strict=True)):
            return [new]
        changed = {key: delta for key, value in new.items() if (delta := change(old[key], value)) is not SAME}
        return changed or SAME
    if [key for key in old if key in new] + [key for key in new if key not in old] != list(new):
        return [new]
    deltas: dict[str, Any] = {key: [] for key in old if key not in new}
    for key, value in new.items():
        delta = change(old[key], value) if key in old else [value]
        if delta is not SAME:
            deltas[key] = delta
    return deltas


def _rows(old: Sequence[Any], new: Sequence[Any]) -> Any:
    """Rows are matched by what names them, so that a row that moved costs its place and not its cells."""
    names, before = _names(new), {name: place for place, name in enumerate(_names(old))}
    places = [before.get(name) for name in names]
    delta: dict[str, Any] = {}
    if len(old) != len(new) or any(place != n for n, place in enumerate(places)):
        delta["o"] = _order(places, new)
    cells = [
        [n, changed]
        for n, (place, row) in enumerate(zip(places, new, strict=True))
        if place is not None and (changed := change(old[place], row)) is not SAME
    ]
    if cells:
        delta["c"] = cells
    return delta or SAME


def _names(rows: Sequence[Any]) -> list[Any]:
    """A name for each row, unique among them: the first cells that tell rows apart, else its place."""
    if rows and all(isinstance(row, dict) for row in rows):
        for width in (1, 2, 3):
            names = [tuple(v for v, _ in zip(row.values(), range(width), strict=False)) for row in rows]
            if _tell_apart(names):
                return names
    elif rows and all(isinstance(row, list | tuple) and row for row in rows):
        names = [(row[0],) for row in rows]
        if _tell_apart(names):
            return names
    elif _tell_apart([(row,) for row in rows]):
        return list(rows)
    return list(range(len(rows)))


def _tell_apart(names: list[tuple[Any, ...]]) -> bool:
    if not all(isinstance(part, str | int) for name in names for part in name):
        return False
    return len(set(names)) == len(names)


def _order(places: list[int | None], rows: Sequence[Any]) -> list[Any]:
    order: list[Any] = []
    for place, row in zip(places, rows, strict=True):
        if place is None:
            order.append({"+": row})
        elif order and isinstance(order[-1], list) and order[-1][0] + order[-1][1] == place:
            order[-1][1] += 1
        else:
            order.append([place, 1])
    return order


def apply(old: Any, delta: Any, depth: int = 0) -> Any:
    """``old`` with ``delta`` applied; parts that did not change are shared, nothing is changed in place.

    Raises :class:`DamageError` for a delta that was not made for ``old``.
    """
    if depth > DEPTH_LIMIT:
        raise DamageError(f"deeper than {DEPTH_LIMIT}")
    if isinstance(delta, list):
        if len(delta) != 1:
            raise DamageError("a delta that replaces by nothing")
        return delta[0]
    if not isinstance(delta, dict):
        return delta
    if isinstance(old, dict):
        return _apply_fields(old, delta, depth)
    if isinstance(old, list):
        return _apply_rows(old, delta, depth)
    raise DamageError("a delta of cells on a value without cells")


def _apply_fields(old: Mapping[str, Any], deltas: Mapping[str, Any], depth: int) -> dict[str, Any]:
    new = dict(old)
    for key, delta in deltas.items():
        if isinstance(delta, list) and not delta:
            new.pop(key, None)
        else:
            new[key] = apply(new.get(key), delta, depth + 1)
    return new


def _apply_rows(old: list[Any], delta: Mapping[str, Any], depth: int) -> list[Any]:
    try:
        new = _ordered(old, delta["o"]) if "o" in delta else list(old)
        for place, cells in delta.get("c", ()):
            if not 0 <= place < len(new):
                raise DamageError("a delta of a row that is not there")
            new[place] = apply(new[place], cells, depth + 1)
    except (TypeError, ValueError, KeyError) as error:
        raise DamageError("a delta of rows that is none") from error
    return new


def _ordered(old: list[Any], order: list[Any]) -> list[Any]:
    """Each old row is used once at most: a small delta can't make a long list."""
    new: list[Any] = []
    used = 0
    for run in order:
        if isinstance(run, dict):
            new.append(run["+"])
            continue
        first, count = run
        if first < 0 or not 0 < count <= len(old) - first:
            raise DamageError("a delta of rows that are not there")
        used += count
        if used > len(old):
            raise DamageError("a delta that repeats rows")
        new += old[first : first + count]
    if len(new) > ROWS_LIMIT:
        raise DamageError(f"more than {ROWS_LIMIT} rows")
    return new
