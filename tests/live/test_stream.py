"""One collector, several watchers, a real Redis between them: the same frames, bounded, and honest about gaps."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec
import pytest

from tests.lab.fault_proxy import FaultProxy
from tests.live.stack import port_of, through
from tests.tui.terminals import Terminal
from tests.unit.boards import CONTEXT
from tests.unit.tapes import META, Stack, same
from unstick.backends.base import BackendError
from unstick.cli.main import run
from unstick.facts.frame import Frame
from unstick.feeds import stream
from unstick.feeds.deck import Deck
from unstick.feeds.stream import JOIN, Publisher, StreamFeed, connection
from unstick.secret import Url
from unstick.tape.recent import Recent
from unstick.tape.record import TapeError, pack
from unstick.tape.redact import Redactor

ROOT = Path(__file__).parents[2]


async def published(publisher: Publisher, frames: list[Frame]) -> None:
    async with asyncio.timeout(60):
        for frame in frames:
            before = publisher.frames
            publisher.frame(frame)
            while publisher.frames == before:
                await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def publishing(url: str, **more: object) -> AsyncGenerator[Publisher, None]:
    publisher = Publisher(connection(Url(url)), "unstick", META, **more)  # type: ignore[arg-type]
    try:
        yield publisher
    finally:
        await publisher.close()


async def taken(feed: StreamFeed, count: int) -> list[Frame]:
    found: list[Frame] = []
    async with asyncio.timeout(60), contextlib.aclosing(feed.frames()) as frames:
        async for frame in frames:
            found.append(frame)
            if len(found) == count:
                break
    return found


async def asked(url: str, *command: str | bytes) -> object:
    server = connection(Url(url))
    await server.open()
    try:
        (reply,) = await server._round([command])
    finally:
        await server.close()
    return reply


def test_a_watcher_sees_every_frame_as_it_was(redis_url: str) -> None:
    async def main() -> None:
        frames = list(Stack(1).frames(60))
        async with publishing(redis_url) as publisher:
            await published(publisher, frames[:5])
            watching = asyncio.ensure_future(taken(StreamFeed(Url(redis_url)), 60))
            await published(publisher, frames[5:])
            found = await watching
        assert all(map(same, found, frames))
        assert (await StreamFeed(Url(redis_url)).meta()).settings == META.settings

    asyncio.run(main())


def test_who_joins_late_begins_at_a_keyframe_two_minutes_back(redis_url: str) -> None:
    async def main() -> None:
        frames = list(Stack(2).frames(200))
        async with publishing(redis_url) as publisher:
            await published(publisher, frames)
        found = await taken(StreamFeed(Url(redis_url)), JOIN)
        first = next(number for number, frame in enumerate(frames) if frame.seq == found[0].seq)
        assert JOIN <= len(frames) - first < JOIN + stream.KEYFRAME_EVERY
        assert all(map(same, found, frames[first:]))

    asyncio.run(main())


def test_the_stream_is_bounded_and_no_other_key_is_written(redis_url: str) -> None:
    async def main() -> None:
        await asked(redis_url, "SET", "theirs", "untouched")
        async with publishing(redis_url, keep=240) as publisher:
            await published(publisher, list(Stack(3).frames(600)))
        assert 240 <= int(str(await asked(redis_url, "XLEN", "unstick"))) < 440
        keys = await asked(redis_url, "KEYS", "*")
        assert isinstance(keys, list)
        assert sorted(keys) == [b"theirs", b"unstick"]
        assert await asked(redis_url, "GET", "theirs") == b"untouched"

    asyncio.run(main())


def test_what_is_lost_on_the_way_is_a_gap_until_the_next_keyframe(redis_url: str) -> None:
    async def main() -> None:
        frames = list(Stack(4).frames(40))
        async with publishing(redis_url) as publisher:
            await published(publisher, frames[:13])
            entries = await connection_entries(redis_url)
            await asked(redis_url, "XDEL", "unstick", entries[-1])
            await asked(redis_url, "XADD", "unstick", "*", "r", b"garbage")
            await asked(redis_url, "XADD", "unstick", "*", "other", "field")
            await asked(redis_url, "XADD", "unstick", "*", "r", pack("E", 9, 1.0, {"record": "event"}))
            await published(publisher, frames[13:])
        found = await taken(StreamFeed(Url(redis_url)), 32)
        seqs = [frame.seq for frame in found]
        assert seqs[:12] == list(range(1, 13))
        assert 14 < seqs[12] <= 13 + stream.KEYFRAME_EVERY
        assert seqs[12:] == list(range(seqs[12], seqs[12] + 20))
        assert all(same(one, frames[one.seq - 1]) for one in found)

    async def connection_entries(url: str) -> list[bytes]:
        server = connection(Url(url))
        await server.open()
        entries = await server.newest("unstick", 99)
        await server.close()
        return [entry.id for entry in entries]

    asyncio.run(main())


def test_a_server_that_is_lost_is_told_and_found_again(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "RETRY_S", (0.05, 0.1))

    async def main(proxy: FaultProxy) -> None:
        frames = list(Stack(5).frames(60))
        async with publishing(through(redis_url, proxy)) as publisher:
            await published(publisher, frames[:5])
            proxy.refuse()
            proxy.rst_all()
            publisher.frame(frames[5])
            async with asyncio.timeout(60):
                while publisher.trouble is None:
                    await asyncio.sleep(0.001)
                for frame in frames[6:50]:
                    publisher.frame(frame)
                proxy.clear()
                while publisher.trouble is not None or not publisher._waiting.empty():
                    await asyncio.sleep(0.001)
        assert publisher.frames > 10
        found = await taken(StreamFeed(Url(redis_url)), publisher.frames)
        assert [frame.seq for frame in found[:5]] == [frame.seq for frame in frames[:5]]
        assert all(same(one, frames[one.seq - 1]) for one in found)

    with FaultProxy(port_of(redis_url)) as proxy:
        asyncio.run(main(proxy))


def test_a_publisher_with_other_settings_is_another_world(redis_url: str) -> None:
    other = msgspec.structs.replace(META, settings=msgspec.structs.replace(META.settings, name="other"))

    async def main() -> None:
        async with publishing(redis_url) as publisher:
            await published(publisher, list(Stack(6).frames(15)))
        feed = StreamFeed(Url(redis_url))
        watching = asyncio.ensure_future(taken(feed, 99))
        await asyncio.sleep(0.2)
        second = Publisher(connection(Url(redis_url)), "unstick", other)
        await published(second, list(Stack(7).frames(3)))
        await second.close()
        with pytest.raises(TapeError, match="other settings"):
            await watching
        assert (await feed.meta()).settings.name == "other"

    asyncio.run(main())


def test_names_can_be_hashed_on_the_wire(redis_url: str) -> None:
    async def main() -> None:
        async with publishing(redis_url, redactor=Redactor(b"k" * 32)) as publisher:
            await published(publisher, list(Stack(8).frames(12)))
        (found, *_) = await taken(StreamFeed(Url(redis_url)), 1)
        assert "client-1" not in repr(found)
        assert (await StreamFeed(Url(redis_url)).meta()).names_hashed

    asyncio.run(main())


def test_the_board_of_a_watcher_says_what_the_collector_saw(redis_url: str) -> None:
    async def main() -> None:
        frames = list(Stack(9).frames(30))
        async with publishing(redis_url) as publisher:
            await published(publisher, frames)
        deck = Deck(Recent(META), CONTEXT, "stream", source=StreamFeed(Url(redis_url)))
        async with asyncio.timeout(60), contextlib.aclosing(deck.frames()) as shown:
            async for frame in shown:
                if frame.seq == 30:
                    break
        assert deck.place.following
        assert same(deck.reel.frame(deck.reel.last) or frames[0], frames[-1])

    asyncio.run(main())


def test_nothing_published_and_nobody_there_are_one_line(
    redis_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TapeError, match='nothing is published as "unstick"'):
        asyncio.run(StreamFeed(Url(redis_url)).meta())
    with pytest.raises(BackendError):
        asyncio.run(StreamFeed(Url("redis://:S3CR3T@127.0.0.1:1/0")).meta())
    monkeypatch.setattr("unstick.cli.stream.refusal", lambda: None)
    for place, code in ((redis_url, 65), ("redis://:S3CR3T@127.0.0.1:1/0", 69), ("env:NOWHERE", 69)):
        assert run(["replay", place]) == code
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert "; mend: " in err
        assert "S3CR3T" not in err
    assert run(["record"]) == 64


def test_recorded_here_and_watched_there(redis_url: str, tmp_path: Path) -> None:
    """The commands: a collector of this host alone, and a board that watches it."""
    config = tmp_path / "unstick.toml"
    config.write_text(f'config_version = 1\n[redis]\nurl = "{redis_url}"\n[[dramatiq]]\nqueues = ["default"]\n')
    config.chmod(0o600)
    environ = os.environ | {"PYTHONPATH": str(ROOT / "src"), "WHERE": redis_url}
    collector = subprocess.Popen(
        [sys.executable, "-m", "unstick", "record", "-c", str(config), "--stream", "env:WHERE", "--for", "60s"],
        env=environ,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watcher: Terminal | None = None
    try:
        feed = StreamFeed(Url(redis_url))
        asyncio.run(until_published(feed))
        command = (sys.executable, "-m", "unstick", "replay", "env:WHERE")
        watcher = Terminal(command=command, env={"WHERE": redis_url, "XDG_STATE_HOME": str(tmp_path)})
        watcher.shows("Host")
        watcher.shows("dramatiq")
        watcher.press(b" ")
        watcher.shows("end: stream")
        watcher.press(b"q")
        assert watcher.ended() == 0
        watcher.assert_restored()
    finally:
        if watcher is not None:
            watcher.close()
        collector.terminate()
        out, err = collector.communicate(timeout=30)
    assert (collector.returncode, err) == (0, "")
    assert out.startswith("published ")


async def until_published(feed: StreamFeed) -> None:
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(TapeError):
                await feed.meta()
                return
            await asyncio.sleep(0.05)


def test_a_mark_on_one_board_is_seen_on_the_others(redis_url: str) -> None:
    async def main() -> None:
        frames = list(Stack(6).frames(30))
        async with publishing(redis_url) as publisher, contextlib.AsyncExitStack() as stack:
            await published(publisher, frames[:20])
            decks = [await stack.enter_async_context(watching(redis_url)) for _ in range(2)]
            said = decks[0].mark("look \x1b[2J here", frames[12].at)
            assert not isinstance(said, str)
            assert (await said).endswith("Z, on the stream")
            await asked(redis_url, "XADD", "unstick", "*", "k", "E", "r", b"rubbish")
            async with asyncio.timeout(60):
                while not decks[1].place.ticks:
                    await asyncio.sleep(0.01)
            late = await stack.enter_async_context(watching(redis_url))
            await published(publisher, frames[20:])
            async with asyncio.timeout(60):
                while any(deck.reel.last < 20 for deck in decks):
                    await asyncio.sleep(0.01)
            for deck in (*decks, late):
                assert [(tick.at, tick.text) for tick in deck.place.ticks] == [(frames[12].at, "look ^[[2J here")]

    asyncio.run(main())


def test_a_mark_that_may_not_be_written_is_kept_here(redis_url: str) -> None:
    async def main() -> None:
        await asked(
            redis_url,
            "ACL",
            "SETUSER",
            "watcher",
            "on",
            ">w",
            "~*",
            "+xread",
            "+xrevrange",
            "+select",
            "+client|setname",
        )
        async with publishing(redis_url) as publisher:
            await published(publisher, list(Stack(6).frames(3)))
            async with watching(redis_url.replace("redis://", "redis://watcher:w@")) as deck:
                said = deck.mark("look", deck.place.at)
                assert not isinstance(said, str)
                words = await said
                assert "kept until you leave: " in words
                assert "xadd" in words.lower()
                assert len(deck.place.ticks) == 1

    asyncio.run(main())


@contextlib.asynccontextmanager
async def watching(url: str) -> AsyncGenerator[Deck, None]:
    feed = StreamFeed(Url(url))
    deck = Deck(Recent(META), CONTEXT, "stream", source=feed, share=feed.tell)
    feed.heard = deck.hear

    async def read() -> None:
        async with contextlib.aclosing(deck.frames()) as frames:
            async for _ in frames:
                pass

    reading = asyncio.ensure_future(read())
    try:
        async with asyncio.timeout(60):
            while deck.board is None:
                if reading.done():
                    reading.result()
                await asyncio.sleep(0.01)
        yield deck
    finally:
        reading.cancel()
        await asyncio.wait([reading])
