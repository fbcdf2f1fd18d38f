"""The engine: newest picture in one place, one wake-up pending, trouble told without secrets, closed in time."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncGenerator, Callable

import pytest

from tests.tui.samples import quiet
from unstick.facts.frame import Frame, Observation
from unstick.facts.reading import Missing, Source, Trouble, TroubleKind
from unstick.tui.engine import Engine, News, where
from unstick.views.screen import Told


def frame(seq: int) -> Frame:
    return Frame(seq, 1000.0 + seq, "test", ())


def until(met: Callable[[], bool], timeout_s: float = 10.0) -> bool:
    end = time.monotonic() + timeout_s
    while not met() and time.monotonic() < end:
        time.sleep(0.005)
    return met()


class Story:
    """Tells the frame's number as the screen's first header part; fails where it is told to."""

    cursor = None

    def __init__(self, bad: frozenset[int] = frozenset()) -> None:
        self.bad = bad
        self.threads: set[str] = set()

    def fold(self, frame: Frame) -> object:
        self.threads.add(threading.current_thread().name)
        if frame.seq in self.bad:
            raise ValueError("password hunter2")
        return frame.seq

    def tell(self, board: object) -> Told:
        told = quiet()
        return Told((str(board),), told.verdict, told.panes)  # type: ignore[arg-type]


class Feed:
    """Runs ``script`` and remembers that it was closed."""

    def __init__(self, script: Callable[[], AsyncGenerator[Frame, None]]) -> None:
        self.script = script
        self.opened = 0
        self.closed = 0

    async def frames(self) -> AsyncGenerator[Frame, None]:
        self.opened += 1
        try:
            async for frame in self.script():
                yield frame
        finally:
            self.closed += 1


def number(news: News) -> object:
    return news.told.header[0] if news.told else None


def test_the_newest_picture_waits_and_only_one_wake_is_pending() -> None:
    async def script() -> AsyncGenerator[Frame, None]:
        for seq in range(50):
            yield frame(seq)

    wakes: list[int] = []
    story = Story()
    engine = Engine(Feed(script), story, lambda: wakes.append(1))
    engine.start()
    assert until(lambda: engine._news.ended)
    assert len(wakes) == 1
    news = engine.take()
    assert (number(news), news.at, news.ended, news.trouble) == ("49", 1049.0, True, None)
    assert story.threads == {"unstick-engine"}
    assert engine.stop()


def test_after_taking_the_next_picture_wakes_again() -> None:
    gate = threading.Event()

    async def script() -> AsyncGenerator[Frame, None]:
        yield frame(0)
        while not gate.is_set():
            await asyncio.sleep(0.005)
        yield frame(1)
        yield frame(2)

    wakes: list[int] = []
    engine = Engine(Feed(script), Story(), lambda: wakes.append(1))
    engine.start()
    assert until(lambda: len(wakes) == 1)
    assert number(engine.take()) == "0"
    gate.set()
    assert until(lambda: engine._news.ended)
    assert len(wakes) == 2
    assert number(engine.take()) == "2"
    assert engine.stop()


def test_a_frame_that_cannot_be_told_keeps_the_last_picture_and_hides_the_text_of_the_error() -> None:
    gate = threading.Event()

    async def script() -> AsyncGenerator[Frame, None]:
        yield frame(0)
        yield frame(1)
        while not gate.is_set():
            await asyncio.sleep(0.005)
        yield frame(2)

    engine = Engine(Feed(script), Story(frozenset({1})), lambda: None)
    engine.start()
    assert until(lambda: engine._news.trouble is not None)
    news = engine.take()
    assert number(news) == "0"
    assert news.trouble is not None
    assert news.trouble.startswith("frame 1 could not be told: ValueError at test_engine.py:")
    assert "hunter2" not in news.trouble
    gate.set()
    assert until(lambda: number(engine._news) == "2")
    assert engine.take().trouble is None
    assert engine.stop()


def test_a_feed_that_breaks_is_told_and_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unstick.tui.engine._FIRST_RETRY_S", 0.01)

    async def script() -> AsyncGenerator[Frame, None]:
        yield frame(0)
        raise OSError("redis://:hunter2@host")

    feed = Feed(script)
    engine = Engine(feed, Story(), lambda: None)
    engine.start()
    assert until(lambda: feed.opened >= 3)
    assert until(lambda: engine._news.trouble is not None)
    news = engine.take()
    assert news.trouble is not None
    assert news.trouble.startswith("the feed broke: OSError at test_engine.py:")
    assert "hunter2" not in news.trouble
    assert engine.stop()
    assert feed.closed == feed.opened


def test_stopping_closes_the_feed_and_ends_the_thread() -> None:
    async def script() -> AsyncGenerator[Frame, None]:
        yield frame(0)
        await asyncio.sleep(3600)

    feed = Feed(script)
    engine = Engine(feed, Story(), lambda: None)
    engine.start()
    assert until(lambda: number(engine._news) == "0")
    assert engine.stop()
    assert feed.closed == 1
    assert not engine._thread.is_alive()


def test_a_feed_that_does_not_close_is_given_up() -> None:
    held = threading.Event()

    async def script() -> AsyncGenerator[Frame, None]:
        yield frame(0)
        held.wait(20)  # blocks the engine's loop, as a bad driver would

    engine = Engine(Feed(script), Story(), lambda: None)
    engine.start()
    assert until(lambda: number(engine._news) == "0")
    began = time.monotonic()
    assert not engine.stop(0.2)
    assert time.monotonic() - began < 5
    held.set()
    assert until(lambda: not engine._thread.is_alive())


def test_an_engine_that_never_started_stops() -> None:
    assert Engine(Feed(lambda: None), Story(), lambda: None).stop()  # type: ignore[arg-type, return-value]


def test_an_error_is_placed_but_not_quoted() -> None:
    with pytest.raises(KeyError) as caught:
        dict[str, str]()["secret"]
    assert where(caught.value).startswith("KeyError at test_engine.py:")
    assert "secret" not in where(caught.value)


async def _one_then_silence() -> AsyncGenerator[Frame, None]:
    yield frame(0)
    await asyncio.sleep(3600)


def test_what_is_in_flight_is_finished_in_the_engines_thread_while_the_feed_is_open() -> None:
    feed = Feed(_one_then_silence)
    done: list[tuple[str, int]] = []

    async def finish() -> None:
        await asyncio.sleep(0.05)
        done.append((threading.current_thread().name, feed.closed))

    engine = Engine(feed, Story(), lambda: None)
    engine.on_leave(finish)
    engine.on_leave(finish)
    engine.start()
    assert until(lambda: number(engine._news) == "0")
    assert engine.stop(10)
    assert done == [("unstick-engine", 0), ("unstick-engine", 0)]
    assert feed.closed == 1


def test_what_is_no_longer_in_flight_is_not_asked_to_finish() -> None:
    asked: list[int] = []

    async def finish() -> None:
        asked.append(1)

    engine = Engine(Feed(_one_then_silence), Story(), lambda: None)
    engine.on_leave(finish)()
    engine.start()
    assert until(lambda: number(engine._news) == "0")
    assert engine.stop(10)
    assert asked == []


def test_what_does_not_finish_in_time_can_write_down_that_its_outcome_is_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("unstick.tui.engine.PARTING_S", 0.05)
    monkeypatch.setattr("unstick.tui.engine._LAST_WORDS_S", 0.05)
    written: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            written.append("unknown")
            raise

    async def deaf() -> None:
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.5)
            if written:
                return

    async def broken() -> None:
        raise OSError("disk")

    feed = Feed(_one_then_silence)
    engine = Engine(feed, Story(), lambda: None)
    for finish in (slow, deaf, broken):
        engine.on_leave(finish)
    engine.start()
    assert until(lambda: number(engine._news) == "0")
    assert engine.stop(10)
    assert written == ["unknown"]
    assert feed.closed == 1


def test_an_engine_that_is_left_before_it_began_reads_nothing() -> None:
    feed = Feed(_one_then_silence)
    engine = Engine(feed, Story(), lambda: None)
    engine.part()
    engine.start()
    assert engine.stop(10)
    assert feed.opened == 0


def test_complete_is_the_picture_in_which_nothing_is_pending() -> None:
    source = Source("a", "a", "a", 1.0)
    pending = Observation(source, Missing(Trouble(TroubleKind.PENDING, "not asked yet"), 0.0))
    refused = Observation(source, Missing(Trouble(TroubleKind.REFUSED, "refused"), 0.0))
    gates = [threading.Event(), threading.Event()]

    async def script() -> AsyncGenerator[Frame, None]:
        yield Frame(0, 1000.0, "test", (pending, pending))
        while not gates[0].is_set():
            await asyncio.sleep(0.005)
        yield Frame(1, 1001.0, "test", (pending, refused))
        while not gates[1].is_set():
            await asyncio.sleep(0.005)
        yield Frame(2, 1002.0, "test", (refused, refused))

    engine = Engine(Feed(script), Story(), lambda: None)
    engine.start()
    assert until(lambda: number(engine._news) == "0")
    assert engine.take().bare
    gates[0].set()
    assert until(lambda: number(engine._news) == "1")
    assert not engine.take().bare
    assert not engine.complete.is_set()
    gates[1].set()
    assert engine.complete.wait(10)
    assert engine.stop()
