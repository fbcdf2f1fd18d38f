"""Commands, options and exit codes. What a command does is imported when it runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import click

from unstick import __version__
from unstick.cli.codes import DONE, INPUT_OUTPUT, INTERNAL, INTERRUPTED, UNKNOWN, USAGE
from unstick.cli.complaint import complain

if TYPE_CHECKING:
    from unstick.cli.replay import ScreenChoice

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
    fps = click.IntRange(1, 120)
    command = click.option("--fps", type=fps, metavar="N", help="Paint at most N times a second.  [60]")(command)
    command = click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal.")(command)
    return click.option("--theme", metavar="NAME", help="Use this theme instead of the configured one.")(command)


def operated(command: CommandT) -> CommandT:
    """Add ``--operate``."""
    words = "Keys may act from the start: each shows what it would change, and asks."
    return click.option("--operate", is_flag=True, help=words)(command)


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


def _given(ctx: click.Context, options: dict[str, Any]) -> dict[str, Any]:
    """Options of the command, else those given before it: ``unstick -c FILE status`` works like its twin."""
    before = ctx.obj or {}
    return {name: value or before.get(name) for name, value in options.items()}


@unstick.command()
@configured
@screened
@operated
@click.pass_context
def live(ctx: click.Context, /, **options: Any) -> int:
    """The live board."""
    return _live(**_given(ctx, options))


def _live(path: Path | None, context: str | None, *, no_mouse: bool, **options: Any) -> int:
    from unstick.cli.live import run_live  # noqa: PLC0415 - imported when it runs

    return run_live(path, context, mouse=not no_mouse, **options)


@unstick.command()
@configured
@click.option("--json", "as_json", is_flag=True, help="Print schema 1 as JSON.")
@click.option("--timeout", type=click.FloatRange(0.5, 60), default=10.0, show_default=True, help="Seconds in all.")
@click.pass_context
def status(ctx: click.Context, /, *, as_json: bool, timeout: float, **options: Any) -> int:
    """One look. Exit code 0 ok, 1 warning, 2 critical, 3 unknown (Nagios)."""
    from unstick.cli.status import run_status  # noqa: PLC0415 - imported when it runs

    return run_status(**_given(ctx, options), as_json=as_json, timeout_s=timeout)


@unstick.command()
@configured
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_context
def watch(ctx: click.Context, /, *, as_json: bool, **options: Any) -> int:
    """A line per change, for pipes and logs."""
    from unstick.cli.watch import run_watch  # noqa: PLC0415 - imported when it runs

    return run_watch(**_given(ctx, options), as_json=as_json)


@unstick.group()
def alerts() -> None:
    """Who is told besides those who look."""


@alerts.command("test")
@configured
def alerts_test(**options: Any) -> int:
    """Send a test message by every configured way. Exit code 0 when all arrived, 69 otherwise."""
    from unstick.cli.alerts import run_test  # noqa: PLC0415 - imported when it runs

    return run_test(**options)


@unstick.command()
@configured
@click.argument("name", metavar="[RULE | FINDING]", required=False)
@click.option("--tape", type=click.Path(path_type=Path), help="What was seen there, instead of a look now.")
@click.option("--at", metavar="TIME", help="On the tape; its end, if not given.")
@click.pass_context
def explain(ctx: click.Context, /, *, name: str | None, tape: Path | None, at: str | None, **options: Any) -> int:
    """The rule behind a finding: what it concludes, on what evidence, its thresholds, and what it sees now."""
    from unstick.cli.explain import run_explain  # noqa: PLC0415 - imported when it runs

    return run_explain(**_given(ctx, options), name=name, tape=tape, at=at)


@unstick.command()
@configured
@click.option("--address", default="127.0.0.1", show_default=True, help="Listen there; 0.0.0.0 is everywhere.")
@click.option("--port", type=click.IntRange(0, 65_535), default=9799, show_default=True, help="0 takes a free one.")
@click.option("--once", is_flag=True, help="Print one look and end, for a textfile collector.")
@click.pass_context
def metrics(ctx: click.Context, /, *, address: str, port: int, once: bool, **options: Any) -> int:
    """Serve what the board knows to Prometheus. Alert rules: docs/alerts.yml."""
    from unstick.cli.metrics import run_metrics  # noqa: PLC0415 - imported when it runs

    return run_metrics(**_given(ctx, options), address=address, port=port, once=once)


@unstick.command()
@configured
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
@click.pass_context
def doctor(ctx: click.Context, /, *, as_json: bool, **options: Any) -> int:
    """What can be reached, with which rights, and the line that mends what is missing."""
    from unstick.cli import doctor as command  # noqa: PLC0415 - imported when it runs
    from unstick.cli.start import open_config  # noqa: PLC0415 - imported when it runs

    loaded = open_config(**_given(ctx, options))
    return loaded if isinstance(loaded, int) else command.run(loaded, json=as_json)


@unstick.command()
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write this file (mode 0600) instead of printing."
)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
def init(output: Path | None, *, force: bool) -> int:
    """Write a commented unstick.toml from what is found behind DATABASE_URL, REDIS_URL and the others."""
    from unstick.cli import init as command  # noqa: PLC0415 - imported when it runs

    return command.run(os.environ, output=output, force=force)


@unstick.command()
@configured
@click.argument("name", metavar="ROLE")
@click.option("--role", "kind", type=click.Choice(["watcher", "operator"]), default="watcher", show_default=True)
@click.pass_context
def grants(ctx: click.Context, /, *, name: str, kind: Literal["watcher", "operator"], **options: Any) -> int:
    """Print SQL, Redis ACL and RabbitMQ lines that make ROLE a least-privilege watcher or operator."""
    from unstick.cli import grants as command  # noqa: PLC0415 - imported when it runs
    from unstick.cli.start import open_config  # noqa: PLC0415 - imported when it runs

    loaded = open_config(**_given(ctx, options))
    return loaded if isinstance(loaded, int) else command.run(loaded, name, kind=kind)


def acting(command: CommandT) -> CommandT:
    """Add the options of a command that changes something."""
    command = click.option("--json", "as_json", is_flag=True, help="Print plan and receipt as JSON.")(command)
    count = "Confirm by the number of changes: what a plan above its cap needs."
    command = click.option("--count", type=click.IntRange(1), metavar="N", help=count)(command)
    command = click.option("--yes", is_flag=True, help="Do it without asking.")(command)
    return click.option("--dry-run", is_flag=True, help="Only show what would be done.")(command)


@unstick.command()
@configured
@click.option("--container", metavar="ID", help="Only what the workers of this container hold.")
@click.option("--worker", metavar="ID", help="Only what this worker holds.")
@click.option("--tasks", is_flag=True, help="Return the expired tasks of dead workers to pending, too.")
@acting
@click.pass_context
def free_proxies(
    ctx: click.Context,
    /,
    *,
    container: str | None,
    worker: str | None,
    tasks: bool,
    path: Path | None,
    context: str | None,
    **choice: Any,
) -> int:
    """Free the proxies that dead workers hold.

    Exit code 0 done, 10 nothing to do, 11 done in part, 12 refused, 13 nobody can tell.
    """
    from unstick.cli.actions import Choice, run_order  # noqa: PLC0415 - imported when it runs
    from unstick.facts.actions import FreeProxies  # noqa: PLC0415 - imported when it runs

    if container is not None and worker is not None:
        raise click.UsageError("--container and --worker exclude each other")
    order = FreeProxies(container, worker, tasks)
    return run_order(**_given(ctx, {"path": path, "context": context}), order=order, choice=Choice(**choice))


@unstick.command()
@configured
@click.option("--worker", metavar="ID", help="Only locks of this worker.")
@click.option("--force", is_flag=True, help="With --worker: all of its locks, whether it lives or not.")
@acting
@click.pass_context
def drain_locks(
    ctx: click.Context,
    /,
    *,
    worker: str | None,
    force: bool,
    path: Path | None,
    context: str | None,
    **choice: Any,
) -> int:
    """Delete locks that outlived their end or their holder.

    Exit code 0 done, 10 nothing to do, 11 done in part, 12 refused, 13 nobody can tell.
    """
    from unstick.cli.actions import Choice, run_order  # noqa: PLC0415 - imported when it runs
    from unstick.facts.actions import DrainLocks  # noqa: PLC0415 - imported when it runs

    if force and worker is None:
        raise click.UsageError("--force takes --worker: whose locks?")
    order = DrainLocks(worker, force)
    return run_order(**_given(ctx, {"path": path, "context": context}), order=order, choice=Choice(**choice))


@unstick.command()
@configured
@click.option("-v", "--verbose", is_flag=True, help="List every balance that differs or can't be compared.")
@acting
@click.pass_context
def sync_balances(
    ctx: click.Context, /, *, verbose: bool, path: Path | None, context: str | None, **choice: Any
) -> int:
    """Start a balance sync and follow it; --dry-run shows which balances differ, and by how much.

    Exit code 0 done, 11 with errors, 12 refused, 13 nobody can tell, 69 not sent.
    """
    from unstick.cli.actions import Choice, run_order  # noqa: PLC0415 - imported when it runs
    from unstick.facts.actions import SyncBalances  # noqa: PLC0415 - imported when it runs

    order = SyncBalances(verbose)
    return run_order(**_given(ctx, {"path": path, "context": context}), order=order, choice=Choice(**choice))


@unstick.command()
@configured
@click.option("--once", is_flag=True, help="One round, for cron.")
@click.option("--json", "as_json", is_flag=True, help="Print receipts as JSON, one a line.")
@click.option("--systemd", is_flag=True, help="Print a systemd unit and leave.")
@click.pass_context
def guard(ctx: click.Context, /, *, once: bool, as_json: bool, systemd: bool, **options: Any) -> int:
    """Free what is provably stuck every few minutes, within caps; stop at anything unexpected."""
    from unstick.cli.guard import print_unit, run_guard  # noqa: PLC0415 - imported when it runs

    given = _given(ctx, options)
    return print_unit(**given) if systemd else run_guard(**given, once=once, as_json=as_json)


@unstick.command()
@configured
@click.option("--plan", metavar="ID", help="Everything about one plan; the first letters of its id do.")
@click.option("--last", type=click.IntRange(1), default=20, show_default=True, help="So many of the newest.")
@click.option("--open", "only_open", is_flag=True, help="Only those whose outcome nobody knows.")
@click.option("--json", "as_json", is_flag=True, help="Print the records as they stand in the file.")
@click.pass_context
def audit(
    ctx: click.Context, /, *, plan: str | None, last: int, only_open: bool, as_json: bool, **options: Any
) -> int:
    """What was done on this host, by whom, and with what result."""
    from unstick.cli.audit import run_audit  # noqa: PLC0415 - imported when it runs

    return run_audit(**_given(ctx, options), plan=plan, last=last, only_open=only_open, as_json=as_json)


@unstick.command()
@configured
@click.argument("plan", metavar="PLAN")
@acting
@click.pass_context
def undo(ctx: click.Context, /, *, plan: str, path: Path | None, context: str | None, **choice: Any) -> int:
    """Give back the proxies that PLAN has freed, as far as nobody has taken them since; within ten minutes."""
    from unstick.cli.actions import Choice, run_order  # noqa: PLC0415 - imported when it runs
    from unstick.facts.actions import Undo  # noqa: PLC0415 - imported when it runs

    given = _given(ctx, {"path": path, "context": context})
    return run_order(**given, order=Undo(plan), choice=Choice(**choice))


@unstick.command("run")
@configured
@click.argument("name", required=False)
@click.option("--set", "values", multiple=True, metavar="NAME=VALUE", help="A value for a placeholder of it.")
@acting
@click.pass_context
def run_own(
    ctx: click.Context,
    /,
    *,
    name: str | None,
    values: tuple[str, ...],
    path: Path | None,
    context: str | None,
    **choice: Any,
) -> int:
    """Run an action of your own, from [[actions.own]]; without a name, list them."""
    from unstick.cli.actions import Choice, list_own, run_order  # noqa: PLC0415 - imported when it runs
    from unstick.facts.actions import OwnAction  # noqa: PLC0415 - imported when it runs

    given = _given(ctx, {"path": path, "context": context})
    if name is None:
        return list_own(**given)
    pairs = [value.partition("=") for value in values]
    if not all(separator for _, separator, _ in pairs):
        raise click.UsageError("--set takes NAME=VALUE")
    order = OwnAction(name, tuple((known, value) for known, _, value in pairs))
    return run_order(**given, order=order, choice=Choice(**choice))


TAPE = click.Path(path_type=Path)


@unstick.command()
@configured
@click.argument("tape", type=TAPE, required=False)
@click.option("--for", "span", metavar="SPAN", help="Stop after so long: 90s, 10m, 1h30m.")
@click.option("--title", default="", help="What the tape shows, in one line.")
@click.option("--hash-names", is_flag=True, help="Names of people, hosts, workers and clients as pseudonyms.")
@click.option("--part-mib", type=click.IntRange(1), default=256, show_default=True, help="Go on in a new file.")
@click.option("--keep-mib", type=click.IntRange(1), default=2048, show_default=True, help="Of all files together.")
@click.option("--stream", metavar="URL", help="Publish to this Redis as well, or instead: redis://…, env:NAME.")
@click.option("--stream-key", default="unstick", show_default=True, help="The one key that is written there.")
@click.option("--stream-keep", type=click.IntRange(240, 100_000), default=720, show_default=True, help="Entries.")
@click.pass_context
def record(
    ctx: click.Context,
    /,
    *,
    tape: Path | None,
    span: str | None,
    title: str,
    hash_names: bool,
    part_mib: int,
    keep_mib: int,
    stream: str | None,
    stream_key: str,
    stream_keep: int,
    **options: Any,
) -> int:
    """Record a tape without a screen, until ctrl+c or --for; with --stream for other boards to watch."""
    from unstick.cli.record import RecordOptions, run_record  # noqa: PLC0415 - imported when it runs

    sizes = part_mib << 20, keep_mib << 20
    choice = RecordOptions(span, title, hash_names, *sizes, stream, stream_key, stream_keep)
    return run_record(tape, **_given(ctx, options), options=choice)


@unstick.command()
@screened
@click.argument("tape")
@click.option("--at", metavar="TIME", help="Begin there: 03:12, 2025-12-10T03:12Z, +90s, '5m ago'.")
@click.option("--speed", type=click.FloatRange(0.1, 1000), default=1.0, show_default=True, help="Times as fast.")
@click.option("--stream-key", default="unstick", show_default=True, help="What a publisher was told.")
@click.pass_context
def replay(ctx: click.Context, /, *, tape: str, at: str | None, speed: float, stream_key: str, **options: Any) -> int:
    """The board from a tape; asks no server. Or from what another unstick publishes: redis://…, env:NAME."""
    screen = cast("ScreenChoice", _given(ctx, options))
    if tape.startswith(("redis://", "rediss://", "unix://", "env:")):
        from unstick.cli.stream import run_stream  # noqa: PLC0415 - imported when it runs

        return run_stream(tape, stream_key, screen)
    from unstick.cli.replay import run_replay  # noqa: PLC0415 - imported when it runs

    return run_replay(Path(tape), at=at, speed=speed, screen=screen)


