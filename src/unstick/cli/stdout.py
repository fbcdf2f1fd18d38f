"""Standard output of the commands that print: any encoding, and readers that leave early."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable


def say(lines: Iterable[str]) -> bool:
    """Print ``lines``; ``False`` when nobody reads any more. Characters that the encoding lacks become ``?``."""
    stream = sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    try:
        stream.writelines(f"{line}\n" for line in lines)
        stream.flush()
    except BrokenPipeError:
        # What is still buffered would fail once more when the program ends, and change its exit code.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        return False
    return True
