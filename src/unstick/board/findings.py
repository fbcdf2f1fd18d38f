"""What is wrong, one line each: the level of every subject with its reason and what it rests on."""

from __future__ import annotations

from collections import Counter
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

CAUSES = ("workers", "proxies", "services", "channels", "locks", "sync", "queues", "host")
"""Subjects from causes to symptoms: of two findings equally bad, the cause stands first."""


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
    lasted_s: float = 0.0
    """How long it has been so by its own evidence, which may be longer than anybody watched."""


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
        *_locks(subjects.locks, subjects.workers),
        *_sources(subjects.services, subjects.workers),
        *_services(subjects.services),
        *_host(subjects.host),
    ]
    notes.remember("findings", notes.at, {finding.id: "found" for finding in found})
    dated = []
    for finding in found:
        track = notes.track("findings", finding.id)
        seen = track.since if track else notes.at
        dated.append(msgspec.structs.replace(finding, since=min(seen, notes.at - max(0.0, finding.lasted_s))))
    dated.sort(key=lambda f: (-f.level.rank, CAUSES.index(f.subject), -f.held, f.since, f.id))
    return tuple(dated)


def _finding(
    name: str,
    subject: str,
    level: Level,
    title: str,
    evidence: tuple[str, ...] = (),
    action: str | None = None,
    *,
    held: int = 0,
    lasted_s: float | None = None,
) -> Finding:
    return Finding(name, subject, level, title, evidence, 0.0, action, held, lasted_s or 0.0)


def _workers(workers: Workers | None) -> Iterator[Finding]:
    """Workers that hold proxies are told by container, with the proxies; the others one by one."""
    for worker in workers.items if workers else ():
        if worker.level.rank < Level.WARNING.rank or (worker.life == "dead" and worker.holds.proxies):
            continue
        seen = "" if worker.last_seen_s is None else f", last sign {duration(worker.last_seen_s)} ago"
        life = "" if worker.life == "alive" else f"is {worker.life}: "
        title = f"worker {worker.name} {life}{worker.note}"
        evidence = (f"{worker.kind} {worker.id}{seen}",)
        held = 0 if worker.life == "alive" else _things(worker)
        lasted = worker.last_seen_s if worker.life == "dead" else worker.stuck_s
        name = f"worker-{worker.life}:{worker.id}"
        yield _finding(name, "workers", worker.level, title, evidence, held=held, lasted_s=lasted)


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
        lasted = min((w.last_seen_s for w in holders if w.last_seen_s is not None), default=None)
        name = f"proxies-held-by-dead:{container}"
        yield _finding(name, "proxies", Level.CRITICAL, title, evidence, action, held=held, lasted_s=lasted)
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
        return f"container {container} is gone and still holds {held}{ago}"
    if len(holders) == 1:
        return f"worker {holders[0].name} is dead and still holds {held}{ago}"
    if holders:
        return f"{len(holders)} workers of {container} are dead and still hold {held}{ago}"
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
            waits = "has an unknown depth" if queue.ready is None else f"waits {queue.ready}"
            title = f"queue {queue.name} {waits}{age}{why}"
            place = queue.system if queue.place == queue.system else f"{queue.system} {queue.place}"
            lasted = queue.oldest_s if queue.ready else None
            name = f"queue:{queue.key}"
            yield _finding(name, "queues", queue.level, title, (place,), held=queue.ready or 0, lasted_s=lasted)


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
    lag = "last success unknown" if sync.lag_s is None else f"last success {duration(sync.lag_s)} ago"
    title = f"balance sync {', '.join(sync.notes)}; {lag}, due every {duration(sync.every_s)}"
    late = sync.lag_s - sync.every_s if sync.overdue and sync.lag_s is not None else None
    action = "sync-balances" if sync.overdue else None
    yield _finding("sync", "sync", sync.level, title, sync.notes, action, lasted_s=late)


def _locks(locks: Locks | None, workers: Workers | None) -> Iterator[Finding]:
    """Locks of workers that are told with their proxies are told there."""
    told = (
        {w.id for w in workers.items if w.life == "dead" and w.holds.proxies and w.holds.locks} if workers else set()
    )
    bad = [lock for lock in locks.items if lock.level.rank >= Level.WARNING.rank] if locks else []
    if locks is None or all(lock.row.worker_id in told for lock in bad):
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
    holders = Counter(lock.row.worker_id for lock in bad)
    holder, most = holders.most_common(1)[0]
    whose = f", {'all' if most == len(bad) else most} of {holder}"
    total = f"{len(states)} seen" if locks.total is None else f"{locks.total}"
    title = f"task locks: {', '.join(parts)} of {total}{whose}"
    evidence = tuple(f"{lock.row.kind} {lock.row.task_id} of {lock.row.worker_id}: {lock.state}" for lock in bad[:5])
    lasted = max((-lock.left_s for lock in bad if lock.left_s is not None), default=None)
    yield _finding("locks", "locks", locks.level, title, evidence, "drain-locks", held=len(bad), lasted_s=lasted)


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
        unseen = item.state.age_s if item.state.age_s is not None else item.state.failing_s or 0.0
        title = f"cannot tell: {', '.join(names)} unseen for {duration(unseen)}: {item.note}"
        yield _finding(f"unseen:{server}", "services", item.level, title, lasted_s=unseen)


def _services(services: Services) -> Iterator[Finding]:
    for item in services.items:
        for problem in item.judged.problems if item.judged else ():
            name, title = f"{item.name}:{problem.id}", f"{item.name}: {problem.title}"
            yield _finding(name, "services", problem.level, title, problem.evidence, lasted_s=problem.lasted_s)


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
