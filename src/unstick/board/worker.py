"""One worker, whatever system it belongs to: its life, and what it holds."""

from __future__ import annotations

from typing import Literal

import msgspec

from unstick.facts.level import Level

Kind = Literal["crawler", "dramatiq", "celery", "http"]
Life = Literal["alive", "dead", "stalled", "unknown", "left"]
Fault = Literal["", "silent", "hung-up", "stuck", "unproductive", "unhealthy", "broker-lost", "unsure", "unseen"]
"""What is wrong with a worker, where something is: ``unsure`` needs another look, ``unseen`` another source."""

SKEW_S = 2.0
"""A sign of life this far in the future comes from a clock that is off."""


class Holds(msgspec.Struct, frozen=True):
    """What a worker holds; ``None`` where the source that would tell was not seen."""

    proxies: int | None = None
    locks: int | None = None
    tasks: int | None = None
    unacked: int | None = None


class Worker(msgspec.Struct, frozen=True):
    """One worker. ``last_seen_s``: seconds since its newest sign of life; negative is clock skew, shown as such."""

    id: str
    kind: Kind
    life: Life
    level: Level
    container: str | None
    last_seen_s: float | None
    holds: Holds
    note: str
    source: str
    stuck_s: float | None = None
    """For how long at least it has acknowledged nothing, while that is what is wrong with it."""
    fault: Fault = ""
    skew_s: float | None = None
    """How far its host's clock is ahead of the server's, where its heartbeat moves and tells."""
    pool: str = ""
    """The source of the broker whose messages it does, where that is known: of Celery by its events, of an endpoint
    by ``broker`` in the configuration."""
    holder: str = ""
    """What the board calls it, where that is not what its source does."""
    pid: int | None = None
    """Of its process, where it says so."""

    @property
    def whose(self) -> str:
        """The worker that it is, whoever tells of it."""
        return self.holder or self.id

    @property
    def name(self) -> str:
        """Short enough for a line: Dramatiq ids are UUIDs, eight characters tell them apart."""
        return f"{self.source}/{self.id[:8]}" if self.kind == "dramatiq" else self.id


def held(holds: Holds) -> str:
    """What it holds, in words."""
    parts = [
        f"{count} {word if count == 1 else plural}"
        for count, word, plural in (
            (holds.proxies, "proxy", "proxies"),
            (holds.tasks, "task", "tasks"),
            (holds.locks, "lock", "locks"),
            (holds.unacked, "message", "messages"),
        )
        if count
    ]
    return ", ".join(parts) or "nothing"
