"""The page of a finding: what it rests on, and where to look."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.findings import Finding
from unstick.board.held import things
from unstick.facts.level import Level
from unstick.facts.units import clock_time, duration
from unstick.views.pages.model import Curve, Fact, Known, Page, Part
from unstick.views.words import cell
from unstick.views.workers import worker_key

MOST = 30


def finding(known: Known, key: str) -> Page | None:
    """One finding of the verdict."""
    name = key.partition(":")[2]
    found = next((one for one in known.board.findings if one.id == name), None)
    if found is None:
        return None
    return Page(
        key,
        found.subject,
        found.title,
        found.level,
        cell(f"for {duration(known.board.frame.at - found.since)}, since {clock_time(found.since)}Z"),
        (
            Part("Evidence", tuple(known.fact("", e.text, e.source) for e in found.evidence), "what is said above"),
            Part("What it explains", tuple(_symptoms(known, found)), "nothing else"),
            Part("What to do", tuple(_advice(known, found)), "nothing"),
            Part("Where to look", tuple(_ties(known, found)), "the pane of its subject tells all that is known"),
        ),
        _curves(known, found),
        "What is stuck",
    )


def _symptoms(known: Known, found: Finding) -> Iterator[Fact]:
    for symptom in found.symptoms:
        yield known.fact(symptom.level.value, symptom.title, level=symptom.level)
    if found.symptom_count > len(found.symptoms):
        yield known.fact("", f"and {found.symptom_count - len(found.symptoms)} more")


def _advice(known: Known, found: Finding) -> Iterator[Fact]:
    if found.held:
        yield known.fact("holds", things(found.holds))
    if found.forecast is not None:
        yield known.fact("forecast", f"{found.forecast.what} in {duration(found.forecast.in_s)}")
    if found.advice:
        yield known.fact("what to do", found.advice)
    if found.action:
        yield known.fact("mended by", f"unstick {found.action}")


def _ties(known: Known, found: Finding) -> Iterator[Fact]:
    """The rows that the finding is about."""
    yield from _containers(known, found)
    queues, channels, locks = known.subjects.queues, known.subjects.channels, known.subjects.locks
    for queue in queues.items if queues else ():
        if found.id.endswith(f":{queue.key}"):
            yield known.fact("queue", queue.name, queue.source, jump=f"queue:{queue.key}", level=queue.level)
    for link in channels.items if channels else ():
        if found.id.endswith(f":{link.key}"):
            name = link.connection.client or link.connection.name
            yield known.fact(
                "connection", name, known.of_system("rabbitmq"), jump=f"link:{link.key}", level=link.level
            )
    if found.subject == "locks" and locks:
        for lock in [lock for lock in locks.items if lock.level is not Level.OK][:MOST]:
            text = f"{lock.row.kind} {lock.row.task_id} of {lock.row.worker_id}"
            yield known.fact(lock.state, text, lock.source, jump=f"lock:{lock.key}", level=lock.level)
    if found.subject == "sync":
        yield known.fact("sync", "the balance sync", known.of_system("sync"), jump="sync:sync", level=found.level)


def _containers(known: Known, found: Finding) -> Iterator[Fact]:
    workers, proxies = known.subjects.workers, known.subjects.proxies
    words = f"{found.id} {found.title}"
    for container in workers.containers if workers else ():
        if container.id in words:
            text = f"{container.id}: {container.alive} of {container.workers} alive"
            yield known.fact("container", text, known.of_system("crawler"), jump=f"container:{container.id}")
    for worker in workers.items if workers else ():
        if worker.id in words or (worker.level is Level.CRITICAL and worker.container and worker.container in words):
            text = f"{worker.name}: {worker.note or worker.life}"
            yield known.fact("worker", text, worker.source, jump=worker_key(worker), level=worker.level)
    for proxy in [p for p in proxies.items if p.container and p.container in words][:MOST] if proxies else ():
        text = f"{proxy.id}: {proxy.state}, held by {proxy.worker_id}"
        yield known.fact("proxy", text, known.of_system("crawler"), jump=f"proxy:{proxy.id}")


def _curves(known: Known, found: Finding) -> tuple[Curve, ...]:
    named = {
        "proxies": ("proxies:stuck", "proxies stuck"),
        "locks": ("locks:expired", "locks expired"),
        "sync": ("sync:lag", "since the last success"),
        "queues": ("queues:waiting", "messages that wait"),
        "channels": ("channels:total", "channels"),
    }
    name, title = named.get(found.subject, ("", ""))
    return known.curve(name, title, "seconds" if found.subject == "sync" else "count")
