from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest

from tests.lab.processes import free_port
from tests.lab.servers import Postgres, Redis
from unstick.backends.base import BackendError
from unstick.backends.pair import Pair
from unstick.backends.postgres import PostgresConnection
from unstick.backends.redis import RedisConnection
from unstick.facts.reading import Fresh, Source, Stale, TroubleKind
from unstick.facts.sync import Drift, SyncDataFacts
from unstick.pollers import sync_data
from unstick.pollers.base import Lane
from unstick.pollers.sync_data import SyncDataPoller
from unstick.secret import Url
from unstick.settings import Sync

SOURCE = Source("sync_data", "sync", "pg", 30.0)
ALL = Sync(sample=500)


class World:
    """One fresh database and one empty Redis database, with looks through the poller."""

    def __init__(self, server: Postgres, url: str, redis: Redis, redis_url: str) -> None:
        self.server = server
        self.url = url
        self.name = urlsplit(url).path[1:]
        self.redis = redis
        self.redis_url = redis_url
        self.number = int(urlsplit(redis_url).path[1:])

    def sql(self, text: str) -> str:
        return self.server.psql(text, self.name)

    def cache(self, *command: str) -> None:
        self.redis.cli(*command, db=self.number)

    def fill(self, prefix: str = "balance:") -> None:
        """Writes every balance to Redis as the table has it."""
        rows = self.sql("SELECT user_id || ' ' || balance FROM user_balances;").splitlines()
        pairs = [part for row in rows for part in (prefix + row.split()[0], row.split()[1])]
        self.cache("MSET", *pairs)

    def look(self, settings: Sync = ALL, redis_url: str | None = "") -> SyncDataFacts:
        async def run() -> SyncDataFacts:
            redis = None if redis_url is None else RedisConnection(Url(redis_url or self.redis_url))
            pair = Pair(PostgresConnection(Url(self.url)), redis)
            try:
                await pair.open()
                return await SyncDataPoller(SOURCE, settings).look(pair)
            finally:
                await pair.close()

        return asyncio.run(run())

    def drift(self, settings: Sync = ALL) -> Drift:
        drift = self.look(settings).drift
        assert drift is not None
        return drift

    def trouble(self, settings: Sync = ALL, redis_url: str | None = "") -> BackendError:
        with pytest.raises(BackendError) as caught:
            self.look(settings, redis_url)
        return caught.value


@pytest.fixture
def world(postgres: Postgres, database: str, redis_server: Redis, redis_url: str) -> World:
    return World(postgres, database, redis_server, redis_url)


def test_equal_data_has_no_drift(world: World) -> None:
    world.fill()
    assert world.drift() == Drift(sampled=500, differing=0, missing=0, unreadable=0, largest=None)


def test_every_difference_is_counted_and_the_worst_are_shown(world: World) -> None:
    world.fill()
    world.sql(
        "UPDATE user_balances SET balance = 100 WHERE user_id <= 9; UPDATE user_balances SET balance = 'NaN' WHERE user_id = 20;"
    )
    for user in range(1, 8):
        world.cache("SET", f"balance:{user}", str(100 + user))
    world.cache("SET", "balance:8", "1e2")
    world.cache("SET", "balance:9", "100.000")
    world.cache("SET", "balance:10", "broken")
    world.cache("DEL", "balance:11", "balance:12", "balance:13")
    drift = world.drift()
    assert (drift.sampled, drift.differing, drift.missing, drift.unreadable, drift.largest) == (500, 7, 3, 2, "7.00")
    assert drift.examples[0] == ("balance:7", "107", "100.00")
    assert [example[0] for example in drift.examples] == [f"balance:{user}" for user in (7, 6, 5, 4, 3)]


def test_a_sample_is_random_and_no_larger_than_asked(world: World) -> None:
    world.fill()
    seen: set[str] = set()
    for _ in range(6):
        world.cache("SET", "balance:0", "0")
        world.sql("UPDATE user_balances SET balance = -1;")
        drift = world.drift(Sync(sample=5))
        assert (drift.sampled, drift.differing) == (5, 5)
        seen |= {example[0] for example in drift.examples}
    assert len(seen) > 10


