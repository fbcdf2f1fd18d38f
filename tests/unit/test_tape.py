"""The tape: what goes in comes out, whatever changes between two Frames; redaction; settings; times as typed."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import subprocess
import types
import typing
from pathlib import Path
from shutil import which
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.boards import CONTEXT, T0, frame, fresh
from tests.unit.tapes import META, Stack, same, taped
from unstick import settings as configured
from unstick.board.board import fold
from unstick.facts.frame import Frame
from unstick.secret import Url
from unstick.tape.codec import Documents, Frames
from unstick.tape.delta import SAME, apply, change
from unstick.tape.event import GAP, MARK, SOURCE
from unstick.tape.meta import FoldSettings, context_of, kept
from unstick.tape.moment import moment, span
from unstick.tape.parts import Parts
from unstick.tape.reader import Tape
from unstick.tape.record import HEADER_SIZE, DamageError, TapeError, pack, parse_header
from unstick.tape.redact import READABLE, Redactor
from unstick.tape.writer import Sizes, Writer, record_all
from unstick.views.status_json import status

scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    scalars | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)
rows = st.lists(
    st.fixed_dictionaries({"id": st.text("ab", max_size=2), "n": st.integers(0, 3), "x": values}), max_size=6
)


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


@given(values | rows, values | rows)
@settings(deadline=None, max_examples=300)
def test_a_delta_makes_the_new_of_the_old(old: Any, new: Any) -> None:
    delta = change({"v": old}, {"v": new})
    made = {"v": old} if delta is SAME else apply({"v": old}, through_json(delta))
    assert made == {"v": new}
    if isinstance(old, dict) and isinstance(new, dict):
        assert list(made["v"]) == list(new)
        assert list(map(type, made["v"].values())) == list(map(type, new.values()))


@given(st.lists(rows, min_size=2, max_size=6))
@settings(deadline=None, max_examples=200)
def test_a_chain_of_deltas_gives_every_state(states: list[Any]) -> None:
    here = through_json(states[0])
    for before, after in itertools.pairwise(states):
        delta = change(before, after)
        here = here if delta is SAME else apply(here, through_json(delta))
        assert here == after


@given(values, values)
@settings(deadline=None, max_examples=300)
def test_a_delta_for_something_else_is_damage_and_never_a_crash(old: Any, delta: Any) -> None:
    with contextlib.suppress(DamageError):
        apply(old, delta)


def test_a_row_that_moved_costs_its_place_and_a_cell_its_value() -> None:
    old = [{"id": str(n), "depth": n, "text": "x" * 50} for n in range(100)]
    new = [old[-1], *old[:-1]]
    new[5] = new[5] | {"depth": 77}
    assert change(old, new) == {"o": [[99, 1], [0, 99]], "c": [[5, {"depth": 77}]]}


def test_a_small_delta_makes_no_long_list() -> None:
    with pytest.raises(DamageError, match="repeats"):
        apply([1, 2, 3], {"o": [[0, 3], [0, 3]]})


@pytest.mark.parametrize("seed", range(5))
def test_frames_come_back_equal_through_churn(seed: int) -> None:
    documents, frames = Documents(), Frames()
    document: Any = None
    last: Any = None
    for made in Stack(seed).frames(120):
        new = documents.of(made)
        if last is None:
            document = through_json(new)
        elif (delta := change(last, new)) is not SAME:
            document = apply(document, through_json(delta))
        last = new
        assert same(frames.of(document), made)


def test_two_sources_of_one_id_are_both_kept() -> None:
    one = frame(T0, fresh("host", next(Stack(1).frames(1)).observations[0].reading.value, T0))  # type: ignore[union-attr]
    twice = msgspec.structs.replace(one, observations=one.observations * 2)
    assert same(Frames().of(through_json(Documents().of(twice))), twice)


def test_a_fact_of_another_version_is_missing_and_the_rest_is_true() -> None:
    made = next(Stack(1).frames(1))
    document = through_json(Documents().of(made))
    document["sources"]["crawler"]["reading"] = {"type": "fresh", "value": {"type": "kubernetes"}, "at": T0}
    read = Frames().of(document)
    assert read.observations[1:] == made.observations[1:]
    assert "another version" in read.observations[0].reading.trouble.text  # type: ignore[union-attr]


def test_the_header_is_the_one_that_is_documented(tmp_path: Path) -> None:
    taped(tmp_path / "a.tape", 3)
    data = (tmp_path / "a.tape").read_bytes()
    assert data[:8] == bytes.fromhex("5c2a4d18 24000000")
    assert data[8:12] == b"uT1\n"
    header = parse_header(data)
    assert header is not None
    assert (header.kind, header.seq, header.at) == ("M", 0, T0)
    line = zstandard.ZstdDecompressor().decompress(data[HEADER_SIZE : HEADER_SIZE + header.size])
    assert line.endswith(b"}\n")
    assert json.loads(line)["format"] == "unstick tape"
    assert (tmp_path / "a.tape").stat().st_mode & 0o777 == 0o600


def test_other_tools_read_it_as_json_lines(tmp_path: Path) -> None:
    frames = taped(tmp_path / "a.tape", 70, marks={5: "look"})
    zstd = which("zstd")
    if zstd:
        told = subprocess.run([zstd, "-dc", tmp_path / "a.tape"], capture_output=True, check=True).stdout
    else:
        reader = zstandard.ZstdDecompressor().stream_reader(
            (tmp_path / "a.tape").read_bytes(), read_across_frames=True
        )
        told = reader.read()
    records = [json.loads(line) for line in told.splitlines()]
    kinds = [record["record"] for record in records]
    assert kinds.count("keyframe") + kinds.count("delta") == len(frames)
    assert kinds[0] == "meta"
    assert kinds[-1] == "end"
    assert next(record for record in records if record.get("event") == "mark")["text"] == "look"


def test_a_tape_gives_back_its_frames_in_any_order(tmp_path: Path) -> None:
    frames = taped(tmp_path / "a.tape", 130)
    with Tape.open(tmp_path / "a.tape") as tape:
        assert len(tape) == 130
        assert not tape.damages
        assert tape.ended
        for number in (129, 0, 64, 63, 65, 60, 59, 128, 1):
            read = tape.frame(number)
            assert read is not None
            assert same(read, frames[number])
        assert [n for n, _ in tape.frames()] == list(range(130))
        assert tape.find(frames[70].at) == 70
        assert tape.find(frames[70].at + 0.5) == 70
        assert tape.find(0) == 0
        assert tape.find(1e12) == 129


def test_keyframes_come_once_a_minute_and_deltas_are_small(tmp_path: Path) -> None:
    taped(tmp_path / "a.tape", 125, seed=2, scale=20)
    with Tape.open(tmp_path / "a.tape") as tape:
        kinds = "".join(e.header.kind for e in tape.entries if e.header.kind in "KD")
        keys = [e.header for e in tape.entries if e.header.kind == "K"]
        deltas = [e.header.size for e in tape.entries if e.header.kind == "D"]
        assert len(kinds) == 125
        assert max(map(len, kinds.split("K"))) == 59
        assert len(keys) <= 4
        assert sum(deltas) / len(deltas) < keys[0].size / 3
        assert [e.header.seq for e in tape.entries] == list(range(len(tape.entries)))


def test_marks_and_lost_sources_are_events(tmp_path: Path) -> None:
    taped(tmp_path / "a.tape", 130, marks={10: "here it began \x1b[31m"})
    with Tape.open(tmp_path / "a.tape") as tape:
        events = list(tape.events())
    (mark,) = [event for event in events if event.event == MARK]
    assert mark.text == "here it began ^[[31m"
    lost = [event for event in events if event.event == SOURCE]
    assert {event.details["state"] for event in lost} == {"lost", "ok"}
    assert all(event.details["source"] in event.text for event in lost)


def test_a_tape_is_read_while_it_grows(tmp_path: Path) -> None:
    frames = list(Stack(3).frames(70))
    writer = Writer(tmp_path / "a.tape", META)
    for made in frames[:10]:
        writer.frame(made)
    with Tape.open(tmp_path / "a.tape") as tape:
        assert len(tape) == 10
        assert tape.growing()
        assert tape.refresh() == 0
        for made in frames[10:]:
            writer.frame(made)
        assert tape.refresh() == 60
        assert same(tape.frame(69) or frames[0], frames[69])
        writer.close()
        tape.refresh()
        assert tape.ended
        assert not tape.growing()


def test_a_full_file_goes_on_in_the_next_and_the_oldest_goes(tmp_path: Path) -> None:
    frames = list(Stack(4).frames(400))
    writer = Writer(tmp_path / "a.tape", META, sizes=Sizes(part=20_000, keep=90_000))
    for made in frames:
        writer.frame(made)
    writer.close()
    parts = sorted(tmp_path.glob("*.tape"))
    assert tmp_path / "a.tape" not in parts
    assert len(parts) >= 3
    assert sum(part.stat().st_size for part in parts) < 90_000 + 25_000
    known = {made.at: made for made in frames}
    found: list[float] = []
    for part in parts:
        assert part.stat().st_mode & 0o777 == 0o600
        with Tape.open(part) as tape:
            assert not tape.damages
            for _, read in tape.frames():
                assert same(read, known[read.at])
                found.append(read.at)
    assert found == [made.at for made in frames[-len(found) :]]


def test_record_all_puts_events_in_their_place(tmp_path: Path) -> None:
    frames = taped(tmp_path / "a.tape", 30, marks={10: "x"})
    with Tape.open(tmp_path / "a.tape") as tape:
        events = list(tape.events())
        assert record_all(tmp_path / "b.tape", tape.meta, frames[5:20], events) == 15
    with Tape.open(tmp_path / "b.tape") as tape:
        inside = [event for event in events if frames[5].at < event.at <= frames[19].at]
        again = [event for event in tape.events() if event.at > frames[5].at]
        assert sorted(map(repr, again)) == sorted(map(repr, inside))
        assert MARK in {event.event for event in again}
        assert same(tape.frame(0) or frames[0], frames[5])


# -- settings


def test_a_fold_needs_nothing_that_is_left_out_of_the_settings() -> None:
    context = msgspec.structs.replace(
        CONTEXT,
        thresholds=configured.Thresholds(grace_s=7.0, queue_warning=3, queue_critical=5, oldest_warning_s=1.0),
        rabbitmq=configured.RabbitMQ(url=Url("amqp://u:S3CR3T@h/"), channels_warning=4, channel_growth_per_min=0.5),
        host=configured.Host(memory_warning=10.0),
        sync=configured.Sync(every_s=20.0),
        crawler=configured.Crawler(separator="-"),
        postgres=configured.Postgres(url=Url("postgresql://u:S3CR3T@h/x")),
    )
    data = msgspec.json.encode(kept(context))
    assert b"S3CR3T" not in data
    rebuilt = context_of(msgspec.json.decode(data, type=FoldSettings))
    one = two = None
    for made in Stack(5).frames(60):
        one, two = fold(one, made, context), fold(two, made, rebuilt)
        assert json.dumps(status(one)) == json.dumps(status(two))
    assert one is not None
    assert {finding.id.split(":")[0] for finding in one.findings} & {"queue", "channels", "host-memory", "host"}
    assert rebuilt.thresholds == context.thresholds
    assert rebuilt.crawler == context.crawler
    assert rebuilt.host == context.host


def test_a_threshold_of_another_version_is_left_alone() -> None:
    settings_ = msgspec.structs.replace(kept(CONTEXT), thresholds={"grace_s": 9.0, "unheard_of": 1.0})
    assert context_of(settings_).thresholds == configured.Thresholds(grace_s=9.0)


# -- redaction


def texts(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value}
    if isinstance(value, dict):
        return set().union(*map(texts, value.values()))
    return set().union(*map(texts, value)) if isinstance(value, list | tuple) else set()


def test_hashed_names_leave_no_name_and_the_same_picture(tmp_path: Path) -> None:
    frames = list(Stack(6).frames(40))
    writer = Writer(tmp_path / "a.tape", META, redactor=Redactor(b"k" * 32))
    for made in frames:
        writer.frame(made)
    writer.close()
    with Tape.open(tmp_path / "a.tape") as tape:
        assert tape.meta.names_hashed
        context = context_of(tape.meta.settings)
        read = [each for _, each in tape.frames()]
    shown = texts(msgspec.to_builtins(read[-1]))
    for name in ("lab", "guest", "client-1", "127.0.0.1", "c1_", "python1", "web-1", "10.1.2.3"):
        assert not any(name in text for text in shown), name
    before = after = None
    for open_frame, hashed in zip(frames, read, strict=True):
        before, after = fold(before, open_frame, CONTEXT), fold(after, hashed, context)
    assert before is not None
    assert after is not None
    assert before.level == after.level
    assert [f.level for f in before.findings] == [f.level for f in after.findings]
    one, two = status(before)["workers"], status(after)["workers"]
    assert {key: one[key] for key in ("total", "alive", "dead")} == {
        key: two[key] for key in ("total", "alive", "dead")
    }


def test_a_worker_keeps_its_number_and_its_container_its_equality() -> None:
    redactor = Redactor(b"k" * 32)
    container = redactor.name("8b4f59aa")
    assert redactor.name("8b4f59aa_3") == f"{container}_3"
    assert Redactor(b"x" * 32).name("8b4f59aa") != container


def struct_types(kind: Any, found: dict[str, type[msgspec.Struct]]) -> None:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if kind.__name__ not in found:
            found[kind.__name__] = kind
            for hint in typing.get_type_hints(kind).values():
                struct_types(hint, found)
    elif isinstance(kind, types.UnionType) or typing.get_origin(kind) is not None:
        for part in (*typing.get_args(kind), typing.get_origin(kind)):
            struct_types(part, found)


def test_what_stays_readable_names_fields_that_exist() -> None:
    found: dict[str, type[msgspec.Struct]] = {}
    struct_types(Frame, found)
    assert {"RabbitConnection", "LockRow", "Fresh", "HostFacts"} <= set(found)
    for entry in READABLE:
        name, _, field = entry.partition(".")
        assert field in found[name].__struct_fields__, entry


def test_no_clock_and_no_chance_in_the_tape() -> None:
    banned = re.compile(
        r"^\s*(import|from) (time|random)\b|os\.(environ|urandom)|datetime\.now|unstick\.clock", re.MULTILINE
    )
    for file in (Path(__file__).parents[2] / "src/unstick/tape").glob("*.py"):
        assert not banned.search(file.read_text()), file


# -- times


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400), ("2.5m", 150), ("7", 7)])
def test_spans(text: str, seconds: float) -> None:
    assert span(text) == seconds


@pytest.mark.parametrize("text", ["", "x", "5y", "-3s", "1m x"])
def test_no_spans(text: str) -> None:
    with pytest.raises(ValueError, match="is no span"):
        span(text)


BEGIN = 1_765_335_000.0  # 2025-12-10 02:50:00 UTC
END = BEGIN + 3600 * 23


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("03:12", BEGIN + 22 * 60),
        ("03:12:30", BEGIN + 22 * 60 + 30),
        ("00:10", BEGIN + 21 * 3600 + 20 * 60),
        ("2025-12-10T03:00:00Z", BEGIN + 600),
        ("2025-12-10 03:00", BEGIN + 600),
        ("2025-12-10T06:00:00+03:00", BEGIN + 600),
        ("+90s", BEGIN + 90),
        ("5m ago", END - 300),
        ("02:50", BEGIN),
    ],
)
def test_moments(text: str, at: float) -> None:
    assert moment(text, BEGIN, END) == at


@pytest.mark.parametrize("text", ["25:00", "noon", "2025-12-09T00:00Z", "+9d", "3y ago", "02:20", ""])
def test_no_moments(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no|is before|is after"):
        moment(text, BEGIN, END)


def test_a_record_over_the_limit_is_refused_and_recording_goes_on(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="limit"):
        pack("E", 1, T0, {"text": "x" * (9 << 20)})
    frames = list(Stack(2).frames(30))
    huge = msgspec.structs.replace(frames[3], context="x" * (9 << 20))
    writer = Writer(tmp_path / "a.tape", META)
    for made in (*frames[:3], huge, *frames[3:]):
        writer.frame(made)
    writer.close()
    with Tape.open(tmp_path / "a.tape") as tape:
        assert any(event.event == GAP for event in tape.events())
        read = [each.at for _, each in tape.frames()]
    assert read[:3] == [made.at for made in frames[:3]]
    assert read[-1] == frames[-1].at


def test_a_recording_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    writer = Writer(path, META)
    with pytest.raises(TapeError, match="being recorded by process 4711"):
        Writer(path, META)
    writer.close()
    with pytest.raises(TapeError, match="exists already"):
        Writer(path, META)


def test_all_parts_of_a_recording_play_as_one(tmp_path: Path) -> None:
    frames = list(Stack(4).frames(400))
    writer = Writer(tmp_path / "a.tape", META, sizes=Sizes(part=20_000, keep=1 << 30))
    for number, made in enumerate(frames[:300]):
        writer.frame(made)
        if number in {5, 250}:
            writer.mark(f"mark {number}")
    with Parts.open(tmp_path / "a.tape") as whole:
        assert len(whole.tapes) >= 3
        assert len(whole) == 300
        for number in (299, 0, 150, 149, 151, 298, 1):
            assert same(whole.frame(number) or frames[-1], frames[number])
        assert [number for number, _ in whole.frames()] == list(range(300))
        assert whole.find(frames[170].at) == 170
        assert [event.text for event in whole.events() if event.event == MARK] == ["mark 5", "mark 250"]
        assert whole.growing()
        parts = len(whole.tapes)
        for made in frames[300:]:
            writer.frame(made)
        assert whole.refresh() == 100
        assert len(whole.tapes) > parts
        assert same(whole.frame(399) or frames[0], frames[399])
        writer.close()
        assert not whole.growing()
    with Parts.open(tmp_path / "a.000002.tape") as alone:
        assert len(alone.tapes) == 1
        assert alone.meta.part == 2
    (tmp_path / "a.tape").unlink()
    with Parts.open(tmp_path / "a.tape") as rest:
        assert rest.meta.part == 2
        assert same(rest.frame(rest.last) or frames[0], frames[399])
    with Tape.open(tmp_path / "a.000003.tape") as hurt:
        entry = next(entry for entry in hurt.entries if entry.header.kind == "K")
    with (tmp_path / "a.000003.tape").open("r+b") as file:
        file.seek(entry.offset + 60)
        file.write(b"\xff\xff\xff")
    with Parts.open(tmp_path / "a.tape") as rest:
        missing = [number for number in range(len(rest)) if rest.frame(number) is None]
        assert len(missing) < 61
        ((at, what),) = rest.damages()
        assert rest.at(missing[0] - 1) <= at <= rest.at(missing[0])
        assert what


def test_a_part_of_another_recording_is_not_taken_for_the_next(tmp_path: Path) -> None:
    taped(tmp_path / "a.tape", 10)
    other = Writer(tmp_path / "a.000002.tape", msgspec.structs.replace(META, pid=1))
    other.frame(next(Stack(1).frames(1)))
    other.close()
    with Parts.open(tmp_path / "a.tape") as whole:
        assert len(whole) == 10
