"""Task locks that outlived their end or have none. Locks of the dead are told with the dead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from unstick.board.findings import Evidence, Finding
from unstick.board.locks import Lock
from unstick.board.rules.rule import Case, Rule, bad


def _locks(case: Case) -> Iterator[Finding]:
    locks = case.subjects.locks
    told = _told(case)
    left_out = {lock.key for lock in locks.items if told & {lock.row.worker_id, lock.container}} if locks else set()
    rest = [lock for lock in locks.items if bad(lock.level) and lock.key not in left_out] if locks else []
    if locks is None or not rest:
        return
    seen = [lock for lock in locks.items if lock.key not in left_out]
    hidden = [lock for lock in locks.items if lock.key in left_out]
    counts = (
        (locks.expired, "expired", "expired"),
        (locks.orphaned, "orphaned", "orphaned"),
        (locks.endless, "endless", "without an end"),
    )
    parts = [f"{n} {word}" for total, state, word in counts if (n := _count(total, state, seen, hidden))]
    holders = Counter(lock.row.worker_id for lock in rest)
    holder, most = holders.most_common(1)[0]
    total = f"{len(locks.items)} seen" if locks.total is None else f"{locks.total}"
    whose = f", {'all' if most == len(rest) else most} of {holder}"
    limit = case.context.thresholds.lock_grace_s
    yield Finding(
        "locks",
        max((lock.level for lock in rest), key=lambda level: level.rank),
        f"task locks: {', '.join(parts)} of {total}{whose}",
        tuple(_evidence(case, lock, limit) for lock in rest[:5]),
        (("locks", len(rest)),),
        lasted_s=max((-lock.left_s for lock in rest if lock.left_s is not None), default=0.0),
        sources=tuple(dict.fromkeys(lock.source for lock in rest)),
    )


def _told(case: Case) -> set[str]:
    """Workers and containers that have a line of their own."""
    workers = case.subjects.workers
    if workers is None:
        return set()
    dead = {worker.id for worker in workers.items if worker.life == "dead"}
    return dead | {container.id for container in workers.containers if container.gone}


def _count(total: int | None, state: str, seen: list[Lock], hidden: list[Lock]) -> int:
    """How many are in ``state``, those told elsewhere left out; by the server's count where it has one."""
    if total is None:
        return sum(lock.state == state for lock in seen)
    return max(0, total - sum(_is(lock, state) for lock in hidden))


def _is(lock: Lock, state: str) -> bool:
    """What the server counts: an orphan may have expired too."""
    if state == "expired":
        return lock.left_s is not None and lock.left_s < 0
    return lock.left_s is None if state == "endless" else lock.state == state


def _evidence(case: Case, lock: Lock, limit: float) -> Evidence:
    row = lock.row
    overdue = None if lock.left_s is None else max(0.0, -lock.left_s)
    text = f"{row.kind} {row.task_id} of {row.worker_id}: {lock.state}"
    return Evidence(text, overdue, limit, "thresholds.lock_grace", lock.source, case.age_s(lock.source))


LOCKS = Rule(
    "locks",
    "locks",
    _locks,
    "Task locks outlived their end, lost their holder or never had an end: nobody else can take those tasks.",
    "By the database's clock the end is past by more than the grace, the holder is dead, or there is no end at all.",
    "Locks of the notes live 60 minutes; a worker that is killed leaves them behind.",
    "Drain them.",
    ("thresholds.lock_grace",),
    "drain-locks",
)
