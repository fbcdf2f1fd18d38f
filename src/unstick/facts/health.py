"""A worker's own HTTP endpoints: ``/health``, ``/ready`` and Prometheus ``/metrics``."""

from __future__ import annotations

import msgspec


class HealthFacts(msgspec.Struct, frozen=True, tag="health"):
    """One worker endpoint; a field is ``None`` when the endpoint did not say it.

    ``heartbeat_age_s`` is the worker's own figure: it moves only when a task is done, so an idle worker ages too.
    """

    name: str
    address: str
    status: str | None
    healthy: bool | None
    ready: bool | None
    uptime_s: float | None
    processed: int | None
    heartbeat_age_s: float | None
    broker_connected: bool | None
    health_code: int | None
    bad_metric_lines: int = 0
