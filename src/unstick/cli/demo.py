"""``unstick demo``: the board from a shipped recording, in a loop. No server, no configuration, no network."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from unstick.cli.codes import DONE, NO_INPUT, USAGE
from unstick.cli.complaint import complain
from unstick.cli.replay import ScreenChoice, play
from unstick.cli.tapes import with_tape
from unstick.facts.units import duration
from unstick.tape.reader import Tape
from unstick.tape.record import TapeError

FIRST = "stuck-proxies"
SUFFIX = ".tape"
CHECKOUT = Path(__file__).parents[3]


def shelf() -> Path:
    """Where the recordings are: inside the wheel, else in the checkout."""
    shipped = Path(str(files("unstick"))) / "shipped" / "snapshots"
    return shipped if shipped.is_dir() else CHECKOUT / "snapshots"


def names() -> list[str]:
    """The recordings that can be played."""
    return sorted(path.name.removesuffix(SUFFIX) for path in shelf().glob(f"*{SUFFIX}"))


def run_demo(name: str | None, *, speed: float, screen: ScreenChoice) -> int:
    """Play a shipped recording until the board is left; the exit code."""
    known = names()
    if not known:
        complain(f"{shelf()}: no recordings; mend: install the wheel again, or make snapshots")
        return NO_INPUT
    chosen = name or (FIRST if FIRST in known else known[0])
    if chosen not in known:
        complain(f'no recording "{chosen}"; mend: choose one of {", ".join(known)}')
        return USAGE
    path = shelf() / f"{chosen}{SUFFIX}"
    return with_tape(path, lambda tape: play(tape, at=None, speed=speed, screen=screen, at_end="loop"))


def list_demos() -> int:
    """Print what can be played, one line each."""
    for line in lines():
        sys.stdout.write(line + "\n")
    return DONE


def lines() -> Iterator[str]:
    """Name, length and title of every recording."""
    known = names()
    width = max(map(len, known), default=0)
    for name in known:
        try:
            with Tape.open(shelf() / f"{name}{SUFFIX}") as tape:
                length = duration(tape.at(len(tape) - 1) - tape.at(0)) if len(tape) else "empty"
                yield f"{name:<{width}}  {length:>6}  {tape.meta.title}"
        except (TapeError, OSError) as error:
            yield f"{name:<{width}}  {'':>6}  can't be played: {error}"
