"""What the live board shows: the servers of one configuration, with everything since the start still at hand."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

import platformdirs

from unstick import clock
from unstick.cli.incident_report import reported
from unstick.cli.noticing import drawer_of
from unstick.cli.session import Session
from unstick.cli.tapes import meta_of
from unstick.cli.wiring import lane_specs
from unstick.config import Loaded
from unstick.facts.frame import Frame, Observation
from unstick.facts.reading import Missing, Source, Trouble, TroubleKind
from unstick.facts.units import timestamp
from unstick.feeds.deck import Deck
from unstick.feeds.live import LiveFeed
from unstick.feeds.recorder import Recorder
from unstick.settings import Context
from unstick.tape.recent import Recent
from unstick.tape.writer import Writer


class LiveSession(Session):
    """Watches the servers of one configuration.

    Where the configuration names no system, the first Frame says that discovery is under way: the board stands
    before a server is asked and before a driver is imported.
    """

    def __init__(self, loaded: Loaded) -> None:
        super().__init__(loaded.context)
        self._discover = loaded.discover

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """Frames of what is configured or found."""
        if self.deck is None:
            if self._discover:
                yield _looking(self.context.name)
                from unstick.cli.discovery import discover  # noqa: PLC0415 - imports the drivers of what it asks

                self.context = await discover(self.context)
            source = LiveFeed(lane_specs(self.context), self.context.name)
            recorder = Recorder(partial(new_tape, self.context))
            self.deck = Deck(
                Recent(meta_of(self.context)),
                self.context,
                "live",
                source=source,
                recorder=recorder,
                drawer=drawer_of(self.context.name),
                reporter=reported,
            )
        async with aclosing(super().frames()) as frames:
            async for frame in frames:
                yield frame


def new_tape(context: Context) -> Writer:
    """A tape in the user's own folder for state, named after the context and the second. Raises ``OSError``."""
    folder = platformdirs.user_state_path("unstick") / "tapes"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    begun = (timestamp(clock.now()) or "")[:19].replace("-", "").replace(":", "")
    name = re.sub(r"[^\w.-]+", "_", context.name)
    return Writer(folder / f"{name}-{begun}Z.tape", meta_of(context))


def _looking(context: str) -> Frame:
    now = clock.now()
    pending = Missing(Trouble(TroubleKind.PENDING, "looking for what there is"), now)
    return Frame(0, now, context, (Observation(Source("discovery", "discovery", "looking", 1.0), pending),))
