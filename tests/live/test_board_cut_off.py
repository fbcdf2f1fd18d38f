"""The board is ended in mid-apply, on a real terminal and a real PostgreSQL: nothing is lost, and it is said which."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab.processes import wait_until
from tests.lab.servers import Postgres as PostgresServer
from tests.live.acting import Shop
from tests.live.cuts import sessions, slow
from tests.tui.terminals import Terminal
from unstick.cli.codes import REFUSED
from unstick.facts.actions import Outcome

AGAIN_S = 10.0
LIVE = (sys.executable, "-m", "unstick", "live", "--operate", "-c")
Start = Callable[[], Terminal]


@pytest.fixture
def shop(postgres: PostgresServer, database: str, tmp_path: Path) -> Shop:
    found = Shop(postgres, database, tmp_path)
    found.hold("gone_1", 1, 2)
    return found


@pytest.fixture
def config(shop: Shop) -> Path:
    file = shop.folder / "unstick.toml"
    file.write_text(
        f'config_version = 1\n[context.shop.postgres]\nurl = "{shop.url}"\n[context.shop.crawler]\n'
        f'[context.shop.actions]\naudit = "{shop.folder}/audit.jsonl"\npanic_file = ""\n'
    )
    file.chmod(0o600)
    return file


@pytest.fixture
def start(shop: Shop, config: Path) -> Iterator[Start]:
    """Starts boards on this shop; what is left of them at the end is killed."""
    begun: list[Terminal] = []

    def begin() -> Terminal:
        env = {"XDG_STATE_HOME": str(shop.folder / "state"), "XDG_CONFIG_HOME": str(shop.folder)}
        begun.append(Terminal(command=(*LIVE, str(config)), env=env, answering=True))
        return begun[-1]

    yield begin
    for terminal in begun:
        terminal.close()


def applying(shop: Shop, terminal: Terminal) -> None:
    """Press F and agree, until the server is busy for it."""
    terminal.listens()
    terminal.shows("gone_1")
    terminal.press(b"F")
    terminal.shows("would change 2 proxies")
    while not any("▌ Apply ▐" in line for line in terminal.screen.display):
        terminal.rests()
        terminal.press(b"\t")
        end = time.monotonic() + AGAIN_S
        while time.monotonic() < end and not any("▌ Apply ▐" in line for line in terminal.screen.display):
            terminal.read()
    terminal.press(b"\r")
    terminal.until(lambda: sessions(shop, "wait_event = 'PgSleep'"), "the apply")


def gone(shop: Shop) -> None:
    wait_until(lambda: sessions(shop, "true") == 0, 30, "the end of its sessions")
    assert shop.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';") == "0"


def test_a_signal_in_mid_apply_waits_for_the_outcome_and_says_it(shop: Shop, start: Start) -> None:
    slow(shop, 0.1, at_commit=True)
    terminal = start()
    applying(shop, terminal)
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.ended() == 143
    terminal.assert_restored()
    gone(shop)
    assert shop.held() == set()
    records = [record["record"] for record in shop.audit.records()]
    if b"unstick: free-proxies: applied: 2 proxies freed" in terminal.output:
        assert records == ["intent", "outcome"]
    else:  # a machine that took more than the second that a signal leaves
        assert b"the outcome is not known yet" in terminal.output


@pytest.mark.parametrize(
    ("number", "at_commit", "code"),
    [(signal.SIGHUP, True, 129), (signal.SIGKILL, False, -9)],
)
def test_what_takes_longer_is_written_down_and_the_next_start_says_which(
    shop: Shop, start: Start, number: signal.Signals, at_commit: bool, code: int
) -> None:
    slow(shop, 2.0, at_commit=at_commit)
    first = start()
    applying(shop, first)
    os.kill(first.pid, number)
    assert first.ended() == code
    if number is not signal.SIGKILL:
        first.assert_restored()
    assert [record["record"] for record in shop.audit.records()] == ["intent"]
    gone(shop)
    assert shop.held() == (set() if at_commit else {"1", "2"})
    shop.sql("DROP TRIGGER slow ON proxies;")
    second = start()
    second.shows("what became of earlier actions")
    second.shows("applied: " if at_commit else "not sent: ")
    os.kill(second.pid, signal.SIGTERM)
    second.ended()
    ended = [record["outcome"] for record in shop.audit.records() if record["record"] == "outcome"]
    assert ended == [Outcome.APPLIED if at_commit else Outcome.NOT_SENT]


def test_operate_in_a_context_that_is_read_only_is_refused_in_one_line(config: Path, start: Start) -> None:
    config.write_text(config.read_text() + "read_only = true\n")
    terminal = start()
    assert terminal.ended() == REFUSED
    said = "unstick: shop: actions.read_only: this context is read only; mend: leave --operate out\r\n"
    told = terminal.output.decode()
    assert told.endswith(said)
    assert told.count("unstick: ") == 1
    if terminal.modes():  # a start like this one has drawn before: that was taken back
        terminal.assert_restored()
