"""Actions on the board: who may press, what is asked, and that nothing is done that was not agreed to on sight."""

from __future__ import annotations

import asyncio
import base64
import itertools
import random
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from textual import events

from tests.tui.samples import incident
from tests.tui.stand import Stand, silent
from tests.tui.timed import TimedStand, live_on_stage, tape_on_stage
from tests.unit.tapes import META, taped
from unstick.facts.actions import (
    Confirmation,
    DrainLocks,
    FreeProxies,
    Order,
    Outcome,
    OwnAction,
    Plan,
    Receipt,
    Result,
    Server,
    State,
    Target,
)
from unstick.secret import Url
from unstick.settings import Own
from unstick.tape.event import ACTION
from unstick.tape.reader import Tape
from unstick.tape.writer import Writer
from unstick.tui import dialog as dialogs
from unstick.tui import operator as operators
from unstick.tui.app import BoardApp
from unstick.tui.board import BoardScreen
from unstick.tui.keys import REGISTRY
from unstick.tui.operator import Hands, Operator, Stage
from unstick.tui.options import BoardOptions


class FakeGate:
    """Plans what the test says, and applies what it is given: once per plan."""

    def __init__(self) -> None:
        self.targets = tuple(target(number) for number in range(3))
        self.more: dict[str, object] = {}
        self.planned: list[Order] = []
        self.applied: list[tuple[Plan, Confirmation]] = []
        self.receipts: dict[str, Receipt] = {}
        self.left_over: list[Receipt] = []
        self.may_end = threading.Event()
        self.may_end.set()
        self.closed = False
        self.thread = ""

    async def plan(self, order: Order) -> Plan:
        self.planned.append(order)
        self.thread = threading.current_thread().name
        servers = (Server("PostgreSQL", "db-1:5432/shop", "operator", "7301"),)
        plan = Plan(f"p{len(self.planned)}", order, "prod-eu", False, servers, 0.0, 60.0, self.targets, cap=50)
        return msgspec.structs.replace(plan, **self.more)

    async def apply(self, plan: Plan, confirmation: Confirmation) -> Receipt:
        task = asyncio.ensure_future(self._apply(plan, confirmation))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait({task})
            raise

    async def _apply(self, plan: Plan, confirmation: Confirmation) -> Receipt:
        if plan.id not in self.receipts:
            self.applied.append((plan, confirmation))
            while not self.may_end.is_set():
                await asyncio.sleep(0.005)
            self.receipts[plan.id] = receipt(plan)
        return self.receipts[plan.id]

    async def recover(self) -> list[Receipt]:
        return self.left_over

    async def close(self) -> None:
        self.closed = True


def target(number: int) -> Target:
    return Target("proxy", "proxies", str(number), "[/x]8b4f59aa_1", "is freed", ("no processing task",))


def receipt(plan: Plan) -> Receipt:
    results = [Result("proxy", "proxies", one.id, one.holder, State.DONE, "freed") for one in plan.targets[:-1]] + [
        Result("proxy", "proxies", plan.targets[-1].id, "", State.GONE, "the row is gone")
    ]
    return Receipt(plan.id, plan.order, plan.context, plan.servers, Outcome.PARTIAL, 100.0, "2 freed", tuple(results))


class ActingStand(Stand):
    """A stand that knows the gate and the operator behind the board."""

    def __init__(self, stand: Stand, gate: FakeGate) -> None:
        super().__init__(stand.app, stand.pilot)
        self.gate = gate

    async def until(self, met: Callable[[], object]) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + 60
        while not met():
            assert loop.time() < end, self.text
            await self.pilot.pause(0.01)
        await self.settle()

    async def asked(self) -> None:
        """Until the dialog is there, and what is typed counts."""
        await self.until(lambda: self.app.board.dialog.is_open and self.app.board.dialog.heeds)

    async def told(self) -> None:
        await self.until(lambda: self.stage is Stage.TOLD)
        await self.asked()

    @property
    def stage(self) -> Stage | None:
        job = self.app.operator.job
        return job.stage if job else None


