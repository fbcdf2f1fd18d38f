"""The demo world is quiet when it should be and leaves nothing behind.

That it breaks as told is seen in ``tests/live/test_truth.py``.
"""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.lab.processes import lives, wait_until
from tests.lab.servers import direct_http, require_servers
from tests.lab.world import CHECKOUT, World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World(sync_every=10) as living:
        yield living


def client(world: World, name: str) -> dict[str, int]:
    found = [entry for entry in world.truth()["rabbitmq"]["connections"] if entry["client"] == name]
    return found[0] if found else {"channels": -1, "heartbeat_s": -1}


def test_quiet_world(world: World) -> None:
    truth = world.truth()
    proxies = truth["proxies"]
    assert {key: proxies[key] for key in ("total", "in_use", "blocked", "free", "stuck")} == {
        "total": 100,
        "in_use": 60,
        "blocked": 27,
        "free": 13,
        "stuck": 0,
    }
    assert truth["health"] == 200
    assert truth["locks"]["expired"] == truth["locks"]["without_end"] == 0
    assert truth["locks"]["total"] >= 12
    assert truth["sync"]["lag_s"] < 30
    wait_until(lambda: client(world, "feature-service")["channels"] == 2, 15, "the statistics")
    assert client(world, "feature-service")["heartbeat_s"] == 60


def test_the_pool_stays_in_balance(world: World) -> None:
    for _ in range(20):
        time.sleep(0.2)
        assert world.query("SELECT count(*) FROM proxies WHERE is_in_use") == "60"


def test_work_is_done(world: World) -> None:
    done = int(world.query("SELECT count(*) FROM catalog_tasks WHERE status = 'done'"))
    wait_until(
        lambda: int(world.query("SELECT count(*) FROM catalog_tasks WHERE status = 'done'")) > done, 20, "a task"
    )
    _, stats = world.http(f"{world.sync_url}/sync-management/stats")
    assert stats["runs_total"] >= 1
    assert stats["processed_total"] >= 500


def test_beat_triggers_the_sync(world: World) -> None:
    before = world.sync_status()["next_run_at"]
    wait_until(lambda: world.sync_status()["next_run_at"] != before, 40, "the next sync")
    assert world.sync_status()["status"] in {"ok", "running"}


def test_sync_service_answers(world: World) -> None:
    base = f"{world.sync_url}/sync-management"
    assert world.http(f"{base}/health") == (200, {"status": "healthy", "redis": "up", "database": "up"})
    assert len(world.http(f"{base}/schedule")[1]["schedules"]) == 2
    with ThreadPoolExecutor(4) as threads:

        def answers() -> set[int]:
            return {post.result() for post in [threads.submit(world.post_sync) for _ in range(4)]}

        wait_until(lambda: answers() == {202, 409}, 60, "one of several syncs at once")


def test_worker_health_answers(world: World) -> None:
    with direct_http(f"{world.health_url}/metrics") as answer:
        text = answer.read().decode()
    names = {line.split()[0] for line in text.splitlines() if not line.startswith("#")}
    assert names == {
        f"dramatiq_worker_{name}"
        for name in (
            "uptime_seconds",
            "tasks_processed_total",
            "last_heartbeat_seconds",
            "healthy",
            "broker_connected",
        )
    }


def test_automation_worker_answers_within_its_limits(world: World) -> None:
    url = world.automation_urls[0] + "/api/v1"
    assert world.http(f"{url}/health/simple") == (200, {"ok": True, "status": "healthy"})
    assert world.http(f"{url}/health")[1]["status"] == "healthy"
    assert world.http(f"{url}/status")[1]["resource_usage"]["memory_mb"] > 10
    assert len(world.http(f"{url}/locks")[1]["locks"]) >= 12
    codes = [world.http(f"{url}/metrics")[0] for _ in range(21)]
    assert codes == [200] * 20 + [429]


def test_configuration_is_private_and_complete(world: World) -> None:
    assert stat.S_IMODE(world.config_path.stat().st_mode) == 0o600
    config = tomllib.loads(world.config_path.read_text())["context"]["lab"]
    assert {"postgres", "redis", "rabbitmq", "dramatiq", "celery", "health", "sync", "locks"} <= set(config)


def start_lab(what: str, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    require_servers()
    return subprocess.Popen(
        [sys.executable, "-m", "tests.lab", what],
        cwd=CHECKOUT,
        env=os.environ | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def lab_family(lab: subprocess.Popen[str]) -> tuple[list[int], list[Path]]:
    """Everything below the lab's process, and its directories."""
    family = [process.pid for process in psutil.Process(lab.pid).children(recursive=True)]
    owned = {
        Path(part) for pid in family for part in psutil.Process(pid).environ().values() if "unstick-lab-" in part
    }
    return family, [path for path in owned if path.is_absolute()]


def nothing_is_left(pids: list[int], directories: list[Path]) -> bool:
    return not any(map(lives, pids)) and not any(path.exists() for path in directories)


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGKILL])
def test_a_world_leaves_nothing(how: signal.Signals) -> None:
    with start_lab("world") as lab:
        assert lab.stdout is not None
        for line in lab.stdout:
            if line.startswith("# truth"):
                break
        pids, directories = lab_family(lab)
        assert len(pids) > 30
        assert directories
        lab.send_signal(how)
        status = lab.wait(20)
    assert status == (-how if how == signal.SIGKILL else 128 + how)
    wait_until(lambda: nothing_is_left(pids, directories), 15, "an empty machine")


def test_live_passes_the_boards_status_on(tmp_path: Path) -> None:
    """A stand-in for the board notes the processes of its world and ends with a status of its own."""
    note = tmp_path / "pids"
    (tmp_path / "unstick.py").write_text(
        "import os, pathlib, sys, psutil\n"
        "assert sys.argv[1:3] == ['live', '--config'] and pathlib.Path(sys.argv[3]).exists()\n"
        "family = psutil.Process(os.getppid()).children(recursive=True)\n"
        f"pathlib.Path({str(note)!r}).write_text(' '.join(str(p.pid) for p in family) + '\\n' + sys.argv[3])\n"
        "sys.exit(7)\n"
    )
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    with start_lab("live", {"PYTHONPATH": path}) as lab:
        assert lab.wait(90) == 7
    pids, config = note.read_text().splitlines()
    assert len(pids.split()) > 30
    assert nothing_is_left([int(pid) for pid in pids.split()], [Path(config).parent])
