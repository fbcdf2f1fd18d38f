"""Numbers of one's own, from real servers, and everything that a query or an answer can do wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import redis

from tests.lab.servers import Postgres, Redis
from tests.live.bad_http import bad_server
from tests.live.stack import Watch
from tests.live.systems import finding, numbers, row, seen, title, value_of, watching_only
from unstick import settings
from unstick.cli.wiring import lane_specs
from unstick.facts.level import Level
from unstick.facts.probe import ProbeFacts
from unstick.facts.reading import Fresh, Trouble
from unstick.secret import Url
from unstick.settings import Context, Probe

pytestmark = pytest.mark.usefixtures("hasty")
BLOCKED = "SELECT count(*) FROM users WHERE is_blocked"


def looked(**parts: Any) -> dict[str, ProbeFacts | Trouble]:
    """What one look at each says, or why it says nothing."""

    async def run() -> dict[str, ProbeFacts | Trouble]:
        found: dict[str, ProbeFacts | Trouble] = {}
        for spec in lane_specs(watching_only(**parts)):
            lane = spec.build()
            await lane.once()
            for one in lane.observations():
                fresh = isinstance(one.reading, Fresh)
                said: Any = one.reading.value if fresh else one.reading.trouble  # type: ignore[union-attr]
                found[one.source.id.removeprefix("probe:")] = said
            await lane.close()
        return found

    return asyncio.run(run())


def test_users_that_blocked_the_bot(postgres: Postgres, database: str) -> None:
    """The ready example, while they become more."""
    name = urlsplit(database).path[1:]
    entry = Probe(
        name="blocked", label="users that blocked the bot", sql=BLOCKED + ";", unit="users", warning=50, critical=900
    )
    context = watching_only(postgres=settings.Postgres(Url(database)), probe=(entry,))
    before = int(postgres.psql(BLOCKED, name))

    async def run() -> None:
        async with Watch(context) as watch:
            await seen(lambda: row(watch, "probe:blocked") is not None, "a row")
            assert numbers(watch, "probe:blocked")["value"] == before < 50
            postgres.psql("UPDATE users SET is_blocked = true WHERE id <= 100", name)
            await seen(lambda: finding(watch, "probe:blocked:limit") is not None, "too many")
            now = int(postgres.psql(BLOCKED, name))
            assert title(watch, "probe:blocked:limit") == (
                f"probe:blocked: users that blocked the bot: {now} users, warning from 50 users"
            )
            assert finding(watch, "probe:blocked:limit").level is Level.WARNING  # type: ignore[union-attr]

    asyncio.run(run())


ANSWERED: dict[str, tuple[float | None, str | None]] = {
    "SELECT 2.5 AS x, 'more' AS y": (2.5, None),
    "SELECT true": (1.0, None),
    "SELECT NULL::int": (None, None),
    "SELECT 1 WHERE false": (None, None),
    "WITH a AS (SELECT 7 AS n) SELECT n FROM a -- the last line": (7.0, None),
    "SELECT repeat('é', 10000000)": (None, "é" * 100),
    "SELECT generate_series(1, 10000000)": (1.0, None),
    "SELECT 'NaN'::float8": (None, "NaN"),
    "SELECT E'\\x1b[31mred{}'": (None, "^[[31mred{}"),
}
REFUSED = {
    "UPDATE users SET is_blocked = false RETURNING 1": "syntax error",
    "SELECT 1) AS a; DROP TABLE users; SELECT (2": "syntax error",
    "SELECT 1; DROP TABLE users": "syntax error",
    "SELECT nextval(pg_get_serial_sequence('proxies', 'id'))": "read-only",
    "SELECT pg_sleep(30)::text": "statement timeout",
    "SELECT nothing FROM nowhere": 'relation "nowhere" does not exist',
}


def test_what_a_query_may_answer_and_what_it_may_not_do(postgres: Postgres, database: str) -> None:
    """It is refused in the server's words, and the other questions on the connection go on."""
    limits = settings.Postgres(Url(database), statement_timeout_s=0.5)
    queries = [*ANSWERED, *REFUSED, BLOCKED]
    before = postgres.psql(BLOCKED, urlsplit(database).path[1:])
    found = looked(postgres=limits, probe=tuple(Probe(name=query[:60], sql=query) for query in queries))
    for query, expected in ANSWERED.items():
        fact = found[query[:60]]
        assert isinstance(fact, ProbeFacts), query
        assert (fact.value, fact.text) == expected, query
    for query, words in REFUSED.items():
        trouble = found[query[:60]]
        assert isinstance(trouble, Trouble), query
        assert words in trouble.text
    looked(postgres=limits, probe=(Probe(name="x", sql="SELECT lo_creat(1)"),))  # PostgreSQL before 16 lets it pass
    assert postgres.psql("SELECT count(*) FROM pg_largeobject_metadata", urlsplit(database).path[1:]) == "0"
    last = found[BLOCKED[:60]]
    assert isinstance(last, ProbeFacts)
    assert last.value == float(before) == float(postgres.psql(BLOCKED, urlsplit(database).path[1:]))