def acting(
    scenario: Callable[[ActingStand], Awaitable[None]],
    gate: FakeGate | None = None,
    *,
    operate: bool = True,
    refused: str = "",
    size: tuple[int, int] = (120, 36),
    own: tuple[Own, ...] = (),
) -> FakeGate:
    """Run ``scenario`` against a board with a gate."""
    fake = gate or FakeGate()

    async def run() -> None:
        engine = silent()
        operator = Operator(engine, Hands(lambda: fake, refused, operate))
        app = BoardApp(engine, BoardOptions(context="prod-eu", own=own), operator=operator)
        try:
            async with app.run_test(size=size) as pilot:
                stand = ActingStand(Stand(app, pilot), fake)
                await stand.show(incident())
                await scenario(stand)
                assert app.crash is None
        finally:
            engine.stop(30.0)

    asyncio.run(run())
    return fake


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests need not wait as long as people."""
    monkeypatch.setattr(dialogs, "QUIET_S", 0.05)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans are made anew all the time."""
    monkeypatch.setattr(operators, "EVERY_S", 0.02)


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
def test_what_is_asked_is_seen_and_agreed_to_by_tab_and_enter(size: tuple[int, int]) -> None:
    async def scenario(stand: ActingStand) -> None:
        assert "ARMED" in stand.lines[0]
        assert "F free proxies" in stand.lines[-1]
        await stand.press("F")
        await stand.asked()
        for words in ("free proxies of all", "db-1:5432/shop", "proxy 1 of [/x]8b4f59aa_1", "no processing task"):
            assert words in stand.text
        assert "Change 3 proxies?" in stand.text
        assert "▌ Cancel ▐" in stand.text
        await stand.press("tab")
        assert "▌ Apply ▐" in stand.text
        await stand.press("enter")
        await stand.told()
        assert "partial: 2 freed" in stand.text
        assert "the row is gone" in stand.text
        written: list[bytes] = []
        stand.app.write = written.append  # type: ignore[method-assign, assignment]
        await stand.press("y")
        assert b"partial: 2 freed" in base64.b64decode(written[0].rpartition(b";")[2].rstrip(b"\a"))
        assert "clipboard" in stand.lines[-1]
        await stand.press("escape")
        assert not stand.app.board.dialog.is_open

    gate = acting(scenario, size=size)
    assert [plan.order for plan, _ in gate.applied] == [FreeProxies()]
    assert gate.applied[0][1] == Confirmation()
    assert gate.thread == "unstick-engine"
    assert gate.closed


def test_focus_is_on_cancel_and_nothing_is_done_by_it() -> None:
    async def scenario(stand: ActingStand) -> None:
        for key in ("enter", "space", "escape"):
            await stand.press("F")
            await stand.asked()
            await stand.press(key)
            assert not stand.app.board.dialog.is_open
            assert stand.stage is None

    assert acting(scenario).applied == []


def test_what_was_typed_before_the_dialog_was_seen_does_not_count() -> None:
    async def scenario(stand: ActingStand) -> None:
        await stand.press("F")
        await stand.asked()
        dialog = stand.app.board.dialog
        dialog._heeds_at = None  # as if the terminal had not taken it yet
        assert not dialog.heeds
        await stand.press("tab", "enter", "y", "escape", "tab", "enter")
        assert dialog.focus_at == 0
        dialog._seen(dialog._asked)
        painted = (dialog._heeds_at or 0.0) - dialogs.QUIET_S
        assert dialog._too_early(painted - 1.0)
        assert dialog._too_early(painted + dialogs.QUIET_S / 2)
        assert dialog._too_early(painted + dialogs.QUIET_S * 1.4), "what is typed meanwhile begins that time anew"
        assert not dialog._too_early(painted + dialogs.QUIET_S * 3)
        assert dialog.is_open
        await stand.asked()
        await stand.press("tab")
        assert dialog.focus_at == 1

    assert acting(scenario).applied == []


def test_keys_that_come_in_one_burst_confirm_nothing() -> None:
    async def scenario(stand: ActingStand) -> None:
        burst = [events.Key(key, key if len(key) == 1 else None) for key in ("F", *["tab", "enter", "3"] * 20)]
        stand.app.post_message(burst[0])
        await stand.until(lambda: stand.app.board.dialog.is_open)
        for event in burst[1:]:
            stand.app.post_message(event)
        await stand.asked()
        assert stand.app.board.dialog.focus_at == 0

    assert acting(scenario).applied == []


