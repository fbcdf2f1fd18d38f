"""A quiet world watched with the default intervals and thresholds: nothing is found, nobody is hurt, nothing is left.

``QUIET_S`` says for how long; ``QUIET_S=3600`` is the hour of the default configuration. The figures are printed.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import resource
import shlex
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.lab.processes import LOOPBACK, wait_until
from tests.lab.world import AUTOMATION, World
from tests.live.stack import port_of
from tests.live.test_harmless import CONNECTING, LISTENING
from tests.live.witness import Glimpse, Witness
from unstick.backends.http import SOCKETS
from unstick.backends.redis_reads import READ_COMMANDS
from unstick.config import load

QUIET_S = float(os.environ.get("QUIET_S", "60"))
EVERY_S = 10.0
MINUTE_S = 60.0
MOST = {"postgres": 2, "redis": 4, "amqp": 1, "management": SOCKETS, "around": 3 * SOCKETS}
"""One connection to each database, one more each for the drift sample, one for Celery's events on each broker."""


@dataclass
class Hour:
    """What was seen meanwhile and afterwards."""

    glimpses: list[Glimpse] = field(default_factory=list)
    commands: Counter[tuple[str, ...]] = field(default_factory=Counter)
    """What connections that call themselves unstick sent to Redis."""
    most: Counter[str] = field(default_factory=Counter)
    """The highest number of connections to each server at any time."""
    sessions: int = 0
    """The highest number of PostgreSQL's sessions that call themselves unstick."""
    queues: set[str] = field(default_factory=set)
    """Every queue of the broker that was seen with unstick's name."""
    at_once: int = 0
    """The highest number of them at any time."""
    channels: Counter[str] = field(default_factory=Counter)
    left: dict[str, list[str]] = field(default_factory=dict)
    """What is there afterwards and was not before, or carries unstick's name, by server."""
    refused: int = 0
    """Answers with 429."""
    asked: dict[str, int] = field(default_factory=dict)
    """Requests that each automation worker counted."""
    figures: dict[str, float] = field(default_factory=dict)


