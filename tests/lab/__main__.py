"""``python -m tests.lab live`` runs the board in a living world; ``python -m tests.lab world`` only the world."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator

from tests.lab.processes import LabError, guard, leave_on_signals
from tests.lab.warden import start_time
from tests.lab.world import SCENARIOS, World, to_stderr

BOARD_PATIENCE_S = 3

# What a full-screen program switches on and a killed one does not switch off: alternate screen, hidden cursor,
# mouse reports, focus reports, bracketed paste, the keyboard protocol.
_LEAVE = "\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[?2004l\x1b[<u\x1b[0m"


def main(argv: list[str] | None = None) -> int:
    """The exit status: the board's own, or 69 when the world could not be started."""
    options, board_args = _parse(sys.argv[1:] if argv is None else argv)
    try:
        world = World(options.scenario, after=options.after)
        with leave_on_signals():
            try:
                world.start()
                return _board(world, board_args) if options.what == "live" else _idle(world)
            finally:
                with _undisturbed():
                    world.stop()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except LabError as error:
        to_stderr(f"lab: {error}")
        return 69


def _parse(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    cut = argv.index("--") if "--" in argv else len(argv)
    ours, board = argv[:cut], argv[cut + 1 :]
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    commands = parser.add_subparsers(dest="what", required=True)
    for name, text in (("live", "the board in a living world"), ("world", "only the world, until Ctrl+C")):
        command = commands.add_parser(name, help=text)
        command.add_argument("--scenario", choices=list(SCENARIOS), help="what goes wrong")
        command.add_argument("--after", type=float, default=20, metavar="S", help="after so many quiet seconds")
    return parser.parse_args(ours), board


def _idle(world: World) -> int:
    """Tells how to reach the world, then waits for a signal."""
    for key, value in world.env().items():
        print(f"export {key}='{value}'")
    print(f"# config: {world.config_path}   ({sys.executable} -m unstick live --config {world.config_path})")
    print(f"# logs:   {world.directory}")
    print(f"# truth:  kill -USR1 {os.getpid()}; cat {world.directory / 'truth.json'}", flush=True)

    def tell(_signum: int, _frame: object) -> None:
        (world.directory / "truth.json").write_text(json.dumps(world.truth(), indent=1) + "\n")

    signal.signal(signal.SIGUSR1, tell)
    while True:
        signal.pause()


def _board(world: World, args: list[str]) -> int:
    """Runs unstick in the foreground on this terminal; its exit status."""
    command = [sys.executable, "-m", "unstick", "live", "--config", str(world.config_path), *args]
    with _terminal():
        board = subprocess.Popen(command)
        guard.tell(f"add {board.pid} {start_time(board.pid) or 0} {int(signal.SIGTERM)}")
        try:
            with _ignoring(signal.SIGINT):  # Ctrl+C belongs to the board
                return _status(board.wait())
        finally:
            if board.poll() is None:
                board.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    board.wait(BOARD_PATIENCE_S)
                board.kill()
                board.wait()
            guard.tell(f"done {board.pid}")


def _status(returncode: int) -> int:
    """A process ended by signal n counts as 128 + n, as in a shell."""
    if returncode < 0:
        sys.stdout.write(_LEAVE if sys.stdout.isatty() else "")
        sys.stdout.flush()
        return 128 - returncode
    return returncode


@contextlib.contextmanager
def _terminal() -> Iterator[None]:
    """Gives the terminal back as it was, whatever the board did to it."""
    try:
        before = termios.tcgetattr(0)
    except (termios.error, OSError, ValueError):
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(termios.error, OSError):
            termios.tcsetattr(0, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _ignoring(*signums: signal.Signals) -> Iterator[None]:
    before = {signum: signal.signal(signum, lambda *_: None) for signum in signums}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """A second Ctrl+C does not interrupt the clean-up."""
    with _ignoring(signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        yield


if __name__ == "__main__":
    raise SystemExit(main())
