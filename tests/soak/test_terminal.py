"""The live board on a living world, on terminals that are slow, stalled, resized without end, and left open.

``UNSTICK_SOAK_S`` is how long terminals are left alone (600 s). Figures are printed: ``pytest -s``.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import random
import re
import struct
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.lab.world import World
from tests.soak.watched import LONG_S
from tests.tui.terminals import QUESTION, Terminal
from tests.tui.test_multiplexers import body, resize
from unstick import clock
from unstick.facts.reading import Fresh
from unstick.tape.reader import Tape

ALONE_S = float(os.environ.get("UNSTICK_SOAK_S", "600"))
SLOW_S = 60.0
RATE = 2000
"""Bytes a second."""


class Ticks(msgspec.Struct, frozen=True):
    """Of what was due between two instants, which part came: Frames on the tape, and looks of all sources."""

    frames: float
    looks: float

    def __str__(self) -> str:
        return f"{self.frames:.1%} of the frames and {self.looks:.1%} of the looks"


class LiveBoard(Terminal):
    """``unstick live``, recording a tape; its terminal answers."""

    def __init__(self, world: World, folder: Path, size: tuple[int, int] = (200, 60)) -> None:
        self.pauses, self.state = folder / "pauses", folder / "state"
        super().__init__(
            str(self.pauses), "live", "--config", str(world.config_path),
            size=size, answering=True, command=(sys.executable, "-m", "tests.soak.watched"),
            env={"XDG_STATE_HOME": str(self.state), "COLORTERM": "truecolor", "TZ": "UTC"},
        )  # fmt: skip
        self.listens()
        self.shows("8 Host")
        self.press(b"r")
        self.shows("recording to")
        self.keeps_up(10)

    def keeps_up(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.2)

    @property
    def pending(self) -> int:
        """Bytes that the program wrote and nobody read."""
        return int(struct.unpack("i", fcntl.ioctl(self.master, termios.FIONREAD, b"\0" * 4))[0])

    @property
    def behind_s(self) -> float:
        """Seconds between now and the time that the header shows."""
        found = re.findall(r"(\d\d):(\d\d):(\d\d)", self.screen.display[0])
        if not found:
            return 1e6
        hours, minutes, seconds = map(int, found[-1])
        return (clock.now() - (3600 * hours + 60 * minutes + seconds)) % 86400

    def longest_pause_s(self, since: float) -> float:
        """Of the screen's loop; pauses below :data:`LONG_S` are not counted."""
        lines = self.pauses.read_text().splitlines() if self.pauses.exists() else []
        pauses = [(float(at), float(took)) for at, took in (line.split() for line in lines)]
        return max((took for at, took in pauses if at >= since), default=LONG_S)

    @property
    def rss_mb(self) -> float:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def ticks(self, begun: float, ended: float) -> Ticks:
        """Read from the tape, after the end."""
        (path,) = (self.state / "unstick" / "tapes").glob("*.tape")
        frames, looks = 0, dict[str, list[tuple[float, float, float]]]()
        with Tape.open(path) as tape:
            for _, frame in tape.frames():
                frames += begun <= frame.at <= ended
                for source, reading in ((each.source, each.reading) for each in frame.observations):
                    if isinstance(reading, Fresh) and begun <= reading.at <= ended:
                        took = reading.cost.took_s
                        seen = looks.setdefault(source.id, [])
                        if not seen or seen[-1][0] != reading.at - took:
                            seen.append((reading.at - took, max(source.interval_s, 4 * took), source.interval_s))
        came = sum(map(len, looks.values()))
        return Ticks(frames / int(ended - begun), came / (came + sum(map(_lost, looks.values()))))


def _lost(looks: list[tuple[float, float, float]]) -> int:
    """How many there could have been between looks that began, rested and were due so often."""
    return sum(
        max(0, int((later - began - rest) / interval))
        for (began, rest, interval), (later, _, _) in itertools.pairwise(looks)
    )


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World(say=lambda _: None) as living:
        yield living


def tell(*words: object) -> None:
    print(*words, flush=True)


