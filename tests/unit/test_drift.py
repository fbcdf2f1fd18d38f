from __future__ import annotations

from collections.abc import Sequence

from unstick.facts.sync import Drift
from unstick.pollers.drift import _json_field, compared, drift_of


def compare(keys: Sequence[str], cached: Sequence[object], stored: Sequence[str | None]) -> Drift:
    return drift_of(compared(keys, cached, stored))


def test_equal_decimals_do_not_differ_however_they_are_written() -> None:
    keys = ["a", "b", "c", "d"]
    drift = compare(keys, [b"10.50", b"1e1", b" 7 ", "0.0"], ["10.5", "10.00", "7", "-0.00"])
    assert drift == Drift(sampled=4, differing=0, missing=0, unreadable=0, largest=None)


def test_every_key_is_counted_once_and_the_worst_come_first() -> None:
    cached = [b"1.00", None, b"abc", b"NaN", b"5", b"100.01", b"", b"1_0", b"9" * 80, b"9e999999", b"\xff"]
    stored = ["1.01", "2", "3", "4", "NaN", "0", "1", "10", "9", "-9e999999", "1"]
    drift = compare([f"k{n}" for n in range(len(cached))], cached, stored)
    assert (drift.sampled, drift.differing, drift.missing, drift.unreadable) == (11, 2, 1, 8)
    assert drift.largest == "100.01"
    assert drift.examples == (("k5", "100.01", "0"), ("k0", "1.00", "1.01"))


def test_a_row_without_a_balance_is_unreadable() -> None:
    assert compare(["a"], [b"1"], [None]).unreadable == 1


def test_examples_are_few_and_harmless() -> None:
    drift = compare([f"\x1b[{n}m" for n in range(9)], [str(n).encode() for n in range(1, 10)], ["0"] * 9)
    assert drift.differing == 9
    assert [example[1] for example in drift.examples] == ["9", "8", "7", "6", "5"]
    assert drift.examples[0][0] == "^[[8m"


def test_a_field_of_a_json_object_is_exact_and_anything_else_is_unreadable() -> None:
    assert str(_json_field(b'{"balance": 0.1000000000000000000001}', "balance")) == "0.1000000000000000000001"
    assert _json_field(b'{"balance": "12.30"}', "balance") == "12.30"
    for broken in (
        b"{",
        b"[1]",
        b'{"other": 1}',
        b'{"balance": null}',
        b'{"balance": true}',
        b"[" * 100_000,
        b'{"balance": NaN}',
    ):
        assert compare(["a"], [_json_field(broken, "balance")], ["1"]).unreadable == 1, broken[:20]
