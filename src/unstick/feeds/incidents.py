"""An incident on a reel: it begins and ends by marks, and leaves a report of what was recorded meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from unstick.facts.incident import BEGINS, ENDS, KEY, ROLE, Incident, at_work
from unstick.facts.text import clean
from unstick.facts.units import duration
from unstick.tape.event import MARK, Event

if TYPE_CHECKING:
    from unstick.feeds.deck import Deck

Reporter = Callable[[Path], Awaitable[Path]]
"""A tape -> where its report is. Raises ``OSError`` with the reason in words."""


class Incidents:
    """``reporter`` is ``None`` where nothing is live: what was played is only looked at."""

    def __init__(self, deck: Deck, reporter: Reporter | None, who: str = "") -> None:
        self._deck = deck
        self._reporter = reporter
        self._who = who
        self._recorded = False
        """Whether its tape is one that it began itself."""

    def now(self, at: float) -> Incident | None:
        """The one that people are at, at an instant."""
        marks = ((event.at, event.details) for event in self._deck.reel.events() if event.event == MARK)
        return at_work(marks, at)

    async def begin(self) -> str:
        """Start the clock, and a tape where none is made."""
        recorder = self._deck.recorder
        if self._reporter is None or recorder is None:
            return "this is a recording: an incident stands on it, none begins here"
        at = self._at
        if self.now(at) is not None:
            return "an incident is going on"
        self._recorded = recorder.now is None
        answer = await self._deck.record() if self._recorded else "the recording goes on"
        by = f" by {self._who}" if self._who else ""
        self._deck.note(Event(MARK, at, f"incident begins{by}", {KEY: BEGINS}))
        return f"incident begins; {answer}"

    async def end(self, note: str) -> tuple[str, Path | None]:
        """Stop the clock; the words, and where the report is."""
        recorder, at = self._deck.recorder, self._at
        found = self.now(at)
        if self._reporter is None or recorder is None or found is None:
            return "no incident is going on", None
        lasted, words = duration(at - found.begun_at), clean(note.strip(), 200)
        said = f"incident ends after {lasted}{f': {words}' if words else ''}"
        self._deck.note(Event(MARK, at, said, {KEY: ENDS}))
        tape = None if recorder.now is None else Path(recorder.now.path)
        if self._recorded and recorder.now is not None:
            await self._deck.record()
        self._recorded = False
        if tape is None:
            return f"{said}; nothing was recorded, so there is no report", None
        try:
            report = await self._reporter(tape)
        except OSError as error:
            return f"{said}; no report of {tape}: {error.strerror or error}", None
        return f"{said}; report, also in the clipboard: {report}", report

    def role(self, text: str) -> str:
        """Note who does what: ``commander lena``."""
        at = self._at
        what, _, who = clean(text.strip(), 80).partition(" ")
        if self.now(at) is None:
            return "no incident is going on"
        if not who:
            return "write what and who: commander lena"
        self._deck.note(Event(MARK, at, f"{what}: {who}", {KEY: ROLE, "role": what, "who": who}))
        return f"{what}: {who}"

    @property
    def _at(self) -> float:
        return self._deck.reel.at(self._deck.reel.last)
