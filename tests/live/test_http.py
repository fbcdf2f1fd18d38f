"""HTTP over a real socket: bad servers, half-open links, TLS, and what is left afterwards."""

from __future__ import annotations

import asyncio
import time
import tracemalloc
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from tests.lab.fault_proxy import FaultProxy
from tests.live.bad_http import bad_server
from tests.live.certificates import tls
from unstick.backends import dial
from unstick.backends.base import BackendError
from unstick.backends.http import HttpConnection, check
from unstick.facts.reading import TroubleKind
from unstick.secret import Url


@asynccontextmanager
async def connected(url: str, *, total_s: float = 3.0, cap: int = 1 << 20) -> AsyncIterator[HttpConnection]:
    connection = HttpConnection(Url(url), total_s=total_s, cap=cap)
    try:
        yield connection
    finally:
        await connection.close()


async def failing(call: Awaitable[object]) -> BackendError:
    with pytest.raises(BackendError) as caught:
        await call
    return caught.value


async def settled(condition: Callable[[], bool]) -> None:
    """Waits, at most five seconds, until ``condition`` holds."""
    until = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < until, "never settled"
        await asyncio.sleep(0.01)


def test_a_good_answer_and_what_was_sent_for_it() -> None:
    async def run() -> None:
        async with bad_server() as server:
            url = f"http://us%40er:p%2Fw%23@127.0.0.1:{server.port}"
            async with connected(url) as connection:
                answer = await connection.get("/ok?columns=a%2Fb")
                assert (answer.status, answer.body, answer.headers["x-thing"]) == (200, b"fine", "A")
                assert answer.date_at == 1795318503.0
                assert server.requests == ["GET /ok?columns=a%2Fb HTTP/1.1"]
                sent = server.headers[0]
                assert sent["accept-encoding"] == "identity"
                assert sent["authorization"] == "Basic " + b64encode(b"us@er:p/w#").decode()
                assert "p/w#" not in repr(connection)
                cost = connection.take_cost()
                assert cost.queries == 1
                assert 4 <= cost.bytes_in < 300
                assert connection.take_cost().queries == 0

    asyncio.run(run())


def test_one_connection_is_kept_and_a_path_cannot_leave_the_server() -> None:
    async def run() -> None:
        async with bad_server() as server, connected(f"{server.url}/base/") as connection:
            for path in ("/../ok", "ok", "@127.0.0.1:1/ok", "//127.0.0.1:1/ok"):
                assert (await connection.get(path)).status in {200, 404}
            assert server.accepted == 1
            assert server.requests[1] == "GET /base/ok HTTP/1.1"

    asyncio.run(run())


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async def run() -> None:
        async with bad_server() as server, connected(server.url) as connection:
            assert (await connection.get("/ok")).status == 200

    asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("/hang", TroubleKind.TIMEOUT, "0.4 s"),
        ("/drip", TroubleKind.TIMEOUT, "0.4 s"),
        ("/endless", TroubleKind.PROTOCOL, "more than 1048576 bytes"),
        ("/large", TroubleKind.PROTOCOL, "more than 1048576 bytes"),
        ("/bomb", TroubleKind.PROTOCOL, "compressed"),
        ("/short", TroubleKind.CLOSED, "before the whole answer"),
        ("/nothing", TroubleKind.CLOSED, "before the whole answer"),
        ("/reset", TroubleKind.CLOSED, ""),
        ("/garbage", TroubleKind.PROTOCOL, "bad reply"),
        ("/header", TroubleKind.PROTOCOL, "bad reply"),
        ("/tls-alert", TroubleKind.PROTOCOL, "speaks TLS"),
    ],
)
def test_a_bad_server_is_told_in_one_line_and_left(path: str, kind: TroubleKind, words: str) -> None:
    async def run() -> None:
        async with bad_server() as server, connected(server.url, total_s=0.4) as connection:
            begun = time.monotonic()
            tracemalloc.start()
            error = await failing(connection.get(path))
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert (error.trouble.kind, error.transport) == (kind, True)
            assert words in error.trouble.text
            assert "\n" not in error.trouble.text
            assert time.monotonic() - begun < 20
            assert peak < 8 << 20
            await settled(lambda: server.open == 0)
            assert (await connection.get("/ok")).status == 200

    asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "kind", "retry_after_s"),
    [
        ("/429", TroubleKind.OVERLOAD, 30.0),
        ("/429-date", TroubleKind.OVERLOAD, 45.0),
        ("/redirect", TroubleKind.PROTOCOL, None),
        ("/401", TroubleKind.AUTH, None),
        ("/403", TroubleKind.DENIED, None),
        ("/gone", TroubleKind.ABSENT, None),
    ],
)
def test_a_status_is_an_answer_until_it_is_checked(path: str, kind: TroubleKind, retry_after_s: float | None) -> None:
    async def run() -> None:
        async with bad_server() as server, connected(server.url) as connection:
            answer = await connection.get(path)
            with pytest.raises(BackendError) as caught:
                check(answer)
            assert (caught.value.trouble.kind, caught.value.trouble.retry_after_s) == (kind, retry_after_s)
            assert len(server.requests) == 1

    asyncio.run(run())


