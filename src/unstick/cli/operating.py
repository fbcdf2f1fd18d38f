"""The commands that change something, and those that tell what was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from unstick.cli.options import acting, configured, given

if TYPE_CHECKING:
    from unstick.facts.actions import Order


def _carry_out(ctx: click.Context, order: Order, options: dict[str, Any]) -> int:
    """The exit code of ``order``. ``options`` are those of ``configured`` and ``acting``."""
    from unstick.cli.actions import Choice, run_order  # noqa: PLC0415 - imported when it runs

    choice = Choice(**{name: options.pop(name) for name in Choice.__struct_fields__})
    return run_order(**given(ctx, options), order=order, choice=choice)


@click.command()
@configured
@click.option("--container", metavar="ID", help="Only what the workers of this container hold.")
@click.option("--worker", metavar="ID", help="Only what this worker holds.")
@click.option("--tasks", is_flag=True, help="Return the expired tasks of dead workers to pending, too.")
@acting
@click.pass_context
def free_proxies(
    ctx: click.Context, /, *, container: str | None, worker: str | None, tasks: bool, **options: Any
) -> int:
    """Free the proxies that dead workers hold.

    Exit code 0 done, 10 nothing to do, 11 done in part, 12 refused, 13 nobody can tell.
    """
    from unstick.facts.actions import FreeProxies  # noqa: PLC0415 - imported when it runs

    if container is not None and worker is not None:
        raise click.UsageError("--container and --worker exclude each other")
    return _carry_out(ctx, FreeProxies(container, worker, tasks), options)


@click.command()
@configured
@click.option("--worker", metavar="ID", help="Only locks of this worker.")
@click.option("--force", is_flag=True, help="With --worker: all of its locks, whether it lives or not.")
@acting
@click.pass_context
def drain_locks(ctx: click.Context, /, *, worker: str | None, force: bool, **options: Any) -> int:
    """Delete locks that outlived their end or their holder.

    Exit code 0 done, 10 nothing to do, 11 done in part, 12 refused, 13 nobody can tell.
    """
    from unstick.facts.actions import DrainLocks  # noqa: PLC0415 - imported when it runs

    if force and worker is None:
        raise click.UsageError("--force takes --worker: whose locks?")
    return _carry_out(ctx, DrainLocks(worker, force), options)


@click.command()
@configured
@click.option("-v", "--verbose", is_flag=True, help="List every balance that differs or can't be compared.")
@acting
@click.pass_context
def sync_balances(ctx: click.Context, /, *, verbose: bool, **options: Any) -> int:
    """Start a balance sync and follow it; --dry-run shows which balances differ, and by how much.

    Exit code 0 done, 11 with errors, 12 refused, 13 nobody can tell, 69 not sent.
    """
    from unstick.facts.actions import SyncBalances  # noqa: PLC0415 - imported when it runs

    return _carry_out(ctx, SyncBalances(verbose), options)


@click.command()
@configured
@click.argument("plan", metavar="PLAN")
@acting
@click.pass_context
def undo(ctx: click.Context, /, *, plan: str, **options: Any) -> int:
    """Give back the proxies that PLAN has freed, as far as nobody has taken them since; within ten minutes."""
    from unstick.facts.actions import Undo  # noqa: PLC0415 - imported when it runs

    return _carry_out(ctx, Undo(plan), options)


@click.command("run")
@configured
@click.argument("name", required=False)
@click.option("--set", "values", multiple=True, metavar="NAME=VALUE", help="A value for a placeholder of it.")
@acting
@click.pass_context
def run_own(ctx: click.Context, /, *, name: str | None, values: tuple[str, ...], **options: Any) -> int:
    """Run an action of your own, from [[actions.own]]; without a name, list them."""
    from unstick.cli.actions import list_own  # noqa: PLC0415 - imported when it runs
    from unstick.facts.actions import OwnAction  # noqa: PLC0415 - imported when it runs

    if name is None:
        return list_own(**given(ctx, {key: options[key] for key in ("path", "context")}))
    pairs = [value.partition("=") for value in values]
    if not all(separator for _, separator, _ in pairs):
        raise click.UsageError("--set takes NAME=VALUE")
    return _carry_out(ctx, OwnAction(name, tuple((known, value) for known, _, value in pairs)), options)


@click.command()
@configured
@click.option("--once", is_flag=True, help="One round, for cron.")
@click.option("--json", "as_json", is_flag=True, help="Print receipts as JSON, one a line.")
@click.option("--systemd", is_flag=True, help="Print a systemd unit and leave.")
@click.pass_context
def guard(ctx: click.Context, /, *, once: bool, as_json: bool, systemd: bool, **options: Any) -> int:
    """Free what is provably stuck every few minutes, within caps; stop at anything unexpected."""
    from unstick.cli.guard import print_unit, run_guard  # noqa: PLC0415 - imported when it runs

    shared = given(ctx, options)
    return print_unit(**shared) if systemd else run_guard(**shared, once=once, as_json=as_json)


@click.command()
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

    return run_audit(**given(ctx, options), plan=plan, last=last, only_open=only_open, as_json=as_json)


COMMANDS = (free_proxies, drain_locks, sync_balances, undo, run_own, guard, audit)
