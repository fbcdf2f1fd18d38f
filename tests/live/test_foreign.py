"""A stack that nobody here wrote: stock Celery and Dramatiq projects and strange tables, described in one file.

Both projects are as their tutorials would have them, with names of their own: queues in several scripts, key prefixes,
priorities, virtual hosts with slashes and spaces. Their workers are busy with tasks that last, so nothing moves, and
every number must be equal to what the servers and the job systems' own libraries say.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pytest

from tests.lab.processes import Child, TempDir, clean_env, free_port, wait_until
from tests.lab.servers import Postgres, Rabbit, Redis
from tests.live import truth
from tests.live.truth import Depths, QueueKey, ask_status
from unstick.views.status_json import Json

ROOT, VHOST = "/", "app/é x"
"""Where the shop and where the press live on RabbitMQ."""
PREFIX, PLAIN_PREFIX = "press-eu/", "plain/"
"""Plain ASCII: kombu cuts it off by characters from what Redis answers in bytes, and subscribes to it as a pattern."""

NAMESPACE = "läden:eu"
SEPARATOR = "·"
STEPS = list(range(10))
PRESS_QUEUES = ("Entwürfe", "print jobs", "архив_№7")
SHOP_QUEUES = ("media.thumbs-v2", "_low", "Idle")
SHOP_DB, PRESS_DB, WALLETS_DB, PLAIN_DB = 11, 12, 13, 14

PRESSROOM = '''\
"""Typesetting for a newspaper."""
import json, os, time
from celery import Celery
from kombu import Exchange, Queue

app = Celery("pressroom", broker=os.environ["PRESS_BROKER"])
app.conf.broker_transport_options = json.loads(os.environ.get("PRESS_TRANSPORT", "{}"))
app.conf.broker_connection_retry_on_startup = True
app.conf.task_default_queue = "Entwürfe"
app.conf.task_queues = [
    Queue("Entwürfe", max_priority=10),
    Queue("print jobs", Exchange("printing"), routing_key="pages", max_priority=10),
    Queue("архив_№7", Exchange("attic", type="topic"), routing_key="old.#"),
]


@app.task
def typeset(seconds):
    time.sleep(seconds)


if __name__ == "__main__":
    jobs = 2 * [("printing", "pages")] + [("attic", "old.news")] + 11 * [("Entwürfe", "Entwürfe")]
    jobs += 5 * [("printing", "pages")] + 2 * [("attic", "old.news")]
    for number, (exchange, key) in enumerate(jobs):
        typeset.apply_async([600], exchange=exchange, routing_key=key, priority=number % 10)
'''

SHOP = '''\
"""Pictures for a shop."""
import os, sys, time
import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.redis import RedisBroker

url = os.environ["SHOP_BROKER"]
broker = RedisBroker(url=url, namespace="läden:eu") if url.startswith("redis") else RabbitmqBroker(url=url)
dramatiq.set_broker(broker)


@dramatiq.actor(queue_name="media.thumbs-v2", time_limit=3_600_000)
def thumbnail(seconds):
    time.sleep(seconds)


@dramatiq.actor(queue_name="_low", max_retries=0)
def broken():
    raise RuntimeError("as the customer wished")


@dramatiq.actor(queue_name="Idle")
def nothing():
    pass


if sys.argv[1:] == ["fail"]:
    for _ in range(4):
        broken.send()
elif __name__ == "__main__":
    for _ in range(5):
        nothing.send_with_options(delay=3_600_000)
    for _ in range(13):
        thumbnail.send(600)
'''

TABLES = """
CREATE SCHEMA "ферма";
CREATE TYPE "ферма"."Zustand" AS ENUM ('wartet', 'läuft', 'fertig');
CREATE TABLE "ферма"."Прокси пул" (
  "код" text PRIMARY KEY, "in Gebrauch" boolean, "gesperrt" boolean, trabajador text, "geändert-am" timestamptz);
CREATE TABLE "ферма"."tareas$1" (
  pk int, "Zustand" "ферма"."Zustand", "wer" varchar(40), "Puls" timestamp DEFAULT (now() AT TIME ZONE 'utc'));
