"""The fault proxy does to the wire exactly what it is asked for."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from tests.lab.fault_proxy import FaultProxy
from tests.lab.processes import LOOPBACK, wait_until


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while data := self.request.recv(65_536):
                self.server.heard.append(data)  # type: ignore[attr-defined]
                self.request.sendall(data)


class _EchoServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), _Echo)
        self.heard: list[bytes] = []


@pytest.fixture
def echo() -> Iterator[_EchoServer]:
    with _EchoServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(echo: _EchoServer) -> Iterator[FaultProxy]:
    with FaultProxy(echo.server_address[1]) as running:
        yield running


@contextlib.contextmanager
def client(proxy: FaultProxy, timeout: float = 2) -> Iterator[socket.socket]:
    with socket.create_connection((LOOPBACK, proxy.port), timeout=timeout) as link:
        yield link


def ask(link: socket.socket, text: bytes) -> bytes:
    link.sendall(text)
    got = b""
    while len(got) < len(text):
        piece = link.recv(65_536)
        if not piece:
            break
        got += piece
    return got


def ask_late(link: socket.socket) -> None:
    time.sleep(0.05)
    ask(link, b"x")


def test_passes_and_counts(proxy: FaultProxy) -> None:
    with client(proxy) as link:
        assert ask(link, b"x" * 200_000) == b"x" * 200_000
        assert (proxy.accepted, proxy.open, proxy.up, proxy.down) == (1, 1, 200_000, 200_000)
    wait_until(lambda: proxy.open == 0, 2, "the link to close")


def test_refuse_leaves_standing_links(proxy: FaultProxy) -> None:
    with client(proxy) as link:
        ask(link, b"a")
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError), client(proxy):
            pass
        assert ask(link, b"still") == b"still"
        proxy.clear()
        with client(proxy) as again:
            assert ask(again, b"back") == b"back"


def test_reset_hits_old_and_new(proxy: FaultProxy) -> None:
    with client(proxy) as old:
        ask(old, b"a")
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            old.recv(1)
        with pytest.raises(ConnectionResetError), client(proxy) as new:
            ask_late(new)


def test_rst_all(proxy: FaultProxy) -> None:
    with client(proxy) as link:
        ask(link, b"a")
        proxy.rst_all()
        with pytest.raises(ConnectionResetError):
            link.recv(1)


def test_mute_accepts_and_says_nothing(proxy: FaultProxy, echo: _EchoServer) -> None:
    proxy.mute()
    with client(proxy, 0.2) as link:
        link.sendall(b"hello")
        with pytest.raises(TimeoutError):
            link.recv(1)
    assert echo.heard == []


def test_freeze_holds_and_clear_lets_flow(proxy: FaultProxy) -> None:
    with client(proxy, 0.2) as link:
        ask(link, b"a")
        proxy.freeze()
        link.sendall(b"held")
        with pytest.raises(TimeoutError):
            link.recv(1)
        with client(proxy, 0.2) as late:
            late.sendall(b"late")
            with pytest.raises(TimeoutError):
                late.recv(1)
            proxy.clear()
            link.settimeout(2)
            late.settimeout(2)
            assert link.recv(10) == b"held"
            assert late.recv(10) == b"late"


def test_delay(proxy: FaultProxy) -> None:
    proxy.delay(0.3)
    with client(proxy) as link:
        began = time.monotonic()
        assert ask(link, b"slow") == b"slow"
        assert time.monotonic() - began >= 0.3


def test_throttle(proxy: FaultProxy) -> None:
    proxy.throttle(10_000)
    with client(proxy, 5) as link:
        began = time.monotonic()
        ask(link, b"z" * 4_000)
        assert time.monotonic() - began >= 0.3


def test_cut_after_so_many_bytes(proxy: FaultProxy) -> None:
    proxy.cut_after(5)
    with client(proxy) as link:
        assert ask(link, b"0123456789") == b"01234"
    with client(proxy) as link:
        assert ask(link, b"whole") == b"whole"
    assert proxy.triggered == 1


def test_garbage(proxy: FaultProxy) -> None:
    proxy.garbage()
    with client(proxy) as link:
        assert len(link.recv(65_536)) == 512


def test_drop_before_the_pattern(proxy: FaultProxy, echo: _EchoServer) -> None:
    proxy.drop_on(b"COMMIT")
    with client(proxy) as link:
        assert ask(link, b"BEGIN;COM") == b"BEGIN;COM"
        with pytest.raises(ConnectionResetError):
            ask(link, b"MIT;")
    assert b"".join(echo.heard) == b"BEGIN;COM"
    assert proxy.triggered == 1


def test_drop_after_the_pattern(proxy: FaultProxy, echo: _EchoServer) -> None:
    proxy.drop_on(b"COMMIT", after=True)
    with client(proxy) as link, pytest.raises(ConnectionResetError):
        ask(link, b"COMMIT;")
    assert echo.heard == [b"COMMIT;"]
    with client(proxy) as link:
        assert ask(link, b"COMMIT;") == b"COMMIT;"
