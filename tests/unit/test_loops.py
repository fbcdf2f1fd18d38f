"""A call that hangs in a thread holds neither the loop nor the program."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from unstick import loops

HANGS = """
import asyncio, threading
from unstick import loops
async def main():
    try:
        async with asyncio.timeout(0.1):
            await asyncio.to_thread(threading.Event().wait)
    except TimeoutError:
        print("left")
loops.run(main())
"""


def test_the_program_ends_while_a_look_up_hangs() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", HANGS],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        env={"PYTHONPATH": str(root / "src")},
    )
    assert done.stdout == "left\n"


def test_results_and_errors_come_back() -> None:
    assert loops.run(asyncio.to_thread(lambda: 7)) == 7
    with pytest.raises(ZeroDivisionError):
        loops.run(asyncio.to_thread(lambda: 1 / 0))
