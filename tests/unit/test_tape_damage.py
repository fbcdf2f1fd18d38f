"""Damage: kills, cuts, flipped bits, full disks, and files that mean harm."""

from __future__ import annotations

import os
import random
import resource
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import msgspec
import pytest
import zstandard

from tests.unit.boards import T0, crawler, frame, fresh
from tests.unit.tapes import META, Stack, same, taped
from unstick.cli.main import run
from unstick.facts.frame import Frame
from unstick.tape.event import GAP
from unstick.tape.reader import Tape
from unstick.tape.record import BODY_SIZE, CONTENT_LIMIT, HEADER_SIZE, MAGIC, TAG, TapeError, pack
from unstick.tape.shelf import Shelf
from unstick.tape.writer import Writer

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("UNSTICK_KILLS", "50"))
FLIPS = int(os.environ.get("UNSTICK_FLIPS", "300"))
FUZZ = int(os.environ.get("UNSTICK_FUZZ", "100"))
MEMORY = 256 << 20


def raw(kind: str, seq: int, payload: bytes, *, size: int | None = None, tag: bytes = TAG, version: int = 1) -> bytes:
    """A record whose header is right, whatever it says."""
    told = len(payload) if size is None else size
    head = struct.pack(
        "<II4sBBHQQII", MAGIC, BODY_SIZE, tag, ord(kind), 0, version, seq, int(T0 * 1000), told, zlib.crc32(payload)
    )
    return head + struct.pack("<I", zlib.crc32(head)) + payload


