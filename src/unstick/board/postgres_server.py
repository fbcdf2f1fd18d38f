"""The PostgreSQL server, judged: places that are left, old transactions, sessions that wait, replicas behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from unstick.board.judged import Judged, Problem, limited
from unstick.board.memory import Notes
from unstick.board.sources import Seen
from unstick.facts.level import Level, above
from unstick.facts.servers import PostgresServerFacts, Waiter
from unstick.facts.units import duration, size
from unstick.settings import Context


def judge(seen: Seen[PostgresServerFacts], notes: Notes, context: Context) -> Judged:
    """What one look at the server means."""
    facts = seen.value
    now = facts.server_at + seen.age_s
    series = f"{seen.source.id}:connections"
    growth = notes.before.rate_per_min(series)
    longest = _waited(facts, now)
    oldest = None if facts.oldest is None else now - facts.oldest.began_at
    problems = (
        *_connections(facts, growth, context),
        *_waiting(facts, now, longest, context),
        *_transaction(facts, oldest, context),
        *_replicas(facts, context),
    )
    says = f"{facts.connections} of {_room(facts)} connections"
    says += f", {facts.waiting} wait for locks" if facts.waiting else ""
    return Judged(says, problems, tuple(_told(facts, now)), _numbers(facts, oldest, longest), "connections")


def _room(facts: PostgresServerFacts) -> int:
    return max(1, facts.max_connections - facts.reserved)


def _connections(facts: PostgresServerFacts, growth: float | None, context: Context) -> Iterator[Problem]:
    room = _room(facts)
    limits = context.thresholds
    level = above(100.0 * facts.connections / room, limits.connections_warning, limits.connections_critical)
    if level is Level.OK:
        return
    left = max(0, room - facts.connections)
    soon = f", none left in {duration(left * 60 / growth)}" if growth and growth >= 1 and left else ""
    whose = ", ".join(f"{name} {count}" for name, count in _applications(facts)[:3])
    words = "out of connections" if not left else "too many connections are coming"
    title = f"{words}: {facts.connections} of {room} used{soon}; {whose}"
    evidence = (f"{facts.max_connections} allowed, {facts.reserved} of them for superusers",)
    yield Problem("connections", Level.CRITICAL if not left else level, title, evidence)


def _applications(facts: PostgresServerFacts) -> list[tuple[str, int]]:
    counts: Counter[str] = Counter()
    for group in facts.sessions:
        counts[group.application] += group.count
    return counts.most_common()


def _waited(facts: PostgresServerFacts, now: float) -> float | None:
    return max((now - waiter.since_at for waiter in facts.waiters if waiter.since_at is not None), default=None)


def _waiting(facts: PostgresServerFacts, now: float, longest: float | None, context: Context) -> tuple[Problem, ...]:
    if not facts.waiters:
        return ()
    root = _root(facts)
    where = ", ".join(f"{table} {count}" for table, count in facts.watched)
    count = f"{facts.waiting} session{'s wait' if facts.waiting > 1 else ' waits'} for locks"
    title = f"{count}, the longest {duration(longest)}{f' ({where})' if where else ''}"
    if root.blocker_pid is not None:
        title += f": held up by {root.blocker} (pid {root.blocker_pid}{_doing(root, now)})"
    return limited(longest, context.thresholds.blocked_s, title, "blocked")


def _root(facts: PostgresServerFacts) -> Waiter:
    """The waiter whose blocker waits for nobody: who holds up the longest waiting, directly or not."""
    waiters = {waiter.pid: waiter for waiter in facts.waiters}
    found = facts.waiters[0]
    for _ in waiters:
        further = waiters.get(found.blocker_pid or 0)
        if further is None:
            break
        found = further
    return found


def _doing(waiter: Waiter, now: float) -> str:
    state = f", {waiter.blocker_state}" if waiter.blocker_state else ""
    began = waiter.blocker_began_at
    return state if began is None else f"{state}, its transaction open for {duration(now - began)}"


def _transaction(facts: PostgresServerFacts, age_s: float | None, context: Context) -> tuple[Problem, ...]:
    oldest = facts.oldest
    if oldest is None:
        return ()
    title = f"a transaction of {oldest.application} is open for {duration(age_s)} ({oldest.state or 'state unseen'})"
    return limited(age_s, context.thresholds.transaction_s, title, "transaction", f"pid {oldest.pid}")


def _replicas(facts: PostgresServerFacts, context: Context) -> Iterator[Problem]:
    limit = context.thresholds.replica_lag_s
    yield from limited(facts.replay_lag_s, limit, f"this standby is {duration(facts.replay_lag_s)} behind", "replay")
    for standby in facts.standbys:
        title = f"standby {standby.name} is {duration(standby.lag_s)} behind"
        yield from limited(standby.lag_s, limit, title, f"standby:{standby.name}")


def _told(facts: PostgresServerFacts, now: float) -> Iterator[tuple[str, str]]:
    yield "server", f"PostgreSQL {facts.version}{', standby' if facts.standby else ''}"
    for group in facts.sessions[:12]:
        yield "sessions", f"{group.count} {group.application} {group.state or 'state unseen'}"
    for waiter in facts.waiters[:8]:
        since = "–" if waiter.since_at is None else duration(now - waiter.since_at)
        table = f" on {waiter.table}" if waiter.table else ""
        by = "" if waiter.blocker_pid is None else f", behind {waiter.blocker} pid {waiter.blocker_pid}"
        yield "waits", f"{since} {waiter.application} pid {waiter.pid}{table}{by}"
    for standby in facts.standbys:
        lag = "–" if standby.lag_bytes is None else size(standby.lag_bytes)
        yield "standby", f"{standby.name} {standby.state or ''} {lag} behind"
    if not facts.sees_all:
        yield "rights", "other roles' sessions are counted, not seen: GRANT pg_read_all_stats"


def _numbers(
    facts: PostgresServerFacts, oldest: float | None, longest: float | None
) -> tuple[tuple[str, float | None], ...]:
    """No transaction that may be seen is not the same as none."""
    nothing = 0.0 if facts.sees_all else None
    return (
        ("connections", facts.connections),
        ("connections_limit", _room(facts)),
        ("waiting_sessions", facts.waiting),
        ("longest_wait_seconds", longest if facts.waiting else 0.0),
        ("oldest_transaction_seconds", nothing if oldest is None else oldest),
        ("replay_lag_seconds", facts.replay_lag_s),
        ("standby_lag_seconds", max((s.lag_s for s in facts.standbys if s.lag_s is not None), default=None)),
    )
