"""Frames by number and events by time, wherever their records are kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from unstick.facts.frame import Frame
from unstick.tape.codec import Document, Frames
from unstick.tape.delta import apply
from unstick.tape.event import Event
from unstick.tape.record import CONTENT_LIMIT, DamageError, Header, content_size, unpack


class Reel(ABC):
    """A recording, finished or still growing. Frames are numbered without a gap from :attr:`first`.

    Frames are decoded on demand; going on from one to the next costs a delta, going anywhere else a keyframe and up
    to a minute of deltas. Not for two threads at once.
    """

    def __init__(self) -> None:
        self.first = 0
        """The number of the oldest Frame that is still there."""
        self._times: list[float] = []
        self._keys: list[int] = []
        self._reader = Reader(self)

    def __len__(self) -> int:
        """Frames by header; a few of them may turn out to be damaged."""
        return len(self._times)

    @property
    def last(self) -> int:
        """The number of the newest Frame; one less than :attr:`first` while there is none."""
        return self.first + len(self._times) - 1

    @abstractmethod
    def growing(self) -> bool:
        """Whether there may be more."""

    @property
    def trouble(self) -> str | None:
        """What happened to the recording while it was open, so that less of it can be played."""
        return None

    @abstractmethod
    def refresh(self) -> int:
        """Take in what came since; how many Frames that were."""

    @abstractmethod
    def events(self) -> Sequence[Event]:
        """What happened beside the facts, in order of time."""

    @abstractmethod
    def note(self, event: Event) -> None:
        """Remember what happened, for as long as this is open."""

    @abstractmethod
    def record(self, number: int) -> tuple[Header, bytes]:
        """Header and payload of a Frame's record."""

    @abstractmethod
    def spoil(self, number: int, what: str) -> None:
        """Remember that the record of a Frame is damaged."""

    def whole(self, number: int) -> Frame | None:
        """A Frame that is at hand without decoding."""
        del number
        return None

    def key(self, number: int) -> int:
        """The newest keyframe at or before a Frame; the Frame itself where there is none."""
        place = bisect_right(self._keys, number)
        return self._keys[place - 1] if place else number

    def at(self, number: int) -> float:
        """The instant of a Frame, by the header; it never falls, even if the recorded clock was set back."""
        return self._times[number - self.first]

    def find(self, at: float) -> int:
        """The number of the newest Frame at or before ``at``; :attr:`first` before that."""
        return self.first + max(0, bisect_right(self._times, at + 0.0005) - 1)

    def frame(self, number: int) -> Frame | None:
        """One Frame; ``None`` where it, or a record that it builds on, is damaged."""
        return self._reader.frame(number)

    def frames(self, first: int | None = None, last: int | None = None) -> Iterator[tuple[int, Frame]]:
        """The Frames from ``first`` to ``last`` (its own number included) that can be read, with their numbers."""
        begin = self.first if first is None else max(first, self.first)
        for number in range(begin, (self.last if last is None else min(last, self.last)) + 1):
            frame = self.frame(number)
            if frame is not None:
                yield number, frame

    def playable(self, number: int, step: int = 1) -> int | None:
        """The nearest Frame from ``number`` on in one direction that can be read."""
        while self.first <= number <= self.last:
            if self.frame(number) is not None:
                return number
            number += step
        return None


class Chain:
    """The document after every record in its turn: a keyframe stands alone, a delta on the Frame that it names."""

    def __init__(self) -> None:
        self.document: Document | None = None
        """``None`` until a keyframe comes, and again after damage or a gap."""
        self._seq = -1
        self._content = 0

    def step(self, header: Header, payload: bytes) -> None:
        """Go on by one record. Raises :class:`DamageError`; the next keyframe mends it."""
        before, document = self._seq, self.document
        self.document = None
        if header.kind == "D" and document is None:
            return
        record = unpack(header, payload)
        self._weigh(header, payload)
        try:
            if header.kind == "K":
                self.document = record["frame"]
            elif record.get("on", header.seq - 1) == before:
                self.document = apply(document, record["change"])
        except KeyError as error:
            raise DamageError("a record without its frame") from error
        self._seq = header.seq

    def _weigh(self, header: Header, payload: bytes) -> None:
        """All that builds on one keyframe is bounded, not only each record of it."""
        self._content = content_size(payload) + (0 if header.kind == "K" else self._content)
        if self._content > 2 * CONTENT_LIMIT:
            raise DamageError("too much on one keyframe")


class Reader:
    """One place on a reel; a reel may have several, each going its own way."""

    def __init__(self, reel: Reel) -> None:
        self._reel = reel
        self._frames = Frames()
        self._chain = Chain()
        self._here = -1

    def frame(self, number: int) -> Frame | None:
        """One Frame; ``None`` where it, or a record that it builds on, is damaged."""
        whole = self._reel.whole(number)
        if whole is not None:
            return whole
        self._go(number)
        document = self._chain.document
        if document is None:
            return None
        try:
            return self._frames.of(document)
        except DamageError as error:
            self._reel.spoil(number, str(error))
            self._chain.document = None
            return None

    def _go(self, number: int) -> None:
        key = self._reel.key(number)
        start = self._here + 1 if key <= self._here <= number else min(key, number)
        for place in range(start, number + 1):
            self._here = place
            try:
                self._chain.step(*self._reel.record(place))
            except DamageError as error:
                self._reel.spoil(place, str(error))
