"""Whether a row may be freed is a pure judgement: nothing that may live loses anything, whatever the numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstick.actions.evidence import LOOK_S, Held, Rules, Seen, Sign, Signs
from unstick.actions.watch import Watch

NOW = 10_000.0
GRACE, UNCHANGED = 120.0, 60.0

instants = st.none() | st.floats(NOW - 10_000, NOW + 5_000)
counts = st.integers(0, 3)


@st.composite
def signs(draw: st.DrawFn) -> Sign:
    processing = draw(counts)
    name = draw(st.sampled_from(("c_1", "c_2", "d_1", "solo")))
    return Sign(name, processing, draw(st.integers(0, processing)), draw(counts), draw(instants))


rules = st.builds(
    Rules,
    grace_s=st.just(GRACE),
    unchanged_s=st.just(UNCHANGED),
    separator=st.just("_"),
    dated=st.booleans(),
    tasks=st.booleans(),
    strict=st.booleans(),
)
rows = st.builds(
    Held, id=st.just("1"), worker_id=st.just("c_1"), version=st.just("7"), written_at=instants, committed_at=instants
)
watched = st.builds(Seen, looks=st.integers(1, 5), watched_s=st.floats(0, 500))


@given(st.lists(signs(), unique_by=lambda sign: sign.worker_id), rules, rows, watched, st.booleans())
def test_nothing_that_may_live_is_freed(
    known: list[Sign], limits: Rules, row: Held, seen: Seen, waiting: bool
) -> None:
    judged = Signs(known, NOW, limits)
    verdict = judged.judge(row, seen, waiting=waiting)
    sign = judged.of("c_1")
    assert (verdict.why is None) == bool(verdict.evidence)
    assert verdict.again_s is None or verdict.why is not None
    if verdict.why is not None:
        return
    assert not sign.processing or (limits.tasks and sign.processing == sign.expired)
    dates = [at for at in (sign.sign_at, row.known_at) if at is not None]
    assert all(NOW - at >= GRACE for at in dates)
    age = max([seen.watched_s, *(NOW - at for at in (row.known_at,) if at is not None)])
    assert age >= (UNCHANGED if dates else GRACE)
    assert row.committed_at is not None or (seen.looks >= 2 and seen.watched_s >= LOOK_S)
    lives = judged.lives("c")
    assert dates or (limits.dated and not lives)
    assert not limits.strict or (waiting and not lives)


@given(st.lists(signs(), unique_by=lambda sign: sign.worker_id), rules, rows, watched)
def test_a_younger_sign_of_life_never_makes_a_row_free(
    known: list[Sign], limits: Rules, row: Held, seen: Seen
) -> None:
    before = Signs(known, NOW, limits).judge(row, seen)
    after = Signs([*(one for one in known if one.worker_id != "c_1"), Sign("c_1", sign_at=NOW - 1)], NOW, limits)
    assert after.judge(row, seen).why is not None
    assert before.why is None or before.why


@pytest.mark.parametrize(
    ("worker", "container"), [("8b4f59aa_3", "8b4f59aa"), ("eu_west_3", "eu_west"), ("solo", "solo")]
)
def test_the_container_of_a_worker(worker: str, container: str) -> None:
    assert Signs([], NOW, Rules(1.0, 1.0, "_")).container(worker) == container


def test_a_row_is_watched_from_its_last_change_on() -> None:
    at = [0.0]
    watch = Watch(lambda: at[0])
    assert watch.look({"a": "1"})["a"] == Seen(1, 0.0)
    at[0] = 1.0
    assert watch.look({"a": "1"})["a"] == Seen(1, 1.0)
    at[0] = 3.0
    assert watch.look({"a": "1"})["a"] == Seen(2, 3.0)
    at[0] = 4.0
    assert watch.look({"a": "2"})["a"] == Seen(1, 0.0)
    at[0] = 9.0
    assert watch.look({"b": "1"}, whole=False)["b"] == Seen(1, 0.0)
    assert watch.look({"a": "2", "b": "1"})["a"] == Seen(2, 5.0)
    watch.look({"b": "1"})
    assert watch.look({"a": "2"})["a"] == Seen(1, 0.0)


@given(st.lists(signs(), max_size=4, unique_by=lambda sign: sign.worker_id), rules)
def test_tasks_are_returned_only_of_those_who_show_no_other_life(found: list[Sign], limits: Rules) -> None:
    seen = Signs(found, NOW, limits)
    for sign in found:
        if seen.abandoned(sign.worker_id):
            assert 0 < sign.processing == sign.expired
            assert sign.sign_at is not None
            assert NOW - sign.sign_at >= GRACE
            assert not (limits.strict and seen.lives(seen.container(sign.worker_id)))
