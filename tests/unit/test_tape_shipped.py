"""The shipped recordings show what they are there to show, and the board ends calm."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from unstick.board.board import Board, fold
from unstick.cli.demo import shelf
from unstick.facts.level import Level
from unstick.tape.event import MARK
from unstick.tape.meta import context_of
from unstick.tape.reader import Tape
from unstick.tape.shelf import Shelf
from unstick.views.status_json import status

SCENARIOS = ("channel-leak", "lock-pileup", "stuck-proxies", "sync-lag", "worker-stall")
TOTAL = 8 << 20


@cache
def boards(name: str) -> tuple[Board, ...]:
    told: list[Board] = []
    with Tape.open(shelf() / f"{name}.tape") as tape:
        context = context_of(tape.meta.settings)
        for _, frame in tape.frames():
            told.append(fold(told[-1] if told else None, frame, context))
    return tuple(told)


def stuck(board: Board) -> bool:
    proxies = status(board)["proxies"]
    workers = [item["worker_id"].split("_")[0] for item in proxies["stuck_items"]]
    totals = {key: proxies[key] for key in ("total", "in_use", "blocked", "free", "stuck")}
    expected = {"total": 100, "in_use": 60, "blocked": 27, "free": 13, "stuck": 16}
    return totals == expected and (workers.count("8b4f59aa"), workers.count("b77514be")) == (15, 1)


def stalled(board: Board) -> bool:
    """It beats, and nothing is acknowledged while messages wait."""
    workers = status(board)["workers"]["items"]
    queues = [queue for queue in status(board)["queues"]["items"] if queue["system"] == "dramatiq"]
    beats = any(w["kind"] == "dramatiq" and w["life"] == "stalled" and w["last_seen_s"] < 3 for w in workers)
    return beats and any(queue["name"] == "default" and queue["ready"] > 50 for queue in queues)


def leaking(board: Board) -> bool:
    found = [c for c in status(board)["channels"]["items"] if c["client"] == "feature-service"]
    return any(c["channels"] > 50 and c["heartbeat_s"] == 0 and 30 < (c["growth_per_min"] or 0) < 45 for c in found)


def lagging(board: Board) -> bool:
    sync = status(board)["sync"]
    return sync["overdue"] is True and sync["lag_s"] > 90 and sync["drift"]["differing"] > 0


def piled(board: Board) -> bool:
    locks = status(board)["locks"]
    return bool(locks["total"]) and locks["endless"] == 4 and locks["orphaned"] >= 30


SHOWS: dict[str, Callable[[Board], bool]] = {
    "channel-leak": leaking,
    "lock-pileup": piled,
    "stuck-proxies": stuck,
    "sync-lag": lagging,
    "worker-stall": stalled,
}


def test_there_is_one_for_every_incident_and_a_quiet_one() -> None:
    assert set(Shelf(shelf()).names) == {*SCENARIOS, "quiet"}
    assert sum(path.stat().st_size for path in shelf().glob("*.tape")) < TOTAL


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_shows_its_incident_and_its_end(name: str) -> None:
    told = boards(name)
    shown = [number for number, board in enumerate(told) if SHOWS[name](board)]
    assert len(shown) > 30
    assert not any(board.level is Level.CRITICAL for board in told[5:50])
    assert all(told[number].level in {Level.CRITICAL, Level.WARNING} for number in shown)
    assert told[-1].level is Level.OK, [finding.title for finding in told[-1].findings]
    assert told[-1].frame.at - told[0].frame.at > 300


def test_after_the_stuck_proxies_were_freed_there_are_29() -> None:
    last = status(boards("stuck-proxies")[-1])["proxies"]
    assert (last["total"], last["in_use"], last["free"], last["stuck"]) == (100, 44, 29, 0)


def test_the_quiet_one_is_quiet() -> None:
    assert {board.level for board in boards("quiet")[5:]} == {Level.OK}
    assert not any(board.findings for board in boards("quiet")[5:])


@pytest.mark.parametrize("name", [*SCENARIOS, "quiet"])
def test_it_is_whole_says_what_one_sees_and_knows_no_machine(name: str) -> None:
    with Tape.open(shelf() / f"{name}.tape") as tape:
        tape.check()
        assert tape.damages == []
        assert tape.ended
        assert tape.meta.title
        marks = [event.text for event in tape.events() if event.event == MARK]
        assert len(marks) >= (1 if name == "quiet" else 4)
        text = repr(tape.frame(len(tape) - 1))
    assert "hostname='lab'" in text
    assert not any(part in text for part in ("/home/", "/root", "/tmp"))
