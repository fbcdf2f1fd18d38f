"""The part of the board that keys steer: which pane, which row, in which order, one step back."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from msgspec.structs import replace
from textual.widget import Widget

from unstick.tui.choosing import THEMES
from unstick.views import ui as choices
from unstick.views.pages import page_key
from unstick.views.screen import PANE_KEYS
from unstick.views.shelf import KEY as SHELF

if TYPE_CHECKING:
    from unstick.tui.board import BoardScreen


class Steering(Widget, inherit_bindings=False):
    """Every key makes another ``UiState``, and the board follows from it."""

    def __init__(self) -> None:
        super().__init__()
        self.ui = choices.UiState()
        self.single = PANE_KEYS[0]
        """The pane that is seen where only one fits."""

    def change(self, ui: choices.UiState, *, layout: bool = True) -> None:
        """Another choice: everything that depends on it is drawn."""
        screen = _screen(self)
        self.ui = ui
        screen.notice = ""
        if ui.focus in PANE_KEYS:
            self.single = ui.focus
        if layout:
            screen.rearrange()
        screen.show_picture()

    def action_pane(self, key: str) -> None:
        """A pane alone, or the board again; where only one fits, that pane."""
        screen = _screen(self)
        screen.overlay.close()
        self.ui = replace(self.ui, wall=False)
        if self.ui.trail.shown is not None:
            self.change(replace(choices.focus_on(self.ui, key), trail=choices.Trail(), maximised=key))
        elif screen.plan(self.size) is None and key != choices.VERDICT:
            self.change(replace(choices.focus_on(self.ui, key), maximised=None))
        else:
            self.change(choices.toggle_maximised(self.ui, key))

    def action_board(self) -> None:
        """The whole board."""
        _screen(self).overlay.close()
        self.change(replace(self.ui, maximised=None, trail=choices.Trail(), wall=False))

    def action_preset(self) -> None:
        """The next preset."""
        presets = _screen(self).presets
        self.take_preset(presets[(self.ui.preset + 1) % len(presets)].name)

    def take_preset(self, name: str) -> None:
        """The board that ``name`` describes."""
        screen = _screen(self)
        screen.overlay.close()
        number = next((nth for nth, preset in enumerate(screen.presets) if preset.name == name), None)
        if number is None:
            screen.say(f"there is no preset '{name}'")
            return
        preset = screen.presets[number]
        for key, pane in screen.panes.items():
            pane.columns = tuple(preset.columns.get(key, "").split())
            pane.draw()
        first = preset.rows[0].split()[0] if preset.rows else self.ui.focus
        ui = choices.focus_on(self.ui, first)
        self.change(replace(ui, preset=number, maximised=None, trail=choices.Trail()))
        screen.say(f"preset: {preset.name}")

    def action_focus_pane(self, step: int) -> None:
        """The next or previous pane; on a page the next thing that leads on."""
        screen = _screen(self)
        if screen.front is screen.facts:
            screen.next_jump(step)
            return
        screen.overlay.close()
        plan = None if self.ui.maximised else screen.plan(self.size)
        panes = PANE_KEYS if plan is None else tuple(key for row in plan.rows for key in row)
        self.change(choices.move_focus(self.ui, step, (choices.VERDICT, *panes)))

    def action_move(self, step: int) -> None:
        """The cursor, row by row."""
        _screen(self).front.move(step)
        _screen(self).cursor_moved()

    def action_page(self, direction: int) -> None:
        """The cursor, page by page."""
        _screen(self).front.page(direction)
        _screen(self).cursor_moved()

    def action_edge(self, direction: int) -> None:
        """The cursor to the first or last row."""
        _screen(self).front.edge(direction)
        _screen(self).cursor_moved()

    def action_sort(self) -> None:
        """Order by the next column of the focused pane."""
        view = _screen(self).panes[self.ui.focus].view
        if view is not None:
            self.change(choices.next_sort(self.ui, view.key, view.columns), layout=False)

    def action_invert(self) -> None:
        """The other direction."""
        self.change(choices.invert_sort(self.ui, self.ui.focus), layout=False)

    def action_faults(self) -> None:
        """Only rows that are not well."""
        self.change(replace(self.ui, faults_only=not self.ui.faults_only), layout=False)

    def action_open(self) -> None:
        """Everything known of the row under the cursor; on a page of choices, choose."""
        screen = _screen(self)
        row, pane = screen.front.current, screen.front
        if screen.shows(THEMES):
            screen.keep_theme()
        elif row is not None and screen.shows(SHELF):
            name = row.key
            screen.action_close()
            screen.wish(lambda cursor: cursor.choose(name))
        elif row is not None and not screen.overlay.is_open:
            screen.open_page(row.jump if pane is screen.facts else page_key(pane.key, row))

    def action_back(self) -> None:
        """One step back: page, big type, filter, faults only, maximised pane."""
        screen = _screen(self)
        if screen.shows(THEMES):
            screen.give_up_theme()
        elif screen.overlay.is_open:
            screen.action_close()
        elif self.ui.trail.shown is not None:
            screen.action_page_back()
        elif self.ui.wall:
            self.change(replace(self.ui, wall=False))
        elif self.ui.query:
            self.change(replace(self.ui, query=""), layout=False)
        elif self.ui.faults_only:
            self.change(replace(self.ui, faults_only=False), layout=False)
        else:
            self.change(replace(self.ui, maximised=None))


def _screen(part: Steering) -> BoardScreen:
    return cast("BoardScreen", part)
