"""This host, told."""

from __future__ import annotations

from unstick import settings
from unstick.board.board import Board
from unstick.board.host import Host
from unstick.facts.host import Disk, HostFacts, Process
from unstick.facts.level import Level, above
from unstick.facts.units import count, size
from unstick.views.pane import LEVEL_ROLE, Column, Item, PaneView, Role, Row, Span, Spark
from unstick.views.words import absent, cell

ABOUT = "The host that unstick runs on: how near its limits, and who is busy."
COLUMNS = (
    Column("name", "resource", 12, flex=1, about="what is measured, then the busiest processes"),
    Column("value", "value", 8, "right", about="how much of it is used"),
    Column("note", "", 10, flex=1, priority=1, about="of how much"),
)


def view(board: Board) -> PaneView:
    """CPU, memory, disks, and the busiest processes."""
    host = board.subjects.host
    if host is None:
        return absent("host", "Host", "switched off by host.enabled = false")
    if host.facts is None:
        empty = (Span("not read yet", Role.UNKNOWN),)
        return PaneView("host", "Host", host.level, (Span("–", Role.UNKNOWN),), (), COLUMNS, (), (), empty)
    facts = host.facts
    cpu = "–" if facts.cpu_percent is None else f"{facts.cpu_percent:.0f}%"
    counts = (
        Span(f"cpu {cpu}", LEVEL_ROLE[host.cpu] if host.cpu.rank else Role.TEXT),
        Span(f"  mem {facts.memory_percent:.0f}%", LEVEL_ROLE[host.memory] if host.memory.rank else Role.TEXT),
    )
    own = f"unstick: cpu {facts.own_cpu_percent or 0:.0f}% · {size(facts.own_rss_bytes)}"
    return PaneView(
        "host",
        "Host",
        host.level,
        counts,
        _summary(facts, board),
        COLUMNS,
        _rows(host, facts, board.context.host),
        (Span(own, Role.DIM),),
    )


def _summary(facts: HostFacts, board: Board) -> tuple[Item, ...]:
    cpu = "–" if facts.cpu_percent is None else f"{facts.cpu_percent:.0f}%"
    return (
        Spark("cpu", board.memory.values("host:cpu"), cpu, peak=100.0),
        Spark("mem", board.memory.values("host:memory"), f"{facts.memory_percent:.0f}%", peak=100.0),
    )


def _rows(host: Host, facts: HostFacts, limits: settings.Host) -> tuple[Row, ...]:
    load = "–" if facts.load_1 is None else f"{facts.load_1:.2f}"
    files = "–" if facts.open_files_max is None else f"of {count(facts.open_files_max)}"
    rows = [
        _row("load", load, f"{facts.cores} cores", host.cpu),
        _row(
            "memory", size(facts.memory_total - facts.memory_available), f"of {size(facts.memory_total)}", host.memory
        ),
        _row("swap", f"{facts.swap_percent:.0f}%", ""),
        *(_disk(disk, limits) for disk in facts.disks),
        _row("open files", count(facts.open_files), files),
        _row("network", _per_s(host.net_in_per_s), f"in, {_per_s(host.net_out_per_s)} out"),
        *(
            _row(f"{p.name} {p.pid}", f"{p.cpu_percent:.0f}%", size(p.rss_bytes), key=process_key(p))
            for p in facts.top
        ),
    ]
    return tuple(rows)


def _disk(disk: Disk, limits: settings.Host) -> Row:
    level = above(disk.used_percent, limits.disk_warning, limits.disk_critical)
    return _row(disk.mount, f"{disk.used_percent:.0f}%", f"{size(disk.free_bytes)} free", level)


def _per_s(value: float | None) -> str:
    return "–" if value is None else f"{size(value)}/s"


def resource_key(name: str) -> str:
    """The key of a resource's row and of its page; a disk's name is where it is mounted."""
    return f"host:{name}"


def process_key(process: Process) -> str:
    """The key of a process's row and of its page."""
    return f"process:{process.pid}"


def _row(name: str, value: str, note: str, level: Level = Level.OK, *, key: str = "") -> Row:
    cells = (cell(name, Role.DIM), cell(value), cell(note, Role.DIM))
    return Row(key or resource_key(name), level, cells, (name, value, note))
