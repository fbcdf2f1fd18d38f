"""The part of the board that hands out what it shows: to the clipboard, to files, as a picture."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual.widget import Widget

from unstick import clock
from unstick.facts.units import timestamp
from unstick.tui import export
from unstick.tui.svg import svg
from unstick.views.pane import PaneView
from unstick.views.ui import VERDICT

if TYPE_CHECKING:
    from unstick.tui.app import BoardApp
    from unstick.tui.board import BoardScreen
    from unstick.tui.pane import Pane


class Keeping(Widget, inherit_bindings=False):
    """Files go where one works, readable by oneself alone; an existing one is never replaced."""

    def action_copy(self, what: str = "row") -> None:
        """The row, its first cell or the whole pane into the clipboard of the terminal."""
        screen = _screen(self)
        pane = screen.front
        row, view = pane.current, pane.view
        if view is None or row is None:
            screen.say("there is nothing to copy")
            return
        text = {
            "cell": lambda: export.text_of(row.cells[0]) if row.cells else "",
            "pane": lambda: export.pane_text(view, pane.own_rows),
            "row": lambda: export.told(row) if pane.key == VERDICT else export.row_text(row),
        }[what]()
        data, cut = export.clip(text)
        cast("BoardApp", self.app).write(data)
        lost = ", the rest is too long for it" if cut else ""
        screen.say(f"{min(len(text), export.CLIP_LIMIT):,} characters went to the terminal's clipboard{lost}")

    def action_export(self, kind: str = "csv") -> None:
        """The rows that the pane shows, filtered and in order, as a file."""
        pane = _table(_screen(self))
        view, rows = pane.view, pane.own_rows
        if view is None:
            return
        make = export.as_csv if kind == "csv" else export.as_json
        self._keep(f"{view.key}.{kind}", lambda: {kind: make(view, rows)}, _counted(view, len(rows)))

    def action_picture(self) -> None:
        """The whole screen as it is now, as SVG and as text."""
        screen = _screen(self)
        lines = screen.painted()
        title = f"unstick {screen.options.context}"
        width = screen.size.width
        text = "\n".join("".join(segment.text for segment in line).rstrip() for line in lines) + "\n"
        self._keep("board.svg", lambda: {"svg": svg(lines, width, title), "txt": text}, "the board")

    def _keep(self, name: str, make: Callable[[], dict[str, str]], what: str) -> None:
        self.run_worker(self._written(name, make, what), exit_on_error=False)

    async def _written(self, name: str, make: Callable[[], dict[str, str]], what: str) -> None:
        screen = _screen(self)
        instant = (timestamp(clock.now()) or "")[:19].replace("-", "").replace(":", "")
        stem = f"unstick-{name.rpartition('.')[0]}-{instant}Z"
        try:
            paths = await asyncio.to_thread(_write, stem, make)
        except OSError as error:
            screen.say(f"{what} could not be written: {(error.strerror or str(error)).lower()}: {Path.cwd()}")
        else:
            screen.say(f"{what}: {', '.join(paths)}")


def _write(stem: str, make: Callable[[], dict[str, str]]) -> list[str]:
    """Write each text to a new file of this folder; their names."""
    names = []
    for kind, text in make().items():
        name = f"{stem}.{kind}"
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
        names.append(name)
    return names


def _counted(view: PaneView, rows: int) -> str:
    return f"{rows:,} row{'' if rows == 1 else 's'} of {view.title}"


def _table(screen: BoardScreen) -> Pane:
    """The pane of the board that has the focus, whatever lies over it."""
    return screen.pane(screen.ui.focus)


def _screen(widget: Widget) -> BoardScreen:
    return cast("BoardScreen", widget)
