"""This host, when it is near its limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from unstick.board.findings import Evidence, Finding
from unstick.board.host import Host
from unstick.board.rules.rule import Case, Rule, bad
from unstick.facts.host import HostFacts
from unstick.facts.level import Level

Resource = tuple[Level, float | None, str, str]
"""Level, percent, title, evidence."""


def _cpu(host: Host, facts: HostFacts) -> Resource:
    load = "" if facts.load_1 is None else f"load {facts.load_1:.1f} on {facts.cores} cores"
    busiest = ", ".join(f"{p.name} {p.cpu_percent:.0f} %" for p in facts.top[:3])
    return host.cpu, facts.cpu_percent, f"this host: CPU {facts.cpu_percent:.0f} %", f"{load}; busiest: {busiest}"


def _memory(host: Host, facts: HostFacts) -> Resource:
    largest = sorted(facts.top, key=lambda process: -process.rss_bytes)[:3]
    whose = ", ".join(f"{process.name} {process.rss_bytes / 2**20:.0f} MiB" for process in largest)
    return host.memory, facts.memory_percent, f"this host: memory {facts.memory_percent:.0f} %", f"largest: {whose}"


def _disk(host: Host, facts: HostFacts) -> Resource:
    disk = max(facts.disks, key=lambda d: d.used_percent)
    free = f"{disk.free_bytes / 2**30:.1f} GiB are left on {disk.mount}"
    return host.disk, disk.used_percent, f"this host: {disk.mount} {disk.used_percent:.0f} % full", free


def _rule(name: str, look: Callable[[Host, HostFacts], Resource], says: str, why: str, advice: str) -> Rule:
    key = name.removeprefix("host-")

    def find(case: Case) -> Iterator[Finding]:
        host = case.subjects.host
        if host is None or host.facts is None or not bad(getattr(host, key)):
            return
        level, percent, title, text = look(host, host.facts)
        limit = getattr(case.context.host, f"{key}_warning")
        compared = f"{percent:.0f} % (warning at {limit:.0f} %); {text}"
        evidence = Evidence(compared, percent, limit, f"host.{key}_warning", "host", case.age_s("host"))
        yield Finding(name, level, title, (evidence,), sources=("host",))

    thresholds = (f"host.{key}_warning", f"host.{key}_critical")
    return Rule(name, "host", find, says, f"Percent of {key}, sustained.", why, advice, thresholds, clear_s=15.0)


CPU = _rule(
    "host-cpu",
    _cpu,
    "This host has no processor time left.",
    "A burst is no saturation: the least of half a minute counts.",
    "See the busiest processes in pane 8.",
)
MEMORY = _rule(
    "host-memory",
    _memory,
    "This host runs out of memory.",
    "The kernel then kills the largest process, which is often the one that matters.",
    "See the largest processes in pane 8.",
)
DISK = _rule(
    "host-disk",
    _disk,
    "A disk of this host is nearly full.",
    "PostgreSQL and RabbitMQ stop to write before the last byte.",
    "Make room.",
)
