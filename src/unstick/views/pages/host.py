"""The pages of this host's resources, and of its busiest processes."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.host import Host
from unstick.facts.host import Disk, HostFacts
from unstick.facts.level import Level, above
from unstick.facts.units import exact, size
from unstick.views.host import process_key, resource_key
from unstick.views.pages.model import Curve, Fact, Known, Limit, Page, Part, findings, happened
from unstick.views.words import cell

_BUSY = 8
"""Processes that the page of a resource names."""
_SOURCE = "host"
_ABOUT = {
    "load": "tasks that run or wait for a processor",
    "memory": "what no process could have at once is used",
    "swap": "memory that went to a disk: getting it back is slow",
    "open files": "files and sockets that all processes have open",
    "network": "all interfaces of this host together",
}
_RULES = {"load": "host-cpu", "memory": "host-memory"}


def resource(known: Known, key: str) -> Page | None:
    """Load, memory, swap, a disk, open files or the network: how near its limit, and who takes most of it."""
    host, name = known.subjects.host, key.partition(":")[2]
    if host is None or host.facts is None:
        return None
    disk = next((disk for disk in host.facts.disks if resource_key(disk.mount) == key), None)
    if disk is None and name not in _ABOUT:
        return None
    title = f"disk {disk.mount}" if disk else name
    says = f"{size(disk.free_bytes)} are free" if disk else _ABOUT[name]
    level = _level(known, host, name, disk)
    largest = name in {"memory", "swap"}
    rule = "host-disk" if disk else _RULES.get(name, "")
    return Page(
        key,
        "host",
        title,
        level,
        cell(says),
        (
            Part("What it is", tuple(_facts(known, host, host.facts, name, disk))),
            Part("What is wrong", findings(known, rule), "nothing is"),
            Part("Largest" if largest else "Busiest", tuple(_processes(known, host.facts, largest=largest))),
            happened(known, rule),
        ),
        _curves(known, host.facts, name, disk),
    )


def _level(known: Known, host: Host, name: str, disk: Disk | None) -> Level:
    limits = known.board.context.host
    if disk is not None:
        return above(disk.used_percent, limits.disk_warning, limits.disk_critical)
    return {"load": host.cpu, "memory": host.memory}.get(name, Level.OK)


def _facts(known: Known, host: Host, facts: HostFacts, name: str, disk: Disk | None) -> Iterator[Fact]:
    yield known.fact("host", facts.hostname, _SOURCE)
    for title, text in _disk(disk) if disk else _told(host, facts, name):
        yield known.fact(title, text, _SOURCE)


def _disk(disk: Disk) -> Iterator[tuple[str, str]]:
    yield "mounted at", disk.mount
    yield "used", _percent(disk.used_percent)
    yield "free", size(disk.free_bytes)


def _told(host: Host, facts: HostFacts, name: str) -> Iterator[tuple[str, str]]:
    match name:
        case "load":
            yield "1 minute", _or_dash(facts.load_1, ".2f")
            yield "5 minutes", _or_dash(facts.load_5, ".2f")
            yield "15 minutes", _or_dash(facts.load_15, ".2f")
            yield "cores", str(facts.cores)
            yield "cpu", "–" if facts.cpu_percent is None else f"{facts.cpu_percent:.0f}% of all cores"
            yield "processes", f"{facts.process_count:,}"
        case "open files":
            yield "open", _or_dash(facts.open_files, ",")
            yield "limit", _or_dash(facts.open_files_max, ",")
        case "network":
            yield "in", _per_s(host.net_in_per_s)
            yield "out", _per_s(host.net_out_per_s)
            yield "in since boot", size(facts.net_in_bytes)
            yield "out since boot", size(facts.net_out_bytes)
        case _:
            yield "in all", size(facts.memory_total)
            yield "available", size(facts.memory_available)
            yield "used", _percent(facts.memory_percent)
            yield "swap used", _percent(facts.swap_percent)


def _or_dash(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _per_s(value: float | None) -> str:
    return "–" if value is None else f"{size(value)} a second"


def _percent(value: float) -> str:
    return f"{value:.0f}%"


def _processes(known: Known, facts: HostFacts, *, largest: bool) -> Iterator[Fact]:
    ranked = sorted(facts.top, key=lambda p: -(p.rss_bytes if largest else p.cpu_percent))
    for process in ranked[:_BUSY]:
        text = f"{process.cpu_percent:.0f}% of a core, {size(process.rss_bytes)}"
        yield known.fact(process.name, f"{text}, pid {process.pid}", _SOURCE, jump=process_key(process))


def _curves(known: Known, facts: HostFacts, name: str, disk: Disk | None) -> tuple[Curve, ...]:
    limits = known.board.context.host
    if disk is not None:
        full = _limits(limits.disk_warning, limits.disk_critical)
        return known.curve(f"host:disk:{disk.mount}", f"{disk.mount}, percent used", "percent", *full)
    cpu = known.curve(
        "host:cpu", "cpu, percent of all cores", "percent", *_limits(limits.cpu_warning, limits.cpu_critical)
    )
    memory = known.curve(
        "host:memory", "memory, percent", "percent", *_limits(limits.memory_warning, limits.memory_critical)
    )
    swap = known.curve("host:swap", "swap, percent", "percent")
    return {
        "load": (*cpu, *known.curve("host:load", "load of a minute", "count", Limit(facts.cores, "cores"))),
        "memory": (*memory, *swap),
        "swap": (*swap, *memory),
        "open files": known.curve("host:files", "open files", "count"),
        "network": (
            *known.curve("host:in_per_s", "bytes in a second", "bytes"),
            *known.curve("host:out_per_s", "bytes out a second", "bytes"),
        ),
    }[name]


def _limits(warning: float, critical: float) -> tuple[Limit, Limit]:
    return Limit(warning, "warning"), Limit(critical, "critical", Level.CRITICAL)


def process(known: Known, key: str) -> Page | None:
    """One of the busiest processes."""
    host = known.subjects.host
    facts = host.facts if host else None
    found = next((one for one in facts.top if process_key(one) == key), None) if facts else None
    if facts is None or found is None:
        return None
    share = 100 * found.rss_bytes / facts.memory_total if facts.memory_total else 0
    cores = (
        f"{found.cpu_percent:.0f}% of one core, {found.cpu_percent / max(1, facts.cores):.0f}% of all {facts.cores}"
    )
    identity = (
        known.fact("program", found.name, _SOURCE),
        known.fact("pid", str(found.pid), _SOURCE),
        known.fact("host", facts.hostname, _SOURCE),
    )
    takes = (
        known.fact("cpu", cores, _SOURCE, jump=resource_key("load")),
        known.fact("memory", f"{size(found.rss_bytes)}, {share:.1f}% of all", _SOURCE, jump=resource_key("memory")),
    )
    place = 1 + sorted((one.cpu_percent for one in facts.top), reverse=True).index(found.cpu_percent)
    return Page(
        key,
        "host",
        f"process {found.name} {found.pid}",
        Level.OK,
        cell(f"busiest but {place - 1} of {exact(facts.process_count)}" if place > 1 else "the busiest of all"),
        (
            Part("What it is", identity),
            Part("What it takes", takes),
            Part("What is wrong", findings(known, found.name), "nothing is"),
            happened(known, found.name),
        ),
        (
            *known.curve(f"process:{found.pid}:cpu", "cpu, percent of one core", "percent"),
            *known.curve(f"process:{found.pid}:rss", "memory", "bytes"),
        ),
    )
