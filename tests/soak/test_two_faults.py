"""Two faults at once in a living world: both causes are told, and nothing false stands above them."""

from __future__ import annotations

import re
import time
from itertools import combinations

import pytest

from tests.benchmarks.verdict import SCENARIOS as CAUSES
from tests.lab.processes import wait_until
from tests.lab.world import SCENARIOS, World
from tests.live.test_truth import SYNC_EVERY_S, sharpened
from tests.live.witness import Witness
from unstick.config import load
from unstick.views.findings import said

BY_NAME = {scenario.name: scenario.cause for scenario in CAUSES}
PATIENCE_S = 180.0


@pytest.mark.parametrize("pair", combinations(sorted(SCENARIOS.keys() & BY_NAME.keys()), 2), ids="+".join)
def test_both_causes_stand_above_everything_else(pair: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    causes = [re.compile(BY_NAME[name]) for name in pair]
    every = SYNC_EVERY_S if "sync-lag" in pair else 60
    with (
        World(None, sync_every=every, say=lambda _: None) as world,
        Witness(load(sharpened(world), None, {}).context) as witness,
    ):
        wait_until(lambda: bool(witness.glimpses) and witness.glimpses[-1].settled, 60, "every source seen")
        begun = time.monotonic()
        for name in pair:
            SCENARIOS[name](world)
        told = _when_both_are_told(witness, causes)
        took = time.monotonic() - begun
    with capsys.disabled():
        print(f"\n| {' + '.join(pair)} | {told[0]} | {told[1]} | {took:.0f} s |")
    known = [any(cause.match(line) for cause in causes) for line in told]
    last = max(index for index, line in enumerate(told) if any(cause.match(line) for cause in causes))
    also = [line for line, fine in zip(told[:last], known, strict=False) if not fine]
    assert [line for line in also if not line.startswith(("balance sync overdue", "this host"))] == []


def _when_both_are_told(witness: Witness, causes: list[re.Pattern[str]]) -> list[str]:
    """The lines of the first board that names both."""
    found: list[list[str]] = []

    def both() -> bool:
        lines = [said(finding) for finding in witness.board.findings]
        if all(any(cause.match(line) for line in lines) for cause in causes):
            found.append(lines)
        return bool(found)

    wait_until(both, PATIENCE_S, "both causes")
    return found[0]
