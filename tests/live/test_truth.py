"""The board and ``status --json`` against what the servers themselves say, in a living world: quiet, then broken.

One world per scenario, started once. While it lives, what depends on time is judged: levels, findings, who is alive,
what is up. Then its programs are frozen (its servers are not), so that every number stands still, and all of them
must be equal to the truth.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from tests.lab.processes import LabError, wait_until
from tests.lab.servers import Rabbit
from tests.lab.world import CONTAINERS, LEAK_PER_MIN, World
from tests.live.truth import (
    Depths,
    QueueKey,
    Status,
    Truth,
    answering,
    ask_status,
    celery_sizes,
    channel_statistics,
    dead_holders,
    library_sizes,
    queue_statistics,
    truth_of,
)
from tests.live.witness import Glimpse, Until, Witness
from unstick import clock
from unstick.board.board import Board
from unstick.config import load
from unstick.facts.level import Level
from unstick.facts.reading import Fresh
from unstick.facts.sync import SyncApiFacts
from unstick.views.status_json import Json

SCENES = ("quiet", "stuck-proxies", "worker-stall", "channel-leak", "sync-lag", "lock-pileup")
"""What breaks beside the job systems is played in ``test_systems_truth.py``, in one world."""
SYNC_EVERY_S = 16
QUIET_S = 20.0
FREE_RUNNING = ("sync-api", "around")
"""What may go on in a frozen world: it only answers."""
BESIDE = ("health", "automation", "dependency", "maintenance", "probe", "log", "celery-events")
"""Whose programs stand still in a frozen world, or who are asked seldom: none of their numbers is compared there."""
CONSUMERS = ("dramatiq", "exports", "thumbnails", "celery")


# ------------------------------------------------------------------------------------------------------ observers


def ask_patiently(config: Path, directory: Path) -> Status:
    """What ``status --json`` says; again when the machine was too busy for a server to answer in time."""
    for _ in range(3):
        found = ask_status(config, directory)
        servers = [state for name, state in found.told["sources"].items() if name != "http"]
        if all(state["state"] == "fresh" for state in servers):
            break
    return found


# --------------------------------------------------------------------------------------------------------- scenes


@dataclass
class Scene:
    """What was seen of one world while it lived, and what when it stood still; the world itself is gone."""

    name: str
    quiet: list[Glimpse]
    """Before anything broke."""
    living: dict[str, Json]
    up: dict[str, bool]
    """Which servers and services really answered while it lived."""
    true: Truth
    later: Truth
    frozen: dict[str, Json]
    sample: Json
    """What ``status`` said of the frozen world with the configuration as the world wrote it: drift is sampled."""
    codes: list[tuple[int, str]]
    libraries: tuple[dict[str, int], dict[str, Any]]
    memory: list[float]
    """Percent in use before and after the frozen look, by psutil."""
    dead: set[str]
    """Everyone whom the scenario killed."""


class Stage:
    """Plays the scenes that the selected tests need, two at a time: most of a world's time is waiting.

    While the quiet world is watched, it has the machine to itself.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._pool = ThreadPoolExecutor(2, "stage")
        self._left = threading.Event()
        self._watched = threading.Event()
        if "quiet" not in names:
            self._watched.set()
        self._scenes = {name: self._pool.submit(play, name, self.until, self._watched) for name in names}

    def scene(self, name: str) -> Scene:
        """The scene called ``name``, when it has been played."""
        return self._scenes[name].result(600)

    def until(self, check: Callable[[], bool], seconds: float, what: str) -> None:
        """Waits for ``check``, for so many ``seconds``; not when the tests are over."""

        def step() -> bool:
            if self._left.is_set():
                raise LabError("nobody waits for this scene any more")
            return check()

        wait_until(step, seconds, what, 0.2)

    def leave(self) -> None:
        """Ends what still plays."""
        self._left.set()
        self._pool.shutdown(wait=True, cancel_futures=True)


@pytest.fixture(scope="module")
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    specs = (getattr(item, "callspec", None) for item in request.session.items if item.parent is request.node)
    wanted = {spec.params.get("scene") for spec in specs if spec is not None}
    stage = Stage([name for name in SCENES if name in wanted])
    yield stage
    stage.leave()


@pytest.fixture(scope="module", params=SCENES)
def scene(request: pytest.FixtureRequest, stage: Stage) -> Scene:
    return stage.scene(request.param)


