"""From the command line to a context: configuration, discovery, and their errors in one line each."""

from __future__ import annotations

import os
from pathlib import Path

from unstick.cli.main import complain
from unstick.config import ConfigError, load
from unstick.settings import Context


def open_context(path: Path | None, name: str | None) -> Context | int:
    """The context to watch, with what discovery found; or the exit code after complaining."""
    try:
        loaded = load(path, name, os.environ)
    except ConfigError as error:
        for problem in error.problems:
            complain(str(problem))
        return error.exit_code
    from unstick.cli.discovery import discovered  # noqa: PLC0415 - imports what it asks

    return discovered(loaded)
