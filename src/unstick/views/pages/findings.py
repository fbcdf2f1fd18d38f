"""The page of a finding: what it rests on, and where to look."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.findings import Finding
from unstick.board.held import things
from unstick.facts.level import Level
from unstick.facts.units import clock_time, duration, exact
from unstick.views.findings import title, told_of
from unstick.views.pages.model import Curve, Fact, Known, Page, Part, happened, words_of
from unstick.views.pages.tasks import table_fact
from unstick.views.pane import Role
from unstick.views.words import cell
from unstick.views.workers import worker_key


def finding(known: Known, key: str) -> Page | None:
    """One finding of the verdict."""
    name = key.partition(":")[2]
    found = next((one for one in known.board.findings if one.id == name), None)
    if found is None:
        return None
    evidence = tuple(known.fact("", each.text, each.source) for each in found.evidence)
    parts = (
        Part("What to do", tuple(_advice(known, found))),
        Part("Evidence", evidence),
        Part("What follows from it", tuple(_symptoms(known, found))),
        Part("Where to look", tuple(_ties(known, found))),
        happened(known, found.id),
    )
    lasts = duration(max(0.0, known.board.frame.at - found.since))
    return Page(
        key,
        found.subject,
        title(found),
        found.level,
        cell(f"for {lasts}, since {clock_time(found.since)}Z{f'; {found.aside}' if found.aside else ''}"),
        tuple(part for part in parts if part.facts),
        _curves(known, found),
        "What is stuck",
    )


def _symptoms(known: Known, found: Finding) -> Iterator[Fact]:
    for symptom in found.symptoms:
        yield known.fact(symptom.level.value, symptom.title, level=symptom.level)
    if found.symptom_count > len(found.symptoms):
        yield known.fact("", f"and {found.symptom_count - len(found.symptoms)} more")


def _advice(known: Known, found: Finding) -> Iterator[Fact]:
    noticed = known.board.acks.get(found.id)
    if noticed is not None:
        yield known.fact("taken note of", told_of(noticed.ack, known.board.frame.at))
    if found.held:
        yield known.fact("it holds", things(found.holds))
    if found.forecast is not None:
        yield known.fact("forecast", f"{found.forecast.what} in {duration(found.forecast.in_s)}")
    if found.advice:
        yield known.fact("what to do", found.advice)
    if found.action:
        yield Fact("mended by", cell(f"unstick {found.action}"), command=found.action)
    yield known.fact("rule", f"{found.rule}: unstick explain {found.rule}", role=Role.DIM)


def _ties(known: Known, found: Finding) -> Iterator[Fact]:
    """The rows that the finding is about: by its topics, else by the names that it says."""
    names = words_of(f"{found.id} {found.title}")
    topics = {topic[-1] for topic in (*found.about, *found.explains) if topic}
    yield from _holders(known, names)
    queues, channels, locks = known.subjects.queues, known.subjects.channels, known.subjects.locks
    for queue in queues.items if queues else ():
        if queue.key in topics or (queue.level.rank >= Level.WARNING.rank and queue.source in topics):
            text = f"{queue.name}: {exact(queue.ready)} wait"
            yield known.fact("queue", text, queue.source, jump=f"queue:{queue.key}", level=queue.level)
    for link in channels.items if channels else ():
        if link.key in topics:
            name = link.connection.client or link.connection.name
            source = known.of_system("rabbitmq")
            yield known.fact("connection", name, source, jump=f"link:{link.key}", level=link.level)
    for lock in locks.items if locks else ():
        if lock.row.worker_id in names or (found.subject == "locks" and lock.level is not Level.OK):
            text = f"{lock.row.kind} {lock.row.task_id} of {lock.row.worker_id}"
            yield known.fact(lock.state, text, lock.source, jump=f"lock:{lock.key}", level=lock.level)
    proxies = known.subjects.proxies
    for table in proxies.tables if proxies and "tasks" in topics else ():
        yield table_fact(known, table)
    if found.subject == "sync":
        yield known.fact("sync", "the balance sync", known.of_system("sync"), jump="sync:sync", level=found.level)
    for source in found.sources:
        yield known.fact("said by", source, source, jump=f"service:{source}")


def _holders(known: Known, names: frozenset[str]) -> Iterator[Fact]:
    workers, proxies = known.subjects.workers, known.subjects.proxies
    crawler = known.of_system("crawler")
    for container in [c for c in workers.containers if c.id in names] if workers else ():
        text = f"{container.id}: {container.alive} of {container.workers} alive"
        level = Level.CRITICAL if container.gone else Level.OK
        yield known.fact("container", text, crawler, jump=f"container:{container.id}", level=level)
    for worker in workers.items if workers else ():
        inside = worker.container in names and worker.level is Level.CRITICAL
        if worker.id in names or worker.name in names or worker.name.rpartition("/")[2] in names or inside:
            text = f"{worker.name}: {worker.note or worker.life}"
            yield known.fact("worker", text, worker.source, jump=worker_key(worker), level=worker.level)
    for proxy in [p for p in proxies.items if p.container in names or p.worker_id in names] if proxies else ():
        text = f"{proxy.id}: {proxy.state}, held by {proxy.worker_id}"
        yield known.fact("proxy", text, crawler, jump=f"proxy:{proxy.id}")


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
