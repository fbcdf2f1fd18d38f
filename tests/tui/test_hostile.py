"""Whatever stands in a fact: the terminal is sent nothing but the board's own sequences, and nothing is done."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.tui import hostility
from tests.tui.hostility import foreign
from tests.tui.terminals import Terminal
from tests.tui.timed import TimedStand, live_on_stage
from unstick.facts.text import clean
from unstick.tui.operator import Actuator, Hands

WORST = (
    "[@click=app.quit]free[/]", "esc\x1b[31mred\x1b[5i", "\x1b]52;c;cm0gLXJm\x07", "c1\x9b5i\x9d0;t\x9c",
    "bidi\u202eabc\u2066", "\x1bcreset\x1bP$qm\x1b\\", "tab\tnew\nline\r\x00\x7f",
)  # fmt: skip
assert foreign("".join(hostility.FOREIGN).encode()), "what is looked for would be found"


def shown(path: Path, size: tuple[int, int], looks: int) -> bytes:
    """What a replay of ``path`` sends while one goes through all panes and pages of every Frame."""
    terminal = Terminal("replay", str(path), size=size, answering=True, command=(sys.executable, "-m", "unstick"))
    try:
        terminal.listens()
        terminal.press(b" ")
        for _ in range(looks):
            for pane in b"12345678v":
                terminal.press(bytes([pane]) + b"\r")
                terminal.read(0.1)
                terminal.press(b"[[0")
            terminal.press(b"?")
            terminal.shows("esc closes")  # what was pressed before has been done
            terminal.press(b"\x1b")
            terminal.until(lambda: not any("esc closes" in line for line in terminal.screen.display), "the board")
            terminal.press(b"\x1b[C")
        terminal.press(b"\x03")
        assert terminal.ended() in {0, 130}
        return terminal.output
    finally:
        terminal.close()


def test_in_every_field_of_a_tape(tmp_path: Path) -> None:
    path = tmp_path / "hostile.tape"
    hostility.taped(path, WORST[:2])
    output = shown(path, (120, 36), 2)
    assert foreign(output) == []
    assert b"^[[31mred" in output


def test_clicks_and_keys_on_a_live_board_do_nothing() -> None:
    clicked(WORST[:1])


def clicked(texts: Sequence[str]) -> None:
    """Click on each of ``texts`` wherever it stands on the board; nothing may come of it."""
    built: list[int] = []
    found: list[str] = []

    def build() -> Actuator:
        built.append(1)
        raise AssertionError

    async def scenario(stand: TimedStand) -> None:
        for frame in hostility.frames(texts):
            stand.tap.came.append(frame)
            stand.tap.waiting.put(frame)
            await stand.shows(len(stand.tap.came) - 1)
            places = {(line.find(clean(frame.context)[:8]) + 3, y) for y, line in enumerate(stand.lines)}
            for x, y in sorted((x, y) for x, y in places if x > 2):
                found.append(frame.context)
                await stand.pilot.click(offset=(x, y))
                assert stand.text.replace("\n", "").isprintable()
            await stand.press("escape", "0")
        assert not stand.app.leaving

    live_on_stage(scenario, hands=Hands(build))
    assert found
    assert built == []


def test_the_sanitiser_leaves_nothing_that_a_terminal_obeys() -> None:
    sanitised(10_000, seed=1)


def sanitised(count: int, seed: int) -> None:
    """What every text becomes is printable, short, and becomes itself again."""
    for text in hostility.mixed(count, seed):
        told = clean(text)
        assert foreign(told.encode()) == [], ascii(text)
        assert clean(told, 10 * len(told)) == told, ascii(text)
