"""The board acts on a real PostgreSQL, by the real gate: from the key to the receipt."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from tests.live.acting import Shop
from tests.tui.stand import Stand
from unstick.cli.live import hands_of
from unstick.cli.live_session import LiveSession
from unstick.config import Loaded
from unstick.settings import Own
from unstick.tui.app import BoardApp
from unstick.tui.engine import Engine
from unstick.tui.operator import Operator
from unstick.tui.options import BoardOptions

TIMEOUT_S = 60.0


async def until(stand: Stand, met: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + TIMEOUT_S
    while not met():
        assert loop.time() < end, stand.text
        await stand.pilot.pause(0.05)
    await stand.settle()


async def asked(stand: Stand) -> None:
    await until(stand, lambda: stand.app.board.dialog.is_open and stand.app.board.dialog.heeds)


def test_f_frees_what_a_dead_container_holds_and_shows_the_receipt(shop: Shop) -> None:
    for number in range(1, 6):
        shop.hold(f"8b4f59aa_{number}", number)
    shop.hold("b77514be_1", 6)
    shop.hold("here_1", 7)
    shop.work("here_1", 70)
    restart = Own("restart", command=("echo", "restarting", "{container}"))
    shop.configure(audit=str(shop.folder / "audit.jsonl"), own=(restart,))

    async def scenario(stand: Stand) -> None:
        await until(stand, lambda: "container 8b4f59aa is gone" in stand.text)
        await stand.press("2", "less_than_sign")
        assert (row := stand.app.board.front.current) is not None
        assert row.key == "container:8b4f59aa"
        await stand.press("O", "enter")
        await asked(stand)
        assert "restart with container 8b4f59aa" in stand.text
        await stand.press("tab", "enter")
        await until(stand, lambda: "applied: it ended well" in stand.text)
        assert "note: restarting 8b4f59aa" in stand.text
        await asked(stand)
        await stand.press("escape")
        await stand.press("F")
        await asked(stand)
        assert "free proxies of container 8b4f59aa" in stand.text
        assert "would change 5 proxies" in stand.text
        assert shop.held() == {"1", "2", "3", "4", "5", "6", "7"}
        await stand.press("tab", "enter")
        await until(stand, lambda: "applied: 5 proxies freed" in stand.text)
        assert "proxy 3 of 8b4f59aa_3: freed" in stand.text
        await asked(stand)
        await stand.press("escape")
        await until(stand, lambda: "container 8b4f59aa is gone" not in stand.text)

    async def run() -> None:
        session = LiveSession(Loaded(shop.context, None, (), discover=False))
        engine = Engine(session, session, lambda: None)
        operator = Operator(engine, hands_of(session, operate=True))
        engine.start()
        app = BoardApp(engine, BoardOptions(context="shop", own=(restart,)), operator=operator)
        try:
            async with app.run_test(size=(120, 36)) as pilot:
                await scenario(Stand(app, pilot))
                assert app.crash is None
        finally:
            await asyncio.to_thread(engine.stop, 10.0)

    asyncio.run(run())
    assert shop.held() == {"6", "7"}
    written = [json.loads(line) for line in (shop.folder / "audit.jsonl").read_text().splitlines()]
    assert [record["record"] for record in written] == ["intent", "outcome"] * 2
