"""What an action is about, by what is under the cursor."""

from __future__ import annotations

import pytest

from tests.unit.boards import T0, crawler, dramatiq, frame, fresh, played
from unstick.board.board import Board
from unstick.facts.actions import DrainLocks, FreeProxies, Order, SyncBalances
from unstick.facts.crawler import CrawlerWorker, ProxyRow
from unstick.facts.dramatiq import DramatiqProcess
from unstick.facts.locks import LockFacts, LockRow
from unstick.views.scope import order_of, whose, widened


@pytest.fixture(scope="module")
def board() -> Board:
    rows = (ProxyRow("17", "8b4f59aa_1", "8b4f59aa", "1", T0), ProxyRow("18", None, None, "1", T0))
    workers = tuple(CrawlerWorker(f"8b4f59aa_{n}", "8b4f59aa", 1, 0, T0, None) for n in (1, 2))
    table = LockFacts(
        "postgres", "locks", T0, 1, 0, 0, (("web-1", 1),), (LockRow("7", "crawl", "9", "web-1", T0, T0),)
    )
    seen = (
        fresh("crawler", crawler(T0, rows, workers), T0),
        fresh("dramatiq", dramatiq(T0, (DramatiqProcess("web-1", T0, 0, 0, "m"),)), T0),
        fresh("locks", table, T0),
    )
    return played([frame(T0, *seen)])


def lock_key(board: Board) -> str:
    assert board.subjects.locks is not None
    return f"lock:{board.subjects.locks.items[0].key}"


@pytest.mark.parametrize(
    ("key", "frees", "drains"),
    [
        (None, FreeProxies(), DrainLocks()),
        ("host:load", FreeProxies(), DrainLocks()),
        ("worker:crawler:8b4f59aa_1", FreeProxies(worker="8b4f59aa_1"), DrainLocks("8b4f59aa_1")),
        ("worker:dramatiq:web-1", FreeProxies(), DrainLocks("web-1")),
        ("container:8b4f59aa", FreeProxies(container="8b4f59aa"), DrainLocks()),
        ("proxy:17", FreeProxies(worker="8b4f59aa_1"), DrainLocks("8b4f59aa_1")),
        ("proxy:18", FreeProxies(), DrainLocks()),
        ("proxy:99", FreeProxies(), DrainLocks()),
        ("finding:proxies-held-by-dead:8b4f59aa", FreeProxies(container="8b4f59aa"), DrainLocks()),
        ("finding:proxies-held-by-dead:8b4f59aa_2", FreeProxies(worker="8b4f59aa_2"), DrainLocks("8b4f59aa_2")),
        ("finding:worker-dead:web-1", FreeProxies(), DrainLocks("web-1")),
        ("finding:worker-dead:*dramatiq", FreeProxies(), DrainLocks()),
        ("finding:locks", FreeProxies(), DrainLocks()),
    ],
)
def test_it_is_about_what_is_under_the_cursor(board: Board, key: str | None, frees: Order, drains: Order) -> None:
    assert order_of("free-proxies", key, board) == frees
    assert order_of("drain-locks", key, board) == drains
    assert order_of("sync-balances", key, board) == SyncBalances()


def test_a_lock_is_about_its_holder(board: Board) -> None:
    assert order_of("drain-locks", lock_key(board), board) == DrainLocks("web-1")


def test_before_the_first_picture_it_is_about_all() -> None:
    assert order_of("free-proxies", "container:8b4f59aa", None) == FreeProxies()


def test_what_is_narrow_can_be_widened() -> None:
    assert widened(FreeProxies(worker="w", tasks=True)) == FreeProxies(tasks=True)
    assert widened(DrainLocks("w")) == DrainLocks()
    assert widened(FreeProxies()) is widened(DrainLocks()) is widened(SyncBalances()) is None


def test_whose_it_is_in_words() -> None:
    assert whose(FreeProxies(container="c")) == "of container c"
    assert whose(DrainLocks("w")) == "of worker w"
    assert whose(FreeProxies()) == "of all"
    assert whose(SyncBalances()) == ""
