"""The Redis backend against a real server, a broken wire and every refusal the server knows."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from tests.lab.fault_proxy import FaultProxy
from tests.lab.processes import LOOPBACK, free_port
from tests.lab.servers import Redis
from unstick.backends.base import BackendError
from unstick.backends.redis import READ_COMMANDS, Command, RedisConnection
from unstick.backends.redis_reads import COUNT_CAP, RANGE_CAP
from unstick.facts.reading import Source, Trouble, TroubleKind
from unstick.pollers.base import Lane, Poller
from unstick.pollers.celery import CeleryPoller
from unstick.pollers.dramatiq import DramatiqPoller
from unstick.pollers.redis_discovery import DISCOVERY_CALLS, discover
from unstick.secret import Url
from unstick.settings import Celery, Dramatiq

DRAMATIQ = Source("redis/dramatiq", "dramatiq", "redis", 1.0)
CELERY = Source("redis/celery", "celery", "redis", 2.0)


def ask(url: str, *commands: Command, timeout_s: float = 2.0) -> list[object]:
    async def run() -> list[object]:
        connection = RedisConnection(Url(url), timeout_s=timeout_s)
        try:
            await connection.open()
            return await connection.pipeline(commands or [("PING",)])
        finally:
            await connection.close()

    return asyncio.run(run())


def trouble(url: str, *commands: Command, timeout_s: float = 2.0) -> Trouble:
    with pytest.raises(BackendError) as caught:
        ask(url, *commands, timeout_s=timeout_s)
    assert caught.value.__cause__ is None
    return caught.value.trouble


def proxied(proxy: FaultProxy, database: int = 0) -> str:
    return f"redis://{LOOPBACK}:{proxy.port}/{database}"


@pytest.fixture
def own_redis() -> Iterator[Redis]:
    with Redis() as server:
        yield server


# ------------------------------------------------------------------------------------------------------- reading


def test_replies_come_as_the_server_sent_them(redis_server: Redis, redis_url: str) -> None:
    odd = b"k \xff\x00\r\n"
    client = redis.Redis.from_url(redis_url)
    client.set(odd, b"\xfe")
    client.zadd("z", {odd: 1.5})
    client.sadd("s", odd)
    client.hset("h", mapping={"f": "1"})
    client.close()
    name = odd.decode("utf-8", "surrogateescape")
    replies = ask(
        redis_url,
        ("GET", name),
        ("GET", "absent"),
        ("LLEN", name),
        ("ZRANGE", "z", 0, 9, "WITHSCORES"),
        ("SMEMBERS", "s"),
        ("HMGET", "h", "f", "g"),
    )
    assert replies[0:2] == [b"\xfe", None]
    assert isinstance(replies[2], BackendError)
    assert (replies[2].trouble.kind, replies[2].transport) == (TroubleKind.SCHEMA, False)
    assert replies[3:] == [[[odd, 1.5]], [odd], [b"1", None]]


def test_cost_counts_round_trips_and_bytes(redis_url: str) -> None:
    async def run() -> None:
        connection = RedisConnection(Url(redis_url))
        await connection.open()
        assert connection.take_cost().queries == 1
        await connection.pipeline([("LLEN", "a" * 100)] * 10)
        await connection.pipeline([])
        cost = connection.take_cost()
        assert cost.queries == 1
        assert 1200 < cost.bytes_out < 1400
        assert 30 < cost.bytes_in < 200
        assert connection.take_cost().queries == 0
        await connection.close()

    asyncio.run(run())


WRITES: list[Command] = [
    ("KEYS", "*"),
    ("keys", "*"),
    ("SET", "a", "1"),
    ("DEL", "a"),
    ("LPUSH", "a", "1"),
    ("EVAL", "return 1", 0),
    ("FLUSHALL",),
    ("CONFIG", "GET", "*"),
    ("CLIENT", "LIST"),
    ("CLIENT LIST",),
    ("GETDEL", "a"),
    ("SORT", "a", "STORE", "b"),
    ("ACL", "SETUSER", "x"),
    ("ACL",),
    ("SLOWLOG", "RESET"),
    ("SLOWLOG", "GET"),
    ("PUBLISH", "a", "b"),
    ("MONITOR",),
    (b"DEL", "a"),
    (),
]
UNBOUNDED: list[Command] = [
    ("SCAN", 0),
    ("SCAN", 0, "MATCH", "COUNT", "TYPE", "10"),
    ("SCAN", 0, "COUNT", COUNT_CAP + 1),
    ("SCAN", 0, "COUNT", 0),
    ("HSCAN", "h", 0),
    ("LRANGE", "l", 0, -1),
    ("LRANGE", "l", 0, RANGE_CAP),
    ("ZRANGE", "z", "-inf", "+inf", "BYSCORE"),
    ("ZRANGE", "z", -1, 0),
    ("ZREVRANGE", "z"),
]


@pytest.mark.parametrize("command", WRITES + UNBOUNDED, ids=repr)
def test_nothing_but_bounded_reads_is_sent(redis_server: Redis, redis_url: str, command: Command) -> None:
    async def run() -> None:
        connection = RedisConnection(Url(redis_url))
        await connection.open()
        with redis_server.monitor() as lines:
            with pytest.raises(PermissionError):
                await connection.pipeline([("TIME",), command])
            assert len(await connection.pipeline([("DBSIZE",)])) == 1
        assert [line.split('"')[1] for line in lines] == ["DBSIZE"], "neither the command nor what stood before it"
        await connection.close()

    asyncio.run(run())


def test_the_server_itself_calls_every_allowed_command_a_read(redis_server: Redis) -> None:
    client = redis.Redis.from_url(redis_server.url, decode_responses=True)
    described = client.command()
    client.close()
    flags = {name: set(about["flags"]) for name, about in described.items() if name.upper() in READ_COMMANDS}
    assert {name.upper() for name in flags} == READ_COMMANDS
    assert not [name for name, found in flags.items() if "write" in found]
    assert {name for name, found in flags.items() if "readonly" not in found} == {
        "acl",
        "info",
        "ping",
        "slowlog",
        "time",
    }


# -------------------------------------------------------------------------------------------------------- errors


def test_addresses_that_lead_nowhere() -> None:
    refused = trouble(f"redis://{LOOPBACK}:{free_port()}")
    assert (refused.kind, "refuses connections" in refused.text) == (TroubleKind.REFUSED, True)
    unknown = trouble("redis://no-such-host.invalid/0")
    assert (unknown.kind, unknown.text) == (TroubleKind.DNS, "no-such-host.invalid/0: name not known")
    absent = trouble("unix:///no/such/socket?db=1")
    assert (absent.kind, "No such file" in absent.text) == (TroubleKind.REFUSED, True)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:p@ss/w0rd#x@host/0",
        "redis://user:w0rd/x@host/0",
        "redis://:w0rd#x@host",
        "redis://:w0rd?x@host/0",
        "redis://w0rd?x@host/0",
        "redis://w0rd#x@host/0",
        "redis://:w0rd:x/0",
        "redis://host/w0rd",
        "redis://host/1?db=w0rd",
        "redis://host:w0rd/0",
        "http://:w0rd@host/0",
    ],
)
def test_a_url_that_cannot_be_meant_shows_no_part_of_the_password(url: str) -> None:
    found = trouble(url)
    assert found.kind is TroubleKind.SCHEMA
    assert found.text.startswith("redis.url")
    assert "w0rd" not in found.text


def test_a_database_that_does_not_exist(redis_server: Redis) -> None:
    found = trouble(redis_server.database_url(9999))
    assert (found.kind, "no such database" in found.text, "redis.url" in found.text) == (
        TroubleKind.ABSENT,
        True,
        True,
    )


def test_passwords() -> None:
    with Redis(password="p@ss/w#rd") as server:
        assert ask(server.url) == [b"PONG"]
        for url, words in (
            (f"redis://:wr0ng@{LOOPBACK}:{server.port}/0", "refused user or password"),
            (f"redis://who:wr0ng@{LOOPBACK}:{server.port}/0", "refused user or password"),
            (f"redis://{LOOPBACK}:{server.port}/0", "wants a password"),
        ):
            found = trouble(url)
            assert (found.kind, words in found.text, "redis.url" in found.text) == (TroubleKind.AUTH, True, True)
            assert "wr0ng" not in found.text


def test_a_forbidden_command_names_the_line_to_add(own_redis: Redis) -> None:
    own_redis.cli("ACL", "SETUSER", "mon", "on", ">pw", "~dramatiq:*", "+@read", "+@connection", "+time", "-llen")
    url = f"redis://mon:pw@{LOOPBACK}:{own_redis.port}/1"
    replies = ask(url, ("TIME",), ("LLEN", "dramatiq:q"), ("SCARD", "shop:x"), ("HLEN", "dramatiq:q"))
    assert [isinstance(reply, BackendError) for reply in replies] == [False, True, True, False]
    texts = [reply.trouble.text for reply in replies if isinstance(reply, BackendError)]
    assert texts == [
        "no permission for LLEN; mend: ACL SETUSER mon +llen",
        "no permission for key shop:x; mend: ACL SETUSER mon ~shop:*",
    ]
    for line in texts:
        own_redis.cli(*line.partition("mend: ")[2].split())
    assert ask(url, ("LLEN", "dramatiq:q"), ("SCARD", "shop:x")) == [0, 0]


@pytest.mark.parametrize(
    ("poller", "line"),
    [
        (DramatiqPoller(DRAMATIQ, Dramatiq(queues=("q",))), "no permission for key dramatiq:q; mend: "),
        (CeleryPoller(CELERY, Celery(queues=("q",))), "no permission for key q; mend: "),
    ],
    ids=["dramatiq", "celery"],
)
def test_a_database_that_may_not_be_read_is_not_an_empty_one(
    own_redis: Redis, poller: Poller[RedisConnection], line: str
) -> None:
    own_redis.cli("ACL", "SETUSER", "mon", "on", ">pw", "~other:*", "+@all")

    async def run() -> None:
        connection = RedisConnection(Url(f"redis://mon:pw@{LOOPBACK}:{own_redis.port}/0"))
        await connection.open()
        with pytest.raises(BackendError) as caught:
            await poller.look(connection)
        assert (caught.value.trouble.kind, caught.value.transport) == (TroubleKind.DENIED, False)
        assert caught.value.trouble.text.startswith(line)
        await connection.close()

    asyncio.run(run())


def test_the_greeting_names_what_it_may_not_do(own_redis: Redis) -> None:
    own_redis.cli("ACL", "SETUSER", "mon", "on", ">pw", "~*", "+@read", "+hello", "+select")
    found = trouble(f"redis://mon:pw@{LOOPBACK}:{own_redis.port}/1")
    assert found.kind is TroubleKind.DENIED
    assert found.text == "no permission for CLIENT SETNAME; mend: ACL SETUSER mon +client|setname"


def test_the_older_protocol_serves_where_the_greeting_is_forbidden(own_redis: Redis) -> None:
    """As with Redis before 6: no HELLO, and members with scores in one flat list."""
    own_redis.cli("ACL", "SETUSER", "mon", "on", ">pw", "~*", "+@all", "-hello")
    own_redis.cli("ZADD", "dramatiq:__heartbeats__", "1500", "w1", "2500", "w2")
    own_redis.cli("SADD", "dramatiq:__acks__.w1.q", "m1", "m2")

    async def run() -> None:
        connection = RedisConnection(Url(f"redis://mon:pw@{LOOPBACK}:{own_redis.port}"))
        lane = Lane(connection, [DramatiqPoller(DRAMATIQ, Dramatiq())])
        await lane.once()
        facts = lane.observations()[0].reading.value  # type: ignore[union-attr]
        assert [(one.id, one.beat_at, one.held) for one in facts.processes] == [("w2", 2.5, 0), ("w1", 1.5, 2)]  # type: ignore[union-attr]
        await lane.close()

    asyncio.run(run())


def test_too_many_clients(own_redis: Redis) -> None:
    own_redis.cli("CONFIG", "SET", "maxclients", "1")
    with socket.create_connection((LOOPBACK, own_redis.port)) as first:
        first.sendall(b"PING\r\n")
        first.recv(16)
        found = trouble(own_redis.url)
    assert found.kind in {TroubleKind.OVERLOAD, TroubleKind.CLOSED}
    if found.kind is TroubleKind.OVERLOAD:
        assert "maxclients" in found.text


def test_a_running_script_is_busy_and_the_connection_stays(own_redis: Redis) -> None:
    own_redis.cli("CONFIG", "SET", "lua-time-limit", "50")
    script = threading.Thread(target=_loop_for_ever, args=(own_redis,))

    async def run() -> None:
        connection = RedisConnection(Url(own_redis.url))
        await connection.open()
        script.start()
        await _until(lambda: _refused(connection, TroubleKind.OVERLOAD, "busy running a script"))
        own_redis.cli("SCRIPT", "KILL")
        script.join()
        assert await connection.pipeline([("LLEN", "a")]) == [0]
        await connection.close()

    asyncio.run(run())


def _loop_for_ever(server: Redis) -> None:
    client = redis.Redis.from_url(server.url, socket_timeout=20)
    with pytest.raises(redis.ResponseError):
        client.eval("while true do end", 0)
    client.close()


async def _refused(connection: RedisConnection, kind: TroubleKind, words: str) -> bool:
    try:
        await connection.pipeline([("LLEN", "a")])
    except BackendError as error:
        return error.trouble.kind is kind and words in error.trouble.text and not error.transport
    return False


async def _until(check: Callable[[], Awaitable[bool]], timeout_s: float = 8.0) -> None:
    end = time.monotonic() + timeout_s
    while not await check():
        assert time.monotonic() < end, "it never came"
        await asyncio.sleep(0.02)


def test_loading(own_redis: Redis) -> None:
    """A replica loads what its master sent; the delay per key makes that long enough to be met."""
    own_redis.cli("CONFIG", "SET", "key-load-delay", "20000")

    async def run() -> None:
        connection = RedisConnection(Url(own_redis.url))
        await connection.open()
        own_redis.cli("REPLICAOF", LOOPBACK, str(master.port))
        await _until(lambda: _refused(connection, TroubleKind.OVERLOAD, "loading"))
        await _until(lambda: _answers(connection))
        await connection.close()

    with Redis() as master:
        master.cli("CONFIG", "SET", "repl-diskless-sync-delay", "0")
        with redis.Redis.from_url(master.url) as client:
            client.mset({f"k{number}": os.urandom(500_000) for number in range(50)})
        asyncio.run(run())


async def _answers(connection: RedisConnection) -> bool:
    try:
        return await connection.pipeline([("LLEN", "a")]) == [0]
    except BackendError:
        return False


def test_a_replica_without_its_master(own_redis: Redis) -> None:
    own_redis.cli("CONFIG", "SET", "replica-serve-stale-data", "no")
    own_redis.cli("REPLICAOF", LOOPBACK, str(free_port()))
    found = trouble(own_redis.url, ("LLEN", "a"))
    assert (found.kind, "lost its master" in found.text) == (TroubleKind.OVERLOAD, True)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (b"-MOVED 3999 10.0.0.1:6381\r\n", TroubleKind.PROTOCOL, "another cluster node"),
        (b"-ASK 3999 10.0.0.1:6381\r\n", TroubleKind.PROTOCOL, "another cluster node"),
        (b"-CLUSTERDOWN The cluster is down\r\n", TroubleKind.OVERLOAD, "cluster is down"),
        (b"-READONLY You can't write against a read only replica.\r\n", TroubleKind.OVERLOAD, "read-only"),
        (b"-OOM command not allowed when used memory > 'maxmemory'.\r\n", TroubleKind.OVERLOAD, "out of memory"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", TroubleKind.PROTOCOL, "does not speak the Redis protocol"),
        (b":abc\r\n", TroubleKind.PROTOCOL, "does not speak the Redis protocol"),
        (b"*1\r\n" * 5000 + b":1\r\n", TroubleKind.PROTOCOL, "does not speak the Redis protocol"),
        (b"\x1b[31m\r\n", TroubleKind.PROTOCOL, "does not speak the Redis protocol"),
        (b"$10\r\nhalf", TroubleKind.CLOSED, "closed the connection"),
        (b"", TroubleKind.CLOSED, "closed the connection"),
    ],
)
def test_answers_that_only_other_servers_give(answer: bytes, kind: TroubleKind, words: str) -> None:
    with scripted(answer) as port:
        found = trouble(f"redis://{LOOPBACK}:{port}", ("LLEN", "a"))
    assert (found.kind, words in found.text) == (kind, True), found.text
    assert "\x1b" not in found.text


@contextmanager
def scripted(answer: bytes) -> Iterator[int]:
    """A port that greets like Redis, then gives one answer and closes."""

    def serve() -> None:
        link, _ = listener.accept()
        with link:
            while heard := link.recv(4096):
                link.sendall(b"%0\r\n" * heard.count(b"HELLO") + b"+OK\r\n" * heard.count(b"CLIENT"))
                if b"LLEN" in heard:
                    link.sendall(answer)
                    return

    with socket.create_server((LOOPBACK, 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


def test_tls_on_a_plain_port(redis_server: Redis) -> None:
    found = trouble(f"rediss://{LOOPBACK}:{redis_server.port}/0", timeout_s=0.5)
    assert found.kind in {TroubleKind.TIMEOUT, TroubleKind.TLS}


@pytest.fixture
def tls_redis(own_redis: Redis, lab_dir: Path) -> tuple[int, Path]:
    """A port that speaks TLS with a certificate for ``localhost`` alone, and the authority that signed it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed (Debian package: openssl)")
    key, certificate, port = lab_dir / "key.pem", lab_dir / "cert.pem", free_port()
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    settings = {"tls-cert-file": certificate, "tls-key-file": key, "tls-ca-cert-file": certificate}
    for name, value in {**settings, "tls-auth-clients": "no", "tls-port": port}.items():
        own_redis.cli("CONFIG", "SET", name, str(value))
    return port, certificate


