"""From the board of each incident an operator gets to cause, blast radius and mending in at most three keystrokes."""

from __future__ import annotations

import pytest

from tests.docs.pages import ROOT
from tests.docs.stage import moment, played, pressed
from tests.docs.tasks import MOST, SIZES, TASKS, Task
from tests.tui.stand import Stand
from unstick.tui.options import BoardOptions


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.page)
def test_cause_radius_and_mending_are_a_few_keystrokes_away(task: Task, size: tuple[int, int]) -> None:
    assert len(task.keys) <= MOST
    before = pressed(task.keys)

    async def scenario(stand: Stand) -> None:
        await before(stand)
        text = " ".join(" ".join(line.strip("┃│█ ").split()) for line in stand.lines)
        for words in (task.cause, task.radius, task.mend):
            assert words in text, stand.text

    played(moment(task.tape, task.second), scenario, size, BoardOptions(context="lab"))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.page)
def test_each_incident_has_its_page_and_each_page_says_what_the_board_says(task: Task) -> None:
    text = (ROOT / "docs" / "tasks" / f"{task.page}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {task.title}\n")
    assert f"unstick demo {task.tape}" in text
    assert f"{len(task.keys)} keystroke" in text
