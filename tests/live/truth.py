"""What is really the case, asked of the servers with their own tools and with the job systems' own libraries.

None of these answers is unstick's: PostgreSQL is asked by psql, Redis by redis-cli, RabbitMQ by rabbitmqctl (its processes, not
the statistics of its management API), queue sizes by Celery (kombu) and Dramatiq themselves.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from kombu.connection import Connection

import unstick
from tests.lab import dramatiq_app
from tests.lab.processes import clean_env
from tests.lab.servers import Postgres, Rabbit, Redis
from tests.lab.world import BALANCES_DB, CELERY_DB, CELERY_QUEUES, DRAMATIQ_DB, DRAMATIQ_QUEUES, PRIORITY_STEPS, World
from unstick.views.status_json import Json

Depths = dict[str, int | None]
QueueKey = tuple[str, str, str]
"""System, place and name, as the board spells them."""

JOBS = ("lock cleanup", "health check", "metrics", "log rotation", "database backup")
_PLUMBING = (".celery.pidbox", "celeryev.")


# ---------------------------------------------------------------------------------------------------- PostgreSQL


def rows(postgres: Postgres, database: str, sql: str) -> list[list[str]]:
    """The rows of one statement, every value as psql prints it (NULL is empty)."""
    return [line.split("|") for line in postgres.psql(sql + ";", database).splitlines()]


def row(postgres: Postgres, database: str, sql: str) -> list[str]:
    """The only row of one statement."""
    (only,) = rows(postgres, database, sql)
    return only


# --------------------------------------------------------------------------------------------------------- Redis


def keys(redis: Redis, db: int, start: str) -> list[str]:
    """Every key that begins with ``start``."""
    found = set(redis.cli("--scan", db=db).splitlines())
    return sorted(key for key in found if key.startswith(start))


def dramatiq_depths(redis: Redis, db: int, namespace: str, queue: str) -> Depths:
    """One Dramatiq queue. What is in flight is counted where workers keep it, not derived from other counts."""
    key = f"{namespace}:{queue}"
    held = dramatiq_held(redis, db, namespace)
    delayed = int(redis.cli("LLEN", f"{key}.DQ", db=db))
    return {
        "ready": int(redis.cli("LLEN", key, db=db)),
        "in_flight": sum(count for (_, name), count in held.items() if name == queue),
        "delayed": delayed + sum(count for (_, name), count in held.items() if name == f"{queue}.DQ"),
        "dead": int(redis.cli("ZCARD", f"{key}.XQ", db=db)),
    }


def dramatiq_held(redis: Redis, db: int, namespace: str) -> dict[tuple[str, str], int]:
    """(process, queue) to the messages that the process fetched and did not acknowledge."""
    prefix = f"{namespace}:__acks__."
    held = {}
    for key in keys(redis, db, prefix):
        process, _, queue = key.removeprefix(prefix).partition(".")
        if count := int(redis.cli("SCARD", key, db=db)):
            held[process, queue] = count
    return held


def heartbeats(redis: Redis, db: int, namespace: str) -> dict[str, float]:
    """Seconds since each Dramatiq process last spoke, by the clock of Redis."""
    now = int(redis.cli("TIME", db=db).split()[0])
    words = redis.cli("ZRANGE", f"{namespace}:__heartbeats__", "0", "-1", "WITHSCORES", db=db).split()
    return {name: now - float(score) / 1000 for name, score in zip(words[::2], words[1::2], strict=True)}


def celery_ready(redis: Redis, db: int, queue: str, *, prefix: str = "", separator: str = "\x06\x16") -> int:
    """What waits in one Celery queue: every priority is a list of its own."""
    names = [f"{prefix}{queue}", *keys(redis, db, f"{prefix}{queue}{separator}")]
    return sum(int(redis.cli("LLEN", name, db=db)) for name in names)


def celery_delivered(redis: Redis, db: int, *, prefix: str = "") -> Counter[str]:
    """Deliveries that nobody acknowledged, by routing key."""
    count: Counter[str] = Counter()
    for tag in redis.cli("HKEYS", f"{prefix}unacked", db=db).splitlines():
        _, _, routing_key = json.loads(redis.cli("HGET", f"{prefix}unacked", tag, db=db))
        count[routing_key] += 1
    return count


# ------------------------------------------------------------------------------------------------------ RabbitMQ


def rabbit_queues(rabbit: Rabbit, vhost: str = "/") -> dict[str, Depths]:
    """The queues that people use, by rabbitmqctl."""
    columns = ("name", "messages_ready", "messages_unacknowledged", "consumers")
    listed = json.loads(rabbit.ctl("list_queues", "-p", vhost, *columns, "--formatter", "json"))
    return {
        queue["name"]: {
            "ready": queue["messages_ready"],
            "unacked": queue["messages_unacknowledged"],
            "consumers": queue["consumers"],
        }
        for queue in listed
        if not any(word in queue["name"] for word in _PLUMBING)
    }


def rabbit_items(queues: dict[str, Depths], vhost: str, owners: dict[str, str]) -> dict[QueueKey, Depths]:
    """Queues as a board should list them: those of Dramatiq with what their ``.DQ`` and ``.XQ`` companions hold."""
    items: dict[QueueKey, Depths] = {}
    for name, queue in queues.items():
        base, _, suffix = name.rpartition(".")
        if suffix in {"DQ", "XQ"} and owners.get(base) == "dramatiq":
            continue
        delayed, dead = (
            _all(queues[f"{name}.{part}"]) if owners.get(name) == "dramatiq" else None for part in ("DQ", "XQ")
        )
        items[owners.get(name, "rabbitmq"), vhost, name] = {
            "ready": queue["ready"],
            "in_flight": queue["unacked"],
            "delayed": delayed,
            "dead": dead,
        }
    return items


def _all(queue: Depths) -> int:
    return (queue["ready"] or 0) + (queue["unacked"] or 0)


@dataclass(frozen=True)
class Link:
    """One client connection of RabbitMQ."""

    client: str | None
    vhost: str
    channels: int
    channel_max: int
    heartbeat_s: int


def rabbit_connections(rabbit: Rabbit) -> dict[str, Link]:
    """The connections by name, by rabbitmqctl."""
    columns = ("name", "vhost", "client_properties", "channels", "channel_max", "timeout")
    listed = json.loads(rabbit.ctl("list_connections", *columns, "--formatter", "json"))
    return {
        link["name"]: Link(
            _client_name(link["client_properties"]),
            link["vhost"],
            link["channels"],
            link["channel_max"],
            link["timeout"],
        )
        for link in listed
    }


def queue_statistics(rabbit: Rabbit, vhost: str = "/") -> dict[str, tuple[int | None, int | None]]:
    """What the management API tells of ready and unacknowledged messages, some seconds behind the queues."""
    path = f"queues/{quote(vhost, safe='')}?disable_stats=true&enable_queue_totals=true"
    listed = rabbit.api("GET", path)
    return {queue["name"]: (queue.get("messages_ready"), queue.get("messages_unacknowledged")) for queue in listed}


def channel_statistics(rabbit: Rabbit) -> dict[str, int]:
    """What the management API tells of each connection's channels, some seconds behind the connections."""
    return {link["name"]: link["channels"] for link in rabbit.api("GET", "connections")}


