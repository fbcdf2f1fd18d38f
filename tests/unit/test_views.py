"""What the panes say: shapes that hold for every state, and the words of the ones that matter."""

from __future__ import annotations

import msgspec
import pytest

from tests.unit.boards import CONTEXT, T0, crawler, dramatiq, frame, fresh, missing, played
from unstick.board.board import Board
from unstick.facts.celery import CeleryFacts, CeleryQueue
from unstick.facts.crawler import CrawlerWorker, ProxyRow
from unstick.facts.dramatiq import DramatiqProcess, DramatiqQueue
from unstick.facts.health import HealthFacts
from unstick.facts.host import Disk, HostFacts, Process
from unstick.facts.level import Level
from unstick.facts.locks import LockFacts, LockRow
from unstick.facts.rabbitmq import RabbitConnection, RabbitFacts, RabbitQueue
from unstick.facts.reading import TroubleKind
from unstick.facts.sync import Drift, SyncApiFacts, SyncDataFacts
from unstick.views.pane import PaneView, Span
from unstick.views.screen import PANE_KEYS
from unstick.views.status_text import flat
from unstick.views.tell import tell

HOSTILE = "\x1b]52;c;aGk=\x07[/red][@click=app.quit]x\u202e" + "w" * 600


def everything(name: str = "8b4f59aa_3", level: str = "bad") -> Board:
    """A board with every kind of fact, its texts taken from ``name``."""
    bad = level == "bad"

    def at(now: float) -> tuple[object, ...]:
        return (
            fresh(
                "crawler",
                crawler(
                    now, (ProxyRow("1", name, name, "7", T0 - 3600),), (CrawlerWorker(name, name, 1, 1, now, T0),)
                ),
                now,
            ),
            fresh(
                "dramatiq",
                dramatiq(
                    now, (DramatiqProcess(name, now, 2, 0, "m"),), (DramatiqQueue(name, 500, 4, 1, 2, T0 - 900),)
                ),
                now,
            ),
            fresh(
                "celery", CeleryFacts("celery", now, (CeleryQueue(name, 1, ((0, 1),), None),), 1, None, 3600.0), now
            ),
            fresh(
                "rabbitmq",
                RabbitFacts(
                    "management",
                    name,
                    "3",
                    (
                        RabbitConnection(
                            name, T0, name, name, name, name, name, 300, 2047, 0.0 if bad else 60.0, name
                        ),
                    ),
                    1,
                    300,
                    (RabbitQueue(name, name, 5, 1, 0 if bad else 1),),
                    1,
                    alarms=(name,) if bad else (),
                ),
                now,
            ),
            fresh("sync", SyncApiFacts(now, T0 - 900, 2.0, T0 - 700, False, 5, 1, 2, True, not bad), now),
            fresh(
                "sync-data",
                SyncDataFacts(now, 500, T0 - 900, T0 - 900, Drift(200, 3, 1, 1, "12.5", ((name, "1", "2"),))),
                now,
                "sync",
            ),
            fresh(
                "locks",
                LockFacts(
                    "postgres",
                    "locks",
                    now,
                    2,
                    1,
                    1,
                    ((name, 2),),
                    (LockRow("1", name, name, name, T0 - 900, T0 - 300), LockRow("2", name, "2", name, None, None)),
                ),
                now,
            ),
            fresh(
                "health:web-1",
                HealthFacts(name, name, name, not bad, True, 90.0, 12, 400.0 if bad else 1.0, True, 503),
                now,
            ),
            fresh(
                "host",
                HostFacts(
                    name,
                    99.0,
                    2,
                    1.0,
                    1.0,
                    1.0,
                    50.0,
                    100,
                    50,
                    0.0,
                    (Disk(name, 10.0, 5),),
                    1,
                    100,
                    1,
                    1,
                    1,
                    (Process(1, name, 5.0, 5),),
                    1.0,
                    5,
                ),
                now,
            ),
        )

    return played(frame(now, *at(now)) for now in (T0, T0 + 2, T0 + 4))  # type: ignore[arg-type]


