"""Bare frames are those that the board draws itself: what it draws over them adds words, and moves no line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.tui.terminals import ROOT
from tests.tui.test_display import Paper
from unstick.tui import bare
from unstick.tui.grid import NAMES
from unstick.tui.options import BoardOptions
from unstick.tui.sketch import Sketch
from unstick.views.screen import PANE_KEYS

SIZES = [(60, 12), (80, 24), (70, 60), (120, 36), (200, 60), (250, 40), (400, 100)]
ENVIRONS = [{"COLORTERM": "truecolor"}, {"COLORTERM": ""}]
EVERY = {"TERM": "xterm-256color", "LANG": "C.UTF-8"}


def test_the_panes_are_those_of_the_views() -> None:
    assert NAMES == PANE_KEYS


@pytest.mark.parametrize("environ", ENVIRONS, ids=["24 bits", "256"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_what_is_drawn_over_them_is_the_board(
    size: tuple[int, int], environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLORTERM", environ["COLORTERM"])
    frames = bare.runs(["live"], size, EVERY | environ)
    sketch, whole, over = Sketch(BoardOptions(context="prod"), *size), Paper(*size), Paper(*size)
    whole.write(sketch.empty().decode())
    over.write(bare.painted(frames).decode())
    added = sketch.over(frames).decode()
    over.write(added)
    assert over.cells() == whole.cells()
    assert not set(added) & set("╭╮╰╯│┏┓┗┛━┃"), "no frame is drawn again"
    assert over.sent < whole.sent * 1.25


@pytest.mark.parametrize("options", [{"theme": "paper"}, {"theme": "mono"}, {"production": True}, {"ascii": True}])
def test_another_look_is_drawn_over_them_too(options: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")
    frames = bare.runs([], (120, 36), EVERY | ENVIRONS[0])
    sketch = Sketch(BoardOptions(context="prod", **options), 120, 36)  # type: ignore[arg-type]
    whole, over = Paper(120, 36), Paper(120, 36)
    whole.write(sketch.empty().decode())
    over.write(bare.painted(frames).decode() + sketch.over(frames).decode())
    assert over.cells() == whole.cells()


@pytest.mark.parametrize(
    ("arguments", "more"),
    [
        (["status"], {}),
        (["live", "--help"], {}),
        (["demo", "--list"], {}),
        (["live", "--theme=paper"], {}),
        (["live"], {"TERM": "screen-256color"}),
        (["live"], {"NO_COLOR": "1"}),
        (["live"], {"LANG": "C"}),
        (["live"], {"TERM": "vt100"}),
    ],
)
def test_where_it_is_no_board_or_may_look_otherwise_there_are_none(
    arguments: list[str], more: dict[str, str]
) -> None:
    assert bare.runs(arguments, (120, 36), EVERY | more) == []


def test_they_wait_for_nothing_to_be_loaded() -> None:
    probe = "import sys; before = set(sys.modules); import unstick.tui.bare; print(sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=True,
        env={"PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    loaded = set(done.stdout.strip("[]\n").replace("'", "").split(", "))
    assert loaded <= {"__future__", "unstick", "unstick.tui", "unstick.tui.bare", "unstick.tui.grid"}