CREATE TABLE jobs (id int, state text, runner text);
CREATE TABLE "замки" (
  uuid text, "вид" text, ref text, holder text, "von" timestamptz, "bis" timestamptz);
CREATE TABLE "ферма"."счета" (client bigint PRIMARY KEY, "сумма" text, "synced at" timestamptz);

INSERT INTO "ферма"."Прокси пул"
SELECT 'p' || g, g <= 24, g % 3 = 0,
       CASE WHEN g <= 14 THEN 'eu-west/' || g WHEN g <= 19 THEN 'us/' || g WHEN g <= 22 THEN 'solo' END,
       now() - CASE WHEN g <= 14 THEN interval '3 seconds' ELSE interval '10 minutes' END
FROM generate_series(1, 60) g;
INSERT INTO "ферма"."tareas$1" (pk, "Zustand", "wer")
SELECT g, CASE WHEN g <= 9 THEN 'läuft' WHEN g <= 30 THEN 'wartet' ELSE 'fertig' END::"ферма"."Zustand",
       CASE WHEN g <= 9 THEN 'eu-west/' || g WHEN g > 30 THEN 'us/17' END
FROM generate_series(1, 40) g;
INSERT INTO jobs SELECT g, 'RUNNING', 'eu-west/' || g FROM generate_series(8, 14) g;
INSERT INTO jobs SELECT g, 'RUNNING', 'us/18' FROM generate_series(20, 21) g;
INSERT INTO "замки"
SELECT 'u' || g, 'Art ' || g % 3, 'r' || g, CASE WHEN g <= 5 THEN 'us/15' ELSE 'eu-west/1' END, now(),
       CASE WHEN g IN (1, 6) THEN NULL WHEN g IN (2, 7) THEN 'infinity' WHEN g % 2 = 0 THEN now() - interval '1 hour'
            ELSE now() + interval '1 hour' END
