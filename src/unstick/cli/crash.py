"""What is left of a crash: a file for its owner only, and one line that names it. Locals are never written."""

from __future__ import annotations

import os
import platform
import traceback
from pathlib import Path

import platformdirs

from unstick import __version__, clock


def report(error: BaseException) -> str:
    """Write the traceback of ``error`` without locals; the sentence to print."""
    name = type(error).__name__
    path = Path(platformdirs.user_state_dir("unstick")) / f"crash-{clock.now():.0f}-{os.getpid()}.txt"
    lines = [f"unstick {__version__}, Python {platform.python_version()}\n", *traceback.format_exception(error)]
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.writelines(lines)
    except OSError as refused:
        return f"internal error: {name}: {error} (no crash file: {refused})"
    return f"internal error: {name}: {error}; mend: please report {path}"
