"""A finding as data: what is wrong, on what evidence, what it holds back and what it explains."""

from __future__ import annotations

import msgspec

from unstick.board.channels import Channels
from unstick.board.held import Held
from unstick.board.host import Host
from unstick.board.locks import Locks
from unstick.board.proxies import Proxies
from unstick.board.queues import Queues
from unstick.board.services import Services
from unstick.board.sync import Sync
from unstick.board.workers import Workers
from unstick.facts.level import Level


class Subjects(msgspec.Struct, frozen=True, eq=False):
    """The folded subjects; ``None`` where nothing of the kind is configured."""

    workers: Workers | None
    proxies: Proxies | None
    queues: Queues | None
    channels: Channels | None
    sync: Sync | None
    locks: Locks | None
    services: Services
    host: Host | None


class Evidence(msgspec.Struct, frozen=True):
    """One thing that a finding rests on.

    ``value`` was compared with ``limit``, which is the setting called ``key``; ``source`` said so ``age_s`` ago.
    """

    text: str
    value: float | None = None
    limit: float | None = None
    key: str = ""
    source: str = ""
    age_s: float | None = None


class Forecast(msgspec.Struct, frozen=True):
    """What comes in ``in_s`` seconds when it goes on as it did lately."""

    what: str
    in_s: float


class Symptom(msgspec.Struct, frozen=True):
    """A finding that another one explains; ``UNKNOWN`` when it was true before its source was lost."""

    id: str
    level: Level
    title: str


Topic = tuple[str, ...]
"""What findings are about, from the whole to its part: ``("queue", source, key)``. Who explains the whole explains
every part."""


class Finding(msgspec.Struct, frozen=True):
    """One conclusion. ``id`` is stable while it lasts; ``subject`` is the key of its pane; ``since`` is UTC seconds.

    A rule gives ``id``, ``level``, ``title`` and what it rests on; the verdict adds the rest.
    """

    id: str
    level: Level
    title: str
    evidence: tuple[Evidence, ...] = ()
    holds: Held = ()
    """What it keeps from being used or done: of two causes equally bad, the one that holds more stands first."""
    aside: str = ""
    """What an operator asks next, in a few words: how much is left, how old, how soon."""
    lasted_s: float = 0.0
    """How long it has been so by its own evidence, which may be longer than anybody watched."""
    forecast: Forecast | None = None
    action: str | None = None
    """The command that mends it."""
    advice: str = ""
    about: tuple[Topic, ...] = ()
    """When causes above it explain all of them, it is a symptom and no line of its own."""
    explains: tuple[Topic, ...] = ()
    """What follows from it."""
    sources: tuple[str, ...] = ()
    """Who said so. While one of them can't be seen, nobody knows whether it still holds."""
    kin: str = ""
    """Many findings of one rule with the same kin are one line."""
    rule: str = ""
    subject: str = ""
    since: float = 0.0
    symptoms: tuple[Symptom, ...] = ()
    symptom_count: int = 0
    changes: int = 0
    """How often its level turned within five minutes, where that is more often than thrice."""
    calm_s: float | None = None
    """For how long it has not been found; it is told until that is certain. ``None``: it was found now."""

    @property
    def held(self) -> int:
        """How many things it holds back."""
        return sum(count for _, count in self.holds)
