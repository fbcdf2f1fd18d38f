"""Who acts: the user, the host, where the terminal came from, and which process this is."""

from __future__ import annotations

import contextlib
import getpass
import os
import pwd
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from unstick.facts.actions import Actor
from unstick.facts.text import clean

_START_TIME = 19
"""Field of ``/proc/PID/stat``, counted behind the name of the program (proc(5): field 22)."""


def present(environ: Mapping[str, str]) -> Actor:
    """This process and its user."""
    ssh = environ.get("SSH_CONNECTION", environ.get("SSH_CLIENT", "")).partition(" ")[0]
    return Actor(
        user=clean(_user(), 64),
        host=clean(socket.gethostname(), 64),
        ssh=clean(ssh, 64) or None,
        sudo_user=clean(environ.get("SUDO_USER", ""), 64) or None,
        tty=_tty(),
        pid=os.getpid(),
        process=process(os.getpid()),
    )


def process(pid: int) -> str:
    """What tells a process from any other that has or had its number; empty when there is none such."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return f"{boot}:{pid}:{stat.rpartition(')')[2].split()[_START_TIME]}"


def runs(actor: Actor) -> bool:
    """Whether the process of ``actor`` still runs, on this host."""
    here = actor.host == clean(socket.gethostname(), 64)
    return here and bool(actor.process) and process(actor.pid) == actor.process


def _user() -> str:
    """By the id that counts for rights; containers have ids without a name."""
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(os.geteuid()).pw_name
    with contextlib.suppress(KeyError, OSError):
        return getpass.getuser()
    return f"uid {os.geteuid()}"


def _tty() -> str | None:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return os.ttyname(sys.stdin.fileno())
    return None
