"""A Frame: everything that was seen at one instant, by whichever feed."""

from __future__ import annotations

import msgspec

from unstick.facts.automation import AutomationFacts
from unstick.facts.beat import BeatFacts
from unstick.facts.celery import CeleryFacts
from unstick.facts.celery_events import CeleryEventsFacts
from unstick.facts.crawler import CrawlerFacts
from unstick.facts.dependency import DependencyFacts
from unstick.facts.dramatiq import DramatiqFacts
from unstick.facts.health import HealthFacts
from unstick.facts.host import HostFacts
from unstick.facts.locks import LockFacts
from unstick.facts.log import LogFacts
from unstick.facts.maintenance import MaintenanceFacts
from unstick.facts.probe import ProbeFacts
from unstick.facts.rabbitmq import RabbitFacts
from unstick.facts.reading import Fresh, Missing, Source, Stale
from unstick.facts.servers import PostgresServerFacts, RedisServerFacts
from unstick.facts.sync import SyncApiFacts, SyncDataFacts

Fact = (
    DramatiqFacts
    | CeleryFacts
    | RabbitFacts
    | HealthFacts
    | CrawlerFacts
    | SyncApiFacts
    | SyncDataFacts
    | LockFacts
    | HostFacts
    | PostgresServerFacts
    | RedisServerFacts
    | AutomationFacts
    | CeleryEventsFacts
    | BeatFacts
    | DependencyFacts
    | MaintenanceFacts
    | ProbeFacts
    | LogFacts
)
"""One line per system: the registry of facts. Members are tagged, so a tape can tell them apart."""

AnyReading = Fresh[Fact] | Stale[Fact] | Missing


class Observation(msgspec.Struct, frozen=True):
    """One source and what it last said."""

    source: Source
    reading: AnyReading


class Frame(msgspec.Struct, frozen=True, eq=False):
    """Compared by identity: two looks are never the same look. ``at`` is UTC seconds, the clock of all ages."""

    seq: int
    at: float
    context: str
    observations: tuple[Observation, ...]
