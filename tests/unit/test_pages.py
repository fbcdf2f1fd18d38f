"""Every row opens a page, every page says who said what and how long ago, and every jump leads somewhere."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from rich.cells import cell_len as measure

from tests.unit.boards import CONTEXT, T0, crawler, frame, fresh, missing, played
from tests.unit.test_views import HOSTILE, everything
from unstick.board.board import Board
from unstick.facts.crawler import CrawlerWorker, ProxyPool, ProxyRow, TaskTable
from unstick.facts.host import Disk, HostFacts, Process
from unstick.facts.level import Level
from unstick.facts.locks import LockFacts, LockRow
from unstick.facts.sync import SyncApiFacts
from unstick.tui.page import facts_view
from unstick.views.flow import flow
from unstick.views.pages import PAGES, Fact, Page, Part, page, page_key, plain
from unstick.views.pages.model import words_of
from unstick.views.pane import Role
from unstick.views.runs import successes, timeline
from unstick.views.status_text import flat
from unstick.views.tell import tell


def pages(board: Board) -> Iterator[Page]:
    """The page of every row on the board."""
    told = tell(board)
    for view in (told.verdict, *told.panes):
        for row in view.rows:
            yield page(board, page_key(view.key, row)) or plain(view, row)


def facts(told: Page) -> dict[str, Fact]:
    return {fact.name: fact for part in told.parts for fact in part.facts}


def dead_container(seconds: int = 400) -> Board:
    """A container that died with a proxy and a lock, beside one that works."""

    def at(now: float) -> tuple[object, ...]:
        workers = (
            CrawlerWorker("8b4f59aa_1", "8b4f59aa", 1, 0, None, T0 - 60),
            CrawlerWorker("b77514be_1", "b77514be", 1, 1, now, now),
        )
        rows = (ProxyRow("17", "8b4f59aa_1", "8b4f59aa", "7", T0 - 60),)
        locks = (LockRow("5", "crawl", "t-9", "8b4f59aa_1", T0 - 60, T0 + 60),)
        return (
            fresh("crawler", crawler(now, rows, workers, ProxyPool(4, 2, 0, 2, 0)), now),
            fresh("locks", LockFacts("postgres", "locks", now, 1, 1, 0, (("8b4f59aa_1", 1),), locks), now),
        )

    return played(frame(T0 + nth, *at(T0 + nth)) for nth in range(0, seconds, 5))  # type: ignore[arg-type]


@pytest.mark.parametrize("level", ["bad", "well"])
def test_every_row_has_a_page_and_every_jump_leads_to_one(level: str) -> None:
    board = everything(level=level)
    found = list(pages(board))
    kinds = {"timeline", "finding"} if level == "well" else {"timeline"}
    assert {told.key.partition(":")[0] for told in found} >= PAGES.keys() - kinds
    for told in found:
        assert told.parts
        assert flat(told.says)
        for fact in facts(told).values():
            assert not fact.jump or page(board, fact.jump) is not None, fact


def test_what_a_source_said_has_its_age() -> None:
    board = everything()
    known = {state.source.id for state in board.sources}
    said = [fact for told in pages(board) for fact in facts(told).values() if fact.source]
    assert len(said) > 50
    for fact in said:
        assert fact.source in known
        assert fact.age_s is not None


def test_no_text_of_others_reaches_a_page_raw() -> None:
    for told in pages(everything(HOSTILE)):
        view = facts_view(told, (told.title,), 100, measure, {})
        for row in view.rows:
            for line in row.cells:
                assert "\x1b" not in flat(line)
                assert "\u202e" not in flat(line)


def test_from_a_stuck_proxy_one_goes_to_its_worker_and_on_to_its_lock() -> None:
    board = dead_container()
    proxy = page(board, "proxy:17")
    assert proxy is not None
    assert flat(proxy.says).startswith("stuck: held for 7m35s by 8b4f59aa_1")
    worker = page(board, facts(proxy)["worker"].jump)
    assert worker is not None
    assert worker.title == "worker 8b4f59aa_1"
    assert facts(worker)["container"].jump == "container:8b4f59aa"
    lock = page(board, facts(worker)["lock crawl t-9"].jump)
    assert lock is not None
    assert flat(lock.says).startswith("orphaned: no other worker may run crawl t-9 since its end 5m35s ago")
    assert facts(lock)["worker"].jump == worker.key


def test_a_finding_names_what_it_rests_on_and_where_to_look() -> None:
    board = dead_container()
    found = board.findings[0]
    told = page(board, f"finding:{found.id}")
    assert told is not None
    assert told.title == found.title
    jumps = [fact.jump for fact in facts(told).values()]
    assert "container:8b4f59aa" in jumps
    assert "proxy:17" in jumps
    assert told.curves


def test_the_page_of_a_worker_has_its_silence_as_a_curve_with_the_limit() -> None:
    told = page(dead_container(), "worker:crawler:8b4f59aa_1")
    assert told is not None
    silence = told.curves[0]
    assert [limit.value for limit in silence.limits] == [CONTEXT.thresholds.grace_s]
    assert silence.histories[0].step_s == 5.0
    assert silence.histories[0].values[-1] == pytest.approx(455, abs=5)
    assert silence.histories[1].step_s == 60.0


def test_a_row_that_is_gone_has_no_page() -> None:
    board = dead_container()
    assert page(board, "worker:crawler:nobody") is None
    assert page(board, "proxy:1") is None
    assert page(board, "host:load") is None


def test_long_histories_are_coarse_and_have_gaps() -> None:
    def look(now: float) -> object:
        return fresh("crawler", crawler(now), now) if now % 1800 < 900 else missing("crawler", now)

    board = played(frame(T0 + nth, look(T0 + nth)) for nth in range(0, 7200, 5))  # type: ignore[arg-type]
    minutes = board.memory.tier("proxies:free", 1)
    assert minutes is not None
    assert len(minutes.values) == 105  # of two hours up to the last value that was known
    assert minutes.values.count(None) == 45
    assert board.memory.tier("proxies:free", 2) is not None
    assert board.memory.tier("nothing", 1) is None


def test_a_queue_that_shrinks_says_when_it_is_empty() -> None:
    board = everything()
    assert flow(board.memory, "queue:none", 5, None).told_drain == "–"
    memory = played(
        frame(T0 + nth, fresh("crawler", crawler(T0 + nth, pool=ProxyPool(100, 0, 0, 100 - nth // 5, 0)), T0 + nth))
        for nth in range(0, 90, 5)
    ).memory
    moves = flow(memory, "proxies:free", 60, -12.0)
    assert moves.out_per_min == pytest.approx(12.0)
    assert moves.in_per_min == 0.0
    assert moves.told_drain == "5m00s"
    assert flow(memory, "proxies:free", 60, 12.0).told_drain == "never: it does not shrink"
    assert flow(memory, "proxies:free", 0, 0.0).told_drain == "it is empty"


def test_the_line_of_runs_tells_every_success_that_is_remembered_and_what_is_late() -> None:
    def look(now: float, last: float) -> object:
        return fresh("sync", SyncApiFacts(now, last, 2.0, last + 60, False, 5, 1, 0, True, True), now)

    moments = [T0 + nth for nth in range(0, 300, 5)]
    frames = [frame(now, look(now, now - now % 60 if now < T0 + 150 else T0 + 140)) for now in moments]  # type: ignore[arg-type]
    board = played(frames)
    found = board.subjects.sync
    assert found is not None
    runs = successes(board.memory)
    assert runs == pytest.approx([T0 - 40, T0 + 20, T0 + 80, T0 + 140], abs=11)
    axis = timeline(found, board.memory, board.frame.at)
    assert axis.runs[0][3] is Role.CRITICAL
    assert axis.runs[0][1] == pytest.approx(5 / 6)
    assert sum(glyph == "●" for _, glyph, _ in axis.marks) >= 4


def test_what_happened_stands_on_the_pages_of_those_it_happened_to() -> None:
    board = dead_container()
    worker, other = page(board, "worker:crawler:8b4f59aa_1"), page(board, "worker:crawler:b77514be_1")
    assert worker is not None
    assert other is not None
    assert [fact for fact in parts(worker)["What happened"].facts if "8b4f59aa_1 died" in flat(fact.value)]
    assert not parts(other)["What happened"].facts
    everything_that_happened = page(board, "timeline:all")
    assert everything_that_happened is not None
    told = everything_that_happened.parts[0].facts
    assert len(told) == len(board.timeline) > 2
    assert {fact.jump.partition(":")[0] for fact in told} >= {"worker", "finding", "service"}
    assert all(not fact.jump or page(board, fact.jump) for fact in told)


def parts(told: Page) -> dict[str, Part]:
    return {part.title: part for part in told.parts}


def test_a_finding_says_first_what_it_holds_and_what_mends_it() -> None:
    board = dead_container()
    told = page(board, f"finding:{board.findings[0].id}")
    assert told is not None
    assert told.parts[0].title == "What to do"
    assert flat(facts(told)["it holds"].value) == "1 proxy, 1 lock"
    assert flat(facts(told)["mended by"].value) == "unstick free-proxies"


def test_names_are_told_apart_where_one_begins_like_another() -> None:
    assert "w_1" in words_of("worker w_1: died.")
    assert "w_1" not in words_of("worker w_15 died")
    assert "8b4f59aa" not in words_of("worker 8b4f59aa_3")


def host_facts(now: float) -> HostFacts:
    """A host whose disk fills, with two processes that take more and more."""
    nth = now - T0
    top = (Process(7, "python web", 150.0 - nth / 10, 1 << 28), Process(9, "redis-server", 5.0, (1 << 20) * int(nth)))
    return HostFacts(
        "web-1", 88.0, 2, 3.5, 2.0, 1.0, 61.0, 1 << 32, 1 << 31, 4.0, (Disk("/data", 91.0, 1 << 30),), 1200, 65536,
        int(nth) * 2048, int(nth) * 1024, 120, top, 1.0, 1 << 26,
    )  # fmt: skip


def test_each_resource_and_each_process_of_the_host_has_its_own_history_and_they_lead_to_each_other() -> None:
    board = played(frame(T0 + nth, fresh("host", host_facts(T0 + nth), T0 + nth)) for nth in range(0, 300, 5))
    for name, curves in {
        "host:load": {"cpu, percent of all cores", "load of a minute"},
        "host:memory": {"memory, percent", "swap, percent"},
        "host:swap": {"memory, percent", "swap, percent"},
        "host:/data": {"/data, percent used"},
        "host:open files": {"open files"},
        "host:network": {"bytes in a second", "bytes out a second"},
    }.items():
        told = page(board, name)
        assert told is not None
        assert {curve.title for curve in told.curves} == curves
        busiest = facts(told)["python web"]
        assert busiest.jump == "process:7"
    disk = page(board, "host:/data")
    assert disk is not None
    assert disk.level is Level.WARNING
    assert [limit.value for limit in disk.curves[0].limits] == [85.0, 95.0]
    process = page(board, "process:9")
    assert process is not None
    assert process.title == "process redis-server 9"
    assert facts(process)["memory"].jump == "host:memory"
    memory = process.curves[1].histories[0].values
    assert memory[-1] == (1 << 20) * 295
    assert page(board, "process:8") is None
    assert page(board, "host:/nowhere") is None


def test_from_a_worker_one_goes_to_the_table_of_its_task_and_on_to_the_others_at_work_there() -> None:
    tables = (TaskTable("catalog_tasks", 2, 1), TaskTable("object_tasks", 0, None))
    workers = tuple(CrawlerWorker(f"b77514be_{nth}", "b77514be", 1, 1, T0, T0) for nth in (1, 2))
    seen = msgspec.structs.replace(crawler(T0, (), workers, ProxyPool(4, 2, 0, 2, 0)), tables=tables)
    board = played(frame(T0 + nth, fresh("crawler", seen, T0 + nth)) for nth in (0, 2, 4))
    worker = page(board, "worker:crawler:b77514be_1")
    assert worker is not None
    jumps = {fact.jump for part in worker.parts for fact in part.facts}
    assert {"tasks:catalog_tasks", "tasks:object_tasks"} <= jumps
    table = page(board, "tasks:catalog_tasks")
    assert table is not None
    assert flat(table.says) == "2 processing, 1 of them expired"
    assert facts(table)["b77514be_2"].jump == "worker:crawler:b77514be_2"
    assert {curve.title for curve in table.curves} == {"tasks processed", "tasks expired"}
    other = page(board, "tasks:object_tasks")
    assert other is not None
    assert flat(facts(other)["expired"].value) == "–"
    rows = {row.key: row.level for row in next(view for view in tell(board).panes if view.key == "proxies").rows}
    assert rows["tasks:catalog_tasks"] is Level.WARNING
    assert rows["tasks:object_tasks"] is Level.OK


def test_sources_that_come_together_are_one_line_of_what_happened() -> None:
    names = ("crawler", "dramatiq", "locks", "host", "health:web-1")
    board = played([frame(T0, *(missing(name, T0) for name in names))])
    told = page(board, "timeline:all")
    assert told is not None
    assert len(told.parts[0].facts) > len(names)
    board = everything(level="well")
    told = page(board, "timeline:all")
    assert told is not None
    fresh_ones = [flat(fact.value) for fact in told.parts[0].facts if "fresh" in flat(fact.value)]
    assert len(fresh_ones) == 1
    assert fresh_ones[0].split(maxsplit=1)[1].startswith("9 sources are fresh: celery, crawler, dramatiq, ")
