"""Two hundred cut connections and two hundred rounds of eight operators: every receipt is true."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.lab.fault_proxy import FaultProxy
from tests.lab.servers import Postgres as PostgresServer
from tests.live.acting import Shop
from tests.live.cuts import cut, pressed_at_once

RUNS, ROUNDS, OPERATORS = 200, 200, 8


@pytest.fixture
def shop(postgres: PostgresServer, database: str, tmp_path: Path) -> Shop:
    return Shop(postgres, database, tmp_path)


def test_two_hundred_cut_connections_end_in_the_right_verdict(postgres: PostgresServer, shop: Shop) -> None:
    with FaultProxy(postgres.port) as proxy:
        tally = asyncio.run(cut(shop, proxy, RUNS, seed=7))
    print(tally)
    assert tally.wrong == []
    assert tally.outcomes["applied"] >= RUNS // 4
    assert "unknown" not in tally.outcomes


def test_eight_operators_two_hundred_rounds(shop: Shop) -> None:
    tally = asyncio.run(pressed_at_once(shop, OPERATORS, ROUNDS))
    print(tally)
    assert tally.wrong == []
    assert tally.outcomes["applied"] == ROUNDS
