"""From when on a value is bad, and how often each system is asked."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from unstick.settings.forms import Count, Percent, Seconds


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a value becomes a warning or worse; defaults are those of the incident notes."""

    grace_s: Seconds = 120.0
    """How long a worker may be silent before what it holds counts as stuck."""
    heartbeat_s: Seconds = 300.0
    """Worker health endpoints: silence that makes a worker unhealthy."""
    stall_s: Seconds = 300.0
    """Nothing acknowledged for this long while messages wait: the worker stalls."""
    queue_warning: Count = 100
    """Messages that wait in one queue."""
    queue_critical: Count = 1000
    """Messages that wait in one queue."""
    oldest_warning_s: Seconds = 300.0
    """Age of the message at the head of a queue."""
    oldest_critical_s: Seconds = 1800.0
    """Age of the message at the head of a queue."""
    pool_free_warning: Percent = 10.0
    """Free proxies in percent of the pool."""
    pool_free_critical: Percent = 3.0
    """Free proxies in percent of the pool."""
    lock_grace_s: Annotated[float, Meta(ge=0, le=366 * 86_400)] = 30.0
    """How long a lock may outlive its end before it counts as expired."""
    stale_factor: Annotated[float, Meta(ge=1, le=1000)] = 3.0
    """A reading older than this many intervals (and 5 s) is stale."""
    drift_warning: Percent = 1.0
    """Differing keys in percent of the sample."""
    connections_warning: Percent = 80.0
    """Connections of a PostgreSQL or clients of a Redis in percent of those allowed."""
    connections_critical: Percent = 95.0
    """Connections of a PostgreSQL or clients of a Redis in percent of those allowed."""
    transaction_s: Seconds = 300.0
    """Age of the oldest open transaction of PostgreSQL; critical from ten times that."""
    blocked_s: Seconds = 10.0
    """How long a session of PostgreSQL may wait for a lock; critical from ten times that."""
    replica_lag_s: Seconds = 60.0
    """How far a replica may be behind; critical from ten times that."""
    redis_memory_warning: Percent = 85.0
    """Memory of a Redis in percent of its limit, of its host's where it has none."""
    redis_memory_critical: Percent = 95.0
    """Memory of a Redis in percent of its limit, of its host's where it has none."""
    endless_results: Count = 10_000
    """Keys without an end in a Celery result backend."""
    beat_late_s: Seconds = 60.0
    """How long after its time a scheduled task may be fired."""
    worker_memory_warning: Percent = 85.0
    """Memory of an automation worker in percent of its limit; over the limit is critical."""


class Intervals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often each system is asked; each has a floor that protects the watched server."""

    dramatiq_s: Seconds = 1.0
    """Heartbeats and queues of Dramatiq."""
    celery_s: Seconds = 2.0
    """Queues and unacknowledged messages of Celery."""
    health_s: Seconds = 5.0
    """Health endpoints of workers."""
    crawler_s: Seconds = 2.0
    """Proxy pool and tasks."""
    rabbitmq_s: Seconds = 5.0
    """Connections and queues; the broker itself refreshes its figures every 5 s."""
    sync_s: Seconds = 10.0
    """The API of the balance sync."""
    sync_data_s: Seconds = 30.0
    """Balance rows, and the sample that is compared with the cache."""
    locks_s: Seconds = 3.0
    """The lock table."""
    lock_endpoints_s: Seconds = 10.0
    """Locks that workers list over HTTP."""
    host_s: Seconds = 2.0
    """This host."""
    celery_events_s: Seconds = 5.0
    """What Celery's workers said meanwhile; they speak every two seconds."""
    beat_s: Seconds = 10.0
    """The schedule of RedBeat."""
    servers_s: Seconds = 10.0
    """The PostgreSQL and Redis servers themselves."""
    dependencies_s: Seconds = 15.0
    """Dependencies."""
    logs_s: Seconds = 5.0
    """Logs that are followed."""
    maintenance_s: Seconds = 30.0
    """Files of maintenance jobs."""
    probes_s: Seconds = 60.0
    """Numbers of your own."""
    automation_s: Seconds = 15.0
    """Automation workers; of the twenty requests a minute that their metrics take this is four."""


FLOORS = Intervals(
    dramatiq_s=0.5,
    celery_s=1.0,
    health_s=2.0,
    crawler_s=1.0,
    rabbitmq_s=5.0,
    sync_s=5.0,
    sync_data_s=10.0,
    locks_s=1.0,
    lock_endpoints_s=5.0,
    host_s=1.0,
    celery_events_s=2.0,
    beat_s=5.0,
    servers_s=5.0,
    dependencies_s=5.0,
    logs_s=1.0,
    maintenance_s=10.0,
    probes_s=10.0,
    automation_s=6.0,
)
"""The least interval of each source, in seconds."""