def unseen(kind: TroubleKind = TroubleKind.REFUSED) -> Board:
    names = ("crawler", "dramatiq", "celery", "rabbitmq", "sync", "locks", "health:web-1", "host")
    return played([frame(T0, *(missing(name, T0, kind) for name in names))])


def unconfigured() -> Board:
    context = msgspec.structs.replace(CONTEXT, crawler=None, locks=None, sync=None, dramatiq=())
    return played([frame(T0)], context)


def panes(board: Board) -> list[PaneView]:
    told = tell(board)
    return [told.verdict, *told.panes]


@pytest.mark.parametrize(
    "board", [everything(), unseen(), unseen(TroubleKind.PENDING), unconfigured(), everything(HOSTILE)]
)
def test_every_row_has_a_cell_and_a_sort_value_per_column_and_a_key_of_its_own(board: Board) -> None:
    assert tuple(pane.key for pane in tell(board).panes) == PANE_KEYS
    for pane in panes(board):
        for row in pane.rows:
            assert len(row.cells) == len(row.sort) == len(pane.columns), pane.key
        keys = [row.key for row in pane.rows]
        assert len(set(keys)) == len(keys), pane.key


def test_no_pane_that_nobody_saw_is_green_or_counts_a_zero() -> None:
    told = tell(unseen())
    for pane in told.panes[:6]:
        assert pane.level is not Level.OK, pane.key
        assert "0" not in flat(pane.counts).replace("0 queues", ""), pane.key
    assert "can't be seen now" in flat(told.panes[1].empty)


def test_before_the_first_answer_nothing_is_judged() -> None:
    told = tell(unseen(TroubleKind.PENDING))
    assert "looking" in flat(told.verdict.empty)
    assert not told.verdict.rows


def test_what_is_not_configured_says_how_to_configure_it() -> None:
    for pane in tell(unconfigured()).panes:
        if pane.key != "services":
            assert flat(pane.counts) == "not configured"
            assert pane.empty


def spans(board: Board) -> list[Span]:
    found = [span for line in tell(board).header for span in line]
    for pane in panes(board):
        lines = [pane.counts, pane.note, pane.empty, *(cell for row in pane.rows for cell in row.cells)]
        lines += [item for item in pane.summary if isinstance(item, tuple)]
        found += [span for line in lines for span in line]
    return found


def test_hostile_text_is_visible_and_harmless_everywhere() -> None:
    texts = [span.text for span in spans(everything(HOSTILE))]
    assert any("^[]52" in text for text in texts)
    assert any("[@click=app.quit]" in text for text in texts), "markup is shown as it is"
    for text in texts:
        assert text.isprintable() or not text, ascii(text)
        assert len(text) < 1200


def test_the_same_board_is_told_the_same() -> None:
    assert tell(everything()) == tell(everything())


def test_the_verdict_ranks_and_jumps_to_its_pane() -> None:
    verdict = tell(everything()).verdict
    ranks = [row.level.rank for row in verdict.rows]
    assert ranks == sorted(ranks, reverse=True)
    assert {row.key.partition("|")[0] for row in verdict.rows} <= set(PANE_KEYS)


def test_the_header_names_each_server_with_its_trouble() -> None:
    header = [flat(line) for line in tell(unseen()).header]
    assert header[0] == "unstick test"
    assert any("refused" in part for part in header)


def test_connections_beyond_those_that_travelled_are_counted() -> None:
    link = RabbitConnection("c1", T0, "app", None, "app", "/", None, 3, 2047, 60.0, "running")
    facts = RabbitFacts("management", "broker", "3", (link,), 700, 2100, (), 0)
    told = tell(played([frame(T0, fresh("rabbitmq", facts, T0))]))
    assert "showing 1 of 700" in flat(next(pane for pane in told.panes if pane.key == "channels").note)
