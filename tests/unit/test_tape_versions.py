"""Tapes of every format version that was ever released play for ever: one of each stands in ``tests/fixtures``.

They were made by the version that they are named after, and are never made anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from unstick.board.board import Board, fold
from unstick.cli.main import run
from unstick.tape.codec import Documents
from unstick.tape.meta import VERSION, context_of
from unstick.tape.reader import Tape
from unstick.views.tell import tell

FIXTURES = Path(__file__).parents[1] / "fixtures"
VERSIONS = range(1, VERSION + 1)


def holds(found: Any, told: Any) -> bool:
    """Whether everything that was told is found; a later version may know more."""
    if isinstance(told, dict):
        return isinstance(found, dict) and all(key in found and holds(found[key], told[key]) for key in told)
    if isinstance(told, list):
        return len(found) == len(told) and all(map(holds, found, told))
    return bool(found == told)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_tape_of_that_version_says_what_it_said(version: int) -> None:
    told = json.loads((FIXTURES / f"tape_v{version}.json").read_text())
    with Tape.open(FIXTURES / f"tape_v{version}.tape") as tape:
        assert tape.meta.version == version
        assert tape.ended
        tape.check()
        assert tape.damages == []
        for number, document in told["frames"].items():
            frame = tape.frame(int(number))
            assert frame is not None
            assert holds(json.loads(msgspec.json.encode(Documents().of(frame))), document)
        assert {(event.event, event.text) for event in tape.events()} >= {
            ("mark", "a mark"),
            ("action", "freed 2 proxies"),
            ("gap", "nothing recorded: disk full"),
        }
        assert holds(json.loads(msgspec.json.encode(tape.meta.settings)), told["settings"])


@pytest.mark.parametrize("version", VERSIONS)
def test_a_tape_of_that_version_is_folded_and_told(version: int, capsys: pytest.CaptureFixture[str]) -> None:
    board: Board | None = None
    with Tape.open(FIXTURES / f"tape_v{version}.tape") as tape:
        context = context_of(tape.meta.settings)
        for _, frame in tape.frames():
            board = fold(board, frame, context)
    assert board is not None
    assert board.subjects.workers is not None
    assert len(tell(board).panes) == 8
    for command in ("verify", "report"):
        assert run([command, str(FIXTURES / f"tape_v{version}.tape")]) == 0
    assert "Format 1" in capsys.readouterr().out


def test_there_is_a_tape_for_this_version() -> None:
    assert (FIXTURES / f"tape_v{VERSION}.tape").exists()