def bomb(size: int) -> bytes:
    """``size`` zeros, without holding them."""
    squeeze = zstandard.ZstdCompressor().compressobj(size=size)
    piece = b"\0" * (1 << 20)
    return b"".join(squeeze.compress(piece) for _ in range(size // len(piece))) + squeeze.flush()


def squeezed(text: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(text)


META_RECORD = pack("M", 0, T0, {"record": "meta"} | msgspec.to_builtins(META))


def test_a_kill_at_any_time_loses_no_frame_that_was_recorded(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.tape_kills", str(KILLS), "7", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    told, lost = map(int, done.stdout.split())
    assert told > KILLS
    assert lost == 0


def test_a_cut_at_every_byte_leaves_exactly_the_whole_records(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    writer = Writer(path, META)
    frames = [frame(T0 + n, fresh("crawler", crawler(T0 + n), T0 + n)) for n in range(5)]
    for made in frames:
        writer.frame(made)
    writer.close()
    with Tape.open(path) as tape:
        entries = list(tape.entries)
    for size in range(path.stat().st_size - 1, -1, -1):
        os.truncate(path, size)
        whole = [entry for entry in entries if entry.end <= size]
        if not whole:
            with pytest.raises(TapeError, match=r"nothing was recorded"):
                Tape.open(path)
            continue
        with Tape.open(path) as tape:
            assert tape.entries == whole
            assert tape.damages == []
            assert tape.tail == size - whole[-1].end
            count = sum(entry.header.kind in "KD" for entry in whole)
            assert len(tape) == count
            if count:
                assert same(tape.frame(count - 1) or frames[0], frames[count - 1])


def test_a_flipped_bit_is_always_noticed_and_costs_one_record(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    frames = {made.at: made for made in taped(path, 40, marks={20: "x"})}
    data = path.read_bytes()
    with Tape.open(path) as tape:
        records, keys = len(tape.entries), [e.header.seq for e in tape.entries if e.header.kind == "K"]
    longest = max(later - before for before, later in zip(keys, [*keys[1:], records], strict=True))
    dice = random.Random(1)
    for _ in range(FLIPS):
        bit = dice.randrange(len(data) * 8)
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with Tape.open(path) as tape:
            tape.check()
            assert tape.damages or tape.tail
            bad = {damage.offset for damage in tape.damages}
            assert sum(entry.offset not in bad for entry in tape.entries) >= records - 1
            found = [read for _, read in tape.frames()]
        assert len(found) >= len(frames) - longest
        assert all(same(read, frames[read.at]) for read in found)


def test_a_flipped_bit_in_a_declared_size_is_damage_and_no_bomb(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    taped(path, 6)
    data = path.read_bytes()
    with Tape.open(path) as tape:
        records, hurt = len(tape.entries), tape.entries[4]
    for bit in range(18 * 8):
        flipped = bytearray(data)
        flipped[hurt.offset + HEADER_SIZE + bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with Tape.open(path) as tape:
            tape.check()
            assert [damage.offset for damage in tape.damages] == [hurt.offset]
            assert len(tape.entries) == records


def test_bytes_that_are_gone_or_too_many_are_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    frames = {made.at: made for made in taped(path, 130)}
    data = path.read_bytes()
    dice = random.Random(2)
    for _ in range(FUZZ):
        first, length = dice.randrange(len(data)), dice.randrange(1, 3000)
        filling = dice.randbytes(dice.choice([0, 7, length]))
        path.write_bytes(data[:first] + filling + data[first + length :])
        try:
            with Tape.open(path) as tape:
                for _, read in tape.frames():
                    assert same(read, frames[read.at])
        except TapeError:
            assert first < 5000, "only a lost description is fatal"


def test_bytes_that_are_gone_from_one_record_cost_that_record_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    taped(path, 30)
    data = path.read_bytes()
    with Tape.open(path) as tape:
        records, hurt = len(tape.entries), tape.entries[12]
    cut = hurt.offset + HEADER_SIZE + 20
    path.write_bytes(data[:cut] + data[cut + 30 :])
    with Tape.open(path) as tape:
        tape.check()
        bad = {damage.offset for damage in tape.damages}
        assert [entry.header.seq for entry in tape.entries if entry.offset not in bad] == [
            seq for seq in range(records) if seq != hurt.header.seq
        ]


def test_damage_in_the_middle_is_named_with_its_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.tape"
    taped(path, 130)
    with Tape.open(path) as tape:
        hurt = [entry for entry in tape.entries if entry.header.kind == "D"][40]
    with path.open("r+b") as file:
        file.seek(hurt.offset + HEADER_SIZE + 10)
        file.write(b"\0\0\0\0")
    assert run(["verify", str(path)]) == 65
    out, err = capsys.readouterr()
    assert out.endswith("damaged\n")
    assert err.count("\n") == 1
    assert f"bytes {hurt.offset}–{hurt.end} damaged" in err
    assert "1970-01-12T13:4" in err
    os.truncate(path, hurt.offset)
    assert run(["verify", str(path)]) == 0
    os.truncate(path, hurt.offset - 3)
    assert run(["verify", str(path)]) == 0
    assert "last record incomplete" in capsys.readouterr().out


def deep(levels: int) -> bytes:
    return b'{"record":"keyframe","frame":' + b"[" * levels + b"]" * levels + b"}\n"


FILES = {
    "empty": b"",
    "another program": b"PK\x03\x04" + b"\0" * 5000,
    "text": b"2025-12-10 03:12 the proxies are stuck\n" * 100,
    "hostile text": b"\x1b]0;x\x07" * 1000,
    "a short file": MAGIC.to_bytes(4, "little"),
    "zstd of something else": squeezed(b"hello\n"),
    "torn at once": META_RECORD[:-5],
    "no frame": META_RECORD,
    "a bomb": META_RECORD + raw("K", 1, bomb(1 << 30)),
    "absurd length": META_RECORD + raw("K", 1, squeezed(b"{}\n"), size=1 << 31),
    "deep": META_RECORD + raw("K", 1, squeezed(deep(100_000))),
    "less deep": META_RECORD + raw("K", 1, squeezed(deep(900))),
    "wide": META_RECORD + raw("K", 1, squeezed(b'{"frame":[' + b"{}," * (CONTENT_LIMIT // 3 - 10) + b"{}]}\n")),
    "no size declared": META_RECORD + raw("K", 1, zstandard.ZstdCompressor(write_content_size=False).compress(b"{}")),
    "not json": META_RECORD + raw("K", 1, squeezed(b"\xff\xfe{")),
    "not an object": META_RECORD + raw("K", 1, squeezed(b"[1]")),
    "no document": META_RECORD + raw("K", 1, squeezed(b'{"frame": 7}')),
    "not a frame": META_RECORD + raw("K", 1, squeezed(b'{"frame": {"seq": "x", "sources": {}}}')),
    "newer records": raw("M", 0, squeezed(b"{}"), version=2),
    "newer tag": raw("M", 0, squeezed(b"{}"), tag=b"uT2\n"),
    "newer format": pack("M", 0, T0, {"format": "unstick tape", "version": 9, "reads": 9}),
    "other format": pack("M", 0, T0, {"format": "something else", "version": 1}),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("command", ["verify", "report", "replay", "clip"])
def test_what_is_no_tape_is_one_line(
    name: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.tape"
    path.write_bytes(FILES[name])
    more = [str(tmp_path / "out.tape")] if command == "clip" else []
    assert run([command, str(path), *more]) == 65
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"unstick: {path}: ")
    assert err.count("\n") == 1
    assert "; mend: " in err
    assert "\x1b" not in err
    assert not (tmp_path / "out.tape").exists()


def test_the_words_for_what_is_no_tape(tmp_path: Path) -> None:
    words = {
        "empty": "0 bytes: nothing was recorded",
        "another program": 'starts with "PK^C^D": not a recording',
        "a bomb": "record 1 declares 1073741824 bytes of JSON, limit 8388608",
        "absurd length": "record 1 declares 2147483648 bytes, limit 16777216",
        "newer format": "format 9 is newer than this unstick reads (1)",
        "newer tag": "written by another version of unstick",
    }
    for name, text in words.items():
        path = tmp_path / "a.tape"
        path.write_bytes(FILES[name])
        with pytest.raises(TapeError) as raised:
            Tape.open(path)
        assert str(raised.value) == text


HARM = """
import re, sys
from pathlib import Path
from unstick.cli import demo
from unstick.cli.main import run

folder, command = Path(sys.argv[1]), sys.argv[2]
demo.shelf = lambda: folder
codes = set()
for path in sorted(folder.glob("*.tape")):
    what = path.stem if command == "demo" else str(path)
    codes.add(run([command, what, *([str(folder / "out")] if command == "clip" else [])]))
print(*codes, re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.parametrize("command", ["verify", "report", "replay", "clip", "demo"])
def test_harm_costs_little_memory(command: str, tmp_path: Path) -> None:
    """The most that the process ever held; ``ru_maxrss`` of a child would count what its parent held at the fork."""
    for number, content in enumerate(FILES.values()):
        (tmp_path / f"{number}.tape").write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", HARM, tmp_path, command],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    exit_code, kilobytes = map(int, done.stdout.split())
    assert exit_code == 65
    assert done.stderr.count("\n") == len(FILES)
    assert kilobytes * 1024 < MEMORY
    assert not (tmp_path / "out").exists()


def test_a_shelf_with_harm_on_it_is_listed(tmp_path: Path) -> None:
    for number, content in enumerate(FILES.values()):
        (tmp_path / f"{number}.tape").write_bytes(content)
    told = [title for title in Shelf(tmp_path).titles if title.length_s is None]
    assert len(told) > 8
    assert all(title.text.startswith("can't be played: ") for title in told)


def test_an_unknown_record_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    frames = taped(path, 20)
    with Tape.open(path) as tape:
        cut = tape.entries[9].offset
    data = path.read_bytes()
    path.write_bytes(data[:cut] + raw("Q", 77, squeezed(b'{"news": 1}\n')) + data[cut:])
    with Tape.open(path) as tape:
        tape.check()
        assert tape.damages == []
        assert [read.at for _, read in tape.frames()] == [made.at for made in frames]


def later(frames: list[Frame], by_s: float) -> list[Frame]:
    return [msgspec.structs.replace(made, at=made.at + by_s) for made in frames]


def test_a_full_disk_is_a_named_gap_and_recording_goes_on(tmp_path: Path) -> None:
    """The limit on the size of a file stands for the disk: a write is cut short, the next one fails."""
    path = tmp_path / "a.tape"
    frames = list(Stack(1).frames(60))
    writer = Writer(path, META)
    for made in frames[:20]:
        writer.frame(made)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = writer.size + 700
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        for made in frames[20:40]:
            writer.frame(made)
        assert writer.trouble == "file size limit"
        assert path.stat().st_size == writer.size <= limit
        assert not writer.mark("nobody hears it")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    for made in later(frames[40:], 60):
        writer.frame(made)
    assert writer.trouble is None
    writer.close()
    with Tape.open(path) as tape:
        tape.check()
        assert tape.damages == []
        assert tape.tail == 0
        (gap,) = [event for event in tape.events() if event.event == GAP]
        assert gap.text == "nothing recorded: file size limit"
        assert gap.details["since"] == pytest.approx(frames[20].at, abs=3)
        assert gap.details["until"] == later(frames[40:], 60)[0].at
        behind = [entry.header.kind for entry in tape.entries if entry.header.at >= gap.at - 0.001]
        read = [each for _, each in tape.frames()]
    assert behind[0] == "E"
    assert next(kind for kind in behind if kind in "KD") == "K"
    known = {made.at: made for made in [*frames, *later(frames[40:], 60)]}
    assert all(same(each, known[each.at]) for each in read)
    assert [each.at for each in read][-20:] == [made.at for made in later(frames[40:], 60)]


def test_a_tape_that_was_removed_records_nothing_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    frames = list(Stack(1).frames(20))
    writer = Writer(path, META)
    for made in frames[:10]:
        writer.frame(made)
    path.unlink()
    for made in frames[10:]:
        writer.frame(made)
    assert writer.trouble == "the file was removed"
    assert writer.frames == 10
    writer.close()
    assert writer.trouble == "the file was removed"
    assert not path.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_a_really_full_disk(tmp_path: Path) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs here: {mounted.stderr.decode().strip()}")
    try:
        frames = list(Stack(1).frames(80))
        ballast = tmp_path / "ballast"
        ballast.write_bytes(b"x" * 50_000)
        writer = Writer(tmp_path / "a.tape", META)
        for made in frames[:40]:
            writer.frame(made)
        assert writer.trouble == "disk full"
        ballast.unlink()
        for made in later(frames[40:], 30):
            writer.frame(made)
        assert writer.trouble is None
        writer.close()
        with Tape.open(tmp_path / "a.tape") as tape:
            tape.check()
            assert tape.damages == []
            assert sum(event.event == GAP for event in tape.events()) == 1
            assert len(list(tape.frames())) >= 45
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)


def test_a_disk_that_is_full_from_the_first_byte_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taped(tmp_path / "a.tape", 30)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        assert run(["clip", str(tmp_path / "a.tape"), str(tmp_path / "b.tape")]) == 74
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "b.tape").exists()
