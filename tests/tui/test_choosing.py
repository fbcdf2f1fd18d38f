"""Commands and themes on the board; what is copied and kept."""

from __future__ import annotations

import asyncio
import base64
import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tui.samples import incident
from tests.tui.stand import Stand, on_stage


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "themes"
    folder.mkdir()
    monkeypatch.setattr("unstick.tui.themes.own_folder", lambda: folder)
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def until(stand: Stand, met: Callable[[], bool]) -> None:
    """Wait for what a thread does beside the screen."""
    for _ in range(600):
        await stand.settle()
        if met():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(stand.text)


def test_a_theme_is_tried_on_kept_or_put_back(own: Path) -> None:
    (own / "mine.toml").write_text('base = "paper"\ntitle = "Mine"')

    async def scenario(stand: Stand) -> None:
        await stand.show(incident())
        await stand.press("t")
        assert "Themes" in stand.text
        assert "mine" in stand.text
        await stand.press("down")
        assert stand.app.painter.theme.name == "harbor"
        await stand.press("escape")
        assert stand.app.painter.theme.name == "midnight"
        assert "Themes" not in stand.text
        await stand.press("t", "down", "down", "enter")
        assert stand.app.painter.theme.name == "ember"
        assert '[screen] theme = "ember"' in stand.lines[-1]
        await stand.press("t", "t")
        assert stand.app.painter.theme.name == "ember"

    on_stage(scenario)


def test_a_bad_theme_is_named_once_and_an_edited_one_worn_anew(own: Path) -> None:
    mine = own / "mine.toml"
    mine.write_text('base = "paper"\n[palette]\nground = "#000001"')
    (own / "bad.toml").write_text('base = "paper"\n[roles]\nok = "greenish"')

    async def scenario(stand: Stand) -> None:
        await stand.show(incident())
        await until(stand, lambda: "theme left out: " in stand.lines[-1])
        assert "bad.toml:3: roles.ok: 'greenish' is no colour" in stand.lines[-1]
        await stand.press("x")
        mine.write_text('base = "paper"\ntitle = "Edited"\n[palette]\nground = "#000002"')
        stand.app.board.tick()
        await stand.settle()
        assert stand.app.painter.theme.grounds["screen"].background == "#000002"
        assert "theme Edited was read again" in stand.lines[-1]
        assert "theme left out" not in stand.text

    on_stage(scenario, (300, 36), theme="mine")


def test_a_command_is_completed_done_and_remembered() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident())
        await stand.press("colon", *"theme", "tab")
        assert stand.app.board.footer.draft is not None
        assert stand.app.board.footer.draft.text == "theme "
        assert "theme midnight" in stand.text
        await stand.press(*"pap", "enter")
        assert stand.app.painter.theme.name == "paper"
        await stand.press("colon")
        assert stand.app.board.front.current is not None
        assert stand.app.board.front.current.key == "0|theme paper"
        await stand.press("escape")
        assert "Commands" not in stand.text
        await stand.press("colon", *"qu", "down", "up", "escape", "colon", *"pane-l", "enter")
        assert stand.app.board.ui.maximised == "locks"

    on_stage(scenario)


def test_the_row_under_the_cursor_is_done_and_nonsense_is_said() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident())
        await stand.press("colon", *"pane-", "down", "down", "enter")
        assert stand.app.board.ui.maximised == "queues"
        await stand.press("colon", *"zzz", "enter")
        assert "there is no command 'zzz'" in stand.lines[-1]
        await stand.press("colon", *"filter", "space", *"def", "enter")
        assert stand.app.board.ui.query == "def"
        await stand.press("colon", *"sort", "space", *"ready", "enter")
        assert stand.app.board.ui.sort_of("queues") is not None
        await stand.press("colon", *"preset", "space", *"what", "enter")
        assert "preset: what flows" in stand.lines[-1]

    on_stage(scenario)


def test_help_explains_the_pane_under_the_cursor_and_f1_tells_the_keys() -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident())
        await stand.press("3", "question_mark")
        assert "The queues of every broker" in stand.text
        await stand.press("escape", "f1")
        assert "The queues of every broker" not in stand.text
        assert "the whole board" in stand.text

    on_stage(scenario)


def test_rows_go_to_the_clipboard_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []

    async def scenario(stand: Stand) -> None:
        monkeypatch.setattr(stand.app, "write", sent.append)
        await stand.show(incident())
        await stand.press("3", "y")
        assert "characters went to the terminal's clipboard" in stand.lines[-1]
        await stand.press("colon", *"copy", "space", *"pane", "enter")
        await stand.press("v", "y")

    on_stage(scenario)
    row, pane, finding = (base64.b64decode(data[7:-1]).decode() for data in sent)
    assert row.startswith("default\t")
    assert len(pane.splitlines()) == 13
    assert finding.startswith("container 8b4f59aa is gone")


def test_rows_and_pictures_are_kept_in_new_files_of_ones_own(here: Path) -> None:
    async def scenario(stand: Stand) -> None:
        await stand.show(incident())
        await stand.press("3", "x", "e")
        await until(stand, lambda: "1 row of Queues: unstick-queues-" in stand.lines[-1])
        await stand.press("colon", *"export", "space", *"json", "enter")
        await until(stand, lambda: ".json" in stand.lines[-1])
        await stand.press("P")
        await until(stand, lambda: "the board: unstick-board-" in stand.lines[-1])

    on_stage(scenario)
    files = {path.suffix: path for path in here.glob("unstick-*")}
    assert set(files) == {".csv", ".json", ".svg", ".txt"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files.values())
    assert files[".csv"].read_text().count("\n") == 2
    assert len(json.loads(files[".json"].read_text())["rows"]) == 1
    assert "default" in files[".svg"].read_text()
    assert "3 Queues" in files[".txt"].read_text()


def test_where_nothing_can_be_written_that_is_said(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    async def scenario(stand: Stand) -> None:
        await stand.show(incident())
        monkeypatch.setattr("unstick.tui.keeping.os.open", refuse)
        await stand.press("P")
        await until(stand, lambda: "the board could not be written: permission denied" in stand.lines[-1])

    on_stage(scenario)
    assert list(here.iterdir()) == []
