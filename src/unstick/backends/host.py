"""This host, by psutil. Everything runs in a thread of its own: a dead network mount hangs whoever looks at it."""

from __future__ import annotations

import contextlib
import socket
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import psutil

from unstick.backends.base import failure
from unstick.backends.threads import Threads
from unstick.facts.host import Disk, Process
from unstick.facts.reading import Cost, TroubleKind
from unstick.facts.text import clean

T = TypeVar("T")

DISKS_LIMIT = 20
_ALWAYS_FULL = frozenset({"squashfs", "iso9660", "udf", "erofs"})
_UNLIMITED_FROM = 2**62
_FILE_TABLE = Path("/proc/sys/fs/file-nr")

# Where a container hides the counters of swapping, psutil warns on the terminal. They are not used here.
warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"psutil(\..*)?|unstick\.backends\.host")


class Vitals(NamedTuple):
    """What costs next to nothing to read. ``cpu_percent`` counts since the last look, over all cores."""

    hostname: str
    cpu_percent: float | None
    cores: int
    load: tuple[float, float, float] | tuple[None, None, None]
    memory_percent: float
    memory_total: int
    memory_available: int
    swap_percent: float
    net_in_bytes: int | None
    net_out_bytes: int | None
    open_files: int | None
    open_files_max: int | None
    process_count: int
    own_cpu_percent: float | None
    own_rss_bytes: int


class HostConnection:
    """No connection at all: the host is here. At most one thread at a time asks each question."""

    def __init__(self) -> None:
        self._own = psutil.Process()
        self._looked = False
        self._cpu: tuple[float, float] | None = None
        self._threads = Threads()

    async def open(self) -> None:
        """Nothing to open."""

    def abort(self) -> None:
        """Nothing to close: a thread that hangs is left behind and not joined."""

    async def close(self) -> None:
        """Nothing to close."""

    def take_cost(self) -> Cost:
        """Looking at one's own host costs no server anything."""
        return Cost()

    async def vitals(self) -> Vitals:
        """CPU, memory, load, network and own use: under a millisecond. Raises :class:`BackendError`."""
        return await self._in_thread("vitals", self._vitals)

    async def disks(self) -> tuple[Disk, ...]:
        """Mounted file systems, one row per device, the fullest first. Raises :class:`BackendError`."""
        return await self._in_thread("disks", _disks)

    async def top(self, limit: int) -> tuple[Process, ...]:
        """The busiest processes since the last call, then the largest: about 65 µs for each process of the host."""
        return await self._in_thread("processes", lambda: _top(limit))

    def _vitals(self) -> Vitals:
        memory = psutil.virtual_memory()
        cpu, own_cpu = self._cpu_percent(), self._own.cpu_percent(None)
        net = psutil.net_io_counters()
        open_files, open_files_max = _open_files()
        first, self._looked = not self._looked, True
        return Vitals(
            hostname=clean(socket.gethostname()),
            cpu_percent=cpu,
            cores=psutil.cpu_count() or 1,
            load=_load(),
            memory_percent=memory.percent,
            memory_total=memory.total,
            memory_available=memory.available,
            swap_percent=psutil.swap_memory().percent,
            net_in_bytes=net.bytes_recv if net else None,
            net_out_bytes=net.bytes_sent if net else None,
            open_files=open_files,
            open_files_max=open_files_max,
            process_count=len(psutil.pids()),
            own_cpu_percent=None if first else own_cpu,
            own_rss_bytes=self._own.memory_info().rss,
        )

    def _cpu_percent(self) -> float | None:
        """Since the last call, over all cores: ``psutil.cpu_percent`` remembers per thread, each look has its own."""
        times = psutil.cpu_times()
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        idle = times.idle + getattr(times, "iowait", 0.0)
        before, self._cpu = self._cpu, (total, idle)
        if before is None or total <= before[0]:
            return None
        return round(100.0 * (1.0 - (idle - before[1]) / (total - before[0])), 1)

    async def _in_thread(self, question: str, look: Callable[[], T]) -> T:
        try:
            return await self._threads.run(f"the host's {question}", look)
        except (psutil.Error, OSError) as error:
            raise failure(TroubleKind.INTERNAL, f"{type(error).__name__}: {error}") from error


def _load() -> tuple[float, float, float] | tuple[None, None, None]:
    try:
        return psutil.getloadavg()
    except OSError:
        return None, None, None


def _open_files() -> tuple[int | None, int | None]:
    """Open files of the whole host and their limit, where the kernel tells (Linux)."""
    try:
        used, _, limit = (int(word) for word in _FILE_TABLE.read_text("ascii").split())
    except (OSError, ValueError):
        return None, None
    return used, limit if limit < _UNLIMITED_FROM else None


def _disks() -> tuple[Disk, ...]:
    mounts = {"/": "/"}
    for part in psutil.disk_partitions(all=False):
        if part.fstype not in _ALWAYS_FULL and Path(part.mountpoint).is_dir():
            mounts.setdefault(part.mountpoint, part.device)
    rows: dict[int, Disk] = {}
    for mount in sorted(mounts, key=len):
        with contextlib.suppress(OSError):
            usage = psutil.disk_usage(mount)
            if usage.total > 0:
                rows.setdefault(Path(mount).stat().st_dev, Disk(clean(mount), usage.percent, usage.free))
    return tuple(sorted(rows.values(), key=lambda disk: -disk.used_percent)[:DISKS_LIMIT])


def _top(limit: int) -> tuple[Process, ...]:
    rows = sorted(_processes(), key=lambda p: (p.cpu_percent, p.rss_bytes), reverse=True)
    return tuple(Process(p.pid, _program(p), p.cpu_percent, p.rss_bytes) for p in rows[:limit])


def _program(process: Process) -> str:
    """The name, and of a Python process what it runs: its module or script, never its arguments."""
    if not process.name.startswith("python"):
        return process.name
    try:
        arguments = psutil.Process(process.pid).cmdline()[1:]
    except (psutil.Error, OSError):
        return process.name
    while arguments and arguments[0].startswith("-") and arguments[0] != "-m":
        arguments = arguments[2 if arguments[0] in {"-W", "-X"} else 1 :]
    runs = arguments[1:2] if arguments[:1] == ["-m"] else [Path(word).name for word in arguments[:1]]
    return clean(" ".join([process.name, *runs]), 80)


def _processes() -> Iterator[Process]:
    for process in psutil.process_iter(["name", "cpu_percent", "memory_info"]):
        seen = process.info  # None where a zombie or another user's process does not tell
        memory = seen["memory_info"]
        yield Process(
            process.pid, clean(seen["name"] or "?"), seen["cpu_percent"] or 0.0, memory.rss if memory else 0
        )