FROM generate_series(1, 17) g;
INSERT INTO "ферма"."счета" SELECT g, (g * 1.25)::text, now() - interval '20 minutes' FROM generate_series(1, 300) g;
ANALYZE;
"""


@dataclass
class Stack:
    """The servers, the two projects on both brokers, and the file that describes all of it."""

    postgres: Postgres
    redis: Redis
    rabbit: Rabbit
    directory: Path
    workers: dict[str, Child] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.directory / "unstick.toml"

    @property
    def press_redis(self) -> dict[str, str]:
        transport = {"global_keyprefix": PREFIX, "priority_steps": STEPS, "sep": SEPARATOR}
        return {"PRESS_BROKER": self.redis.database_url(PRESS_DB), "PRESS_TRANSPORT": json.dumps(transport)}

    @property
    def press_plain(self) -> dict[str, str]:
        transport = {"global_keyprefix": PLAIN_PREFIX, "priority_steps": STEPS}
        return {"PRESS_BROKER": self.redis.database_url(PLAIN_DB), "PRESS_TRANSPORT": json.dumps(transport)}

    @property
    def press_rabbit(self) -> dict[str, str]:
        return {"PRESS_BROKER": self.rabbit.amqp_url(VHOST)}

    @property
    def shop_redis(self) -> dict[str, str]:
        return {"SHOP_BROKER": self.redis.database_url(SHOP_DB)}

    @property
    def shop_rabbit(self) -> dict[str, str]:
        return {"SHOP_BROKER": self.rabbit.amqp_url(ROOT)}

    def produce(self, environment: dict[str, str], module: str, *what: str) -> None:
        """Let a project send its messages."""
        subprocess.run(
            [sys.executable, "-m", module, *what],
            cwd=self.directory,
            env=clean_env(**environment),
            check=True,
            timeout=60,
        )

    def work(self, name: str, *command: str, **environment: str) -> None:
        """Start a worker of a project."""
        log = self.directory / f"{name}.log"
        argv = [sys.executable, "-m", *command]
        self.workers[name] = Child(argv, log=log, env=clean_env(**environment), cwd=self.directory, name=name)

    def ready(self, name: str, words: str) -> None:
        """Wait until the worker says that it is ready."""
        child = self.workers[name]
        child.wait_ready(lambda: words in child.log.read_text(errors="replace"), 60)

    def stop(self) -> None:
        """End all workers."""
        for child in self.workers.values():
            child.kill()

    def write_config(self, text: str) -> Path:
        self.config.write_text(text)
        self.config.chmod(0o600)
        return self.config


@pytest.fixture(scope="module")
def stack(postgres: Postgres, redis_server: Redis, rabbit: Rabbit) -> Iterator[Stack]:
    with ExitStack() as last:
        directory = TempDir("foreign")
        last.callback(directory.remove)
        stack = Stack(postgres, redis_server, rabbit, directory.path)
        (directory.path / "pressroom.py").write_text(PRESSROOM)
        (directory.path / "shop.py").write_text(SHOP)
        for number in (SHOP_DB, PRESS_DB, WALLETS_DB, PLAIN_DB):
            redis_server.cli("FLUSHDB", db=number)
            last.callback(redis_server.cli, "FLUSHDB", db=number)
        rabbit.add_vhost(VHOST)
        last.callback(rabbit.delete_vhost, VHOST)
        last.callback(delete_shop_queues, rabbit)
        postgres.psql('CREATE DATABASE "чужая база";')
        last.callback(postgres.psql, 'DROP DATABASE "чужая база" WITH (FORCE);')
        postgres.psql(TABLES, "чужая база")
        fill_wallets(redis_server)
        last.callback(stack.stop)
        start_projects(stack)
        stack.write_config(described(stack))
        yield stack


def delete_shop_queues(rabbit: Rabbit) -> None:
    for queue in rabbit.api("GET", "queues/%2F"):
        if queue["name"].removesuffix(".DQ").removesuffix(".XQ") in SHOP_QUEUES:
            rabbit.api("DELETE", f"queues/%2F/{queue['name']}")


def fill_wallets(redis: Redis) -> None:
    """JSON wallets for 300 clients: some differ, some are missing, some hold no number."""
    values: list[str] = []
    for client in range(1, 301):
        amount = str(Decimal(client) * Decimal("1.250"))
        if client % 43 == 0:
            amount = str(Decimal(amount) + Decimal("0.01"))
        if client % 61 != 0:
            document = {"summe": "n/a" if client % 89 == 0 else amount, "währung": "€"}
            values += [f"кошелёк:{client}:€", json.dumps(document)]
    redis.cli("MSET", *values, db=WALLETS_DB)


def start_projects(stack: Stack) -> None:
    """Four workers, all of them soon busy, and more messages than they take."""
    celery = ("celery", "-A", "pressroom", "worker", "-c", "1", "--loglevel", "INFO")
    dramatiq = ("dramatiq", "shop", "--processes", "1", "--threads", "2")
    presses = {"press-redis": stack.press_redis, "press-plain": stack.press_plain, "press-rabbit": stack.press_rabbit}
    shops = {"shop-redis": stack.shop_redis, "shop-rabbit": stack.shop_rabbit}
    for name, environment in presses.items():
        stack.work(name, *celery, "-n", f"{name}@здесь", **environment)
    for name, environment in shops.items():
        stack.work(name, *dramatiq, **environment)
    for name in presses:
        stack.ready(name, " ready.")
    for name in shops:
        stack.ready(name, "Worker process is ready for action.")
    for environment in shops.values():
        stack.produce(environment, "shop", "fail")
    for environment in presses.values():
        stack.produce(environment, "pressroom")
    wait_until(lambda: failed(stack), 30, "failures", 0.2)
    for environment in shops.values():
        stack.produce(environment, "shop")
    wait_until(lambda: settled(stack), 60, "projects that stand still", 0.5)


def failed(stack: Stack) -> bool:
    """Whether both shops have given up what cannot be done."""
    on_rabbit = truth.dramatiq_sizes(stack.shop_rabbit["SHOP_BROKER"], SHOP_QUEUES)
    return (shop_depths(stack)["_low"]["dead"], on_rabbit["_low"][2]) == (4, 4)


def settled(stack: Stack) -> bool:
    """Whether workers hold all they take, and the broker's statistics have caught up."""
    shop = shop_depths(stack)
    held = [shop["media.thumbs-v2"]["in_flight"], shop["Idle"]["delayed"]]
    held += [sum(press_held(stack).values()), sum(plain_held(stack).values())]
    if held != [4, 5, 4, 4]:
        return False
    links = truth.rabbit_connections(stack.rabbit)
    if truth.channel_statistics(stack.rabbit) != {name: link.channels for name, link in links.items()}:
        return False
    unacked = 0
    for vhost in (ROOT, VHOST):
        api = truth.queue_statistics(stack.rabbit, vhost)
        for name, queue in truth.rabbit_queues(stack.rabbit, vhost).items():
            if api[name] != (queue["ready"], queue["unacked"]):
                return False
            unacked += queue["unacked"] or 0
    return unacked == 4 + 5 + 4


