"""Watching what another unstick publishes: one collector, any number of boards."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

from unstick.backends.base import BackendError
from unstick.cli.codes import BAD_TAPE, UNAVAILABLE, USAGE
from unstick.cli.complaint import complain
from unstick.cli.live_session import new_tape
from unstick.cli.replay import ScreenChoice, board_options
from unstick.cli.session import Session
from unstick.facts.frame import Frame
from unstick.feeds.deck import Deck
from unstick.feeds.recorder import Recorder
from unstick.feeds.stream import StreamFeed
from unstick.secret import Url
from unstick.tape.meta import Meta, context_of
from unstick.tape.recent import Recent
from unstick.tape.record import TapeError
from unstick.tui.terminal import refusal


def stream_url(text: str) -> Url:
    """The URL that is named, itself or by the variable that has it: arguments can be read by everybody here."""
    return Url(os.environ.get(text.removeprefix("env:"), "") if text.startswith("env:") else text)


def run_stream(text: str, key: str, screen: ScreenChoice) -> int:
    """Show the board from the stream at ``text`` until it is left; the exit code."""
    refused = refusal()
    if refused:
        complain(refused)
        return USAGE
    feed = StreamFeed(stream_url(text), key)
    try:
        meta = asyncio.run(feed.meta())
    except BackendError as error:
        complain(f"{stream_url(text).shown}: {error}; mend: check the address and the rights")
        return UNAVAILABLE
    except TapeError as error:
        complain(f"{stream_url(text).shown}: {error}; mend: {error.mend}")
        return BAD_TAPE
    session = StreamSession(feed, meta)
    options = board_options(session.context, screen)
    if isinstance(options, int):
        return options
    from unstick.tui.run import run_board  # noqa: PLC0415 - imports Textual

    return run_board(session, session, options)


class StreamSession(Session):
    """Watches a stream; when its publisher begins anew with other settings, so does the board."""

    def __init__(self, feed: StreamFeed, meta: Meta) -> None:
        super().__init__(context_of(meta.settings))
        self._feed = feed
        self._meta = meta

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """What is published."""
        if self.deck is not None:
            meta = await self._feed.meta()
            if meta.settings != self._meta.settings:
                self._meta, self.deck = meta, None
        if self.deck is None:
            self.context = context_of(self._meta.settings)
            recorder = Recorder(partial(new_tape, self.context))
            reel = Recent(self._meta)
            self.deck = Deck(
                reel, self.context, "stream", source=self._feed, recorder=recorder, share=self._feed.tell
            )
            self._feed.heard = self.deck.hear
        async with aclosing(super().frames()) as frames:
            async for frame in frames:
                yield frame