def test_a_large_table_is_sampled_from_a_part_of_its_pages(world: World) -> None:
    world.sql("""
        CREATE TABLE wallets (id bigint, amount numeric, filler text);
        INSERT INTO wallets SELECT g, g, repeat('x', 300) FROM generate_series(1, 20000) g;
        ANALYZE wallets; SELECT pg_stat_reset();
    """)
    settings = Sync(table="wallets", id="id", balance="amount", synced_at=None, sample=20)
    facts = world.look(settings)
    assert facts.rows == 20000
    assert facts.drift is not None
    assert (facts.drift.sampled, facts.drift.missing) == (20, 20)
    pages = int(world.sql("SELECT pg_relation_size('wallets') / 8192;"))
    assert pages > 500
    world.sql(
        "DO $$ BEGIN FOR i IN 1..100 LOOP PERFORM pg_stat_clear_snapshot(); EXIT WHEN (SELECT seq_tup_read > 0 FROM pg_stat_user_tables WHERE relname = 'wallets'); PERFORM pg_sleep(0.05); END LOOP; END $$;"
    )
    assert 0 < int(world.sql("SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'wallets';")) < 5000


def test_freshness_is_that_of_the_finite_instants(world: World) -> None:
    world.sql("""
        UPDATE user_balances SET last_synced_at = now() - user_id * interval '1 second';
        UPDATE user_balances SET last_synced_at = 'infinity' WHERE user_id = 1;
        UPDATE user_balances SET last_synced_at = '-infinity' WHERE user_id = 500;
        UPDATE user_balances SET last_synced_at = NULL WHERE user_id = 2;
    """)
    facts = world.look(redis_url=None)
    ends = world.sql(
        "SELECT extract(epoch FROM last_synced_at)::float8 FROM user_balances WHERE user_id IN (3, 499) ORDER BY user_id;"
    )
    assert [facts.newest_at, facts.oldest_at] == [float(line) for line in ends.split()]
    assert facts.rows == 500
    assert (facts.drift, facts.drift_trouble) == (None, None)


def test_a_large_table_without_an_index_is_not_read_from_end_to_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_data, "PASS_PAGES", 2)
    assert world.look(redis_url=None).newest_at is not None, "an index leads to both ends"
    world.sql("DROP INDEX user_balances_synced_idx;")
    world.sql("CREATE INDEX ON user_balances (last_synced_at) WHERE balance > 0;")
    world.sql("CREATE INDEX ON user_balances (user_id, last_synced_at);")
    facts = world.look()
    assert (facts.newest_at, facts.oldest_at) == (None, None)
    assert facts.instants_trouble == "its age is not asked: no index on last_synced_at"
    assert facts.drift is not None


def test_a_table_that_was_never_analysed_has_an_unknown_size(world: World) -> None:
    world.sql("CREATE TABLE fresh (LIKE user_balances); INSERT INTO fresh SELECT * FROM user_balances;")
    facts = world.look(Sync(table="fresh"), redis_url=None)
    assert facts.rows is None
    assert facts.newest_at is not None


def test_an_unmapped_synced_at_is_unknown(world: World) -> None:
    world.sql("ALTER TABLE user_balances DROP COLUMN last_synced_at;")
    facts = world.look(Sync(synced_at=None, sample=0))
    assert (facts.newest_at, facts.oldest_at, facts.rows) == (None, None, 500)
    error = world.trouble()
    assert error.trouble.kind is TroubleKind.SCHEMA
    assert "no column last_synced_at in table user_balances; set sync.synced_at" in error.trouble.text


def test_a_missing_table_names_its_setting(world: World) -> None:
    assert "no table nowhere; set sync.table" in world.trouble(Sync(table="nowhere")).trouble.text
    assert "no schema for shop.balances; set sync.table" in world.trouble(Sync(table="shop.balances")).trouble.text


@pytest.mark.parametrize("kind", ["VIEW", "MATERIALIZED VIEW"])
def test_views_can_be_compared_too(world: World, kind: str) -> None:
    world.fill()
    world.sql(f"CREATE {kind} shown AS SELECT * FROM user_balances;")
    assert world.drift(Sync(table="shown", sample=500)) == Drift(500, 0, 0, 0, None)


