"""``unstick metrics``: what the board knows, as a Prometheus endpoint or printed once."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from unstick import loops
from unstick.board.board import Board, fold
from unstick.cli.codes import DONE, INPUT_OUTPUT
from unstick.cli.complaint import complain
from unstick.cli.logs import log_to_file
from unstick.cli.start import open_context
from unstick.cli.status import look
from unstick.cli.wiring import lane_specs
from unstick.feeds.live import LiveFeed
from unstick.settings import Context
from unstick.views.metrics import Metric, metrics

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric as Family

ONCE_S = 10.0


def run_metrics(path: Path | None, context: str | None, *, address: str, port: int, once: bool) -> int:
    """Serve until a signal comes, or print one look; the exit code."""
    log_to_file()
    opened = open_context(path, context)
    if isinstance(opened, int):
        return opened
    if once:
        sys.stdout.write(exposition(loops.run(look(opened, ONCE_S))))
        return DONE
    return loops.run(_serve(opened, address, port))


class Newest(Collector):
    """The newest board as metrics, at the moment when somebody scrapes."""

    def __init__(self) -> None:
        self.board: Board | None = None

    def collect(self) -> Iterator[Family]:
        """Nothing before the first Frame."""
        board = self.board
        yield from families(metrics(board)) if board is not None else ()


def families(told: Iterable[Metric]) -> Iterator[Family]:
    """As the library wants them: names that end in ``_total`` are counters."""
    for metric in told:
        kind = CounterMetricFamily if metric.name.endswith("_total") else GaugeMetricFamily
        family = kind(metric.name, metric.help, labels=metric.labels)
        for sample in metric.samples:
            family.add_metric([value for _, value in sample.labels], sample.value)
        yield family


def exposition(board: Board) -> str:
    """The text that a scrape of ``board`` gets."""
    newest, registry = Newest(), CollectorRegistry(auto_describe=False)
    newest.board = board
    registry.register(newest)
    return generate_latest(registry).decode()


async def _serve(context: Context, address: str, port: int) -> int:
    newest, registry = Newest(), CollectorRegistry(auto_describe=False)
    registry.register(newest)
    try:
        server, thread = start_http_server(port, addr=address, registry=registry)
    except OSError as error:
        complain(f"{address}:{port}: {(error.strerror or str(error)).lower()}; mend: name another --port")
        return INPUT_OUTPUT
    sys.stdout.write(f"http://{address}:{server.server_port}/metrics\n")
    sys.stdout.flush()
    following = asyncio.ensure_future(_follow(context, newest))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, following.cancel)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await following
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    return DONE


async def _follow(context: Context, newest: Newest) -> None:
    async with contextlib.aclosing(LiveFeed(lane_specs(context), context.name).frames()) as frames:
        async for frame in frames:
            newest.board = fold(newest.board, frame, context)
