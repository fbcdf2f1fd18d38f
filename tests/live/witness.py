"""A board that watches a living world from a thread of its own, and what it remembers of every Frame."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable
from typing import NamedTuple, Self

from tests.lab.processes import wait_until
from unstick.board.board import Board, fold
from unstick.cli.wiring import lane_specs
from unstick.facts.level import Level
from unstick.feeds.live import LiveFeed
from unstick.settings import Context
from unstick.views.status_json import Json, status

Until = Callable[[Callable[[], bool], float, str], None]
"""Waits for a condition, for so many seconds, and says what it waited for when it does not come."""


class Glimpse(NamedTuple):
    """What is kept of every Frame."""

    at: float
    settled: bool
    """Every source has answered at least once."""
    level: Level
    findings: tuple[str, ...]
    late: tuple[str, ...]
    """Sources that were not fresh."""


class Witness:
    """A board that runs in a thread of its own, as ``unstick live`` has it."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.glimpses: list[Glimpse] = []
        self._board: Board | None = None
        self._error: BaseException | None = None
        self._leave = threading.Event()
        self._thread = threading.Thread(target=self._run, name="witness")

    @property
    def board(self) -> Board:
        """The newest board."""
        if self._error is not None:
            raise self._error
        wait_until(lambda: self._board is not None or self._error is not None, 10, "a first board")
        assert self._board is not None
        return self._board

    def told(self) -> Json:
        """What ``status --json`` would say of the newest board."""
        return told(self.board)

    def told_when(self, until: Until, check: Callable[[Board], bool], what: str) -> Json:
        """The same of the first board for which ``check`` holds."""
        found: list[Board] = []

        def step() -> bool:
            board = self.board
            if check(board):
                found.append(board)
            return bool(found)

        until(step, 90, what)
        return told(found[0])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave.set()
        self._thread.join(10)
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            asyncio.run(self._read())
        except BaseException as error:
            self._error = error

    async def _read(self) -> None:
        feed = LiveFeed(lane_specs(self.context), self.context.name, 0.25)
        async with contextlib.aclosing(feed.frames()) as frames:
            async for frame in frames:
                board = fold(self._board, frame, self.context)
                self.glimpses.append(_glimpse(board))
                self._board = board
                if self._leave.is_set():
                    return


def _glimpse(board: Board) -> Glimpse:
    late = tuple(s.source.id for s in board.sources if s.state != "fresh")
    titles = tuple(finding.title for finding in board.findings)
    return Glimpse(board.frame.at, not any(s.pending for s in board.sources), board.level, titles, late)


def told(board: Board) -> Json:
    """``board`` as a script reads it."""
    return json.loads(json.dumps(status(board), allow_nan=False))  # type: ignore[no-any-return]
