"""The warden: a tiny process that ends what the lab started when the lab itself can no longer do it.

The lab writes one line per thing it owns into the warden's standard input and takes it back when it has
ended the thing itself. When the pipe closes, for whatever reason (normal exit, SIGKILL, a lost terminal),
the warden kills what is still listed and removes the listed temp directories. It is started with
``python -S -E`` and imports the standard library only, so that it costs next to nothing.

Lines: ``add PID STARTTIME SIGNAL``, ``done PID``, ``dir PATH``, ``gone PATH``.
"""

# ruff: noqa: PTH110, PTH112, PTH119, PTH123 - without pathlib it starts sooner

from __future__ import annotations

import os
import shutil
import signal
import sys
import time

PREFIX = "unstick-lab-"
"""Only directories with this prefix are ever removed."""

PATIENCE_S = 3.0
"""How long a process may take to obey its own signal before it is killed."""


def start_time(pid: int) -> str:
    """The start time of a process as the kernel counts it, or ``""`` when there is no such process.

    A pid together with its start time names one process for ever; a pid alone may be used again.
    """
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
    except OSError:
        return "" if os.path.isdir("/proc/self") else "unknown"
    return "" if fields[0] in "ZX" else fields[19]


def send(pid: int, signum: int) -> None:
    """Signals a whole process group, or the process when it leads no group."""
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signum)
        except OSError:
            continue
        return


def end(owned: dict[int, tuple[str, int]]) -> None:
    """Ends the listed processes: each by its own signal first, then by SIGKILL."""
    alive = {pid: signum for pid, (started, signum) in owned.items() if start_time(pid) == started}
    for pid, signum in alive.items():
        send(pid, signum)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and any(start_time(pid) == owned[pid][0] for pid in alive):
        time.sleep(0.02)
    for pid in alive:
        send(pid, signal.SIGKILL)


def remove(directories: list[str]) -> None:
    """Removes the listed lab directories; a second try catches files of a server that was just dying."""
    for directory in directories:
        if not os.path.basename(directory).startswith(PREFIX):
            continue
        for _ in range(5):
            shutil.rmtree(directory, ignore_errors=True)
            if not os.path.exists(directory):
                break
            time.sleep(0.1)


def main() -> None:
    """Reads the list until the pipe closes, then cleans up."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    owned: dict[int, tuple[str, int]] = {}
    directories: list[str] = []
    for line in sys.stdin:
        verb, _, rest = line.rstrip("\n").partition(" ")
        if verb == "add":
            pid, started, number = rest.split()
            owned[int(pid)] = (started, int(number))
        elif verb == "done":
            owned.pop(int(rest), None)
        elif verb == "dir":
            directories.append(rest)
        elif verb == "gone" and rest in directories:
            directories.remove(rest)
    end(owned)
    remove(directories)


if __name__ == "__main__":
    main()