def described(stack: Stack) -> str:
    """The file that an operator of this stack would write."""

    def toml(value: object) -> str:
        return json.dumps(value, ensure_ascii=False)

    return f"""\
config_version = 1

[postgres]
url = {toml(stack.postgres.database_url("чужая база"))}

[redis]
url = {toml(stack.redis.database_url(WALLETS_DB))}

[rabbitmq]
url = {toml(stack.rabbit.amqp_url(VHOST))}
management_url = {toml(stack.rabbit.management_url)}
vhosts = {toml([ROOT, VHOST])}

[[dramatiq]]
name = "Läden"
url = {toml(stack.redis.database_url(SHOP_DB))}
namespace = {toml(NAMESPACE)}
queues = {toml(SHOP_QUEUES)}

[[dramatiq]]
name = "Läden (AMQP)"
url = {toml(stack.rabbit.amqp_url(ROOT))}
queues = {toml(SHOP_QUEUES)}

[[celery]]
name = "пресса"
url = {toml(stack.redis.database_url(PRESS_DB))}
queues = {toml(PRESS_QUEUES)}
key_prefix = {toml(PREFIX)}
priority_steps = {toml(STEPS)}
separator = {toml(SEPARATOR)}

[[celery]]
name = "press (AMQP)"
url = {toml(stack.rabbit.amqp_url(VHOST))}
queues = {toml(PRESS_QUEUES)}

[crawler]
proxies = "ферма.Прокси пул"
id = "код"
in_use = "in Gebrauch"
blocked = "gesperrt"
worker = "trabajador"
changed_at = "geändert-am"
separator = "/"

[[crawler.tasks]]
table = "ферма.tareas$1"
id = "pk"
status = "Zustand"
processing = "läuft"
worker = "wer"
heartbeat = "Puls"

[[crawler.tasks]]
table = "jobs"
status = "state"
processing = "RUNNING"
worker = "runner"
heartbeat = false

[locks]
table = "замки"
id = "uuid"
kind = "вид"
task = "ref"
worker = "holder"
acquired_at = "von"
expires_at = "bis"

[sync]
balance_key = "кошелёк:{{id}}:€"
balance_field = "summe"
table = "ферма.счета"
id = "client"
balance = "сумма"
synced_at = "synced at"
sample = 2000
"""


# ------------------------------------------------------------------------------------------------------ the truth


def shop_depths(stack: Stack) -> dict[str, Depths]:
    return {queue: truth.dramatiq_depths(stack.redis, SHOP_DB, NAMESPACE, queue) for queue in SHOP_QUEUES}


def press_held(stack: Stack) -> Counter[str]:
    return truth.celery_delivered(stack.redis, PRESS_DB, prefix=PREFIX)


def plain_held(stack: Stack) -> Counter[str]:
    return truth.celery_delivered(stack.redis, PLAIN_DB, prefix=PLAIN_PREFIX)


def queue_of(routing_key: str) -> str:
    """The queue that a delivery of the pressroom came from."""
    return {"pages": "print jobs", "old.news": "архив_№7"}.get(routing_key, "Entwürfe")


def celery_items(redis: Redis, db: int, place: str, prefix: str, separator: str) -> dict[QueueKey, Depths]:
    held: Counter[str] = Counter()
    for routing_key, count in truth.celery_delivered(redis, db, prefix=prefix).items():
        held[queue_of(routing_key)] += count
    return {
        ("celery", place, queue): {
            "ready": truth.celery_ready(redis, db, queue, prefix=prefix, separator=separator),
            "in_flight": held[queue],
            "delayed": None,
            "dead": None,
        }
        for queue in PRESS_QUEUES
    }