def test_tls(tls_redis: tuple[int, Path]) -> None:
    port, authority = tls_redis
    assert ask(f"rediss://localhost:{port}/0?ssl_ca_certs={authority}") == [b"PONG"]
    assert ask(f"rediss://{LOOPBACK}:{port}/0?ssl_cert_reqs=CERT_NONE") == [b"PONG"]
    assert ask(f"rediss://{LOOPBACK}:{port}/0?ssl_ca_certs={authority}&ssl_check_hostname=false") == [b"PONG"]
    for url, words in (
        (f"rediss://localhost:{port}/0", "self-signed"),
        (f"rediss://{LOOPBACK}:{port}/0?ssl_ca_certs={authority}", "mismatch"),
    ):
        found = trouble(url)
        assert (found.kind, words in found.text) == (TroubleKind.TLS, True), found.text
    assert trouble(f"redis://localhost:{port}/0").kind is TroubleKind.CLOSED
    missing = trouble(f"rediss://localhost:{port}/0?ssl_ca_certs=/no/such/file")
    assert "No such file" in missing.text


# ------------------------------------------------------------------------------------------------ a broken wire


@pytest.mark.parametrize("fault", ["freeze", "mute"])
def test_a_half_open_link_is_given_up_at_the_deadline(redis_server: Redis, fault: str) -> None:
    async def run(proxy: FaultProxy) -> None:
        lane = Lane(
            RedisConnection(Url(proxied(proxy)), timeout_s=60), [DramatiqPoller(DRAMATIQ, Dramatiq())], deadline_s=0.4
        )
        await lane.once()
        assert type(lane.observations()[0].reading).__name__ == "Fresh"
        getattr(proxy, fault)()
        begun = time.monotonic()
        await lane.once()
        assert time.monotonic() - begun < 20
        reading = lane.observations()[0].reading
        assert type(reading).__name__ == "Stale"
        assert reading.trouble.kind is TroubleKind.TIMEOUT  # type: ignore[union-attr]
        proxy.clear()
        await lane.once()
        assert type(lane.observations()[0].reading).__name__ == "Fresh"
        await lane.close()

    with FaultProxy(redis_server.port) as proxy:
        asyncio.run(run(proxy))


