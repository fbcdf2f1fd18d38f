"""What goes wrong while looking at a host."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import psutil
import pytest

from unstick.backends import host
from unstick.backends.base import BackendError
from unstick.backends.host import HostConnection
from unstick.facts.host import HostFacts
from unstick.facts.reading import Source, TroubleKind
from unstick.pollers.host import HostPoller

SOURCE = Source("host", "host", "host", 2.0)


def test_a_dead_mount_hides_the_disks_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    mounted = threading.Event()
    monkeypatch.setattr(host, "_disks", lambda: mounted.wait(30) and ())
    connection, poller = HostConnection(), HostPoller(SOURCE)

    async def run() -> HostFacts:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.disks(), 0.05)
        with pytest.raises(BackendError, match="disks") as caught:
            await connection.disks()
        assert (caught.value.trouble.kind, caught.value.transport) == (TroubleKind.TIMEOUT, False)
        return await poller.look(connection)

    facts = asyncio.run(run())
    mounted.set()
    assert facts.disks == ()
    assert facts.top
    assert facts.memory_total > 0


def test_an_error_of_the_system_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> object:
        raise psutil.AccessDenied(pid=1, msg="hidepid\n=2")

    monkeypatch.setattr(psutil, "virtual_memory", refuse)
    with pytest.raises(BackendError, match="AccessDenied") as caught:
        asyncio.run(HostConnection().vitals())
    assert "\n" not in caught.value.trouble.text


def test_processes_that_do_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        pid = 7
        info = {"name": None, "cpu_percent": None, "memory_info": None}  # noqa: RUF012 - as psutil hands it out

    class Hostile:
        pid = 8
        info = {"name": "\x1b[2Jx\udce9", "cpu_percent": 50.0, "memory_info": None}  # noqa: RUF012

    monkeypatch.setattr(psutil, "process_iter", lambda attrs: iter([Silent(), Hostile()]))
    top = asyncio.run(HostConnection().top(5))
    assert [(p.pid, p.name, p.cpu_percent, p.rss_bytes) for p in top] == [
        (8, "^[[2Jx\ufffd", 50.0, 0),
        (7, "?", 0.0, 0),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2112\t0\t9223372036854775807\n", (2112, None)), ("2112 0 4096", (2112, 4096)), ("x", (None, None))],
)
def test_the_file_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: tuple[int | None, int | None]
) -> None:
    table = tmp_path / "file-nr"
    monkeypatch.setattr(host, "_FILE_TABLE", table)
    assert host._open_files() == (None, None)
    table.write_text(text)
    assert host._open_files() == expected
