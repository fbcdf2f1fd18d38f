"""Half a million statements in any order, over several seeds."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest

from tests.lab.fixtures import DEMO_DATA
from tests.lab.servers import Postgres as PostgresServer
from tests.live.explorer import Explorer, hurried, prepare

STEPS = int(os.environ.get("UNSTICK_EXPLORED", "500000"))
SEEDS = range(1, 6)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as running, hurried():
        yield running


@pytest.mark.parametrize("seed", SEEDS)
def test_no_proxy_is_freed_whose_worker_has_a_task(server: PostgresServer, seed: int) -> None:
    name = f"world_{seed}"
    server.psql(f"CREATE DATABASE {name};")
    prepare(lambda sql: server.psql(sql, name), (DEMO_DATA / "schema.sql").read_text(), name)
    found = asyncio.run(Explorer(server.database_url(name), seed=seed).run(STEPS // len(SEEDS)))
    print(found)
    assert (found.wrong, found.outside) == ([], [])
    assert found.freed > 0