@pytest.mark.parametrize("more", [{"production": True}, {"cap": 2}])
def test_where_it_matters_the_count_is_typed(more: dict[str, object]) -> None:
    async def scenario(stand: ActingStand) -> None:
        stand.gate.more = more
        await stand.press("F")
        await stand.asked()
        assert "Type 3 to change 3 proxies" in stand.text
        assert "0-9 types the count  tab chooses  enter presses" in stand.lines[-1]
        await stand.press("tab", "enter")
        assert stand.stage is Stage.ASKING
        await stand.press("4", "enter", "backspace", "3")
        assert stand.gate.applied == []
        assert "count: 3" in stand.text
        await stand.press("enter")
        await stand.told()

    gate = acting(scenario)
    assert [confirmation.count for _, confirmation in gate.applied] == [3]


@pytest.mark.usefixtures("often")
def test_a_plan_that_changed_must_be_agreed_to_anew() -> None:
    async def scenario(stand: ActingStand) -> None:
        await stand.press("F")
        await stand.asked()
        looks = len(stand.gate.planned)
        await stand.press("tab")
        await stand.until(lambda: len(stand.gate.planned) > looks + 3)
        assert stand.app.board.dialog.focus_at == 1, "an equal plan takes nothing back"
        stand.gate.targets = (*stand.gate.targets, target(9))
        await stand.until(lambda: "it has changed meanwhile" in stand.text)
        assert stand.app.board.dialog.focus_at == 0
        assert "Change 4 proxies?" in stand.text
        await stand.asked()
        await stand.press("tab", "enter")
        await stand.told()

    gate = acting(scenario)
    assert [len(plan.targets) for plan, _ in gate.applied] == [4]


def test_a_plan_that_was_not_shown_yet_is_not_agreed_to() -> None:
    async def scenario(stand: ActingStand) -> None:
        await stand.press("F")
        await stand.asked()
        await stand.press("tab")
        operator = stand.app.operator
        operator.changed = lambda: None  # the screen has not heard of it
        job = operator.job
        assert job is not None
        assert job.plan is not None
        operator._planned(job.number, msgspec.structs.replace(job.plan, targets=(target(9),)), soon=False)
        await stand.press("enter")
        assert stand.stage is Stage.ASKING
        assert "it has changed" in stand.text
        assert stand.app.board.dialog.focus_at == 0

    assert acting(scenario).applied == []


@pytest.mark.usefixtures("often")
def test_only_the_plan_that_is_shown_is_applied() -> None:
    async def scenario(stand: ActingStand) -> None:
        await stand.press("F")
        await stand.asked()
        job = stand.app.operator.job
        assert job is not None
        assert job.plan is not None
        older = msgspec.structs.replace(job.plan, id="older")
        assert stand.app.operator.apply(older, None) == "it has changed: look again"
        assert stand.stage is Stage.ASKING
        await stand.press("escape")
        assert stand.app.operator.apply(job.plan, None) == "it has changed: look again"

    assert acting(scenario).applied == []


def test_a_server_that_does_not_answer_leaves_nothing_to_agree_to() -> None:
    async def scenario(stand: ActingStand) -> None:
        await stand.press("F")
        await stand.asked()
        stand.gate.plan = broken  # type: ignore[method-assign]
        await stand.until(lambda: "no plan now" in stand.text)
        assert "hunter2" not in stand.text
        assert "Apply" not in stand.text
        await stand.asked()
        await stand.press("tab", "enter")

    async def broken(order: Order) -> Plan:
        raise ValueError(f"hunter2 {order}")

    assert acting(scenario).applied == []


def test_what_is_refused_is_told_with_its_reason() -> None:
    async def scenario(stand: ActingStand) -> None:
        stand.gate.more = {"targets": (), "refused": "the table proxies is not there"}
        await stand.press("F")
        await stand.asked()
        assert "the table proxies is not there" in stand.text
        assert "Apply" not in stand.text

    assert acting(scenario).applied == []


def test_what_is_in_flight_can_be_hidden_and_comes_back() -> None:
    async def scenario(stand: ActingStand) -> None:
        stand.gate.may_end.clear()
        await stand.press("F")
        await stand.asked()
        await stand.press("tab", "enter")
        await stand.until(lambda: "applying…" in stand.text)
        await stand.asked()
        await stand.press("escape")
        assert not stand.app.board.dialog.is_open
        assert "APPLYING free proxies" in stand.lines[0]
        await stand.press("D")
        assert "is under way" in stand.lines[-1]
        stand.gate.may_end.set()
        await stand.told()
        assert "partial: 2 freed" in stand.text

    assert len(acting(scenario).applied) == 1


