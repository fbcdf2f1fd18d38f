"""A program of the operator's own that is run to its end: no shell, no input, output with a cap."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from unstick.backends.base import failure
from unstick.facts.reading import TroubleKind

OUTPUT_CAP = 64 << 10
"""Bytes of output that are kept, the last ones; what was before them is read and forgotten."""
PARTING_S = 1.0


@dataclass(frozen=True, slots=True)
class Ended:
    """``code`` is the exit status, negative for a signal, ``None`` when it was killed at its deadline."""

    code: int | None
    output: bytes


async def run(arguments: Sequence[str], *, within_s: float) -> Ended:
    """Run a program to its end, or kill it and what it started. Raises ``BackendError`` when it could not start."""
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        text = f"{arguments[0]} could not be started: {error}"
        raise failure(TroubleKind.ABSENT, text) from None
    output = bytearray()
    ended = False
    try:
        async with asyncio.timeout(within_s):
            await _read(process, output)
            await process.wait()
        ended = True
    except TimeoutError:
        pass
    finally:
        if not ended:
            await _kill(process)
    return Ended(process.returncode if ended else None, bytes(output))


async def _read(process: asyncio.subprocess.Process, output: bytearray) -> None:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    while piece := await process.stdout.read(8192):
        output += piece
        del output[:-OUTPUT_CAP]


async def _kill(process: asyncio.subprocess.Process) -> None:
    """The whole family: a child of it could hold the output open."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PARTING_S):
            await process.wait()
