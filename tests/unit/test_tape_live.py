"""What a board said while it recorded is what the tape says: ``status --json``, byte for byte, in every incident."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable, Container
from pathlib import Path

import pytest

from unstick.board.board import Board
from unstick.cli.demo import shelf
from unstick.facts.frame import Frame
from unstick.feeds.base import Feed
from unstick.feeds.deck import Deck
from unstick.feeds.recorder import Recorder
from unstick.settings import Context
from unstick.tape.meta import Meta, context_of
from unstick.tape.parts import Parts
from unstick.tape.recent import Recent
from unstick.tape.writer import Writer
from unstick.views.status_json import status
from unstick.views.tell import tell

INCIDENTS = ("channel-leak", "lock-pileup", "quiet", "stuck-proxies", "sync-lag", "worker-stall")
PART = slice(40, 200)
"""Of each incident: it begins and is at its worst. The soak plays them whole."""
EVERY = 40
"""So many Frames apart the boards are compared, and the last ones."""


class OneByOne:
    """Gives out the next Frame when the one before was shown."""

    def __init__(self, frames: list[Frame]) -> None:
        self.rest = frames
        self.shown = asyncio.Event()

    async def frames(self) -> AsyncGenerator[Frame, None]:
        for frame in self.rest:
            yield frame
            await self.shown.wait()
            self.shown.clear()


def said(board: Board | None) -> str:
    assert board is not None
    return json.dumps(status(board)) + repr(tell(board))


async def live(name: str, path: Path) -> dict[float, str]:
    """What the board said by the instants of its Frames, while ``path`` was recorded from it."""
    with Parts.open(shelf() / f"{name}.tape") as source:
        frames, settings = [frame for _, frame in source.frames()][PART], source.meta.settings
    feed = OneByOne(frames)
    last = {frame.at for frame in frames[-3:]}
    told = await recorded(feed, Meta(settings, pid=1), context_of(settings), path, last, feed.shown.set)
    assert max(told) == frames[-1].at
    return told


async def recorded(
    feed: Feed,
    meta: Meta,
    context: Context,
    path: Path,
    last: Container[float] = (),
    shown: Callable[[], None] = lambda: None,
) -> dict[float, str]:
    """What a live board of ``feed`` said at every so-manieth Frame and at the ``last`` ones; ``path`` has all of it."""
    told: dict[float, str] = {}
    recorder = Recorder(lambda: Writer(path, meta))
    deck = Deck(Recent(meta), context, "live", source=feed, recorder=recorder, at_end="stop")
    assert (await recorder.toggle()).startswith("recording")
    async with contextlib.aclosing(deck.frames()) as frames:
        number = 0
        async for frame in frames:
            if number % EVERY == 0 or frame.at in last:
                told[frame.at] = said(deck.board)
            number += 1
            while not recorder._waiting.empty():  # a second has passed, and the disk was quick enough
                await asyncio.sleep(0.001)
            shown()
    return told


async def replayed(path: Path, context: Context, wanted: list[float]) -> dict[float, str]:
    """What the board says when one goes to those instants, in that order."""
    told: dict[float, str] = {}
    with Parts.open(path) as tape:
        deck = Deck(tape, context, "replay")
        deck.pause()
        async with contextlib.aclosing(deck.frames()) as shown:
            async for frame in shown:
                if deck.place.since_at is not None:
                    continue  # the board is not whole yet
                if frame.at == wanted[0]:
                    told[frame.at] = said(deck.board)
                    wanted.pop(0)
                if not wanted:
                    break
                deck.seek(wanted[0])
    return told


def compare(path: Path, first: dict[float, str]) -> None:
    """Go to every instant of which it is known what was said, not in their order."""
    with Parts.open(path) as tape:
        assert tape.tapes[0].ended
        context = context_of(tape.meta.settings)
    wanted = sorted(first)
    again = asyncio.run(replayed(path, context, [*wanted[3:], *wanted[:3]]))
    assert again == first


@pytest.mark.parametrize("name", INCIDENTS)
def test_a_replay_says_what_was_said_live(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    compare(path, asyncio.run(live(name, path)))
