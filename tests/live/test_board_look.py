"""``i`` on the board asks a real Celery worker, once, on the broker whose events tell of it; a recording asks nobody."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import redis

from tests.lab.workers import CeleryWorker
from tests.live.systems import watching_only
from tests.live.test_board_actions import until
from tests.tui.stand import Stand
from tests.tui.timed import TimedStand, tape_on_stage
from tests.unit.tapes import taped
from unstick.backends.celery_inspect import METHODS
from unstick.cli.live import inspect_of
from unstick.cli.live_session import LiveSession
from unstick.config import Loaded
from unstick.secret import Url
from unstick.settings import Celery
from unstick.tui.app import BoardApp
from unstick.tui.asking import NO_ANSWERS
from unstick.tui.engine import Engine
from unstick.tui.options import BoardOptions


@pytest.mark.usefixtures("hasty")
def test_i_asks_the_worker_under_the_cursor_and_shows_what_it_has_in_hand(redis_url: str) -> None:
    worker = CeleryWorker(redis_url, concurrency=2, name="shop", prefix="shop:")
    entry = Celery(url=Url(redis_url), queues=("default",), key_prefix="shop:", events="workers")

    heard: list[object] = []

    def questions() -> int:
        while (message := listening.get_message(ignore_subscribe_messages=True)) is not None:
            heard.append(message)
        return len(heard)

    async def scenario(stand: Stand) -> None:
        await stand.press("i")
        assert "only a Celery worker can be asked" in stand.text
        await until(stand, lambda: "shop@lab" in stand.text)
        assert questions() == 0
        await stand.press("1", "i")
        await until(stand, lambda: "answered " in stand.text)
        assert "shop@lab, asked by hand" in stand.text
        assert stand.text.count("lab.hang") == 2
        assert "celery.concurrency.prefork:TaskPool" in stand.text
        await until(stand, lambda: "answered 0s ago" not in stand.text)
        assert questions() == len(METHODS), "asked once, however long one looks"
        await stand.press("escape")
        assert "asked by hand" not in stand.text
        worker.pause()
        try:
            await stand.press("i")
            await until(stand, lambda: "shop@lab does not answer within 1 s" in stand.text)
        finally:
            worker.resume()

    async def run() -> None:
        context = watching_only(celery=(entry,))
        session = LiveSession(Loaded(context, None, (), discover=False))
        engine = Engine(session, session, lambda: None)
        engine.start()
        app = BoardApp(engine, BoardOptions(context="shop"), inspect=inspect_of(session))
        try:
            async with app.run_test(size=(120, 36)) as pilot:
                await scenario(Stand(app, pilot))
                assert app.crash is None
        finally:
            await asyncio.to_thread(engine.stop, 10.0)

    with worker, redis.Redis.from_url(redis_url) as client, client.pubsub() as listening:
        listening.psubscribe("*.celery.pidbox")
        worker.send("hang", count=2)
        asyncio.run(run())
        left = set(client.scan_iter("*reply*"))
        assert left == set()


def test_a_recording_asks_nobody(tmp_path: Path) -> None:
    async def scenario(stand: TimedStand) -> None:
        await stand.press("1", "i")
        assert NO_ANSWERS in stand.text

    taped(tmp_path / "a.tape", 3)
    tape_on_stage(tmp_path / "a.tape", scenario)
