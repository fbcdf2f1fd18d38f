"""From the command line to a context: configuration, discovery, and their errors in one line each."""

from __future__ import annotations

import os
from pathlib import Path

from unstick.cli.codes import CONFIG
from unstick.cli.complaint import complain
from unstick.config import ConfigError, Loaded, load
from unstick.settings import BESIDE, Context
from unstick.tui.own import check_screen

DISCOVERY_S = 2.5
"""How long discovery may take at most."""


def open_config(path: Path | None, context: str | None) -> Loaded | int:
    """The configuration, or the exit code after complaining of everything that is wrong with it."""
    try:
        return load(path, context, os.environ, check_screen=check_screen)
    except ConfigError as error:
        for problem in error.problems:
            complain(str(problem))
        return error.exit_code


def watchable(loaded: Loaded) -> bool:
    """Whether there is anything to look at; complains if not."""
    context = loaded.context
    if not loaded.discover or context.celery or any(getattr(context, name) for name in BESIDE):
        return True
    if context.postgres.url or context.redis.url or context.rabbitmq.url or context.rabbitmq.management_url:
        return True
    complain("nothing to watch is configured; mend: set DATABASE_URL or REDIS_URL, or write a file: unstick init")
    return False


def open_context(path: Path | None, context: str | None, budget_s: float = DISCOVERY_S) -> Context | int:
    """The context to watch, with what discovery found; or the exit code after complaining."""
    loaded = open_config(path, context)
    if isinstance(loaded, int):
        return loaded
    if not watchable(loaded):
        return CONFIG
    if not loaded.discover:
        return loaded.context
    from unstick import loops  # noqa: PLC0415 - asyncio takes longer than reading a configuration
    from unstick.cli.discovery import discover  # noqa: PLC0415 - imports the drivers of what it asks

    return loops.run(discover(loaded.context, min(DISCOVERY_S, budget_s)))
