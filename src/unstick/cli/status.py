"""``unstick status``: one look, told as text or JSON, with Nagios exit codes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import msgspec

from unstick import clock, loops
from unstick.board.board import Board, fold
from unstick.cli.logs import log_to_file
from unstick.cli.start import open_context
from unstick.cli.stdout import say
from unstick.cli.wiring import lane_specs
from unstick.facts.frame import Frame, Observation
from unstick.facts.level import Level
from unstick.facts.reading import Missing, Trouble, TroubleKind
from unstick.feeds.live import LiveFeed
from unstick.settings import Context
from unstick.views.status_json import status
from unstick.views.status_text import status_lines

LOOKS = 4
PAUSE_S = 1.1
"""Between two looks: long enough for a live heartbeat to move (Dramatiq beats every second)."""


def run_status(path: Path | None, context: str | None, *, as_json: bool, timeout_s: float) -> int:
    """Print the status; 0 ok, 1 warning, 2 critical, 3 unknown or an error of our own."""
    log_to_file()
    begun = clock.monotonic()
    opened = open_context(path, context, timeout_s / 2)
    if isinstance(opened, int):
        return Level.UNKNOWN.exit_code
    board = loops.run(look(opened, max(0.5, timeout_s - (clock.monotonic() - begun))))
    say([json.dumps(status(board), ensure_ascii=True, allow_nan=False)] if as_json else status_lines(board))
    return board.level.exit_code


async def look(context: Context, timeout_s: float) -> Board:
    """The board after one look, or a few where one can't decide; who has not answered by then is unseen."""
    feed = LiveFeed(lane_specs(context), context.name)
    board: Board | None = None
    try:
        async with asyncio.timeout(timeout_s):
            board = fold(None, await feed.look(), context)
            for _ in range(LOOKS - 1):
                if not board.undecided:
                    break
                await asyncio.sleep(PAUSE_S)
                board = fold(board, await feed.look(board.undecided), context)
    except TimeoutError:
        board = board or fold(None, given_up(feed.frame(), timeout_s), context)
    finally:
        await feed.close()
    return board


def given_up(frame: Frame, timeout_s: float) -> Frame:
    """``frame`` without patience: a source that was still being asked has failed."""
    trouble = Trouble(TroubleKind.TIMEOUT, f"no answer within {timeout_s:g} s")

    def judged(observation: Observation) -> Observation:
        reading = observation.reading
        if not isinstance(reading, Missing) or reading.trouble.kind is not TroubleKind.PENDING:
            return observation
        return Observation(observation.source, Missing(trouble, reading.since))

    return msgspec.structs.replace(frame, observations=tuple(map(judged, frame.observations)))
