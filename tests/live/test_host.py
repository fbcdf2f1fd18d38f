"""The host that the tests run on."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time

import psutil

from unstick.backends.host import HostConnection
from unstick.facts.host import HostFacts
from unstick.facts.reading import Source
from unstick.pollers.host import HostPoller

SOURCE = Source("host", "host", "host", 1.0)


def test_the_numbers_are_the_systems_own() -> None:
    async def run() -> tuple[HostFacts, HostFacts]:
        connection, poller = HostConnection(), HostPoller(SOURCE)
        await connection.open()
        first = await poller.look(connection)
        await asyncio.sleep(0.1)
        second = await poller.look(connection)
        connection.abort()
        await connection.close()
        return first, second

    first, second = asyncio.run(run())
    assert (first.cpu_percent, first.own_cpu_percent) == (None, None)
    assert second.cpu_percent is not None
    assert 0 <= second.cpu_percent <= 100
    assert second.own_cpu_percent is not None
    assert first.hostname == socket.gethostname()
    assert first.memory_total == psutil.virtual_memory().total
    assert first.cores == psutil.cpu_count()
    assert abs(second.own_rss_bytes - psutil.Process().memory_info().rss) < 64 << 20
    assert abs(first.process_count - len(psutil.pids())) < 100
    root = next(disk for disk in first.disks if disk.mount == "/")
    assert abs(root.used_percent - psutil.disk_usage("/").percent) < 2
    assert len({disk.mount for disk in first.disks}) == len(first.disks)
    assert second.top is first.top, "the busiest processes are asked for every few seconds only"


def test_a_busy_process_rises_to_the_top_and_a_zombie_does_no_harm() -> None:
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    try:

        async def run() -> None:
            connection = HostConnection()
            until = time.monotonic() + 15
            while True:
                top = await connection.top(5)
                if busy.pid in [process.pid for process in top]:
                    break
                assert time.monotonic() < until, top
                await asyncio.sleep(0.2)

        asyncio.run(run())
        assert psutil.Process(zombie.pid).status() == psutil.STATUS_ZOMBIE
    finally:
        busy.kill()
        busy.wait()
        zombie.wait()
