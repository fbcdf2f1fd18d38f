"""The page of a connection to RabbitMQ: its channels, and when they will reach their limit."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.channels import Link
from unstick.board.holders import Names, called, processes
from unstick.facts.level import Level
from unstick.facts.units import clock_time, duration, exact
from unstick.views.pages.model import Fact, Known, Limit, Page, Part, findings, happened
from unstick.views.words import cell
from unstick.views.workers import worker_key

MOST = 30


def link(known: Known, key: str) -> Page | None:
    """One connection."""
    channels, name = known.subjects.channels, key.partition(":")[2]
    found = next((one for one in channels.items if one.key == name), None) if channels else None
    if found is None:
        return None
    seen, source = found.connection, known.of_system("rabbitmq")
    warning = known.board.context.rabbitmq.channels_warning
    most = (Limit(seen.channel_max, "limit", Level.CRITICAL),) if seen.channel_max else ()
    return Page(
        key,
        "channels",
        f"connection {seen.client or seen.product or seen.name}",
        found.level,
        cell(", ".join(found.notes) or seen.state or "nothing is known of its state"),
        (
            Part("Who it is", tuple(_identity(known, found, source))),
            Part("Channels", tuple(_channels(known, found, source))),
            Part("What is wrong", findings(known, f"channels:{found.key}"), "nothing is"),
            Part("Queues of its virtual host", tuple(_queues(known, seen.vhost)), "none is known"),
            happened(known, found.key),
        ),
        known.curve(f"channels:{found.key}", "channels", "count", Limit(warning, "warning"), *most),
    )


def _identity(known: Known, found: Link, source: str) -> Iterator[Fact]:
    seen = found.connection
    yield known.fact("name", seen.name, source)
    yield known.fact("client", seen.client or "– (it gives itself no name)", source)
    if seen.process:
        yield known.fact("process", seen.process, source)
    yield from _worker(known, found)
    yield known.fact("user", seen.user or "–", source)
    yield known.fact("from", seen.peer or "–", source)
    yield known.fact("library", seen.product or "–", source)
    yield known.fact("virtual host", seen.vhost or "–", source)
    yield known.fact("connected at", f"{clock_time(seen.connected_at)}Z" if seen.connected_at else "–", source)
    yield known.fact("state", seen.state or "–", source)
    off = seen.heartbeat_s == 0
    beat = "–" if seen.heartbeat_s is None else "off" if off else f"every {duration(seen.heartbeat_s)}"
    yield known.fact("heartbeat", beat, source, level=Level.WARNING if off else Level.OK)


def _worker(known: Known, found: Link) -> Iterator[Fact]:
    """The worker that the connection is of, where its name says so."""
    names = set(called(found, Names(known.board.context)))
    workers = known.subjects.workers
    for worker in [w for w in workers.items if names & {w.whose, processes(w)}] if workers else ():
        text = f"{worker.name}, {worker.life}"
        yield known.fact("worker", text, worker.source, jump=worker_key(worker), level=worker.level)


def _channels(known: Known, found: Link, source: str) -> Iterator[Fact]:
    seen = found.connection
    yield known.fact(
        "open", f"{exact(seen.channels)} of at most {exact(seen.channel_max)}", source, level=found.level
    )
    growth = "–" if found.growth_per_min is None else f"{found.growth_per_min:+.0f} a minute"
    yield known.fact("growth", growth, source)
    if found.full_in_s is not None:
        yield known.fact("limit reached in", duration(found.full_in_s), source, level=Level.CRITICAL)


def _queues(known: Known, vhost: str | None) -> Iterator[Fact]:
    queues, source = known.subjects.queues, known.of_system("rabbitmq")
    mine = [q for q in queues.items if q.source == source and q.place == vhost] if queues else []
    for queue in mine[:MOST]:
        takers = "" if queue.consumers is None else f", {exact(queue.consumers)} take them"
        text = f"{exact(queue.ready)} wait{takers}"
        yield known.fact(f"queue {queue.name}", text, source, jump=f"queue:{queue.key}", level=queue.level)