def test_a_frozen_connect_is_given_up_too(redis_server: Redis) -> None:
    with FaultProxy(redis_server.port) as proxy:
        proxy.freeze()
        begun = time.monotonic()
        found = trouble(proxied(proxy), timeout_s=0.3)
        assert found.kind is TroubleKind.TIMEOUT
        assert time.monotonic() - begun < 20


@pytest.mark.parametrize("fault", ["reset", "garbage", "refuse"])
def test_a_broken_wire_is_named_and_heals(redis_server: Redis, fault: str) -> None:
    kinds = {
        "reset": {TroubleKind.CLOSED},
        "refuse": {TroubleKind.REFUSED},
        "garbage": {TroubleKind.PROTOCOL, TroubleKind.TIMEOUT, TroubleKind.CLOSED},
    }

    async def run(proxy: FaultProxy) -> None:
        connection = RedisConnection(Url(proxied(proxy)), timeout_s=0.3)
        for _ in range(10):
            getattr(proxy, fault)()
            with pytest.raises(BackendError) as caught:
                await _open_and_ask(connection)
            assert caught.value.transport
            assert caught.value.trouble.kind in kinds[fault]
            proxy.clear()
            assert len(await _open_and_ask(connection)) == 3
            connection.abort()
        await connection.close()

    with FaultProxy(redis_server.port) as proxy:
        asyncio.run(run(proxy))


