"""PgBouncer between unstick and PostgreSQL: transactions serve, single statements do not, and doctor says which it is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.servers import MissingServerError, PgBouncer, Postgres
from tests.live.stack import Watch
from tests.live.systems import seen, title, value_of, watching_only
from unstick import settings
from unstick.cli.checkup.check import Mark
from unstick.cli.checkup.postgres import postgres as checkup
from unstick.facts.crawler import CrawlerFacts
from unstick.secret import Url
from unstick.settings import Context, Crawler, Locks, Sync

pytestmark = pytest.mark.usefixtures("hasty")


@contextmanager
def pooled(postgres: Postgres, database: str, mode: str) -> Iterator[Context]:
    """The whole of a database by way of a pooler."""
    try:
        pooler = PgBouncer(postgres, mode)
    except MissingServerError as error:
        pytest.skip(str(error))
    with pooler:
        url = settings.Postgres(Url(pooler.through(database)))
        servers = settings.Servers()
        yield watching_only(postgres=url, crawler=Crawler(), locks=Locks(), sync=Sync(), servers=servers)


def test_transactions_that_are_pooled_serve(postgres: Postgres, database: str) -> None:
    async def run(context: Context) -> None:
        async with Watch(context) as watch:
            await seen(watch.fresh, "every source")
            facts = value_of(watch, "crawler")
            assert isinstance(facts, CrawlerFacts)
            assert facts.pool.total == 100
            looks = watch.board.frame.seq if watch.board else 0
            await seen(lambda: watch.board is not None and watch.board.frame.seq > looks + 8 and watch.fresh(), "on")
        told = {one.mark for one in await checkup(context) if "connection pooler (PgBouncer)" in one.text}
        assert told == {Mark.NOTE}

    with pooled(postgres, database, "transaction") as context:
        asyncio.run(run(context))


def test_a_server_of_its_own_is_no_pooler(database: str) -> None:
    context = watching_only(postgres=settings.Postgres(Url(database)))
    assert not any("pooler" in one.text for one in asyncio.run(checkup(context)))


def test_statements_that_are_pooled_are_refused_in_words(postgres: Postgres, database: str) -> None:
    async def run(context: Context) -> None:
        async with Watch(context) as watch:
            await seen(lambda: "statement pooling mode: pool_mode must be" in title(watch, "unseen:postgres"), "why")

    with pooled(postgres, database, "statement") as context:
        asyncio.run(run(context))
