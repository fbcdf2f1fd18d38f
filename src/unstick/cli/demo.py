"""``unstick demo``: the board from a shipped recording, in a loop. No server, no configuration, no network."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from unstick.cli.codes import DONE, NO_INPUT, USAGE
from unstick.cli.complaint import complain
from unstick.cli.replay import Choice, ScreenChoice, play
from unstick.cli.tapes import with_tape
from unstick.facts.units import duration
from unstick.tape.shelf import Shelf

FIRST = "stuck-proxies"
CHECKOUT = Path(__file__).parents[3]


def shelf() -> Path:
    """Where the recordings are: inside the wheel, else in the checkout."""
    shipped = Path(str(files("unstick"))) / "shipped" / "snapshots"
    return shipped if shipped.is_dir() else CHECKOUT / "snapshots"


def run_demo(name: str | None, *, speed: float, screen: ScreenChoice) -> int:
    """Play a shipped recording until the board is left; without a name there is a menu over it. The exit code."""
    tapes = Shelf(shelf())
    if not tapes.names:
        complain(f"{shelf()}: no recordings; mend: install the wheel again, or make snapshots")
        return NO_INPUT
    chosen = name or (FIRST if FIRST in tapes.names else tapes.names[0])
    if chosen not in tapes.names:
        complain(f'no recording "{chosen}"; mend: choose one of {", ".join(tapes.names)}')
        return USAGE
    choice = Choice(tapes, chosen, menu=name is None)
    return with_tape(
        tapes.path(chosen),
        lambda tape: play(tape, at=None, speed=speed, screen=screen, at_end="loop", choice=choice),
    )


def list_demos() -> int:
    """Print what can be played, one line each."""
    for line in lines(Shelf(shelf())):
        sys.stdout.write(line + "\n")
    return DONE


def lines(tapes: Shelf) -> Iterator[str]:
    """Name, length and title of every recording."""
    width = max(map(len, tapes.names), default=0)
    for title in tapes.titles:
        length = "" if title.length_s is None else duration(title.length_s)
        yield f"{title.name:<{width}}  {length:>6}  {title.text}"
