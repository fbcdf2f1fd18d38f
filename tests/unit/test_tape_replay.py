"""Replay: the same board as it was live, at any pace, from anywhere, in any order."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.boards import CONTEXT
from tests.unit.tapes import META, Stack, same, taped
from unstick.board.board import Board, fold
from unstick.board.levels import Levels
from unstick.cli.session import Session
from unstick.facts.ack import Ack
from unstick.facts.frame import Frame
from unstick.facts.level import Level
from unstick.feeds import checkpoints, glance, history, player
from unstick.feeds import deck as deck_module
from unstick.feeds.deck import Deck
from unstick.feeds.history import History
from unstick.feeds.player import LEAST_S, AtEnd, Player
from unstick.settings import Context
from unstick.tape.meta import context_of
from unstick.tape.parts import Parts
from unstick.tape.reader import Tape
from unstick.tape.recent import Recent
from unstick.tape.reel import Reel
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


def surveyed(reel: Reel) -> History:
    past = History(reel, CONTEXT)
    while past.advance():
        pass
    return past


def test_every_board_is_the_one_that_was_seen_live(live: tuple[Path, list[Board]], tape: Tape) -> None:
    past = History(tape, context_of(tape.meta.settings))
    for number, seen in enumerate(live[1]):
        again = past.board(number)
        assert told(again) == told(seen)
        assert again is not None
        assert tell(again) == tell(seen)


@pytest.mark.parametrize("ahead", [0, 40, COUNT])
def test_wherever_one_jumps_the_board_is_the_same(live: tuple[Path, list[Board]], tape: Tape, ahead: int) -> None:
    past = History(tape, context_of(tape.meta.settings))
    for _ in range(ahead):
        past.advance()
    for number in (149, 0, 75, 74, 76, 61, 60, 59, 149, 3, 148):
        assert told(past.board(number)) == told(live[1][number])
        assert told(past.board(number)) == told(live[1][number])


def test_the_edge_knows_the_level_of_every_moment(live: tuple[Path, list[Board]], tape: Tape) -> None:
    past = surveyed(tape)
    assert past.edge == COUNT - 1
    expected = Levels()
    for number, board in enumerate(live[1]):
        expected.add(tape.at(number), board.level)
    assert past.stretches == expected.stretches
    assert len({stretch.level for stretch in expected.stretches}) > 1


def test_few_boards_are_kept_and_none_is_wrong_for_it(
    live: tuple[Path, list[Board]], tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name, value in ((checkpoints, "BYTES", 40_000), (checkpoints, "SPACING", 5), (history, "NEAR", 4)):
        monkeypatch.setattr(module, name, value)
    past = surveyed(tape)
    assert 2 <= len(past._kept) < COUNT / 5 / 2
    for number in (*range(COUNT), 40, 90, 12, 11, 10, 9, 8, 7):
        assert told(past.board(number)) == told(live[1][number])
        assert past._kept.size <= 40_000
        assert len(past._near) <= 4


def test_steps_back_fold_nothing_twice(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    past = surveyed(tape)
    past.board(110)
    folded: list[float] = []

    def counted(board: Board | None, frame: Frame, context: Context, marks: list[Ack]) -> Board:
        folded.append(frame.at)
        return fold(board, frame, context, marks)

    monkeypatch.setattr(history, "fold", counted)
    for number in range(109, 59, -1):
        past.board(number)
    assert folded == []
    past.board(58)
    assert len(folded) <= 60


def test_a_jump_far_beyond_the_edge_is_told_roughly_until_the_edge_comes_by(
    live: tuple[Path, list[Board]], tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("BACK", 40), ("CLOSE", 10), ("LEAP", 3)):
        monkeypatch.setattr(history, name, value)
    past = History(tape, context_of(tape.meta.settings))
    far = past.board(COUNT - 1)
    assert far is not None
    assert same(far.frame, live[1][-1].frame)
    assert past.since == COUNT - 40 - 1
    assert {COUNT - 1 - n for n in range(11)} <= set(past._near)
    assert len(past._near) < 25
    past.board(COUNT - 3)
    assert past.since == COUNT - 40 - 1
    while past.edge < COUNT - 3:
        assert past.since is not None
        past.advance()
    assert past.since is None
    assert told(past.visited) == told(live[1][COUNT - 3]), "the edge came by"
    for number in (COUNT - 1, COUNT - 3, COUNT - 30):
        assert told(past.board(number)) == told(live[1][number])


def test_what_a_frame_says_by_itself_is_there_at_once(live: tuple[Path, list[Board]], tape: Tape) -> None:
    past = History(tape, CONTEXT)
    for number in (120, 3):
        seen = past.glimpse(number)
        assert seen is not None
        assert same(seen.frame, live[1][number].frame)
    assert past.edge == -1
    assert past.since is None


def test_a_long_tape_is_glanced_at_before_it_is_folded(
    live: tuple[Path, list[Board]], tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("LONG", 100), ("GLANCES", 30)):
        monkeypatch.setattr(glance, name, value)
    past = History(tape, CONTEXT)
    while past.glance():
        pass
    assert past.edge == -1
    assert past.stretches[0].begin == tape.at(0)
    assert past.surveyed_at == past.stretches[-1].end == tape.at(COUNT - 5)
    for _ in range(61):
        past.advance()
    exact = surveyed(tape)
    until = tape.at(60)
    known = [stretch for stretch in past.stretches if stretch.end < until]
    assert known == [stretch for stretch in exact.stretches if stretch.end < until] != []
    assert all(one.begin <= one.end <= two.begin for one, two in itertools.pairwise(past.stretches))
    while past.advance():
        pass
    assert past.stretches == exact.stretches
    assert told(past.board(70)) == told(live[1][70])


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, COUNT - 1), st.integers(0, 30), st.integers(0, 25)), max_size=8))
def test_wherever_one_jumps_in_any_order_it_is_the_fold_from_the_start(
    live: tuple[Path, list[Board]], tape: Tape, monkeypatch: pytest.MonkeyPatch, wishes: list[tuple[int, int, int]]
) -> None:
    jumped(live, tape, monkeypatch, wishes)


def jumped(
    live: tuple[Path, list[Board]], tape: Tape, monkeypatch: pytest.MonkeyPatch, wishes: list[tuple[int, int, int]]
) -> None:
    """Jumps that are given up on the way, and an edge that comes by meanwhile: rough is said, exact is exact."""
    small = ((history, "BACK", 40), (history, "CLOSE", 10), (history, "NEAR", 5), (checkpoints, "SPACING", 7))
    for module, name, value in (*small, (checkpoints, "BYTES", 40_000)):
        monkeypatch.setattr(module, name, value)
    past = History(tape, CONTEXT)
    for number, patience, ahead in wishes:
        for folded, _ in enumerate(past.towards(number)):
            if folded >= patience:
                break
        else:
            assert past.visited is not None
            assert same(past.visited.frame, live[1][number].frame)
            exact = past.since is None
            assert exact or number > past.edge + 40
            assert not exact or told(past.visited) == told(live[1][number])
        for _ in range(ahead):
            past.advance()
    while past.advance():
        pass
    for number, _, _ in wishes[:4]:
        assert told(past.board(number)) == told(live[1][number])


def test_a_gap_in_time_is_a_gap_between_levels() -> None:
    levels = Levels()
    for at, level in (
        (1.0, Level.OK),
        (2.0, Level.OK),
        (3.0, Level.CRITICAL),
        (4.0, Level.CRITICAL),
        (60.0, Level.OK),
    ):
        levels.add(at, level)
    assert [(s.begin, s.end, s.level) for s in levels.stretches] == [
        (1.0, 3.0, Level.OK),
        (3.0, 4.0, Level.CRITICAL),
        (60.0, 60.0, Level.OK),
    ]
    levels.forget(3.5)
    assert [(s.begin, s.end) for s in levels.stretches] == [(3.5, 4.0), (60.0, 60.0)]


# -- in memory


def test_memory_gives_back_what_went_in(live: tuple[Path, list[Board]]) -> None:
    reel = Recent(META)
    frames = [board.frame for board in live[1]]
    for number, made in enumerate(frames):
        assert reel.append(made) == number
        assert reel.frame(number) is made
    for number in (0, 149, 60, 59, 148):
        assert same(reel.frame(number) or frames[1], frames[number])
    assert reel.growing()
    reel.close()
    assert not reel.growing()


def test_memory_forgets_the_oldest_and_every_board_stays_as_it_was(
    live: tuple[Path, list[Board]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "SPACING", 10)
    reel = Recent(META, frames=50)
    past = History(reel, CONTEXT)
    for number, board in enumerate(live[1]):
        reel.append(board.frame)
        past.advance()
        if reel.overfull and (oldest := past.forget()) is not None:
            reel.forget(oldest)
        assert reel.last == number
        assert len(reel) <= 50
    assert reel.first == 100
    assert past.stretches[0].begin == reel.at(100)
    assert reel.find(0.0) == 100
    for number in (149, 100, 101, 125, 140, 100):
        assert told(past.board(number)) == told(live[1][number])
        assert same(reel.frame(number) or live[1][0].frame, live[1][number].frame)
    assert len(reel._records) < 50 + 60


def test_memory_is_bounded_by_bytes_too(live: tuple[Path, list[Board]]) -> None:
    reel = Recent(META, size=20_000)
    for board in live[1]:
        reel.append(board.frame)
    assert reel.overfull
    size = sum(len(payload) for _, payload in reel._records)
    reel.forget(130)
    assert reel._size == sum(len(payload) for _, payload in reel._records) < size


def test_a_frame_that_no_record_holds_is_shown_and_then_a_gap(live: tuple[Path, list[Board]]) -> None:
    frames = [board.frame for board in live[1][:4]]
    huge = msgspec.structs.replace(frames[2], context="x" * (9 << 20))
    reel = Recent(META)
    for made in (*frames[:2], huge):
        reel.append(made)
    assert reel.frame(2) is huge
    reel.append(frames[3])
    assert reel.frame(2) is None
    assert same(reel.frame(3) or frames[0], frames[3])
    assert reel.playable(2) == 3


class Engine:
    """Takes Frames from a session as the engine does, and lets a test wait for them."""

    def __init__(self, deck: Deck) -> None:
        self.deck = deck
        self.session = Session(deck.history.context, deck)
        self.seen: list[int] = []
        self.boards: list[Board] = []
        self.reading: asyncio.Future[None] | None = None

    async def run(self, test: Callable[[Engine], Awaitable[None]]) -> None:
        self.reading = asyncio.ensure_future(self._read())
        try:
            await asyncio.wait_for(test(self), 60)
        finally:
            self.reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.reading

    async def _read(self) -> None:
        async with contextlib.aclosing(self.session.frames()) as frames:
            async for each in frames:
                self.boards.append(self.session.fold(each))
                self.seen.append(self.deck.player.position)

    async def until(self, met: Callable[[], Any]) -> None:
        while not met():
            assert self.reading is not None
            if self.reading.done():
                self.reading.result()
            await asyncio.sleep(0.005)

    async def at(self, number: int, live: list[Board]) -> None:
        await self.until(lambda: self.seen and self.seen[-1] == number and self.deck.place.since_at is None)
        assert told(self.boards[-1]) == told(live[number])


def deck(tape: Reel, *, speed: float = 1.0, at: float | None = None, at_end: AtEnd = "stay") -> Deck:
    return Deck(tape, CONTEXT, "replay", speed=speed, at=at, at_end=at_end)


def run(played: Deck, test: Callable[[Engine], Awaitable[None]]) -> None:
    asyncio.run(Engine(played).run(test))


async def collected(played: Deck) -> list[Frame]:
    async with contextlib.aclosing(played.frames()) as frames:
        return [each async for each in frames]


def test_played_to_its_end_the_last_board_is_the_last_one_live(live: tuple[Path, list[Board]], tape: Tape) -> None:
    played = deck(tape, speed=1000, at_end="stop")
    shown = asyncio.run(collected(played))
    assert same(shown[-1], live[1][-1].frame)
    assert told(played.board) == told(live[1][-1])
    assert played.player.position == COUNT - 1


def test_slow_enough_every_frame_is_shown_with_the_instant_that_it_had(tmp_path: Path) -> None:
    frames = taped(tmp_path / "a.tape", 12)
    with Tape.open(tmp_path / "a.tape") as opened:
        shown = asyncio.run(collected(deck(opened, speed=10, at_end="stop")))
    assert list(dict.fromkeys(each.at for each in shown)) == [made.at for made in frames]


def test_at_high_speed_frames_are_folded_that_are_not_shown(live: tuple[Path, list[Board]], tape: Tape) -> None:
    shown = asyncio.run(collected(deck(tape, speed=200, at_end="stop")))
    at = list(dict.fromkeys(each.at for each in shown))
    assert len(at) < COUNT / 4
    assert at[-1] == live[1][-1].frame.at
    steps = [later - before for before, later in itertools.pairwise(at)]
    assert min(steps[:-1]) > 200 * LEAST_S - 2


def test_it_begins_where_it_is_told(live: tuple[Path, list[Board]], tape: Tape) -> None:
    played = deck(tape, at=live[1][100].frame.at + 0.2)
    played.pause()

    async def test(engine: Engine) -> None:
        await engine.at(100, live[1])
        assert set(engine.seen) == {100}

    run(played, test)


def test_pause_step_seek_and_go_on(live: tuple[Path, list[Board]], tape: Tape) -> None:
    played = deck(tape, speed=0.1)

    async def test(engine: Engine) -> None:
        await engine.at(0, live[1])
        played.step(1)
        await engine.at(1, live[1])
        played.step(-1)
        await engine.at(0, live[1])
        played.seek(live[1][90].frame.at)
        await engine.at(90, live[1])
        played.shift(-60)
        await engine.at(tape.find(tape.at(90) - 60), live[1])
        assert played.go("+2m") == ""
        await engine.at(tape.find(tape.at(0) + 120), live[1])
        assert "is after the end" in played.go("+2d")
        assert "is no time" in played.go("soon")
        played.newest()
        await engine.at(COUNT - 1, live[1])
        assert played.begin().startswith("the beginning: ")
        await engine.at(0, live[1])
        played.step(3)
        played.step(3)
        await engine.at(6, live[1])
        assert played.player.paused
        assert played.pace(4) == "speed 0.4"
        played.player.set_speed(1000)
        played.pause()
        await engine.at(COUNT - 1, live[1])
        before = len(engine.seen)
        played.pause()
        played.pause()
        await engine.until(lambda: 0 in engine.seen[before:])

    run(played, test)


def test_a_far_jump_is_seen_at_once_then_with_its_histories_then_exactly(
    live: tuple[Path, list[Board]], tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name, value in ((history, "BACK", 40), (history, "CLOSE", 10), (deck_module, "SLICE_S", 0.0)):
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(deck_module, "HASTE_S", 0.05)
    monkeypatch.setattr(deck_module, "GLIMPSE_S", 0.0)
    played = deck(tape, at=tape.at(140))
    played.pause()
    since: list[float | None] = []

    async def test(engine: Engine) -> None:
        def settled() -> bool:
            if engine.seen:
                since.append(played.place.since_at)
            return bool(since) and since[-1] is None

        await engine.until(settled)
        assert list(dict.fromkeys(since)) == [tape.at(140), tape.at(100), None]
        assert all(same(board.frame, live[1][140].frame) for board in engine.boards)
        await engine.at(140, live[1])
        assert played.place.folded_at >= tape.at(140)

    run(played, test)


def test_what_is_folded_soon_is_shown_when_it_is_whole(
    live: tuple[Path, list[Board]], tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deck_module, "SLICE_S", 0.0)
    monkeypatch.setattr(deck_module, "GLIMPSE_S", 1e9)
    played = deck(tape, at=tape.at(140))
    played.pause()

    async def test(engine: Engine) -> None:
        await engine.until(lambda: engine.seen)
        assert told(engine.boards[0]) == told(live[1][140])

    run(played, test)


def test_while_time_stands_still_the_same_board_is_told_again(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player, "REPEAT_S", 0.02)
    played = deck(tape, at=tape.at(70))
    played.pause()

    async def test(engine: Engine) -> None:
        await engine.until(lambda: engine.seen and engine.deck.place.since_at is None)
        settled = len(engine.seen) - 1
        await engine.until(lambda: len(engine.seen) > settled + 4)
        assert set(engine.seen) == {70}
        assert len({id(board) for board in engine.boards[settled:]}) == 1

    run(played, test)


def test_repeating_does_not_hold_up_a_slow_tape(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player, "REPEAT_S", 0.02)

    async def test(engine: Engine) -> None:
        await engine.until(lambda: engine.seen and engine.seen[-1] == 2)
        assert engine.seen.count(0) > 2

    run(deck(tape, speed=4), test)


def test_a_loop_begins_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player, "REWIND_S", 0.05)
    taped(tmp_path / "a.tape", 5)

    async def test(engine: Engine) -> None:
        await engine.until(lambda: 4 in engine.seen and 0 in engine.seen[engine.seen.index(4) :])

    with Tape.open(tmp_path / "a.tape") as opened:
        run(deck(opened, speed=100, at_end="loop"), test)


def test_a_tape_that_is_being_written_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player, "POLL_S", 0.02)
    frames = list(Stack(3).frames(10))
    writer = Writer(tmp_path / "a.tape", META)
    for made in frames[:5]:
        writer.frame(made)

    async def test(engine: Engine) -> None:
        await engine.until(lambda: engine.seen and engine.seen[-1] == 4)
        assert engine.deck.player.following
        for made in frames[5:]:
            writer.frame(made)
        await engine.until(lambda: engine.seen[-1] == 9)

    with Tape.open(tmp_path / "a.tape") as opened:
        run(deck(opened, speed=100), test)
    writer.close()


def test_a_tape_that_is_cut_short_while_it_is_played_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    taped(path, 30)

    async def test(engine: Engine) -> None:
        await engine.until(lambda: engine.seen)
        assert engine.deck.place.reel_trouble is None
        path.write_bytes(b"")
        await engine.until(lambda: engine.deck.place.reel_trouble == "the file was cut short")

    with Parts.open(path) as opened:
        run(deck(opened, speed=4), test)


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
        shown = asyncio.run(collected(deck(opened, speed=1000, at_end="stop")))
        assert shown[-1].at == pytest.approx(opened.at(129), abs=0.001)
        played = deck(opened)
        played.pause()

        async def test(engine: Engine) -> None:
            await engine.until(lambda: engine.seen)
            played.player.go(70)
            await engine.until(lambda: engine.seen[-1] == broken[-1] + 1)
            played.step(-1)
            await engine.until(lambda: engine.seen[-1] == 69)

        run(played, test)


def test_the_settings_of_a_tape_reach_nothing(tape: Tape) -> None:
    context = context_of(tape.meta.settings)
    assert context.name == "test"
    assert (
        context.postgres.url is context.redis.url is context.rabbitmq.url is context.rabbitmq.management_url is None
    )
    assert context.health == ()


# -- live


class Tap:
    """A live feed that the test opens Frame by Frame."""

    def __init__(self, frames: list[Frame]) -> None:
        self.waiting: asyncio.Queue[Frame | Exception | None] = asyncio.Queue()
        self.rest = frames
        self.closed = 0

    def flow(self, count: int) -> None:
        for _ in range(count):
            self.waiting.put_nowait(self.rest.pop(0))

    async def frames(self) -> AsyncGenerator[Frame, None]:
        try:
            while (frame := await self.waiting.get()) is not None:
                if isinstance(frame, Exception):
                    raise frame
                yield frame
        finally:
            self.closed += 1


def on_tap(
    live: list[Board], test: Callable[[Engine, Tap], Awaitable[None]], at_end: AtEnd = "stay", frames: int = 7200
) -> None:
    async def main() -> None:
        tap = Tap([board.frame for board in live])
        reel = Recent(META, frames=frames)
        await Engine(Deck(reel, CONTEXT, "live", source=tap, at_end=at_end)).run(lambda engine: test(engine, tap))
        assert tap.closed == 1

    asyncio.run(main())


def test_live_every_frame_is_shown_when_it_comes(live: tuple[Path, list[Board]]) -> None:
    async def test(engine: Engine, tap: Tap) -> None:
        for number in range(12):
            tap.flow(1)
            await engine.at(number, live[1])
        assert engine.seen == list(range(12))
        assert engine.deck.place.following
        assert not engine.deck.place.paused

    on_tap(live[1], test)


def test_live_one_steps_back_while_collection_goes_on_and_returns(live: tuple[Path, list[Board]]) -> None:
    async def test(engine: Engine, tap: Tap) -> None:
        tap.flow(100)
        await engine.at(99, live[1])
        deck = engine.deck
        deck.step(-1)
        await engine.at(98, live[1])
        deck.shift(-60)
        await engine.at(deck.reel.find(deck.reel.at(98) - 60), live[1])
        stood = engine.seen[-1]
        told_before = len(engine.seen)
        tap.flow(20)
        await engine.until(lambda: deck.reel.last == 119 and len(engine.seen) > told_before)
        assert engine.seen[-1] == stood
        place = deck.place
        assert (place.grows, place.paused, place.following) == (True, True, False)
        assert place.behind_s == pytest.approx(live[1][119].frame.at - live[1][stood].frame.at, abs=0.01)
        assert place.stretches[-1].end == pytest.approx(live[1][119].frame.at, abs=0.01)
        deck.newest()
        await engine.at(119, live[1])
        tap.flow(1)
        await engine.at(120, live[1])
        assert deck.place.following

    on_tap(live[1], test)


def test_live_who_only_stood_still_goes_on_with_the_newest(live: tuple[Path, list[Board]]) -> None:
    async def test(engine: Engine, tap: Tap) -> None:
        tap.flow(10)
        await engine.at(9, live[1])
        engine.deck.pause()
        tap.flow(10)
        await engine.until(lambda: engine.deck.reel.last == 19)
        assert engine.seen[-1] == 9
        engine.deck.pause()
        await engine.at(19, live[1])
        assert engine.deck.place.following

    on_tap(live[1], test)


def test_live_who_went_back_plays_on_from_there_and_catches_up(live: tuple[Path, list[Board]]) -> None:
    async def test(engine: Engine, tap: Tap) -> None:
        tap.flow(60)
        await engine.at(59, live[1])
        engine.deck.step(-40)
        await engine.at(19, live[1])
        engine.deck.pace(512)
        engine.deck.pause()
        await engine.at(59, live[1])
        assert engine.deck.place.following
        tap.flow(1)
        await engine.at(60, live[1])

    on_tap(live[1], test)


def test_live_what_is_forgotten_while_one_looks_moves_on_to_the_oldest(
    live: tuple[Path, list[Board]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "SPACING", 10)

    async def test(engine: Engine, tap: Tap) -> None:
        tap.flow(40)
        await engine.at(39, live[1])
        engine.deck.begin()
        engine.deck.pause()
        await engine.at(0, live[1])
        tap.flow(60)
        await engine.until(lambda: engine.deck.reel.last == 99)
        await engine.at(engine.deck.reel.first, live[1])
        assert engine.deck.reel.first == 60

    on_tap(live[1], test, frames=40)


def test_live_a_source_that_fails_is_told_and_can_be_opened_again(live: tuple[Path, list[Board]]) -> None:
    async def test(engine: Engine, tap: Tap) -> None:
        tap.flow(5)
        await engine.at(4, live[1])
        tap.waiting.put_nowait(OSError("gone"))
        assert engine.reading is not None
        with pytest.raises(OSError, match="gone"):
            await engine.reading
        tap.closed -= 1
        engine.reading = asyncio.ensure_future(engine._read())
        tap.flow(1)
        await engine.at(5, live[1])
        engine.reading.cancel()
        await asyncio.wait([engine.reading])

    on_tap(live[1], test)


def test_live_a_source_that_ends_is_a_finished_reel(live: tuple[Path, list[Board]]) -> None:
    async def test(engine: Engine, tap: Tap) -> None:
        tap.flow(5)
        tap.waiting.put_nowait(None)
        assert engine.reading is not None
        await engine.reading
        assert engine.seen[-1] == 4
        assert not engine.deck.place.grows

    on_tap(live[1], test, at_end="stop")


def test_a_jump_gives_way_to_the_next(
    live: tuple[Path, list[Board]], tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unstick.feeds.deck.SLICE_S", 0.0)
    played = deck(tape)

    async def test(engine: Engine) -> None:
        await engine.until(lambda: engine.seen)
        played.player.go(COUNT - 1)
        await asyncio.sleep(0)
        played.player.go(3)
        await engine.at(3, live[1])

    run(played, test)


def test_an_empty_reel_that_ends_plays_nothing() -> None:
    reel = Recent(META)
    reel.close()
    assert asyncio.run(collected(Deck(reel, CONTEXT, "live", at_end="stop"))) == []
    assert Player(reel).position == 0
