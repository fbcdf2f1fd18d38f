"""A day on one tape: wherever one jumps, before the fold has come by or after, it is the board that was live."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.unit import test_tape_replay as replay
from tests.unit.boards import CONTEXT
from tests.unit.tapes import META, Stack, same, taped
from unstick.board.board import Board, fold
from unstick.feeds import checkpoints
from unstick.feeds.glance import LONG
from unstick.feeds.history import BACK, History
from unstick.tape.reader import Tape
from unstick.tape.writer import Writer
from unstick.views.status_json import status

STEP_S = 10.0
FRAMES = int(86_400 / STEP_S)


def told(board: Board | None) -> str:
    assert board is not None
    return json.dumps(status(board))


def test_a_day_is_exact_wherever_one_jumps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "BYTES", 1 << 20)
    path, dice = tmp_path / "a.tape", random.Random(7)
    numbers = dice.sample(range(FRAMES), 60)
    said: dict[int, str] = {}
    board: Board | None = None
    writer = Writer(path, META)
    for number, frame in enumerate(Stack(5, step_s=STEP_S).frames(FRAMES)):
        writer.frame(frame)
        board = fold(board, frame, CONTEXT)
        if number in numbers:
            said[number] = told(board)
    writer.close()
    with Tape.open(path) as tape:
        assert len(tape) == FRAMES > LONG
        past, rough = History(tape, CONTEXT), 0
        while past.glance():
            pass
        for number in numbers:
            seen, whole = past.board(number), tape.frame(number)
            assert seen is not None
            assert whole is not None
            assert same(seen.frame, whole)
            rough += past.since is not None
            assert past.since is not None or told(seen) == said[number]
            for _ in range(dice.randrange(200)):
                past.advance()
        assert rough > 10
        assert past.edge > BACK
        while past.advance():
            pass
        for number in dice.sample(numbers, len(numbers)):
            assert told(past.board(number)) == said[number]
            assert past.since is None
        assert past._kept.size <= 1 << 20


def test_jumps_that_are_given_up_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    boards: list[Board] = []
    path = tmp_path_factory.mktemp("tapes") / "a.tape"
    for made in taped(path, replay.COUNT, seed=23):
        boards.append(fold(boards[-1] if boards else None, made, CONTEXT))
    with Tape.open(path) as tape:
        for seed in range(30):
            dice = random.Random(seed)
            wishes = [(dice.randrange(replay.COUNT), dice.randrange(60), dice.randrange(25)) for _ in range(12)]
            replay.jumped((path, boards), tape, monkeypatch, wishes)
