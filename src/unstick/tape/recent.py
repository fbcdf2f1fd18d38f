"""The newest Frames of a feed that goes on, in memory: as the records that a tape would hold, without a file."""

from __future__ import annotations

from collections.abc import Sequence

from unstick.facts.frame import Frame
from unstick.tape.encoder import Encoder
from unstick.tape.event import Event, states, transitions
from unstick.tape.meta import Meta
from unstick.tape.record import HEADER_SIZE, Header, TapeError, parse_header
from unstick.tape.reel import Reel

FRAMES = 7200
"""Two hours at one a second."""
BYTES = 32 << 20
_LOST = Header("D", -1, 0.0, 0, 0)
"""Stands for a Frame that no record can hold: it was shown, and is a gap from then on."""


class Recent(Reel):
    """Grows by :meth:`append` until it is closed; whoever appends also forgets, when it is :attr:`overfull`."""

    def __init__(self, meta: Meta, *, frames: int = FRAMES, size: int = BYTES) -> None:
        super().__init__()
        self._most = frames, size
        self._encoder = Encoder(meta)
        self._records: list[tuple[Header, bytes]] = []
        self._base = 0
        self._size = 0
        self._newest: Frame | None = None
        self._events: list[Event] = []
        self._states: dict[str, str] = {}
        self._closed = False

    def growing(self) -> bool:
        """Whether there may be more."""
        return not self._closed

    def refresh(self) -> int:
        """Nothing comes by itself."""
        return 0

    def close(self) -> None:
        """There will be no more."""
        self._closed = True

    def append(self, frame: Frame) -> int:
        """Take in the next Frame; its number."""
        number = self.last + 1
        for event in transitions(self._states, frame):
            self.note(event)
        self._states = states(frame)
        header, payload = self._packed(frame)
        if header.kind == "K":
            self._keys.append(number)
        self._records.append((header, payload))
        self._size += len(payload)
        self._times.append(max(frame.at, self._times[-1] if self._times else 0.0))
        self._newest = frame
        return number

    def _packed(self, frame: Frame) -> tuple[Header, bytes]:
        try:
            record = self._encoder.frame(frame)[0][1]
        except TapeError:
            return _LOST, b""
        header = parse_header(record)
        return (_LOST, b"") if header is None else (header, record[HEADER_SIZE:])

    @property
    def size(self) -> int:
        """Bytes of the records that are kept."""
        return self._size

    @property
    def overfull(self) -> bool:
        """Whether more is kept than should be."""
        frames, size = self._most
        return len(self) > frames or self._size > size

    def forget(self, number: int) -> None:
        """Let go of everything before a Frame."""
        key = self.key(number)
        self._times = self._times[number - self.first :]
        self._size -= sum(len(payload) for _, payload in self._records[: key - self._base])
        self._records = self._records[key - self._base :]
        self._keys = [place for place in self._keys if place >= key]
        self.first, self._base = number, key
        self._events = [event for event in self._events if event.at >= self._times[0]]

    def note(self, event: Event) -> None:
        """Remember what happened, be it now or at an earlier instant."""
        self._events.append(event)
        self._events.sort(key=lambda each: each.at)

    def events(self) -> Sequence[Event]:
        """What happened beside the facts, in order of time."""
        return self._events

    def record(self, number: int) -> tuple[Header, bytes]:
        """Header and payload of a Frame's record."""
        return self._records[number - self._base]

    def spoil(self, number: int, what: str) -> None:
        """Memory is not damaged; a Frame that could not be kept is known."""

    def whole(self, number: int) -> Frame | None:
        """The newest Frame as it came."""
        return self._newest if number == self.last else None
