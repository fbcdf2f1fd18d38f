"""Queues that nobody works on, that are not worked on fast enough, and deliveries that were never acknowledged."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.findings import Evidence, Finding, Forecast
from unstick.board.queues import Queue, Stand
from unstick.board.rules.rule import Case, Rule, bad
from unstick.facts.level import Level
from unstick.facts.units import count, duration


def _place(case: Case, queue: Queue) -> Evidence:
    place = queue.system if queue.place == queue.system else f"{queue.system} {queue.place}"
    flight = "" if queue.in_flight is None else f", {queue.in_flight} in flight"
    dead = f", {queue.dead} dead" if queue.dead else ""
    return Evidence(f"{place}{flight}{dead}", None, None, "", queue.source, case.age_s(queue.source))


def _old(queue: Queue) -> str:
    return "" if queue.oldest_s is None else f"oldest {duration(queue.oldest_s)}"


def _unconsumed(case: Case) -> Iterator[Finding]:
    """RabbitMQ counts consumers; for Dramatiq on Redis a queue has one while any worker of its broker lives."""
    for queue in case.queues:
        if not queue.ready or queue.level is Level.UNKNOWN:
            continue
        alone = queue.consumers is None and queue.system == "dramatiq" and queue.source not in case.of("rabbitmq")
        dead = alone and not case.pools[queue.source].possible
        if queue.consumers == 0 or dead:
            told = "no worker of its broker lives" if dead else "no consumer"
            yield Finding(
                f"queue-unconsumed:{queue.key}",
                Level.CRITICAL,
                f"queue {queue.name} waits {queue.ready}: nobody consumes it",
                (Evidence(told, 0, 1, "", queue.source, case.age_s(queue.source)), _place(case, queue)),
                (("waiting", queue.ready),),
                _old(queue),
                explains=(("queue", queue.source, queue.key),),
                about=(("queue", queue.source, queue.key),) if dead else (),
                sources=(queue.source,),
                kin=queue.source,
            )


UNCONSUMED = Rule(
    "queue-unconsumed",
    "queues",
    _unconsumed,
    "Messages wait in a queue that nobody consumes.",
    "The broker counts no consumer of it; for Dramatiq on Redis: no worker of that broker gives a sign of life.",
    "A consumer that died or was never started leaves a queue that grows without an error anywhere.",
    "Start its workers.",
    many="{n} queues of {kin} have nobody who consumes them; {holds}",
)


def _untaken(case: Case) -> Iterator[Finding]:
    limit = case.context.thresholds.stall_s
    for stand in case.subjects.queues.stands if case.subjects.queues else ():
        if stand.for_s < limit:
            continue
        mine = case.waiting.get(stand.source, ())
        waiting = sum(queue.ready or 0 for queue in mine)
        held = "nothing is in flight" if not stand.unacked else f"{stand.unacked} deliveries are not acknowledged"
        text = f"{waiting} messages wait, {held}, and that has not changed for {duration(stand.for_s)}"
        yield Finding(
            f"queue-untaken:{stand.place}",
            Level.CRITICAL,
            f"nobody takes from {_place_name(stand)}: {waiting} wait in {', '.join(queue.name for queue in mine)}",
            (
                Evidence(f"{text} (limit {duration(limit)})", stand.for_s, limit, "thresholds.stall", stand.source),
                *(_place(case, queue) for queue in mine[:4]),
            ),
            (("waiting", waiting), ("messages", stand.unacked or 0)),
            f"for {duration(stand.for_s)}",
            stand.for_s,
            explains=(("queue", stand.source),),
            sources=(stand.source,),
        )


def _place_name(stand: Stand) -> str:
    return stand.system if stand.place == stand.system else f"{stand.system} {stand.place}"


UNTAKEN = Rule(
    "queue-untaken",
    "queues",
    _untaken,
    "The workers of a broker are gone, or every one of them hangs: nobody takes what waits.",
    "Messages wait, none was taken since, and the oldest delivery that is not acknowledged is still the same one, or "
    "there is none: a living worker prefetches at once. For Dramatiq: no process holds a message.",
    "A Celery worker that is killed leaves no trace in its broker but this one.",
    "Start the worker again; look what it does when it lives.",
    ("thresholds.stall",),
)


def _late(case: Case) -> Iterator[Finding]:
    for late in case.subjects.queues.late if case.subjects.queues else ():
        older = "" if late.overdue is None else f"; {late.overdue} of them are that old"
        text = f"{count(late.unacked)} messages are delivered and not acknowledged{older}"
        yield Finding(
            f"unacked:{late.place}",
            Level.CRITICAL,
            f"celery {late.place}: a message was delivered {duration(late.oldest_s)} ago and never acknowledged",
            (Evidence(text, late.oldest_s, late.timeout_s, "celery.visibility_timeout", late.source),),
            (("messages", late.unacked or 0),),
            f"visibility timeout {duration(late.timeout_s)}",
            late.oldest_s - late.timeout_s,
            sources=(late.source,),
        )


LATE = Rule(
    "unacked",
    "queues",
    _late,
    "A Celery message outlived its visibility timeout: its worker is gone, or slower than the broker's patience.",
    "The oldest delivery that is not acknowledged is older than the visibility timeout.",
    "Celery then delivers it again: the task runs twice.",
    "Look for the worker that holds it; raise visibility_timeout above the longest task.",
    ("celery.visibility_timeout",),
)


def _deep(case: Case) -> Iterator[Finding]:
    for queue in case.queues:
        if not bad(queue.level):
            continue
        waits = "has an unknown depth" if queue.ready is None else f"waits {queue.ready}"
        growth = queue.growth_per_min
        drains = -queue.ready / growth * 60.0 if growth and growth < 0 and queue.ready else None
        why = _why(case, queue)
        yield Finding(
            f"queue:{queue.key}",
            queue.level,
            f"queue {queue.name} {waits}{f': {why}' if why else ''}",
            (*_measured(case, queue), _place(case, queue)),
            (("waiting", queue.ready or 0),),
            f"empty in {duration(drains)}" if drains is not None else _old(queue),
            queue.oldest_s if queue.ready and queue.oldest_s is not None else 0.0,
            forecast=None if drains is None else Forecast("queue empty", drains),
            about=(("queue", queue.source, queue.key),),
            sources=(queue.source,),
            kin=queue.source,
        )


def _measured(case: Case, queue: Queue) -> Iterator[Evidence]:
    """What its level rests on, the limit that was crossed first."""
    limits, source, age = case.context.thresholds, queue.source, case.age_s(queue.source)
    limit = limits.queue_warning
    text = f"{count(queue.ready)} wait (warning at {limit})"
    depth = Evidence(text, queue.ready, limit, "thresholds.queue_warning", source, age)
    if queue.oldest_s is None:
        yield depth
        return
    old, patience = queue.oldest_s, limits.oldest_warning_s
    text = f"the oldest waits for {duration(old)} (warning at {duration(patience)})"
    oldest = Evidence(text, old, patience, "thresholds.oldest_warning", source, age)
    yield from (oldest, depth) if old >= patience and (queue.ready or 0) < limit else (depth, oldest)


def _why(case: Case, queue: Queue) -> str:
    """Whether it is the producers or the workers, as far as it can be seen."""
    growth = queue.growth_per_min
    if queue.note:
        return queue.note
    busy = case.pools[queue.source].busy
    count_of = busy or queue.consumers or 0
    who = f"{count_of} worker{'s' if count_of > 1 else ''} at work" if count_of else ""
    if growth is None or not who:
        return ""
    if growth > 0:
        return f"more comes in than is done, {growth:+.0f}/min; {who}"
    return f"{who} and catch up" if growth < 0 else who


DEEP = Rule(
    "queue",
    "queues",
    _deep,
    "Too much waits in a queue, or for too long. Where its workers live, more comes in than they do.",
    "More messages than the limit, or the one at its head is older than the limit. A queue behind workers that are "
    "dead, stalled or absent is told with them.",
    "A queue is a symptom: of its workers, or of what fills it.",
    "Add workers, or find who produces so much.",
    (
        "thresholds.queue_warning",
        "thresholds.queue_critical",
        "thresholds.oldest_warning",
        "thresholds.oldest_critical",
    ),
    for_s=5.0,
    clear_s=15.0,
    many="{n} queues of {kin} wait too long; {holds}",
)
