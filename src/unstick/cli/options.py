"""The options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def configured(command: CommandT) -> CommandT:
    """Add ``--config`` and ``--context``."""
    path = click.Path(path_type=Path, dir_okay=False)
    command = click.option("-C", "--context", metavar="NAME", help="Which [context.NAME] of the file to use.")(
        command
    )
    return click.option("-c", "--config", "path", type=path, help="Use this file instead of ./unstick.toml.")(command)


def screened(command: CommandT) -> CommandT:
    """Add the options of the board."""
    slow = "For a thin line: news every 5 seconds, nothing that ticks in between."
    command = click.option("--low-bandwidth", is_flag=True, help=slow)(command)
    words = "Big type for a wall: what is wrong, since when, and the few numbers that matter."
    command = click.option("--wall", is_flag=True, help=words)(command)
    fps = click.IntRange(1, 120)
    command = click.option("--fps", type=fps, metavar="N", help="Paint at most N times a second.  [60]")(command)
    command = click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal.")(command)
    return click.option("--theme", metavar="NAME", help="Use this theme instead of the configured one.")(command)


def operated(command: CommandT) -> CommandT:
    """Add ``--operate``."""
    words = "Keys may act from the start: each shows what it would change, and asks."
    return click.option("--operate", is_flag=True, help=words)(command)


def acting(command: CommandT) -> CommandT:
    """Add the options of a command that changes something."""
    command = click.option("--json", "as_json", is_flag=True, help="Print plan and receipt as JSON.")(command)
    count = "Confirm by the number of changes: what a plan above its cap needs."
    command = click.option("--count", type=click.IntRange(1), metavar="N", help=count)(command)
    command = click.option("--yes", is_flag=True, help="Do it without asking.")(command)
    return click.option("--dry-run", is_flag=True, help="Only show what would be done.")(command)


def given(ctx: click.Context, options: dict[str, Any]) -> dict[str, Any]:
    """Options of the command, else those given before it: ``unstick -c FILE status`` works like its twin."""
    before = ctx.obj or {}
    return {name: value or before.get(name) for name, value in options.items()}
