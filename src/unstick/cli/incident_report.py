"""The report of an incident, beside its tape: made by a process of its own, so that the board goes on meanwhile."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from unstick.facts.text import clean

LONGEST_S = 300.0


async def reported(tape: Path) -> Path:
    """Where the report of ``tape`` is. Raises ``OSError`` with the reason in words."""
    folder = tape.with_suffix(".report")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "unstick", "report", str(tape), "--into", str(folder)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LONGEST_S):
            said, complained = await process.communicate()
    except (TimeoutError, asyncio.CancelledError):
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        words = clean(" ".join(complained.decode("utf-8", "replace").split()), 150)
        raise OSError(process.returncode or 0, words or "it did not end well")
    return Path(said.decode("utf-8", "replace").strip())
