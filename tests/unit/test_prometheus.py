"""Prometheus text: what can be read is read, what cannot is counted."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from tests.unit.captured_http import FIXTURES
from unstick.pollers import prometheus
from unstick.pollers.prometheus import Sample, finite, parse

CASES: dict[str, dict[str, Any]] = json.loads((FIXTURES / "prom_malformed_cases.json").read_text())

# What is left of an exposition that the parser gives up on: (readable values by name, unreadable lines).
RESCUED: dict[str, tuple[dict[str, float], int]] = {
    "html 404": ({}, 1),
    "json": ({}, 1),
    "hex/underscore": ({}, 2),
    "comma decimal": ({}, 1),
    "bad value": ({}, 1),
    "bad timestamp": ({}, 1),
    "unclosed brace": ({}, 1),
    "unquoted label": ({}, 1),
    "dup label": ({}, 1),
    "unknown TYPE": ({"a": 1.0}, 0),
    "no value": ({}, 1),
    "truncated": ({"a_bucket": 3.0}, 1),
    "good then bad then good": ({"a": 1.0, "b": 2.0}, 1),
    "bom": ({"a": 1.0}, 0),
}


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "parsed" in case])
def test_what_the_reference_reads_is_read(name: str) -> None:
    read = parse(CASES[name]["text"].encode())
    expected = [
        (sample, labels, value) for _, _, samples in CASES[name]["parsed"] for sample, labels, value, _ in samples
    ]
    assert read.bad_lines == 0
    assert [(s.name, dict(s.labels), f"{s.value:g}") for s in read.samples] == expected


@pytest.mark.parametrize(("name", "expected"), RESCUED.items(), ids=RESCUED.keys())
def test_one_bad_line_costs_one_line(name: str, expected: tuple[dict[str, float], int]) -> None:
    read = parse(CASES[name]["text"].encode())
    assert ({s.name: s.value for s in read.samples}, read.bad_lines) == expected


def test_every_case_ends() -> None:
    for case in CASES.values():
        parse(case["text"].encode("utf-8", "surrogatepass"))


def test_a_real_exposition() -> None:
    read = parse((FIXTURES / "prom_worker_healthy.txt").read_bytes())
    assert read.bad_lines == 0
    assert finite(read, "dramatiq_worker_tasks_processed_total") == [36.0]
    assert parse((FIXTURES / "prom_dramatiq_builtin.txt").read_bytes()).bad_lines == 0


def test_nan_and_infinity_are_no_values() -> None:
    assert finite(parse(b"a NaN\na +Inf\na 1e400\na 2\n"), "a") == [2.0]


def test_a_counter_is_found_with_and_without_total() -> None:
    assert finite(parse(b"# TYPE a counter\na 5\n"), "a") == [5.0]
    assert finite(parse(b"# TYPE a_total counter\na_total 5\n"), "a_total") == [5.0]


def test_a_huge_exposition_is_cut_to_what_is_wanted() -> None:
    body = b"".join(b"other_%d 1\n" % n for n in range(20_000)) + b"wanted_up 7\n"
    read = parse(body, "wanted")
    assert read.samples == (Sample("wanted_up", {}, 7.0),)
    assert len(parse(body).samples) == prometheus.LINES_LIMIT


def test_a_line_without_an_end_is_not_parsed() -> None:
    read = parse(b'a 1\nb{x="' + b"\\" * 500_000 + b'"} 1\n')
    assert [s.name for s in read.samples] == ["a"]
    assert read.bad_lines == 1


pieces = st.sampled_from(
    ["a", "a_total", "{", "}", '"', "=", ",", " ", "\n", "#", "# TYPE a ", "1", "NaN", "\\", "\x00"]
)


@given(st.lists(pieces | st.text(max_size=3), max_size=30).map("".join))
@budget(max_examples=400, deadline=None)
def test_no_text_breaks_the_parser(text: str) -> None:
    read = parse(text.encode("utf-8", "replace"))
    assert read.bad_lines <= text.count("\n") + 1
    assert all(math.isfinite(value) for value in finite(read, "a"))


@given(st.binary(max_size=300))
@budget(max_examples=200, deadline=None)
def test_no_bytes_break_the_parser(body: bytes) -> None:
    assert parse(b"ok 1\n" + body.replace(b"\n", b" ") + b"\nlast 2\n").samples[0].name == "ok"
