"""Who lives: heartbeats that move, clocks that lie, threads that hang."""

from __future__ import annotations

import pytest

from tests.unit.boards import T0, crawler, dramatiq, frame, fresh, missing, played, stale
from unstick.facts.crawler import CrawlerWorker
from unstick.facts.dramatiq import DramatiqProcess, DramatiqQueue
from unstick.facts.frame import Frame
from unstick.facts.level import Level


def beating(seconds: int, offset: float = 0.0, held: int = 0, mark: str | None = None, ready: int = 0) -> list[Frame]:
    """A process that beats every second with a clock ``offset`` seconds off."""
    frames = []
    for second in range(seconds):
        at = T0 + second
        process = DramatiqProcess("w1", at + offset, held, 0, mark)
        queue = DramatiqQueue("default", ready, held, 0, 0)
        frames.append(frame(at, fresh("dramatiq", dramatiq(at, (process,), (queue,)), at)))
    return frames


@pytest.mark.parametrize("offset", [0.0, -3600.0, 3600.0, -0.4])
def test_a_moving_heartbeat_lives_whatever_its_clock_says(offset: float) -> None:
    workers = played(beating(5, offset)).subjects.workers
    assert workers is not None
    assert workers.items[0].life == "alive"
    assert (workers.total, workers.alive, workers.dead) == (1, 1, 0)


def test_one_look_at_an_old_heartbeat_decides_nothing() -> None:
    board = played(beating(1, offset=-3600.0, held=3))
    assert board.subjects.workers is not None
    assert board.subjects.workers.items[0].life == "unknown"
    assert board.undecided


def silent(held: int) -> list[Frame]:
    process = DramatiqProcess("w1", T0 - 3600.0, held, 0, "m" if held else None)
    looks = (T0, T0 + 1.2)
    return [frame(at, fresh("dramatiq", dramatiq(at, (process,)), at)) for at in looks]


def test_a_frozen_heartbeat_that_holds_messages_is_dead() -> None:
    workers = played(silent(held=4)).subjects.workers
    assert workers is not None
    assert workers.items[0].life == "dead"
    assert workers.items[0].level is Level.CRITICAL
    assert workers.items[0].last_seen_s == pytest.approx(3601.2)
    assert workers.dead == 1


def test_a_frozen_heartbeat_that_never_moved_and_holds_nothing_has_left() -> None:
    board = played(silent(held=0))
    workers = board.subjects.workers
    assert workers is not None
    assert workers.items[0].life == "left"
    assert workers.total == 0
    assert not any(finding.subject == "workers" for finding in board.findings)


def test_a_worker_that_beats_but_acknowledges_nothing_while_messages_wait_stalls() -> None:
    frames = beating(310, held=8, mark="same-ids", ready=198)
    assert played(frames[:290]).subjects.workers.items[0].life == "alive"  # type: ignore[union-attr]
    board = played(frames)
    assert board.subjects.workers is not None
    assert board.subjects.workers.items[0].life == "stalled"
    assert "acknowledged nothing" in board.findings[0].title


def test_a_long_task_on_an_empty_queue_does_not_stall() -> None:
    workers = played(beating(310, held=1, mark="same-ids", ready=0)).subjects.workers
    assert workers is not None
    assert workers.items[0].life == "alive"


def test_unseen_redis_makes_workers_unknown_and_counts_nothing() -> None:
    process = DramatiqProcess("w1", T0, 0, 0)
    value = dramatiq(T0, (process,))
    frames = [frame(T0, fresh("dramatiq", value, T0)), frame(T0 + 30, stale("dramatiq", value, T0, T0 + 1))]
    board = played(frames)
    workers = board.subjects.workers
    assert workers is not None
    assert workers.items[0].life == "unknown"
    assert (workers.total, workers.alive, workers.dead) == (None, None, None)
    assert workers.level is Level.UNKNOWN


def test_a_short_hiccup_keeps_the_counts() -> None:
    process = DramatiqProcess("w1", T0, 0, 0)
    value = dramatiq(T0, (process,))
    frames = [frame(T0, fresh("dramatiq", value, T0)), frame(T0 + 3, stale("dramatiq", value, T0, T0 + 1))]
    workers = played(frames).subjects.workers
    assert workers is not None
    assert workers.total == 1


def test_a_source_never_seen_is_unknown_not_zero() -> None:
    board = played([frame(T0, missing("dramatiq", T0))])
    assert board.subjects.workers is not None
    assert board.subjects.workers.total is None
    assert board.subjects.queues is not None
    assert board.subjects.queues.waiting is None


def containers(at: float, beat_at: dict[str, float | None]) -> Frame:
    workers = tuple(
        CrawlerWorker(name, name.partition("_")[0], 1, 1 if beat else 0, beat, T0 - 7200)
        for name, beat in beat_at.items()
    )
    return frame(at, fresh("crawler", crawler(at, workers=workers), at))


def test_a_container_is_gone_when_none_of_its_workers_gives_a_sign() -> None:
    beats: dict[str, float | None] = {"dead_1": T0 - 3600, "dead_2": T0 - 3500, "live_1": T0, "live_2": T0 - 3600}
    board = played([containers(T0, beats), containers(T0 + 2, beats)])
    workers = board.subjects.workers
    assert workers is not None
    assert {c.id: c.gone for c in workers.containers} == {"dead": True, "live": False}
    assert workers.dead == 3
    assert board.findings[0].id == "proxies-held-by-dead:dead"
    titles = [finding.title for finding in board.findings]
    assert not any("dead_1" in title for title in titles), "a gone container is one cause, not two workers"
    assert any("live_2" in title for title in titles)


def test_a_worker_between_two_tasks_lives_by_its_last_beat() -> None:
    frames = [containers(T0 + s, {"c_1": T0 + s}) for s in range(3)]
    frames.append(containers(T0 + 10, {"c_1": None}))
    workers = played(frames).subjects.workers
    assert workers is not None
    assert workers.items[0].life == "alive"
