"""The part of the board that acts: arms it, asks, and shows what came of it. What is done, the operator does."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.widget import Widget

from unstick.facts.actions import Order, Plan
from unstick.tui import bands, export, places
from unstick.tui.commands import OWN
from unstick.tui.dialog import Dialog
from unstick.tui.keys import key_label
from unstick.tui.operator import Job, Stage
from unstick.tui.paint import measure
from unstick.tui.sheet import Sheet, height_of
from unstick.views import asked
from unstick.views.pages import page_key
from unstick.views.scope import order_of, own_order, widened

if TYPE_CHECKING:
    from collections.abc import Callable

    from unstick.tui.app import BoardApp
    from unstick.tui.board import BoardScreen
    from unstick.tui.operator import Operator

_ARM = "arm"
_AGAIN_S = 0.05


class Acting(Widget, inherit_bindings=False):
    """Knows which dialog is shown: that of arming, or that of the action under way."""

    def __init__(self) -> None:
        super().__init__()
        self.dialog = Dialog(self._answered, self._when_painted)
        self._arming = 0
        self._hidden = 0
        self._was_armed = False

    @property
    def operator(self) -> Operator:
        """Who acts."""
        return cast("BoardApp", self.app).operator

    def action_arm(self) -> None:
        """Read only, or not: asks first."""
        operator = self.operator
        if operator.refused:
            self._say(operator.refused)
        elif operator.armed:
            operator.disarm()
            self.follow_action()
        else:
            self._arming += 1
            self.follow_action()

    def action_act(self, action: str) -> None:
        """Plan an action for what is under the cursor; nothing is changed before it was agreed to."""
        if not (why := self._forbidden):
            self._plan_it(order_of(action, self._under_cursor, _screen(self).told.board))
        else:
            self._say(why)

    def action_own(self) -> None:
        """List the actions of one's own, to choose one."""
        screen = _screen(self)
        if why := self._forbidden or ("" if screen.options.own else "no [[actions.own]] is configured"):
            self._say(why)
        else:
            screen.action_command(f"{OWN} ")

    def act_own(self, name: str) -> None:
        """Plan an action of one's own for what is under the cursor."""
        screen = _screen(self)
        found = next((one for one in screen.options.own if one.name == name), None)
        if why := self._forbidden or ("" if found else f"no action of your own is called {name}"):
            self._say(why)
        elif found is not None:
            order = own_order(found, self._under_cursor, screen.told.board)
            self._say(order) if isinstance(order, str) else self._plan_it(order)

    @property
    def _forbidden(self) -> str:
        """Why nothing may be planned; empty when it may."""
        operator = self.operator
        if operator.refused or operator.armed:
            return operator.refused
        return f"read only: {key_label(_ARM, _screen(self).options.keys)} arms the actions"

    @property
    def _under_cursor(self) -> str | None:
        """The key of the page that is open, or that the row under the cursor would open."""
        screen = _screen(self)
        row, pane = screen.front.current, screen.front
        return screen.ui.trail.shown or (page_key(pane.key, row) if row is not None else None)

    def _plan_it(self, order: Order) -> None:
        self._hidden = 0
        self._say(self.operator.begin(order))

    def _say(self, words: str) -> None:
        screen = _screen(self)
        screen.notice = words
        self.follow_action()

    def follow_action(self) -> None:
        """Show what the action under way has come to, and whether the board is armed."""
        screen, open_before, high = _screen(self), self.dialog.is_open, self._high()
        armed = self.operator.armed
        if self._was_armed and not armed and not screen.notice:
            screen.notice = "read only again"
        self._was_armed = armed
        self.dialog.tell(self._sheet())
        if self.dialog.is_open != open_before or self._high() != high:
            screen.rearrange()
            screen.show_picture()
        else:
            screen.draw_bands()

    def tick_action(self) -> None:
        """Ages of the plan and of the arming go on."""
        if self._was_armed or self.dialog.is_open or self.operator.armed:
            self.follow_action()

    def _high(self) -> int:
        screen, sheet = _screen(self), self.dialog.sheet
        return height_of(sheet, places.overlay(*screen.size, 0).width, measure) if sheet is not None else 0

    def _sheet(self) -> Sheet | None:
        job, options = self.operator.job, _screen(self).options
        if self._arming and not self.operator.armed:
            return asked_to_arm(self._arming, options.context, production=options.production)
        if job is None or job.stage is Stage.PLANNING or (job.stage is Stage.APPLYING and job.number == self._hidden):
            return None
        return sheet_of(job, self.operator.age_s)

    def _answered(self, key: str, answer: str) -> None:
        job = self.operator.job
        if key.startswith(_ARM):
            self._arming = 0
            if answer == _ARM:
                self.operator.arm()
                self.operator.recover()
        elif job is not None:
            self._decided(job, answer)
        self.follow_action()

    def _decided(self, job: Job, answer: str) -> None:
        screen, plan = _screen(self), job.plan
        if answer in ("y", "copy"):
            cast("BoardApp", self.app).write(export.clip(asked.text_of(job.receipts))[0])
            screen.notice = "the receipt went to the terminal's clipboard"
        elif answer == "a" and job.order is not None and (whole := widened(job.order)) is not None:
            screen.notice = self.operator.begin(whole)
        elif answer == "apply" and plan is not None:
            self._apply(plan, job.edition)
        elif job.stage is Stage.APPLYING:
            self._hidden = job.number
        else:
            self.operator.drop()

    def _apply(self, plan: Plan, edition: int) -> None:
        sheet = self.dialog.sheet
        wanted = sheet.wanted if sheet is not None else ""
        if sheet is None or sheet.edition != edition:
            _screen(self).notice = "it has changed: look again"
        elif self.dialog.typed_count != wanted:
            _screen(self).notice = f"type {wanted} to agree"
        else:
            _screen(self).notice = self.operator.apply(plan, int(wanted) if wanted else None)

    @property
    def signs(self) -> tuple[str, str]:
        """What the header says: that the board is armed, and what is under way."""
        job, operator = self.operator.job, self.operator
        armed = ""
        if operator.armed:
            left = operator.left_s
            armed = "ARMED" if left == float("inf") else f"ARMED {bands.span_of(int(left))}"
        busy = ""
        if job is not None and job.order is not None and job.stage in (Stage.PLANNING, Stage.APPLYING):
            busy = asked.busy(job.order, applying=job.stage is Stage.APPLYING)
        return armed, busy

    def _when_painted(self, then: Callable[[], None]) -> None:
        """Call ``then`` when what was drawn is on the terminal, as far as that can be known."""

        def look() -> None:
            screen = _screen(self)
            display = cast("BoardApp", self.app).differ
            if screen.held or (display is not None and not display.ready):
                self.set_timer(_AGAIN_S, look)
            else:
                then()

        self.call_after_refresh(look)


