"""The page of a queue: what waits in it, who takes from it, and how it went."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.queues import Queue
from unstick.facts.level import Level
from unstick.facts.units import duration, exact
from unstick.views.flow import Flow, flow
from unstick.views.pages.model import Fact, Known, Limit, Page, Part, findings, happened
from unstick.views.words import cell
from unstick.views.workers import worker_key

MOST = 30


def queue(known: Known, key: str) -> Page | None:
    """One queue of any job system."""
    queues, name = known.subjects.queues, key.partition(":")[2]
    found = next((q for q in queues.items if q.key == name), None) if queues else None
    if found is None:
        return None
    limits = known.board.context.thresholds
    moves = flow(known.board.memory, f"queue:{found.key}", found.ready, found.growth_per_min)
    place = found.system if found.place == found.system else f"{found.system} {found.place}"
    return Page(
        key,
        "queues",
        f"queue {found.name}",
        found.level,
        cell(found.note or f"{exact(found.ready)} wait; {moves.says}"),
        (
            Part("What waits", tuple(_depths(known, found, place))),
            Part("Flow of the last minute", tuple(_flow(known, found, moves))),
            Part("What is wrong", findings(known, f"queue:{found.key}"), "nothing is"),
            Part("Who takes from it", tuple(_takers(known, found)), "nobody that unstick sees"),
            happened(known, found.key),
        ),
        known.curve(
            f"queue:{found.key}",
            "messages that wait",
            "count",
            Limit(limits.queue_warning, "warning"),
            Limit(limits.queue_critical, "critical", Level.CRITICAL),
        ),
    )


def _depths(known: Known, found: Queue, place: str) -> Iterator[Fact]:
    source = found.source
    yield known.fact("broker", place, source, jump=f"service:{source}")
    yield known.fact("ready", exact(found.ready), source, level=found.level)
    yield known.fact("in flight", exact(found.in_flight), source)
    for name, value in (("delayed", found.delayed), ("dead", found.dead), ("consumers", found.consumers)):
        if value is not None:
            yield known.fact(name, exact(value), source)
    if found.ready:
        yield known.fact("oldest waits for", duration(found.oldest_s), source)


def _flow(known: Known, found: Queue, moves: Flow) -> Iterator[Fact]:
    yield known.fact("in", moves.told_in, found.source)
    yield known.fact("out", moves.told_out, found.source)
    yield known.fact("empty in", moves.told_drain, found.source)


def _takers(known: Known, found: Queue) -> Iterator[Fact]:
    """Workers of the same broker, and connections of its virtual host."""
    workers, channels = known.subjects.workers, known.subjects.channels
    for worker in [w for w in workers.items if w.source == found.source][:MOST] if workers else ():
        text = f"{worker.life}, {exact(worker.holds.unacked)} in flight"
        yield known.fact(f"worker {worker.name}", text, worker.source, jump=worker_key(worker), level=worker.level)
    rabbit = known.of_system("rabbitmq")
    if channels and found.source == rabbit:
        for link in [one for one in channels.items if one.connection.vhost == found.place][:MOST]:
            name = link.connection.client or link.connection.name
            text = f"{exact(link.connection.channels)} channels"
            yield known.fact(f"connection {name}", text, rabbit, jump=f"link:{link.key}", level=link.level)
