"""Where drivers may complain: a file, never the screen."""

from __future__ import annotations

import logging
import logging.handlers
import os
from pathlib import Path

import platformdirs

MAX_BYTES = 1_000_000


def log_to_file() -> Path | None:
    """Send every logger to one rotating file of mode 0600; its path, or ``None`` where none can be written."""
    path = Path(platformdirs.user_log_dir("unstick")) / "unstick.log"
    logging.lastResort = None
    logging.raiseExceptions = False
    handler: logging.Handler
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        handler = logging.handlers.RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=1, delay=True)
    except OSError:
        handler, path = logging.NullHandler(), Path()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    return path if path.name else None