def _client_name(properties: list[list[Any]]) -> str | None:
    return next((value for name, _, value in properties if name == "connection_name"), None)


# ------------------------------------------------------------------------------ what the job systems say themselves


def celery_sizes(url: str, queues: Sequence[str], **transport_options: object) -> dict[str, int]:
    """How deep Celery finds its queues, over a connection of its own: by kombu's passive declare.

    On Redis by the measure behind it, since kombu says that there is no such queue when it is empty or has a prefix.
    """

    def size(queue: str) -> int:
        with connection.channel() as channel:
            if url.startswith("redis"):
                return int(channel._size(queue))
            return int(channel.queue_declare(queue=queue, passive=True).message_count)

    with Connection(url, transport_options=transport_options) as connection:  # type: ignore[no-untyped-call]
        return {queue: size(queue) for queue in queues}


def dramatiq_sizes(url: str, queues: Sequence[str], namespace: str = "dramatiq") -> dict[str, Any]:
    """How deep Dramatiq finds its queues.

    On Redis one number for what waits, runs and is delayed; on RabbitMQ what waits, is delayed and is dead. On Redis
    whoever asks enters itself among the heartbeats: it is taken out again.
    """
    broker: Any = dramatiq_app.make_broker(url, namespace, queues)
    try:
        if not url.startswith("redis"):
            return {queue: broker.get_queue_message_counts(queue) for queue in queues}
        sizes = {queue: broker.do_qsize(queue) for queue in queues}
        broker.client.zrem(f"{namespace}:__heartbeats__", broker.broker_id)
        return sizes
    finally:
        broker.close()


# ------------------------------------------------------------------------------------------------ the whole world


