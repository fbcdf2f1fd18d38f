"""A Redis server, judged: memory and what happens at its end, clients, replicas, results that pile up."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.judged import Judged, Problem, limited
from unstick.board.memory import Notes
from unstick.board.sources import Seen
from unstick.facts.level import Level, above
from unstick.facts.servers import Keyspace, RedisServerFacts
from unstick.facts.units import count, duration, size
from unstick.settings import Context

RESULTS = "results"
"""What the purpose of a result backend's database says."""


def judge(seen: Seen[RedisServerFacts], notes: Notes, context: Context) -> Judged:
    """What one look at the server means."""
    facts, source = seen.value, seen.source.id
    problems = (
        *_memory(facts, context),
        *_evicts(facts, notes.risen(f"{source}:evicted", facts.evicted)),
        *_clients(facts, notes.risen(f"{source}:rejected", facts.rejected), context),
        *_replication(facts, context),
        *_results(facts, source, notes, context),
    )
    limit = f" of {size(facts.max_bytes)}" if facts.max_bytes else ""
    says = f"{size(facts.used_bytes)}{limit}, {count(facts.clients)} clients"
    says += f", {facts.policy}" if facts.policy and facts.max_bytes else ""
    return Judged(says, problems, tuple(_told(facts)), _numbers(facts), "memory_used_bytes")


def _memory(facts: RedisServerFacts, context: Context) -> Iterator[Problem]:
    """Without a limit of its own the host's memory is the limit, and then the kernel kills it."""
    limits = context.thresholds
    whole = facts.max_bytes or facts.host_bytes
    if facts.used_bytes is None or not whole:
        return
    percent = 100.0 * facts.used_bytes / whole
    level = above(percent, limits.redis_memory_warning, limits.redis_memory_critical)
    if level is Level.OK:
        return
    used = f"{percent:.0f} % of {size(whole)}"
    if not facts.max_bytes:
        yield Problem("memory", level, f"memory: {used} of its host, without maxmemory")
    elif facts.policy == "noeviction":
        words = "out of memory" if percent >= 100 else "memory runs out"
        yield Problem("memory", level, f"{words}: {used}; at the limit (noeviction) it refuses every write")
    else:
        policy = facts.policy or "policy unseen"
        yield Problem("memory", Level.WARNING, f"memory: {used}; at the limit it evicts keys ({policy})")


def _evicts(facts: RedisServerFacts, lately: float | None) -> Iterator[Problem]:
    """``allkeys-*`` throws away queues and heartbeats like any other key."""
    if lately:
        level = Level.CRITICAL if (facts.policy or "").startswith("allkeys") else Level.WARNING
        words = ", queues among them" if level is Level.CRITICAL else ""
        yield Problem("evicts", level, f"evicted {count(lately)} keys within a minute ({facts.policy}){words}")


def _clients(facts: RedisServerFacts, rejected: float | None, context: Context) -> Iterator[Problem]:
    limits = context.thresholds
    if rejected:
        yield Problem("rejects", Level.CRITICAL, f"turned away {count(rejected)} clients within a minute: maxclients")
    if facts.clients is None or not facts.max_clients:
        return
    percent = 100.0 * facts.clients / facts.max_clients
    level = above(percent, limits.connections_warning, limits.connections_critical)
    if level is not Level.OK:
        title = f"too many clients are coming: {facts.clients} of {facts.max_clients}"
        yield Problem("clients", level, title)


def _replication(facts: RedisServerFacts, context: Context) -> Iterator[Problem]:
    if facts.link_up is False:
        silent = "" if facts.silent_s is None else f" for {duration(facts.silent_s)}"
        yield Problem("link", Level.CRITICAL, f"this replica has lost its master{silent}", lasted_s=facts.silent_s)
    for name, lag_s in facts.replicas:
        title = f"replica {name} is {duration(lag_s)} behind"
        yield from limited(lag_s, context.thresholds.replica_lag_s, title, f"replica:{name}")
    if facts.snapshot_failed:
        yield Problem("snapshot", Level.WARNING, "its last snapshot failed: it may refuse writes")


def _results(facts: RedisServerFacts, source: str, notes: Notes, context: Context) -> Iterator[Problem]:
    """A result backend grows for ever when its results have no end."""
    for space in facts.keyspaces:
        if RESULTS not in space.purpose:
            continue
        series = f"{source}:keys:{space.number}"
        growth = notes.before.rate_per_min(series, 600.0)
        notes.record(series, space.keys)
        endless = space.keys - space.expiring
        if endless >= context.thresholds.endless_results:
            grows = f", {growth:+.0f}/min" if growth else ""
            title = f"{count(endless)} results in db{space.number} never expire{grows}"
            yield Problem(f"results:{space.number}", Level.WARNING, title, (f"set result_expires ({space.purpose})",))


def _told(facts: RedisServerFacts) -> Iterator[tuple[str, str]]:
    yield "server", f"Redis {facts.version or '–'}, {facts.role or 'role unseen'}"
    limit = size(facts.max_bytes) if facts.max_bytes else "without a limit"
    yield "memory", f"{size(facts.used_bytes)}, {limit}, {facts.policy or 'policy unseen'}"
    yield "clients", f"{count(facts.clients)} of {count(facts.max_clients)}, {count(facts.blocked_clients)} blocked"
    yield "since start", f"{count(facts.evicted)} evicted, {count(facts.rejected)} turned away"
    yield "slow log", f"{count(facts.slow_log)} entries, {count(facts.ops_per_s)} commands/s"
    for space in facts.keyspaces:
        yield "database", _space(space)
    for name, lag_s in facts.replicas:
        yield "replica", f"{name} {duration(lag_s)} behind"


def _space(space: Keyspace) -> str:
    purpose = f" ({space.purpose})" if space.purpose else ""
    return f"db{space.number}{purpose}: {count(space.keys)} keys, {count(space.expiring)} of them expire"


def _numbers(facts: RedisServerFacts) -> tuple[tuple[str, float | None], ...]:
    results = [space.keys for space in facts.keyspaces if RESULTS in space.purpose]
    return (
        ("memory_used_bytes", facts.used_bytes),
        ("memory_limit_bytes", facts.max_bytes or None),
        ("clients", facts.clients),
        ("clients_limit", facts.max_clients),
        ("blocked_clients", facts.blocked_clients),
        ("evicted_keys_total", facts.evicted),
        ("rejected_connections_total", facts.rejected),
        ("slow_log_entries", facts.slow_log),
        ("result_keys", sum(results) if results else None),
    )
