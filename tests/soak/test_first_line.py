"""What fails beside the queues, one after the other in a living world: the first line names it, and then no more."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from tests.lab.processes import wait_until
from tests.lab.world import HEALED, SCENARIOS, World
from tests.live.test_systems_truth import TOLD
from tests.live.witness import Witness
from unstick.config import load
from unstick.views.findings import said

PATIENCE_S = 240.0
OTHERS = ("this host",)
"""The machine that the test runs on has other work, too."""


@pytest.fixture(scope="module")
def stage() -> Iterator[tuple[World, Witness]]:
    with World(say=lambda _: None) as world, Witness(load(world.config_path, None, {}).context) as witness:
        wait_until(lambda: bool(witness.glimpses) and witness.glimpses[-1].settled, 90, "every source seen")
        yield world, witness


def lines(witness: Witness) -> list[str]:
    return [line for finding in witness.board.findings if not (line := said(finding)).startswith(OTHERS)]


@pytest.mark.parametrize("name", TOLD)
def test_the_first_line_names_the_cause(
    stage: tuple[World, Witness], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    world, witness = stage
    wait_until(lambda: lines(witness) == [], PATIENCE_S, "all is well")
    begun = time.monotonic()
    SCENARIOS[name](world)
    false: set[str] = set()

    def named() -> bool:
        told = lines(witness)
        if told and not re.search(TOLD[name], told[0]):
            false.add(told[0])
        return bool(told) and re.search(TOLD[name], told[0]) is not None

    try:
        wait_until(named, PATIENCE_S, f"the first line names {name}")
        with capsys.disabled():
            print(f"\n| {name} | {time.monotonic() - begun:.0f} s | {len(false)} | {lines(witness)[0]} |")
            for line in sorted(false):
                print("  above it:", line)
    finally:
        HEALED[name](world)
