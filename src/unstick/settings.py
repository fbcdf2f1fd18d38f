"""The settings of one context, as ``unstick.toml`` spells them: every field is a key of the file.

Spans are seconds here; the file writes them as ``"30s"``, ``"5m"``, ``"1h"`` or ``"250ms"``, and their keys without
``_s``. The text under a field is its line in the reference and in the file that ``unstick init`` writes; the bounds
in its type are those that the loader checks.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from unstick.secret import Url

Seconds = Annotated[float, Meta(gt=0, le=366 * 86_400)]
Percent = Annotated[float, Meta(ge=0, le=100)]
Count = Annotated[int, Meta(ge=1)]
Label = Annotated[str, Meta(max_length=64, extra={"form": "label"})]
"""A name that is shown: no control characters."""
Table = Annotated[str, Meta(extra={"form": "table"})]
"""An SQL name, or two with a dot between them: ``schema.table``."""
Column = Annotated[str, Meta(extra={"form": "column"})]
"""One SQL name."""
UrlPath = Annotated[str, Meta(extra={"form": "path"})]
"""Begins with a slash."""
PostgresUrl = Annotated[Url, Meta(extra={"schemes": ("postgresql", "postgres")})]
RedisUrl = Annotated[Url, Meta(extra={"schemes": ("redis", "rediss", "unix")})]
AmqpUrl = Annotated[Url, Meta(extra={"schemes": ("amqp", "amqps")})]
BrokerUrl = Annotated[Url, Meta(extra={"schemes": ("redis", "rediss", "unix", "amqp", "amqps")})]
DependencyUrl = Annotated[Url, Meta(extra={"schemes": ("http", "https", "tcp", "tls", "dns")})]
HttpUrl = Annotated[Url, Meta(extra={"schemes": ("http", "https")})]


class Postgres(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The PostgreSQL server of the crawler tables, locks and balances."""

    url: PostgresUrl | None = None
    """``postgresql://USER:PASSWORD@HOST:PORT/DATABASE``; unset: ``DATABASE_URL``."""
    statement_timeout_s: Seconds = 1.5
    """The server cancels a statement of unstick that takes longer."""
    lock_timeout_s: Seconds = 0.3
    """A statement of unstick gives up when it waits longer for a lock."""


class Redis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The Redis server that systems use when they name none of their own."""

    url: RedisUrl | None = None
    """``redis://USER:PASSWORD@HOST:PORT/DB``; unset: ``REDIS_URL``."""


