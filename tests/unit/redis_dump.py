"""A connection that answers from a captured key dump, for tests of parsing; anything about a server is tested live."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unstick.backends.base import failure
from unstick.backends.redis import Command, RedisConnection
from unstick.backends.redis_reads import check
from unstick.facts.reading import Source, TroubleKind
from unstick.secret import Url

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
SOURCE = Source("redis/x", "x", "redis", 1.0)
Dump = Mapping[str, Any]


def load(name: str) -> dict[str, Any]:
    dump: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())
    return dump


def entry(kind: str, value: Any) -> dict[str, Any]:
    return {"type": kind, "len": len(value), "value": value}


class DumpConnection(RedisConnection):
    """Counts come from the recorded lengths, since a dump keeps only the first members of a large key."""

    def __init__(self, dump: Dump, server_at: float = 1_795_325_300.25) -> None:
        super().__init__(Url("redis://nowhere"))
        self.dump = dict(dump)
        self.server_at = server_at
        self.trips: list[list[Command]] = []

    async def pipeline(self, commands: Sequence[Command]) -> list[object]:
        for command in commands:
            check(command)
        if commands:
            self.trips.append(list(commands))
        return [self._answer(*command) for command in commands]

    def asked(self, name: str) -> list[Command]:
        return [command for trip in self.trips for command in trip if command[0] == name]

    def _answer(self, name: Any, *args: Any) -> object:
        if name == "TIME":
            seconds, micros = divmod(round(self.server_at * 1e6), 1_000_000)
            return [b"%d" % seconds, b"%d" % micros]
        if name == "SCAN":
            pattern = re.sub(r"\\(.)", r"[\1]", args[2])
            return [b"0", [_bytes(key) for key in self.dump if fnmatch.fnmatchcase(key, pattern)]]
        if name == "EXISTS":
            return sum(key in self.dump for key in args)
        kind, rest = _OF_KIND[name]
        held = self.dump.get(args[0], {"type": kind, "len": 0, "value": {} if kind == "hash" else []})
        if held["type"] != kind:
            return failure(TroubleKind.SCHEMA, f"{name}: another type")
        return rest(held, *args[1:])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _length(held: Dump, *_: object) -> int:
    return int(held["len"])


def _scores(held: Dump, start: int, stop: int, *_: object) -> list[list[object]]:
    rows = sorted(held["value"], key=lambda row: row[1])[start : stop + 1]
    return [[_bytes(member), score] for member, score in rows]


def _newest(held: Dump, start: int, stop: int, *_: object) -> list[list[object]]:
    rows = sorted(held["value"], key=lambda row: -row[1])[start : stop + 1]
    return [[_bytes(member), score] for member, score in rows]


def _item(held: Dump, index: int) -> bytes | None:
    return _bytes(held["value"][index]) if held["value"] else None


def _field(held: Dump, field: Any) -> bytes | None:
    value = held["value"].get(field if isinstance(field, str) else field.decode())
    return None if value is None else _bytes(value)


_OF_KIND: dict[str, tuple[str, Any]] = {
    "LLEN": ("list", _length),
    "LINDEX": ("list", _item),
    "HLEN": ("hash", _length),
    "HGET": ("hash", _field),
    "HSTRLEN": ("hash", lambda held, field: len(_field(held, field) or b"")),
    "SCARD": ("set", _length),
    "SMEMBERS": ("set", lambda held: [_bytes(member) for member in held["value"]]),
    "SSCAN": ("set", lambda held, *_: [b"0", [_bytes(member) for member in held["value"]]]),
    "ZCARD": ("zset", _length),
    "ZCOUNT": ("zset", lambda held, low, high: sum(float(low) <= score <= float(high) for _, score in held["value"])),
    "ZRANGE": ("zset", _scores),
    "ZREVRANGE": ("zset", _newest),
}
