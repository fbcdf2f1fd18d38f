"""The line of levels: every moment in its cell, gaps as gaps, and no state by colour alone."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from unstick.facts.level import Level
from unstick.facts.place import Place, Stretch, Tick
from unstick.tui.glyphs import replaced
from unstick.tui.terminal import Glyphs
from unstick.views.layout import width_of
from unstick.views.pane import Line
from unstick.views.scrub import AHEAD, GLYPH, caption_height, draw_caption, draw_scrub, scale, scrubbed

T0 = 1_765_335_000.0  # 2025-12-10 02:50:00 UTC
OK, WARNING, CRITICAL, UNKNOWN = Level.OK, Level.WARNING, Level.CRITICAL, Level.UNKNOWN


def text(line: Line) -> str:
    return "".join(span.text for span in line)


STRETCHES = (
    Stretch(T0, T0 + 120, OK),
    Stretch(T0 + 120, T0 + 180, WARNING),
    Stretch(T0 + 180, T0 + 300, CRITICAL),
    Stretch(T0 + 420, T0 + 540, OK),
    Stretch(T0 + 540, T0 + 600, UNKNOWN),
)


def place(seconds: float = 600.0, **more: object) -> Place:
    made = Place("replay", T0, T0, T0 + seconds, surveyed_at=T0 + seconds, stretches=STRETCHES)
    return replace(made, **more)


def test_levels_gaps_ticks_and_where_one_stands_have_their_own_glyphs() -> None:
    ticks = (Tick("mark", T0 + 60, "look"), Tick("action", T0 + 450, "freed"))
    told = text(draw_scrub(place(at=T0 + 240, ticks=ticks), 120, len))
    assert told.startswith(" 2025-12-10 02:50 ")
    assert told.endswith(" 03:00    10m ")
    lay = scale(place(), 120)
    cells = told[len(lay.head) : -len(lay.tail)]
    assert (cells[lay.cell(T0 + 60)], cells[lay.cell(T0 + 450)], cells[lay.cell(T0 + 240)]) == ("◆", "■", "┃")
    levels = text(draw_scrub(place(grows=False, following=True), 120, len))[len(lay.head) : -len(lay.tail)]
    runs = [(glyph, len(list(run))) for glyph, run in itertools.groupby(levels)]
    assert [glyph for glyph, _ in runs] == ["▁", "▅", "█", " ", "▁", "?"]
    for (_, count), share in zip(runs, (120, 60, 120, 120, 120, 60), strict=True):
        assert abs(count - lay.size * share / 600) < 2
    assert len({*GLYPH.values(), AHEAD, " ", "┃", "◆", "■"}) == 9


def test_in_ascii_every_glyph_is_still_another() -> None:
    glyphs = [*GLYPH.values(), AHEAD, " ", "◆", "■"]
    told = [replaced(glyph, Glyphs.ASCII) for glyph in glyphs]
    assert all(glyph.isascii() for glyph in told)
    assert len(set(told)) == len(glyphs)


def test_what_is_not_known_yet_is_neither_well_nor_a_gap() -> None:
    told = text(draw_scrub(place(surveyed_at=T0 + 300, stretches=STRETCHES[:3]), 80, len))
    assert told.count(AHEAD) > 20
    assert not told[told.index(AHEAD) :].strip(AHEAD + " 0123456789:m")


def test_one_who_follows_the_newest_stands_nowhere_else() -> None:
    told = text(draw_scrub(place(name="live", grows=True, following=True), 80, len))
    assert "┃" not in told
    assert "┃" in text(draw_scrub(place(name="live", grows=True), 80, len))


def test_a_line_that_grows_moves_by_whole_cells_and_seldom() -> None:
    def at(seconds: int) -> str:
        stretches = (Stretch(T0, T0 + seconds, OK),)
        return text(draw_scrub(place(seconds, grows=True, following=True, stretches=stretches), 80, len))

    told = [at(seconds) for seconds in range(600, 900)]
    changes = sum(before != after for before, after in itertools.pairwise(told))
    assert changes < 300 / 10 + 10
    assert told[0].rstrip(" 0123456789:m").endswith("▁")


@given(
    st.floats(0, 1e6),
    st.integers(0, 250),
    st.booleans(),
    st.booleans(),
    st.lists(st.tuples(st.floats(-10, 1e6), st.floats(0, 1e5), st.sampled_from(list(Level))), max_size=9),
)
@settings(deadline=None)
def test_it_is_as_wide_as_the_screen(
    seconds: float, width: int, grows: bool, following: bool, runs: list[tuple[float, float, Level]]
) -> None:
    stretches = tuple(Stretch(T0 + begin, T0 + begin + span, level) for begin, span, level in sorted(runs))
    ticks = tuple(Tick("mark", stretch.begin, "x" * 300) for stretch in stretches)
    told = place(seconds, grows=grows, following=following, stretches=stretches, ticks=ticks)
    assert width_of(draw_scrub(told, width, len), len) == width
    for line in draw_caption(told, width, 2, len):
        assert width_of(line, len) == width


@given(st.floats(1, 1e6), st.integers(20, 250), st.booleans(), st.integers(0, 250))
def test_a_click_finds_the_time_of_its_cell(seconds: float, width: int, grows: bool, x: int) -> None:
    told = place(seconds, grows=grows)
    lay = scale(told, width)
    at = scrubbed(told, width, x)
    if at is None:
        assert not len(lay.head) <= x < len(lay.head) + lay.size
        return
    assert T0 <= at <= T0 + seconds
    if T0 < at < T0 + seconds:
        assert lay.cell(at) == x - len(lay.head)


def test_the_caption_is_the_newest_mark_before_where_one_stands() -> None:
    ticks = (Tick("mark", T0 + 60, "it begins"), Tick("mark", T0 + 120, "it ends"))
    assert text(draw_caption(place(at=T0, ticks=ticks), 80, 1, len)[0]).strip() == ""
    assert text(draw_caption(place(at=T0 + 60, ticks=ticks), 80, 1, len)[0]).strip() == "◆ it begins"
    assert text(draw_caption(place(at=T0 + 500, ticks=ticks), 120, 1, len)[0]).strip() == "◆ 02:52:00Z  it ends"


def test_what_is_not_folded_yet_is_said_where_the_length_stands() -> None:
    whole = text(draw_scrub(place(at=T0 + 300), 120, len))
    rough = text(draw_scrub(place(at=T0 + 300, since_at=T0 + 290, folded_at=T0 + 126), 120, len))
    assert whole.endswith("  10m ")
    assert rough.endswith("≈ 42% ")
    assert len(rough) == len(whole)
    assert rough.partition("≈")[0][:-1].rstrip() == whole[:-6].rstrip()


def test_a_caption_that_is_too_long_for_a_line_has_two() -> None:
    long = "Container 8b4f59aa is killed with 15 proxies, and worker b77514be_16 dies with one at once."
    shown = place(at=T0 + 60, ticks=(Tick("mark", T0, "short"), Tick("mark", T0 + 60, long)))
    assert caption_height(shown, 80, len) == 2
    assert caption_height(shown, 120, len) == 1
    lines = [text(line).rstrip() for line in draw_caption(shown, 80, 2, len)]
    assert lines[0].startswith(" ◆ Container")
    assert " ".join(line.strip(" ◆") for line in lines) == long
    assert [text(line).strip() for line in draw_caption(replace(shown, at=T0), 80, 2, len)] == ["", "◆ short"]
    (cut,) = draw_caption(shown, 80, 1, len)
    assert text(cut).endswith("…")
