"""What has a row of its own among the services: one look, and what the board would say of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

from unstick import clock
from unstick.board.board import fold
from unstick.board.services import GONE, Service
from unstick.cli.checkup.check import Check, Mark, check, of_trouble
from unstick.cli.wiring import lane_specs
from unstick.facts.frame import Frame, Observation
from unstick.facts.level import Level
from unstick.facts.reading import Missing
from unstick.feeds.live import LaneSpec
from unstick.settings import BESIDE, Context

ASKED = frozenset({*BESIDE, "celery-events", "beat"})
AT_ONCE = 8


async def beside(context: Context) -> list[Check]:
    """One look at each, eight lanes at a time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(spec: LaneSpec, wanted: frozenset[str]) -> tuple[Observation, ...]:
        async with gate:
            lane = await asyncio.to_thread(spec.build)
            try:
                await lane.once(wanted)
                return tuple(each for each in lane.observations() if each.source.id in wanted)
            finally:
                await lane.close()

    specs = [(spec, wanted) for spec in lane_specs(context) if (wanted := _wanted(spec))]
    looked = await asyncio.gather(*(one(*each) for each in specs))
    frame = Frame(1, clock.now(), context.name, tuple(each for lane in looked for each in lane))
    return list(_told(frame, context))


def _wanted(spec: LaneSpec) -> frozenset[str]:
    return frozenset(source.id for source in spec.sources if source.system in ASKED)


def _told(frame: Frame, context: Context) -> Iterator[Check]:
    rows = {item.name: item for item in fold(None, frame, context).subjects.services.items}
    for observation in frame.observations:
        name, reading = observation.source.id, observation.reading
        if isinstance(reading, Missing):
            found = of_trouble(name, reading.trouble)
            reached = found.mark is Mark.DOWN and reading.trouble.kind not in GONE
            yield replace(found, mark=Mark.WARNING) if reached else found
        else:
            yield _judged(rows[name])


def _judged(row: Service) -> Check:
    """Reached is reached: what is wrong with it is a warning here, and no reason to fail."""
    problems = row.judged.problems if row.judged else ()
    mend = next((problem.evidence[-1] for problem in problems if problem.evidence), "")
    mark = {Level.OK: Mark.OK, Level.UNKNOWN: Mark.UNKNOWN}.get(row.level, Mark.WARNING)
    return check(row.name, mark, row.note, mend)
