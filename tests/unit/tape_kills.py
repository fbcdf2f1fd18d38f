"""``python -m tests.unit.tape_kills ROUNDS SEED FOLDER``: recorders that are killed at any time, one after the other.

Each is a fork that tells every Frame that was recorded through a pipe. Prints how many Frames were told in all, and
how many of those the tapes had lost or changed.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

from tests.unit.tapes import META, Stack, played, same
from unstick.facts.frame import Frame
from unstick.tape.record import TapeError
from unstick.tape.writer import Writer

LONGEST_S = 0.08


def recorder(path: Path, frames: list[Frame], told: int) -> None:
    """Record until killed."""
    writer = Writer(path, META)
    while True:
        for frame in frames:
            writer.frame(frame)
            os.write(told, b".")


def one(path: Path, frames: list[Frame], after_s: float) -> tuple[int, int]:
    """Frames told and Frames lost of one recorder that lives for ``after_s``."""
    hear, tell = os.pipe()
    child = os.fork()
    if child == 0:
        recorder(path, frames, tell)
    os.close(tell)
    time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(hear, "rb") as pipe:
        told = len(pipe.read())
    try:
        found = played(path)
    except (TapeError, FileNotFoundError):
        return told, told
    expected = frames[:told]
    return len(expected), sum(frame.at not in found or not same(found[frame.at], frame) for frame in expected)


def main() -> None:
    """See the module."""
    rounds, seed, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    dice = random.Random(seed)
    frames = list(Stack(seed).frames(400))
    told = lost = 0
    for number in range(rounds):
        path = folder / f"{number}.tape"
        counts = one(path, frames, dice.uniform(0, LONGEST_S))
        told, lost = told + counts[0], lost + counts[1]
        path.unlink(missing_ok=True)
    print(told, lost)


if __name__ == "__main__":
    main()
