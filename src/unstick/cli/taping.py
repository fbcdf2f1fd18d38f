"""The commands that record, play and read tapes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from unstick.cli.options import configured, given, screened

if TYPE_CHECKING:
    from unstick.cli.replay import ScreenChoice

TAPE = click.Path(path_type=Path)


@click.command()
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
    return run_record(tape, **given(ctx, options), options=choice)


@click.command()
@configured
@screened
@click.argument("tape")
@click.option("--at", metavar="TIME", help="Begin there: 03:12, 2025-12-10T03:12Z, +90s, '5m ago'.")
@click.option("--speed", type=click.FloatRange(0.1, 1000), default=1.0, show_default=True, help="Times as fast.")
@click.option("--stream-key", default="unstick", show_default=True, help="What a publisher was told.")
@click.pass_context
def replay(ctx: click.Context, /, *, tape: str, at: str | None, speed: float, stream_key: str, **options: Any) -> int:
    """The board from a tape; asks no server. Or from what another unstick publishes: redis://…, env:NAME.

    Of a configuration only [screen] counts: theme, keys, presets.
    """
    screen = cast("ScreenChoice", given(ctx, options))
    if tape.startswith(("redis://", "rediss://", "unix://", "env:")):
        from unstick.cli.stream import run_stream  # noqa: PLC0415 - imported when it runs

        return run_stream(tape, stream_key, screen)
    from unstick.cli.replay import run_replay  # noqa: PLC0415 - imported when it runs

    return run_replay(Path(tape), at=at, speed=speed, screen=screen)


@click.command()
@click.argument("tape", type=TAPE)
@click.argument("out", type=TAPE)
@click.option("--from", "begin", metavar="TIME", help="From the start, if not given.")
@click.option("--to", "end", metavar="TIME", help="To the end, if not given.")
def clip(tape: Path, out: Path, begin: str | None, end: str | None) -> int:
    """Copy a part of a tape into OUT."""
    from unstick.cli.clip import run_clip  # noqa: PLC0415 - imported when it runs

    return run_clip(tape, out, begin=begin, end=end)


@click.command()
@click.argument("tape", type=TAPE)
def verify(tape: Path) -> int:
    """Read a whole tape. Exit code 0 whole, 65 damaged."""
    from unstick.cli.verify import run_verify  # noqa: PLC0415 - imported when it runs

    return run_verify(tape)


@click.command()
@click.argument("tape", type=TAPE)
@click.option("--into", type=TAPE, metavar="FOLDER", help="Write it there, with pictures of the board (SVG).")
@click.option("--picture", "at", multiple=True, metavar="TIME", help="At these times, not at each incident's worst.")
@click.option("--size", default=(120, 36), nargs=2, type=click.IntRange(20, 400), help="Of the pictures, in cells.")
@click.option("--theme", metavar="NAME", help="Of the pictures.")
def report(tape: Path, into: Path | None, at: tuple[str, ...], size: tuple[int, int], theme: str | None) -> int:
    """What was wrong on a tape, when and on what evidence, as Markdown."""
    from unstick.cli.report import Pictures, run_report  # noqa: PLC0415 - imported when it runs

    return run_report(tape, Pictures(into, at, size, theme))


@click.command()
@configured
@screened
@click.argument("name", required=False)
@click.option("--list", "listed", is_flag=True, help="Print what there is to see.")
@click.option("--speed", type=click.FloatRange(0.1, 1000), default=1.0, show_default=True, help="Times as fast.")
@click.pass_context
def demo(ctx: click.Context, /, *, name: str | None, listed: bool, speed: float, **options: Any) -> int:
    """The board from a shipped recording of a real incident, in a loop. Needs nothing."""
    from unstick.cli.demo import list_demos, run_demo  # noqa: PLC0415 - imported when it runs

    return list_demos() if listed else run_demo(name, speed=speed, screen=cast("ScreenChoice", given(ctx, options)))


COMMANDS = (record, replay, clip, verify, report, demo)
