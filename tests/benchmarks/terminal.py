"""The board on a terminal against other full-screen programs, one interleaved run.

``python -m tests.benchmarks.terminal [--rounds 7] [--seconds 5] [--path DIR:DIR] [--only NAME,NAME]``. Every program
runs in a pseudo-terminal of 200 columns and 60 lines, in turn, so that what else the machine does hits all of them;
medians are printed as Markdown. A living world of every server runs beside all of them. Programs that are not
installed are left out with a word; ``--path`` names folders where more of them are.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from tests.benchmarks.seat import COLUMNS, LINES, Seat
from tests.lab.processes import LOOPBACK, Child, LabError, TempDir, clean_env, free_port, port_answers
from tests.lab.world import World

_KEYS = 4
"""Keys that are pressed in one round."""
_SETTLE_S = 2.0
_PATIENCE_S = 30.0
_NEVER = float("nan")


class Program(msgspec.Struct, frozen=True):
    """``live`` must be on the screen when it shows more than frames; ``key`` changes the picture.

    ``unseen`` is the environment of a start of which no earlier start remembers a picture.
    """

    name: str
    command: tuple[str, ...]
    live: str
    key: bytes = b"\x1b[B"
    leave: bytes = b"q"
    environ: dict[str, str] = {}
    unseen: dict[str, str] | None = None


class Round(msgspec.Struct, frozen=True):
    """One start, steady run and exit; what was not seen is not a number."""

    first_s: float
    paint_s: float
    live_s: float
    start_bytes: int
    bytes_per_s: float
    ideal_per_s: float
    cpu_percent: float
    main_percent: float
    rss_mb: float
    key_ms: tuple[float, ...]
    exit_s: float


def measured(program: Program, seconds: float) -> Round:
    """One round of ``program``."""
    first = _painted(program, program.unseen) if program.unseen is not None else _NEVER
    seat = Seat(program.command, program.environ)
    try:
        paint = _paint(seat)
        live = (
            seat.bursts[-1].at - seat.began if seat.until(lambda: seat.shows(program.live), _PATIENCE_S) else _NEVER
        )
        start = seat.total
        seat.until(lambda: False, _SETTLE_S)
        seen, (spent, main), began = len(seat.bursts), seat.cpu_s(), seat.clock()
        seat.until(lambda: False, seconds)
        took, (spent_then, main_then) = seat.clock() - began, seat.cpu_s()
        steady = seat.bursts[seen:]
        rss = seat.process.memory_info().rss / 1e6
        keys = tuple(_answered(seat, program.key) for _ in range(_KEYS))
    except BaseException:
        seat.kill()
        raise
    return Round(
        first, paint, live, start, sum(b.size for b in steady) / took, sum(b.ideal for b in steady) / took,
        (spent_then - spent) / took * 100, (main_then - main) / took * 100, rss,
        tuple(ms for ms in keys if ms), seat.end(program.leave),
    )  # fmt: skip


def _painted(program: Program, environ: dict[str, str]) -> float:
    """Seconds until a start of its own paints; it is killed then."""
    seat = Seat(program.command, program.environ | environ)
    try:
        return _paint(seat)
    finally:
        seat.kill()


def _paint(seat: Seat) -> float:
    met = seat.until(lambda: sum(not line.isspace() for line in seat.screen.display) > 3, _PATIENCE_S)
    return seat.bursts[-1].at - seat.began if met else _NEVER


def _answered(seat: Seat, key: bytes) -> float:
    """Milliseconds until ``key`` changed the screen; 0: it did not within a second."""
    seat.until(lambda: False, 0.23)
    seen, pressed = len(seat.bursts), seat.clock()
    os.write(seat.master, key)
    if seat.until(lambda: any(burst.cells for burst in seat.bursts[seen:]), 1.0):
        return (next(burst.at for burst in seat.bursts[seen:] if burst.cells) - pressed) * 1000
    return 0.0


@contextlib.contextmanager
def mariadb(path: str) -> Iterator[int | None]:
    """The port of a MariaDB server of its own, for dolphie; ``None`` where it is not installed."""
    server, install = shutil.which("mariadbd", path=path), shutil.which("mariadb-install-db", path=path)
    if server is None or install is None:
        yield None
        return
    folder, port = TempDir("mariadb"), free_port()
    data = folder.path / "data"
    as_root = ["--user=root"] if os.geteuid() == 0 else []
    child: Child | None = None
    try:
        subprocess.run(
            [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", *as_root],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        options = [
            f"--datadir={data}",
            f"--port={port}",
            f"--bind-address={LOOPBACK}",
            f"--socket={folder.path}/socket",
        ]
        command = [server, "--no-defaults", *options, "--skip-name-resolve", *as_root]
        child = Child(command, log=folder.path / "log", env=clean_env(), name="mariadb")
        child.wait_ready(lambda: port_answers(port), 60)
        yield port
    finally:
        if child is not None:
            child.end()
        folder.remove()


def programs(path: str, world: World, mysql: int | None) -> list[Program]:
    """The board on a picture that changes every second, on one server and on all; then who is installed."""
    python, unseen = sys.executable, {"XDG_CACHE_HOME": os.devnull}
    database = world.env()["DATABASE_URL"]
    board = (python, "-m", "unstick", "live")
    found = [
        Program("unstick", (python, "-m", "tests.tui.play", "incident"), "container 8b4f59aa"),
        Program(
            "unstick, PostgreSQL", board, "pg ●", b"?", environ={"DATABASE_URL": database}, unseen=unseen,
        ),
        Program("unstick, all servers", (*board, "-c", str(world.config_path)), "pg ●", b"?", unseen=unseen),
    ]  # fmt: skip
    others = [
        Program("glances", ("glances", "--time", "1", "--disable-check-update"), "CPU", b"1"),
        Program("htop", ("htop", "-d", "10"), "PID", b"\x1bOB"),
        Program("pg_activity", ("pg_activity", "--refresh", "1", database), "RUNNING QUERIES", b"2"),
        Program(
            "dolphie", ("dolphie", "-h", LOOPBACK, "-P", str(mysql), "-u", "root", "-r", "1"), "Statistics/s", b"?"
        ),
        Program("textual demo", (python, "-m", "textual"), "Textual", b"\t", b"\x11"),
    ]
    for other in others:
        where = shutil.which(other.command[0], path=path)
        if where is None:
            say(f"{other.name}: left out, not installed")
        elif other.name == "dolphie" and mysql is None:
            say("dolphie: left out, there is no MariaDB that it could watch")
        else:
            found.append(msgspec.structs.replace(other, command=(where, *other.command[1:])))
    return found


Figure = Callable[[list[Round]], float]


def _median(read: Callable[[Round], float]) -> Figure:
    def median(rounds: list[Round]) -> float:
        known = [value for value in map(read, rounds) if not math.isnan(value)]
        return statistics.median(known) if known else _NEVER

    return median


def _over_ideal(rounds: list[Round]) -> float:
    ideal = _median(lambda each: each.ideal_per_s)(rounds)
    return _median(lambda each: each.bytes_per_s)(rounds) / ideal if ideal else _NEVER


def _key(part: float) -> Figure:
    def quantile(rounds: list[Round]) -> float:
        keys = sorted(ms for each in rounds for ms in each.key_ms)
        return keys[int(len(keys) * part)] if keys else _NEVER

    return quantile


FIGURES: dict[str, tuple[Figure, int]] = {
    "first s": (_median(lambda each: each.first_s), 3),
    "paint s": (_median(lambda each: each.paint_s), 3),
    "live s": (_median(lambda each: each.live_s), 3),
    "start B": (_median(lambda each: each.start_bytes), 0),
    "B/s": (_median(lambda each: each.bytes_per_s), 0),
    "x ideal": (_over_ideal, 2),
    "CPU %": (_median(lambda each: each.cpu_percent), 1),
    "UI %": (_median(lambda each: each.main_percent), 1),
    "RSS MB": (_median(lambda each: each.rss_mb), 1),
    "key ms": (_key(0.5), 1),
    "key p90": (_key(0.9), 1),
    "exit s": (_median(lambda each: each.exit_s), 2),
}
"""A column each, and how many decimals it has."""
COMPARED = ("first s", "paint s", "live s", "B/s", "CPU %", "UI %", "RSS MB", "key ms")
_AGAINST = {"first s": "paint s", "UI %": "CPU %"}
"""What of the other stands against it, where it is not the same: the others paint and look in one thread."""


def table(rounds: dict[str, list[Round]]) -> None:
    """Medians of all rounds."""
    say(f"| program | {' | '.join(FIGURES)} |")
    say(f"|---|{'---:|' * len(FIGURES)}")
    for name, found in rounds.items():
        say(f"| {name} | {' | '.join(_told(read(found), digits) for read, digits in FIGURES.values())} |")


def ratios(rounds: dict[str, list[Round]]) -> None:
    """Each board over each other program."""
    boards = [name for name in rounds if name.startswith("unstick")]
    others = [name for name in ("glances", "pg_activity", "dolphie") if name in rounds]
    if not boards or not others:
        return
    say(f"\n| ratio | {' | '.join(COMPARED)} |")
    say(f"|---|{'---:|' * len(COMPARED)}")
    for board in boards:
        for other in others:
            parts = [
                _told(_ratio(FIGURES[name][0](rounds[board]), FIGURES[_AGAINST.get(name, name)][0](rounds[other])), 2)
                for name in COMPARED
            ]
            say(f"| {board} / {other} | {' | '.join(parts)} |")


def _ratio(ours: float, theirs: float) -> float:
    return ours / theirs if theirs else _NEVER


def _told(value: float, digits: int) -> str:
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def say(text: str) -> None:
    """A line of the report, at once."""
    print(text, flush=True)


def main(arguments: list[str] | None = None) -> None:
    """Run every program once per round and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--path", default="")
    parser.add_argument("--only", default="", help="names, with commas between; a comma of a name is left out")
    args = parser.parse_args(arguments)
    path = os.pathsep.join(
        filter(None, [args.path, str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"])
    )
    with World(say=lambda _: None) as world, mariadb(path) as mysql:
        found = programs(path, world, mysql)
        only = set(filter(None, args.only.split(",")))
        chosen = [each for each in found if not only or each.name.replace(",", "") in only]
        rounds: dict[str, list[Round]] = {program.name: [] for program in chosen}
        for number in range(args.rounds):
            print(f"round {number + 1} of {args.rounds}", file=sys.stderr, flush=True)
            for program in chosen:
                try:
                    rounds[program.name].append(measured(program, args.seconds))
                except (OSError, LabError) as error:
                    say(f"{program.name}: round {number + 1} failed: {type(error).__name__}")
    command = " ".join(["python -m tests.benchmarks.terminal", *(sys.argv[1:] if arguments is None else arguments)])
    say(f"`{command}`: {COLUMNS}x{LINES}, medians of {args.rounds} interleaved rounds of {args.seconds:g} s; load "
        f"{os.getloadavg()[2]:.1f} on {os.cpu_count()} processors\n")  # fmt: skip
    rounds = {name: found for name, found in rounds.items() if found}
    table(rounds)
    ratios(rounds)


if __name__ == "__main__":
    main()