async def _open_and_ask(connection: RedisConnection) -> list[object]:
    await connection.open()
    return await connection.pipeline([("TIME",)] * 3)


@pytest.mark.parametrize("count", [1, 20, 100, 700])
def test_an_answer_cut_in_the_middle_is_no_answer(redis_server: Redis, redis_url: str, count: int) -> None:
    database = int(redis_url.rpartition("/")[2])

    async def run(proxy: FaultProxy) -> None:
        connection = RedisConnection(Url(proxied(proxy, database)), timeout_s=1)
        await connection.open()
        proxy.cut_after(count)
        with pytest.raises(BackendError) as caught:
            await connection.pipeline([("INFO", "server")] * 2)
        assert (caught.value.trouble.kind, caught.value.transport) == (TroubleKind.CLOSED, True)
        await connection.open()
        assert await connection.pipeline([("LLEN", "a"), ("PING",)]) == [0, b"PONG"]
        await connection.close()

    with FaultProxy(redis_server.port) as proxy:
        asyncio.run(run(proxy))


def test_a_cancelled_pipeline_leaves_no_reply_behind(redis_server: Redis) -> None:
    async def run(proxy: FaultProxy) -> None:
        connection = RedisConnection(Url(proxied(proxy)))
        await connection.open()
        proxy.delay(0.3)
        task = asyncio.ensure_future(connection.pipeline([("PING",)]))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        proxy.clear()
        await connection.open()
        assert await connection.pipeline([("LLEN", "a")]) == [0]
        await connection.close()

    with FaultProxy(redis_server.port) as proxy:
        asyncio.run(run(proxy))


