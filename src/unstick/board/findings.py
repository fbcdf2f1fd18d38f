"""What is wrong, one line each: the level of every subject with its reason and what it rests on."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from unstick.board.channels import Channels
from unstick.board.host import Host
from unstick.board.locks import Locks
from unstick.board.memory import Notes
from unstick.board.proxies import Proxies, Proxy
from unstick.board.queues import Queues
from unstick.board.services import Service, Services
from unstick.board.sync import Sync
from unstick.board.workers import Worker, Workers
from unstick.facts.level import Level
from unstick.facts.units import duration


class Finding(msgspec.Struct, frozen=True):
    """``id`` is stable while the cause lasts; ``subject`` is the key of its pane; ``since`` is UTC seconds."""

    id: str
    subject: str
    level: Level
    title: str
    evidence: tuple[str, ...]
    since: float
    action: str | None = None
    held: int = 0
    """How many things it holds back: of two causes equally bad, the one that holds more stands first."""


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


def find(subjects: Subjects, notes: Notes) -> tuple[Finding, ...]:
    """All findings, the worst first; ``since`` survives as long as the same id is found."""
    found = [
        *_workers(subjects.workers),
        *_proxies(subjects.proxies, subjects.workers),
        *_queues(subjects.queues),
        *_channels(subjects.channels),
        *_sync(subjects.sync),
        *_locks(subjects.locks),
        *_sources(subjects.services, subjects.workers),
        *_host(subjects.host),
    ]
    notes.remember("findings", notes.at, {finding.id: "found" for finding in found})
    dated = []
    for finding in found:
        track = notes.track("findings", finding.id)
        dated.append(msgspec.structs.replace(finding, since=track.since if track else notes.at))
    dated.sort(key=lambda finding: (-finding.level.rank, -finding.held, finding.since, finding.id))
    return tuple(dated)


def _finding(
    name: str, subject: str, level: Level, title: str, evidence: tuple[str, ...] = (), action: str | None = None
) -> Finding:
    return Finding(name, subject, level, title, evidence, 0.0, action)


def _workers(workers: Workers | None) -> Iterator[Finding]:
    """Workers that hold proxies are told by container, with the proxies; the others one by one."""
    for worker in workers.items if workers else ():
        if worker.level.rank < Level.WARNING.rank or (worker.life == "dead" and worker.holds.proxies):
            continue
        seen = "" if worker.last_seen_s is None else f", last sign {duration(worker.last_seen_s)} ago"
        life = "" if worker.life == "alive" else f"is {worker.life}: "
        title = f"worker {worker.name} {life}{worker.note}"
        evidence = (f"{worker.kind} {worker.id}{seen}",)
        finding = _finding(f"worker-{worker.life}:{worker.id}", "workers", worker.level, title, evidence)
        yield msgspec.structs.replace(finding, held=0 if worker.life == "alive" else _things(worker))


def _things(worker: Worker) -> int:
    holds = worker.holds
    return sum(count or 0 for count in (holds.proxies, holds.locks, holds.tasks, holds.unacked))


def _proxies(proxies: Proxies | None, workers: Workers | None) -> Iterator[Finding]:
    if proxies is None:
        return
    dead: dict[str, list[Worker]] = {}
    for worker in workers.items if workers else ():
        if worker.life == "dead" and worker.holds.proxies:
            dead.setdefault(worker.container or worker.id, []).append(worker)
    stuck: dict[str, list[Proxy]] = {}
    for proxy in proxies.items:
        if proxy.state == "stuck":
            stuck.setdefault(proxy.container or proxy.worker_id or "?", []).append(proxy)
    gone = {container.id for container in proxies.containers if container.gone}
    for container in dead | stuck:
        holders, rows = dead.get(container, []), stuck.get(container, [])
        title = _holders(container, holders, rows, gone=container in gone)
        evidence = rows[0].evidence if rows else tuple(f"{w.name}: {w.note}" for w in holders[:3])
        action = "free-proxies" if rows else None
        held = sum(worker.holds.proxies or 0 for worker in holders) or len(rows)
        finding = _finding(f"proxies-held-by-dead:{container}", "proxies", Level.CRITICAL, title, evidence, action)
        yield msgspec.structs.replace(finding, held=held)
    if proxies.free is not None and proxies.total and not stuck and proxies.level.rank > Level.OK.rank:
        title = f"pool runs dry: {proxies.free} of {proxies.total} proxies free"
        yield _finding("pool-dry", "proxies", proxies.level, title)


def _holders(container: str, holders: list[Worker], rows: list[Proxy], *, gone: bool) -> str:
    """``container 8b4f59aa is gone (last sign 1h02m ago) and still holds 15 proxies, 2 locks``."""
    proxies = sum(worker.holds.proxies or 0 for worker in holders) or len(rows)
    locks = sum(worker.holds.locks or 0 for worker in holders)
    held = f"{proxies} {'proxy' if proxies == 1 else 'proxies'}"
    held += f", {locks} {'lock' if locks == 1 else 'locks'}" if locks else ""
    ages = [worker.last_seen_s for worker in holders if worker.last_seen_s is not None]
    ago = f" (last sign {duration(min(ages))} ago)" if ages else ""
    if gone:
        return f"container {container} is gone{ago} and still holds {held}"
    if len(holders) == 1:
        return f"worker {holders[0].name} is dead{ago} and still holds {held}"
    if holders:
        return f"{len(holders)} workers of {container} are dead{ago} and still hold {held}"
    return f"{held} held for {container} without a task"


def _queues(queues: Queues | None) -> Iterator[Finding]:
    for late in queues.late if queues else ():
        title = (
            f"celery {late.place}: a message was delivered {duration(late.oldest_s)} ago and never acknowledged, "
            f"visibility timeout {duration(late.timeout_s)}"
        )
        evidence = (f"{late.unacked} messages are delivered and not acknowledged",)
        yield _finding(f"unacked:{late.place}", "queues", Level.CRITICAL, title, evidence)
    for queue in queues.items if queues else ():
        if queue.level.rank >= Level.WARNING.rank:
            age = "" if queue.oldest_s is None else f", oldest {duration(queue.oldest_s)}"
            why = f": {queue.note}" if queue.note else ""
            title = f"queue {queue.name} waits {queue.ready}{age}{why}"
            yield _finding(f"queue:{queue.key}", "queues", queue.level, title, (f"{queue.system} {queue.place}",))


def _channels(channels: Channels | None) -> Iterator[Finding]:
    if channels is None:
        return
    for alarm in channels.alarms:
        yield _finding(f"alarm:{alarm}", "channels", Level.CRITICAL, f"RabbitMQ alarm: {alarm}")
    for link in channels.items:
        if link.level.rank >= Level.WARNING.rank:
            name = link.connection.client or link.connection.name
            full = (
                ""
                if link.full_in_s is None
                else f"; limit {link.connection.channel_max} in {duration(link.full_in_s)}"
            )
            title = f"{name}: {', '.join(link.notes)}{full}"
            yield _finding(f"channels:{link.key}", "channels", link.level, title, (link.connection.name,))


def _sync(sync: Sync | None) -> Iterator[Finding]:
    if sync is None or sync.level.rank < Level.WARNING.rank:
        return
    lag = "never seen to work" if sync.lag_s is None else f"last success {duration(sync.lag_s)} ago"
    title = f"balance sync {', '.join(sync.notes)}; {lag}, due every {duration(sync.every_s)}"
    yield _finding("sync", "sync", sync.level, title, sync.notes, "sync-balances" if sync.overdue else None)


def _locks(locks: Locks | None) -> Iterator[Finding]:
    if locks is None or locks.level.rank < Level.WARNING.rank:
        return
    states: list[str] = [lock.state for lock in locks.items]
    parts = [
        f"{count} {word}"
        for total, word, state in (
            (locks.expired, "expired", "expired"),
            (locks.orphaned, "orphaned", "orphaned"),
            (locks.endless, "without an end", "endless"),
        )
        if (count := states.count(state) if total is None else total)
    ]
    title = f"task locks: {', '.join(parts)} of " + (
        f"{len(states)} seen" if locks.total is None else f"{locks.total}"
    )
    worst_lock = locks.items[0]
    evidence = (f"{worst_lock.row.kind} {worst_lock.row.task_id} held by {worst_lock.row.worker_id}",)
    yield _finding("locks", "locks", locks.level, title, evidence, "drain-locks")


def _sources(services: Services, workers: Workers | None) -> Iterator[Finding]:
    """What can't be seen, by server; an endpoint is a server, left out where its worker is told already."""
    items = workers.items if workers else ()
    told = {w.source for w in items if w.kind == "http" and w.level.rank >= Level.WARNING.rank}
    by_server: dict[str, list[str]] = {}
    first: dict[str, Service] = {}
    for item in services.items:
        if item.state.state != "fresh" and not item.state.pending and item.name not in told:
            server = item.state.source.server
            server = item.name if server == "http" else server
            by_server.setdefault(server, []).append(item.name)
            first.setdefault(server, item)
    for server, names in by_server.items():
        item = first[server]
        unseen = item.state.failing_s if item.state.failing_s is not None else item.state.age_s or 0.0
        title = f"cannot tell: {', '.join(names)} unseen for {duration(unseen)}: {item.note}"
        yield _finding(f"unseen:{server}", "services", item.level, title)


def _host(host: Host | None) -> Iterator[Finding]:
    if host is None or host.facts is None:
        return
    facts = host.facts
    if host.cpu.rank >= Level.WARNING.rank:
        yield _finding("host:cpu", "host", host.cpu, f"this host: CPU {facts.cpu_percent:.0f} %")
    if host.memory.rank >= Level.WARNING.rank:
        yield _finding("host:memory", "host", host.memory, f"this host: memory {facts.memory_percent:.0f} %")
    if host.disk.rank >= Level.WARNING.rank:
        disk = max(facts.disks, key=lambda d: d.used_percent)
        yield _finding("host:disk", "host", host.disk, f"this host: {disk.mount} {disk.used_percent:.0f} % full")
