"""The command line: its commands, its last door, and the exit codes. What a command does is imported when it runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from unstick import __version__
from unstick.cli import looking, operating, taping
from unstick.cli.codes import DONE, INPUT_OUTPUT, INTERNAL, INTERRUPTED, UNKNOWN, USAGE
from unstick.cli.complaint import complain
from unstick.cli.options import configured, given, operated, screened


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@configured
@screened
@operated
@click.version_option(__version__, prog_name="unstick", message="%(prog)s %(version)s")
@click.pass_context
def unstick(ctx: click.Context, /, **options: Any) -> int:
    """Show which workers are dead, what they still hold, and how far queues and syncs are behind.

    Without a command: the live board. Systems are found from unstick.toml, or from DATABASE_URL, REDIS_URL,
    RABBITMQ_URL, RABBITMQ_MANAGEMENT_URL and CELERY_BROKER_URL alone.
    """
    ctx.obj = options
    return 0 if ctx.invoked_subcommand else _live(**options)


@unstick.command()
@configured
@screened
@operated
@click.pass_context
def live(ctx: click.Context, /, **options: Any) -> int:
    """The live board."""
    return _live(**given(ctx, options))


def _live(path: Path | None, context: str | None, *, no_mouse: bool, **options: Any) -> int:
    from unstick.cli.live import run_live  # noqa: PLC0415 - imported when it runs

    return run_live(path, context, mouse=not no_mouse, **options)


for command in (*looking.COMMANDS, *operating.COMMANDS, *taping.COMMANDS):
    unstick.add_command(command)


def run(arguments: Sequence[str]) -> int:
    """Run the command line ``arguments``; the exit code. Errors are one line on standard error."""
    try:
        result = unstick.main(args=list(arguments), prog_name="unstick", standalone_mode=False)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return DONE
    except Exception as error:  # noqa: BLE001 - the last door: one line instead of a traceback
        code = _told(error)
        return UNKNOWN if _command(arguments) == "status" else code
    return result if isinstance(result, int) else DONE


def _told(error: Exception) -> int:
    """Complain of ``error``; the exit code."""
    if isinstance(error, click.ClickException):
        complain(error.format_message() + "; mend: see unstick --help")
        return USAGE
    if isinstance(error, OSError):
        complain(f"input or output failed: {error}; mend: look at the disk, and at where the output goes")
        return INPUT_OUTPUT
    from unstick.cli.crash import report  # noqa: PLC0415 - only when it crashed

    complain(report(error))
    return INTERNAL


def _command(arguments: Sequence[str]) -> str | None:
    """The name of the command among ``arguments``: the first that is neither an option nor the value of one."""
    takes_value = {"-c", "--config", "-C", "--context", "--theme", "--fps"}
    words = zip(["", *arguments], arguments, strict=False)
    return next((word for before, word in words if not word.startswith("-") and before not in takes_value), None)
