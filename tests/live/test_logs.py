"""Logs that are followed while they are written: files, a command that ends and is started again, and its end."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import psutil
import pytest

from tests.live.stack import Watch, until
from tests.live.systems import finding, judged, numbers, row, seen, title, watching_only
from unstick import clock
from unstick.facts.level import Level
from unstick.settings import Log

pytestmark = pytest.mark.usefixtures("hasty")
CHATTER = """
import subprocess, sys, time
print("password=S3CR3T Connection reset by peer", flush=True)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, file=open(sys.argv[1], "w"), flush=True)
time.sleep(float(sys.argv[2]))
print("gone: bad day", flush=True)
sys.exit(3)
"""


def append(path: Path, *lines: str) -> None:
    with path.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def test_an_incident_in_a_log(tmp_path: Path) -> None:
    """The evening of the notes: names that can't be looked up, then a storm of refused requests."""
    log, name = tmp_path / "bot.log", "log:bot"
    append(log, "07:00 started")
    entry = Log(name="bot", files=("*.log",), folder=str(tmp_path), warning_per_min=3, critical_per_min=20)

    async def run() -> None:
        async with Watch(watching_only(log=(entry,))) as watch:
            await seen(lambda: row(watch, name) is not None, "a row")
            append(log, *["Error reading from cache: [Errno -2] Name or service not known"] * 4)
            await seen(lambda: finding(watch, f"{name}:pattern:dns") is not None, "names")
            assert title(watch, f"{name}:pattern:dns") == f"{name}: dns: 4 lines within a minute"
            append(
                log, *["HTTP 429 Too Many Requests"] * 30, "worker 7 token=S3CR3T greenlet_spawn has not been called"
            )
            await seen(lambda: finding(watch, f"{name}:pattern:rate-limit") is not None, "a storm")
            assert finding(watch, f"{name}:pattern:rate-limit").level is Level.CRITICAL  # type: ignore[union-attr]
            await seen(lambda: numbers(watch, name)["matches_total"] == 35, "all of them")
            # What came within the five seconds of the first look counts in the total alone.
            assert numbers(watch, name)["matches_per_minute"] in {31, 35}
            told = [text for key, text in judged(watch, name).told if key == "greenlet"]
            assert told[-1] == "worker 7 token=*** greenlet_spawn has not been called"
            assert "rate-limit 30/min" in judged(watch, name).says

    asyncio.run(run())


def pid_in(path: Path) -> int:
    return int(path.read_text() or 0) if path.exists() else 0


def test_a_command_is_read_started_again_and_ended_with_its_children(tmp_path: Path) -> None:
    place = tmp_path / "pid"
    entry = Log(name="chatter", command=(sys.executable, "-c", CHATTER, str(place), "1"))

    async def run() -> None:
        async with Watch(watching_only(log=(entry,))) as watch:
            await seen(lambda: numbers(watch, "log:chatter").get("matches_total") == 1, "a line")
            (line,) = [text for key, text in judged(watch, "log:chatter").told if key == "reset"][1:]
            assert line == "password=*** Connection reset by peer"
            await seen(lambda: pid_in(place) > 0, "a child")
            first = pid_in(place)
            await seen(lambda: "ended with status 3: gone: bad day" in trouble(watch), "its end")
            assert await until(lambda: not alive(first), 10) is not None, "its child outlived it"
            await seen(lambda: pid_in(place) != first, "started again")
        assert await until(lambda: not alive(pid_in(place)), 10) is not None, "the command outlived unstick"

    def trouble(watch: Watch) -> str:
        state = watch.states.get("log:chatter")
        return state.trouble.text if state and state.trouble else ""

    asyncio.run(run())


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_command_that_does_not_exist_or_never_stops_talking() -> None:
    entries = (
        Log(name="absent", command=("/no/such/command",)),
        Log(name="loud", command=("sh", "-c", "yes 'Rate limit exceeded'"), patterns=("rate-limit",)),
    )

    async def run() -> None:
        async with Watch(watching_only(log=entries)) as watch:
            await seen(lambda: "/no/such/command: no such file" in title(watch, "unseen:files"), "absent")
            await seen(lambda: (numbers(watch, "log:loud").get("skipped_bytes_total") or 0) > 0, "a flood")
            process = psutil.Process()
            before = process.memory_info().rss
            end = clock.monotonic() + 2
            await until(lambda: clock.monotonic() > end, 3)
            assert process.memory_info().rss - before < 64 << 20

    asyncio.run(run())