class RabbitMQ(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The broker: management API where there is one, else AMQP alone (then ``queues`` names what to ask for)."""

    url: AmqpUrl | None = None
    """``amqp://USER:PASSWORD@HOST:PORT/VHOST``; unset: ``RABBITMQ_URL``."""
    management_url: HttpUrl | None = None
    """``http://USER:PASSWORD@HOST:15672``; unset: ``RABBITMQ_MANAGEMENT_URL``."""
    vhosts: tuple[str, ...] = ()
    """Only these virtual hosts; empty: all that the user may see."""
    queues: tuple[str, ...] = ()
    """Queues to ask for where there is no management API: AMQP cannot list them."""
    channels_warning: Count = 50
    """Channels on one connection."""
    channel_growth_per_min: Annotated[float, Meta(gt=0)] = 5.0
    """New channels per minute on one connection that count as a leak."""
    reconnects_per_min: Annotated[float, Meta(gt=0)] = 30.0
    """Connections per minute that are opened and lost again: more is a storm, ten times as many a critical one."""


class Dramatiq(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One Dramatiq broker. On ``amqp://`` its queues are read with the broker's."""

    name: Label = "dramatiq"
    """How the board calls it; two brokers need two names."""
    url: BrokerUrl | None = None
    """Unset: the Redis server above."""
    namespace: str = "dramatiq"
    """What its keys begin with."""
    queues: tuple[str, ...] = ()
    """Idle queues have no key: name them; those with messages are found by themselves."""
    heartbeat_timeout_s: Seconds = 60.0
    """A worker whose heartbeat stood still for longer is silent."""


class Celery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One Celery broker. On ``amqp://`` its queues are read with the broker's."""

    name: Label = "celery"
    """How the board calls it; two brokers need two names."""
    url: BrokerUrl | None = None
    """Unset: ``CELERY_BROKER_URL``, else the Redis server above."""
    queues: tuple[str, ...] = ("celery",)
    """Queues whose depth is read."""
    key_prefix: str = ""
    """``global_keyprefix`` of the transport options."""
    priority_steps: tuple[Annotated[int, Meta(ge=0, le=255)], ...] = (0, 3, 6, 9)
    """``priority_steps`` of the transport options: each step is a list of its own."""
    separator: str = "\x06\x16"
    """Between queue and priority step in a key: ``sep`` of the transport options."""
    unacked_key: str = "unacked"
    """Hash of what was delivered and not acknowledged."""
    unacked_index_key: str = "unacked_index"
    """Sorted set with the time of each delivery."""
    visibility_timeout_s: Seconds = 3600.0
    """After this long Celery delivers again what nobody acknowledged."""
    events: Literal["off", "workers", "tasks"] = "off"
    """Listen to what workers say of themselves; ``tasks``: also to what they run, where they send it (``-E``)."""
    schedule: dict[str, str] = {}
    """Tasks that beat fires, and how often: ``"app.sync" = "1h"``; judged by what runs, with ``events = "tasks"``."""
    redbeat: bool = False
    """Read the schedule of RedBeat."""
    redbeat_url: RedisUrl | None = None
    """``redbeat_redis_url`` of the application; unset: the broker."""
    redbeat_prefix: str = "redbeat:"
    """``redbeat_key_prefix`` of the application."""
    results_url: RedisUrl | None = None
    """The Redis that keeps the results; unset: ``CELERY_RESULT_BACKEND``, else their growth is not watched."""


class Health(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One worker with ``/health``, ``/ready`` and ``/metrics``."""

    url: HttpUrl
    """Where the worker listens: ``http://HOST:PORT``."""
    name: Label = ""
    """How the board calls it; unset: its address."""
    health_path: UrlPath = "/health"
    """Is it alive."""
    ready_path: UrlPath = "/ready"
    """Does it take work."""
    metrics_path: UrlPath = "/metrics"
    """Its Prometheus text."""
    metric_prefix: str = "dramatiq_worker"
    """What its metric names begin with: ``dramatiq_worker_uptime_seconds``."""


class TaskTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table whose rows in state ``processing`` belong to a worker."""

    table: Table
    """Its name."""
    id: Column = "id"
    """Its key column."""
    status: Column = "status"
    """Column with the state of a task."""
    processing: str = "processing"
    """The state in which a worker owns the task."""
    pending: str = "pending"
    """The state in which a task waits for a worker: where an action returns expired ones to."""
    worker: Column = "worker_id"
    """Column with the worker's id."""
    heartbeat: Column | None = "heartbeat_at"
    """Column with the last sign of life of the task's worker; ``false`` where there is none."""


class Crawler(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The proxy pool and the tasks of the crawler containers."""

    proxies: Table = "proxies"
    """Table of the pool."""
    id: Column = "id"
    """Its key column."""
    in_use: Column = "is_in_use"
    """Column that says whether somebody holds the proxy."""
    blocked: Column | None = "is_blocked"
    """Column that says whether the proxy is blocked; ``false`` where there is none."""
    worker: Column = "worker_id"
    """Column with the holder's worker id."""
    changed_at: Column | None = "updated_at"
    """Column with the instant of the last change; ``false`` where there is none."""
    separator: str = "_"
    """Between container and number in a worker id: ``8b4f59aa_3``."""
    heartbeat_every_s: Seconds = 30.0
    """How often a worker writes the heartbeat of its task; ``thresholds.grace`` is at least three times that."""
    tasks: tuple[TaskTable, ...] = (TaskTable("catalog_tasks"), TaskTable("object_tasks"))
    """Every table with processing tasks: a worker with a row in any of them is at work."""


class Locks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The lock table, and workers that list their locks over HTTP."""

    table: Table | None = "dashboard_tasklock"
    """Table of the locks; ``false`` where they are read over HTTP only."""
    id: Column = "id"
    """Its key column."""
    kind: Column = "kind"
    """Column with the kind of the locked task."""
    task: Column = "task_id"
    """Column with the id of the locked task."""
    worker: Column = "worker_id"
    """Column with the holder's worker id."""
    acquired_at: Column = "acquired_at"
    """Column with the instant when the lock was taken."""
    expires_at: Column = "expires_at"
    """Column with the instant when the lock ends; NULL there is a lock without an end."""
    urls: tuple[HttpUrl, ...] = ()
    """Workers that list their locks: ``http://HOST:PORT``."""
    path: UrlPath = "/api/v1/locks"
    """Where they list them."""
    redis_keys: tuple[str, ...] = ()
    """Patterns of locks that are keys of Redis with their holder's token as text: ``lock:*``. For ``drain-locks``."""
    redis_url: RedisUrl | None = None
    """Where those are; unset: the Redis server above."""
    redis_worker: str | None = None
    """Field of a JSON token with the holder's worker id; unset: what stands in the token before the first colon."""


class Sync(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The balance sync: its API, the rows it writes and the keys it reads."""

    url: HttpUrl | None = None
    """Where its API listens: ``http://HOST:PORT``; unset: only the data is looked at."""
    prefix: UrlPath = "/sync-management"
    """Before ``/status``, ``/schedule``, ``/health`` and ``/stats``."""
    force_path: UrlPath = "/force-sync"
    """Below the prefix: a POST there starts a sync."""
    task: str | None = None
    """Name of the Celery task that syncs; set, ``sync-balances`` sends it instead of a POST."""
    task_queue: str = "balance_sync"
    """Queue that it is sent to."""
    task_args: tuple[str, ...] = ()
    """Its arguments, texts."""
    task_broker: Label | None = None
    """``name`` of the ``[[celery]]`` entry whose broker it is sent to; unset: the first."""
    every_s: Seconds = 3600.0
    """How often a sync is due; overdue is one and a half times that."""
    fields: dict[str, str] = {}
    """Dotted JSON paths for fields whose names differ, for example ``last_success_at = "result.finished"``."""
    redis_url: RedisUrl | None = None
    """The cache that holds the balances; unset: the Redis server above."""
    balance_key: str = "balance:{id}"
    """Key of one balance; ``{id}`` stands for the user's id."""
    balance_field: str | None = None
    """Field of a hash or of a JSON object; unset: the value itself is the balance."""
    table: Table = "user_balances"
    """Table of the balances."""
    id: Column = "user_id"
    """Its key column."""
    balance: Column = "balance"
    """Column with the balance."""
    synced_at: Column | None = "last_synced_at"
    """Column with the instant of the row's last sync; ``false`` where there is none."""
    sample: Annotated[int, Meta(ge=1, le=2000)] = 200
    """Rows that are compared with the cache in one look."""


class Automation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Automation workers (FastAPI): one, or several on ports one after the other."""

    url: HttpUrl
    """The first of them: ``http://HOST:8088``."""
    name: Label = ""
    """How the board calls it; ``{n}`` counts them from 1. Unset: its address; its own id once it says one."""
    workers: Annotated[int, Meta(ge=1, le=64)] = 1
    """How many listen, on this port and those that follow."""
    prefix: UrlPath = "/api/v1"
    """Before ``/health``, ``/health/simple``, ``/status``, ``/metrics`` and ``/locks``."""
    memory_limit_mb: Count | None = None
    """``MEMORY_LIMIT_MB`` of workers that do not say it themselves."""
    max_tasks: Count | None = None
    """``MAX_CONCURRENT_TASKS`` of workers that do not say it themselves."""
    locks: bool = True
    """Read the locks that they list, too."""

    @property
    def known_as(self) -> str:
        """Its name on the board."""
        return self.name or self.url.address


class Dependency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that the stack leans on: a web address, a port, a name."""

    name: Label = ""
    """How the board calls it; unset: its address, or its preset's name."""
    preset: Literal["dolphin-anty"] | None = None
    """``dolphin-anty``: the local API of Dolphin Anty on port 3001."""
    url: DependencyUrl | None = None
    """``http://HOST/PATH``, ``tcp://HOST:PORT``, ``tls://HOST:PORT`` or ``dns://NAME``; unset: the preset's."""
    status: tuple[Annotated[int, Meta(ge=100, le=599)], ...] = ()
    """Statuses that count as up; empty: those below 400, 401 and 403."""
    timeout_s: Annotated[float, Meta(gt=0, le=30)] = 3.0
    """Longer than this is down."""
    slow_s: Seconds = 2.0
    """Longer than this is slow."""
    tls_warning_s: Seconds = 14 * 86_400.0
    """How long before its certificate ends; critical in the last fifth of that."""
    hint: Annotated[str, Meta(max_length=200, extra={"form": "label"})] = ""
    """What to do when it is down: shown with the finding."""

    @property
    def known_as(self) -> str:
        """Its name on the board."""
        return self.name or (self.url.address if self.url else self.preset or "")


class Maintenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A job that leaves files behind on this host: how old the newest is tells whether it still runs."""

    name: Label = ""
    """How the board calls it; unset: the preset's name, or the first of ``files``."""
    preset: Literal["locks", "health", "metrics", "rotate", "backup"] | None = None
    """One of the five usual cron jobs, whose ``files`` and ``every`` are known."""
    folder: str = ""
    """Where relative ``files`` begin; unset: the working directory."""
    files: tuple[str, ...] = ()
    """Patterns of the files that it writes: ``backups/*.sql.gz``."""
    every_s: Seconds = 86_400.0
    """How often it is due; late is a tenth and a minute more than that, critical another period later."""
    last_line: bool = False
    """The age counts by the time at the beginning of the last line, where there is one."""
    backup: bool = False
    """Compare the newest with the one before, and with the room that is left for the next."""
    shrink_warning: Percent = 50.0
    """A backup that is smaller than the one before by so many percent."""

    @property
    def known_as(self) -> str:
        """Its name on the board."""
        return self.name or (self.files[0] if self.files else self.preset or "")


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A log of this host that is followed, in files or from a command."""

    name: Label = ""
    """How the board calls it; unset: the command, or its first file."""
    files: tuple[str, ...] = ("logs/*.log",)
    """Patterns of its files; the twenty newest are followed."""
    folder: str = ""
    """Where relative ``files`` begin; unset: the working directory."""
    command: tuple[str, ...] = ()
    """Instead of files a command that goes on printing, ``["docker", "logs", "-f", "bot"]``. It ends with unstick."""
    patterns: tuple[str, ...] = (
        "dns",
        "greenlet",
        "channel",
        "reset",
        "rate-limit",
        "connections",
        "bot-blocked",
        "closed",
    )
    """Which of the known shapes of error are counted."""
    match: dict[str, str] = {}
    """Shapes of your own, by regular expression: ``stuck = "is stuck$"``; they go before the known ones."""
    warning_per_min: Count = 5
    """Lines of one shape within a minute."""
    critical_per_min: Count = 60
    """Lines of one shape within a minute."""

    @property
    def known_as(self) -> str:
        """Its name on the board."""
        return self.name or next(iter((*self.command, *self.files)), "")


PROBE_COMMANDS = frozenset(
    {
        *("GET", "STRLEN", "LLEN", "HLEN", "HGET", "HSTRLEN", "SCARD", "ZCARD", "ZCOUNT", "ZSCORE"),
        *("DBSIZE", "EXISTS", "PTTL"),
    }
)
"""Redis commands that read one value."""


class Probe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number of your own, by SQL, a Redis command, or over HTTP."""

    name: Label
    """How the board calls it."""
    label: Label = ""
    """What is counted, in words."""
    sql: str = ""
    """One SELECT: the first column of its first row, read-only and within the limits of ``[postgres]``."""
    redis: tuple[str, ...] = ()
    """A command that reads one value, with its arguments: ``["LLEN", "outbox"]``."""
    redis_url: RedisUrl | None = None
    """Unset: the Redis server above."""
    url: HttpUrl | None = None
    """A JSON document, Prometheus text, or the base of a Prometheus server."""
    json: str = ""
    """Dotted path of the number in the document at ``url``: ``queues.0.depth``; unset: it is a number itself."""
    metric: str = ""
    """Of the Prometheus text at ``url``: ``name`` or ``name{label="value"}``; several samples are added."""
    promql: str = ""
    """An instant query to the Prometheus at ``url``; of several series the worst counts."""
    unit: Label = ""
    """Stands behind the number."""
    warning: float | None = None
    """From this value on."""
    critical: float | None = None
    """From this value on."""
    below: bool = False
    """The lower the worse: the limits are reached from above."""


class Host(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """This host."""

    enabled: bool = True
    """``false`` leaves this host out."""
    cpu_warning: Percent = 85.0
    """Percent of all cores."""
    cpu_critical: Percent = 97.0
    """Percent of all cores."""
    memory_warning: Percent = 85.0
    """Percent of memory that is not available."""
    memory_critical: Percent = 95.0
    """Percent of memory that is not available."""
    disk_warning: Percent = 85.0
    """Percent of the fullest file system."""
    disk_critical: Percent = 95.0
    """Percent of the fullest file system."""


class Servers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The PostgreSQL and Redis servers themselves, over the connections that are there already."""

    postgres: bool = True
    """``false`` leaves connections, transactions, waiting sessions and replicas of PostgreSQL out."""
    redis: bool = True
    """``false`` leaves memory, clients and replicas of the Redis servers out."""


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


BESIDE = ("automation", "dependency", "maintenance", "probe", "log")
"""What a context may watch without a server of the job systems."""

FLOORS = Intervals(
    *(0.5, 1.0, 2.0, 1.0, 5.0, 5.0, 10.0, 1.0, 5.0, 1.0),
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


class Guard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``unstick guard``: frees by itself what is provably stuck; stops itself when anything is not as expected."""

    every_s: Seconds = 300.0
    """How often it looks; what it frees was seen unchanged in two looks."""
    rows: Count = 20
    """More rows in one round stop it: a human should look."""
    rows_per_hour: Count = 60
    """More rows in one hour stop it."""
    idle_workers: bool = False
    """Free as well what silent workers hold whose container still works, or while no task waits: idle ones, maybe."""
    tasks: bool = False
    """Return the expired tasks of dead workers to pending as well."""


class Own(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An action of your own: a program, or an HTTP request. ``{worker}`` and the like stand for values of a row."""

    name: Label
    """How it is called."""
    command: tuple[str, ...] = ()
    """Program and arguments, run without a shell: ``["docker", "restart", "{container}"]``."""
    url: HttpUrl | None = None
    """Instead of a program: the server that gets a request."""
    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST"
    """Of the request."""
    path: str = "/"
    """Of the request; values are quoted."""
    body: str = ""
    """Of the request; values are written as inside a JSON text."""
    content_type: str = "application/json"
    """Of the body."""
    bearer_file: str | None = None
    """A private file with the token that is sent as ``Authorization: Bearer``."""
    confirm: str = ""
    """What the preview says of it."""
    dangerous: bool = False
    """A count must be typed before it runs, by whomever."""
    timeout_s: Seconds = 30.0
    """Then the program is killed, or the request given up."""


class Actions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be changed, how much at once, and where it is written down. See docs/actions.md."""

    read_only: bool = False
    """Nothing is changed in this context, whatever is asked for: only ``--dry-run`` and previews remain."""
    allow: tuple[Literal["free-proxies", "drain-locks", "sync-balances"], ...] = (
        "free-proxies",
        "drain-locks",
        "sync-balances",
    )
    """Actions that may be applied."""
    postgres_url: PostgresUrl | None = None
    """The operator's own login (see ``unstick grants``); unset: that of ``[postgres]``."""
    redis_url: RedisUrl | None = None
    """The operator's own login for locks in Redis; unset: that of ``[locks]``."""
    broker_url: BrokerUrl | None = None
    """The operator's own login for the broker that ``sync.task`` is sent to; unset: that of ``[[celery]]``."""
    follow_s: Seconds = 120.0
    """How long a sync that was started is followed until its effect is seen."""
    rows: Count = 50
    """More rows at once need their count typed."""
    pool_percent: Percent = 25.0
    """As ``rows``, in percent of the proxy pool."""
    unchanged_s: Seconds = 60.0
    """How long a row must have stood unchanged before it may be freed."""
    lock_timeout_s: Annotated[float, Meta(gt=0, le=30)] = 0.1
    """How long an action waits for locks at most: workers may wait behind it."""
    panic_file: str = "/run/unstick.panic"
    """While this file exists nothing is changed by anybody on this host."""
    audit: str = ""
    """File with a line per intent and outcome; unset: ``audit.jsonl`` in the user's state directory."""
    audit_table: Table | None = None
    """Table that gets a row in the transaction of each action; see ``unstick grants``."""
    syslog: bool = False
    """Outcomes go to syslog as well."""
    guard: Guard = Guard()
    """Limits of ``unstick guard``."""
    own: tuple[Own, ...] = ()
    """Actions of your own."""


class Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A board of fewer panes or columns; ``z`` goes from one to the next."""

    name: Label
    """What it is called. ``board`` replaces the board that is shown first."""
    rows: tuple[str, ...]
    """Panes from top to bottom; those in one text stand side by side: ``["workers proxies", "locks"]``."""
    columns: dict[str, str] = {}
    """By pane, the columns to show, in order: ``workers = "worker seen note"``."""


class Alerts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is told besides those who look, while ``unstick watch`` runs."""

    level: Literal["warning", "critical"] = "critical"
    """Findings below it are not told."""
    bell: bool = False
    """Ring the terminal's bell."""
    command: tuple[str, ...] = ()
    """Program and arguments, run without a shell: ``{title}``, ``{level}``, ``{what}``, ``{id}``, ``{context}`` and
    ``{line}`` are filled in, and the message stands as JSON on its input."""
    webhook: HttpUrl | None = None
    """Where the message is posted as JSON."""
    every_s: Seconds = 300.0
    """A finding that comes and goes is told again after this long at the earliest."""
    per_minute: Count = 6
    """Messages in a minute; the next one says how many were left out."""


class Screen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the board looks and listens."""

    theme: Label = "midnight"
    """Name of a theme."""
    mouse: bool = True
    """``false`` leaves the mouse to the terminal, for selecting text."""
    ascii: bool | None = None
    """Draw without box and block characters; unset: by the locale."""
    keys: dict[str, str] = {}
    """Other keys for what the board can do: ``filter = "ctrl+f"``."""
    presets: tuple[Preset, ...] = ()
    """Boards of your own."""


class Context(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One environment: what is watched there, and how loudly it says which one it is."""

    name: str = "default"
    """The table's own name: ``[context.NAME]``."""
    production: bool = False
    """The header says loudly that this is production, and actions need their count typed."""
    color: Literal["red", "orange", "yellow", "green", "cyan", "blue", "magenta"] | None = None
    """Of the context's name on the screen."""
    postgres: Postgres = Postgres()
    redis: Redis = Redis()
    rabbitmq: RabbitMQ = RabbitMQ()
    dramatiq: tuple[Dramatiq, ...] = ()
    celery: tuple[Celery, ...] = ()
    health: tuple[Health, ...] = ()
    crawler: Crawler | None = None
    locks: Locks | None = None
    sync: Sync | None = None
    host: Host = Host()
    servers: Servers = Servers()
    automation: tuple[Automation, ...] = ()
    dependency: tuple[Dependency, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    probe: tuple[Probe, ...] = ()
    log: tuple[Log, ...] = ()
    thresholds: Thresholds = Thresholds()
    intervals: Intervals = Intervals()
    actions: Actions = Actions()
    alerts: Alerts = Alerts()
    screen: Screen = Screen()
