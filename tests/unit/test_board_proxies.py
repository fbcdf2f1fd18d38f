"""What is stuck: only what no living worker can hold, and only with evidence."""

from __future__ import annotations

import pytest

from tests.unit.boards import T0, crawler, frame, fresh, missing, played, stale
from unstick.facts.crawler import CrawlerWorker, ProxyPool, ProxyRow
from unstick.facts.frame import Frame
from unstick.facts.level import Level


def look(at: float, *rows: ProxyRow, alive: tuple[str, ...] = (), pool: ProxyPool | None = None) -> Frame:
    workers = tuple(CrawlerWorker(f"{c}_99", c, 1, 1, at, T0) for c in alive)
    return frame(at, fresh("crawler", crawler(at, rows, workers, pool), at))


def row(number: int, worker: str, changed_at: float | None = T0 - 3600, version: str = "7") -> ProxyRow:
    return ProxyRow(str(number), worker, worker.partition("_")[0], version, changed_at)


def states(*frames: Frame) -> list[str]:
    proxies = played(frames).subjects.proxies
    assert proxies is not None
    return [proxy.state for proxy in proxies.items]


def test_one_look_only_suspects() -> None:
    board = played([look(T0, row(1, "8b4f59aa_3"))])
    assert board.subjects.proxies is not None
    assert board.subjects.proxies.stuck == 0
    assert board.undecided


def test_two_looks_at_an_unchanged_row_of_a_gone_container_are_stuck() -> None:
    r = row(1, "8b4f59aa_3")
    board = played([look(T0, r), look(T0 + 2, r)])
    proxies = board.subjects.proxies
    assert proxies is not None
    assert proxies.stuck == 1
    assert proxies.items[0].evidence[0].startswith("no processing task of 8b4f59aa_3 in catalog_tasks, object_tasks")
    assert board.findings[0].action == "free-proxies"


def test_the_same_reading_told_twice_is_one_look() -> None:
    r = row(1, "8b4f59aa_3")
    first = look(T0, r)
    again = Frame(2, T0 + 1, "test", first.observations)
    assert states(first, again) == ["suspect"]


def test_where_the_container_lives_a_third_look_is_needed() -> None:
    r = row(1, "live_3")
    frames = [look(T0 + 2 * n, r, alive=("live",)) for n in range(3)]
    assert states(*frames[:2]) == ["suspect"]
    assert states(*frames) == ["stuck"]


def test_a_changed_row_starts_again() -> None:
    assert states(look(T0, row(1, "c_1")), look(T0 + 2, row(1, "c_1", version="8"))) == ["suspect"]


def test_another_worker_on_the_same_row_starts_again() -> None:
    assert states(look(T0, row(1, "c_1")), look(T0 + 2, row(1, "c_2"))) == ["suspect"]


def test_a_recently_taken_proxy_waits_for_the_grace() -> None:
    taken = [look(T0 + s, row(1, "c_1", changed_at=T0)) for s in (0, 2, 4, 100)]
    assert states(*taken) == ["suspect"]
    assert states(*taken, look(T0 + 121, row(1, "c_1", changed_at=T0))) == ["stuck"]


def test_without_a_change_column_time_under_watch_is_the_evidence() -> None:
    frames = [look(T0 + s, row(1, "c_1", changed_at=None)) for s in (0, 2, 60)]
    assert states(*frames) == ["suspect"]
    assert states(*frames, look(T0 + 121, row(1, "c_1", changed_at=None))) == ["stuck"]


def test_a_skewed_host_clock_changes_no_verdict() -> None:
    fact = crawler(T0, (row(1, "c_1", changed_at=T0 - 10),))
    ahead = T0 + 3600
    frames = [frame(ahead + s, fresh("crawler", crawler(T0 + s, fact.candidates), ahead + s)) for s in (0, 2, 4)]
    assert states(*frames) == ["suspect"]


@pytest.mark.parametrize(
    ("free", "level"), [(13, Level.OK), (10, Level.WARNING), (3, Level.CRITICAL), (0, Level.CRITICAL)]
)
def test_a_dry_pool_is_told_by_percent(free: int, level: Level) -> None:
    board = played([look(T0, pool=ProxyPool(100, 73 - free, 27, free, 0))])
    assert board.subjects.proxies is not None
    assert board.subjects.proxies.level is level


def test_an_unseen_pool_has_no_numbers() -> None:
    fact = crawler(T0, (row(1, "c_1"),))
    for late in (stale("crawler", fact, T0, T0 + 1), missing("crawler", T0)):
        proxies = played([frame(T0 + 60, late)]).subjects.proxies
        assert proxies is not None
        assert (proxies.total, proxies.free, proxies.stuck) == (None, None, None)
        assert proxies.level is Level.UNKNOWN