def test_redis_commands(redis_server: Redis, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.rpush("outbox", *range(7))
        client.set("level", "0.25")
        client.set("word", b"\xff\x1b]0;x\x07")
        client.zadd("late", {"a": 1.0, "b": 50.0})
        client.hset("stats", "sent", "12")
    commands = {
        "llen": ("LLEN", "outbox"), "get": ("get", "level"), "word": ("GET", "word"), "none": ("GET", "nothing"),
        "zcount": ("ZCOUNT", "late", "10", "+inf"), "hget": ("HGET", "stats", "sent"), "type": ("LLEN", "level"),
        "write": ("DEL", "outbox"),
    }  # fmt: skip
    probes = tuple(Probe(name=name, redis=command) for name, command in commands.items())
    found = looked(redis=settings.Redis(Url(redis_url)), probe=probes)
    values = {name: fact.value for name, fact in found.items() if isinstance(fact, ProbeFacts)}
    assert values == {"llen": 7.0, "get": 0.25, "word": None, "none": None, "zcount": 1.0, "hget": 12.0}
    assert found["word"].text == "\ufffd^[]0;x^G"
    assert "another type" in found["type"].text  # type: ignore[operator]
    assert "not a reading command" in found["write"].text  # type: ignore[operator]
    assert redis_server.cli("LLEN", "outbox", db=int(redis_url.rpartition("/")[2])) == "7"


TEXT = b"""# HELP queue_depth waiting
queue_depth{queue="mail",host="a"} 3
queue_depth{queue="mail",host="b"} 4
queue_depth{queue="sms",host="a"} 100
broken line {
up 1
"""
ANSWERS: dict[str, tuple[int, bytes]] = {
    "/stats?deep=1": (200, json.dumps({"queues": [{"depth": 12}], "ok": True}).encode()),
    "/metrics": (200, TEXT),
    "/count.txt": (200, b" 17\n"),
    "/big": (200, b'{"n": "' + b"x" * 10_000_000 + b'"}'),
    "/html": (200, b"<html>nope</html>"),
    "/prom/api/v1/query?sum(up)": (
        200,
        b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"42"]}]}}',
    ),
    "/prom/api/v1/query?up": (
        200,
        b'{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"0"]},{"value":[1,"1"]}]}}',
    ),
    "/prom/api/v1/query?nothing": (200, b'{"status":"success","data":{"resultType":"vector","result":[]}}'),
    "/prom/api/v1/query?scalar(1)": (200, b'{"status":"success","data":{"resultType":"scalar","result":[1,"1.5"]}}'),
    "/prom/api/v1/query?sum(": (
        400,
        b'{"status":"error","errorType":"bad_data","error":"1:5: parse error: unclosed left parenthesis"}',
    ),
}
"""Documents as they come; those of Prometheus as its HTTP API describes them, by their query."""


@asynccontextmanager
async def documents() -> AsyncIterator[str]:
    """A server of :data:`ANSWERS`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        parts = urlsplit(request)
        query = parse_qs(parts.query).get("query")
        status, body = ANSWERS.get(f"{parts.path}?{query[0]}" if query else request, (404, b""))
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
        )
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def test_documents_metrics_and_prometheus() -> None:
    cases: dict[str, tuple[dict[str, Any], Any]] = {
        "json": ({"url": "/stats?deep=1", "json": "queues.0.depth"}, 12.0),
        "flag": ({"url": "/stats?deep=1", "json": "ok"}, 1.0),
        "whole": ({"url": "/count.txt"}, 17.0),
        "document": ({"url": "/stats?deep=1"}, None),
        "absent": ({"url": "/stats?deep=1", "json": "queues.9"}, None),
        "sum": ({"url": "/metrics", "metric": 'queue_depth{queue="mail"}'}, 7.0),
        "one": ({"url": "/metrics", "metric": 'queue_depth{queue="mail",host="b"}'}, 4.0),
        "no metric": ({"url": "/metrics", "metric": "queue"}, None),
        "bad metric": ({"url": "/metrics", "metric": "queue{a=b}"}, "metric is not name"),
        "promql": ({"url": "/prom", "promql": "sum(up)"}, 42.0),
        "worst": ({"url": "/prom/", "promql": "up"}, 1.0),
        "worst below": ({"url": "/prom", "promql": "up", "below": True}, 0.0),
        "nothing": ({"url": "/prom", "promql": "nothing"}, None),
        "scalar": ({"url": "/prom", "promql": "scalar(1)"}, 1.5),
        "bad query": ({"url": "/prom", "promql": "sum("}, "Prometheus: 1:5: parse error: unclosed left parenthesis"),
        "big": ({"url": "/big", "json": "n"}, "bad reply: more than 1048576 bytes"),
        "html": ({"url": "/html", "json": "n"}, "bad reply: HTML instead of JSON"),
        "404": ({"url": "/nowhere", "json": "n"}, "404 no such path"),
    }

    async def run() -> dict[str, Any]:
        async with documents() as base:
            probes = tuple(
                Probe(name=name, **{**options, "url": Url(base + options["url"])})
                for name, (options, _) in cases.items()
            )
            return await asyncio.to_thread(looked, probe=probes)

    found = asyncio.run(run())
    for name, (_, expected) in cases.items():
        said = found[name]
        if isinstance(expected, str):
            assert isinstance(said, Trouble), name
            assert said.text.startswith(expected), name
        else:
            assert isinstance(said, ProbeFacts), (name, said)
            assert said.value == expected, name


def test_a_source_that_fails_is_unknown_and_hurts_no_other(database: str) -> None:
    async def run() -> None:
        async with bad_server() as server:
            probes = (
                Probe(name="gone", url=Url(f"{server.url}/hang"), json="n", critical=1.0),
                Probe(name="fine", sql="SELECT 1", critical=1.0),
            )
            context: Context = watching_only(postgres=settings.Postgres(Url(database)), probe=probes)
            async with Watch(context) as watch:
                await seen(lambda: "no complete answer" in title(watch, "endpoint-unseen:probe:gone"), "unseen")
                assert value_of(watch, "probe:gone") is None
                assert finding(watch, "probe:fine:limit").level is Level.CRITICAL  # type: ignore[union-attr]

    asyncio.run(run())
