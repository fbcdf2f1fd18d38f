"""The lane: one question at a time, deadlines that close sockets, patience with servers that are away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from unstick.backends.base import BackendError, failure
from unstick.facts.host import HostFacts
from unstick.facts.reading import Cost, Fresh, Missing, Source, Stale, TroubleKind
from unstick.pollers import base
from unstick.pollers.base import Lane

FACT = HostFacts("h", 1.0, 1, None, None, None, 1.0, 1, 1, 0.0, (), None, None, None, None, 1, (), None, 1)


class Wire:
    """A connection that notes what was done to it."""

    def __init__(self, refuse: Callable[[], BackendError | None] = lambda: None) -> None:
        self.opened = self.aborted = self.closed = 0
        self._refuse = refuse

    async def open(self) -> None:
        self.opened += 1
        error = self._refuse()
        if error:
            raise error

    def abort(self) -> None:
        self.aborted += 1

    async def close(self) -> None:
        self.closed += 1

    def take_cost(self) -> Cost:
        return Cost(3, 200, 20)


class Question:
    """A poller that answers what the test says."""

    def __init__(self, name: str = "q", interval_s: float = 0.01) -> None:
        self.source = Source(name, "host", "host", interval_s)
        self.asked = 0
        self.answer: Callable[[], HostFacts] = lambda: FACT
        self.hang = False
        self.running = 0
        self.most_running = 0

    async def look(self, _connection: Wire) -> HostFacts:
        self.asked += 1
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            if self.hang:
                await asyncio.sleep(3600)
            await asyncio.sleep(0)
            return self.answer()
        finally:
            self.running -= 1


def refusing(error: BackendError) -> Callable[[], HostFacts]:
    def answer() -> HostFacts:
        raise error

    return answer


async def once(lane: Lane[Wire]) -> None:
    await lane.once()


def test_an_answer_is_fresh_and_says_what_it_cost() -> None:
    lane = Lane(Wire(), [Question()])
    assert isinstance(lane.observations()[0].reading, Missing)
    asyncio.run(once(lane))
    reading = lane.observations()[0].reading
    assert isinstance(reading, Fresh)
    assert (reading.cost.queries, reading.cost.bytes_in, reading.cost.bytes_out) == (3, 200, 20)
    assert reading.cost.took_s > 0


def test_a_deadline_closes_the_socket_and_names_itself() -> None:
    wire, question = Wire(), Question()
    question.hang = True
    lane = Lane(wire, [question], deadline_s=0.02)
    asyncio.run(once(lane))
    reading = lane.observations()[0].reading
    assert isinstance(reading, Missing)
    assert reading.trouble.kind is TroubleKind.TIMEOUT
    assert wire.aborted >= 1
    assert question.running == 0


def test_a_second_look_asks_again_what_has_aged_and_spares_what_failed() -> None:
    aged, young, failed = Question("aged", 0.001), Question("young", 3600.0), Question("failed", 0.001)
    failed.answer = refusing(failure(TroubleKind.SCHEMA, "no column x"))
    lane = Lane(Wire(), [aged, young, failed])

    async def looks() -> None:
        await lane.once()
        await asyncio.sleep(0.05)
        await lane.once({"nothing"})

    asyncio.run(looks())
    assert (aged.asked, young.asked, failed.asked) == (2, 1, 1)


def test_a_failure_after_an_answer_is_stale_and_keeps_the_value() -> None:
    question = Question()
    lane = Lane(Wire(), [question])
    asyncio.run(once(lane))
    question.answer = refusing(failure(TroubleKind.SCHEMA, "no column x"))
    asyncio.run(once(lane))
    first = lane.observations()[0].reading
    assert isinstance(first, Stale)
    asyncio.run(once(lane))
    second = lane.observations()[0].reading
    assert isinstance(second, Stale)
    assert second.value == FACT
    assert second.since == first.since, "the failure began once"


def test_a_failure_of_one_question_leaves_the_connection_and_the_others() -> None:
    wire, bad, good = Wire(), Question("bad"), Question("good")
    bad.answer = refusing(failure(TroubleKind.DENIED, "needs: GRANT SELECT", transport=False))
    lane = Lane(wire, [bad, good])
    asyncio.run(once(lane))
    assert wire.aborted == 0
    assert isinstance(lane.observations()[1].reading, Fresh)


def test_a_lost_connection_is_the_trouble_of_every_question_on_it() -> None:
    wire, first, second = Wire(), Question("first"), Question("second")
    lane = Lane(wire, [first, second])
    asyncio.run(once(lane))
    first.answer = refusing(failure(TroubleKind.CLOSED, "gone", transport=True))
    second.answer = refusing(failure(TroubleKind.CLOSED, "gone", transport=True))
    asyncio.run(once(lane))
    assert all(isinstance(o.reading, Stale) for o in lane.observations())
    assert wire.aborted >= 1


def test_an_unexpected_error_is_a_reading_too() -> None:
    question = Question()
    question.answer = refusing(ZeroDivisionError("division"))  # type: ignore[arg-type]
    lane = Lane(Wire(), [question])
    asyncio.run(once(lane))
    reading = lane.observations()[0].reading
    assert isinstance(reading, Missing)
    assert reading.trouble.kind is TroubleKind.INTERNAL
    assert "ZeroDivisionError" in reading.trouble.text


async def run_until(lane: Lane[Wire], done: Callable[[], bool]) -> None:
    task = asyncio.ensure_future(lane.run())
    async with asyncio.timeout(10):
        while not done():  # the condition is the test's own
            await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.wait({task})


def test_questions_are_asked_one_at_a_time_and_the_connection_is_closed_at_the_end() -> None:
    wire, a, b = Wire(), Question("a", 0.001), Question("b", 0.001)
    asyncio.run(run_until(Lane(wire, [a, b]), lambda: a.asked > 5 and b.asked > 5))
    assert (a.most_running, b.most_running) == (1, 1)
    assert wire.closed == 1


def test_a_server_that_is_away_is_asked_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    def uniform(low: float, high: float) -> float:
        assert low == high / 2, "full jitter over the upper half"
        pauses.append(high)
        return 0.0

    monkeypatch.setattr("random.uniform", uniform)
    monkeypatch.setattr(base, "REST_S", 0.0)
    wire = Wire(lambda: failure(TroubleKind.REFUSED, "refused", transport=True))
    asyncio.run(run_until(Lane(wire, [Question(interval_s=0.001)]), lambda: len(pauses) >= 7))
    assert pauses[:6] == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_a_wrong_password_is_not_tried_again_soon() -> None:
    wire = Wire(lambda: failure(TroubleKind.AUTH, "password refused", transport=True))

    async def scenario() -> None:
        task = asyncio.ensure_future(Lane(wire, [Question(interval_s=0.001)]).run())
        await asyncio.sleep(0.2)
        task.cancel()
        await asyncio.wait({task})

    asyncio.run(scenario())
    assert wire.opened == 1
    assert base.BREAKER_S == 30.0


def test_a_source_that_asks_to_be_left_alone_is() -> None:
    question = Question(interval_s=0.001)
    question.answer = refusing(failure(TroubleKind.OVERLOAD, "429", retry_after_s=60.0))

    async def scenario() -> None:
        task = asyncio.ensure_future(Lane(Wire(), [question]).run())
        await asyncio.sleep(0.2)
        task.cancel()
        await asyncio.wait({task})

    asyncio.run(scenario())
    assert question.asked == 1


def test_a_lost_connection_is_tried_again_soon_however_long_the_interval() -> None:
    wire, question = Wire(), Question(interval_s=3600.0)
    lost = iter([failure(TroubleKind.CLOSED, "gone", transport=True)])
    question.answer = lambda: next((refusing(error)() for error in lost), FACT)
    asyncio.run(run_until(Lane(wire, [question]), lambda: question.asked == 2))
    assert wire.aborted == 1


def test_the_wait_for_a_deadline_is_a_part_of_the_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("unstick.clock.monotonic", lambda: now)
    monkeypatch.setattr("random.uniform", lambda _, high: high)
    question = Question()

    def hung(seconds: float) -> Callable[[], HostFacts]:
        def answer() -> HostFacts:
            nonlocal now
            now += seconds
            raise failure(TroubleKind.TIMEOUT, "no answer", transport=True)

        return answer

    lane = Lane(Wire(), [question])
    question.answer = hung(0.4)
    asyncio.run(once(lane))
    assert lane._resume == 100.0 + 2 * base.BACKOFF_FIRST_S, "0.4 s of it are over"
    now = 200.0
    question.answer = hung(60.0)
    asyncio.run(once(lane))
    assert lane._resume == 260.0 + base.REST_S, "all of it is over: a short rest is left"


def test_a_driver_that_cancels_whoever_waits_does_not_end_the_lane() -> None:
    question = Question()
    question.answer = refusing(asyncio.CancelledError())  # type: ignore[arg-type]
    lane = Lane(Wire(), [question])
    asyncio.run(once(lane))
    reading = lane.observations()[0].reading
    assert isinstance(reading, Missing)
    assert reading.trouble.kind is TroubleKind.CLOSED


def test_a_question_that_breaks_the_connection_each_time_leaves_the_others_their_turn() -> None:
    breaking, other = Question("breaking"), Question("other")
    breaking.answer = refusing(failure(TroubleKind.CLOSED, "gone", transport=True))
    lane = Lane(Wire(), [breaking, other])
    asyncio.run(run_until(lane, lambda: breaking.asked == 2))
    assert other.asked >= 1


def test_a_slow_server_is_asked_less(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("unstick.clock.monotonic", lambda: now)
    question = Question(interval_s=1.0)

    def slow() -> HostFacts:
        nonlocal now
        now += 2.0
        return FACT

    question.answer = slow
    lane = Lane(Wire(), [question])
    asyncio.run(once(lane))
    assert lane._questions[0].due == 100.0 + 2.0 + 3 * 2.0, "the pause is three times the look"
    question.answer = refusing(failure(TroubleKind.TIMEOUT, "statement timeout"))
    asyncio.run(once(lane))
    assert lane._questions[0].due == now + 1.0, "a quick failure waits for its interval"


def test_one_look_ends_with_the_connection() -> None:
    first, second = Question("first"), Question("second")
    first.answer = refusing(failure(TroubleKind.CLOSED, "gone", transport=True))
    lane = Lane(Wire(), [first, second])
    asyncio.run(once(lane))
    assert (first.asked, second.asked) == (1, 0)
    assert [o.reading.trouble.kind for o in lane.observations()] == [TroubleKind.CLOSED] * 2  # type: ignore[union-attr]