def play(name: str, until: Until, watched: threading.Event) -> Scene:
    """One world from its start to its end."""
    if name != "quiet":
        until(watched.is_set, 180, "the quiet world watched")
    every = SYNC_EVERY_S if name == "sync-lag" else 60
    with World(None if name == "quiet" else name, after=3600, sync_every=every, say=lambda _: None) as world:
        sharp = sharpened(world)
        with Witness(load(sharp, None, {}).context) as witness:
            quiet = seen_quiet(witness, until, QUIET_S if name == "quiet" else 0.0)
            watched.set()
            world.break_now()
            if incident := INCIDENTS.get(name):
                until(lambda: incident.true(world), 90, f"{name} by the servers")
                with contextlib.suppress(LabError):  # the tests say precisely what is not shown
                    until(lambda: incident.shown(witness.told()), 45, f"{name} on the board")
            living = ask_patiently(world.config_path, world.directory)
            living_board = witness.told_when(until, hears_servers, "a board that hears every server")
            up = answering(world)
            true = freeze(world, until)
            settled_at, memory = clock.now(), [psutil.virtual_memory().percent]
            with ThreadPoolExecutor(2) as threads:
                asked = [
                    threads.submit(ask_patiently, config, world.directory) for config in (sharp, world.config_path)
                ]
                board = witness.told_when(
                    until, lambda board: seen_since(board, settled_at), "a board of the frozen world"
                )
                exact, sampled = (each.result() for each in asked)
            later = truth_of(world)
            assert later.still == true.still
            memory.append(psutil.virtual_memory().percent)
            return Scene(
                name,
                quiet,
                {"board": living_board, "status": living.told},
                up,
                true,
                later,
                {"board": board, "status": exact.told},
                sampled.told,
                [(each.code, each.told["level"]) for each in (living, exact, sampled)],
                library_sizes(world),
                memory,
                dead_holders(world),
            )


def sharpened(world: World) -> Path:
    """The world's configuration with one difference: all balances are compared, as often as may be."""
    text = world.config_path.read_text()
    head, mark, tail = text.partition("[context.lab.sync]\n")
    assert mark
    path = world.directory / "sharp.toml"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(f'{head}{mark}sample = 2000\n{tail}\n[context.lab.intervals]\nsync_data = "10s"\n')
    return path


def seen_quiet(witness: Witness, until: Until, seconds: float) -> list[Glimpse]:
    """Watch until every source was seen, and then for so many ``seconds``."""
    until(lambda: witness.board is not None and witness.glimpses[-1].settled, 90, "every source seen")
    begun = next(glimpse.at for glimpse in witness.glimpses if glimpse.settled)
    until(lambda: witness.glimpses[-1].at >= begun + seconds, seconds + 60, "quiet frames")
    return list(witness.glimpses)


def freeze(world: World, until: Until) -> Truth:
    """Stop every program of the world, consumers first, until something of everything waits; the truth from then on."""
    for name in CONSUMERS:
        world.program(name).send(signal.SIGSTOP, whole_family=True)
    until(lambda: something_waits(world), 60, "messages that wait")
    for name, program in world._programs.items():
        if name not in FREE_RUNNING:
            program.send(signal.SIGSTOP, whole_family=True)
    true = truth_of(world)
    until(lambda: statistics_settled(world.rabbit, true), 60, "statistics of a broker that stands still")
    return true


def something_waits(world: World) -> bool:
    """Two messages in each of some queues, so that no equality is one of zeros."""
    sizes = celery_sizes(world.env()["RABBITMQ_URL"], ["exports", "thumbnails"])
    return min(*sizes.values(), int(world.redis.cli("LLEN", "dramatiq:default"))) >= 2


def statistics_settled(rabbit: Rabbit, true: Truth) -> bool:
    """Whether the management API has caught up with the queues and connections themselves."""
    told = channel_statistics(rabbit)
    if {name: told.get(name) for name in true.links} != {name: link.channels for name, link in true.links.items()}:
        return False
    api = queue_statistics(rabbit)
    queues = {name: depths for (_, place, name), depths in true.queues.items() if place == "/"}
    return all(api[name] == (depths["ready"], depths["in_flight"]) for name, depths in queues.items())


def hears_servers(board: Board) -> bool:
    """Whether every server has just answered: on a busy machine one may be late."""
    return all(state.state == "fresh" for state in board.sources if state.source.server != "http")


