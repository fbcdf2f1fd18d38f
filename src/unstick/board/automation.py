"""An automation worker, judged: its memory, its pools, its breakers, and how much it lets itself be asked."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.judged import Judged, Problem
from unstick.board.memory import Notes
from unstick.board.sources import Seen
from unstick.facts.automation import AutomationFacts, Timing
from unstick.facts.level import Level, above
from unstick.facts.units import count, duration, size
from unstick.settings import Context

FULL_PERCENT = 100.0


def judge(seen: Seen[AutomationFacts], notes: Notes, context: Context) -> Judged:
    """What one look at a worker means."""
    facts, source = seen.value, seen.source.id
    done = notes.risen(f"{source}:completed", facts.completed)
    problems = (*_health(facts), *_memory(facts, context), *_pools(facts), *_breakers(facts), *_refused(facts))
    parts = [] if facts.active is None else [f"{facts.active} of {count(facts.max_active)} tasks"]
    parts += [] if facts.memory_bytes is None else [_of(facts)]
    parts += [f"{count(done)}/min"] if done is not None else []
    parts += [f"up {duration(facts.uptime_s)}"] if facts.uptime_s is not None else []
    unknown = facts.healthy is None and facts.alive is None
    says = ", ".join(parts) or facts.status or "says nothing of itself"
    return Judged(says, problems, tuple(_told(facts)), tuple(_numbers(facts)), "memory_bytes", unknown)


def _of(facts: AutomationFacts) -> str:
    limit = f" of {size(facts.memory_limit_bytes)}" if facts.memory_limit_bytes else ""
    return f"{size(facts.memory_bytes)}{limit}"


def _health(facts: AutomationFacts) -> Iterator[Problem]:
    """A worker that still answers its simplest question is degraded, not down."""
    if facts.alive is False or facts.healthy is False:
        what = ", ".join(facts.failing)
        title = f"{facts.status or 'unhealthy'}{f': {what} down' if what else ''}"
        yield Problem("health", Level.CRITICAL if facts.alive is False else Level.WARNING, title)


def _memory(facts: AutomationFacts, context: Context) -> Iterator[Problem]:
    if facts.memory_bytes is None or not facts.memory_limit_bytes:
        return
    percent = 100.0 * facts.memory_bytes / facts.memory_limit_bytes
    level = above(percent, context.thresholds.worker_memory_warning, FULL_PERCENT)
    if level is not Level.OK:
        over = "over its limit" if level is Level.CRITICAL else "near its limit"
        yield Problem("memory", level, f"memory {over}: {_of(facts)}")


def _pools(facts: AutomationFacts) -> Iterator[Problem]:
    for pool in facts.pools:
        full = pool.used is not None and pool.maximum is not None and pool.used >= pool.maximum > 0
        if full or pool.waiting:
            waits = f", {pool.waiting} wait" if pool.waiting else ""
            title = f"database pool {pool.name} is exhausted: {count(pool.used)} of {count(pool.maximum)}{waits}"
            yield Problem(f"pool:{pool.name}", Level.CRITICAL if pool.waiting else Level.WARNING, title)


def _breakers(facts: AutomationFacts) -> Iterator[Problem]:
    for breaker in facts.breakers:
        if breaker.state == "open":
            after = f" after {breaker.failures} failures" if breaker.failures else ""
            title = f"circuit breaker {breaker.name} is open{after}"
            yield Problem(f"breaker:{breaker.name}", Level.CRITICAL, title)
        elif breaker.state == "half_open":
            title = f"circuit breaker {breaker.name} tries again"
            yield Problem(f"breaker:{breaker.name}", Level.WARNING, title)


def _refused(facts: AutomationFacts) -> Iterator[Problem]:
    for each in facts.allowances:
        if each.refused and each.quiet_until is not None and each.quiet_until > facts.looked_at:
            left = duration(each.quiet_until - facts.looked_at)
            title = f"rate limit hit: {each.endpoint} refuses (429), asked again in {left}"
            yield Problem(f"limit:{each.endpoint}", Level.WARNING, title, ("somebody asks it too often",))


def _told(facts: AutomationFacts) -> Iterator[tuple[str, str]]:
    yield "worker", f"{facts.worker} at {facts.address}, {facts.status or 'status unknown'}"
    yield "tasks", f"{count(facts.active)} of {count(facts.max_active)}, {count(facts.completed)} done"
    yield "memory", f"{_of(facts)}, cpu {count(facts.cpu_percent)} %"
    for pool in facts.pools:
        used = f"{count(pool.used)} of {count(pool.minimum)}-{count(pool.maximum)}"
        yield "pool", f"{pool.name}: {used}, {count(pool.waiting)} wait"
    for breaker in facts.breakers:
        yield "breaker", f"{breaker.name}: {breaker.state}, {count(breaker.failures)} failures"
    for timing in facts.timings:
        yield "timer", _timing(timing)
    for each in facts.allowances:
        yield "rate limit", f"{each.endpoint}: {count(each.left)} of {count(each.limit)} left"
    for reason in facts.partial:
        yield "not read", reason


def _timing(timing: Timing) -> str:
    spans = (("p50", timing.p50_s), ("p95", timing.p95_s), ("p99", timing.p99_s), ("avg", timing.average_s))
    known = [
        f"{name} {_milliseconds(value)}" for name, value in (*spans, ("max", timing.longest_s)) if value is not None
    ]
    return f"{timing.name}: {', '.join(known) or '–'} of {count(timing.count)}"


def _milliseconds(value_s: float) -> str:
    return f"{value_s:.1f}s" if value_s >= 1 else f"{value_s * 1000:.0f}ms"


def _numbers(facts: AutomationFacts) -> Iterator[tuple[str, float | None]]:
    used, most = (
        [value for pool in facts.pools if (value := getattr(pool, key)) is not None] for key in ("used", "maximum")
    )
    yield "up", None if facts.alive is None else float(facts.alive)
    yield "healthy", None if facts.healthy is None else float(facts.healthy)
    yield "active_tasks", facts.active
    yield "active_tasks_limit", facts.max_active
    yield "completed_tasks_total", facts.completed
    yield "memory_bytes", facts.memory_bytes
    yield "memory_limit_bytes", facts.memory_limit_bytes
    yield "pool_connections", sum(used) if used else None
    yield "pool_connections_limit", sum(most) if most else None
    yield "open_breakers", float(sum(b.state == "open" for b in facts.breakers)) if facts.breakers else None
