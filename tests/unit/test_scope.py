"""What an action is about, by what is under the cursor."""

from __future__ import annotations

import pytest

from tests.unit.boards import T0, crawler, dramatiq, frame, fresh, played
from unstick.board.board import Board
from unstick.facts.actions import DrainLocks, FreeProxies, Order, OwnAction, SyncBalances, Undo
from unstick.facts.crawler import CrawlerWorker, ProxyRow
from unstick.facts.dramatiq import DramatiqProcess
from unstick.facts.locks import LockFacts, LockRow
from unstick.secret import Url
from unstick.settings import Own
from unstick.views.scope import order_of, own_order, values_of, whose, widened


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


RESTART = Own("restart", command=("docker", "restart", "{container}"))
PURGE = Own("purge", url=Url("http://cache"), path="/{worker}", body='{"task": "{task}"}')


def test_an_action_of_ones_own_gets_what_the_row_tells(board: Board) -> None:
    assert own_order(RESTART, "proxy:17", board) == OwnAction("restart", (("container", "8b4f59aa"),))
    assert own_order(RESTART, "container:8b4f59aa", board) == OwnAction("restart", (("container", "8b4f59aa"),))
    assert own_order(PURGE, lock_key(board), board) == OwnAction("purge", (("task", "9"), ("worker", "web-1")))
    assert own_order(PURGE, "proxy:17", board) == "purge needs task: go to a row that tells it"
    assert own_order(RESTART, None, None) == "restart needs container: go to a row that tells it"
    assert own_order(Own("all", command=("true",)), None, board) == OwnAction("all")
    assert values_of("proxy:17", board) == {"proxy": "17", "worker": "8b4f59aa_1", "container": "8b4f59aa"}


@pytest.mark.parametrize("name", ["a^[b", "a\\x85", "e\u00e9", "a‹U+202E›", "x…+9"])
def test_what_may_be_shown_otherwise_than_it_is_is_no_value(board: Board, name: str) -> None:
    said = own_order(RESTART, f"container:{name}", board)
    assert said == "container of this row may be shown otherwise than it is: use unstick run"


def test_only_what_is_narrow_can_be_widened() -> None:
    assert widened(OwnAction("restart", (("container", "c"),))) is None
    assert widened(Undo("p")) is None
    assert whose(OwnAction("restart", (("container", "c"),))) == "with container c"
    assert whose(Undo("p")) == ""
