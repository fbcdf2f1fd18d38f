"""Containers and workers that died with proxies, locks and tasks; the pool that runs dry; tasks nobody returns."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from unstick.board.findings import Evidence, Finding, Forecast, Topic
from unstick.board.held import Held, things
from unstick.board.memory import COLUMN_S, Memory
from unstick.board.proxies import Proxies, Proxy
from unstick.board.rules.rule import Case, Rule, bad
from unstick.board.worker import Worker
from unstick.board.workers import Container
from unstick.facts.level import Level
from unstick.facts.units import duration

DRAIN_S = 120.0
DRAIN_FALLS = 4
"""Columns in which the pool shrank, and none in which it grew: anything less is the breath of a living pool."""
SOON_S = 900.0
"""A pool that is dry sooner is worth a warning, however full it is."""


def _held(case: Case) -> Iterator[Finding]:
    proxies = case.subjects.proxies
    if proxies is None:
        return
    dead: dict[str, list[Worker]] = {}
    for worker in case.workers:
        if worker.kind == "crawler" and worker.life == "dead":
            dead.setdefault(worker.container or worker.id, []).append(worker)
    stuck: dict[str, list[Proxy]] = {}
    for proxy in proxies.items:
        if proxy.state == "stuck":
            stuck.setdefault(proxy.container or proxy.worker_id or "?", []).append(proxy)
    containers = {container.id: container for container in proxies.containers}
    for name in dead | stuck:
        yield _container(case, name, containers.get(name), dead.get(name, []), stuck.get(name, []))


def _container(
    case: Case,
    name: str,
    container: Container | None,
    dead: list[Worker],
    stuck: list[Proxy],
) -> Finding:
    gone = container is not None and container.silent
    locks = sum(worker.holds.locks or 0 for worker in dead)
    if container is not None and container.gone:
        locks = max(locks, len(case.locks_of.get(name, ())))
    tasks = sum(worker.holds.tasks or 0 for worker in dead)
    held: Held = (
        ("proxies", sum(worker.holds.proxies or 0 for worker in dead) or len(stuck)),
        ("tasks", tasks),
        ("locks", locks),
    )
    ages = [worker.last_seen_s for worker in dead if worker.last_seen_s is not None]
    pool = case.subjects.proxies
    explains: list[Topic] = [("worker", worker.whose) for worker in dead]
    explains += [*([("pool",)] if held[0][1] else []), *([("tasks",)] if tasks else [])]
    return Finding(
        f"proxies-held-by-dead:{name}",
        Level.CRITICAL,
        _title(name, dead, held, min(ages, default=None), gone=gone),
        tuple(_evidence(case, container, dead, stuck, min(ages, default=None))),
        held,
        "" if pool is None or pool.free is None else f"free pool {pool.free} of {pool.total}",
        min(ages, default=0.0),
        action="free-proxies" if stuck else None,
        explains=tuple(explains),
        sources=(dead[0].source,) if dead else case.of("crawler"),
    )


def _title(name: str, dead: list[Worker], held: Held, ago: float | None, *, gone: bool) -> str:
    """``container 8b4f59aa is gone and still holds 15 proxies, 2 locks (last sign 1h02m ago)``."""
    sign = "" if ago is None else f" (last sign {duration(ago)} ago)"
    if gone:
        return f"container {name} is gone and still holds {things(held)}{sign}"
    if len(dead) == 1:
        return f"worker {dead[0].name} is dead and still holds {things(held)}{sign}"
    if dead:
        return f"{len(dead)} workers of {name} are dead and still hold {things(held)}{sign}"
    return f"{things(held)} held for {name} without a task"


def _evidence(
    case: Case, container: Container | None, dead: list[Worker], stuck: list[Proxy], ago: float | None
) -> Iterator[Evidence]:
    grace = case.context.thresholds.grace_s
    source = dead[0].source if dead else next(iter(case.of("crawler")), "")
    age = case.age_s(source)
    if dead:
        whose = dead[0].name if len(dead) == 1 else f"{len(dead)} workers, the last of them"
        text = f"{whose} silent for {duration(ago)} (grace {duration(grace)})"
        yield Evidence(text, ago, grace, "thresholds.grace", source, age)
    if container is not None:
        works = f"{container.alive} of its {container.workers} workers give signs of life"
        text = f"container {container.id} " + (
            "gives no sign of life" if container.silent else f"still works: {works}"
        )
        yield Evidence(text, container.alive, None, "", source, age)
    for text in stuck[0].evidence[:2] if stuck else ():
        yield Evidence(text, None, None, "", source, age)
    if len(stuck) > 1:
        yield Evidence(f"the same of {len(stuck) - 1} more of its proxies", len(stuck), None, "", source, age)


HELD = Rule(
    "proxies-held-by-dead",
    "proxies",
    _held,
    "A container or a worker is dead, and what it took is still marked as its own.",
    "Silent beyond the grace in two looks: neither its tasks' heartbeats nor its proxies' rows changed. A proxy "
    "counts as stuck when its worker has no processing task in any task table and its row did not change either.",
    "On 2025-12-10 a container died with 15 of 100 proxies and another lost a worker with one: the reaper returned "
    "their tasks and forgot their proxies, and the pool ran short for an hour.",
    "Free what it holds; then look why it died.",
    ("thresholds.grace",),
    "free-proxies",
)


def _dry(case: Case) -> Iterator[Finding]:
    proxies = case.subjects.proxies
    if proxies is None or proxies.free is None or not proxies.total:
        return
    limits, percent = case.context.thresholds, 100.0 * proxies.free / proxies.total
    fall = _drain(case.memory)
    left_s = proxies.free * 60.0 / fall if fall else None
    soon = left_s is not None and left_s < SOON_S and proxies.free > 0
    if not bad(proxies.free_level) and not soon:
        return
    source = case.of("crawler")
    limit = limits.pool_free_warning
    text = f"{percent:.0f} % of the pool is free (warning at {limit:.0f} %)"
    evidence = [Evidence(text, percent, limit, "thresholds.pool_free_warning", source[0], case.age_s(source[0]))]
    if fall:
        evidence.append(Evidence(f"{fall:.1f} fewer free proxies a minute", fall, None, "", source[0]))
    yield Finding(
        "pool-dry",
        proxies.free_level if bad(proxies.free_level) else Level.WARNING,
        f"pool runs dry: {proxies.free} of {proxies.total} proxies free",
        tuple(evidence),
        aside=_shares(proxies) if left_s is None else f"dry in {duration(left_s)}",
        forecast=None if left_s is None else Forecast("pool dry", left_s),
        about=(("pool",),),
        sources=source,
    )


def _drain(memory: Memory) -> float | None:
    """How many proxies fewer are free each minute, where the pool only shrinks."""
    values = [v for v in memory.values("proxies:free")[-int(DRAIN_S / COLUMN_S) :] if v is not None]
    steps = [later - earlier for earlier, later in pairwise(values)]
    if any(step > 0 for step in steps) or sum(step < 0 for step in steps) < DRAIN_FALLS:
        return None
    return (values[0] - values[-1]) * 60.0 / (len(steps) * COLUMN_S)


def _shares(proxies: Proxies) -> str:
    return f"{proxies.in_use} used, {proxies.blocked} blocked"


POOL = Rule(
    "pool-dry",
    "proxies",
    _dry,
    "Free proxies run out: workers will wait for one.",
    "Few are free in percent of the pool, or the pool has only shrunk for two minutes and is empty within fifteen.",
    "A pool of 100 had 13 free on 2025-12-10 when 16 were stuck.",
    "Free stuck proxies, unblock or add some; look who takes so many.",
    ("thresholds.pool_free_warning", "thresholds.pool_free_critical"),
    for_s=5.0,
    clear_s=15.0,
)


def _expired(case: Case) -> Iterator[Finding]:
    proxies = case.subjects.proxies
    tables = proxies.tables if proxies is not None and proxies.total is not None else ()
    expired = {table.name: table.expired for table in tables if table.expired}
    if not expired:
        return
    limit = case.context.thresholds.heartbeat_s
    where = ", ".join(f"{count} in {name}" for name, count in expired.items())
    source = case.of("crawler")
    text = f"processing, but without a heartbeat for {duration(limit)}: {where}"
    total = sum(expired.values())
    yield Finding(
        "tasks-expired",
        Level.WARNING,
        f"{things((('tasks', total),))} expired and nobody returns them: {where}",
        (Evidence(text, total, limit, "thresholds.heartbeat", source[0], case.age_s(source[0])),),
        (("tasks", total),),
        about=(("tasks",),),
        sources=source,
    )


TASKS = Rule(
    "tasks-expired",
    "proxies",
    _expired,
    "Tasks are marked as processing by workers that no longer work on them.",
    "Their heartbeat is older than the limit for a minute: the job that should return them does not.",
    "A heartbeat manager returns such tasks to pending; when it stops, they are lost until somebody looks.",
    "Look at the job that returns expired tasks; free-proxies can return them too.",
    ("thresholds.heartbeat",),
    for_s=60.0,
)