def seen_since(board: Board, at: float) -> bool:
    """Whether every source that can answer in a frozen world has answered since, in full, and is fresh."""
    fresh = {state.source.id for state in board.sources if state.state == "fresh"}
    for observation in board.frame.observations:
        source, reading = observation.source, observation.reading
        can = source.system not in BESIDE and not source.id.startswith("locks:")
        if can and not (source.id in fresh and isinstance(reading, Fresh) and reading.at >= at):
            return False
        if isinstance(reading, Fresh) and isinstance(reading.value, SyncApiFacts) and reading.value.partial:
            return False
    return True


# ------------------------------------------------------------------------------------------------------ incidents


class Incident(NamedTuple):
    """What a scenario must look like."""

    true: Callable[[World], bool]
    """Whether it has happened, by the servers."""
    shown: Callable[[Json], bool]
    """Whether the board knows."""
    level: dict[str, str]
    first: dict[str, str]
    """How the first finding begins, by observer."""


def ask(world: World, sql: str) -> int:
    return int(world.query(sql))


def link_of(told: Json, client: str) -> Json:
    """The connection of ``client`` with most channels."""
    return next((link for link in told["channels"]["items"] if link["client"] == client), {})


def silence_of_worker(world: World) -> float:
    """Seconds since the Dramatiq worker did a task, as it says itself."""
    return float(world.http(f"{world.health_url}/health")[1]["last_heartbeat_seconds"])


def leaks(world: World) -> bool:
    lines = world.rabbit.ctl("list_connections", "timeout", "channels", "--no-table-headers").splitlines()
    return any(timeout == "0" and int(channels) > 5 for timeout, channels in map(str.split, lines))


def sync_age(world: World) -> float:
    noted = ask(world, "SELECT extract(epoch FROM now() - max(last_synced_at))::int FROM user_balances")
    return float(noted)


RETURNED = """
SELECT count(*) FROM proxies p WHERE is_in_use AND (worker_id = 'b77514be_16' OR worker_id LIKE '8b4f59aa\\_%')
AND NOT EXISTS (SELECT FROM catalog_tasks t WHERE t.worker_id = p.worker_id AND status = 'processing')
AND NOT EXISTS (SELECT FROM object_tasks t WHERE t.worker_id = p.worker_id AND status = 'processing')"""
EXPIRED = "SELECT count(*) FROM dashboard_tasklock WHERE worker_id = 'worker_2' AND expires_at < now()"

INCIDENTS = {
    "stuck-proxies": Incident(
        lambda world: ask(world, RETURNED) == 16,
        lambda told: told["proxies"]["stuck"] == 16 and told["workers"]["dead"] == 16,
        dict.fromkeys(("board", "status"), "critical"),
        dict.fromkeys(("board", "status"), "container 8b4f59aa is gone and still holds 15 proxies"),
    ),
    "worker-stall": Incident(
        lambda world: silence_of_worker(world) > 20 and int(world.redis.cli("LLEN", "dramatiq:default")) > 5,
        lambda told: told["workers"]["stalled"] == 2,
        dict.fromkeys(("board", "status"), "critical"),
        {"board": "worker dramatiq/", "status": "worker web-1 is stalled: unhealthy, no task done for "},
    ),
    "channel-leak": Incident(
        leaks,
        lambda told: any("feature-service leaks channels: " in finding["title"] for finding in told["findings"]),
        dict.fromkeys(("board", "status"), "warning"),
        {"board": "feature-service leaks channels: ", "status": "feature-service: heartbeat off"},
    ),
    "sync-lag": Incident(
        lambda world: sync_age(world) > 1.5 * SYNC_EVERY_S,
        lambda told: bool(told["sync"]["overdue"]) and told["findings"][0]["rule"] == "queue-untaken",
        {"board": "critical", "status": "warning"},
        {"board": "nobody takes from celery: ", "status": "balance sync overdue"},
    ),
    "lock-pileup": Incident(
        lambda world: ask(world, EXPIRED) == 12,
        lambda told: told["locks"]["expired"] == 12 and told["locks"]["orphaned"] >= 30,
        dict.fromkeys(("board", "status"), "critical"),
        dict.fromkeys(("board", "status"), "worker worker_2 is dead: "),
    ),
}


# ---------------------------------------------------------------------------------------------------------- tests