def test_a_killed_server_is_missed_and_found_again(own_redis: Redis) -> None:
    async def run() -> None:
        connection = RedisConnection(Url(own_redis.url))
        await connection.open()
        own_redis.kill()
        with pytest.raises(BackendError) as caught:
            await connection.pipeline([("PING",)])
        assert (caught.value.trouble.kind, caught.value.transport) == (TroubleKind.CLOSED, True)
        with pytest.raises(BackendError) as caught:
            await connection.open()
        assert caught.value.trouble.kind is TroubleKind.REFUSED
        own_redis.start()
        await connection.open()
        assert await connection.pipeline([("PING",)]) == [b"PONG"]
        await connection.close()

    asyncio.run(run())


def _clients(server: Redis) -> int:
    return server.cli("CLIENT", "LIST").count("name=unstick")


def test_a_thousand_reconnects_leave_nothing_behind(redis_server: Redis) -> None:
    async def run(proxy: FaultProxy) -> None:
        connection = RedisConnection(Url(proxied(proxy)))
        await connection.open()
        descriptors, tasks = _descriptors(), len(asyncio.all_tasks())
        for number in range(1000):
            if number % 3 == 0:
                connection.abort()
            elif number % 3 == 1:
                await connection.close()
            else:
                proxy.rst_all()
                with pytest.raises(BackendError):
                    await connection.pipeline([("PING",)])
            await connection.open()
            await connection.pipeline([("PING",)])
        await _until(lambda: _settled(redis_server, 1))
        assert len(asyncio.all_tasks()) == tasks
        await _until(lambda: _equal(_descriptors, descriptors))
        await connection.close()
        await _until(lambda: _settled(redis_server, 0))

    with FaultProxy(redis_server.port) as proxy:
        asyncio.run(run(proxy))


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def _settled(server: Redis, count: int) -> bool:
    return await asyncio.to_thread(_clients, server) == count


