"""The board as numbers for Prometheus: names and units by its conventions. What is unknown has no sample, never 0."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from unstick.board.board import Board
from unstick.board.channels import Channels
from unstick.board.host import Host
from unstick.board.locks import Locks
from unstick.board.proxies import Proxies
from unstick.board.queues import Queues
from unstick.board.services import Services
from unstick.board.sync import Sync
from unstick.board.workers import Workers
from unstick.facts.level import Level
from unstick.views.metric_help import HELP

PREFIX = "unstick_"
CONNECTIONS_CAP = 50
"""Of connections with most channels: each is a time series of its own."""
FINDINGS_CAP = 100

Labels = tuple[tuple[str, str], ...]


class Sample(NamedTuple):
    """One value. ``name`` lacks the prefix; a counter's ends in ``_total``."""

    name: str
    value: float
    labels: Labels = ()


class Metric(NamedTuple):
    """All samples of one name, which have the same label names."""

    name: str
    help: str
    labels: tuple[str, ...]
    samples: tuple[Sample, ...]


def metrics(board: Board) -> list[Metric]:
    """Everything that the board knows as a number, by name."""
    found: dict[str, list[Sample]] = {}
    for sample in _samples(board):
        if math.isfinite(sample.value):
            found.setdefault(sample.name, []).append(sample)
    return [
        Metric(PREFIX + name, HELP[name], tuple(label for label, _ in samples[0].labels), tuple(samples))
        for name, samples in sorted(found.items())
    ]


def _samples(board: Board) -> Iterator[Sample]:
    subjects = board.subjects
    yield Sample("last_look_timestamp_seconds", board.frame.at)
    yield Sample("level", board.level.rank)
    for level in Level:
        yield Sample("findings", sum(f.level is level for f in board.findings), (("level", level.value),))
    for finding in board.findings[:FINDINGS_CAP]:
        yield Sample("finding", 1, (("id", finding.id), ("level", finding.level.value), ("subject", finding.subject)))
    for state in board.sources:
        labels = (("source", state.source.id), ("server", state.source.server))
        yield Sample("source_up", float(state.state == "fresh"), labels)
        yield from _known("source_age_seconds", state.age_s, *labels)
        if state.state == "fresh":
            yield Sample("source_look_seconds", state.cost.took_s, labels)
    yield from _workers(subjects.workers) if subjects.workers else ()
    yield from _proxies(subjects.proxies) if subjects.proxies else ()
    yield from _queues(subjects.queues) if subjects.queues else ()
    yield from _channels(subjects.channels) if subjects.channels else ()
    yield from _sync(subjects.sync) if subjects.sync else ()
    yield from _locks(subjects.locks) if subjects.locks else ()
    yield from _services(subjects.services)
    yield from _host(subjects.host) if subjects.host else ()


def _known(name: str, value: float | None, *labels: tuple[str, str]) -> Iterator[Sample]:
    if value is not None:
        yield Sample(name, float(value), labels)


def _workers(workers: Workers) -> Iterator[Sample]:
    for life in ("alive", "stalled", "dead", "unknown"):
        yield from _known("workers", getattr(workers, life), ("life", life))


def _proxies(proxies: Proxies) -> Iterator[Sample]:
    for state in ("in_use", "blocked", "free"):
        yield from _known("proxies", getattr(proxies, state), ("state", state))
    yield from _known("stuck_proxies", proxies.stuck)
    yield from _known("unowned_proxies", proxies.unowned)


def _queues(queues: Queues) -> Iterator[Sample]:
    for queue in queues.items:
        labels = (("queue", queue.name), ("system", queue.system), ("place", queue.place))
        for state in ("ready", "in_flight", "delayed", "dead"):
            yield from _known("queue_messages", getattr(queue, state), *labels, ("state", state))
        yield from _known("queue_consumers", queue.consumers, *labels)
        yield from _known("queue_oldest_message_age_seconds", queue.oldest_s, *labels)


def _channels(channels: Channels) -> Iterator[Sample]:
    yield from _known("rabbitmq_connections", channels.connections)
    yield from _known("rabbitmq_channels", channels.channels)
    if channels.alarms_known:
        yield Sample("rabbitmq_alarms", float(len(channels.alarms)))
    most = sorted(channels.items, key=lambda link: -(link.connection.channels or 0))[:CONNECTIONS_CAP]
    for link in most:
        labels = (("connection", link.key), ("client", link.connection.client or ""))
        yield from _known("rabbitmq_connection_channels", link.connection.channels, *labels)


def _sync(sync: Sync) -> Iterator[Sample]:
    yield from _known("sync_lag_seconds", sync.lag_s)
    yield from _known("sync_overdue", sync.overdue)
    yield from _known("sync_last_duration_seconds", sync.last_duration_s)
    yield from _known("sync_last_errors", sync.errors)
    yield from _known("sync_last_processed", sync.processed)
    if sync.drift is not None and sync.drift.sampled:
        yield Sample("sync_drift_ratio", sync.drift.differing / sync.drift.sampled)


def _locks(locks: Locks) -> Iterator[Sample]:
    yield from _known("locks", locks.total)
    for state in ("expired", "orphaned", "endless"):
        yield from _known("bad_locks", getattr(locks, state), ("state", state))


def _services(services: Services) -> Iterator[Sample]:
    """The numbers of a service under the name of its kind; a worker's endpoint has a few of its own."""
    for item in services.items:
        label = ("source", item.name)
        if item.judged is not None:
            kind = item.name.partition("-")[0] if item.kind == "server" else item.kind.replace("-", "_")
            for name, value in item.judged.numbers:
                yield from _known(f"{kind}_{name}", value, label)
        if item.worker is not None and item.state.state == "fresh":
            yield from _known("worker_uptime_seconds", item.worker.uptime_s, label)
            yield from _known("worker_processed_tasks_total", item.worker.processed, label)
            yield from _known("worker_healthy", item.worker.healthy, label)


def _host(host: Host) -> Iterator[Sample]:
    facts = host.facts
    if facts is None:
        return
    yield from _known("host_cpu_usage_ratio", None if facts.cpu_percent is None else facts.cpu_percent / 100)
    yield Sample("host_memory_usage_ratio", facts.memory_percent / 100)
    yield Sample("host_swap_usage_ratio", facts.swap_percent / 100)
    yield from _known("host_load1", facts.load_1)
    for disk in facts.disks:
        yield Sample("host_disk_usage_ratio", disk.used_percent / 100, (("mount", disk.mount),))
        yield Sample("host_disk_free_bytes", disk.free_bytes, (("mount", disk.mount),))
    yield Sample("own_resident_memory_bytes", facts.own_rss_bytes)
