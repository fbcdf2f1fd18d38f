"""``python -m tests.lab.snapshots [NAME …]``: records the tapes that ``unstick demo`` plays, from the living world.

Each takes five minutes and a half: a quiet minute, three minutes of an incident that really happens, and what mends it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from tests.lab.processes import LabError, leave_on_signals
from tests.lab.world import CHECKOUT, World, to_stderr
from unstick import settings
from unstick.cli.tapes import meta_of
from unstick.cli.wiring import lane_specs
from unstick.config import load
from unstick.facts.frame import Frame
from unstick.facts.host import HostFacts
from unstick.facts.rabbitmq import RabbitFacts
from unstick.facts.reading import Fresh, Stale
from unstick.feeds.live import LiveFeed
from unstick.tape.writer import Writer

HOST = "lab"
PIDS_EVERY = 20
"""Frames between two looks at which processes are the world's."""
BREAK_S, HEAL_S, LENGTH_S, QUIET_S = 60.0, 240.0, 330.0, 300.0


@dataclass(frozen=True)
class Snapshot:
    """``broken`` and ``healed`` are what a viewer reads when it happens; ``notes`` come between, by second."""

    title: str
    calm: str
    broken: str = ""
    healed: str = ""
    notes: dict[float, str] = field(default_factory=dict)


SNAPSHOTS = {
    "stuck-proxies": Snapshot(
        "A crawler container dies and its proxies stay in use (incident of 2025-12-10)",
        "Sixty crawler workers in four containers; 60 of 100 proxies in use, 27 blocked, 13 free.",
        "Container 8b4f59aa is killed with 15 proxies, and worker b77514be_16 dies with one.",
        "The operators free the 16 stuck proxies: 29 of 100 are free again.",
        {120.0: "The reaper has returned their tasks and forgotten their proxies: 16 held by the dead, 15 and 1."},
    ),
    "worker-stall": Snapshot(
        "A Dramatiq worker beats but acknowledges nothing (incident of 2024-11-20)",
        "One Dramatiq worker with four threads; queues are short and heartbeats are fresh.",
        "The storage stops to answer: every thread blocks for ever on its next upload.",
        "The storage answers again and the worker is restarted: the queues drain.",
        {120.0: "Its heartbeat is as fresh as ever. Nothing is acknowledged, and the queues grow."},
    ),
    "channel-leak": Snapshot(
        "A release leaks a RabbitMQ channel every two seconds",
        "Four AMQP clients with a few channels each.",
        "The feature service is replaced by a release that never closes its channels and has no heartbeat.",
        "The release is rolled back: two channels, heartbeat 60.",
        {120.0: "38 more channels a minute: the board says when the limit is reached."},
    ),
    "sync-lag": Snapshot(
        "The balance sync stops, and cache and database drift apart",
        "Celery beat starts a sync every minute, which stands for an hour here.",
        "Beat stops and the sync worker is killed; wallets go on changing.",
        "Beat and the worker are started again: the next sync copies what differs.",
        {180.0: "The sync is overdue, and the sample shows how many balances differ."},
    ),
    "lock-pileup": Snapshot(
        "A worker dies with thirty task locks",
        "Two automation workers with a dozen locks each, all of them live.",
        "Worker 2 takes thirty locks and is killed: twelve expire soon, four never do.",
        "The locks of the dead worker are drained and it is started again.",
        {120.0: "Expired locks and locks without an end: nobody else can take those tasks."},
    ),
    "quiet": Snapshot("A quiet five minutes: what it looks like when nothing is wrong", "Everything works."),
}


class Lab:
    """The live feed of a world, without what belongs to the machine that it happens to run on."""

    def __init__(self, world: World, context: settings.Context) -> None:
        self._world = world
        self._pids: set[int] = set()
        self._feed = LiveFeed(lane_specs(context), context.name)

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """Frames that know the processes of the world alone."""
        async with contextlib.aclosing(self._feed.frames()) as frames:
            async for frame in frames:
                if frame.seq % PIDS_EVERY == 1:
                    self._pids = {os.getpid(), *await asyncio.to_thread(self._world.pids)}
                yield _of_the_lab(frame, self._pids)


