"""Followed logs: the shapes of the notes, rotation, floods, secrets, and what is judged."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.boards import T0, frame, fresh, played
from unstick.backends.files import Place, grown, matching
from unstick.board.board import Board
from unstick.config import ConfigError, load
from unstick.config.presets import LOG_PATTERNS
from unstick.facts.level import Level
from unstick.facts.log import LogFacts, LogHits
from unstick.facts.reading import Source
from unstick.pollers.log import LINES_KEPT, LOOK_BYTES, LogPoller, scrubbed
from unstick.settings import Context, Log

SOURCE = Source("log:x", "log", "files", 5.0)
NOTES = {
    "RuntimeError: Не удалось загрузить файл в хранилище: [Errno -2] Name or service not known": "dns",
    "Error reading from cache: [Errno -2] Name or service not known": "dns",
    "greenlet_spawn has not been called; can't call await_only() here": "greenlet",
    "ConnectionResetError: [Errno 104] Connection reset by peer": "reset",
    "AMQPConnectionError: Server connection reset": "reset",
    "aiormq.exceptions.ChannelInvalidStateError: No active transport in channel": "channel",
    "HTTP 429 Too Many Requests": "rate-limit",
    '127.0.0.1 "POST /api/v1/bulk-upload/start HTTP/1.1" 429 -': "rate-limit",
    "FATAL:  sorry, too many clients already": "connections",
    '"Too many connections" errors': "connections",
    "Forbidden: bot was blocked by the user": "bot-blocked",
    "[warning] client unexpectedly closed TCP connection": "closed",
    '{"status":429, "path": "/api/v1/health"}': "rate-limit",
    "INFO: 4290 rows in 429.5 ms": "",
    "[2026-11-22 11:49:40,429: INFO/ForkPoolWorker-2] Task rates.refresh[e52823a3-429b-465c] succeeded": "",
    "all is well": "",
}  # fmt: skip


class Followed:
    """A log in files, looked at from a test that is not asynchronous."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.poller = LogPoller(SOURCE, Log(files=("*.log",), folder=str(folder), **options))

    def write(self, text: str, name: str = "a.log") -> None:
        with (self.folder / name).open("a", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)

    def look(self) -> dict[str, int]:
        """The patterns that were seen, with how often."""
        self.poller._follow()
        self.poller._since_at = 1.0
        return {kind.name: kind.count for kind in self.poller._kinds if kind.count}

    def lines(self, name: str) -> list[str]:
        return list(next(kind.lines for kind in self.poller._kinds if kind.name == name))


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    log = Followed(tmp_path)
    log.look()
    return log


class TestShapes:
    @pytest.mark.parametrize(("line", "shape"), NOTES.items())
    def test_lines_of_the_notes(self, followed: Followed, line: str, shape: str) -> None:
        followed.write(f"2024-11-20 07:37:47 {line}\n")
        assert followed.look() == ({shape: 1} if shape else {})

    def test_eight_of_them(self) -> None:
        assert set(Log().patterns) == set(LOG_PATTERNS) == {shape for shape in NOTES.values() if shape}

    def test_own_shapes_go_before_the_known_ones(self, tmp_path: Path) -> None:
        log = Followed(tmp_path, match={"upload": "storage.*Errno"}, patterns=("dns",))
        log.look()
        log.write("storage: [Errno -2]\ncache: [Errno -2]\ngreenlet_spawn has not been called\n")
        assert log.look() == {"upload": 1, "dns": 1}


