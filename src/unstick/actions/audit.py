"""The audit log: one JSON object per line, appended and on disk before anything else goes on.

An ``intent`` is written before anything is changed, an ``outcome`` afterwards; they share the id of the plan. An
intent without an outcome is one that was cut off.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import syslog
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import platformdirs

from unstick import clock
from unstick.facts.actions import Actor, Confirmation, Plan, Receipt
from unstick.facts.text import clean
from unstick.facts.units import timestamp

VERSION = 1
LOCK_S = 4.0
_AGAIN_S = 0.01
TAIL_BYTES = 8 << 20
"""So much of the end of the file is read."""

Record = dict[str, Any]


def default_path() -> Path:
    """In the user's state directory."""
    return Path(platformdirs.user_state_dir("unstick")) / "audit.jsonl"


class Audit:
    """One file of mode 0600, shared by all processes of its user."""

    def __init__(self, path: Path, *, to_syslog: bool = False) -> None:
        self.path = path
        self._to_syslog = to_syslog

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one record; when this returns it is on the disk. Raises :class:`OSError`."""
        line = json.dumps(record, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        fresh = not self.path.exists()
        if fresh:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            _trusted(file)
            _locked(file)
            _whole(file, line if _ends_whole(file) else b"\n" + line)
            os.fsync(file)
        finally:
            os.close(file)
        if fresh:
            _sync_directory(self.path.parent)
        if self._to_syslog:
            syslog.syslog(syslog.LOG_NOTICE | syslog.LOG_AUTH, f"unstick: {sentence(record)}")

    def records(self) -> Iterator[Record]:
        """The records, oldest first; a line that was torn by a crash is left out. Raises :class:`OSError`."""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            size = os.fstat(file.fileno()).st_size
            if size > TAIL_BYTES:
                file.seek(size - TAIL_BYTES)
                file.readline()
            for line in file:
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if isinstance(record, dict) and isinstance(record.get("id"), str):
                    yield record

    def unfinished(self) -> list[Record]:
        """The newest intent of every plan that has no outcome, oldest first. Raises :class:`OSError`."""
        open_intents: dict[str, Record] = {}
        for record in self.records():
            if record.get("record") == "intent":
                open_intents[record["id"]] = record
            elif record.get("record") == "outcome":
                open_intents.pop(record["id"], None)
        return list(open_intents.values())


def intent(plan: Plan, items: object, actor: Actor, confirmation: Confirmation) -> Record:
    """What is written before anything is changed. ``items`` are the targets word for word."""
    return {
        "v": VERSION,
        "record": "intent",
        "id": plan.id,
        "at": timestamp(clock.now()),
        "action": plan.name,
        "context": plan.context,
        "actor": msgspec.to_builtins(actor),
        "order": msgspec.to_builtins(plan.order),
        "confirmed": msgspec.to_builtins(confirmation),
        "servers": msgspec.to_builtins(plan.servers),
        "made_at": plan.made_at,
        "items": msgspec.to_builtins(items),
    }


def outcome(receipt: Receipt, actor: Actor) -> Record:
    """What is written afterwards, whatever came of it."""
    return {
        "v": VERSION,
        "record": "outcome",
        "id": receipt.plan_id,
        "at": timestamp(clock.now()),
        "action": receipt.name,
        "context": receipt.context,
        "actor": msgspec.to_builtins(actor),
        "order": msgspec.to_builtins(receipt.order),
        "servers": msgspec.to_builtins(receipt.servers),
        "outcome": receipt.outcome.value,
        "text": receipt.text,
        "notes": list(receipt.notes),
        "results": msgspec.to_builtins(receipt.results),
    }


def sentence(record: Mapping[str, Any]) -> str:
    """A record in one line, for syslog."""
    actor = msgspec.convert(record["actor"], Actor)
    ended = record["outcome"] if record["record"] == "outcome" else f"intends {len(record['items'])}"
    text = f": {record['text']}" if record.get("text") else ""
    return clean(
        f"{record['action']} in {record['context']} by {actor.shown}, plan {record['id']}: {ended}{text}", 900
    )


def _trusted(file: int) -> None:
    """What anybody may rewrite, or what keeps nothing, is no audit log."""
    mode = os.fstat(file).st_mode
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is no file")
    if mode & stat.S_IWOTH:
        raise PermissionError(errno.EPERM, "anybody may write to it; mend: chmod 600")


def _locked(file: int) -> None:
    """Alone with the file. Whoever stopped while he had it locked is not waited for longer than :data:`LOCK_S`."""
    until = clock.monotonic() + LOCK_S
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if clock.monotonic() > until:
                raise TimeoutError(errno.ETIMEDOUT, f"somebody has kept it locked for {LOCK_S:g} s") from None
        time.sleep(_AGAIN_S)


def _ends_whole(file: int) -> bool:
    """A crash in mid-write leaves half a line: the next record begins a new one."""
    size = os.fstat(file).st_size
    return size == 0 or os.pread(file, 1, size - 1) == b"\n"


def _whole(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
