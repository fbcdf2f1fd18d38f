"""What differs between two instants: named, in both directions, and nothing where nothing does."""

from __future__ import annotations

from functools import cache

from tests.unit.boards import CONTEXT
from tests.unit.tapes import Stack
from unstick.board.board import Board, fold
from unstick.cli.demo import shelf
from unstick.feeds.history import History
from unstick.tape.meta import context_of
from unstick.tape.reader import Tape
from unstick.views import differ
from unstick.views.differ import differences
from unstick.views.pane import PaneView


@cache
def incident(name: str, *seconds: float) -> tuple[Board, ...]:
    """The boards of a shipped tape at so many seconds from its start."""
    with Tape.open(shelf() / f"{name}.tape") as tape:
        past = History(tape, context_of(tape.meta.settings))
        boards = [past.board(tape.find(tape.at(0) + each)) for each in seconds]
    return tuple(board for board in boards if board is not None)


def told(view: PaneView) -> dict[tuple[str, str], tuple[str, str]]:
    """(subject, what) to (was, is)."""
    rows = [tuple("".join(span.text for span in line) for line in row.cells) for row in view.rows]
    return {(row[0], row[1]): (row[2], row[3]) for row in rows}


def test_what_was_stuck_and_what_was_freed_is_named() -> None:
    calm, broken, mended = incident("stuck-proxies", 30.0, 170.0, 330.0)
    worse = told(differences(calm, broken))
    assert worse["proxies", "stuck"] == ("0", "16")
    assert next(words for (subject, _), words in worse.items() if subject == "finding") == ("–", "✖ critical")
    assert sum(words == ("–", "stuck") for words in worse.values()) == 16
    assert sum(words[1].startswith("dead") for words in worse.values()) == 16
    better = told(differences(broken, mended))
    assert better["proxies", "stuck"] == ("16", "0")
    assert better["proxies", "free"] == ("13", "29")
    assert sum(words == ("stuck", "not stuck") for words in better.values()) == 16


def test_a_stall_shows_in_its_worker_and_its_queue() -> None:
    calm, broken = incident("worker-stall", 30.0, 230.0)
    found = told(differences(calm, broken))
    assert any(was.startswith("alive") and now.startswith("stalled") for was, now in found.values())
    ready = {name: words for (subject, name), words in found.items() if subject == "queue"}
    assert next(iter(ready)).startswith("default"), "what changed most stands first"


def test_the_order_of_the_two_does_not_matter_and_an_instant_does_not_differ_from_itself() -> None:
    calm, broken = incident("stuck-proxies", 30.0, 170.0)
    assert differences(calm, broken) == differences(broken, calm)
    same = differences(calm, calm)
    assert same.rows == ()
    assert "nothing differs" in same.empty[0].text
    assert "(0s)" in same.title


def test_every_row_has_a_name_of_its_own_and_many_are_counted() -> None:
    boards: list[Board] = []
    for frame in Stack(9, scale=60).frames(40):
        boards.append(fold(boards[-1] if boards else None, frame, CONTEXT))
    view = differences(boards[2], boards[-1])
    assert len({row.key for row in view.rows}) == len(view.rows)
    assert all(len(row.cells) == len(view.columns) == len(row.sort) for row in view.rows)
    differ_before = differ.MOST
    assert max(sum(row.key.startswith(subject) for row in view.rows) for subject in differ.SUBJECTS) == differ_before
    assert "more are not shown" in view.note[0].text