class TestFollowing:
    def test_what_was_there_before_is_shown_and_not_counted(self, tmp_path: Path) -> None:
        log = Followed(tmp_path)
        log.write("x\nold: Connection reset by peer\n")
        assert log.look() == {}
        assert log.lines("reset") == ["old: Connection reset by peer"]
        log.write("new: Connection reset by peer\n")
        assert log.look() == {"reset": 1}

    def test_a_line_counts_once_it_is_whole(self, followed: Followed) -> None:
        followed.write("Connection reset")
        assert followed.look() == {}
        followed.write(" by peer\nnext")
        assert followed.look() == {"reset": 1}
        assert followed.look() == {"reset": 1}

    def test_rotated_cut_and_new_files(self, followed: Followed) -> None:
        followed.write("bot was blocked by the user\n")
        assert followed.look() == {"bot-blocked": 1}
        (followed.folder / "a.log").rename(followed.folder / "a.log.1")
        followed.write("bot was blocked by the user\n")
        assert followed.look() == {"bot-blocked": 2}
        (followed.folder / "a.log").write_text("Rate limit exceeded\n")
        os.truncate(followed.folder / "a.log", 0)
        assert followed.look() == {"bot-blocked": 2}
        followed.write("Rate limit exceeded\n", "b.log")
        assert followed.look() == {"bot-blocked": 2, "rate-limit": 1}

    def test_a_flood_is_skipped_and_said(self, followed: Followed) -> None:
        line = "y" * 99 + "\n"
        followed.write(line * (3 * LOOK_BYTES // 100) + "Rate limit exceeded\n")
        assert followed.look() == {"rate-limit": 1}
        assert followed.poller._skipped == pytest.approx(2 * LOOK_BYTES, abs=200)

    def test_a_line_without_an_end_and_bytes_that_are_no_text(self, followed: Followed) -> None:
        followed.write("z" * (2 * LOOK_BYTES))
        followed.look()
        followed.write("\nConnection reset by peer \udcff\x1b[31m [bold]\n")
        assert followed.look() == {"reset": 1}
        assert followed.lines("reset") == ["Connection reset by peer \ufffd^[[31m [bold]"]
        assert len(followed.poller._rests) == 1

    def test_only_the_last_lines_are_kept(self, followed: Followed) -> None:
        followed.write("".join(f"{n} Rate limit exceeded {'x' * 900}\n" for n in range(50)))
        assert followed.look() == {"rate-limit": 50}
        kept = followed.lines("rate-limit")
        assert len(kept) == LINES_KEPT
        assert kept[-1].startswith("49 Rate limit exceeded ")
        assert len(kept[-1]) < 320

    def test_a_file_that_is_gone_is_no_error(self, followed: Followed) -> None:
        followed.write("x\n")
        followed.look()
        (followed.folder / "a.log").unlink()
        assert followed.look() == {}

    def test_the_part_that_is_read(self, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes(b"0123456789")
        (found,) = matching(("f",), str(tmp_path))
        place, new = grown(found, None, 100, back=4)
        assert (new.data, new.skipped, place.offset) == (b"6789", 0, 10)
        assert grown(found, Place(place.inode, 8), 100)[1].data == b"89"
        assert grown(found, Place(place.inode, 2), 3)[1] == (b"789", 5)
        assert grown(found, Place(place.inode, 11), 100)[1].data == b"0123456789"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("connect postgresql://app:s3cret@db/x failed", "connect postgresql://app:***@db/x failed"),
        ('{"password": "s3cret", "user": "a"}', '{"password": "***", "user": "a"}'),
        ("API_KEY=s3cret; token: s3cret", "API_KEY=***; token: ***"),
        ("Authorization: Basic s3cret==", "Authorization: Basic ***"),
        ("nothing here: 10:30", "nothing here: 10:30"),
    ],
)
def test_secrets_are_taken_out(line: str, shown: str) -> None:
    assert scrubbed(line) == shown


FACTS = LogFacts("bot", "logs/*.log", T0, T0 - 60, 2, 100, 0, (LogHits("dns", 3, T0 - 5, ("a", "b")),), 5, 60)


def followed_for(*counts: int) -> Board:
    frames = []
    for n, times in enumerate(counts):
        at = T0 + 5 * n
        facts = replace(FACTS, looked_at=at, hits=(LogHits("dns", times, at, ("a", "b", "c", "d")),))
        frames.append(frame(at, fresh("log:bot", facts, at)))
    return played(frames, Context(name="test"))


@pytest.mark.parametrize(
    ("counts", "level"), [((3, 7), None), ((3, 8), Level.WARNING), ((3, 63), Level.CRITICAL), ((900, 900), None)]
)
def test_lines_within_a_minute_are_what_counts(counts: tuple[int, ...], level: Level | None) -> None:
    findings = followed_for(*counts).findings
    assert [finding.level for finding in findings] == ([] if level is None else [level])
    if findings:
        assert findings[0].title == f"log:bot: dns: {counts[1] - counts[0]} lines within a minute"
        assert [evidence.text for evidence in findings[0].evidence] == ["b", "c", "d"]


def test_what_was_long_ago_counts_no_more() -> None:
    assert followed_for(0, 50, *[50] * 14).findings == ()


def test_a_log_without_a_file_is_unknown() -> None:
    nothing = replace(FACTS, files=0, lines=0, hits=(LogHits("dns", 0, None, ()),))
    (row,) = played([frame(T0, fresh("log:bot", nothing, T0))], Context(name="test")).subjects.services.items
    assert (row.level, row.note) == (Level.UNKNOWN, "no file is logs/*.log")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("files = ['a']\npatterns = ['dns', 'nope']", 'no such shape (got "nope")'),
        ("files = ['a']\nmatch = { x = '(' }", "is no regular expression"),
        ("files = ['a']\nmatch = { x = '(a+)+b' }", "repeats a repeat"),
        ("files = ['a']\ncritical_per_min = 2", "critical_per_min 2 is below warning_per_min 5"),
    ],
)
def test_entries_that_make_no_sense(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "unstick.toml"
    path.write_text(f"config_version = 1\n[[log]]\n{text}\n")
    with pytest.raises(ConfigError) as caught:
        load(path, None, {})
    (problem,) = caught.value.problems
    assert words in str(problem)
