"""An automation worker as its own API tells it: health, status, metrics, and what is left of its rate limits."""

from __future__ import annotations

import msgspec


class Pool(msgspec.Struct, frozen=True):
    """One connection pool of the worker; ``None`` where it does not say."""

    name: str
    used: int | None
    minimum: int | None
    maximum: int | None
    waiting: int | None


class Breaker(msgspec.Struct, frozen=True):
    """One circuit breaker: ``closed``, ``open`` or ``half_open``."""

    name: str
    state: str
    failures: int | None


class Timing(msgspec.Struct, frozen=True):
    """One timer or histogram, in seconds."""

    name: str
    count: int | None
    average_s: float | None
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    longest_s: float | None


class Allowance(msgspec.Struct, frozen=True):
    """What is left of the requests that one endpoint takes. ``quiet_until`` is when it is asked again (our clock)."""

    endpoint: str
    limit: int | None
    left: int | None
    refused: bool
    quiet_until: float | None


class AutomationFacts(msgspec.Struct, frozen=True, tag="automation"):
    """One look; a field is ``None`` when no endpoint that answered lately said it. Counters are since its start."""

    worker: str
    """Its id where it says one, else how the configuration calls it."""
    address: str
    looked_at: float
    alive: bool | None
    """The simple health check."""
    healthy: bool | None
    status: str | None
    failing: tuple[str, ...]
    """Checks of its health that fail."""
    uptime_s: float | None
    memory_bytes: float | None
    memory_limit_bytes: float | None
    cpu_percent: float | None
    active: int | None
    max_active: int | None
    started: int | None
    completed: int | None
    pools: tuple[Pool, ...]
    breakers: tuple[Breaker, ...]
    timings: tuple[Timing, ...]
    allowances: tuple[Allowance, ...]
    partial: tuple[str, ...] = ()
    """Endpoints that could not be read this time, with the reason."""