def asked_to_arm(number: int, context: str, *, production: bool) -> Sheet:
    """The dialog that asks whether keys may act from now on."""
    return Sheet(
        f"{_ARM}:{number}",
        0,
        asked.ARMING,
        asked.level_of(production=production),
        asked.arming(context, production=production),
        buttons=(("cancel", "Cancel"), (_ARM, "Arm")),
    )


def sheet_of(job: Job, age_s: float) -> Sheet:
    """The dialog of the action under way."""
    key = f"{job.number}:{job.stage}"
    title = asked.title(job.order)
    if job.stage is Stage.TOLD:
        body = asked.told(job.receipts, job.trouble)
        keys = (("y", "copies"),) if job.receipts else ()
        buttons = (("cancel", "Close"), *((("copy", "Copy"),) if job.receipts else ()))
        return Sheet(key, 0, title, asked.worst_of(job.receipts, job.trouble), body, (), buttons, keys=keys)
    plan = job.plan
    body = asked.preview(plan, age_s, job.trouble)
    if job.stage is Stage.APPLYING:
        return Sheet(key, 0, title, asked.level_of(plan), body, asked.APPLYING, (("cancel", "Hide"),))
    asks = plan is not None and not job.trouble and asked.may(plan)
    wide = (("a", "for all"),) if job.order is not None and widened(job.order) is not None else ()
    buttons = (("cancel", "Cancel"), ("apply", "Apply")) if asks else (("cancel", "Close"),)
    says = asked.says(plan if asks else None, changed=job.edition > 1)
    wanted = asked.wanted(plan) if asks and plan is not None else ""
    return Sheet(key, job.edition, title, asked.level_of(plan), body, says, buttons, wanted, wide)


def _screen(widget: Widget) -> BoardScreen:
    return cast("BoardScreen", widget)
