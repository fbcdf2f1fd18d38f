"""Names of people, hosts, workers and clients as pseudonyms, for a tape that is shared.

Facts carry no secrets: pollers read no password, no task argument and no token. Under ``--hash-names`` only the texts
listed here stay readable; every other text of a Frame, also one of a fact yet to be written, becomes a keyed hash.
Equal texts stay equal within a tape, and a worker keeps its number: ``8b4f59aa_3`` is ``h:… _3`` of ``h:…``.
"""

from __future__ import annotations

from enum import Enum
from hashlib import blake2b
from typing import Any

import msgspec

from unstick.facts.frame import Frame, Observation

READABLE = frozenset(
    {
        *("Source.system", "Source.server"),
        *("CeleryFacts.name", "CeleryQueue.name", "DramatiqFacts.name", "DramatiqQueue.name", "TaskTable.name"),
        *("DramatiqProcess.in_flight_mark", "ProxyRow.id", "ProxyRow.version"),
        *("RabbitQueue.vhost", "RabbitQueue.name", "RabbitQueue.state", "RabbitQueue.owner"),
        *("RabbitConnection.vhost", "RabbitConnection.product", "RabbitConnection.state"),
        *("RabbitFacts.via", "RabbitFacts.version", "RabbitFacts.alarms"),
        *(
            "HealthFacts.status",
            "SyncApiFacts.status",
            "Drift.largest",
            "LockFacts.via",
            "LockRow.kind",
            "Disk.mount",
            "CeleryNode.version",
            "CeleryTask.name",
            "ScheduledTask.task",
            "CeleryEventsFacts.name",
            "BeatFacts.name",
            "BeatEntry.name",
            "BeatEntry.task",
            "Pool.name",
            "Breaker.name",
            "Breaker.state",
            "Timing.name",
            "Allowance.endpoint",
            "AutomationFacts.status",
            "AutomationFacts.failing",
            "LogHits.pattern",
            "ProbeFacts.way",
            "ProbeFacts.unit",
            "DependencyFacts.kind",
            "DependencyFacts.hint",
            "Sessions.state",
            "OpenTransaction.state",
            "Waiter.blocker_state",
            "Waiter.table",
            "Standby.state",
            "PostgresServerFacts.version",
            "PostgresServerFacts.watched",
            "Keyspace.purpose",
            "RedisServerFacts.version",
            "RedisServerFacts.policy",
            "RedisServerFacts.role",
        ),
    }
)
"""Texts that stay as they are: kinds, states, versions, names of queues and tables."""


class Redactor:
    """Pseudonyms under one key, which is forgotten with this object."""

    def __init__(self, key: bytes, separator: str = "_") -> None:
        self._key = key
        self._separator = separator
        self._known: dict[str, tuple[Observation, Observation]] = {}

    def frame(self, frame: Frame) -> Frame:
        """``frame`` with pseudonyms."""
        known = {}
        for observation in frame.observations:
            before = self._known.get(observation.source.id)
            if before is None or before[0].reading is not observation.reading:
                before = (observation, self._struct(observation))
            known[observation.source.id] = before
        self._known = known
        return msgspec.structs.replace(frame, observations=tuple(pair[1] for pair in known.values()))

    def name(self, text: str) -> str:
        """The pseudonym of one text."""
        head, separator, tail = text.rpartition(self._separator)
        if separator and head and tail.isascii() and tail.isdigit():
            return f"{self.name(head)}{separator}{tail}"
        return "h:" + blake2b(text.encode("utf-8", "replace"), key=self._key, digest_size=4).hexdigest()

    def _struct(self, struct: Any) -> Any:
        kind = type(struct).__name__
        changed = {
            field: self._source_id(value) if (kind, field) == ("Source", "id") else self._value(value)
            for field in struct.__struct_fields__
            if f"{kind}.{field}" not in READABLE and (value := getattr(struct, field)) is not None
        }
        return msgspec.structs.replace(struct, **changed)

    def _value(self, value: Any) -> Any:
        if isinstance(value, msgspec.Struct):
            return self._struct(value)
        if isinstance(value, tuple):
            return tuple(self._value(item) for item in value)
        return self.name(value) if isinstance(value, str) and not isinstance(value, Enum) and value else value

    def _source_id(self, text: str) -> str:
        """The system stays, the address behind it does not."""
        system, separator, rest = text.partition(":")
        return f"{system}:{self.name(rest)}" if separator else text
