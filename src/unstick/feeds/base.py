"""What every feed promises, and what may be asked of one that has a past."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable
from pathlib import Path
from typing import Any, Protocol

from unstick.facts.frame import Frame


class Feed(Protocol):
    """A source of Frames. Nothing right of it can tell live from replay."""

    def frames(self) -> AsyncGenerator[Frame, None]:
        """Frames in order of ``seq``; closing the iterator frees everything that the feed holds, within a second."""


class Cursor(Protocol):
    """The one place in time that a board shows, live as in replay. To be asked in the engine's thread.

    Every wish answers in a few words what came of it; empty when it will be seen.
    """

    def pause(self) -> str:
        """Let time stand still, or go on."""

    def step(self, frames: int) -> str:
        """Go so many Frames on or back, and stand still there."""

    def shift(self, seconds: float) -> str:
        """Go so many seconds on or back."""

    def seek(self, at: float) -> str:
        """Go to an instant, UTC seconds."""

    def go(self, text: str) -> str:
        """Go to an instant as a person types it."""

    def begin(self) -> str:
        """Go to the oldest Frame."""

    def newest(self) -> str:
        """Go to the newest Frame, and follow what comes."""

    def pace(self, factor: float) -> str:
        """Play so many times as fast as before."""

    def mark(self, text: str, at: float) -> str | Awaitable[str]:
        """Note something at an instant, UTC seconds; others are told as well where they see the same."""

    async def begin_incident(self) -> str:
        """Start the clock of an incident, and a tape."""

    async def end_incident(self, note: str) -> tuple[str, Path | None]:
        """Stop the clock; the words, and where the report is."""

    def role(self, text: str) -> str:
        """Note who does what in the incident: ``commander lena``."""

    async def notice(self, finding: str, note: str, for_s: float | None) -> str:
        """Acknowledge a finding as long as it lasts, or snooze it for a while; one that stands is taken back."""

    def acted(self, text: str, at: float, details: dict[str, Any]) -> None:
        """Note what an action came to, at an instant, UTC seconds."""

    def skip(self, direction: int) -> str:
        """Go to the next mark (1) or the one before (-1)."""

    async def record(self) -> str:
        """Begin or end a tape of what is seen."""

    def compare(self) -> str:
        """Remember this instant, to compare others with it; or forget the one that was remembered."""

    def choose(self, name: str) -> str:
        """Play something else, by its name on the shelf."""
