"""This host, by psutil."""

from __future__ import annotations

import msgspec


class Disk(msgspec.Struct, frozen=True):
    """One mounted file system."""

    mount: str
    used_percent: float
    free_bytes: int


class Process(msgspec.Struct, frozen=True):
    """One of the busiest processes. ``cpu_percent`` is of one core."""

    pid: int
    name: str
    cpu_percent: float
    rss_bytes: int


class HostFacts(msgspec.Struct, frozen=True, tag="host"):
    """``cpu_percent`` is over all cores since the last look; ``None`` at the first."""

    hostname: str
    cpu_percent: float | None
    cores: int
    load_1: float | None
    load_5: float | None
    load_15: float | None
    memory_percent: float
    memory_total: int
    memory_available: int
    swap_percent: float
    disks: tuple[Disk, ...]
    open_files: int | None
    open_files_max: int | None
    net_in_bytes: int | None
    net_out_bytes: int | None
    process_count: int
    top: tuple[Process, ...]
    own_cpu_percent: float | None
    own_rss_bytes: int