def test_a_line_of_two_kilobytes_a_second(world: World, tmp_path: Path) -> None:
    board = LiveBoard(world, tmp_path)
    try:
        begun, began = clock.now(), time.monotonic()
        samples: list[tuple[int, int]] = []
        keys = iter([b"2", b"0", b"?", b"\x1b", b"3", b"0", b"\r", b"\x1b"] * 10)
        pressed = began
        while (now := time.monotonic()) < began + SLOW_S:
            if now - pressed > 5:
                pressed = now
                board.press(next(keys))
            samples.append((len(board.output), board.pending))
            _drip(board)
        ended, leaving = clock.now(), time.monotonic()
        board.press(b"q")
        code = _dripping_end(board)
        left = time.monotonic() - leaving
        pause, ticks = board.longest_pause_s(began), board.ticks(begun, ended)
    finally:
        board.close()
    ends = [found.end() for found in re.finditer(re.escape(QUESTION), board.output)]
    frames = max(sum(seen < end <= seen + pending for end in ends) - 1 for seen, pending in samples)
    size = max(pending for _, pending in samples)
    tell(
        f"2 kB/s for {SLOW_S:.0f} s: longest pause of the screen {pause:.2f} s; {frames} frame waited behind the one "
        f"that was taken, {size} bytes with it; q took {left:.2f} s; {ticks}"
    )
    assert code == 0
    assert pause < 1.0
    assert frames <= 1
    assert left < 3.0
    assert min(ticks.frames, ticks.looks) >= 0.97


def _drip(board: LiveBoard) -> None:
    began = time.monotonic()
    if board.pending:
        board.feed(os.read(board.master, RATE // 50))
    time.sleep(max(0.0, 0.02 - (time.monotonic() - began)))


def _dripping_end(board: LiveBoard) -> int:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        pid, status = os.waitpid(board.pid, os.WNOHANG)
        if pid:
            board.pid = 0
            return os.waitstatus_to_exitcode(status)
        _drip(board)
    raise AssertionError("it did not end")


def test_terminals_that_are_left_alone(world: World, tmp_path: Path) -> None:
    """One is never read, the other always: the first stops nothing, the second does not grow."""
    for name in ("stalled", "read"):
        (tmp_path / name).mkdir()
    stalled = LiveBoard(world, tmp_path / "stalled")
    read = LiveBoard(world, tmp_path / "read")
    try:
        begun, began = clock.now(), time.monotonic()
        sizes: list[float] = []
        while (spent := time.monotonic() - began) < ALONE_S:
            if spent >= len(sizes) * ALONE_S / 10:
                sizes.append(read.rss_mb)
            read.read(0.2)
        sizes.append(read.rss_mb)
        ended, looked = clock.now(), time.monotonic()
        stalled.until(lambda: stalled.behind_s < 3, "the newest picture")
        repainted = time.monotonic() - looked
        for board in (stalled, read):
            board.press(b"q")
            assert board.ended() == 0
        ticks = {name: board.ticks(begun, ended) for name, board in (("stalled", stalled), ("read", read))}
    finally:
        stalled.close()
        read.close()
    growth = sizes[-1] / sizes[2] - 1
    sizes_told = ", ".join(f"{size:.1f}" for size in sizes)
    tell(f"not read for {ALONE_S:.0f} s: {ticks['stalled']}; repainted in {repainted:.2f} s")
    tell(f"read for {ALONE_S:.0f} s: {ticks['read']}; RSS {sizes_told} MB, {growth:+.1%} after the second tenth")
    assert repainted < 3.0
    assert min(ticks["stalled"].frames, ticks["stalled"].looks) >= 0.97
    assert growth < 0.10


def test_a_storm_of_sizes(tmp_path: Path) -> None:
    """Sizes between 20x5 and 400x100; the seconds include this terminal's own drawing."""
    del tmp_path
    rng = random.Random(7)
    board, other = Terminal("incident", "--still", answering=True), Terminal("incident", "--still", answering=True)
    try:
        for each in (board, other):
            each.shows("container 8b4f59aa")
            each.rests()
        for _ in range(1000):
            resize(board, rng.randint(20, 400), rng.randint(5, 100))
            while board.read(0.002):
                pass
        board.screen.reset()
        resize(board, 120, 36)
        began = time.monotonic()
        board.until(lambda: body(board) == body(other), "the layout of the last size")
        took = time.monotonic() - began
        tell(f"after 1000 sizes the layout of the last one stood in {took:.2f} s")
        board.press(b"q")
        assert board.ended() == 0
    finally:
        board.close()
        other.close()
    assert took < 3.0
