"""``unstick verify``: whether a tape is whole, and what is missing where it is not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from unstick.cli.codes import BAD_TAPE, DONE
from unstick.cli.complaint import complain
from unstick.cli.tapes import with_tape
from unstick.facts.units import count, duration, timestamp
from unstick.tape.event import GAP
from unstick.tape.parts import Parts
from unstick.tape.reader import Tape
from unstick.tape.scan import Damage


def run_verify(path: Path) -> int:
    """Read the whole tape; 0 when nothing but a torn end is wrong with it, else 65."""
    return with_tape(path, _verify)


def _verify(whole: Parts) -> int:
    for tape in whole.tapes:
        tape.check()
        for line in lines(tape):
            sys.stdout.write(line + "\n")
        for damage in tape.damages:
            complain(f"{tape.path}: {_damaged(tape, damage)}; mend: the rest plays")
    return BAD_TAPE if any(tape.damages for tape in whole.tapes) else DONE


def lines(tape: Tape) -> Iterator[str]:
    """What the tape holds, and what its recorder already knew to be missing."""
    first, last = tape.at(0), tape.at(len(tape) - 1)
    keys = sum(entry.header.kind == "K" for entry in tape.entries)
    yield f"{tape.path}: format {tape.meta.version}, by {tape.meta.writer}, context {tape.meta.settings.name}"
    yield f"{timestamp(first)} to {timestamp(last)}, {duration(last - first)}"
    yield f"{count(len(tape.entries))} records, {count(len(tape))} frames, {keys} keyframes"
    for event in tape.events():
        if event.event == GAP:
            since, until = event.details.get("since"), event.details.get("until")
            yield f"gap {timestamp(since)} to {timestamp(until)}: {event.text}"
    if tape.growing():
        yield f"being recorded by process {tape.meta.pid}"
    elif tape.tail:
        yield f"last record incomplete (killed): {tape.tail} bytes dropped"
    elif not tape.ended:
        yield "not closed in order (killed): nothing that was written is missing"
    yield "damaged" if tape.damages else "no damage"


def _damaged(tape: Tape, damage: Damage) -> str:
    since, until = map(timestamp, tape.affected(damage))
    return f"bytes {damage.offset}–{damage.end} damaged ({damage.what}): {since} to {until} affected"
