"""The systems beside the job queues against what each of them says itself: in a quiet world, then made to fail.

One world for all of them: what fails first is the Celery worker, a pool, the dependencies, the backups and the
connections of PostgreSQL; then beat and the memory of Redis.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.lab.processes import LabError, wait_until
from tests.lab.world import AUTOMATION, HEALED, SCENARIOS, SYNC_TASK, World
from tests.live.truth import Status, ask_status
from tests.live.witness import Witness
from unstick import clock
from unstick.config import load
from unstick.views.status_json import Json

PATIENCE_S = 120.0
SYNC_EVERY_S = 16
FIRST = ("celery-killed", "pool-exhausted", "dependency-down", "backup-missing", "out-of-connections")
THEN = ("beat-stopped", "redis-full")
TOLD = {
    "celery-killed": r"worker sync@lab is dead",
    "pool-exhausted": r"automation:worker_2: database pool default is exhausted",
    "dependency-down": r"dependency:web UI: down: connection refused",
    "backup-missing": r"maintenance:database backup: left nothing",
    "out-of-connections": r"postgres-server: out of connections",
    "beat-stopped": rf"beat fires nothing: {re.escape(SYNC_TASK)} ran ",
    "redis-full": r"redis-server: out of memory",
}
BREAKER = r"automation:worker_1: circuit breaker ui-service is open"
CLIENTS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
LIMIT = "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"


class Scene:
    """What was seen of the one world: told and true side by side, while it was quiet and while it was broken."""

    def __init__(self, world: World, witness: Witness) -> None:
        self.world = world
        self.witness = witness
        self.quiet: dict[str, tuple[Any, Any]] = {}
        """What was told, and what was true, by what is compared."""
        self.broken: dict[str, tuple[Any, Any]] = {}
        self.titles: set[str] = set()
        """Of everything that was found while it was quiet."""
        self.missing: list[str] = []
        """Faults that were not told."""
        self.stays: list[str] = []
        """Faults that were told after they were mended."""
        self.status: Status

    def numbers(self, service: str) -> dict[str, float | None]:
        """Those of one service."""
        found = next((one for one in self.witness.told()["services"]["items"] if one["name"] == service), None)
        return found["numbers"] or {} if found else {}

    def said(self) -> list[str]:
        """The titles of all findings and of their symptoms."""
        return list(_titles(self.witness.told()["findings"]))

    def tells(self, pattern: str) -> bool:
        """Whether a finding says so."""
        return any(re.search(pattern, title) for title in self.said())

    def comes(self, check: Callable[[], bool], what: str) -> bool:
        """Whether ``check`` holds within the patience."""
        with suppress(LabError):
            wait_until(check, PATIENCE_S, what, 0.5)
            return True
        return False

    def http(self, number: int, path: str) -> Any:
        """What an automation worker says."""
        return self.world.http(f"{self.world.automation_urls[number]}/api/v1{path}")[1]

    def redis_info(self, name: str) -> int:
        """One number of INFO."""
        lines = self.world.redis.cli("INFO").splitlines()
        return int(next(line.partition(":")[2] for line in lines if line.startswith(f"{name}:")))


def _titles(findings: list[Json]) -> Iterator[str]:
    for finding in findings:
        yield finding["title"]
        yield from _titles(finding.get("symptoms") or [])


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with World(sync_every=SYNC_EVERY_S, say=lambda _: None) as world, Witness(_watched(world)) as witness:
        wait_until(lambda: witness.glimpses[-1].settled if witness.glimpses else False, 90, "every source seen")
        scene = Scene(world, witness)
        _see_quiet(scene)
        _see(scene, FIRST, _see_broken)
        _see(scene, THEN, _see_full)
        yield scene


def _watched(world: World) -> Any:
    """The world's configuration, asked more often, and impatient with beat."""
    text = world.config_path.read_text() + 'beat_late = "4s"\n'
    every = {"servers": 5, "dependencies": 5, "maintenance": 10, "probes": 10, "automation": 8}
    text += "\n[context.lab.intervals]\n" + "".join(f'{name} = "{seconds}s"\n' for name, seconds in every.items())
    path = world.directory / "keen.toml"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(text)
    return load(path, None, {}).context


def _see(scene: Scene, faults: tuple[str, ...], look: Callable[[Scene], None]) -> None:
    for fault in faults:
        SCENARIOS[fault](scene.world)
    wanted = {fault: TOLD[fault] for fault in faults} | ({"breaker": BREAKER} if faults is FIRST else {})
    for fault, pattern in wanted.items():
        if not scene.comes(lambda pattern=pattern: scene.tells(pattern), fault):  # type: ignore[misc]
            scene.missing.append(f"{fault}: {pattern} is not among {scene.said()}")
    look(scene)
    for fault in reversed(faults):
        HEALED[fault](scene.world)
    for fault, pattern in wanted.items():
        if not scene.comes(lambda pattern=pattern: not scene.tells(pattern), fault):  # type: ignore[misc]
            scene.stays.append(f"{fault}: {scene.said()}")