@dataclass(frozen=True)
class Truth:
    """Everything that the board tells of a world, from the servers."""

    at: float
    """By the clock of PostgreSQL."""
    pool: dict[str, int]
    stuck: dict[str, str]
    """Proxies of the dead that no task needs, with their worker."""
    idle: dict[str, str]
    """Proxies of anybody that no task needs at this instant."""
    holders: dict[str, dict[str, int]]
    """Every crawler worker with the proxies, tasks and locks it holds."""
    locks: dict[str, tuple[str, float | None]]
    """Holder and end of each."""
    expired: int
    orphaned: int
    endless: int
    heartbeats: dict[str, float]
    held: dict[str, int]
    """Messages of each Dramatiq process."""
    queues: dict[QueueKey, Depths]
    consumers: dict[str, int | None]
    """Of the queues of RabbitMQ."""
    links: dict[str, Link]
    """But those of whoever looks, who comes and goes."""
    synced_at: float
    """The newest balance row."""
    last_sync_at: float
    """What the last sync noted when it ended."""
    sync: dict[str, int]
    syncing: bool
    beat_at: float | None
    """When Celery's scheduler triggered a sync last."""
    differing: int
    balances: int

    @property
    def still(self) -> dict[str, Any]:
        """Everything that does not change by itself while the world is frozen."""
        moving = {"at", "expired", "heartbeats"}
        return {name: value for name, value in vars(self).items() if name not in moving}


def truth_of(world: World) -> Truth:
    """Ask all servers of ``world``: some seconds, most of them for rabbitmqctl."""
    with ThreadPoolExecutor(2) as threads:
        queues = threads.submit(rabbit_queues, world.rabbit)
        links = threads.submit(rabbit_connections, world.rabbit)
        others = {name: link for name, link in links.result().items() if link.client != "unstick"}
        return _truth_of(world, queues.result(), others)


def _truth_of(world: World, queues: dict[str, Depths], links: dict[str, Link]) -> Truth:
    held = dramatiq_held(world.redis, DRAMATIQ_DB, "dramatiq")
    by_process: Counter[str] = Counter()
    for (process, _), count in held.items():
        by_process[process] += count
    status = _hash(world.redis, BALANCES_DB, "sync:status")
    locks = _locks(world)
    differing, balances = _drift(world)
    idle = _idle(world)
    return Truth(
        at=float(_ask(world, "SELECT extract(epoch FROM clock_timestamp())")[0][0]),
        pool=_pool(world),
        stuck={proxy: worker for proxy, worker in idle.items() if worker in world.dead_workers},
        idle=idle,
        holders=_holders(world),
        locks={number: (worker, float(end) if end else None) for number, worker, end, _ in locks},
        expired=sum(line[3] == "t" for line in locks),
        orphaned=sum(line[1] in dead_holders(world) for line in locks),
        endless=sum(not line[2] for line in locks),
        heartbeats=heartbeats(world.redis, DRAMATIQ_DB, "dramatiq"),
        held=dict(by_process),
        queues=_queues(world, queues),
        consumers={name: queue["consumers"] for name, queue in queues.items()},
        links=links,
        synced_at=float(_ask(world, "SELECT extract(epoch FROM max(last_synced_at)) FROM user_balances")[0][0]),
        last_sync_at=datetime.fromisoformat(status["last_sync_at"]).timestamp(),
        sync={name: int(status[name]) for name in ("processed", "updated", "errors")},
        beat_at=datetime.fromisoformat(status["last_beat_at"]).timestamp() if "last_beat_at" in status else None,
        syncing=world.redis.cli("EXISTS", "sync:running", db=BALANCES_DB) == "1",
        differing=differing,
        balances=balances,
    )


def _ask(world: World, sql: str) -> list[list[str]]:
    return rows(world.postgres, "world", sql)


def _pool(world: World) -> dict[str, int]:
    sql = (
        "SELECT count(*), count(*) FILTER (WHERE is_in_use), count(*) FILTER (WHERE is_blocked AND NOT is_in_use),"
        " count(*) FILTER (WHERE NOT is_blocked AND NOT is_in_use) FROM proxies"
    )
    return dict(zip(("total", "in_use", "blocked", "free"), map(int, _ask(world, sql)[0]), strict=True))


def _idle(world: World) -> dict[str, str]:
    busy = " UNION ALL ".join(
        f"SELECT worker_id FROM {table} WHERE status = 'processing' AND worker_id IS NOT NULL"
        for table in ("catalog_tasks", "object_tasks")
    )
    sql = f"SELECT id, worker_id FROM proxies WHERE is_in_use AND worker_id NOT IN ({busy})"
    return {line[0]: line[1] for line in _ask(world, sql)}


def _holders(world: World) -> dict[str, dict[str, int]]:
    counts = {
        "proxies": "SELECT worker_id, count(*) FROM proxies WHERE is_in_use GROUP BY 1",
        "tasks": "SELECT worker_id, count(*) FROM (SELECT * FROM catalog_tasks UNION ALL SELECT * FROM object_tasks) t"
        " WHERE status = 'processing' GROUP BY 1",
        "locks": "SELECT worker_id, count(*) FROM dashboard_tasklock GROUP BY 1",
    }
    found = {name: {worker: int(count) for worker, count in _ask(world, sql)} for name, sql in counts.items()}
    crawlers = sorted(found["proxies"].keys() | found["tasks"].keys())
    return {worker: {name: found[name].get(worker, 0) for name in counts} for worker in crawlers}


