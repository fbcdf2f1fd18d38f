"""This side: the file, the terminal, the installation."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

import unstick
from unstick.cli.checkup.check import Check, Mark, check
from unstick.settings import BESIDE, Context

SUBJECT = "here"


def here(context: Context, path: Path | None, environ: Mapping[str, str], *, encoding: str) -> list[Check]:
    """What can be said without asking anybody."""
    return [_installation(), _file(path), _terminal(environ, encoding), *_watched(context)]


def _installation() -> Check:
    text = f"unstick {unstick.__version__}, Python {platform.python_version()}"
    spec = importlib.util.find_spec("unstick.settings")
    cached = spec.cached if spec is not None else None
    if cached is None or not Path(cached).exists():
        folder = Path(unstick.__file__).parent
        text += "; not compiled: every start costs time"
        return check(SUBJECT, Mark.WARNING, text, f"{sys.executable} -m compileall -q {folder}")
    return check(SUBJECT, Mark.OK, f"{text}, compiled")


def _file(path: Path | None) -> Check:
    if path is None:
        return check(
            SUBJECT, Mark.NOTE, "no configuration file: the environment alone", "unstick init > unstick.toml"
        )
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        return check(SUBJECT, Mark.UNKNOWN, f"{path}: {error.strerror}")
    if mode & 0o022:
        return check(SUBJECT, Mark.WARNING, f"{path} is mode {mode:04o}: others may change it", f"chmod 600 {path}")
    return check(SUBJECT, Mark.OK, f"{path}, mode {mode:04o}")


def _terminal(environ: Mapping[str, str], encoding: str) -> Check:
    term = environ.get("TERM", "")
    size = shutil.get_terminal_size()
    colours = _colours(environ, term)
    text = f"terminal {term or 'unknown'}, {size.columns}x{size.lines}, {colours}, {encoding}"
    if term in {"", "dumb"}:
        return check(SUBJECT, Mark.WARNING, text, "the board needs a terminal: export TERM=xterm-256color")
    if (size.columns, size.lines) < (80, 24) or size.lines < 24:
        return check(SUBJECT, Mark.WARNING, text, "the board needs 80x24")
    if encoding.lower().replace("-", "") != "utf8":
        return check(SUBJECT, Mark.NOTE, f"{text}: drawn in ASCII", "export LANG=C.UTF-8")
    return check(SUBJECT, Mark.OK, text)


def _colours(environ: Mapping[str, str], term: str) -> str:
    if environ.get("NO_COLOR"):
        return "no colours (NO_COLOR)"
    if environ.get("COLORTERM", "").lower() in {"truecolor", "24bit"}:
        return "16 million colours"
    return "256 colours" if "256" in term else "16 colours"


def _watched(context: Context) -> list[Check]:
    systems = ("crawler", "locks", "sync", "dramatiq", "celery", "health", *BESIDE)
    named = [name for name in systems if getattr(context, name)]
    if context.rabbitmq.url is not None or context.rabbitmq.management_url is not None:
        named.append("rabbitmq")
    if named:
        return [check(SUBJECT, Mark.OK, f"context {context.name} watches {', '.join(named)}")]
    text = f"context {context.name} watches nothing but this host"
    return [
        check(SUBJECT, Mark.WARNING, text, "export DATABASE_URL or REDIS_URL, or write unstick.toml: unstick init")
    ]
