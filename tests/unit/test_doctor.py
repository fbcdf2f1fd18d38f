"""What the doctor concludes from an answer, without servers of its own kind."""

from __future__ import annotations

import asyncio
import http.server
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest

from unstick import clock
from unstick.cli.checkup.check import Check, Mark, Watch, of_trouble
from unstick.cli.checkup.endpoints import endpoints
from unstick.cli.doctor import exit_code
from unstick.facts.reading import Trouble, TroubleKind
from unstick.secret import Url
from unstick.settings import Context, Health, Locks, Sync


def timed() -> Watch:
    watch = Watch()
    with watch.timing():
        pass
    return watch


@pytest.mark.parametrize(
    ("offset", "resolution", "mark", "words"),
    [
        (0.0, 0.0, Mark.OK, "within 0.0 s"),
        (1.5, 0.0, Mark.OK, "within 1.5 s"),
        (3600.0, 0.0, Mark.WARNING, "3600.0 s ahead of this host's"),
        (-90.0, 0.0, Mark.WARNING, "90.0 s behind this host's"),
        (-0.9, 1.0, Mark.OK, "within 0.5 s"),
        (-4.0, 1.0, Mark.WARNING, "3.5 s behind"),
    ],
)
def test_clocks(offset: float, resolution: float, mark: Mark, words: str) -> None:
    told = timed().skew("x", clock.now() + offset, resolution)
    assert told.mark is mark
    assert words in told.text


def test_a_clock_that_is_not_told() -> None:
    assert timed().skew("x", None).mark is Mark.UNKNOWN


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (TroubleKind.REFUSED, "refused", Check("x", Mark.DOWN, "refused")),
        (TroubleKind.AUTH, "wrong password", Check("x", Mark.MISSING, "wrong password")),
        (
            TroubleKind.DENIED,
            "no k; mend: ACL SETUSER u +get",
            Check("x", Mark.MISSING, "no k", "ACL SETUSER u +get"),
        ),
        (TroubleKind.DENIED, "needs: GRANT a", Check("x", Mark.MISSING, "not permitted", "GRANT a")),
        (TroubleKind.TLS, "a\x1b[2Jb\nc", Check("x", Mark.DOWN, "a^[[2Jb c")),
    ],
)
def test_troubles(kind: TroubleKind, text: str, expected: Check) -> None:
    assert of_trouble("x", Trouble(kind, text)) == expected


def test_the_worst_check_decides_the_exit_code() -> None:
    def code(*marks: Mark) -> int:
        return exit_code([Check("x", mark, "") for mark in marks])

    assert code() == 0
    assert code(Mark.OK, Mark.NOTE, Mark.UNKNOWN, Mark.WARNING) == 0
    assert code(Mark.WARNING, Mark.MISSING) == 77
    assert code(Mark.MISSING, Mark.DOWN, Mark.OK) == 69


class _Pages(http.server.BaseHTTPRequestHandler):
    statuses: ClassVar = {"/health": 503, "/sync-management/status": 401, "/api/v1/locks": 404}

    def do_GET(self) -> None:
        self.send_response(self.statuses.get(self.path, 200))
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Says nothing on standard error."""


@pytest.fixture
def server() -> Iterator[Url]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Pages) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield Url(f"http://127.0.0.1:{httpd.server_port}")
        httpd.shutdown()
        thread.join()


def test_endpoints_are_reached_whatever_they_say_of_their_health(server: Url) -> None:
    context = Context(
        health=(Health(url=server, name="web"), Health(url=server, name="ok", health_path="/fine")),
        sync=Sync(url=server),
        locks=Locks(table=None, urls=(server,)),
    )
    found = asyncio.run(endpoints(context))
    marks = {check.subject: check.mark for check in found if "status" in check.text}
    assert marks == {
        "health web": Mark.OK,
        "health ok": Mark.OK,
        "sync": Mark.MISSING,
        f"locks {server.address}": Mark.WARNING,
    }
    assert next(check.mend for check in found if check.mark is Mark.WARNING) == "set locks.path to the right path"
    assert [check.mark for check in found if check.text.startswith("clock")] == [Mark.OK, Mark.OK]
