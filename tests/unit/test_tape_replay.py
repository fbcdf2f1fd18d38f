"""Replay: the same board as it was live, at any pace, from anywhere, in any order."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.unit.boards import CONTEXT
from tests.unit.tapes import META, Stack, taped
from unstick.board.board import Board, fold
from unstick.cli.tapes import ReplaySession
from unstick.facts.frame import Frame
from unstick.feeds import history, replay
from unstick.feeds.history import History
from unstick.feeds.replay import LEAST_S, ReplayFeed
from unstick.tape.meta import context_of
from unstick.tape.reader import Tape
from unstick.tape.writer import Writer
from unstick.views.status_json import status
from unstick.views.tell import tell

COUNT = 150


def told(board: Board | None) -> str:
    assert board is not None
    return json.dumps(status(board))


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Board]]:
    """A tape, and the boards that were seen while it was recorded."""
    path = tmp_path_factory.mktemp("tapes") / "a.tape"
    boards: list[Board] = []
    for made in taped(path, COUNT, seed=9):
        boards.append(fold(boards[-1] if boards else None, made, CONTEXT))
    return path, boards


@pytest.fixture
def tape(live: tuple[Path, list[Board]]) -> Iterator[Tape]:
    with Tape.open(live[0]) as opened:
        yield opened


def test_every_board_is_the_one_that_was_seen_live(live: tuple[Path, list[Board]], tape: Tape) -> None:
    past = History(tape, context_of(tape.meta.settings))
    for number, seen in enumerate(live[1]):
        again = past.board(number)
        assert told(again) == told(seen)
        assert again is not None
        assert tell(again) == tell(seen)
    assert past.levels == {number: seen.level for number, seen in enumerate(live[1])}


def test_wherever_one_jumps_the_board_is_the_same(live: tuple[Path, list[Board]], tape: Tape) -> None:
    past = History(tape, context_of(tape.meta.settings))
    for number in (149, 0, 75, 74, 76, 61, 60, 59, 149, 3, 148):
        assert told(past.board(number)) == told(live[1][number])
        assert told(past.board(number)) == told(live[1][number])


def test_few_boards_are_kept_and_none_is_wrong_for_it(
    live: tuple[Path, list[Board]], tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "KEPT", 3)
    monkeypatch.setattr(history, "SPACING", 5)
    past = History(tape, context_of(tape.meta.settings))
    for number in (*range(COUNT), 40, 90, 12):
        assert told(past.board(number)) == told(live[1][number])
        assert len(past._kept) <= 4


def test_a_jump_over_more_than_the_bound_begins_in_the_midst(
    live: tuple[Path, list[Board]], tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "BACK", 20)
    past = History(tape, context_of(tape.meta.settings))
    far = past.board(COUNT - 1)
    assert far is not None
    assert min(past.levels) == COUNT - 20
    assert far.frame.at == live[1][-1].frame.at


class Engine:
    """Takes Frames from a feed as the engine does, and lets a test wait for them."""

    def __init__(self, feed: ReplayFeed) -> None:
        self.feed = feed
        self.session = ReplaySession(feed)
        self.seen: list[int] = []
        self.boards: list[Board] = []

    async def run(self, test: Callable[[Engine], Awaitable[None]]) -> None:
        reading = asyncio.ensure_future(self._read())
        try:
            await asyncio.wait_for(test(self), 20)
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading

    async def _read(self) -> None:
        async with contextlib.aclosing(self.session.frames()) as frames:
            async for each in frames:
                self.boards.append(self.session.fold(each))
                self.seen.append(self.feed.position)

    async def until(self, met: Callable[[], Any]) -> None:
        while not met():
            await asyncio.sleep(0.005)


def run(feed: ReplayFeed, test: Callable[[Engine], Awaitable[None]]) -> None:
    asyncio.run(Engine(feed).run(test))


async def collected(feed: ReplayFeed) -> list[Frame]:
    async with contextlib.aclosing(feed.frames()) as frames:
        return [each async for each in frames]


def test_played_to_its_end_the_last_board_is_the_last_one_live(live: tuple[Path, list[Board]], tape: Tape) -> None:
    feed = ReplayFeed(tape, speed=1000, at_end="stop")

    async def test(engine: Engine) -> None:
        await engine.until(lambda: engine.seen and engine.seen[-1] == COUNT - 1)
        assert told(engine.boards[-1]) == told(live[1][-1])

    run(feed, test)
    assert feed.position == COUNT - 1


def test_slow_enough_every_frame_is_shown_with_the_instant_that_it_had(tmp_path: Path) -> None:
    frames = taped(tmp_path / "a.tape", 12)
    with Tape.open(tmp_path / "a.tape") as opened:
        shown = asyncio.run(collected(ReplayFeed(opened, speed=15, at_end="stop")))
    assert [each.at for each in shown] == [made.at for made in frames]


def test_at_high_speed_frames_are_folded_that_are_not_shown(live: tuple[Path, list[Board]], tape: Tape) -> None:
    shown = asyncio.run(collected(ReplayFeed(tape, speed=200, at_end="stop")))
    assert COUNT / 20 < len(shown) < COUNT / 4
    assert shown[-1].at == live[1][-1].frame.at
    steps = [later.at - before.at for before, later in itertools.pairwise(shown)]
    assert min(steps[:-1]) > 200 * LEAST_S - 2


def test_it_begins_where_it_is_told(live: tuple[Path, list[Board]], tape: Tape) -> None:
    async def test(engine: Engine) -> None:
        await engine.until(lambda: engine.seen)
        assert engine.seen[0] == 100
        assert told(engine.boards[0]) == told(live[1][100])

    run(ReplayFeed(tape, at=live[1][100].frame.at + 0.2), test)


def test_pause_step_seek_and_go_on_from_another_thread(live: tuple[Path, list[Board]], tape: Tape) -> None:
    feed = ReplayFeed(tape, speed=0.1)

    def elsewhere(call: Callable[[], None]) -> None:
        thread = threading.Thread(target=call)
        thread.start()
        thread.join()

    async def test(engine: Engine) -> None:
        async def at(number: int) -> None:
            await engine.until(lambda: engine.seen and engine.seen[-1] == number)
            assert told(engine.boards[-1]) == told(live[1][number])

        await at(0)
        elsewhere(lambda: feed.step(1))
        await at(1)
        elsewhere(lambda: feed.step(-1))
        await at(0)
        elsewhere(lambda: feed.seek(live[1][90].frame.at))
        await at(90)
        elsewhere(lambda: feed.shift(-60))
        await at(tape.find(tape.at(90) - 60))
        elsewhere(lambda: feed.go(10**9))
        await at(COUNT - 1)
        elsewhere(lambda: feed.go(-5))
        await at(0)
        elsewhere(lambda: feed.step(3))
        elsewhere(lambda: feed.step(3))
        await at(6)
        assert feed.paused
        elsewhere(lambda: feed.set_speed(1000))
        elsewhere(feed.resume)
        await at(COUNT - 1)
        before = len(engine.seen)
        elsewhere(feed.resume)
        await engine.until(lambda: 0 in engine.seen[before:])

    run(feed, test)


def test_while_time_stands_still_the_same_board_is_told_again(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "REPEAT_S", 0.02)
    feed = ReplayFeed(tape, at=tape.at(70))
    feed.pause()

    async def test(engine: Engine) -> None:
        await engine.until(lambda: len(engine.seen) > 4)
        assert set(engine.seen) == {70}
        assert len({id(board) for board in engine.boards}) == 1

    run(feed, test)


def test_repeating_does_not_hold_up_a_slow_tape(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "REPEAT_S", 0.02)

    async def test(engine: Engine) -> None:
        await engine.until(lambda: engine.seen and engine.seen[-1] == 2)
        assert engine.seen.count(0) > 2

    run(ReplayFeed(tape, speed=4), test)


def test_a_loop_begins_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "REWIND_S", 0.05)
    taped(tmp_path / "a.tape", 5)

    async def test(engine: Engine) -> None:
        await engine.until(lambda: engine.seen.count(0) >= 2 and engine.seen[-1] == 4)

    with Tape.open(tmp_path / "a.tape") as opened:
        run(ReplayFeed(opened, speed=100, at_end="loop"), test)


def test_a_tape_that_is_being_written_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "POLL_S", 0.02)
    frames = list(Stack(3).frames(10))
    writer = Writer(tmp_path / "a.tape", META)
    for made in frames[:5]:
        writer.frame(made)

    async def test(engine: Engine) -> None:
        await engine.until(lambda: engine.seen and engine.seen[-1] == 4)
        for made in frames[5:]:
            writer.frame(made)
        await engine.until(lambda: engine.seen[-1] == 9)

    with Tape.open(tmp_path / "a.tape") as opened:
        run(ReplayFeed(opened, speed=100), test)
    writer.close()


def test_damage_is_stepped_over_in_both_directions(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    taped(path, 130)
    with Tape.open(path) as opened:
        hurt = [entry for entry in opened.entries if entry.header.kind in "KD"][70]
    with path.open("r+b") as file:
        file.seek(hurt.offset + 60)
        file.write(b"\xff\xff")
    with Tape.open(path) as opened:
        broken = [number for number in range(130) if opened.frame(number) is None]
        assert broken[0] == 70
        shown = asyncio.run(collected(ReplayFeed(opened, speed=1000, at_end="stop")))
        assert shown[-1].at == pytest.approx(opened.at(129), abs=0.001)
        feed = ReplayFeed(opened)
        feed.pause()

        async def test(engine: Engine) -> None:
            await engine.until(lambda: engine.seen)
            feed.go(70)
            await engine.until(lambda: engine.seen[-1] == broken[-1] + 1)
            feed.step(-1)
            await engine.until(lambda: engine.seen[-1] == 69)

        run(feed, test)


def test_a_session_starts_with_settings_that_reach_nothing(tape: Tape) -> None:
    context = ReplaySession(ReplayFeed(tape)).context
    assert context.name == "test"
    assert (
        context.postgres.url is context.redis.url is context.rabbitmq.url is context.rabbitmq.management_url is None
    )
    assert msgspec.structs.replace(context, name="x").health == ()