observers = pytest.mark.parametrize("observer", ["board", "status"])


def of_the_stack(findings: list[Json]) -> list[Json]:
    """Findings but those about the machine that the tests run on."""
    return [finding for finding in findings if finding["subject"] != "host"]


def test_nothing_is_found_in_a_quiet_world(scene: Scene) -> None:
    settled = [glimpse for glimpse in scene.quiet if glimpse.settled]
    assert settled
    if scene.name != "quiet":
        first = INCIDENTS[scene.name].first["board"]
        assert not any(title.startswith(first) for glimpse in scene.quiet for title in glimpse.findings)
        return
    assert [title for g in scene.quiet for title in g.findings if not title.startswith("this host: CPU")] == []
    assert [glimpse.late for glimpse in settled if glimpse.late] == []
    assert {glimpse.level for glimpse in settled if not glimpse.findings} == {Level.OK}
    assert settled[-1].at - settled[0].at >= QUIET_S
    assert len(settled) > QUIET_S


@observers
def test_the_level_and_the_first_finding_name_the_cause(scene: Scene, observer: str) -> None:
    told = scene.living[observer]
    findings = of_the_stack(told["findings"])
    if scene.name == "quiet":
        assert findings == []
        assert told["level"] == "ok" or told["findings"]
        return
    incident = INCIDENTS[scene.name]
    assert findings[0]["title"].startswith(incident.first[observer])
    assert findings[0]["level"] == incident.level[observer]
    assert told["level"] == incident.level[observer] or told["findings"] != findings


def test_the_exit_code_is_that_of_the_level(scene: Scene) -> None:
    for code, level in scene.codes:
        assert code == {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}[level]


def test_what_is_stuck_is_told_with_what_it_holds(scene: Scene) -> None:
    findings = of_the_stack(scene.living["board"]["findings"])
    titles = [finding["title"] for finding in findings]
    if scene.name == "stuck-proxies":
        assert "is gone and still holds 15 proxies, 3 locks (last sign " in titles[0]
        assert any(
            title.startswith("worker b77514be_16 is dead and still holds 1 proxy (last sign ") for title in titles
        )
    if scene.name == "lock-pileup":
        held = sum(worker == "worker_2" for worker, _ in scene.true.locks.values())
        assert titles[0].endswith(f"still holds {held} locks")
        assert f"of {held} locks 12 expired and 4 have no end" in findings[0]["evidence"]
        assert not any(title.startswith("task locks: ") for title in titles)
    if scene.name == "worker-stall":
        assert " beats but acknowledged nothing for " in titles[0]
        assert "endpoint-stalled:web-1" in {symptom["id"] for symptom in findings[0]["symptoms"]}
    if scene.name == "channel-leak":
        assert titles[0].endswith("/min, heartbeat off")
        assert findings[0]["aside"].startswith("limit 2047 in ")


def lives(scene: Scene, observer: str) -> dict[str, str]:
    """Whom the servers and the world's processes show alive, and who died."""
    true = scene.true
    found = {worker: "dead" if worker in scene.dead else "alive" for worker in true.holders}
    assert sum(life == "dead" for life in found.values()) == (16 if scene.name == "stuck-proxies" else 0)
    assert all(age < 60 for age in true.heartbeats.values())
    stalls = scene.name == "worker-stall"
    for process in true.heartbeats:
        # One look cannot see that nothing moves.
        found[process] = "stalled" if stalls and observer == "board" and process in true.held else "alive"
    found |= {"web-1": "stalled" if stalls else "alive", "worker_1": "alive", "pictures@lab": "alive"}
    if scene.name != "sync-lag" or observer == "board":  # one look never heard of it
        found["sync@lab"] = "dead" if scene.name == "sync-lag" else "alive"
    return found | {"worker_2": "dead" if "worker_2" in scene.dead else "alive"}


@observers
def test_workers(scene: Scene, observer: str) -> None:
    told = scene.living[observer]["workers"]
    true = lives(scene, observer)
    assert {worker["id"]: worker["life"] for worker in told["items"]} == true
    dead = sum(life == "dead" for life in true.values())
    assert (told["total"], told["alive"], told["dead"], told["unknown"]) == (len(true), len(true) - dead, dead, 0)
    crawlers = [worker for worker in told["items"] if worker["kind"] == "crawler"]
    assert len(crawlers) == sum(CONTAINERS.values())
    assert all(worker["container"] == worker["id"].rpartition("_")[0] for worker in crawlers)


