"""``unstick record``: a tape of the configured systems, without a screen."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import msgspec

from unstick.cli.codes import DONE, INPUT_OUTPUT, UNAVAILABLE, USAGE
from unstick.cli.complaint import complain
from unstick.cli.logs import log_to_file
from unstick.cli.start import open_context
from unstick.cli.stream import stream_url
from unstick.cli.tapes import io_error, meta_of
from unstick.cli.wiring import lane_specs
from unstick.facts.frame import Frame
from unstick.facts.units import duration, size
from unstick.feeds.base import Feed
from unstick.feeds.live import LiveFeed
from unstick.feeds.stream import KEEP, KEY, Publisher, connection
from unstick.settings import Context
from unstick.tape.event import states
from unstick.tape.moment import span
from unstick.tape.record import TapeError
from unstick.tape.redact import Redactor
from unstick.tape.writer import REMOVED, Sizes, Writer


class RecordOptions(msgspec.Struct, frozen=True):
    """``span`` is how long to record, as a person types it; unset: until it is stopped."""

    span: str | None = None
    title: str = ""
    hash_names: bool = False
    part_bytes: int = Sizes().part
    keep_bytes: int = Sizes().keep
    stream: str | None = None
    """The URL of a Redis to publish to, or ``env:NAME`` of a variable that has it."""
    stream_key: str = KEY
    stream_keep: int = KEEP


def run_record(tape: Path | None, path: Path | None, context: str | None, options: RecordOptions) -> int:
    """Record until the time is over or a signal ends it; the exit code."""
    log_to_file()
    try:
        limit = None if options.span is None else span(options.span)
    except ValueError as error:
        complain(f"--for: {error}; mend: --for 10m")
        return USAGE
    if tape is None and options.stream is None:
        complain("neither a tape nor a stream is named; mend: unstick record TAPE, or --stream redis://…")
        return USAGE
    opened = open_context(path, context)
    if isinstance(opened, int):
        return opened
    key = os.urandom(32) if options.hash_names else None
    writer = None if tape is None else open_writer(tape, opened, options, key)
    if isinstance(writer, int):
        return writer
    feed = LiveFeed(lane_specs(opened), opened.name)
    return asyncio.run(_recorded(Recording(feed, writer), opened, options, key, limit))


async def _recorded(
    recording: Recording, context: Context, options: RecordOptions, key: bytes | None, limit_s: float | None
) -> int:
    if options.stream is not None:
        recording.publisher = Publisher(
            connection(stream_url(options.stream)),
            options.stream_key,
            meta_of(context, options.title),
            options.stream_keep,
            _redactor(context, key),
        )
    return await recording.run(limit_s)


def _redactor(context: Context, key: bytes | None) -> Redactor | None:
    separator = context.crawler.separator if context.crawler else "_"
    return None if key is None else Redactor(key, separator)


def open_writer(tape: Path, context: Context, options: RecordOptions, key: bytes | None) -> Writer | int:
    """A new tape, or the exit code after complaining."""
    sizes = Sizes(options.part_bytes, options.keep_bytes)
    try:
        return Writer(tape, meta_of(context, options.title), sizes=sizes, redactor=_redactor(context, key))
    except TapeError as error:
        complain(f"{tape}: {error}; mend: {error.mend}")
        return INPUT_OUTPUT
    except OSError as error:
        return io_error(tape, error)


class Recording:
    """Takes Frames from a feed to a writer and a publisher. The disk is waited for in a thread: polling goes on."""

    def __init__(self, feed: Feed, writer: Writer | None) -> None:
        self.publisher: Publisher | None = None
        self._feed = feed
        self._writer = writer
        self._begun = 0.0
        self._shows = sys.stderr.isatty()

    async def run(self, limit_s: float | None) -> int:
        """Record for ``limit_s`` or until SIGINT, SIGTERM or SIGHUP; the exit code."""
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop.set)
        timer = None if limit_s is None else loop.call_later(limit_s, stop.set)
        try:
            await self._record(stop)
        finally:
            if timer is not None:
                timer.cancel()
            if self._writer is not None:
                await asyncio.to_thread(self._writer.close)
            if self.publisher is not None:
                await self.publisher.close()
            if self._shows:
                sys.stderr.write("\r\x1b[K")
        return self._report()

    async def _record(self, stop: asyncio.Event) -> None:
        stopped = asyncio.ensure_future(stop.wait())
        async with contextlib.aclosing(self._feed.frames()) as frames:
            while True:
                coming = asyncio.ensure_future(anext(frames))
                await asyncio.wait({coming, stopped}, return_when=asyncio.FIRST_COMPLETED)
                if stopped.done():
                    coming.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await coming
                    return
                frame = coming.result()
                self._begun = self._begun or frame.at
                if self.publisher is not None:
                    self.publisher.frame(frame)
                if self._writer is not None:
                    await asyncio.to_thread(self._writer.frame, frame)
                self._progress(frame)

    def _progress(self, frame: Frame) -> None:
        if not self._shows:
            return
        seen = states(frame)
        sources = f"{sum(state == 'ok' for state in seen.values())}/{len(frame.observations)} sources"
        line = f"recording {duration(frame.at - self._begun)}  {sources}"
        if self._writer is not None:
            line += f"  {self._writer.path.name} {self._writer.frames} frames {size(self._writer.size)}"
            line += f"  PAUSED: {self._writer.trouble}" if self._writer.trouble else ""
        if self.publisher is not None:
            line += f"  published {self.publisher.frames}"
            line += f"  NOT PUBLISHED: {self.publisher.trouble}" if self.publisher.trouble else ""
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
        sys.stderr.write(f"\r\x1b[K{line[: max(columns - 1, 20)]}")
        sys.stderr.flush()

    def _report(self) -> int:
        writer, publisher = self._writer, self.publisher
        if writer is not None and writer.trouble is not None:
            mend = "record again" if writer.trouble == REMOVED else "make room; what was written before plays"
            complain(f"{writer.path}: {writer.trouble}; mend: {mend}")
            return INPUT_OUTPUT
        if writer is not None:
            sys.stdout.write(f"{writer.path}: {writer.frames} frames, {size(writer.size)}\n")
        if publisher is not None:
            sys.stdout.write(f"published {publisher.frames} frames\n")
            if publisher.trouble is not None:
                complain(f"--stream: {publisher.trouble}; mend: look at that server")
                return UNAVAILABLE
        return DONE