class Overheard:
    """MONITOR of one Redis, of which only the words of unstick's own connections are counted."""

    def __init__(self, port: int, counts: Counter[tuple[str, ...]]) -> None:
        self._link = socket.create_connection((LOOPBACK, port), timeout=5)
        self._link.settimeout(None)
        self._counts = counts
        self._own: set[str] = set()
        self._thread = threading.Thread(target=self._follow, name="overheard")

    def __enter__(self) -> None:
        self._link.sendall(b"MONITOR\r\n")
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._link.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._link.close()

    def _follow(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in self._link.makefile("r", encoding="utf-8", errors="replace"):
                head, _, said = line.partition("] ")
                address = head.split()[-1]
                if said.upper().startswith('"CLIENT" "SETNAME" "UNSTICK"'):
                    self._own.add(address)
                if address in self._own:
                    words = tuple(word.upper() for word in shlex.split(said)[:2])
                    self._counts[words if words[0] == "CLIENT" else words[:1]] += 1


def redis_keys(world: World) -> set[str]:
    """Keys of every database that no program of the world makes by itself."""
    keys = {f"{db} {key}" for db in range(4) for key in world.redis.cli("--scan", db=db).splitlines()}
    return {key for key in keys if "unstick" in key or "pidbox" in key}


def broker_names(world: World) -> set[str]:
    """Queues, exchanges and bindings of the broker."""
    named = {f"{what} {entry['name']}" for what in ("queues", "exchanges") for entry in world.rabbit.api("GET", what)}
    bound = world.rabbit.api("GET", "bindings")
    return named | {f"binding {entry['source']} {entry['destination']}" for entry in bound}


def clients(world: World) -> set[str]:
    """Connections of unstick that servers still have."""
    sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'unstick%'"
    found = {f"PostgreSQL: {count}" for count in [world.query(sql)] if count != "0"}
    found |= {f"Redis: {line}" for line in world.redis.cli("CLIENT", "LIST").splitlines() if "name=unstick" in line}
    return found | {f"RabbitMQ: {link}" for link in own_links(world)}


def own_links(world: World) -> dict[str, int]:
    """Connections to the broker that call themselves unstick, and their channels."""
    listed = json.loads(
        world.rabbit.ctl("list_connections", "name", "client_properties", "channels", "--formatter", "json")
    )
    return {link["name"]: link["channels"] for link in listed if "unstick" in json.dumps(link["client_properties"])}


@pytest.fixture(scope="module")
def hour() -> Iterator[Hour]:
    with World(say=lambda _: None) as world:
        config = defaults(world)
        seen = Hour()
        keys, names = redis_keys(world), broker_names(world)
        before = {name: requests(world, url) for name, url in zip(AUTOMATION, world.automation_urls, strict=True)}
        watch(world, config, seen)
        wait_until(lambda: not clients(world), 30, f"no connection of unstick: {clients(world)}")
        seen.left = {"redis": sorted(redis_keys(world) - keys), "rabbitmq": sorted(broker_names(world) - names)}
        after = {name: requests(world, url) for name, url in zip(AUTOMATION, world.automation_urls, strict=True)}
        seen.asked = {name: after[name] - before[name] for name in after}
        logs = [world.program(name).log.read_text() for name in AUTOMATION]
        seen.refused = sum(text.count("429 Too Many Requests") for text in logs)
        tell(seen)
        yield seen


def requests(world: World, url: str) -> int:
    """How many requests an automation worker has counted."""
    return int(world.http(f"{url}/api/v1/metrics")[1]["counters"]["http_requests_total"])


def defaults(world: World) -> Path:
    """The world's configuration with the thresholds that every stack gets which names none."""
    kept, mark, _ = world.config_path.read_text().partition("[context.lab.thresholds]")
    assert mark
    path = world.directory / "defaults.toml"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(kept)
    return path


def watch(world: World, config: Path, seen: Hour) -> None:
    """The board over ``world`` for the time, with a look at the servers every ten seconds."""
    urls = {
        "postgres": world.database_url,
        "redis": world.redis.url,
        "amqp": world.rabbit.amqp_url(),
        "management": world.rabbit.management_url,
        "around": world.around_url,
    } | dict(zip(AUTOMATION, world.automation_urls, strict=True))
    witness = Witness(load(config, None, {}).context)
    with Overheard(world.redis.port, seen.commands):
        ours = sockets(urls)
        begun, cpu, asked_at = time.monotonic(), time.process_time(), 0.0
        with witness:
            wait_until(lambda: bool(witness.glimpses) and witness.glimpses[-1].settled, 60, "every source seen")
            first = memory()
            while (elapsed := time.monotonic() - begun) < QUIET_S:
                for name, count in (sockets(urls) - ours).items():
                    seen.most[name] = max(seen.most[name], count)
                if elapsed - asked_at >= EVERY_S:
                    asked_at = elapsed
                    look(world, seen)
                time.sleep(0.25)
            seen.figures |= {"first_rss_mb": first, "last_rss_mb": memory()}
        taken = time.monotonic() - begun
        seen.figures |= {"seconds": taken, "cpu_percent": 100 * (time.process_time() - cpu) / taken}
    seen.glimpses = [glimpse for glimpse in witness.glimpses if glimpse.settled]


def look(world: World, seen: Hour) -> None:
    """What the servers say of unstick now."""
    sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'unstick%'"
    seen.sessions = max(seen.sessions, int(world.query(sql)))
    queues = {queue["name"] for queue in world.rabbit.api("GET", "queues") if "unstick" in queue["name"]}
    seen.queues |= queues
    seen.at_once = max(seen.at_once, len(queues))
    for link in world.rabbit.api("GET", "connections"):
        if link.get("user_provided_name", "").startswith("unstick"):
            seen.channels[link["name"]] = max(seen.channels[link["name"]], link.get("channels", 0))


def sockets(urls: dict[str, str]) -> Counter[str]:
    """How many connections this process holds to each server."""
    ports = {port_of(url): name for name, url in urls.items()}
    links = psutil.Process().net_connections("tcp")
    return Counter(ports[c.raddr[1]] for c in links if c.raddr and c.raddr[1] in ports and c.status == "ESTABLISHED")


def memory() -> float:
    """Resident MB of this process."""
    return float(psutil.Process().memory_info().rss / 2**20)


def tell(seen: Hour) -> None:
    """Prints the figures, and every finding with the time that it stood."""
    late = Counter(name for glimpse in seen.glimpses for name in glimpse.late)
    print(
        f"\n{seen.figures['seconds']:.0f} s, {len(seen.glimpses)} boards, CPU {seen.figures['cpu_percent']:.1f} %,"
        f" memory {seen.figures['first_rss_mb']:.0f} -> {seen.figures['last_rss_mb']:.0f} MB"
        f" (highest {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f})"
    )
    print(f"most connections: {dict(seen.most)}, sessions {seen.sessions}, channels {dict(seen.channels)}")
    print(f"queues of one's own: {sorted(seen.queues)}; left behind: {seen.left}")
    print(f"automation workers: {seen.asked} requests, {seen.refused} refused with 429")
    print(f"commands to Redis: { {' '.join(words): count for words, count in seen.commands.most_common()} }")
    print(f"boards with a late source: {dict(late)}")
    for title, count in Counter(title for glimpse in seen.glimpses for title in glimpse.findings).items():
        print(f"finding on {count} boards: {title}")


STARVED = re.compile(r"cannot tell: |\d+ endpoints are unseen|dependency:.*(: slow: |no complete answer within )")
"""What may be said while the processor of the machine, which servers and board share with others, has no room."""


def test_nothing_is_found(hour: Hour) -> None:
    """But of the machine that the test runs on, and what is late because of it."""
    found = set()
    full_at = -math.inf
    for glimpse in hour.glimpses:
        of_host = {title for title in glimpse.findings if title.startswith("this host: ")}
        full_at = glimpse.at if of_host else full_at
        starved = glimpse.at - full_at < MINUTE_S
        found |= {t for t in glimpse.findings if t not in of_host and not (starved and STARVED.match(t))}
    assert found == set()
    assert hour.glimpses[-1].at - hour.glimpses[0].at > QUIET_S - MINUTE_S


def test_no_limit_was_hit(hour: Hour) -> None:
    assert hour.refused == 0
    assert all(count > QUIET_S / 60 for count in hour.asked.values())


def test_nothing_is_left_behind(hour: Hour) -> None:
    assert hour.left == {"redis": [], "rabbitmq": []}
    assert all(name.startswith("celeryev.unstick.") for name in hour.queues)
    assert hour.at_once == 1


def test_redis_was_only_read(hour: Hour) -> None:
    others = {words for words in hour.commands if words[0] not in READ_COMMANDS}
    assert hour.commands[("TIME",)] > QUIET_S / 10
    assert others <= CONNECTING | LISTENING


def test_few_connections_were_held(hour: Hour) -> None:
    most = MOST | dict.fromkeys(AUTOMATION, SOCKETS)
    assert {name: count for name, count in hour.most.items() if count > most[name]} == {}
    assert set(hour.most) == set(most)
    assert 1 <= hour.sessions <= MOST["postgres"]
    assert set(hour.channels.values()) == {1}
