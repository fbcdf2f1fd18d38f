"""Workers that died, hang, lost their broker, restart again and again, or whose clock is off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from unstick.board.findings import Evidence, Finding, Topic
from unstick.board.held import Held
from unstick.board.holders import processes
from unstick.board.memory import COLUMN_S
from unstick.board.queues import Queue
from unstick.board.rules.rule import Case, Rule
from unstick.board.worker import Worker
from unstick.facts.level import Level
from unstick.facts.units import duration

BEATS_S = 10.0
"""Dramatiq beats with every poll of its queue, about once a second."""
RESTARTS = 2
RESTARTS_S = 600.0


def _holds(worker: Worker) -> Held:
    holds = worker.holds
    return (
        ("proxies", holds.proxies or 0),
        ("tasks", holds.tasks or 0),
        ("locks", holds.locks or 0),
        ("messages", holds.unacked or 0),
    )


def _sign(case: Case, worker: Worker, limit: float | None = None, key: str = "") -> Evidence:
    """Its newest sign of life, by whoever saw it."""
    ago = worker.last_seen_s
    seen = "no sign of life was recorded" if ago is None else f"last sign {duration(ago)} ago"
    compared = f" (limit {duration(limit)})" if limit is not None else ""
    return Evidence(
        f"{worker.kind} {worker.id}: {seen}{compared}", ago, limit, key, worker.source, case.age_s(worker.source)
    )


def _dead(case: Case) -> Iterator[Finding]:
    """Crawler workers are told by their container, with what they hold."""
    for worker in case.workers:
        if worker.life != "dead" or worker.kind == "crawler":
            continue
        endpoint = case.services.get(worker.source)
        explains: list[Topic] = [("worker", worker.whose), ("endpoint", worker.id)]
        if endpoint is not None and endpoint.worker is not None:
            explains.append(("endpoint", endpoint.worker.address))
        broker = worker.pool or worker.source
        if worker.kind in {"dramatiq", "celery"} and not case.pools[broker].living:
            explains.append(("queue", broker))
        limit = case.heartbeat_s(worker.source)
        yield Finding(
            f"worker-dead:{worker.id}",
            worker.level,
            f"worker {worker.name} is dead: {worker.note}",
            (
                _sign(case, worker, limit, "dramatiq.heartbeat_timeout" if limit else ""),
                *_locks(case, worker),
                *_connected(case, worker),
            ),
            _holds(worker),
            lasted_s=worker.last_seen_s or 0.0,
            action="drain-locks" if worker.holds.locks else None,
            about=(("worker", worker.whose),),
            explains=tuple(explains),
            sources=() if worker.fault == "hung-up" else (worker.source,),
            kin=worker.source if worker.kind == "dramatiq" else worker.kind,
        )


def _connected(case: Case, worker: Worker) -> Iterator[Evidence]:
    """What speaks against its death: a connection that the broker still has."""
    links = case.links_of.get(worker.whose, ()) or case.links_of.get(processes(worker), ())
    if links:
        source = next(iter(case.of("rabbitmq")), "")
        text = f"but {links[0].connection.name} of it is still connected to RabbitMQ: its process may live"
        yield Evidence(text, len(links), None, "", source, case.age_s(source))


def _locks(case: Case, worker: Worker) -> Iterator[Evidence]:
    """What kind of locks it left behind."""
    mine = case.locks_of.get(worker.whose, ())
    overdue = sum(lock.left_s is not None and lock.left_s < 0 for lock in mine)
    endless = sum(lock.left_s is None for lock in mine)
    if mine:
        text = f"of {len(mine)} locks {overdue} expired and {endless} have no end"
        yield Evidence(text, len(mine), None, "", mine[0].source, case.age_s(mine[0].source))


DEAD = Rule(
    "worker-dead",
    "workers",
    _dead,
    "A worker is dead: what it fetched or locked waits for nobody.",
    "Its heartbeat stood still beyond the timeout in two looks, or nobody listens at its address any more.",
    "Dramatiq delivers a silent worker's messages again only when another worker of that queue comes by.",
    "Restart it; drain its locks when it does not come back.",
    ("dramatiq.heartbeat_timeout",),
    many="{n} workers of {kin} are dead and still hold {holds}",
)


def _stalled(case: Case) -> Iterator[Finding]:
    """Workers that hold messages or tasks and finish none, with the queues that wait behind them."""
    for worker in case.workers:
        if worker.fault != "stuck":
            continue
        broker = worker.pool or worker.source
        queues, pool = case.waiting.get(broker, ()), case.pools[broker]
        topics: tuple[Topic, ...] = (("stall", broker), ("queue", broker))
        yield _stall(case, worker, queues, topics if pool.busy == pool.stuck else topics[:1])


def _stall(case: Case, worker: Worker, queues: Sequence[Queue], explains: tuple[Topic, ...]) -> Finding:
    limit = case.context.thresholds.stall_s
    waits = f"; queue {queues[0].name} waits {queues[0].ready}" if queues else ""
    oldest = max((queue.oldest_s for queue in queues if queue.oldest_s is not None), default=None)
    silent = worker.last_seen_s or 0.0
    beats = "beats but" if silent < BEATS_S else f"is silent for {duration(silent)} and"
    fetched = worker.holds.unacked or worker.holds.tasks or 0
    celery = worker.kind == "celery"
    what = "tasks in hand was finished" if celery else "fetched messages was acknowledged"
    done = "finished" if celery else "acknowledged"
    text = f"none of its {fetched} {what} for {duration(worker.stuck_s)}"
    age = case.age_s(worker.source)
    evidence = [
        Evidence(f"{text} (limit {duration(limit)})", worker.stuck_s, limit, "thresholds.stall", worker.source, age),
        _sign(case, worker),
        *(Evidence(_waiting(queue), queue.ready, None, "", queue.source, age) for queue in queues[:4]),
    ]
    return Finding(
        f"worker-stalled:{worker.id}",
        Level.CRITICAL,
        f"worker {worker.name} {beats} {done} nothing for {duration(worker.stuck_s)}{waits}",
        tuple(evidence),
        (("messages", fetched), ("waiting", sum(queue.ready or 0 for queue in queues))),
        "" if oldest is None else f"oldest {duration(oldest)}",
        worker.stuck_s or 0.0,
        explains=explains,
        sources=(worker.source,),
        kin=worker.source,
    )


def _waiting(queue: Queue) -> str:
    oldest = "" if queue.oldest_s is None else f", the oldest for {duration(queue.oldest_s)}"
    growth = "" if queue.growth_per_min is None else f", {queue.growth_per_min:+.0f}/min"
    return f"queue {queue.name} waits {queue.ready}{oldest}{growth}"


STALLED = Rule(
    "worker-stalled",
    "workers",
    _stalled,
    "A worker lives and does nothing: its heartbeat moves, its messages do not.",
    "It holds messages, none of them was acknowledged beyond the limit, and others wait. One that acknowledges now "
    "and then is slow, not stalled; one that works on an empty queue is busy.",
    "On 2024-11-20 a Dramatiq worker stopped taking tasks for 29 minutes while its heartbeat stayed fresh.",
    "Restart the worker; before that, look what its threads wait for (py-spy dump).",
    ("thresholds.stall",),
    many="{n} workers of {kin} beat but acknowledge nothing; {holds}",
    many_from=2,
)


def _unproductive(case: Case) -> Iterator[Finding]:
    for worker in case.workers:
        if worker.fault != "unproductive":
            continue
        limit = case.context.thresholds.heartbeat_s
        yield Finding(
            f"endpoint-stalled:{worker.id}",
            worker.level,
            f"worker {worker.name} is stalled: {worker.note}",
            (_sign(case, worker, limit, "thresholds.heartbeat"),),
            lasted_s=worker.stuck_s or worker.last_seen_s or 0.0,
            about=(("stall", _pool(case, worker)),),
            sources=(worker.source,),
            kin=worker.kind,
        )


def _pool(case: Case, worker: Worker) -> str:
    """The broker whose messages it does: as mapped, else the only one where any wait."""
    if worker.pool:
        return worker.pool
    waiting = {queue.source for queue in case.queues if queue.system == "dramatiq" and queue.ready}
    return waiting.pop() if len(waiting) == 1 else ""


UNPRODUCTIVE = Rule(
    "endpoint-stalled",
    "workers",
    _unproductive,
    "A worker says of itself that it has done no task for too long, while messages wait for it.",
    "Its /health is bad or its heartbeat older than the limit, or its count of processed tasks stands still, and "
    "queues of its broker are not empty.",
    "The health endpoint of the notes turns 503 after 5 minutes without a task.",
    "Restart the worker; look what it waits for.",
    ("thresholds.heartbeat", "thresholds.stall"),
    many="{n} workers did no task for too long while messages wait",
)


def _simple(case: Case, fault: str, rule: str, verb: str, about: tuple[Topic, ...]) -> Iterator[Finding]:
    for worker in case.workers:
        if worker.fault == fault:
            limit = case.context.thresholds.heartbeat_s
            yield Finding(
                f"{rule}:{worker.id}",
                worker.level,
                f"worker {worker.name} {verb}{worker.note}",
                (_sign(case, worker, limit if fault == "unhealthy" else None, "thresholds.heartbeat"),),
                about=about,
                sources=(worker.source,),
                kin=worker.kind,
            )


def _broker_lost(case: Case) -> Iterator[Finding]:
    return _simple(case, "broker-lost", "broker-lost", "lives, ", (("broker",),))


BROKER_LOST = Rule(
    "broker-lost",
    "workers",
    _broker_lost,
    "A worker lives and has lost its broker: nothing reaches it.",
    "Its own metrics say that its link to the broker is down. Where the broker itself can't be seen, that is the "
    "cause, and this its symptom.",
    "One broker that is down makes every worker look ill.",
    "Look at the network between the worker and its broker, then restart the worker.",
    many="{n} workers have lost their broker",
)


def _unhealthy(case: Case) -> Iterator[Finding]:
    hidden = any("can't be seen" in worker.note for worker in case.workers if worker.fault == "unhealthy")
    return _simple(case, "unhealthy", "worker-unhealthy", "", (("broker",),) if hidden else ())


UNHEALTHY = Rule(
    "worker-unhealthy",
    "workers",
    _unhealthy,
    "A worker calls itself unhealthy, but nothing seems to wait for it.",
    "Its /health is bad or its heartbeat older than the limit; its queues are empty or can't be seen. Its heartbeat "
    "moves only when a task is done, so an idle worker ages too.",
    "The health endpoint of the notes turns 503 after 5 minutes without a task.",
    "Look whether it should have had work.",
    ("thresholds.heartbeat",),
    for_s=10.0,
    clear_s=10.0,
    many="{n} workers call themselves unhealthy",
)


def _restarts(case: Case) -> Iterator[Finding]:
    columns = int(RESTARTS_S / COLUMN_S)
    for item in case.subjects.services.items:
        if item.worker is None or item.worker.uptime_s is None:
            continue
        uptimes = [u for u in case.memory.values(f"uptime:{item.name}")[-columns:] if u is not None]
        falls = sum(later < earlier for earlier, later in pairwise(uptimes))
        if falls >= RESTARTS:
            name = item.name.partition(":")[2] or item.name
            text = f"its uptime fell {falls} times; now up {duration(item.worker.uptime_s)}"
            yield Finding(
                f"restarts:{name}",
                Level.WARNING,
                f"worker {name} restarted {falls} times within {duration(RESTARTS_S)}",
                (Evidence(text, falls, RESTARTS, "", item.name, item.state.age_s),),
                sources=(item.name,),
            )


RESTART = Rule(
    "restarts",
    "workers",
    _restarts,
    "A worker restarts again and again: something kills it.",
    "Its uptime fell twice within ten minutes. A single restart is an event, not a fault.",
    "Memory limits and failing start-ups look like health in between.",
    "Look why it ends: memory limit, start-up errors, the supervisor's log.",
    clear_s=60.0,
    many="{n} workers restart again and again",
)


def _clocks(case: Case) -> Iterator[Finding]:
    off = [w for w in case.workers if w.skew_s is not None and abs(w.skew_s) >= (case.heartbeat_s(w.source) or 60.0)]
    told = [w for w in case.workers if w.skew_s is not None]
    spread = max((w.skew_s or 0.0 for w in told), default=0.0) - min((w.skew_s or 0.0 for w in told), default=0.0)
    if len(off) > 1 and len(off) == len(told) and spread < 5.0:
        yield _clock(case, off[0], f"the clock of the Redis host: all {len(off)} workers are")
        return
    for worker in off:
        yield _clock(case, worker, f"clock of worker {worker.name} is")


def _clock(case: Case, worker: Worker, who: str) -> Finding:
    skew = worker.skew_s or 0.0
    limit = case.heartbeat_s(worker.source)
    where = "ahead" if skew > 0 else "behind"
    text = f"its heartbeat moves and says {duration(abs(skew))} {where} of the server's clock"
    return Finding(
        f"clock-off:{worker.id}",
        Level.WARNING,
        f"{who} {duration(abs(skew))} {where}; it lives: its heartbeat moves",
        (Evidence(text, skew, limit, "dramatiq.heartbeat_timeout", worker.source, case.age_s(worker.source)),),
        sources=(worker.source,),
        kin=worker.source,
    )


CLOCK = Rule(
    "clock-off",
    "workers",
    _clocks,
    "The clock of a worker's host is off by more than the heartbeat timeout. The worker lives.",
    "Its heartbeat changes between looks, but is written with another time than the server's. Ages come from the "
    "server's clock and from watching, so this proves no death.",
    "Dramatiq compares heartbeats with each worker's own clock: one that is behind looks dead to the others, and its "
    "messages are done twice; one that is ahead takes the messages of the living.",
    "Set its clock (NTP), then restart the worker.",
    ("dramatiq.heartbeat_timeout",),
    for_s=5.0,
    clear_s=10.0,
    many="clocks of {n} workers of {kin} are off",
)
