"""What is left of a crash: one line for the person, a private file for the developer. Locals are never written."""

from __future__ import annotations

import os
import tempfile
import traceback
from pathlib import Path

from unstick import __version__
from unstick.tui.engine import where


def write(error: BaseException, folder: Path | None) -> Path | None:
    """The traceback in a file of mode 0600; ``None`` when it could not be written."""
    text = f"unstick {__version__}\n\n" + "".join(traceback.format_exception(error))
    for place in (folder, Path(tempfile.gettempdir())):
        if place is None:
            continue
        try:
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(prefix="unstick-crash-", suffix=".txt", dir=place)
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError:
            continue
        return Path(name)
    return None


def sentence(error: BaseException, file: Path | None) -> str:
    """The one line on stderr."""
    kept = f"; details: {file}" if file else "; its details could not be written"
    return f"unstick: the board ended by an error of its own: {where(error)}{kept}"
