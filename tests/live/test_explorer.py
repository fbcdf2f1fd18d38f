"""Twenty thousand statements of workers, operators, a reaper and a clock, in any order: nobody alive loses a proxy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from tests.lab.fixtures import DEMO_DATA
from tests.lab.servers import Postgres as PostgresServer
from tests.live.explorer import Explorer, hurried, prepare

STEPS = 20_000
NAIVE_STEPS = 6_000
SEED = 20_251_210


@pytest.fixture(scope="module")
def world() -> Iterator[Callable[[], str]]:
    """Makes worlds; each call gives the connection string of a new one."""
    with PostgresServer() as server, hurried():
        made: list[str] = []

        def make() -> str:
            name = f"world_{len(made)}"
            made.append(name)
            server.psql(f"CREATE DATABASE {name};")
            prepare(lambda sql: server.psql(sql, name), (DEMO_DATA / "schema.sql").read_text(), name)
            return server.database_url(name)

        yield make


def test_no_proxy_is_freed_whose_worker_has_a_task_and_no_row_outside_the_plan(world: Callable[[], str]) -> None:
    found = asyncio.run(Explorer(world(), seed=SEED).run(STEPS))
    assert found.wrong == []
    assert found.outside == []
    assert found.steps == STEPS
    assert found.freed > 20
    assert set(found.outcomes) >= {"applied", "refused"}


def test_an_action_that_updates_what_its_preview_showed_is_caught(world: Callable[[], str]) -> None:
    found = asyncio.run(Explorer(world(), seed=SEED, operators=0, naive=2).run(NAIVE_STEPS, until_wrong=True))
    assert found.wrong
    assert found.wrong[0]["app"].startswith("unstick naive")
