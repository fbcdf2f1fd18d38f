"""What the display sends leaves the very screen that stock Textual leaves, and no byte more than it has to."""

from __future__ import annotations

import asyncio
import os
import random
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pyte
import pytest
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.driver import Driver
from textual.strip import Strip

from tests.tui.samples import STATES, incident
from tests.tui.stand import resized, silent
from unstick import clock
from unstick.tui import private, terminal
from unstick.tui.app import BoardApp
from unstick.tui.cells import cells_of
from unstick.tui.display import Display, ink_of
from unstick.tui.engine import News
from unstick.tui.ink import Ink, Inks
from unstick.tui.opening import Opening
from unstick.tui.options import BoardOptions
from unstick.tui.private import PrivateApp, misfit
from unstick.tui.shadow import Shadow
from unstick.tui.sketch import Sketch
from unstick.tui.terminal import Depth


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands: no age in the header depends on how fast this machine is."""
    monkeypatch.setattr("unstick.tui.board.clock", SimpleNamespace(monotonic=lambda: 0.0))


PRIVATE = re.compile(r"\x1b\[[<>=][0-9;]*[a-z]")


class Paper:
    """A terminal in memory, and how many bytes it was sent."""

    def __init__(self, width: int, height: int) -> None:
        self.screen = pyte.Screen(width, height)
        self.stream = pyte.Stream(self.screen)
        self.screen.reset_mode(pyte.modes.DECAWM)
        self.sent = 0
        self.busy = False

    def write(self, text: str) -> None:
        self.sent += len(text.encode())
        self.stream.feed(PRIVATE.sub("", text).replace("\x1b]22;default\x07", ""))

    def cells(self) -> list[list[tuple[Any, ...]]]:
        """Cells as they are seen: a blank without lines shows its ground alone."""
        lines = []
        for y in range(self.screen.lines):
            row = self.screen.buffer[y]
            lines.append([_seen(row[x]) for x in range(self.screen.columns)])
        return lines


def _seen(char: Any) -> tuple[Any, ...]:
    if char.data == " " and not (char.underscore or char.reverse or char.strikethrough):
        return " ", char.bg
    return tuple(char)


def pretend(paper: Paper) -> type[Driver]:
    """A driver that writes to ``paper`` and says that it is a terminal."""

    class PaperDriver(Driver):
        def write(self, data: str) -> None:
            paper.write(data)

        def start_application_mode(self) -> None: ...
        def disable_input(self) -> None: ...
        def stop_application_mode(self) -> None: ...

    return PaperDriver


def display_on(paper: Paper) -> Display:
    shadow = Shadow(paper.screen.columns, paper.screen.lines, Inks())
    return Display(shadow, Depth.TRUE, lambda data: paper.write(data.decode()), lambda: not paper.busy)


Act = Callable[[BoardApp, Any], Any]


def played(acts: list[Act], *, own: bool, size: tuple[int, int] = (120, 36)) -> tuple[list[Any], Paper]:
    """The screen after every act, and the paper."""
    paper = Paper(*size)
    screens = []

    async def run() -> None:
        app = BoardApp(silent(), BoardOptions(context="prod-eu"), None, pretend(paper))
        if own:
            app.differ = display_on(paper)
        try:
            async with app.run_test(size=size, headless=False) as pilot:
                await calm(pilot)
                for act in acts:
                    done = act(app, pilot)
                    if asyncio.iscoroutine(done):
                        await done
                    await calm(pilot)
                    screens.append(paper.cells())
        finally:
            app.engine.stop()

    asyncio.run(run())
    return screens, paper


async def calm(pilot: Any) -> None:
    """Until nothing is left to paint."""
    screen = pilot.app.screen
    for _ in range(200):
        await pilot.pause(0)
        if not (screen._dirty_widgets or screen._layout_required or screen._repaint_required):
            break
        await asyncio.sleep(0.005)
    await pilot.pause(0)


def news(state: str, tick: int) -> Act:
    return lambda app, _: app.board.receive(News(STATES[state](tick), 0.0, 0.0))


def keys(*names: str) -> Act:
    return lambda _, pilot: pilot.press(*names)


SCENES: dict[str, list[Act]] = {
    "a living incident": [news("incident", tick) for tick in range(40)],
    "states in turn": [news(state, tick) for tick in range(3) for state in STATES],
    "hostile texts": [news("hostile", tick) for tick in range(4)],
    "keys": [
        news("incident", 1), keys("1"), keys("down", "down"), keys("enter"), keys("escape"), keys("0"), keys("x"),
        keys("question_mark"), keys("escape"), keys("t"), keys("t"), keys("t"), keys("t"), keys("t"), keys("t"),
        keys("slash", "w", "e", "b"), keys("enter"), keys("greater_than_sign"), keys("pagedown"), news("incident", 2), keys("ctrl+l"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
@pytest.mark.parametrize("scene", SCENES)
def test_every_frame_leaves_the_screen_that_stock_textual_leaves(scene: str, size: tuple[int, int]) -> None:
    ours, paper = played(SCENES[scene], own=True, size=size)
    stock, stock_paper = played(SCENES[scene], own=False, size=size)
    for nth, (mine, theirs) in enumerate(zip(ours, stock, strict=True)):
        for y, (line, expected) in enumerate(zip(mine, theirs, strict=True)):
            assert line == expected, f"act {nth}, line {y}"
    assert paper.sent < stock_paper.sent / 2


WORDS = ["abc", "漢字", "a漢", "é", "e\u0301x", "─│┌", "   ", "█▓", "x" * 30, "中", " ", "ﾊﾝ"]
STYLES = [
    Style.parse(text)
    for text in ("", "bold", "red", "bold red on blue", "dim", "#102030 on #a0b0c0", "underline", "reverse green",
                 "italic #ffffff", "on #000000", "strike", "bold dim", "blink bright_red", "color(200) on color(17)")
]  # fmt: skip


def some_strip(rng: random.Random, width: int) -> Strip:
    segments = [Segment(rng.choice(WORDS), rng.choice(STYLES)) for _ in range(rng.randint(1, 12))]
    return Strip(segments).adjust_cell_length(width, rng.choice(STYLES))


def test_any_strips_leave_the_screen_that_their_full_rendering_leaves() -> None:
    rng = random.Random(7)
    width, height = 50, 12
    paper, full = Paper(width, height), Paper(width, height)
    display = display_on(paper)
    lines = [some_strip(rng, width) for _ in range(height)]
    for nth in range(400):
        if nth:
            lines[rng.randrange(height)] = some_strip(rng, width)
        if nth % 37 == 36:
            display.forget()
        display.show([(y, 0, [line]) for y, line in enumerate(lines)], synchronized=False)
        full.write("".join(f"\x1b[{y + 1}H{rendered(line)}" for y, line in enumerate(lines)))
        for y, (line, expected) in enumerate(zip(paper.cells(), full.cells(), strict=True)):
            assert line == expected, f"frame {nth}, line {y}: {lines[y]!r}"


def rendered(strip: Strip) -> str:
    return "".join(f"\x1b[0;{style._make_ansi_codes(ColorSystem.TRUECOLOR)}m{text}\x1b[m" if style and style._make_ansi_codes(ColorSystem.TRUECOLOR)
                   else f"\x1b[m{text}" for text, style, _ in strip)  # fmt: skip


@pytest.mark.parametrize("text", ["👩‍👩‍👧", "❤️", "🇩🇪", "👍🏽", "a👩‍🚀b"])
def test_what_terminals_measure_differently_does_not_move_what_follows(text: str) -> None:
    paper = Paper(40, 1)
    display = display_on(paper)
    display.show([(0, 0, [Strip([Segment(text), Segment("|end")]).adjust_cell_length(40)])], synchronized=False)
    shown = paper.screen.display[0]
    column = Strip([Segment(text)]).cell_length
    assert [paper.screen.buffer[0][column + nth].data for nth in range(4)] == list("|end"), shown


SIZES = [(110, 34), (20, 5), (200, 60), (80, 24), (1, 1), (400, 100), (100, 30), (33, 7), (120, 36)]


def test_after_every_new_size_the_screen_is_the_one_that_stock_textual_draws() -> None:
    def screens(*, own: bool) -> list[Any]:
        paper = Paper(90, 30)
        found = []

        async def run() -> None:
            app = BoardApp(silent(), BoardOptions(), None, pretend(paper))
            app.differ = display_on(paper) if own else None
            try:
                async with app.run_test(size=(90, 30), headless=False) as pilot:
                    app.board.receive(News(incident(0), 0.0, 0.0))
                    for size in SIZES:
                        paper.screen.reset()
                        paper.screen.resize(size[1], size[0])
                        await resized(pilot, *size)
                        sent = -1
                        while sent != paper.sent:
                            sent = paper.sent
                            await asyncio.sleep(0.2)
                            await calm(pilot)
                        found.append(paper.cells())
            finally:
                app.engine.stop()

        asyncio.run(run())
        return found

    ours, stock = screens(own=True), screens(own=False)
    for nth, size in enumerate(SIZES):
        assert ours[nth] == stock[nth], size


def test_a_frame_that_changes_nothing_is_no_byte_and_one_cell_is_a_few() -> None:
    paper = Paper(80, 24)
    display = display_on(paper)
    line = Strip([Segment("x" * 80, Style.parse("bold red"))])
    display.show([(5, 0, [line])], synchronized=True)
    before = paper.sent
    display.show([(5, 0, [line])], synchronized=True)
    assert paper.sent == before
    other = Strip([Segment("x" * 40 + "y" + "x" * 39, Style.parse("bold red"))])
    display.show([(5, 0, [other])], synchronized=False)
    assert paper.sent - before == len("\x1b[6;41H\x1b[0;1;31my")


def test_a_short_gap_is_written_again_if_that_costs_no_style() -> None:
    for gap_tone, expected in ((1, "\x1b[H\x1b[0;31mxbby"), (2, "\x1b[H\x1b[0;31mx\x1b[2Cy")):
        shadow = Shadow(4, 1, Inks())
        assert [shadow.inks.number(Ink(color)) for color in ("31", "32")] == [1, 2]
        shadow.put(0, 0, list("abba"), [1, gap_tone, gap_tone, 1])
        shadow.take()
        shadow.put(0, 0, list("xbby"), [1, gap_tone, gap_tone, 1])
        assert shadow.take() == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (Ink("31"), Ink("32"), "\x1b[32m"),
        (Ink("31", "44"), Ink(), "\x1b[m"),
        (Ink("31", attributes=3), Ink("31", attributes=2), "\x1b[22;2m"),
        (Ink("38;2;1;2;3", "48;2;1;2;3", 1), Ink("38;2;1;2;3", "48;2;1;2;3"), "\x1b[22m"),
        (Ink(attributes=64), Ink("31", attributes=64), "\x1b[31m"),
    ],
)
def test_a_change_of_ink_is_the_shortest(old: Ink, new: Ink, expected: str) -> None:
    inks = Inks()
    assert inks.change(inks.number(old), inks.number(new)) == expected


def test_blanks_that_look_the_same_are_the_same() -> None:
    inks = Inks()
    red, blue = inks.number(Ink("31", "44", 1)), inks.number(Ink("32", "44"))
    assert inks.blank(red) == inks.blank(blue)
    lined = inks.number(Ink("31", attributes=8))
    assert inks.blank(lined) == lined


@pytest.mark.parametrize("depth", Depth)
def test_colours_never_exceed_what_the_terminal_has(depth: Depth) -> None:
    ink = ink_of(Style.parse("#a1b2c3 on bright_blue"), depth)
    assert {Depth.TRUE: "38;2;", Depth.MANY: "38;5;", Depth.FEW: ""}[depth] == ink.color[:5] * (depth != Depth.FEW)
    assert ink.background == "104"


def test_cells_are_as_many_as_the_compositor_counts() -> None:
    for text in [*WORDS, "👩‍👩‍👧", "\u0301lone", "a\u200bb", "", "❤️x"]:
        assert len(cells_of(text)) == Strip([Segment(text)]).cell_length, text


def test_on_a_terminal_that_erases_in_its_own_ink_blanks_are_written() -> None:
    shadow = Shadow(40, 1, Inks(), erases=False)
    ground = shadow.inks.number(Ink(background="44"))
    shadow.put(0, 0, [" "] * 40, [ground] * 40)
    assert shadow.take() == "\x1b[H\x1b[0;44m" + " " * 40


def test_while_the_terminal_is_busy_nothing_is_composed_and_then_the_newest() -> None:
    async def act(app: BoardApp, pilot: Any) -> None:
        paper.busy = True
        composed = paper.sent
        for tick in range(1, 9):
            app.board.receive(News(incident(tick), 0.0, 0.0))
            await calm(pilot)
        assert paper.sent == composed
        assert app.board.held
        paper.busy = False
        app.caught_up()

    paper = Paper(120, 36)

    async def run() -> list[Any]:
        app = BoardApp(silent(), BoardOptions(context="prod-eu"), None, pretend(paper))
        app.differ = display_on(paper)
        try:
            async with app.run_test(size=(120, 36), headless=False) as pilot:
                app.board.receive(News(incident(0), 0.0, 0.0))
                await calm(pilot)
                await act(app, pilot)
                await calm(pilot)
                return paper.cells()
        finally:
            app.engine.stop()

    assert asyncio.run(run()) == played([news("incident", 0), news("incident", 8)], own=False)[0][-1]


@pytest.mark.parametrize("size", [(200, 60), (120, 36), (80, 24), (20, 5)])
@pytest.mark.parametrize(
    "environ", [{}, {"NO_COLOR": "1"}, {"COLORTERM": ""}, {"COLORTERM": "", "TERM": "xterm", "LANG": "C"}]
)
@pytest.mark.parametrize("state", ["nothing yet", "incident", "hostile"])
def test_the_first_paint_of_the_board_changes_nothing_of_what_was_drawn_before_it(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], environ: dict[str, str], state: str
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    paper = Paper(*size)
    options = BoardOptions(context="prod-eu", production=True)

    async def run() -> None:
        sketch = Sketch(options, *size)
        paper.write(sketch.empty().decode())
        engine = silent()
        if state in STATES:
            told = STATES[state](0)
            paper.write(sketch.draw(told).decode())
            engine._news = News(told, 0.0, clock.monotonic())
        app = BoardApp(engine, options, None, pretend(paper))
        app.differ = Display(
            sketch.shadow, terminal.depth(os.environ), lambda data: paper.write(data.decode()), lambda: True
        )
        try:
            async with app.run_test(size=size, headless=False) as pilot:
                await calm(pilot)
                assert app.differ.sent == 0, f"{app.differ.sent} bytes"
        finally:
            app.engine.stop()

    asyncio.run(run())


def test_another_textual_is_noticed_and_its_own_display_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        app = BoardApp(silent(), BoardOptions())
        assert misfit(cast("App[Any]", app)) is None

        def other(self: object, screen: object, update: object) -> None: ...

        monkeypatch.setattr(private, "_SIGNATURES", ((other, ("self", "screen", "renderable")),))
        assert "other has other parameters" in (misfit(app) or "")
        given: list[str] = []
        opening = Opening()
        opening.tty, opening._sketch = cast("Any", object()), Sketch(BoardOptions(), 1, 1)
        monkeypatch.setattr(opening, "give_up", lambda: given.append("up"))
        second = BoardApp(silent(), BoardOptions(), opening)
        assert given == ["up"]
        assert second.differ is None
        assert isinstance(second, PrivateApp)

    asyncio.run(run())