def rabbit_items(stack: Stack) -> dict[QueueKey, Depths]:
    shop = truth.rabbit_items(truth.rabbit_queues(stack.rabbit, ROOT), ROOT, dict.fromkeys(SHOP_QUEUES, "dramatiq"))
    press = truth.rabbit_items(truth.rabbit_queues(stack.rabbit, VHOST), VHOST, dict.fromkeys(PRESS_QUEUES, "celery"))
    return shop | press


def rabbit_queues(stack: Stack) -> dict[tuple[str, str], Depths]:
    """The queues of both virtual hosts, by place and name."""
    found = {vhost: truth.rabbit_queues(stack.rabbit, vhost) for vhost in (ROOT, VHOST)}
    return {(vhost, name): queue for vhost, queues in found.items() for name, queue in queues.items()}


def listed(told: Json) -> dict[QueueKey, Depths]:
    numbers = ("ready", "in_flight", "delayed", "dead")
    return {
        (queue["system"], queue["place"], queue["name"]): {name: queue[name] for name in numbers}
        for queue in told["queues"]["items"]
    }


@pytest.fixture(scope="module")
def told(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Json:
    """What ``unstick status --json`` says of all this."""
    found = ask_status(stack.config, tmp_path_factory.mktemp("empty"))
    troubles = {name: state["error"] for name, state in found.told["sources"].items() if state["state"] != "fresh"}
    assert troubles == {}
    assert (found.code, found.told["level"]) == (2, "critical")
    return found.told


# ---------------------------------------------------------------------------------------------------------- tests


def ask(stack: Stack, sql: str) -> list[list[str]]:
    return truth.rows(stack.postgres, "чужая база", sql)


PROXIES = '"ферма"."Прокси пул"'
BUSY = """(SELECT "wer" FROM "ферма"."tareas$1" WHERE "Zustand" = 'läuft'
           UNION ALL SELECT runner FROM jobs WHERE state = 'RUNNING')"""


def test_the_pool_of_a_mapped_table(stack: Stack, told: Json) -> None:
    counts = (
        f'SELECT count(*), count(*) FILTER (WHERE "in Gebrauch"), count(*) FILTER (WHERE "gesperrt" AND NOT'
        f' "in Gebrauch"), count(*) FILTER (WHERE NOT "gesperrt" AND NOT "in Gebrauch"),'
        f' count(*) FILTER (WHERE "in Gebrauch" AND trabajador IS NULL) FROM {PROXIES}'
    )
    pool = told["proxies"]
    names = ("total", "in_use", "blocked", "free", "unowned")
    assert [pool[name] for name in names] == [int(count) for count in ask(stack, counts)[0]] == [60, 24, 12, 24, 2]
    stuck = ask(stack, f'SELECT "код", trabajador FROM {PROXIES} WHERE "in Gebrauch" AND trabajador NOT IN {BUSY}')
    assert {(row["id"], row["worker_id"]) for row in pool["stuck_items"]} == {(row[0], row[1]) for row in stuck}
    assert pool["stuck"] == len(stuck) == 7


def test_workers_of_mapped_tables(stack: Stack, told: Json) -> None:
    silent = ask(stack, f"SELECT DISTINCT trabajador FROM {PROXIES} WHERE \"geändert-am\" < now() - interval '2 min'")
    dead = {row[0] for row in silent if row[0]}
    everyone = ask(
        stack, f'SELECT trabajador FROM {PROXIES} WHERE "in Gebrauch" UNION SELECT * FROM {BUSY} AS busy (name)'
    )
    crawlers = {worker["id"]: worker for worker in told["workers"]["items"] if worker["kind"] == "crawler"}
    assert crawlers.keys() == {row[0] for row in everyone if row[0]}
    assert {name for name, worker in crawlers.items() if worker["life"] == "dead"} == dead
    assert dead == {"us/15", "us/16", "us/17", "us/18", "us/19", "solo"}
    assert {worker["container"] for worker in crawlers.values()} == {"eu-west", "us", "solo"}
    tasks = Counter(row[0] for row in ask(stack, f"SELECT * FROM {BUSY} AS busy (name)"))
    assert {name: worker["holds"]["tasks"] for name, worker in crawlers.items() if worker["holds"]["tasks"]} == tasks
    assert told["findings"][0]["title"].startswith("container us is gone")


def test_locks_of_a_mapped_table(stack: Stack, told: Json) -> None:
    (counts,) = ask(
        stack,
        'SELECT count(*), count(*) FILTER (WHERE "bis" < now()),'
        ' count(*) FILTER (WHERE "bis" IS NULL OR "bis" = \'infinity\'),'
        " count(*) FILTER (WHERE holder LIKE 'us/%') FROM \"замки\"",
    )
    locks = told["locks"]
    assert [locks[name] for name in ("total", "expired", "endless", "orphaned")] == [int(count) for count in counts]
    assert {lock["id"]: (lock["kind"], lock["task_id"], lock["worker_id"]) for lock in locks["items"]} == {
        row[0]: (row[1], row[2], row[3]) for row in ask(stack, 'SELECT uuid, "вид", ref, holder FROM "замки"')
    }


def test_drift_of_mapped_balances(stack: Stack, told: Json) -> None:
    stored = ask(stack, 'SELECT client, "сумма" FROM "ферма"."счета" ORDER BY 1')
    cached = stack.redis.cli("MGET", *(f"кошелёк:{client}:€" for client, _ in stored), db=WALLETS_DB).split("\n")
    verdicts = Counter(verdict(wallet, amount) for wallet, (_, amount) in zip(cached, stored, strict=True))
    drift = told["sync"]["drift"]
    assert {name: drift[name] for name in ("differing", "missing", "unreadable")} == {
        name: verdicts[name] for name in ("differing", "missing", "unreadable")
    }
    assert (drift["sampled"], verdicts) == (
        300,
        {"same": 287, "differing": 6, "missing": 4, "unreadable": 3},
    )
    assert Decimal(drift["largest"]) == Decimal("0.01")
    assert told["sync"]["lag_s"] == pytest.approx(1200, abs=120)
    assert told["sync"]["overdue"] is False


def verdict(wallet: str, amount: str) -> str:
    """What one pair is, by a reading of one's own."""
    if not wallet:
        return "missing"
    try:
        return "same" if Decimal(json.loads(wallet)["summe"]) == Decimal(amount) else "differing"
    except InvalidOperation:
        return "unreadable"


def test_queues_of_both_systems_on_both_brokers(stack: Stack, told: Json) -> None:
    true: dict[QueueKey, Depths] = {
        ("dramatiq", "Läden", name): depths for name, depths in shop_depths(stack).items()
    }
    true |= celery_items(stack.redis, PRESS_DB, "пресса", PREFIX, SEPARATOR)
    true |= rabbit_items(stack)
    assert listed(told) == true
    # Everything is somewhere: what was sent is what waits and what is held, but for the task that each press does.
    assert sum(true["celery", "пресса", queue]["ready"] or 0 for queue in PRESS_QUEUES) > 11
    assert true["dramatiq", "Läden", "Idle"] == {"ready": 0, "in_flight": 0, "delayed": 5, "dead": 0}
    assert true["dramatiq", ROOT, "_low"]["dead"] == 4
    consumers = rabbit_queues(stack)
    for queue in told["queues"]["items"]:
        if queue["place"] in {ROOT, VHOST}:
            assert queue["consumers"] == consumers[queue["place"], queue["name"]]["consumers"]


def test_celery_itself_finds_the_same(stack: Stack, told: Json) -> None:
    items = listed(told)
    options = {"global_keyprefix": PREFIX, "priority_steps": STEPS, "sep": SEPARATOR}
    on_redis = truth.celery_sizes(stack.press_redis["PRESS_BROKER"], PRESS_QUEUES, **options)
    assert {queue: items["celery", "пресса", queue]["ready"] for queue in PRESS_QUEUES} == on_redis
    on_rabbit = truth.celery_sizes(stack.press_rabbit["PRESS_BROKER"], PRESS_QUEUES)
    assert {queue: items["celery", VHOST, queue]["ready"] for queue in PRESS_QUEUES} == on_rabbit
    presses = {"press-redis": (stack.press_redis, "пресса"), "press-rabbit": (stack.press_rabbit, VHOST)}
    for worker, (environment, place) in presses.items():
        reserved = inspect_reserved(stack, f"{worker}@здесь", environment)
        held = {queue: items["celery", place, queue]["in_flight"] for queue in PRESS_QUEUES}
        assert held == {queue: reserved[queue] for queue in PRESS_QUEUES}
        assert sum(reserved.values()) == 4


def inspect_reserved(stack: Stack, worker: str, environment: dict[str, str]) -> Counter[str]:
    """What a worker has fetched and not begun, as it says itself, by queue."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "pressroom",
            "inspect",
            "reserved",
            "--json",
            "-t",
            "10",
            "-d",
            worker,
        ],
        cwd=stack.directory,
        env=clean_env(**environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    (tasks,) = json.loads(done.stdout).values()
    return Counter(queue_of(task["delivery_info"]["routing_key"]) for task in tasks)


def test_dramatiq_itself_finds_the_same(stack: Stack, told: Json) -> None:
    items = listed(told)
    on_redis = truth.dramatiq_sizes(stack.shop_redis["SHOP_BROKER"], SHOP_QUEUES, NAMESPACE)
    for queue, size in on_redis.items():
        depths = items["dramatiq", "Läden", queue]
        assert (depths["ready"] or 0) + (depths["in_flight"] or 0) + (depths["delayed"] or 0) == size
    on_rabbit: dict[str, Any] = truth.dramatiq_sizes(stack.shop_rabbit["SHOP_BROKER"], SHOP_QUEUES)
    for queue, (waiting, _, dead) in on_rabbit.items():
        depths = items["dramatiq", ROOT, queue]
        assert (depths["ready"], depths["dead"]) == (waiting, dead)


def test_dramatiq_processes_of_another_namespace(stack: Stack, told: Json) -> None:
    held = truth.dramatiq_held(stack.redis, SHOP_DB, NAMESPACE)
    beating = truth.heartbeats(stack.redis, SHOP_DB, NAMESPACE)
    processes = {worker["id"]: worker for worker in told["workers"]["items"] if worker["kind"] == "dramatiq"}
    assert processes.keys() == beating.keys()
    for name, worker in processes.items():
        assert worker["holds"]["unacked"] == sum(count for (process, _), count in held.items() if process == name)


def test_connections_of_a_virtual_host_with_a_slash(stack: Stack, told: Json) -> None:
    true = truth.rabbit_connections(stack.rabbit)
    ours = {link["connection"]: (link["vhost"], link["channels"]) for link in told["channels"]["items"]}
    assert ours == {name: (link.vhost, link.channels) for name, link in true.items()}
    assert {vhost for vhost, _ in ours.values()} == {ROOT, VHOST}
    assert told["channels"]["connections"] == len(ours)


# ---------------------------------------------------------------------------------------------- other ways to look


def test_by_amqp_alone(stack: Stack, tmp_path: Path) -> None:
    """Without the management API what waits and who consumes is known, and what cannot be known is null."""
    text = stack.config.read_text()
    line = next(line for line in text.splitlines(keepends=True) if line.startswith("management_url"))
    alone = tmp_path / "alone.toml"
    alone.write_text(text.replace(line, ""))
    alone.chmod(0o600)
    found = ask_status(alone, tmp_path).told
    true = rabbit_queues(stack)
    items = {
        (queue["place"], queue["name"]): queue
        for queue in found["queues"]["items"]
        if queue["place"] in {ROOT, VHOST}
    }
    assert items.keys() == {(VHOST, name) for name in PRESS_QUEUES} | {(ROOT, name) for name in SHOP_QUEUES}
    for key, queue in items.items():
        assert (queue["ready"], queue["consumers"]) == (true[key]["ready"], true[key]["consumers"])
        assert queue["in_flight"] is None
    assert items[ROOT, "_low"]["dead"] == 4
    assert (found["channels"]["connections"], found["channels"]["channels"]) == (None, None)


@pytest.fixture
def environment(stack: Stack, database: str) -> dict[str, str]:
    """The variables that are enough, with the tables that the watcher knows by itself."""
    name = database.rpartition("/")[2]
    stack.postgres.psql(
        "UPDATE proxies SET is_in_use = true, is_blocked = false, worker_id = 'a_' || id WHERE id <= 9;"
        "INSERT INTO dashboard_tasklock (kind, task_id, worker_id) VALUES ('x', 1, 'a_1'), ('x', 2, 'a_2');",
        name,
    )
    return {
        "DATABASE_URL": database,
        "REDIS_URL": stack.shop_redis["SHOP_BROKER"],
        "CELERY_BROKER_URL": stack.press_plain["PRESS_BROKER"],
        "RABBITMQ_URL": stack.rabbit.amqp_url(VHOST),
        "RABBITMQ_MANAGEMENT_URL": stack.rabbit.management_url,
    }


def test_the_environment_alone_is_enough(stack: Stack, environment: dict[str, str], tmp_path: Path) -> None:
    told = ask_status(None, tmp_path, **environment).told
    name = environment["DATABASE_URL"].rpartition("/")[2]
    assert all(
        told[pane] is not None for pane in ("workers", "proxies", "queues", "channels", "sync", "locks", "host")
    )
    (pool,) = truth.rows(
        stack.postgres, name, "SELECT count(*), count(*) FILTER (WHERE is_in_use),"
        " count(*) FILTER (WHERE is_blocked AND NOT is_in_use) FROM proxies"
    )  # fmt: skip
    assert [told["proxies"][part] for part in ("total", "in_use", "blocked")] == [int(count) for count in pool]
    assert (told["locks"]["total"], told["locks"]["endless"]) == (2, 2)
    items = listed(told)
    dramatiq = {queue: depths for (system, place, queue), depths in items.items() if place == NAMESPACE}
    assert dramatiq == shop_depths(stack)
    places = {place for system, place, _ in items if system == "celery" and place not in {ROOT, VHOST}}
    assert len(places) == 1
    true = celery_items(stack.redis, PLAIN_DB, places.pop(), PLAIN_PREFIX, "\x06\x16")
    assert {key: depths for key, depths in items.items() if key in true} == true
    # Which of the broker's queues are Celery's nothing tells, but Dramatiq's come in threes.
    rabbit = {key: depths for key, depths in items.items() if key[1] in {ROOT, VHOST}}
    assert {key[1:]: depths for key, depths in rabbit.items()} == {
        key[1:]: depths for key, depths in rabbit_items(stack).items()
    }
    assert {(place, name) for system, place, name in rabbit if system == "dramatiq"} == {
        (ROOT, name) for name in SHOP_QUEUES
    }
    assert len(items) == len(dramatiq) + len(true) + len(rabbit)


def test_a_missing_table_leaves_its_pane_null(stack: Stack, environment: dict[str, str], tmp_path: Path) -> None:
    name = environment["DATABASE_URL"].rpartition("/")[2]
    stack.postgres.psql("DROP TABLE dashboard_tasklock, user_balances;", name)
    told = ask_status(None, tmp_path, DATABASE_URL=environment["DATABASE_URL"]).told
    assert (told["locks"], told["sync"], told["queues"], told["channels"]) == (None, None, None, None)
    assert told["proxies"]["total"] == 100
    stack.postgres.psql("DROP TABLE proxies;", name)
    told = ask_status(None, tmp_path, DATABASE_URL=environment["DATABASE_URL"]).told
    assert (told["proxies"], told["locks"], told["sync"], told["workers"]) == (None, None, None, None)


def test_an_unreachable_database_leaves_null_numbers_and_its_error(tmp_path: Path) -> None:
    found = ask_status(None, tmp_path, DATABASE_URL=f"postgresql://app:S3CR3T-canary@127.0.0.1:{free_port()}/shop")
    told = found.told
    assert found.code == 2
    for part in ("total", "in_use", "blocked", "free", "stuck"):
        assert told["proxies"][part] is None
    for part in ("total", "expired", "endless", "orphaned"):
        assert told["locks"][part] is None
    for part in ("total", "alive", "dead"):
        assert told["workers"][part] is None
    assert (told["sync"]["lag_s"], told["sync"]["overdue"], told["sync"]["drift"]) == (None, None, None)
    assert "refused" in told["sources"]["postgres"]["error"]
    assert told["sources"]["postgres"]["state"] == "missing"
    assert "S3CR3T" not in json.dumps(told)
