"""Child processes, ports and temp directories that are certain to go away again.

Every child leads a session of its own, so a Ctrl+C on the terminal reaches the lab and not the servers, and
a whole family can be signalled at once. What the lab owns is also known to the *warden* process, which ends
it when the lab dies without a chance to do so (see ``tests.lab.warden``).
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import psutil

from tests.lab import warden

LOOPBACK = "127.0.0.1"

# Below the range from which Linux takes the source ports of outgoing connections: a port found free now is
# not taken by somebody's outgoing connection between now and the moment the server binds it.
_PORTS = range(15_000, 32_000)
_issued: set[int] = set()


class LabError(Exception):
    """Something in the lab did not start or did not answer; the text says what and shows the log's end."""


def free_port() -> int:
    """A loopback TCP port that nothing listens on and that this process has not handed out before."""
    for _ in range(1000):
        port = random.choice(_PORTS)
        if port not in _issued and _may_be_bound(port):
            _issued.add(port)
            return port
    raise LabError("no free loopback port found")


def free_ports(count: int) -> range:
    """So many free ports one after the other."""
    for _ in range(1000):
        ports = range(first := free_port(), first + count)
        if not _issued & set(ports[1:]) and all(map(_may_be_bound, ports)):
            _issued.update(ports)
            return ports
    raise LabError(f"no {count} free loopback ports in a row found")


def _may_be_bound(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, port))
        except (OSError, OverflowError):
            return False
    return True


def wait_until(check: Callable[[], bool], timeout: float, what: str, interval: float = 0.05) -> None:
    """Polls ``check`` until it holds; a :class:`LabError` naming ``what`` when it does not in time."""
    deadline = time.monotonic() + timeout
    while not check():
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not after {timeout:g} s")
        time.sleep(interval)


def port_answers(port: int) -> bool:
    """Whether something accepts TCP connections on the loopback port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0


def lives(process: psutil.Process | int) -> bool:
    """Whether a process runs. One that has ended and only waits to be reaped by its parent does not."""
    try:
        found = psutil.Process(process) if isinstance(process, int) else process
        return found.is_running() and found.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


class _Warden:
    """The lab's line to its warden process, opened with the first thing there is to guard."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0
        self._lock = threading.Lock()

    def tell(self, line: str) -> None:
        """Tells the warden one line; starts it when it does not run yet (or this is a forked copy)."""
        with self._lock:
            if self._process is None or self._owner != os.getpid():
                self._process = self._start()
            assert self._process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()

    @property
    def pid(self) -> int | None:
        """The warden's process id, once it runs."""
        return self._process.pid if self._process else None

    def _start(self) -> subprocess.Popen[str]:
        self._owner = os.getpid()
        atexit.register(self.close)
        return subprocess.Popen(
            [sys.executable, "-S", "-E", warden.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            cwd="/",
        )

    def close(self) -> None:
        """Closes the line and waits until the warden has ended what was left."""
        if self._process is None or self._owner != os.getpid():
            return
        process, self._process = self._process, None
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)


guard = _Warden()
"""The one warden of this process."""


class TempDir:
    """A private directory under the system's temp directory, removed by :meth:`remove` or by the warden."""

    def __init__(self, label: str = "run") -> None:
        base = tempfile.gettempdir()
        if len(base) > 60:  # a unix socket's path may not be longer than 107 bytes
            base = "/tmp"
        self.path = Path(tempfile.mkdtemp(prefix=f"{warden.PREFIX}{label}-", dir=base))
        self.path.chmod(0o711)  # the PostgreSQL user must reach its own directory below
        guard.tell(f"dir {self.path}")

    def sub(self, name: str, owner: str | None = None) -> Path:
        """A subdirectory, for its owner only."""
        path = self.path / name
        path.mkdir(mode=0o700, exist_ok=True)
        if owner is not None:
            entry = pwd.getpwnam(owner)
            os.chown(path, entry.pw_uid, entry.pw_gid)
        return path

    def remove(self) -> None:
        """Removes the directory with everything in it."""
        for _ in range(20):
            shutil.rmtree(self.path, ignore_errors=True)
            if not self.path.exists():
                break
            time.sleep(0.05)
        guard.tell(f"gone {self.path}")


