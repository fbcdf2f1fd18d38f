"""Ten times as much costs ten times as much, counted in instructions: no clock is read."""

from __future__ import annotations

import pytest

from tests.benchmarks.folding import counted

SLACK = 1.15
"""What is done once per Frame weighs less in the larger one, sorting a little more."""


@pytest.mark.parametrize("silent_s", [0.0, 3600.0], ids=["alive", "dead"])
def test_fold_rules_and_telling_grow_with_the_stack_and_no_faster(silent_s: float) -> None:
    small, large = (counted(workers, 10 * workers, silent_s=silent_s) for workers in (20, 200))
    for before, after in zip(small, large, strict=True):
        assert after <= 10 * SLACK * before
    assert large[0] > 3 * small[0], "what is counted is not the work"