@observers
def test_what_workers_hold(scene: Scene, observer: str) -> None:
    told = {worker["id"]: worker["holds"] for worker in scene.frozen[observer]["workers"]["items"]}
    for worker, true in scene.true.holders.items():
        assert told[worker] == true | {"unacked": None}
    for process in scene.true.heartbeats:
        assert told[process]["unacked"] == scene.true.held.get(process, 0)


@observers
def test_proxies(scene: Scene, observer: str) -> None:
    told, true = scene.frozen[observer]["proxies"], scene.true
    assert {name: told[name] for name in true.pool} == true.pool
    assert told["in_use"] + told["blocked"] + told["free"] == told["total"] == 100
    assert {proxy["id"]: proxy["worker_id"] for proxy in told["stuck_items"]} == true.stuck
    assert told["stuck"] == len(true.stuck) == (16 if scene.name == "stuck-proxies" else 0)
    assert told["in_use"] - told["stuck"] == 60 - len(true.stuck)
    assert {
        proxy["id"]: proxy["worker_id"] for proxy in scene.living[observer]["proxies"]["stuck_items"]
    } == true.stuck


@observers
def test_queues(scene: Scene, observer: str) -> None:
    told = scene.frozen[observer]["queues"]
    numbers = ("ready", "in_flight", "delayed", "dead")
    listed: dict[QueueKey, Depths] = {
        (queue["system"], queue["place"], queue["name"]): {name: queue[name] for name in numbers}
        for queue in told["items"]
    }
    assert listed == scene.true.queues
    assert len(listed) == len(told["items"])
    assert told["waiting"] == sum(depths["ready"] or 0 for depths in listed.values()) > 0
    consumers = {queue["name"]: queue["consumers"] for queue in told["items"] if queue["place"] == "/"}
    assert all(count in {None, scene.true.consumers[name]} for name, count in consumers.items())
    assert (consumers["exports"], consumers["thumbnails"]) == (1, 1)


@observers
def test_queues_by_the_job_systems_own_libraries(scene: Scene, observer: str) -> None:
    told = {(queue["system"], queue["name"]): queue for queue in scene.frozen[observer]["queues"]["items"]}
    celery, dramatiq = scene.libraries
    assert {queue: told["celery", queue]["ready"] for queue in celery} == celery
    for queue, size in dramatiq.items():
        depths = told["dramatiq", queue]
        if queue == "exports":
            assert (depths["ready"], depths["dead"]) == (size[0], size[2])
        else:
            assert depths["ready"] + depths["in_flight"] + depths["delayed"] == size


@observers
def test_channels(scene: Scene, observer: str) -> None:
    """Whoever looks is there as well, to hear Celery's events: with one channel."""
    told, true = scene.frozen[observer]["channels"], scene.true.links
    own = [link["channels"] for link in told["items"] if link["client"] == "unstick"]
    items = [link for link in told["items"] if link["client"] != "unstick"]
    assert set(own) <= {1, None}, "the broker counts the channels of a new connection after some seconds"
    assert {link["connection"]: link["channels"] for link in items} == {
        name: link.channels for name, link in true.items()
    }
    for link in items:
        expected = true[link["connection"]]
        assert (link["client"], link["vhost"]) == (expected.client, expected.vhost)
        assert (link["channel_max"], link["heartbeat_s"]) == (expected.channel_max, expected.heartbeat_s)
    assert len(true) <= told["connections"] <= len(true) + len(own), "its total is older than its list"
    others = sum(link.channels for link in true.values())
    assert others + sum(filter(None, own)) <= told["channels"] <= others + len(own)
    assert told["alarms"] == []


def test_a_leak_is_told_with_its_pace(scene: Scene) -> None:
    if scene.name == "channel-leak":
        growth = link_of(scene.living["board"], "feature-service")["growth_per_min"]
        assert growth == pytest.approx(LEAK_PER_MIN, rel=0.4)
        assert link_of(scene.frozen["status"], "feature-service")["heartbeat_s"] == 0
    else:
        assert all(link["level"] == "ok" for link in scene.living["board"]["channels"]["items"])


def epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@observers
def test_sync(scene: Scene, observer: str) -> None:
    told, true = scene.frozen[observer]["sync"], scene.true
    assert epoch(told["last_success_at"]) == true.last_sync_at
    # The header that carries the service's clock tells whole seconds, of an instant while the look lasted.
    took_s = (
        max(asked["took_ms"] or 0.0 for asked in scene.frozen[observer]["sources"]["http"]["asked"].values()) / 1000
    )
    lag = epoch(scene.frozen[observer]["at"]) - true.last_sync_at
    assert -3 - took_s <= told["lag_s"] - lag <= 0.5 + took_s
    assert {name: told[name] for name in true.sync} == true.sync
    assert told["running"] == true.syncing
    assert (told["redis_ok"], told["database_ok"]) == (True, True)
    every = SYNC_EVERY_S if scene.name == "sync-lag" else 60
    assert true.beat_at is None or epoch(told["next_due_at"]) == true.beat_at + every
    late = epoch(scene.frozen[observer]["at"]) - epoch(told["next_due_at"])
    if abs(late - 0.5 * every) > 2:  # the service's clock tells whole seconds
        missed = late > 0.5 * every and epoch(told["last_success_at"]) < epoch(told["next_due_at"])
        assert told["overdue"] is (told["lag_s"] > 1.5 * every or missed)
    assert scene.living[observer]["sync"]["overdue"] is (scene.name == "sync-lag")


@observers
def test_drift(scene: Scene, observer: str) -> None:
    true = scene.true
    told = scene.frozen[observer]["sync"]["drift"]
    assert {name: told[name] for name in ("sampled", "differing", "missing", "unreadable")} == {
        "sampled": true.balances,
        "differing": true.differing,
        "missing": 0,
        "unreadable": 0,
    }
    assert true.differing > (10 if scene.name == "sync-lag" else 0)


def test_sampled_drift_is_possible(scene: Scene) -> None:
    """A sample cannot hold more differing balances than there are, nor fewer than those that it had no room to miss."""
    told, true = scene.sample["sync"]["drift"], scene.true
    assert told["sampled"] == 200
    assert max(0, true.differing - (true.balances - 200)) <= told["differing"] <= min(true.differing, 200)


@observers
def test_locks(scene: Scene, observer: str) -> None:
    told, true = scene.frozen[observer]["locks"], scene.true
    assert told["total"] == len(true.locks)
    assert true.expired <= told["expired"] <= scene.later.expired
    assert told["endless"] == true.endless
    assert scene.living[observer]["locks"]["orphaned"] == true.orphaned
    assert {lock["id"]: lock["worker_id"] for lock in told["items"]} == {
        number: worker for number, (worker, _) in true.locks.items()
    }
    life = {worker["id"]: worker["life"] for worker in scene.frozen[observer]["workers"]["items"]}
    for lock in told["items"]:
        worker, end = true.locks[lock["id"]]
        assert (lock["expires_at"] is None) == (end is None)
        assert end is None or abs(epoch(lock["expires_at"]) - end) < 0.002
        assert (lock["state"] == "orphaned") == (life.get(worker) == "dead")
        assert end is not None or lock["state"] in {"orphaned", "endless"}
    if scene.name == "lock-pileup":
        assert true.orphaned >= 30
        assert (true.expired, true.endless) == (12, 4)


@observers
def test_services(scene: Scene, observer: str) -> None:
    told = {service["name"]: service for service in scene.living[observer]["services"]["items"]}
    assert {name: service["state"] == "fresh" for name, service in told.items()} == scene.up
    down = [name for name, up in scene.up.items() if not up]
    assert len(down) == (2 if scene.name == "lock-pileup" else 0)
    assert all(told[name]["level"] in {"warning", "critical"} for name in down)
    assert told["health:web-1"]["broker_connected"] is True


@observers
def test_host(scene: Scene, observer: str) -> None:
    told = scene.frozen[observer]["host"]
    memory = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    assert told["memory_total_bytes"] == int(memory["MemTotal"].split()[0]) * 1024 == psutil.virtual_memory().total
    assert (told["cores"], told["hostname"]) == (os.cpu_count(), socket.gethostname())
    assert min(scene.memory) - 5 <= told["memory_percent"] <= max(scene.memory) + 5
    usage = psutil.disk_usage("/")
    root = next(disk for disk in told["disks"] if disk["mount"] == "/")
    assert root["used_percent"] == pytest.approx(usage.percent, abs=2)