def test_an_exit_waits_for_what_is_in_flight_and_says_what_came_of_it() -> None:
    async def scenario(stand: ActingStand) -> None:
        stand.gate.may_end.clear()
        await stand.press("F")
        await stand.asked()
        await stand.press("tab", "enter")
        await stand.until(lambda: stand.gate.applied)
        operators_of.append(stand.app.operator)
        stand.app.leave(0)
        await asyncio.to_thread(stand.app.engine.stop, 0.2)
        assert not stand.gate.closed
        stand.gate.may_end.set()

    operators_of: list[Operator] = []
    gate = acting(scenario)
    assert len(gate.applied) == 1
    assert gate.closed
    assert operators_of[0].parted == ["free-proxies: partial: 2 freed"]


def test_what_became_of_earlier_actions_is_shown_at_the_start() -> None:
    gate = FakeGate()
    plan = asyncio.run(gate.plan(FreeProxies()))
    gate.planned.clear()
    gate.left_over = [receipt(plan)]

    async def scenario(stand: ActingStand) -> None:
        await stand.told()
        assert "what became of earlier actions" in stand.text
        assert "partial: 2 freed" in stand.text

    acting(scenario, gate)


def test_a_board_is_armed_by_a_key_that_asks_and_ends_by_itself() -> None:
    now = [1000.0]

    async def scenario(stand: ActingStand) -> None:
        stand.app.operator._monotonic = lambda: now[0]
        await stand.press("F")
        assert "read only: A arms the actions" in stand.lines[-1]
        assert "F free" not in stand.lines[-1]
        await stand.press("A")
        await stand.asked()
        await stand.press("enter")
        assert not stand.app.operator.armed
        await stand.press("A")
        await stand.asked()
        await stand.press("tab", "enter")
        assert "ARMED 10m00s" in stand.lines[0]
        assert "F free proxies" in stand.lines[-1]
        now[0] += 400
        await stand.press("F")
        await stand.asked()
        await stand.press("escape")
        now[0] += 400
        stand.app.board.tick()
        await stand.settle()
        assert "ARMED 3m20s" in stand.lines[0]
        now[0] += 201
        stand.app.board.tick()
        await stand.settle()
        assert "ARMED" not in stand.text
        assert "read only again" in stand.lines[-1]
        await stand.press("A")
        await stand.asked()
        await stand.press("tab", "enter", "A")
        assert not stand.app.operator.armed

    gate = acting(scenario, operate=False)
    assert gate.applied == []


def test_an_arming_that_ended_under_the_dialog_applies_nothing() -> None:
    async def scenario(stand: ActingStand) -> None:
        await stand.press("F")
        await stand.asked()
        stand.app.operator.disarm()
        await stand.press("tab", "enter")
        assert "no longer armed" in stand.lines[-1]

    assert acting(scenario).applied == []


def test_a_command_plans_as_its_key_does() -> None:
    async def scenario(stand: ActingStand) -> None:
        await stand.press("colon", *"drain-locks", "enter")
        await stand.asked()
        assert "drain locks of all" in stand.text
        await stand.press("enter")

    gate = acting(scenario)
    assert gate.planned == [DrainLocks()]
    assert gate.applied == []


RESTART = Own("restart container", command=("docker", "restart", "{container}"), confirm="Its tasks wait meanwhile.")
PURGE = Own("purge the cache of everything", url=Url("http://cache:80"), method="DELETE", path="/keys")


def test_an_action_of_ones_own_is_chosen_from_a_list() -> None:
    async def scenario(stand: ActingStand) -> None:
        await stand.press("O")
        assert "own restart container" in stand.text
        assert "Its tasks wait meanwhile." in stand.text
        assert "DELETE cache:80/keys" in stand.text
        await stand.press("down", "enter")
        await stand.asked()
        assert "━ ▲ purge the cache of everything " in stand.text
        await stand.press("a", "tab", "enter")
        await stand.told()
        await stand.press("escape", "colon", *"own pu", "enter")
        await stand.asked()

    gate = acting(scenario, own=(RESTART, PURGE))
    assert gate.planned == [OwnAction(PURGE.name)] * 2
    assert [plan.order for plan, _ in gate.applied] == [OwnAction(PURGE.name)]


def test_actions_of_ones_own_say_why_not() -> None:
    async def scenario(stand: ActingStand) -> None:
        await stand.press("O")
        assert "read only: A arms the actions" in stand.lines[-1]
        stand.app.operator.arm()
        await stand.press("8", "O", "enter")
        assert "restart container needs container" in stand.lines[-1]

    assert acting(scenario, operate=False, own=(RESTART,)).planned == []