@unstick.command()
@click.argument("tape", type=TAPE)
@click.argument("out", type=TAPE)
@click.option("--from", "begin", metavar="TIME", help="From the start, if not given.")
@click.option("--to", "end", metavar="TIME", help="To the end, if not given.")
def clip(tape: Path, out: Path, begin: str | None, end: str | None) -> int:
    """Copy a part of a tape into OUT."""
    from unstick.cli.clip import run_clip  # noqa: PLC0415 - imported when it runs

    return run_clip(tape, out, begin=begin, end=end)


@unstick.command()
@click.argument("tape", type=TAPE)
def verify(tape: Path) -> int:
    """Read a whole tape. Exit code 0 whole, 65 damaged."""
    from unstick.cli.verify import run_verify  # noqa: PLC0415 - imported when it runs

    return run_verify(tape)


@unstick.command()
@click.argument("tape", type=TAPE)
@click.option("--into", type=TAPE, metavar="FOLDER", help="Write it there, with pictures of the board (SVG).")
@click.option("--picture", "at", multiple=True, metavar="TIME", help="At these times, not at each incident's worst.")
@click.option("--size", default=(120, 36), nargs=2, type=click.IntRange(20, 400), help="Of the pictures, in cells.")
@click.option("--theme", metavar="NAME", help="Of the pictures.")
def report(tape: Path, into: Path | None, at: tuple[str, ...], size: tuple[int, int], theme: str | None) -> int:
    """What was wrong on a tape, when and on what evidence, as Markdown."""
    from unstick.cli.report import Pictures, run_report  # noqa: PLC0415 - imported when it runs

    return run_report(tape, Pictures(into, at, size, theme))


@unstick.command()
@screened
@click.argument("name", required=False)
@click.option("--list", "listed", is_flag=True, help="Print what there is to see.")
@click.option("--speed", type=click.FloatRange(0.1, 1000), default=1.0, show_default=True, help="Times as fast.")
@click.pass_context
def demo(ctx: click.Context, /, *, name: str | None, listed: bool, speed: float, **options: Any) -> int:
    """The board from a shipped recording of a real incident, in a loop. Needs nothing."""
    from unstick.cli.demo import list_demos, run_demo  # noqa: PLC0415 - imported when it runs

    return list_demos() if listed else run_demo(name, speed=speed, screen=cast("ScreenChoice", _given(ctx, options)))


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