class Child:
    """One child process that leads its own session, with its output in a file.

    ``last_signal`` is what the warden sends before it kills: PostgreSQL wants SIGQUIT, everything else may
    simply be killed once the lab is gone.
    """

    def __init__(
        self,
        args: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: str | None = None,
        last_signal: signal.Signals = signal.SIGKILL,
        name: str | None = None,
    ) -> None:
        self.name = name or Path(str(args[0])).name
        self.log = log
        with log.open("ab") as output:
            self._popen = _spawn(args, output, env, cwd, user)
        self.pid = self._popen.pid
        guard.tell(f"add {self.pid} {warden.start_time(self.pid) or 0} {int(last_signal)}")
        self._root = self._identity()
        self._family: set[psutil.Process] = set()

    def _identity(self) -> psutil.Process | None:
        try:
            return psutil.Process(self.pid)
        except psutil.NoSuchProcess:
            return None

    @property
    def alive(self) -> bool:
        """Whether the process itself still runs."""
        return self._popen.poll() is None

    @property
    def returncode(self) -> int | None:
        """The exit status, or ``None`` while it runs."""
        return self._popen.poll()

    def family(self) -> list[psutil.Process]:
        """The process with all its descendants, those included that were seen earlier and still run."""
        if self._root is not None:
            with contextlib.suppress(psutil.Error):  # also when the pid belongs to somebody else by now
                self._family |= {self._root, *self._root.children(recursive=True)}
        self._family = {process for process in self._family if lives(process)}
        return sorted(self._family, key=lambda process: process.pid)

    def send(self, signum: signal.Signals, *, whole_family: bool = False) -> None:
        """Signals the process, or the process with all its descendants."""
        if whole_family:
            for process in self.family():
                with contextlib.suppress(psutil.Error):
                    process.send_signal(signum)
        elif self.alive:
            self._popen.send_signal(signum)

    def end(self, signum: signal.Signals = signal.SIGTERM, patience: float = 5.0) -> None:
        """Asks the process to end, waits, then kills what is left of its family."""
        family = self.family()
        if self.alive:
            self.send(signal.SIGCONT, whole_family=True)
            self.send(signum)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(patience)
        self._reap(family)

    def kill(self) -> None:
        """SIGKILL for the process and everything below it, as a machine that loses power would."""
        self._reap(self.family())

    def _reap(self, family: list[psutil.Process]) -> None:
        family = list({*family, *self.family()})
        if self.alive:  # only then its id is certainly its own, and so is its group's
            with contextlib.suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(5)
        deadline = time.monotonic() + 5
        while any(lives(process) for process in family) and time.monotonic() < deadline:
            time.sleep(0.01)
        guard.tell(f"done {self.pid}")

    def tail(self, lines: int = 15) -> str:
        """The end of the log."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""

    def wait_ready(self, check: Callable[[], bool], timeout: float) -> None:
        """Waits until ``check`` holds; says what the log says when the process ends or does not get ready."""
        deadline = time.monotonic() + timeout
        trouble = ""
        try:
            while not check():
                if not self.alive:
                    trouble = f"ended with status {self.returncode}"
                elif time.monotonic() > deadline:
                    trouble = f"was not ready after {timeout:g} s"
                if trouble:
                    break
                time.sleep(0.04)
        except BaseException:
            self.kill()
            raise
        if trouble:
            self.kill()
            raise LabError(f"{self.name} {trouble}:\n{self.tail()}")


def _spawn(
    args: Sequence[str | Path],
    output: IO[bytes],
    env: Mapping[str, str] | None,
    cwd: Path | None,
    user: str | None,
) -> subprocess.Popen[bytes]:
    """Starts a process in its own session, as another user when one is named."""
    entry = pwd.getpwnam(user) if user else None
    return subprocess.Popen(
        [str(arg) for arg in args],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=dict(env) if env is not None else None,
        cwd=cwd,
        start_new_session=True,
        user=entry.pw_uid if entry else None,
        group=entry.pw_gid if entry else None,
        extra_groups=[] if entry else None,
    )


def clean_env(**extra: str) -> dict[str, str]:
    """The environment for children: what this process has, without settings that would reach servers by accident."""
    dropped = ("PG", "RABBITMQ_", "ERL_", "CELERY_", "REDIS_", "DATABASE_URL", "HTTP_PROXY", "http_proxy", "UNSTICK_")
    env = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
    return env | extra


@contextlib.contextmanager
def leave_on_signals() -> Iterator[None]:
    """Turns SIGTERM and SIGHUP into :class:`SystemExit`, so that ``finally`` blocks run."""

    def leave(signum: int, _frame: object) -> None:
        raise SystemExit(128 + signum)

    before = {signum: signal.signal(signum, leave) for signum in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
