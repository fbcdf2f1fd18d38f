"""One collector, any number of watchers: the records of a tape go through a Redis stream that the user names.

The stream is bounded, and nothing else of that Redis is touched. Whoever joins begins at the keyframe two minutes
back; what was lost on the way is a gap until the next keyframe, ten seconds at most.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from unstick.backends.base import BackendError
from unstick.facts.frame import Frame
from unstick.facts.text import clean
from unstick.tape.codec import Frames
from unstick.tape.encoder import Encoder, event_document
from unstick.tape.event import MARK, Event
from unstick.tape.meta import FoldSettings, Meta, anonymous
from unstick.tape.reader import described
from unstick.tape.record import HEADER_SIZE, DamageError, Header, Kind, TapeError, pack, parse_header, unpack
from unstick.tape.redact import Redactor
from unstick.tape.reel import Chain

if TYPE_CHECKING:
    from unstick.backends.redis_stream import Entry, StreamConnection
    from unstick.secret import Url

KEY = "unstick"
KEEP = 720
"""Entries that stay: twelve minutes, about 2 MB for a large stack."""
KEYFRAME_EVERY = 10
JOIN = 120
"""Frames that a watcher takes in at first, so that it knows what is moving."""
WAITING = 30
"""Frames that wait for a slow server; older ones are left out."""
RETRY_S = (1.0, 30.0)
"""Between two attempts to reach the server: at first, and at most."""
_CANCELS = 10

Record = tuple[Header, bytes]


class Publisher:
    """Puts what is seen on a stream. Whoever hands it Frames never waits for the server."""

    def __init__(
        self, connection: StreamConnection, key: str, meta: Meta, keep: int = KEEP, redactor: Redactor | None = None
    ) -> None:
        self.trouble: str | None = None
        """Why nothing is published now."""
        self.frames = 0
        self._connection = connection
        self._key = key
        self._keep = keep
        self._redactor = redactor
        told = meta if redactor is None else anonymous(meta)
        self._encoder = Encoder(msgspec.structs.replace(told, keyframe_every=KEYFRAME_EVERY))
        self._described = False
        self._waiting: asyncio.Queue[Frame] = asyncio.Queue(WAITING)
        self._task = asyncio.ensure_future(self._work())

    def frame(self, frame: Frame) -> None:
        """Take in the next Frame."""
        if self._waiting.full():
            self._waiting.get_nowait()
            self._encoder.restart()
        self._waiting.put_nowait(frame)

    async def close(self) -> None:
        """Part from the server, within a second."""
        for _ in range(_CANCELS):  # the driver swallows a cancellation now and then
            self._task.cancel()
            if (await asyncio.wait([self._task], timeout=1.0 / _CANCELS))[0]:
                break
        await self._connection.close()

    async def _work(self) -> None:
        pause = RETRY_S[0]
        while True:
            frame = await self._waiting.get()
            try:
                await self._connection.open()
                await self._connection.add(self._key, self._records(frame), self._keep)
            except (BackendError, TapeError) as error:
                self.trouble = clean(str(error), 120)
                self._described = False
                self._encoder.restart()
                await asyncio.sleep(pause)
                pause = min(RETRY_S[1], pause * 2)
            else:
                self.trouble, pause = None, RETRY_S[0]
                self.frames += 1

    def _records(self, frame: Frame) -> list[tuple[Kind, bytes]]:
        told = frame if self._redactor is None else self._redactor.frame(frame)
        records = self._encoder.frame(told)
        if not self._described:
            self._described = True
            return [("M", self._encoder.begin()), *records]
        return records


class StreamFeed:
    """The Frames of a stream."""

    def __init__(self, url: Url, key: str = KEY) -> None:
        self._url = url
        self._key = key
        self.heard: Callable[[Event], None] = _ignored
        """Is told of what others noted."""

    async def tell(self, event: Event) -> str | None:
        """Put a note where all who watch see it; why that could not be done."""
        server = connection(self._url)
        try:
            await server.open()
            await server.add(self._key, [("E", pack("E", 0, event.at, event_document(event)))])
        except (BackendError, TapeError) as error:
            return clean(str(error), 120)
        finally:
            await server.close()
        return None

    async def meta(self) -> Meta:
        """What is published there. Raises :class:`BackendError`, and :class:`TapeError` when it is nothing."""
        server = connection(self._url)
        try:
            await server.open()
            return self._described(_records(await server.newest(self._key, KEEP)))
        finally:
            await server.close()

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """Frames as they were published, and as they come. Raises what :meth:`meta` does, also later."""
        server, incoming = connection(self._url), _Incoming()
        try:
            await server.open()
            entries = await server.newest(self._key, KEEP)
            incoming.settings = self._described(_records(entries)).settings
            for record in _joined(_records(entries)):
                if (frame := self._taken(incoming, record)) is not None:
                    yield frame
            last = entries[-1].id
            while True:
                for entry in await server.after(self._key, last, JOIN):
                    last = entry.id
                    for record in _records([entry]):
                        if (frame := self._taken(incoming, record)) is not None:
                            yield frame
        finally:
            server.abort()

    def _taken(self, incoming: _Incoming, record: Record) -> Frame | None:
        event = _noted(record)
        if event is not None:
            self.heard(event)
        return incoming.frame(record)

    def _described(self, backlog: Sequence[Record]) -> Meta:
        for record in reversed(backlog):
            if record[0].kind == "M":
                with contextlib.suppress(DamageError, msgspec.ValidationError):
                    return described(unpack(*record))
        raise TapeError(f'nothing is published as "{clean(self._key, 60)}"', "unstick record --stream")


def connection(url: Url) -> StreamConnection:
    """A connection to the Redis of a stream, not yet open."""
    from unstick.backends.redis_stream import StreamConnection  # noqa: PLC0415 - a driver

    return StreamConnection(url, timeout_s=5.0, setting="--stream")


class _Incoming:
    """Records in the order in which they come, as Frames."""

    def __init__(self) -> None:
        self.settings: FoldSettings | None = None
        self._chain = Chain()
        self._frames = Frames()

    def frame(self, record: Record) -> Frame | None:
        """The Frame of a record; ``None`` for what is none, or builds on one that was lost.

        Raises :class:`TapeError` where the publisher began anew with other settings.
        """
        try:
            if record[0].kind == "M" and described(unpack(*record)).settings != self.settings:
                raise TapeError("published with other settings from now on", "begin again")
            if record[0].kind not in {"K", "D"}:
                return None
            self._chain.step(*record)
            return None if self._chain.document is None else self._frames.of(self._chain.document)
        except (DamageError, msgspec.ValidationError):
            self._chain.document = None
            return None


def _ignored(_: Event) -> None:
    pass


def _noted(record: Record) -> Event | None:
    """The mark in a record; whoever may write to the stream wrote it, so nothing of it is trusted."""
    header, payload = record
    if header.kind != "E":
        return None
    try:
        event = msgspec.convert(unpack(header, payload), Event)
    except (DamageError, TapeError, msgspec.ValidationError):
        return None
    return Event(MARK, event.at, clean(event.text)) if event.event == MARK and math.isfinite(event.at) else None


def _records(entries: Sequence[Entry]) -> list[Record]:
    """The records of entries that hold a whole one. Raises :class:`TapeError` for those of a newer unstick."""
    found = []
    for entry in entries:
        header = parse_header(entry.record)
        if header is not None and len(entry.record) == HEADER_SIZE + header.size:
            found.append((header, entry.record[HEADER_SIZE:]))
    return found


def _joined(backlog: Sequence[Record]) -> Sequence[Record]:
    """The end of ``backlog`` from the keyframe on that has enough Frames behind it, else from its first one."""
    frames, first = 0, len(backlog)
    for place in range(len(backlog) - 1, -1, -1):
        kind = backlog[place][0].kind
        frames += kind in {"K", "D"}
        if kind == "K":
            first = place
            if frames >= JOIN:
                break
    return backlog[first:]