def test_a_click_chooses_and_does_not_apply() -> None:
    async def scenario(stand: ActingStand) -> None:
        await stand.press("F")
        await stand.asked()
        y = next(nth for nth, line in enumerate(stand.lines) if "▌ Cancel ▐" in line)
        x = stand.lines[y].index("Apply")
        await stand.pilot.click(offset=(x, y))
        await stand.settle()
        assert stand.stage is Stage.ASKING
        assert "▌ Apply ▐" in stand.text
        await stand.pilot.click(offset=(x, y))
        await stand.settle()
        assert stand.stage is Stage.ASKING
        await stand.pilot.click(offset=(stand.lines[y].index("Cancel"), y))
        await stand.settle()
        assert not stand.app.board.dialog.is_open

    assert acting(scenario).applied == []


def test_the_receipt_stands_on_the_line_of_levels_and_on_the_tape(tmp_path: Path) -> None:
    gate, path = FakeGate(), tmp_path / "a.tape"

    async def scenario(stand: TimedStand) -> None:
        board = stand.app.board
        stand.tap.flow(5)
        await stand.shows(4)
        await stand.press("r")
        await stand.until(lambda: "recording to " in stand.lines[-1])
        await stand.press("F")
        await stand.until(lambda: board.dialog.is_open and board.dialog.heeds)
        await stand.press("tab", "enter")
        await stand.until(lambda: "partial: 2 freed" in stand.text)
        stand.tap.flow(5)
        await stand.shows(9)
        await stand.until(lambda: board.told.place and board.told.place.ticks)

    live_on_stage(scenario, opened=lambda: Writer(path, META), hands=Hands(lambda: gate, operate=True))
    with Tape.open(path) as tape:
        (event,) = [event for event in tape.events() if event.event == ACTION]
    assert event.text == "free-proxies: partial: 2 freed"
    assert event.details["outcome"] == "partial"
    assert len(event.details["results"]) == 3


LEAVE = {"quit", "interrupt", "suspend", "picture", "export"}
"""Keys that end the board or write files of their own."""


def any_keys(count: int) -> Iterator[events.Key]:
    """Keys at random; those that could act, and those that could agree, more often than others."""
    dice = random.Random(5)
    known = [name for key in REGISTRY if key.id not in LEAVE for name in key.keys]
    acting_keys = [*"FDSAO", "tab", "enter", "space", "y", "a", "escape"]
    for _ in range(count):
        key = dice.choice(acting_keys if dice.random() < 0.98 else known)
        yield events.Key(key, key if len(key) == 1 else None)


async def mash(stand: Stand, count: int) -> None:
    """Type at random, faster than anything is painted: bands are drawn once in five hundred keys."""
    events_of = any_keys(count)
    for _ in range(count // 500):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(BoardScreen, "draw_bands", lambda _: None)
            for event in itertools.islice(events_of, 500):
                await stand.app.on_event(event)
                assert stand.app.operator.job is None
        await stand.settle()


def no_gate() -> FakeGate:
    raise AssertionError("a gate was built")


def test_ten_thousand_keys_on_a_tape_reach_nothing(tmp_path: Path) -> None:
    async def scenario(stand: TimedStand) -> None:
        await stand.until(lambda: "REPLAY" in stand.header)
        await stand.press("F")
        assert "a recording has no actions" in stand.lines[-1]
        await stand.press("A")
        assert "a recording has no actions" in stand.lines[-1]
        await mash(stand, 10_000)
        assert not stand.app.operator.armed
        assert "ARMED" not in stand.text

    taped(tmp_path / "a.tape", 20, seed=9)
    tape_on_stage(tmp_path / "a.tape", scenario, (60, 14))


def test_ten_thousand_keys_in_a_context_that_is_read_only_reach_nothing() -> None:
    reason = "this context is read only (actions.read_only)"

    async def run() -> None:
        engine = silent()
        operator = Operator(engine, Hands(no_gate, reason, operate=True))
        app = BoardApp(engine, BoardOptions(context="prod-eu"), operator=operator)
        try:
            async with app.run_test(size=(60, 14)) as pilot:
                stand = Stand(app, pilot)
                await stand.show(incident())
                await stand.press("A")
                assert "this context is read only" in stand.lines[-1]
                await mash(stand, 10_000)
                assert not operator.armed
        finally:
            engine.stop(30.0)

    asyncio.run(run())
