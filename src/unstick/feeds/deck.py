"""A reel on which one place in time is shown: what is live, what is recorded and what is shared are all played here.

A live board is a reel in memory that a feed fills, watched at its end. So one can stand still, go back and return
while collection goes on, with the same keys as on a tape.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from unstick.board.board import Board
from unstick.facts.ack import NOTE, Ack, told
from unstick.facts.frame import Frame
from unstick.facts.level import Level
from unstick.facts.place import Place, Tick
from unstick.facts.text import clean
from unstick.facts.units import clock_time, size
from unstick.feeds.base import Feed
from unstick.feeds.drawer import Drawer
from unstick.feeds.history import History
from unstick.feeds.incidents import Incidents, Reporter
from unstick.feeds.player import POLL_S, AtEnd, Player
from unstick.feeds.recorder import Recorder
from unstick.settings import Context
from unstick.tape.event import ACTION, MARK, Event
from unstick.tape.meta import context_of
from unstick.tape.moment import moment
from unstick.tape.recent import Recent
from unstick.tape.record import TapeError
from unstick.tape.reel import Reel
from unstick.tape.shelf import Shelf

SLICE_S = 0.03
"""So long boards are folded before others may work."""
REST_S = 0.05
"""So long they may, while what lies ahead is folded;"""
HASTE_S = 0.01
"""or so long, while what is shown waits for it;"""
GLIMPSE_S = 0.5
"""So long after a jump nothing is shown but the board as it was; then what the Frame says by itself, meanwhile."""
TOLD_S = 1.0
"""how far it is is told so often then."""
CLOSE_S = 1.0


HEARD = 1000
"""Notes of others that are taken in at most."""

Share = Callable[[Event], Awaitable[str | None]]
"""Tells others of an event; why that could not be done."""


class Deck:
    """Plays ``reel``; with a ``source`` it fills the reel as well. Used in the engine's thread alone."""

    def __init__(
        self,
        reel: Reel,
        context: Context,
        name: str,
        *,
        source: Feed | None = None,
        recorder: Recorder | None = None,
        drawer: Drawer | None = None,
        share: Share | None = None,
        reporter: Reporter | None = None,
        shelf: Shelf | None = None,
        speed: float = 1.0,
        at: float | None = None,
        at_end: AtEnd = "stay",
    ) -> None:
        self.reel = reel
        self.name = name
        self.shelf = shelf
        self.playing = ""
        """What was chosen from the shelf."""
        self.board: Board | None = None
        """The board where one stands."""
        self._since: int | None = None
        self.compared: Board | None = None
        """The board that this one is compared with."""
        self.history = History(reel, context)
        self.player = Player(reel, speed=speed, at=at, at_end=at_end, follow=source is not None)
        self.recorder = recorder
        self._source = source
        self._drawer = drawer
        self._share = share
        self._incidents = Incidents(self, reporter, drawer.who if drawer else "")

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """The Frames that are shown; before each of them :attr:`board` is folded up to it."""
        beside = asyncio.ensure_future(self._work())
        try:
            reel: Reel | None = None
            while reel is not self.reel:  # something else was chosen
                reel = self.reel
                async for frame in self._played():
                    yield frame
        finally:
            if self.recorder is not None and not self.player.failed:
                await self.recorder.stop()
            beside.cancel()
            await asyncio.wait([beside], timeout=CLOSE_S)

    async def _played(self) -> AsyncGenerator[Frame, None]:
        async with contextlib.aclosing(self.player.numbers()) as numbers:
            async for number in numbers:
                async with contextlib.aclosing(self._reached(number)) as boards:
                    async for board, since in boards:
                        self.board, self._since = board, since
                        yield board.frame

    async def _work(self) -> None:
        """What goes on beside the playing; its failure is that of the frames."""
        try:
            if self._source is not None and isinstance(self.reel, Recent):
                await self._fill(self._source, self.reel)
            else:
                await self._survey()
        except Exception as error:  # noqa: BLE001 - whoever reads the frames gets it
            self.player.fail(error)

    async def _fill(self, source: Feed, reel: Recent) -> None:
        async with contextlib.aclosing(source.frames()) as frames:
            async for frame in frames:
                reel.append(frame)
                if self.recorder is not None:
                    self.recorder.frame(frame)
                before = self.history.newest
                if before is None:
                    await self._remembered(frame.at)
                self.history.advance()
                self._noticed(before)
                if reel.overfull and (number := self.history.forget()) is not None:
                    reel.forget(number)
                self.player.grew()
                await asyncio.sleep(0)  # a source that has much at once leaves time for others
        reel.close()
        self.player.grew()

    async def _survey(self) -> None:
        """Fold what lies ahead of whoever watches, a little at a time."""
        loop = asyncio.get_running_loop()
        told = loop.time()
        while True:
            begun, history, ahead = loop.time(), self.history, self.history.edge
            waits = history.since is not None
            work = history.advance if waits else self._look_ahead
            while (more := work()) and loop.time() - begun < SLICE_S:
                pass
            arrived = history.edge == self.reel.last != ahead or waits is not (history.since is not None)
            if arrived or (waits and loop.time() - told > TOLD_S):
                told = loop.time()
                self.player.stir()
            await asyncio.sleep(HASTE_S if waits else REST_S if more else POLL_S)

    def _look_ahead(self) -> bool:
        return self.history.glance() or self.history.advance()

    async def _reached(self, number: int) -> AsyncGenerator[tuple[Board, int | None], None]:
        """The board after a Frame, as long as it is wanted, and the Frame that it is folded from, if not the first.

        Where that takes long after a jump, what the Frame says by itself comes first.
        """
        loop, history = asyncio.get_running_loop(), self.history
        begun = asked = loop.time()
        glimpses = self.player.jumped
        for _ in history.towards(number):
            if loop.time() - begun > SLICE_S:
                if glimpses and loop.time() - asked > GLIMPSE_S:
                    glimpses, board = False, history.glimpse(number)
                    if board is not None:
                        yield board, number
                await asyncio.sleep(0)
                begun = loop.time()
                if self.player.wanted is not None:
                    return
        if history.visited is not None:
            yield history.visited, history.since

    @property
    def place(self) -> Place:
        """Where one stands."""
        reel, player, history = self.reel, self.player, self.history
        taped = self.recorder.now if self.recorder is not None else None
        at = self.board.frame.at if self.board else reel.at(reel.first)
        return Place(
            self.name,
            at,
            reel.at(reel.first),
            reel.at(reel.last),
            reel.growing(),
            player.following,
            player.paused,
            player.speed,
            player.over,
            history.surveyed_at,
            history.stretches,
            self._ticks(),
            None if self.compared is None else self.compared.frame.at,
            None if taped is None else size(taped.bytes),
            None if taped is None else taped.trouble,
            reel.trouble,
            None if self._since is None else reel.at(self._since),
            history.folded_at,
            self._incidents.now(at),
        )

    def _ticks(self) -> tuple[Tick, ...]:
        return tuple(Tick(e.event, e.at, e.text) for e in self.reel.events() if e.event in {MARK, ACTION})

    def note(self, event: Event) -> bool:
        """What happened, for the line of levels and for the tape that is being made; whether there is one."""
        self.reel.note(event)
        self.player.stir()
        return self.recorder is not None and self.recorder.event(event)

    # What a person may ask for: the Cursor.

    def pause(self) -> str:
        """Let time stand still, or go on; at the end, anew."""
        if self.player.paused or self.player.over:
            self.player.resume()
        else:
            self.player.pause()
        return ""

    def step(self, frames: int) -> str:
        """Go so many Frames on or back, and stand still there."""
        self.player.step(frames)
        return ""

    def shift(self, seconds: float) -> str:
        """Go so many seconds on or back."""
        self.player.shift(seconds)
        return ""

    def seek(self, at: float) -> str:
        """Go to an instant, UTC seconds."""
        self.player.seek(at)
        return ""

    def go(self, text: str) -> str:
        """Go to an instant as a person types it."""
        try:
            at = moment(text, self.reel.at(self.reel.first), self.reel.at(self.reel.last))
        except ValueError as error:
            return str(error)
        return self.seek(at)

    def begin(self) -> str:
        """Go to the oldest Frame."""
        self.player.go(self.reel.first)
        return f"the beginning: {clock_time(self.reel.at(self.reel.first))}Z"

    def newest(self) -> str:
        """Go to the newest Frame, and follow what comes."""
        self.player.catch_up()
        return ""

    def pace(self, factor: float) -> str:
        """Play so many times as fast as before."""
        self.player.set_speed(self.player.speed * factor)
        return f"speed {self.player.speed:g}"

    def mark(self, text: str, at: float) -> str | Awaitable[str]:
        """Note something at an instant, UTC seconds; whoever watches the same stream is told as well."""
        event = Event(MARK, at, clean(text) or "mark")
        taped = self.note(event)
        kept = f"marked {clock_time(at)}Z, {'on the tape' if taped else 'kept until you leave'}"
        return kept if self._share is None else self._shared(event, kept, self._share)

    async def _shared(self, event: Event, kept: str, share: Share) -> str:
        trouble = await share(event)
        return f"marked {clock_time(event.at)}Z, on the stream" if trouble is None else f"{kept}: {trouble}"

    def hear(self, event: Event) -> None:
        """Take in what somebody else noted; what is known already comes back from the stream, too."""
        known = self.reel.events()
        if event not in known and len(known) < HEARD:
            self.note(event)

    async def begin_incident(self) -> str:
        """Start the clock of an incident, and a tape."""
        return await self._incidents.begin()

    async def end_incident(self, note: str) -> tuple[str, Path | None]:
        """Stop the clock; the words, and where the report is."""
        return await self._incidents.end(note)

    def role(self, text: str) -> str:
        """Note who does what in the incident: ``commander lena``."""
        return self._incidents.role(text)

    async def notice(self, finding: str, note: str, for_s: float | None) -> str:
        """Acknowledge a finding as long as it lasts, or snooze it for a while; one that stands is taken back."""
        board = self.history.newest
        if self._drawer is None or board is None:
            return "this is a recording: what was acknowledged stands on it"
        line = next((line for line in board.findings if line.id == finding), None)
        stands = board.acks.get(finding)
        if line is None and stands is None:
            return "that is not found any more"
        at = board.frame.at
        if stands is not None and not note and for_s is None:
            ack = msgspec.structs.replace(stands.ack, level=Level.OK, at=at, note="", by=self._drawer.who, until=None)
        elif line is not None:
            until = None if for_s is None else at + for_s
            ack = Ack(finding, line.level, at, line.title, clean(note, NOTE), self._drawer.who, until)
        else:
            return "that is not found any more"
        self.history.notice(ack)
        self.board = self.history.visited if self.player.following else self.board
        self.note(Event(MARK, at, clean(ack.said), told(ack)))
        lost = await self._drawer.keep(self.history.newest.acks if self.history.newest else {})
        return f"{ack.said}{f'; not kept: {lost}' if lost else ''}"

    async def _remembered(self, at: float) -> None:
        """What was acknowledged before this start is a mark of its first Frame."""
        for ack in await self._drawer.read() if self._drawer is not None else ():
            self.reel.note(Event(MARK, at, clean(ack.said), told(ack)))

    def _noticed(self, before: Board | None) -> None:
        """Keep what stands after another Frame, when that is less than before."""
        now = self.history.newest
        if (
            self._drawer is not None
            and now is not None
            and before is not None
            and now.acks.keys() != before.acks.keys()
        ):
            self._drawer.keep_soon(now.acks)

    def acted(self, text: str, at: float, details: dict[str, Any]) -> None:
        """Note what an action came to, at an instant, UTC seconds."""
        self.note(Event(ACTION, at, clean(text), details))

    def skip(self, direction: int) -> str:
        """Go to the next mark (1) or the one before (-1)."""
        numbers = [self._behind(tick.at) for tick in self._ticks()]
        aim = self.player.aim
        found = [number for number in numbers if (number - aim) * direction > 0]
        if not found:
            return f"no mark {'after' if direction > 0 else 'before'} this"
        self.player.go(min(found, key=lambda number: abs(number - aim)))
        return ""

    def _behind(self, at: float) -> int:
        """The first Frame that knows of what happened at an instant."""
        number = self.reel.find(at)
        return number if self.reel.at(number) >= at - 0.001 else min(number + 1, self.reel.last)

    async def record(self) -> str:
        """Begin or end a tape of what is seen."""
        if self.recorder is None:
            return "this is a recording; unstick clip cuts a part of it"
        answer = await self.recorder.toggle()
        board = self.history.newest
        if self.recorder.now is not None and board is not None:
            for standing in board.acks.values():
                self.recorder.event(Event(MARK, board.frame.at, clean(standing.ack.said), told(standing.ack)))
        self.player.stir()
        return answer

    def compare(self) -> str:
        """Remember this instant, to compare others with it; or forget the one that was remembered."""
        self.compared = None if self.compared is not None else self.board
        self.player.stir()
        if self.compared is None:
            return "forgotten"
        return f"A is {clock_time(self.compared.frame.at)}Z; go elsewhere, and b tells what differs"

    def choose(self, name: str) -> str:
        """Play something else, by its name on the shelf."""
        try:
            tape = self.shelf.open(name) if self.shelf is not None and name in self.shelf.names else None
        except (OSError, TapeError) as error:
            return f"{name} can't be played: {error}"
        if tape is None:
            return f"there is no {name}"
        self.player.end()
        self.reel, self.playing, self.compared = tape, name, None
        self.history = History(tape, context_of(tape.meta.settings))
        self.player = Player(tape, at_end=self.player.at_end)
        return ""