def _of_the_lab(frame: Frame, pids: set[int]) -> Frame:
    observations = []
    for observation in frame.observations:
        reading = observation.reading
        if isinstance(reading, Fresh | Stale) and isinstance(reading.value, HostFacts | RabbitFacts):
            facts = _host(reading.value, pids) if isinstance(reading.value, HostFacts) else _broker(reading.value)
            replaced = msgspec.structs.replace(reading, value=facts)
            observations.append(msgspec.structs.replace(observation, reading=replaced))
        else:
            observations.append(observation)
    return msgspec.structs.replace(frame, observations=tuple(observations))


def _host(facts: HostFacts, pids: set[int]) -> HostFacts:
    top = tuple(process for process in facts.top if process.pid in pids)
    disks = tuple(disk for disk in facts.disks if disk.mount == "/")
    return msgspec.structs.replace(facts, hostname=HOST, top=top, disks=disks)


def _broker(facts: RabbitFacts) -> RabbitFacts:
    return msgspec.structs.replace(facts, name=f"{facts.name.partition('@')[0]}@{HOST}")


def record(name: str, path: Path, *, faster: float = 1.0) -> None:
    """Record one snapshot into ``path``; ``faster`` shortens it for a test."""
    snapshot = SNAPSHOTS[name]
    with World(None if name == "quiet" else name, after=1e6, say=to_stderr) as world:
        opened = load(world.config_path, "lab", {}).context
        context = _calm(opened)
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        writer = Writer(fresh, meta_of(context, snapshot.title))
        asyncio.run(_record(world, context, snapshot, writer, faster))
    writer.close()
    fresh.replace(path)
    path.chmod(0o644)
    to_stderr(f"{path}: {writer.frames} frames, {path.stat().st_size / 1000:.0f} kB")


def _calm(context: settings.Context) -> settings.Context:
    """Only what the incident breaks is to be told.

    The servers and sixty workers share the machine with whatever else it does, so its CPU says nothing; and a message
    that is tried again after its backoff looks as old as its first attempt.
    """
    limits = msgspec.structs.replace(context.thresholds, oldest_warning_s=60.0, oldest_critical_s=120.0)
    host = settings.Host(cpu_warning=101.0, cpu_critical=101.0)
    return msgspec.structs.replace(context, host=host, thresholds=limits)


async def _record(world: World, context: settings.Context, snapshot: Snapshot, writer: Writer, faster: float) -> None:
    plan = _plan(world, snapshot)
    begun = time.monotonic()
    async with contextlib.aclosing(Lab(world, context).frames()) as frames:
        async for frame in frames:
            writer.frame(frame)
            elapsed = (time.monotonic() - begun) * faster
            while plan and plan[0][0] <= elapsed:
                _, text, act = plan.pop(0)
                writer.mark(text, frame.at)
                to_stderr(f"{elapsed:4.0f} s  {text}")
                if act is not None:
                    await asyncio.to_thread(act)
            if writer.trouble:
                raise LabError(f"{writer.path}: {writer.trouble}")
            if elapsed >= (LENGTH_S if snapshot.broken else QUIET_S):
                break


def _plan(world: World, snapshot: Snapshot) -> list[tuple[float, str, Callable[[], None] | None]]:
    plan: list[tuple[float, str, Callable[[], None] | None]] = [(4.0, snapshot.calm, None)]
    if snapshot.broken:
        plan.append((BREAK_S, snapshot.broken, world.break_now))
        plan += [(second, text, None) for second, text in snapshot.notes.items()]
        plan.append((HEAL_S, snapshot.healed, world.heal_now))
    return sorted(plan, key=lambda step: step[0])


def main() -> int:
    """Record what is asked for, else everything; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.snapshots", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(SNAPSHOTS)}; all, if none is named")
    parser.add_argument("--into", type=Path, default=CHECKOUT / "snapshots")
    options = parser.parse_args()
    if unknown := set(options.names) - set(SNAPSHOTS):
        parser.error(f"no snapshot {', '.join(sorted(unknown))}")
    try:
        with leave_on_signals():
            for name in options.names or SNAPSHOTS:
                to_stderr(f"--- {name}")
                record(name, options.into / f"{name}.tape")
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except LabError as error:
        to_stderr(f"lab: {error}")
        return 69
    return 0


if __name__ == "__main__":
    sys.exit(main())