def test_a_partitioned_table_is_sampled(world: World) -> None:
    world.fill()
    world.sql("""
        CREATE TABLE parts (LIKE user_balances) PARTITION BY RANGE (user_id);
        CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (250);
        CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (250) TO (9999);
        INSERT INTO parts SELECT * FROM user_balances;
    """)
    assert world.drift(Sync(table="parts", sample=500)) == Drift(500, 0, 0, 0, None)


def test_a_table_of_empty_pages_still_gives_a_sample(world: World) -> None:
    world.sql("""
        CREATE TABLE bloat (id bigint, amount numeric, filler text) WITH (autovacuum_enabled = false);
        INSERT INTO bloat SELECT g, g, repeat('x', 2000) FROM generate_series(1, 4000) g;
        DELETE FROM bloat WHERE id > 1;
    """)
    drift = world.drift(Sync(table="bloat", id="id", balance="amount", synced_at=None, sample=1))
    assert (drift.sampled, drift.missing) == (1, 1)


def test_a_key_pattern_and_a_field_of_hashes_or_json(world: World) -> None:
    world.sql("DELETE FROM user_balances WHERE user_id > 5; UPDATE user_balances SET balance = 10.5;")
    world.cache("HSET", "user:1:money", "balance", "10.50")
    world.cache("HSET", "user:2:money", "balance", "11")
    world.cache("SET", "user:3:money", '{"balance": 10.5, "currency": "EUR"}')
    world.cache("SET", "user:4:money", '{"balance": "9.5"}')
    world.cache("RPUSH", "user:5:money", "10.5")
    drift = world.drift(Sync(balance_key="user:{id}:money", balance_field="balance"))
    assert (drift.sampled, drift.differing, drift.missing, drift.unreadable, drift.largest) == (5, 2, 0, 1, "1.00")


def test_redis_away_leaves_the_rows_and_says_so(world: World) -> None:
    facts = world.look(redis_url=f"redis://127.0.0.1:{free_port()}/0")
    assert facts.rows == 500
    assert facts.newest_at is not None
    assert facts.drift is None
    assert facts.drift_trouble is not None
    assert "refuse" in facts.drift_trouble


def test_redis_away_is_a_trouble_when_the_rows_say_nothing(world: World) -> None:
    world.sql("CREATE TABLE fresh (LIKE user_balances);INSERT INTO fresh SELECT * FROM user_balances;")
    error = world.trouble(Sync(table="fresh", synced_at=None), f"redis://127.0.0.1:{free_port()}/0")
    assert error.trouble.kind is TroubleKind.REFUSED


def test_redis_is_only_read(world: World) -> None:
    world.fill()
    with world.redis.monitor() as lines:
        world.drift(Sync(balance_field="x"))
    said = {line.split('"')[1].upper() for line in lines if f"[{world.number} 127" in line}
    assert {"MGET"} <= said <= {"MGET", "HGET", "HELLO", "CLIENT", "SELECT"}


def test_a_lane_survives_redis_going_and_coming_back(world: World) -> None:
    async def run() -> None:
        with Redis() as own:
            pair = Pair(PostgresConnection(Url(world.url)), RedisConnection(Url(own.url), timeout_s=0.5))
            lane = Lane(pair, [SyncDataPoller(SOURCE, ALL)])
            seen = []
            for step in (lambda: None, own.pause, own.resume, own.kill, own.start):
                await asyncio.to_thread(step)
                await lane.once()
                reading = lane.observations()[0].reading
                assert isinstance(reading, Fresh)
                assert isinstance(reading.value, SyncDataFacts)
                seen.append((reading.value.drift is None, reading.value.drift_trouble is None))
            await lane.close()
            assert seen == [(False, True), (True, False), (False, True), (True, False), (False, True)]

    asyncio.run(run())


def test_a_backend_killed_between_two_looks_is_replaced(world: World) -> None:
    async def run() -> None:
        lane = Lane(Pair(PostgresConnection(Url(world.url)), None), [SyncDataPoller(SOURCE, ALL)])
        await lane.once()
        kill = (
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE application_name = 'unstick';"
        )
        assert await asyncio.to_thread(world.sql, kill) == "1"
        readings = []
        for _ in range(2):
            await lane.once()
            readings.append(lane.observations()[0].reading)
        await lane.close()
        assert isinstance(readings[-1], Fresh)
        if isinstance(readings[0], Stale):
            assert readings[0].trouble.kind is TroubleKind.CLOSED

    asyncio.run(run())