def _see_quiet(scene: Scene) -> None:
    world = scene.world
    scene.titles = set(scene.said())
    for number, name in enumerate(AUTOMATION):
        status, metrics = scene.http(number, "/status"), scene.http(number, "/metrics")
        pool, told = metrics["database_pools"]["default"], scene.numbers(f"automation:{name}")
        limit = status["resource_usage"]["memory_limit_mb"] * 2**20
        limits = ("active_tasks_limit", "memory_limit_bytes", "pool_connections_limit", "open_breakers", "healthy")
        scene.quiet[name] = (
            [told[each] for each in limits],
            [status["max_concurrent_tasks"], limit, pool["max_connections"], 0, 1],
        )
    backups = _newest(world.jobs / "backups")
    told = scene.numbers("maintenance:database backup")
    scene.quiet["backups"] = ((told["files"], told["newest_bytes"]), (2, backups.stat().st_size))
    scene.quiet["age of the backup"] = (told["age_seconds"], clock.now() - backups.stat().st_mtime)
    blocked = int(world.query("SELECT count(*) FROM users WHERE is_blocked"))
    scene.quiet["probe"] = (scene.numbers("probe:blocked")["value"], blocked)
    ups = [scene.numbers(f"dependency:{name}")["up"] for name in world.leans_on]
    scene.quiet["dependencies"] = (ups, [1, 1, 1])
    server = scene.numbers("postgres-server")
    scene.quiet["limit"] = (server["connections_limit"], int(world.query(LIMIT)))
    scene.quiet["connections"] = (server["connections"], int(world.query(CLIENTS)) - 1)
    server = scene.numbers("redis-server")
    near = scene.comes(lambda: abs((scene.numbers("redis-server")["clients"] or 0) - _clients(scene)) <= 1, "clients")
    scene.quiet["clients"] = (near, True)
    scene.quiet["clients limit"] = (server["clients_limit"], scene.redis_info("maxclients"))
    heard = [scene.numbers(f"celery-events:{name}") for name in ("celery", "thumbnails")]
    scene.quiet["workers"] = ([(one["workers"], one["failed_tasks_total"]) for one in heard], [(1, 0), (1, None)])


def _see_broken(scene: Scene) -> None:
    world = scene.world
    scene.status = ask_status(world.config_path, world.directory)
    pool, breakers = (
        scene.http(1, "/metrics")["database_pools"]["default"],
        scene.http(0, "/status")["circuit_breakers"],
    )
    scene.broken["pool"] = (scene.numbers("automation:worker_2")["pool_connections"], pool["in_use"])
    scene.broken["breaker"] = (scene.tells(BREAKER), breakers["ui-service"]["state"] in {"open", "half_open"})
    scene.broken["backups"] = (
        scene.numbers("maintenance:database backup")["files"],
        len(list((world.jobs / "backups").iterdir())),
    )
    reports = int(world.query(f"{CLIENTS} AND application_name = 'reports'"))
    scene.broken["reports"] = (reports > 10, True)
    scene.broken["connections"] = (scene.numbers("postgres-server")["connections"], int(world.query(CLIENTS)) - 1)
    ups = [scene.numbers(f"dependency:{name}")["up"] for name in world.leans_on]
    scene.broken["dependencies"] = (ups, [0, 0, 0])
    scene.broken["workers"] = (scene.numbers("celery-events:celery")["workers"], int(world.program("celery").alive))


def _see_full(scene: Scene) -> None:
    world = scene.world
    used = scene.redis_info("used_memory")
    scene.broken["redis memory"] = (scene.numbers("redis-server")["memory_used_bytes"], used)
    scene.broken["redis limit"] = (scene.numbers("redis-server")["memory_limit_bytes"], scene.redis_info("maxmemory"))
    scene.broken["redis refuses"] = (True, "OOM" in world.redis.cli("SET", "lab:probe", "x"))


def _clients(scene: Scene) -> int:
    return scene.redis_info("connected_clients") - 1  # whoever asks is one


def _newest(folder: Path) -> Path:
    return max(folder.iterdir(), key=lambda file: file.stat().st_mtime)


NEARLY = {"connections": 4, "redis memory": 2**20, "age of the backup": 20}
"""What moves between two questions, and how far."""


def alike(pairs: dict[str, tuple[Any, Any]]) -> None:
    """What was told is what was true."""
    for name, (told, true) in pairs.items():
        expected = pytest.approx(true, abs=NEARLY[name]) if name in NEARLY else true
        assert told == expected, name


def test_nothing_is_found_while_all_is_well(scene: Scene) -> None:
    assert {title for title in scene.titles if not title.startswith("this host: ")} == set()


def test_what_is_told_of_a_quiet_world_is_true(scene: Scene) -> None:
    alike(scene.quiet)


def test_every_fault_is_told(scene: Scene) -> None:
    assert scene.missing == []


def test_what_is_told_of_a_broken_world_is_true(scene: Scene) -> None:
    alike(scene.broken)


def test_one_look_tells_the_same(scene: Scene) -> None:
    """But for those that it never heard: a worker that is dead already sends no event."""
    assert scene.status.code == 2
    said = list(_titles(scene.status.told["findings"]))
    for fault in set(FIRST) - {"celery-killed"}:
        assert any(re.search(TOLD[fault], title) for title in said), (fault, said)


def test_what_is_mended_is_told_no_more(scene: Scene) -> None:
    assert scene.stays == []
