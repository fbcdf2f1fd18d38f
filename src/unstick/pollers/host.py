"""This host: vitals at every look, disks and the busiest processes less often."""

from __future__ import annotations

import contextlib

from unstick import clock
from unstick.backends.base import BackendError
from unstick.backends.host import HostConnection
from unstick.facts.host import Disk, HostFacts, Process
from unstick.facts.reading import Source

RARELY_S = 5.0
TOP_LIMIT = 12


class HostPoller:
    """The host that unstick runs on."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._rare_due = 0.0
        self._disks: tuple[Disk, ...] = ()
        self._top: tuple[Process, ...] = ()

    async def look(self, connection: HostConnection) -> HostFacts:
        """Look once. Disks and processes are at most :data:`RARELY_S` old."""
        vitals = await connection.vitals()
        if clock.monotonic() >= self._rare_due:
            self._rare_due = clock.monotonic() + RARELY_S
            self._disks, self._top = (), ()
            with contextlib.suppress(BackendError):  # a dead mount hides the disks, not the host
                self._top = await connection.top(TOP_LIMIT)
                self._disks = await connection.disks()
        return HostFacts(
            hostname=vitals.hostname,
            cpu_percent=vitals.cpu_percent,
            cores=vitals.cores,
            load_1=vitals.load[0],
            load_5=vitals.load[1],
            load_15=vitals.load[2],
            memory_percent=vitals.memory_percent,
            memory_total=vitals.memory_total,
            memory_available=vitals.memory_available,
            swap_percent=vitals.swap_percent,
            disks=self._disks,
            open_files=vitals.open_files,
            open_files_max=vitals.open_files_max,
            net_in_bytes=vitals.net_in_bytes,
            net_out_bytes=vitals.net_out_bytes,
            process_count=vitals.process_count,
            top=self._top,
            own_cpu_percent=vitals.own_cpu_percent,
            own_rss_bytes=vitals.own_rss_bytes,
        )