async def _equal(measure: Callable[[], int], expected: int) -> bool:
    return measure() == expected


def test_abort_never_raises_and_may_come_at_any_time(redis_url: str) -> None:
    async def run() -> None:
        connection = RedisConnection(Url(redis_url))
        connection.abort()
        await connection.close()
        with pytest.raises(BackendError):
            await connection.pipeline([("PING",)])
        opening = asyncio.ensure_future(connection.open())
        await asyncio.sleep(0)
        connection.abort()
        opening.cancel()
        await asyncio.wait({opening})
        await connection.open()
        asking = asyncio.ensure_future(connection.pipeline([("PING",)]))
        await asyncio.sleep(0)
        connection.abort()
        connection.abort()
        await asyncio.wait({asking}, timeout=1)
        assert asking.done()
        assert asking.exception() is None or isinstance(asking.exception(), BackendError)
        await connection.open()
        assert await connection.pipeline([("PING",)]) == [b"PONG"]
        await connection.close()

    asyncio.run(run())


# ------------------------------------------------------------------------------------------- what the server sees


def test_the_server_sees_one_named_client_that_only_reads(redis_server: Redis, redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    client.rpush("dramatiq:q", "a", "b")
    client.hset("dramatiq:q.msgs", "a", '{"message_timestamp": 1}')
    client.zadd("dramatiq:__heartbeats__", {"w": 1})
    client.sadd("dramatiq:__acks__.w.q", "m")
    client.hset("unacked", "t", '[{}, "", "celery"]')
    client.zadd("unacked_index", {"t": 5})
    client.sadd("_kombu.binding.celery", "celery\x06\x16\x06\x16celery")
    client.close()
    names: set[str] = set()

    async def run() -> None:
        connection = RedisConnection(Url(redis_url))
        lane = Lane(connection, [DramatiqPoller(DRAMATIQ, Dramatiq()), CeleryPoller(CELERY, Celery())])
        with redis_server.monitor() as lines:
            for _ in range(3):
                await lane.once()
            await discover(connection)
            listed = redis_server.cli("CLIENT", "LIST")
            names.update(word for line in listed.splitlines() for word in line.split() if word.startswith("name="))
            await lane.close()
        own = [line.split('"')[1].upper() for line in lines if "CLIENT" not in line.upper().split('"')[1:2]]
        assert {"TIME", "LLEN", "HGET", "SMEMBERS", "SCAN", "ZREVRANGE"} <= set(own)
        assert set(own) - READ_COMMANDS == {"HELLO", "SELECT"}

    asyncio.run(run())
    assert names == {"name=unstick", "name="}


def test_discovery_is_bounded_in_a_large_database(own_redis: Redis) -> None:
    client = redis.Redis.from_url(own_redis.url)
    pipe = client.pipeline(transaction=False)
    for number in range(80_000):
        pipe.set(f"result:{number}", 1)
        if number % 10_000 == 9_999:
            pipe.execute()
    client.zadd("dramatiq:__heartbeats__", {"w": 1})
    client.sadd("_kombu.binding.celery", "celery\x06\x16\x06\x16celery")
    client.close()

    async def run() -> None:
        connection = RedisConnection(Url(own_redis.url))
        await connection.open()
        with own_redis.monitor() as lines:
            found = await discover(connection)
        assert sum('"SCAN"' in line for line in lines) <= DISCOVERY_CALLS
        assert [one.namespace for one in found.dramatiq] == ["dramatiq"]
        assert [one.key_prefix for one in found.celery] == [""]
        assert not found.complete
        with own_redis.monitor() as lines:
            poller = DramatiqPoller(DRAMATIQ, Dramatiq())
            for _ in range(3):
                await poller.look(connection)
        assert sum('"SCAN"' in line for line in lines) == 3 * 5
        await connection.close()

    asyncio.run(run())
