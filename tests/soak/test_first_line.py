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
CAUSES = TOLD | {"beat-stopped": "beat fires nothing: "}
OTHERS = ("this host",)
"""The machine that the test runs on has other work, too."""


@pytest.fixture(scope="module")
def stage() -> Iterator[tuple[World, Witness]]:
    with World(say=lambda _: None) as world, Witness(load(world.config_path, None, {}).context) as witness:
        wait_until(lambda: bool(witness.glimpses) and witness.glimpses[-1].settled, 90, "every source seen")
        yield world, witness


def lines(witness: Witness) -> list[tuple[str, str]]:
    """The id and the words of every finding, from the top."""
    told = [(finding.id, said(finding)) for finding in witness.board.findings]
    return [line for line in told if not line[1].startswith(OTHERS)]


@pytest.mark.parametrize("name", CAUSES)
def test_the_first_line_names_the_cause(
    stage: tuple[World, Witness], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    world, witness = stage
    wait_until(lambda: lines(witness) == [], PATIENCE_S, "all is well")
    begun = time.monotonic()
    SCENARIOS[name](world)
    before: dict[str, str] = {}
    """What stood first until then, each once."""

    def named() -> bool:
        told = lines(witness)
        if told and not re.search(CAUSES[name], told[0][1]):
            before.setdefault(*told[0])
        return bool(told) and re.search(CAUSES[name], told[0][1]) is not None

    try:
        wait_until(named, PATIENCE_S, f"the first line names {name}")
        with capsys.disabled():
            print(f"\n| {name} | {time.monotonic() - begun:.0f} s | {len(before)} | {lines(witness)[0][1]} |")
            for line in before.values():
                print("  before it:", line)
    finally:
        HEALED[name](world)
