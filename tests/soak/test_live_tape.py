"""The living world in every incident, recorded by a live board: the tape says what the board said, byte for byte."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.lab.world import SCENARIOS, World
from tests.unit import test_tape_live
from tests.unit.test_tape_live import INCIDENTS, compare, live, recorded
from unstick.cli.tapes import meta_of
from unstick.cli.wiring import lane_specs
from unstick.config import load
from unstick.facts.frame import Frame
from unstick.feeds.live import LiveFeed
from unstick.settings import Context

CALM_S, BROKEN_S = 15.0, 75.0


class Broken:
    """The live feed of a world in which something breaks meanwhile."""

    def __init__(self, world: World, context: Context) -> None:
        self._world = world
        self._feed = LiveFeed(lane_specs(context), context.name)

    async def frames(self) -> AsyncGenerator[Frame, None]:
        begun, broken = time.monotonic(), False
        async with contextlib.aclosing(self._feed.frames()) as frames:
            async for frame in frames:
                yield frame
                spent = time.monotonic() - begun
                if spent > CALM_S and not broken:
                    broken = True
                    await asyncio.to_thread(self._world.break_now)
                if spent > CALM_S + BROKEN_S:
                    return


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_was_live_is_on_the_tape(scenario: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_tape_live, "EVERY", 5)
    path = tmp_path / "a.tape"
    with World(scenario, after=1e6) as world:
        context = load(world.config_path, "lab", {}).context
        first = asyncio.run(recorded(Broken(world, context), meta_of(context), context, path))
    assert len(first) > 10
    assert any('"critical"' in said or '"warning"' in said for said in first.values())
    compare(path, first)


@pytest.mark.parametrize("name", INCIDENTS)
def test_the_shipped_tapes_as_a_whole(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_tape_live, "PART", slice(None))
    path = tmp_path / "a.tape"
    compare(path, asyncio.run(live(name, path)))