def _locks(world: World) -> list[list[str]]:
    return _ask(
        world,
        "SELECT id, worker_id, extract(epoch FROM expires_at), coalesce(expires_at < now(), false)"
        " FROM dashboard_tasklock ORDER BY id",
    )


def dead_holders(world: World) -> set[str]:
    """Workers whose process is gone, crawlers and the others."""
    return world.dead_workers | {name for name in world.automation_ports if not world.program(name).alive}


def _queues(world: World, queues: dict[str, Depths]) -> dict[QueueKey, Depths]:
    found: dict[QueueKey, Depths] = {
        ("dramatiq", "dramatiq", queue): dramatiq_depths(world.redis, DRAMATIQ_DB, "dramatiq", queue)
        for queue in DRAMATIQ_QUEUES
    }
    delivered = celery_delivered(world.redis, CELERY_DB)
    for queue in CELERY_QUEUES:
        ready = celery_ready(world.redis, CELERY_DB, queue)
        found["celery", "celery", queue] = {
            "ready": ready,
            "in_flight": delivered[queue],
            "delayed": None,
            "dead": None,
        }
    return found | rabbit_items(queues, "/", {"exports": "dramatiq", "thumbnails": "celery"})


def _hash(redis: Redis, db: int, key: str) -> dict[str, str]:
    words = redis.cli("HGETALL", key, db=db).splitlines()
    return dict(zip(words[::2], words[1::2], strict=True))


def _drift(world: World) -> tuple[int, int]:
    """How many balances differ between cache and table, and of how many."""
    stored = _ask(world, "SELECT user_id, balance FROM user_balances ORDER BY 1")
    cached = world.redis.cli("MGET", *(f"balance:{user}" for user, _ in stored), db=BALANCES_DB).split("\n")
    pairs = zip(cached, stored, strict=True)
    return sum(not value or Decimal(value) != Decimal(line[1]) for value, line in pairs), len(stored)


def library_sizes(world: World) -> tuple[dict[str, int], dict[str, Any]]:
    """What Celery's and Dramatiq's own libraries say of all their queues in ``world``."""
    env = world.env()
    transport = {"priority_steps": list(PRIORITY_STEPS)}
    celery = celery_sizes(env["CELERY_BROKER_URL"], CELERY_QUEUES, **transport)
    celery |= celery_sizes(env["RABBITMQ_URL"], ["thumbnails"])
    dramatiq = dramatiq_sizes(env["REDIS_URL"], DRAMATIQ_QUEUES)
    return celery, dramatiq | dramatiq_sizes(env["RABBITMQ_URL"], ["exports"])


def answering(world: World) -> dict[str, bool]:
    """Which servers and services of the world answer their own question, by the names of the board's sources."""
    redis = world.redis.cli("PING") == "PONG"
    postgres = _ask(world, "SELECT 1") == [["1"]]
    rabbit = bool(world.rabbit.api("GET", "overview"))
    found = dict.fromkeys(("dramatiq", "celery", "redis-server", "celery-events:celery"), redis)
    found |= dict.fromkeys(("crawler", "locks", "sync-data", "postgres-server", "probe:blocked"), postgres)
    found |= dict.fromkeys(("rabbitmq", "celery-events:thumbnails"), rabbit)
    found |= {"sync": _ok(world, f"{world.sync_url}/sync-management/health")}
    found |= {"health:web-1": _ok(world, f"{world.health_url}/health")}
    found |= dict.fromkeys(("host", "log:programs", *(f"maintenance:{job}" for job in JOBS)), True)
    found |= {f"dependency:{name}": True for name in world.leans_on}
    for name, url in zip(world.automation_ports, world.automation_urls, strict=True):
        up = _ok(world, f"{url}/api/v1/health/simple")
        found |= {f"locks:{url.removeprefix('http://')}": up, f"automation:{name}": up}
    return found


def _ok(world: World, url: str) -> bool:
    try:
        return world.http(url)[0] == 200
    except OSError:
        return False


# --------------------------------------------------------------------------------------------- and what unstick says


class Status(NamedTuple):
    """What one ``unstick status --json`` said, and its exit code."""

    code: int
    told: Json


def ask_status(config: Path | None, directory: Path, **environment: str) -> Status:
    """Run ``unstick status --json`` as its users do: a process of its own, in an empty directory."""
    command = [sys.executable, "-m", "unstick", "status", "--json", "--timeout", "20"]
    command += ["-c", str(config)] if config else []
    home = {"HOME": str(directory), "XDG_CONFIG_HOME": str(directory), "XDG_STATE_HOME": str(directory)}
    source = str(Path(unstick.__file__).parents[1])
    done = subprocess.run(
        command,
        cwd=directory,
        env=clean_env(**home, PYTHONPATH=source, **environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return Status(done.returncode, json.loads(done.stdout))
