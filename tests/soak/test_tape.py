"""The damage that a tape must bear, in full: a thousand kills, ten thousand flipped bits, long fuzzing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit import test_tape_damage as damage


@pytest.fixture(autouse=True)
def in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, count in (("KILLS", 1_000), ("FLIPS", 10_000), ("FUZZ", 3_000)):
        monkeypatch.setattr(damage, name, count)


def test_a_thousand_kills_lose_no_frame_that_was_recorded(tmp_path: Path) -> None:
    damage.test_a_kill_at_any_time_loses_no_frame_that_was_recorded(tmp_path)


def test_ten_thousand_flipped_bits_are_noticed_and_cost_a_record_each(tmp_path: Path) -> None:
    damage.test_a_flipped_bit_is_always_noticed_and_costs_one_record(tmp_path)


def test_three_thousand_holes_are_gaps(tmp_path: Path) -> None:
    damage.test_bytes_that_are_gone_or_too_many_are_a_gap(tmp_path)