def test_the_body_of_a_503_can_be_read() -> None:
    async def run() -> None:
        async with bad_server() as server, connected(server.url) as connection:
            answer = await connection.get("/503")
            assert (answer.status, answer.body) == (503, b'{"status":"unhealthy"}')

    asyncio.run(run())


def test_a_kept_connection_that_the_server_closed_is_replaced_unnoticed() -> None:
    async def run() -> None:
        async with bad_server() as server, connected(server.url) as connection:
            for _ in range(5):
                assert (await connection.get("/ok")).status == 200
                for writer in list(server.writers):
                    writer.transport.abort()
            assert server.accepted == 5

    asyncio.run(run())


@pytest.mark.parametrize(
    ("address", "kind", "words"),
    [
        ("http://127.0.0.1:1", TroubleKind.REFUSED, "refused"),
        ("http://localhost:1", TroubleKind.REFUSED, "refused"),
        ("http://u:S3CR3T@no-such-host.invalid", TroubleKind.DNS, "[Errno -2] Name or service not known"),
    ],
)
def test_a_server_that_is_not_there(address: str, kind: TroubleKind, words: str) -> None:
    async def run() -> None:
        async with connected(address) as connection:
            error = await failing(connection.get("/ok"))
            assert error.trouble.kind is kind
            assert words in error.trouble.text
            assert "S3CR3T" not in error.trouble.text

    asyncio.run(run())


def test_a_half_open_link_costs_its_deadline_and_no_more() -> None:
    async def run() -> None:
        async with bad_server() as server:
            with FaultProxy(server.port) as proxy:
                async with connected(f"http://127.0.0.1:{proxy.port}", total_s=0.5) as connection:
                    assert (await connection.get("/ok")).status == 200
                    await asyncio.to_thread(proxy.freeze)
                    begun = time.monotonic()
                    error = await failing(connection.get("/ok"))
                    assert error.trouble.kind is TroubleKind.TIMEOUT
                    assert time.monotonic() - begun < 20
                    await asyncio.to_thread(proxy.clear)
                    await asyncio.to_thread(proxy.rst_all)
                    assert (await connection.get("/ok")).status == 200

    asyncio.run(run())


def test_abort_ends_a_look_at_once_from_outside() -> None:
    async def run() -> None:
        async with bad_server() as server, connected(server.url, total_s=30) as connection:
            look = asyncio.ensure_future(connection.get("/hang"))
            await settled(lambda: len(server.requests) == 1)
            connection.abort()
            error = await failing(asyncio.wait_for(look, 5))
            assert error.trouble.kind is TroubleKind.CLOSED
            await settled(lambda: server.open == 0)

    asyncio.run(run())


def test_nothing_is_left_after_hundreds_of_broken_looks() -> None:
    async def run() -> None:
        process = psutil.Process()
        async with bad_server() as server:

            async def once(path: str) -> None:
                async with connected(server.url, total_s=0.05) as connection:
                    await failing(connection.get(path))
                    connection.abort()

            await once("/hang")
            await settled(lambda: server.open == 0)
            files, tasks = process.num_fds(), len(asyncio.all_tasks())
            for path in ("/reset", "/garbage", "/short", "/hang") * 50:
                await once(path)
            await settled(lambda: server.open == 0)
            await settled(lambda: len(asyncio.all_tasks()) <= tasks)
            assert process.num_fds() <= files

    asyncio.run(run())


@pytest.mark.parametrize(
    ("name", "words"),
    [("good", None), ("expired", "expired"), ("host", "another host name"), ("alone", "authority")],
)
def test_certificates(authority: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: str | None) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "ca.pem"))
    dial.tls_context.cache_clear()

    async def run() -> None:
        async with (
            bad_server(tls(authority, name)) as server,
            connected(f"https://127.0.0.1:{server.port}") as connection,
        ):
            if words is None:
                assert (await connection.get("/ok")).status == 200
                return
            error = await failing(connection.get("/ok"))
            assert error.trouble.kind is TroubleKind.TLS
            assert words in error.trouble.text
            assert server.requests == []

    asyncio.run(run())


def test_the_wrong_kind_of_port_is_told_from_a_bad_certificate(authority: Path) -> None:
    async def run() -> None:
        async with bad_server() as plain, connected(f"https://127.0.0.1:{plain.port}") as connection:
            error = await failing(connection.get("/ok"))
            assert (error.trouble.kind, "does not speak TLS" in error.trouble.text) == (TroubleKind.TLS, True)
        async with bad_server(tls(authority, "good")) as server, connected(server.url) as connection:
            error = await failing(connection.get("/ok"))
            assert error.trouble.kind in {TroubleKind.PROTOCOL, TroubleKind.CLOSED}
            assert server.requests == []

    asyncio.run(run())
