"""This host: how near its limits."""

from __future__ import annotations

import msgspec

from unstick.board.memory import Notes
from unstick.board.sources import Sight
from unstick.facts.host import HostFacts
from unstick.facts.level import Level, above, worst
from unstick.settings import Context

SUSTAINED = 6
"""Columns of history: thirty seconds."""


class Host(msgspec.Struct, frozen=True):
    """Levels per resource; ``facts`` is ``None`` while psutil can't be read."""

    level: Level
    facts: HostFacts | None
    cpu: Level
    memory: Level
    disk: Level
    net_in_per_s: float | None
    net_out_per_s: float | None


def sustained(values: tuple[float | None, ...]) -> float | None:
    """The least of the last half minute: a burst is no saturation. ``None`` before that much was seen."""
    last = values[-SUSTAINED:]
    known = [value for value in last if value is not None]
    return min(known) if len(last) == SUSTAINED and len(known) == SUSTAINED else None


def fold_host(sight: Sight, notes: Notes, context: Context) -> Host | None:
    """Judge the host; ``None`` when it is switched off."""
    if not sight.states("host"):
        return None
    seen = next((s for s in sight.seen(HostFacts) if s.current), None)
    if seen is None:
        return Host(Level.UNKNOWN, None, Level.UNKNOWN, Level.UNKNOWN, Level.UNKNOWN, None, None)
    facts, limits = seen.value, context.host
    notes.record("host:cpu", facts.cpu_percent)
    busy = sustained(notes.before.values("host:cpu"))
    notes.record("host:memory", facts.memory_percent)
    notes.record("host:net_in", facts.net_in_bytes)
    notes.record("host:net_out", facts.net_out_bytes)
    _remember(facts, notes)
    cpu = Level.OK if busy is None else above(busy, limits.cpu_warning, limits.cpu_critical)
    memory = above(facts.memory_percent, limits.memory_warning, limits.memory_critical)
    disk = worst(above(d.used_percent, limits.disk_warning, limits.disk_critical) for d in facts.disks)
    rates = [notes.before.rate_per_min(name, 15.0, counter=True) for name in ("host:net_in", "host:net_out")]
    per_second = [None if rate is None else rate / 60.0 for rate in rates]
    notes.record("host:in_per_s", per_second[0])
    notes.record("host:out_per_s", per_second[1])
    return Host(worst([cpu, memory, disk]), facts, cpu, memory, disk, per_second[0], per_second[1])


def _remember(facts: HostFacts, notes: Notes) -> None:
    """Histories for the pages of resources, and of the processes that are among the busiest."""
    notes.record("host:load", facts.load_1)
    notes.record("host:swap", facts.swap_percent)
    notes.record("host:files", facts.open_files)
    for disk in facts.disks:
        notes.record(f"host:disk:{disk.mount}", disk.used_percent)
    for process in facts.top:
        notes.record(f"process:{process.pid}:cpu", process.cpu_percent)
        notes.record(f"process:{process.pid}:rss", process.rss_bytes)
