"""Frames and events as records: a keyframe a minute and after every gap, deltas between."""

from __future__ import annotations

from typing import Any

import msgspec

from unstick.facts.frame import Frame
from unstick.tape.codec import Document, Documents
from unstick.tape.delta import SAME, change
from unstick.tape.event import Event
from unstick.tape.meta import Meta
from unstick.tape.record import CONTENT_LIMIT, Kind, TapeError, pack

META_EVERY = 10
"""Keyframes: so often the description is repeated."""


class Encoder:
    """Numbers the records of one tape and knows when the next keyframe is due."""

    def __init__(self, meta: Meta) -> None:
        self._meta = meta
        self._documents = Documents()
        self._last: Document | None = None
        self._last_seq = -1
        self._next_seq = 0
        self._since_key = 0
        self._content = 0
        self._key_size = 0
        self._keyframes = 0

    def begin(self) -> bytes:
        """The description."""
        document = {"record": "meta"} | msgspec.to_builtins(self._meta)
        return self._record("M", self._meta.started_at, document)

    def frame(self, frame: Frame) -> list[tuple[Kind, bytes]]:
        """The record of ``frame``, and the description again where it is due.

        Raises :class:`TapeError` for a Frame over the limits of a record; the tape goes on with a keyframe.
        """
        try:
            return self._frame(frame)
        except (ValueError, OverflowError, RecursionError) as error:
            self.restart()
            raise TapeError(f"frame {frame.seq} can't be recorded: {error}") from error

    def _frame(self, frame: Frame) -> list[tuple[Kind, bytes]]:
        document = self._documents.of(frame)
        if self._last is not None and self._since_key < self._meta.keyframe_every:
            record = self._delta(frame, self._last, document)
            if record is not None:
                self._last = document
                return [("D", record)]
        key = self._record("K", frame.at, {"record": "keyframe", "frame": document})
        again = self._keyframes % META_EVERY == 0
        self._keyframes += 1
        self._last, self._last_seq, self._since_key = document, self._next_seq - 1, 1
        self._content, self._key_size = 0, len(key)
        return [("K", key), ("M", self.begin())] if again else [("K", key)]

    def _delta(self, frame: Frame, last: Document, document: Document) -> bytes | None:
        """``None`` where a keyframe does better."""
        delta = change(last, document)
        body: dict[str, Any] = {"record": "delta", "change": {} if delta is SAME else delta}
        if self._last_seq != self._next_seq - 1:
            body["on"] = self._last_seq
        size = len(msgspec.json.encode(body))
        record = pack("D", self._next_seq, frame.at, body)
        if self._content + size > CONTENT_LIMIT // 2 or len(record) * 2 > self._key_size:
            return None
        self._last_seq = self._next_seq
        self._next_seq += 1
        self._since_key += 1
        self._content += size
        return record

    def event(self, event: Event) -> bytes:
        """The record of ``event``."""
        return self._record("E", event.at, event_document(event))

    def end(self, at: float, then: str = "") -> bytes:
        """The last record; ``then`` names the file that goes on."""
        return self._record("Z", at, {"record": "end", "at": at} | ({"then": then} if then else {}))

    def restart(self) -> None:
        """The next Frame is a keyframe: what was written last may be lost."""
        self._last = None

    def _record(self, kind: Kind, at: float, document: Document) -> bytes:
        record = pack(kind, self._next_seq, at, document)
        self._next_seq += 1
        return record


def event_document(event: Event) -> Document:
    """What the record of ``event`` holds."""
    return {"record": "event", **msgspec.to_builtins(event)}
