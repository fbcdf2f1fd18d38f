"""When a reading is too old to count."""

from __future__ import annotations

import pytest

from tests.unit.boards import T0, crawler, frame
from unstick.board.sources import Sight, source_state
from unstick.facts.crawler import CrawlerFacts
from unstick.facts.frame import AnyReading, Observation
from unstick.facts.reading import Cost, Fresh, Missing, Source, Stale, Trouble, TroubleKind

REFUSED = Trouble(TroubleKind.REFUSED, "connection refused")
FACTS = crawler(T0)


def current(reading: AnyReading, interval_s: float, now: float) -> bool:
    """Whether the numbers of ``reading`` count at ``now``."""
    sight = Sight(frame(now, Observation(Source("crawler", "crawler", "postgres", interval_s), reading)), 3.0)
    counted = [seen.current for seen in sight.seen(CrawlerFacts)] == [True]
    assert counted is not bool(sight.blind("crawler")), "a source is blind when its numbers don't count"
    return counted


@pytest.mark.parametrize(
    ("interval_s", "took_s", "limit_s"),
    [(1.0, 0.01, 5.0), (2.0, 0.01, 6.0), (30.0, 0.01, 90.0), (1.0, 2.0, 12.0), (30.0, 4.0, 90.0)],
    ids=["floor", "three intervals", "three long intervals", "a slow server", "a slow server that is asked seldom"],
)
def test_a_reading_counts_for_some_intervals_and_longer_when_the_server_is_slow(
    interval_s: float, took_s: float, limit_s: float
) -> None:
    reading = Fresh(FACTS, T0, Cost(took_s=took_s))
    observation = Observation(Source("crawler", "crawler", "postgres", interval_s), reading)
    for age_s, young in ((0.0, True), (limit_s, True), (limit_s + 0.1, False)):
        assert current(reading, interval_s, T0 + age_s) is young
        assert source_state(observation, T0 + age_s, 3.0).state == ("fresh" if young else "stale")


def test_a_slow_server_is_not_called_late_by_the_pause_it_is_given() -> None:
    """A lane waits three times as long as the look took; the next look may take as long again."""
    for took_s in (0.5, 1.0, 2.0, 4.0):
        assert current(Fresh(FACTS, T0, Cost(took_s=took_s)), 1.0, T0 + 3 * took_s + took_s)


def test_a_value_that_nobody_could_renew_for_some_seconds_does_not_count() -> None:
    assert current(Stale(FACTS, T0, REFUSED, T0 + 1), 30.0, T0 + 5.9)
    assert not current(Stale(FACTS, T0, REFUSED, T0 + 1), 30.0, T0 + 6.1)
    assert not current(Missing(REFUSED, T0), 30.0, T0)
