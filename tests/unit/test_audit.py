"""The audit log: what is written stays, whoever writes at the same time; what others wrote into it harms nobody."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import resource
import stat
import syslog
from pathlib import Path
from typing import Any

import pytest

from unstick.actions import audit as log
from unstick.actions.actor import present, process, runs
from unstick.actions.audit import Audit
from unstick.cli.main import run
from unstick.facts.actions import (
    Actor,
    Confirmation,
    FreeProxies,
    Outcome,
    Plan,
    Receipt,
    Result,
    Server,
    State,
    Target,
)

ALICE = Actor("alice", "web-1", ssh="10.0.0.7", sudo_user="al")
SERVER = Server("PostgreSQL", "db:5432/shop", "op", "7/1/5")
PLAN = Plan("plan-1", FreeProxies(), "prod", True, (SERVER,), 0.0, 60.0, (Target("proxy", "proxies", "1", "w", "x"),))
ITEM = {"kind": "proxy", "place": "proxies", "id": "1", "holder": "gone_1", "version": "5", "before": {"at": 3}}
RESULT = Result("proxy", "proxies", "1", "gone_1", State.DONE, "freed")


def intent(name: str = "plan-1") -> log.Record:
    return log.intent(PLAN, [ITEM], ALICE, Confirmation(unattended=True)) | {"id": name, "xid": "7"}


def outcome(name: str = "plan-1", ended: Outcome = Outcome.APPLIED) -> log.Record:
    receipt = Receipt(name, FreeProxies(), "prod", (SERVER,), ended, 0.0, "1 proxy freed", (RESULT,), ("late",))
    return log.outcome(receipt, ALICE)


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    return Audit(tmp_path / "state" / "audit.jsonl")


@pytest.fixture
def config(tmp_path: Path, audit: Audit) -> str:
    file = tmp_path / "unstick.toml"
    file.write_text(f'config_version = 1\n[actions]\naudit = "{audit.path}"\n')
    file.chmod(0o600)
    return str(file)


def test_the_file_and_its_folder_are_private(audit: Audit) -> None:
    audit.write(intent())
    assert stat.S_IMODE(audit.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(audit.path.parent.stat().st_mode) == 0o700


def _write_many(path: Path, number: int) -> None:
    log.LOCK_S = 60.0
    audit = Audit(path)
    for count in range(25):
        audit.write({"id": f"{number}-{count}", "record": "intent", "filler": "x" * 9000})


def test_writers_at_the_same_time_never_mix_their_lines(audit: Audit) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write_many, args=(audit.path, number)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert {record["id"] for record in audit.records()} == {f"{n}-{c}" for n in range(4) for c in range(25)}


def test_what_was_cut_off_is_told_until_it_has_an_outcome(audit: Audit) -> None:
    audit.write(intent("a"))
    audit.write(intent("b"))
    audit.write(outcome("a"))
    assert [record["id"] for record in audit.unfinished()] == ["b"]
    audit.write(outcome("b", Outcome.UNKNOWN))
    assert audit.unfinished() == []


def test_rubbish_in_the_file_is_left_out(audit: Audit) -> None:
    audit.write(intent("a"))
    with audit.path.open("ab") as file:
        file.write(b'\xff\x00\n{"id": 7}\n[1]\n' + b"[" * 100_000 + b'\n{"id": "half"')
    audit.write(outcome("a"))
    assert [record["id"] for record in audit.records()] == ["a", "a"]


def test_ids_that_are_no_text_survive(audit: Audit) -> None:
    """Keys of Redis are bytes; what is not UTF-8 travels as lone surrogates."""
    audit.write(intent() | {"items": [ITEM | {"id": "lock:\udcff"}]})
    (record,) = audit.records()
    assert record["items"][0]["id"] == "lock:\udcff"


def test_only_the_end_of_a_big_file_is_read(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "TAIL_BYTES", 3000)
    for number in range(50):
        audit.write(intent(f"p{number}"))
    found = [record["id"] for record in audit.records()]
    assert 0 < len(found) < 10
    assert found[-1] == "p49"


def test_syslog_gets_one_harmless_line(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(syslog, "syslog", lambda _, text: said.append(text))
    loud = Audit(audit.path, to_syslog=True)
    loud.write(intent())
    loud.write(outcome() | {"text": "evil\n\x1b[2J"})
    assert said == [
        "unstick: free-proxies in prod by al as alice@web-1, plan plan-1: intends 1",
        "unstick: free-proxies in prod by al as alice@web-1, plan plan-1: applied: evil^J^[[2J",
    ]


def test_a_process_is_told_from_one_that_has_its_number_now() -> None:
    me = present({"SSH_CONNECTION": "10.0.0.9 22 10.0.0.1 22", "SUDO_USER": "bob\x1b"})
    assert (me.ssh, me.sudo_user) == ("10.0.0.9", "bob^[")
    assert runs(me)
    assert not runs(Actor(me.user, "elsewhere", pid=me.pid, process=me.process))
    assert not runs(Actor(me.user, me.host, pid=1, process=me.process))
    assert process(2**22 + 1) == ""


def test_the_command_lists_what_was_done(audit: Audit, config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", "-c", config]) == 0
    assert capsys.readouterr().out == ""
    for record in (intent("aa"), outcome("aa"), intent("bb"), outcome("cc", Outcome.UNKNOWN)):
        audit.write(record)
    assert run(["audit", "-c", config]) == 0
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.endswith(
        "  applied        free-proxies in prod by al as alice@web-1 from 10.0.0.7: 1 proxy freed  [aa]"
    )
    assert second.endswith("  cut off        free-proxies in prod by al as alice@web-1 from 10.0.0.7  [bb]")
    assert third.endswith(": 1 proxy freed  [cc]")
    assert run(["audit", "-c", config, "--open", "--last", "1"]) == 0
    assert capsys.readouterr().out.splitlines() == [third]
    assert run(["audit", "-c", config, "--plan", "a"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        first,
        "  on PostgreSQL db:5432/shop as op",
        "  proxy 1 of gone_1: freed  (at 3)",
        "  note: late",
    ]
    assert run(["audit", "-c", config, "--plan", "zz"]) == 66
    capsys.readouterr()
    assert run(["audit", "-c", config, "--json"]) == 0
    printed: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["record"] for record in printed] == ["intent", "outcome", "intent", "outcome"]


def test_a_log_of_nonsense_is_printed_harmlessly(
    audit: Audit, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    audit.write({"id": "x\x1b[2J", "record": "outcome", "actor": 7, "results": [1, {"kind": []}], "notes": {}})
    audit.write({"id": "y", "record": "intent", "items": "no", "servers": [None], "at": {}, "actor": {"user": 1}})
    assert run(["audit", "-c", config, "--plan", ""]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_a_log_that_can_not_be_read_is_one_line(
    audit: Audit, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    audit.path.mkdir(parents=True)
    assert run(["audit", "-c", config]) == 74
    assert capsys.readouterr().err.startswith(f"unstick: {audit.path}: Is a directory; mend: ")


def test_what_is_no_private_file_is_not_written_to(
    audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit.write(intent())
    audit.path.chmod(0o666)
    with pytest.raises(PermissionError, match="anybody may write to it"):
        audit.write(outcome())
    audit.path.chmod(0o600)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch()
    link = Audit(tmp_path / "link")
    link.path.symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic link"):
        link.write(intent())
    assert elsewhere.read_text() == ""
    with pytest.raises(OSError, match="it is no file"):
        Audit(Path("/dev/null")).write(intent())
    monkeypatch.setattr(log, "LOCK_S", 0.05)
    with audit.path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(TimeoutError, match="kept it locked"):
            audit.write(outcome())
    assert [record["id"] for record in audit.unfinished()] == ["plan-1"]


def test_a_full_disk_is_an_error_and_spoils_no_line(audit: Audit) -> None:
    audit.write(intent())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (audit.path.stat().st_size + 30, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            audit.write(outcome())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(audit.unfinished()) == 1
    audit.write(outcome())
    assert audit.unfinished() == []


def test_what_is_written_is_on_the_disk_before_anything_goes_on(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bytes] = []
    monkeypatch.setattr(
        os, "fsync", lambda file: synced.append(os.pread(file, 99, 0) if _is_file(file) else b"folder")
    )
    audit.write(intent())
    assert [text[:10] for text in synced] == [b'{"v":1,"re', b"folder"]


def _is_file(file: int) -> bool:
    return stat.S_ISREG(os.fstat(file).st_mode)
