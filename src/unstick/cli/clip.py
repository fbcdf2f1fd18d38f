"""``unstick clip``: a part of a tape as a tape of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from unstick.cli.codes import BAD_TAPE, DONE, USAGE
from unstick.cli.complaint import complain
from unstick.cli.tapes import at_moment, io_error, with_tape
from unstick.facts.units import duration, timestamp
from unstick.tape.parts import Parts
from unstick.tape.record import TapeError
from unstick.tape.writer import record_all


def run_clip(path: Path, out: Path, *, begin: str | None, end: str | None) -> int:
    """Copy what happened from ``begin`` to ``end`` into ``out``; the exit code."""
    return with_tape(path, lambda tape: _clip(tape, out, begin, end))


def _clip(tape: Parts, out: Path, begin: str | None, end: str | None) -> int:
    since = at_moment(tape, begin, tape.at(0))
    until = at_moment(tape, end, tape.at(len(tape) - 1))
    if since > until:
        complain(f"{timestamp(since)} is after {timestamp(until)}; mend: swap --from and --to")
        return USAGE
    first, last = tape.find(since), tape.find(until)
    meta = msgspec.structs.replace(tape.meta, started_at=tape.at(first), part=1, pid=0)
    events = [event for event in tape.events() if tape.at(first) <= event.at <= until]
    try:
        frames = record_all(out, meta, (frame for _, frame in tape.frames(first, last)), events)
    except TapeError as error:
        complain(f"{out}: {error}; mend: {error.mend}")
        return BAD_TAPE
    except OSError as error:
        return io_error(out, error)
    sys.stdout.write(f"{out}: {frames} frames, {duration(tape.at(last) - tape.at(first))}\n")
    return DONE
