"""The commands that tell what is seen, and what it takes to see it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import click

from unstick.cli.options import configured, given


@click.command()
@configured
@click.option("--json", "as_json", is_flag=True, help="Print schema 1 as JSON.")
@click.option("--timeout", type=click.FloatRange(0.5, 60), default=10.0, show_default=True, help="Seconds in all.")
@click.pass_context
def status(ctx: click.Context, /, *, as_json: bool, timeout: float, **options: Any) -> int:
    """One look. Exit code 0 ok, 1 warning, 2 critical, 3 unknown (Nagios)."""
    from unstick.cli.status import run_status  # noqa: PLC0415 - imported when it runs

    return run_status(**given(ctx, options), as_json=as_json, timeout_s=timeout)


@click.command()
@configured
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_context
def watch(ctx: click.Context, /, *, as_json: bool, **options: Any) -> int:
    """A line per change, for pipes and logs."""
    from unstick.cli.watch import run_watch  # noqa: PLC0415 - imported when it runs

    return run_watch(**given(ctx, options), as_json=as_json)


@click.group()
def alerts() -> None:
    """Who is told besides those who look."""


@alerts.command("test")
@configured
def alerts_test(**options: Any) -> int:
    """Send a test message by every configured way. Exit code 0 when all arrived, 69 otherwise."""
    from unstick.cli.alerts import run_test  # noqa: PLC0415 - imported when it runs

    return run_test(**options)


@click.command()
@configured
@click.argument("name", metavar="[RULE | FINDING]", required=False)
@click.option("--tape", type=click.Path(path_type=Path), help="What was seen there, instead of a look now.")
@click.option("--at", metavar="TIME", help="On the tape; its end, if not given.")
@click.pass_context
def explain(ctx: click.Context, /, *, name: str | None, tape: Path | None, at: str | None, **options: Any) -> int:
    """The rule behind a finding: what it concludes, on what evidence, its thresholds, and what it sees now."""
    from unstick.cli.explain import run_explain  # noqa: PLC0415 - imported when it runs

    return run_explain(**given(ctx, options), name=name, tape=tape, at=at)


@click.command()
@configured
@click.option("--address", default="127.0.0.1", show_default=True, help="Listen there; 0.0.0.0 is everywhere.")
@click.option("--port", type=click.IntRange(0, 65_535), default=9799, show_default=True, help="0 takes a free one.")
@click.option("--once", is_flag=True, help="Print one look and end, for a textfile collector.")
@click.pass_context
def metrics(ctx: click.Context, /, *, address: str, port: int, once: bool, **options: Any) -> int:
    """Serve what the board knows to Prometheus. Alert rules: docs/alerts.yml."""
    from unstick.cli.metrics import run_metrics  # noqa: PLC0415 - imported when it runs

    return run_metrics(**given(ctx, options), address=address, port=port, once=once)


@click.command()
@configured
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
@click.pass_context
def doctor(ctx: click.Context, /, *, as_json: bool, **options: Any) -> int:
    """What can be reached, with which rights, and the line that mends what is missing."""
    from unstick.cli import doctor as command  # noqa: PLC0415 - imported when it runs
    from unstick.cli.start import open_config  # noqa: PLC0415 - imported when it runs

    loaded = open_config(**given(ctx, options))
    return loaded if isinstance(loaded, int) else command.run(loaded, json=as_json)


@click.command()
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write this file (mode 0600) instead of printing."
)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
def init(output: Path | None, *, force: bool) -> int:
    """Write a commented unstick.toml from what is found behind DATABASE_URL, REDIS_URL and the others."""
    from unstick.cli import init as command  # noqa: PLC0415 - imported when it runs

    return command.run(os.environ, output=output, force=force)


@click.command()
@configured
@click.argument("name", metavar="ROLE")
@click.option("--role", "kind", type=click.Choice(["watcher", "operator"]), default="watcher", show_default=True)
@click.pass_context
def grants(ctx: click.Context, /, *, name: str, kind: Literal["watcher", "operator"], **options: Any) -> int:
    """Print SQL, Redis ACL and RabbitMQ lines that make ROLE a least-privilege watcher or operator."""
    from unstick.cli import grants as command  # noqa: PLC0415 - imported when it runs
    from unstick.cli.start import open_config  # noqa: PLC0415 - imported when it runs

    loaded = open_config(**given(ctx, options))
    return loaded if isinstance(loaded, int) else command.run(loaded, name, kind=kind)


COMMANDS = (status, watch, alerts, explain, metrics, doctor, init, grants)
