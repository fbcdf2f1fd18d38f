"""The living demo world: three servers and everything that works on them, started and ended as one.

    with World(scenario="stuck-proxies", after=20) as world:
        world.config_path, world.env(), world.truth()

A scenario really breaks something some seconds after the world lives; :meth:`World.break_now` does so at once.
What the world is made of stands in ``demo_data/world``.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import sys
import threading
import time
import urllib.error
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.lab.processes import (
    LOOPBACK,
    Child,
    LabError,
    TempDir,
    clean_env,
    free_port,
    free_ports,
    guard,
    port_answers,
    wait_until,
)
from tests.lab.servers import Postgres, Rabbit, Redis, direct_http, require_servers

CHECKOUT = Path(__file__).resolve().parents[2]
CONTAINERS = {"8b4f59aa": 15, "b77514be": 16, "93816237": 15, "e1bf8c63": 14}
"""The crawler containers and their workers: sixty, so that sixty of a hundred proxies are in use."""

AUTOMATION = ("worker_1", "worker_2")
DRAMATIQ_QUEUES = ("default", "notifications", "reports")
CELERY_QUEUES = ("balance_sync", "default")
DRAMATIQ_DB, CELERY_DB, RESULTS_DB, BALANCES_DB = 0, 1, 2, 3
SYNC_TASK = "src.tasks.balance_sync.sync_balances_task"
PRIORITY_STEPS = (0, 3, 6, 9)
LEAK_PER_MIN = 38


def to_stderr(text: str) -> None:
    """Progress, one short line at a time."""
    print(text, file=sys.stderr, flush=True)


class World:
    """The world. ``say`` takes the progress lines; ``sync_every`` stands for the hour between two syncs."""

    def __init__(
        self,
        scenario: str | None = None,
        *,
        after: float = 20,
        sync_every: int = 60,
        say: Callable[[str], None] = to_stderr,
    ) -> None:
        if scenario is not None and scenario not in SCENARIOS:
            raise LabError(f"no scenario {scenario}; there are {', '.join(SCENARIOS)}")
        require_servers()
        self.scenario = scenario
        self.after = after
        self.sync_every = sync_every
        self.say = say
        self.broken_at: float | None = None
        """When the scenario struck, by the monotonic clock."""
        self.dead_workers: set[str] = set()
        """The crawler workers that this world has killed."""
        self._dir = TempDir("world")
        self._programs: dict[str, Child] = {}
        self._timer: threading.Timer | None = None
        self._stopping = threading.Event()
        self._lock = threading.RLock()
        directory = self._dir.path
        self.postgres = Postgres(directory)
        self.redis = Redis(directory)
        self.rabbit = Rabbit(directory)
        self.health_port = free_port()
        self.sync_port = free_port()
        self.around_port = free_port()
        self.automation_ports = dict(zip(AUTOMATION, free_ports(len(AUTOMATION)), strict=True))
        self.jobs = directory / "jobs"
        self.stall_file = directory / "stall"
        self.config_path = directory / "unstick.toml"

    # -- life

    def start(self) -> None:
        """Starts everything and returns when it lives. What was started ends again when something does not start."""
        began = time.monotonic()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        self.say(f"[3/3] the world lives ({time.monotonic() - began:.0f} s)")
        if self.scenario is not None:
            self._timer = threading.Timer(self.after, self.break_now)
            self._timer.daemon = True
            self._timer.start()

    def _start(self) -> None:
        self.say("[1/3] PostgreSQL, Redis, RabbitMQ …")
        with ThreadPoolExecutor(3) as threads:
            slow = threads.submit(self.rabbit.start)
            for quick in [threads.submit(self._start_database), threads.submit(self.redis.start)]:
                quick.result()
            self.say("[2/3] crawlers, workers, services …")
            self._start_without_rabbit()
            slow.result()
        self._start_on_rabbit()
        self._write_config()
        self._wait_until_alive()

    def _start_database(self) -> None:
        self.postgres.start()
        self.postgres.psql("CREATE DATABASE world;")
        scripts = (CHECKOUT / "demo_data" / name for name in ("schema.sql", "seed.sql"))
        self.postgres.psql("".join(script.read_text() for script in scripts), "world")

    def _start_without_rabbit(self) -> None:
        self.start_wallets()
        for name, workers in CONTAINERS.items():
            self.run(name, "demo_data.world.container", name, str(workers))
        self.run("reaper", "demo_data.world.reaper")
        self.start_around()
        self.start_cron()
        self.start_sync_worker()
        self.start_beat()
        self.run("sync-api", "demo_data.world.sync_api", WORLD_PORT=str(self.sync_port))
        for name in AUTOMATION:
            self.start_automation(name)
        self.start_dramatiq()

    def start_wallets(self) -> None:
        """Those who change the balances in the cache."""
        self.run("wallets", "demo_data.world.wallets")

    def start_around(self) -> None:
        """The web UI and the local API of Dolphin Anty."""
        self.run("around", "demo_data.world.around", WORLD_PORT=str(self.around_port))

    def start_cron(self) -> None:
        """The maintenance jobs."""
        self.run("cron", "demo_data.world.cron", WORLD_JOBS=str(self.jobs))

    def start_automation(self, name: str) -> None:
        """One automation worker."""
        port = str(self.automation_ports[name])
        self.run(name, "demo_data.world.automation_worker", WORLD_PORT=port, WORLD_WORKER_ID=name)

    def start_dramatiq(self) -> None:
        """The Dramatiq worker on Redis."""
        self.run(
            *("dramatiq", "dramatiq", "demo_data.world.dramatiq_app:broker", "--processes", "1", "--threads", "4"),
            WORLD_HEALTH_PORT=str(self.health_port),
        )

    def _start_on_rabbit(self) -> None:
        self.start_feature_service()
        self.run("amqp-clients", "demo_data.world.amqp_clients")
        self.run(*("exports", "dramatiq", "demo_data.world.exports_app:broker", "--processes", "1", "--threads", "2"))
        self.run("thumbnails", *_celery_worker("demo_data.world.thumbnails_app", "pictures", ["thumbnails"]))
        self.run("producer", "demo_data.world.producer")

    def start_sync_worker(self) -> None:
        """The Celery worker of the sync and the default queue."""
        self.run("celery", *_celery_worker("demo_data.world.celery_app", "sync", CELERY_QUEUES), "-E")

    def start_beat(self) -> None:
        """Celery's scheduler."""
        schedule = str(self._dir.path / "celerybeat-schedule")
        self.run("beat", "celery", "-A", "demo_data.world.celery_app", "beat", "-s", schedule, "--pidfile=")

    def start_feature_service(self, leak_per_min: float = 0) -> None:
        """The feature service, or its release with the bug."""
        self.run("feature-service", "demo_data.world.feature_service", WORLD_LEAK_PER_MIN=str(leak_per_min))

    def run(self, name: str, module: str, *args: str, **settings: str) -> None:
        """Starts ``python -m module args`` as one program of the world."""
        with self._lock:
            if self._stopping.is_set():
                return
            self._programs[name] = Child(
                [sys.executable, "-m", module, *args],
                log=self._dir.path / f"{name}.log",
                env=clean_env(**(self._private_env() | settings)),
                cwd=CHECKOUT,
                name=name,
            )

    def program(self, name: str) -> Child:
        """One program of the world, by its name: a container, ``celery``, ``beat``, ``dramatiq``, ``worker_1``, …"""
        return self._programs[name]

    def pids(self) -> list[int]:
        """Every process of the world, the warden included."""
        children = [pid for child in self._programs.values() for pid in (p.pid for p in child.family())]
        servers = [
            pid for server in (self.postgres, self.redis, self.rabbit) if server.running for pid in server.pids()
        ]
        epmd = [self.rabbit.epmd_pid] if self.rabbit.epmd_pid else []
        return [*children, *servers, *epmd, *([guard.pid] if guard.pid else [])]

    @property
    def directory(self) -> Path:
        """The run directory: logs, data, configuration."""
        return self._dir.path

    def stop(self) -> None:
        """Ends exactly what was started and removes the run directory."""
        with self._lock:
            self._stopping.set()
        if self._timer is not None:
            self._timer.cancel()
        with contextlib.ExitStack() as stack:
            stack.callback(self._dir.remove)
            for server in (self.postgres, self.redis, self.rabbit):
                stack.callback(server.stop)
            for child in self._programs.values():
                stack.callback(child.kill)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- how to reach it

    @property
    def database_url(self) -> str:
        """The world's database."""
        return self.postgres.database_url("world")

    @property
    def sync_url(self) -> str:
        """The sync management service."""
        return f"http://{LOOPBACK}:{self.sync_port}"

    @property
    def health_url(self) -> str:
        """The Dramatiq worker's health endpoints."""
        return f"http://{LOOPBACK}:{self.health_port}"

    @property
    def around_url(self) -> str:
        """The web UI and the local API of Dolphin Anty."""
        return f"http://{LOOPBACK}:{self.around_port}"

    @property
    def leans_on(self) -> dict[str, str]:
        """The dependencies that are watched, by name."""
        host = f"{LOOPBACK}:{self.around_port}"
        return {
            "Dolphin Anty": f"http://{host}/v1.0/browser_profiles",
            "web UI": f"http://{host}/",
            "storage": f"tcp://{host}",
        }

    @property
    def automation_urls(self) -> list[str]:
        """The automation workers."""
        return [f"http://{LOOPBACK}:{port}" for port in self.automation_ports.values()]

    def env(self) -> dict[str, str]:
        """The five variables that are enough for unstick."""
        return {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis.database_url(DRAMATIQ_DB),
            "RABBITMQ_URL": self.rabbit.amqp_url(),
            "RABBITMQ_MANAGEMENT_URL": self.rabbit.management_url,
            "CELERY_BROKER_URL": self.redis.database_url(CELERY_DB),
        }

    def _private_env(self) -> dict[str, str]:
        # Not CELERY_BROKER_URL: Celery prefers it to what an application says, and there are two applications.
        return {
            "DATABASE_URL": self.database_url,
            "RABBITMQ_URL": self.rabbit.amqp_url(),
            "WORLD_CELERY_URL": self.redis.database_url(CELERY_DB),
            "WORLD_DRAMATIQ_URL": self.redis.database_url(DRAMATIQ_DB),
            "WORLD_BALANCES_URL": self.redis.database_url(BALANCES_DB),
            "WORLD_CELERY_RESULTS_URL": self.redis.database_url(RESULTS_DB),
            "WORLD_EXPORTS_URL": self.rabbit.amqp_url(),
            "WORLD_THUMBNAILS_URL": f"{self.rabbit.amqp_url()}?heartbeat=60",
            "WORLD_UI_URL": f"{self.around_url}/",
            "WORLD_SYNC_EVERY_S": str(self.sync_every),
            "WORLD_STALL_FILE": str(self.stall_file),
            "TMPDIR": str(self._dir.path),  # whoever is killed leaves his files there
        }

    def _write_config(self) -> None:
        env = self.env()
        balances = self.redis.database_url(BALANCES_DB)
        text = f"""\
config_version = 1

[context.lab.postgres]
url = {_toml(env["DATABASE_URL"])}

[context.lab.redis]
url = {_toml(env["REDIS_URL"])}

[context.lab.rabbitmq]
url = {_toml(env["RABBITMQ_URL"])}
management_url = {_toml(env["RABBITMQ_MANAGEMENT_URL"])}

[[context.lab.dramatiq]]
name = "dramatiq"
url = {_toml(env["REDIS_URL"])}
queues = {_toml(list(DRAMATIQ_QUEUES))}

[[context.lab.dramatiq]]
name = "exports"
url = {_toml(env["RABBITMQ_URL"])}
queues = ["exports"]

[[context.lab.celery]]
name = "celery"
url = {_toml(env["CELERY_BROKER_URL"])}
queues = {_toml(list(CELERY_QUEUES))}
events = "tasks"
schedule = {{ {_toml(SYNC_TASK)} = "{self.sync_every}s" }}
results_url = {_toml(self.redis.database_url(RESULTS_DB))}

[[context.lab.celery]]
name = "thumbnails"
url = {_toml(env["RABBITMQ_URL"])}
queues = ["thumbnails"]
events = "workers"

[[context.lab.health]]
name = "web-1"
url = {_toml(self.health_url)}

[[context.lab.automation]]
name = "worker_{{n}}"
url = {_toml(self.automation_urls[0])}
workers = {len(AUTOMATION)}

{self._surroundings()}
[context.lab.sync]
url = {_toml(self.sync_url)}
every = "{self.sync_every}s"
redis_url = {_toml(balances)}
balance_key = "balance:{{id}}"

[context.lab.locks]

[context.lab.crawler]
heartbeat_every = "5s"

[context.lab.thresholds]
grace = "30s"
stall = "20s"
heartbeat = "20s"
oldest_warning = "20s"
oldest_critical = "60s"
"""
        with os.fdopen(os.open(self.config_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        env_file = self._dir.path / "env"
        env_file.touch(0o600)
        env_file.write_text("".join(f"export {key}={shlex.quote(value)}\n" for key, value in env.items()))

    def _surroundings(self) -> str:
        """What is watched beside the job systems: dependencies, maintenance jobs, the programs' own logs, a number."""
        dependencies = (
            f"[[context.lab.dependency]]\nname = {_toml(name)}\nurl = {_toml(url)}\n"
            'timeout = "12s"\nslow = "8s"\n'  # a machine that runs all of this may be busy
            for name, url in self.leans_on.items()
        )
        presets = ("locks", "health", "metrics", "rotate", "backup")
        jobs = (
            f"[[context.lab.maintenance]]\npreset = {_toml(preset)}\nfolder = {_toml(str(self.jobs))}\n"
            for preset in presets
        )
        return "\n".join(
            (
                *dependencies,
                *jobs,
                f"""\
[[context.lab.log]]
name = "programs"
folder = {_toml(str(self.directory))}
files = ["*.log"]
warning_per_min = 30  # of the users who are sent something, every 25th has blocked the bot

[[context.lab.probe]]
name = "blocked"
label = "users that blocked the bot"
sql = "SELECT count(*) FROM users WHERE is_blocked"
unit = "users"
warning = 100
""",
            )
        )

    def _wait_until_alive(self) -> None:
        workers = sum(CONTAINERS.values())
        self._wait(lambda: self._held_proxies() == workers, "the crawlers to hold their proxies")
        for port in (self.health_port, self.sync_port, self.around_port, *self.automation_ports.values()):
            self._wait(lambda port=port: port_answers(port), f"port {port}")  # type: ignore[misc]
        for name in ("celery", "thumbnails"):
            self._wait(lambda name=name: b" ready." in self._programs[name].log.read_bytes(), name)  # type: ignore[misc]
        queues = {"exports", "thumbnails", "features", "prices", "index", "audit"}
        self._wait(
            lambda: queues <= {queue["name"] for queue in self.rabbit.api("GET", "queues")}, "the AMQP services"
        )
        self.post_sync()
        self._wait(lambda: self.sync_status()["last_sync_at"] is not None, "the first sync")

    def _wait(self, check: Callable[[], bool], what: str) -> None:
        def step() -> bool:
            for child in self._programs.values():
                if not child.alive:
                    raise LabError(f"{child.name} ended with status {child.returncode}:\n{child.tail()}")
            return check()

        try:
            wait_until(step, 120, what, 0.1)
        except LabError as error:
            logs = "\n".join(f"--- {child.name}\n{child.tail(3)}" for child in self._programs.values())
            raise LabError(f"{error}\n{logs}") from None

    def _held_proxies(self) -> int:
        return int(self.query("SELECT count(*) FROM proxies WHERE is_in_use"))

    # -- the truth, from the servers themselves

    def query(self, sql: str) -> str:
        """Runs SQL in the world's database."""
        return self.postgres.psql(sql + ";", "world")

    def http(self, url: str, method: str = "GET") -> tuple[int, Any]:
        """Asks one of the world's services: the status and the decoded JSON."""
        try:
            with direct_http(url, method) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def sync_status(self) -> dict[str, Any]:
        """What the sync service says."""
        status: dict[str, Any] = self.http(f"{self.sync_url}/sync-management/status")[1]
        return status

    def post_sync(self) -> int:
        """Asks for a sync; the HTTP status."""
        return self.http(f"{self.sync_url}/sync-management/force-sync", "POST")[0]

    def truth(self) -> dict[str, Any]:
        """What is really the case, as the servers' own tools tell it."""
        return {
            "scenario": self.scenario,
            "broken_for_s": None if self.broken_at is None else round(time.monotonic() - self.broken_at, 1),
            "proxies": self._true_proxies(),
            "tasks": {
                table: self._counts(f"SELECT status, count(*) FROM {table} GROUP BY 1") for table in _TASK_TABLES
            },
            "locks": self._true_locks(),
            "dramatiq": {queue: self._true_dramatiq(queue) for queue in DRAMATIQ_QUEUES},
            "celery": self._true_celery(),
            "rabbitmq": self._true_rabbit(),
            "sync": self._true_sync(),
            "health": self._try_status(f"{self.health_url}/health"),
        }

    def _counts(self, sql: str) -> dict[str, int]:
        return {name: int(count) for name, count in (line.split("|") for line in self.query(sql).splitlines())}

    def _true_proxies(self) -> dict[str, Any]:
        row = self.query(
            "SELECT count(*), count(*) FILTER (WHERE is_in_use), count(*) FILTER (WHERE is_blocked AND NOT is_in_use),"
            " count(*) FILTER (WHERE NOT is_blocked AND NOT is_in_use) FROM proxies"
        )
        counts = dict(zip(("total", "in_use", "blocked", "free"), map(int, row.split("|")), strict=True))
        dead = ",".join(f"'{worker}'" for worker in sorted(self.dead_workers)) or "NULL"
        stuck = self._counts(
            "SELECT split_part(worker_id, '_', 1), count(*) FROM proxies"
            f" WHERE is_in_use AND worker_id IN ({dead}) GROUP BY 1"
        )
        taken = sum(self._programs[name].log.read_text().count("taken from the living") for name in CONTAINERS)
        return counts | {"stuck": sum(stuck.values()), "stuck_by_container": stuck, "taken_from_living": taken}

    def _true_locks(self) -> dict[str, Any]:
        row = self.query(
            "SELECT count(*), count(*) FILTER (WHERE expires_at < now()), count(*) FILTER (WHERE expires_at IS NULL)"
            " FROM dashboard_tasklock"
        )
        counts: dict[str, Any] = dict(zip(("total", "expired", "without_end"), map(int, row.split("|")), strict=True))
        by_worker = self._counts("SELECT worker_id, count(*) FROM dashboard_tasklock GROUP BY 1")
        return counts | {"by_worker": by_worker}

    def _true_dramatiq(self, queue: str) -> dict[str, int]:
        def count(command: str, suffix: str) -> int:
            return int(self.redis.cli(command, f"dramatiq:{queue}{suffix}", db=DRAMATIQ_DB))

        ready = count("LLEN", "")
        return {
            "ready": ready,
            "in_flight": max(count("HLEN", ".msgs") - ready, 0),
            "delayed": count("HLEN", ".DQ.msgs"),
            "dead": count("ZCARD", ".XQ"),
        }

    def _true_celery(self) -> dict[str, int]:
        def ready(queue: str) -> int:
            keys = [queue if step == 0 else f"{queue}\x06\x16{step}" for step in PRIORITY_STEPS]
            return sum(int(self.redis.cli("LLEN", key, db=CELERY_DB)) for key in keys)

        return {queue: ready(queue) for queue in CELERY_QUEUES} | {
            "unacked": int(self.redis.cli("HLEN", "unacked", db=CELERY_DB))
        }

    def _true_rabbit(self) -> dict[str, Any]:
        queues = self.rabbit.api("GET", "queues?disable_stats=true&enable_queue_totals=true")
        connections = self.rabbit.api("GET", "connections")
        return {
            "queues": {
                queue["name"]: {
                    "ready": queue.get("messages_ready", 0),
                    "unacked": queue.get("messages_unacknowledged", 0),
                }
                for queue in queues
            },
            "connections": [
                {
                    "client": connection.get("user_provided_name", ""),
                    "channels": connection.get("channels", 0),
                    "heartbeat_s": connection.get("timeout"),
                }
                for connection in connections
            ],
        }

    def _true_sync(self) -> dict[str, Any]:
        rows = [
            line.split("|")
            for line in self.query("SELECT user_id, balance FROM user_balances ORDER BY 1").splitlines()
        ]
        cached = self.redis.cli("MGET", *(f"balance:{user}" for user, _ in rows), db=BALANCES_DB).split("\n")
        pairs = [
            (Decimal(value or "NaN"), Decimal(balance)) for value, (_, balance) in zip(cached, rows, strict=True)
        ]
        lag = self.query("SELECT extract(epoch FROM now() - max(last_synced_at)) FROM user_balances")
        return {
            "lag_s": round(float(lag), 1),
            "differing": sum(left != right for left, right in pairs),
            "apart_by": str(sum((abs(left - right) for left, right in pairs), Decimal(0))),
        }

    def _try_status(self, url: str) -> int | None:
        try:
            return self.http(url)[0]
        except OSError:
            return None

    # -- what goes wrong

    def break_now(self) -> None:
        """Lets the scenario happen."""
        if self.scenario is None or self.broken_at is not None or self._stopping.is_set():
            return
        self.broken_at = time.monotonic()
        SCENARIOS[self.scenario](self)

    def stuck_proxies(self) -> None:
        """A container dies with fifteen proxies, and one worker of another container dies with one."""
        self.program("8b4f59aa").kill()
        self.program("b77514be").send(signal.SIGUSR1)
        self.dead_workers |= {f"8b4f59aa_{number}" for number in range(1, CONTAINERS["8b4f59aa"] + 1)}
        self.dead_workers.add(f"b77514be_{CONTAINERS['b77514be']}")

    def worker_stall(self) -> None:
        """Every thread of the Dramatiq worker blocks for ever on its next message; its heartbeats go on."""
        self.stall_file.touch()

    def channel_leak(self) -> None:
        """The feature service is replaced by the release that leaks channels and has no heartbeat."""
        self.program("feature-service").end()
        self.start_feature_service(LEAK_PER_MIN)

    def sync_lag(self) -> None:
        """Beat stops and the sync worker is killed; the wallets go on changing."""
        self.program("beat").kill()
        self.program("celery").kill()

    def lock_pileup(self) -> None:
        """An automation worker takes thirty locks and is killed."""
        worker = self.program("worker_2")
        worker.send(signal.SIGUSR1)
        held = "SELECT count(*) FROM dashboard_tasklock WHERE worker_id = 'worker_2'"
        with contextlib.suppress(LabError):
            wait_until(lambda: self._stopping.is_set() or int(self.query(held)) >= 30, 10, "the locks")
        worker.kill()

    def kill_celery(self) -> None:
        """The Celery worker of the sync is killed with everything in its hands; beat goes on."""
        self.program("celery").kill()

    def stop_beat(self) -> None:
        """Celery's scheduler ends; the worker goes on."""
        self.program("beat").end()

    def exhaust_pool(self) -> None:
        """An automation worker takes every connection of its pool and gives none back."""
        self.program("worker_2").send(signal.SIGUSR2)

    def close_around(self) -> None:
        """The web UI and Dolphin Anty are killed; whoever calls them opens its circuit breaker."""
        self.program("around").kill()

    def lose_backups(self) -> None:
        """Somebody removes the backups."""
        for file in (self.jobs / "backups").iterdir():
            file.unlink()

    def use_up_connections(self) -> None:
        """Reports take every connection that PostgreSQL has for roles that are no superuser."""
        with contextlib.suppress(LabError):
            self.query("CREATE ROLE reports LOGIN PASSWORD 'reports'")
        url = urlsplit(self.database_url)
        login = url._replace(netloc=f"reports:reports@{LOOPBACK}:{url.port}")
        self.run("reports", "demo_data.world.hoarder", DATABASE_URL=login.geturl())

    def fill_redis(self) -> None:
        """Redis is at its memory limit and evicts nothing: it refuses to write."""
        self.redis.cli("CONFIG", "SET", "maxmemory-policy", "noeviction")
        self.redis.cli("CONFIG", "SET", "maxmemory", "1mb")

    # -- and what mends it

    def heal_now(self) -> None:
        """Does what the operators did in the end."""
        if self.scenario is not None and self.broken_at is not None:
            HEALED[self.scenario](self)

    def free_proxies(self) -> None:
        """Gives back what the dead crawlers held; the container stays away."""
        dead = ",".join(f"'{worker}'" for worker in sorted(self.dead_workers))
        self.query(f"UPDATE proxies SET is_in_use = false, worker_id = NULL WHERE worker_id IN ({dead})")
        self.query("DELETE FROM dashboard_tasklock WHERE worker_id LIKE '8b4f59aa%'")

    def restart_dramatiq(self) -> None:
        """The storage answers again, and the worker is replaced."""
        self.stall_file.unlink()
        self.program("dramatiq").kill()
        self.start_dramatiq()

    def roll_back(self) -> None:
        """The feature service of before."""
        self.program("feature-service").end()
        self.start_feature_service()

    def restart_sync(self) -> None:
        """The sync worker and beat are back, and the cache is copied at once."""
        self.start_sync_worker()
        self.start_beat()
        self.post_sync()

    def drain_locks(self) -> None:
        """The locks of the killed worker are deleted, and it is started again."""
        self.query("DELETE FROM dashboard_tasklock WHERE worker_id = 'worker_2'")
        self.start_automation("worker_2")

    def restart_celery(self) -> None:
        """The sync worker is back."""
        self.start_sync_worker()

    def replace_worker(self) -> None:
        """The automation worker is started anew."""
        self.program("worker_2").kill()
        self.query("DELETE FROM dashboard_tasklock WHERE worker_id = 'worker_2'")
        self.start_automation("worker_2")

    def back_up(self) -> None:
        """Cron is started anew, and does all its jobs at once."""
        self.program("cron").end()
        self.start_cron()

    def end_reports(self) -> None:
        """The connections of the reports are closed."""
        self.program("reports").kill()

    def widen_redis(self) -> None:
        """Redis has no limit again, and who could not live without it is started again."""
        self.redis.cli("CONFIG", "SET", "maxmemory", "0")
        if not self.program("wallets").alive:
            self.start_wallets()


_TASK_TABLES = ("catalog_tasks", "object_tasks")

SCENARIOS: dict[str, Callable[[World], None]] = {
    "stuck-proxies": World.stuck_proxies,
    "worker-stall": World.worker_stall,
    "channel-leak": World.channel_leak,
    "sync-lag": World.sync_lag,
    "lock-pileup": World.lock_pileup,
    "celery-killed": World.kill_celery,
    "beat-stopped": World.stop_beat,
    "pool-exhausted": World.exhaust_pool,
    "dependency-down": World.close_around,
    "backup-missing": World.lose_backups,
    "out-of-connections": World.use_up_connections,
    "redis-full": World.fill_redis,
}
"""The incidents, by name."""

HEALED: dict[str, Callable[[World], None]] = {
    "stuck-proxies": World.free_proxies,
    "worker-stall": World.restart_dramatiq,
    "channel-leak": World.roll_back,
    "sync-lag": World.restart_sync,
    "lock-pileup": World.drain_locks,
    "celery-killed": World.restart_celery,
    "beat-stopped": World.start_beat,
    "pool-exhausted": World.replace_worker,
    "dependency-down": World.start_around,
    "backup-missing": World.back_up,
    "out-of-connections": World.end_reports,
    "redis-full": World.widen_redis,
}
"""What ended them."""


def _celery_worker(app: str, name: str, queues: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return (
        *("celery", "-A", app, "worker", "--loglevel", "INFO", "-n", f"{name}@lab", "-Q", ",".join(queues)),
        *("--concurrency", "2", "--without-gossip", "--without-mingle"),
    )


def _toml(value: str | list[str]) -> str:
    """A TOML value: JSON's strings and lists are TOML's as well."""
    return json.dumps(value, ensure_ascii=False)
