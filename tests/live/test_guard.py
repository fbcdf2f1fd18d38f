"""The guard: frees what is provably stuck, within its caps, and stops itself at anything else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.lab.processes import free_port, wait_until
from tests.live.acting import YES, Shop, done, targets
from unstick.actions import evidence, watch
from unstick.actions.gate import Gate
from unstick.actions.guard import Guard, StoppedError
from unstick.backends.base import BackendError
from unstick.cli.main import run
from unstick.facts.actions import FreeProxies, Outcome, Receipt
from unstick.secret import Url
from unstick.settings import Guard as Settings
from unstick.settings import Postgres

Step = Callable[[], object]


def rounds(shop: Shop, *steps: Step) -> list[Receipt | None]:
    """A round before and after each step, five minutes apart; what each of them gave."""

    async def work(gate: Gate) -> list[Receipt | None]:
        guard = Guard(shop.context, gate, shop.ticks)
        found = [await guard.round()]
        for step in steps:
            await asyncio.to_thread(step)
            shop.ticks.at += 300
            found.append(await guard.round())
        return found

    return shop.run(work)


def nothing() -> None:
    """Time passes."""


def test_it_frees_in_the_second_round_and_only_of_containers_that_are_gone(shop: Shop) -> None:
    shop.hold("gone_1", 1, 2)
    shop.hold("here_2", 3)
    shop.work("here_1", 70)
    first, second, third = rounds(shop, nothing, nothing)
    assert first is None
    assert second is not None
    assert done(second) == {"1", "2"}
    assert third is None
    assert shop.held() == {"3"}
    shop.configure(guard=Settings(idle_workers=True))
    _, receipt = rounds(shop, nothing)
    assert receipt is not None
    assert done(receipt) == {"3"}


def test_a_container_that_comes_back_keeps_what_it_holds(shop: Shop) -> None:
    shop.hold("gone_1", 1)

    async def work(gate: Gate) -> Receipt:
        plan = await shop.decided(gate, FreeProxies(strict=True))
        assert targets(plan) == {"1"}
        await asyncio.to_thread(shop.work, "gone_2", 70)
        return await gate.apply(plan, YES)

    receipt = shop.run(work)
    assert receipt.results[0].text == "container gone works again"
    assert shop.held() == {"1"}


def test_tasks_of_a_container_that_works_stay(shop: Shop) -> None:
    shop.work("here_1", 70, beat="1 hour")
    shop.work("here_2", 71)
    shop.work("gone_1", 72, beat="1 hour")
    assert targets(shop.plan(FreeProxies(tasks=True))) == {"70", "72"}
    assert targets(shop.plan(FreeProxies(tasks=True, strict=True))) == {"72"}


def test_while_no_task_waits_nobody_is_taken_for_dead(shop: Shop) -> None:
    shop.hold("gone_1", 1)
    shop.sql("UPDATE catalog_tasks SET status = 'done'; UPDATE object_tasks SET status = 'done';")
    assert rounds(shop, nothing, nothing) == [None, None, None]
    plan = shop.plan(FreeProxies())
    assert len(plan.targets) == 1
    assert "no task waits for a worker: one that is idle and writes nothing looks like a dead one" in plan.notes
    shop.sql("UPDATE object_tasks SET status = 'pending' WHERE id = 1;")
    assert rounds(shop, nothing)[1] is not None


def test_it_returns_expired_tasks_when_told_to(shop: Shop) -> None:
    shop.hold("gone_1", 1)
    shop.work("gone_1", 70, beat="1 hour")
    assert rounds(shop, nothing) == [None, None]
    shop.configure(guard=Settings(tasks=True))
    given = rounds(shop, nothing)
    assert [(one.kind, one.id) for receipt in given if receipt for one in receipt.results] == [
        *(("task", "70"), ("proxy", "1"))
    ]


def test_it_stops_above_its_caps(shop: Shop) -> None:
    shop.configure(guard=Settings(rows=3, rows_per_hour=4))
    shop.hold("gone_1", 1, 2, 3, 4)
    with pytest.raises(StoppedError, match="4 rows are stuck at once, more than 3"):
        rounds(shop, nothing)
    assert len(shop.held()) == 4
    shop.sql("UPDATE proxies SET is_in_use = false;")
    _again(shop, 1, 2, 3)
    with pytest.raises(StoppedError, match="2 more rows are stuck, above 4 in one hour"):
        rounds(shop, nothing, lambda: _again(shop, 4, 5), nothing)
    assert shop.held() == {"4", "5"}


def _again(shop: Shop, *ids: int) -> None:
    shop.sql("UPDATE proxies SET updated_at = updated_at - interval '1 day';")
    shop.hold("lost_9", *ids)


def test_a_panic_file_stops_it(shop: Shop) -> None:
    shop.hold("gone_1", 1)
    with pytest.raises(StoppedError, match=r"the panic file .* exists"):
        rounds(shop, (shop.folder / "panic").touch)
    assert shop.held() == {"1"}


def test_a_worker_that_works_on_without_its_proxy_stops_it(shop: Shop) -> None:
    """Whoever takes a new proxy is a new life; whoever does not was taken for dead."""
    shop.hold("gone_1", 1)
    assert rounds(shop, nothing, lambda: _reborn(shop, holds=True), nothing)[-1] is None
    _again(shop, 1)
    with pytest.raises(StoppedError, match="lost_9 works on without the proxy that was freed from it"):
        rounds(shop, nothing, lambda: _reborn(shop, holds=False), nothing)


def _reborn(shop: Shop, *, holds: bool) -> None:
    if holds:
        shop.hold("gone_1", 2, ago="0 seconds")
    shop.work("gone_1" if holds else "lost_9", 70, beat="-5 minutes")


def test_rounds_that_come_to_nothing_stop_it_in_the_end(shop: Shop) -> None:
    shop.hold("gone_1", 1)
    shop.configure(read_only=True)
    with pytest.raises(StoppedError, match="3 rounds in a row came to nothing; the last: this context is read only"):
        rounds(shop, nothing, nothing, nothing)


def test_an_unknown_outcome_and_another_server_stop_it(shop: Shop) -> None:
    async def work(gate: Gate) -> None:
        guard = Guard(shop.context, gate, shop.ticks)
        assert await guard.round() is None
        guard._server = "1/1/1"
        with pytest.raises(StoppedError, match="another server answers"):
            await guard.round()
        plan = await gate.plan(guard._order)
        receipt = Receipt("x", plan.order, "shop", (), Outcome.UNKNOWN, 0.0, "nobody knows")
        with pytest.raises(StoppedError, match="nobody knows") as caught:
            guard._judged(plan, receipt)
        assert caught.value.outcome is Outcome.UNKNOWN

    shop.run(work)


def test_a_server_that_is_away_does_not_stop_it(shop: Shop) -> None:
    shop.context = msgspec.structs.replace(
        shop.context, postgres=Postgres(url=Url(f"postgresql://u@127.0.0.1:{free_port()}/x"))
    )
    with pytest.raises(BackendError):
        rounds(shop)


@pytest.fixture
def config(shop: Shop) -> Path:
    path = shop.folder / "unstick.toml"
    path.write_text(
        f'config_version = 1\n[context.shop.postgres]\nurl = "{shop.url}"\n[context.shop.crawler]\n'
        f'[context.shop.actions]\naudit = "{shop.folder}/audit.jsonl"\npanic_file = "{shop.folder}/panic"\n'
        '[context.shop.actions.guard]\nevery = "100ms"\n'
    )
    path.chmod(0o600)
    return path


def test_once_takes_its_two_looks(
    shop: Shop, config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (evidence, watch):
        monkeypatch.setattr(module, "LOOK_S", 0.05)
    shop.hold("gone_1", 1)
    assert run(["guard", "-c", str(config), "--once", "--json"]) == 0
    said = capsys.readouterr()
    receipt: dict[str, Any] = json.loads(said.out)
    assert (receipt["outcome"], receipt["text"]) == ("applied", "1 proxy freed")
    assert said.err == "unstick: guard of shop: every 0s, 20 rows a round and 60 an hour at most\n"
    (shop.folder / "panic").touch()
    assert run(["guard", "-c", str(config)]) == 12
    assert "guard stops: the panic file" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_it_goes_when_it_is_told_to(shop: Shop, config: Path, number: signal.Signals) -> None:
    shop.hold("gone_1", 1)
    arguments = [sys.executable, "-m", "unstick", "guard", "-c", str(config)]
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": "src"}
    ) as process:
        try:
            wait_until(lambda: shop.held() == set(), 60, "the guard to free")
            assert process.stdout is not None
            said = process.stdout.readline()
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, err
    assert " applied: 1 proxy freed: 1 of gone_1\n" in said + out


def test_the_unit_runs_the_same_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["guard", "--systemd", "-c", "/etc/un stick.toml", "-C", "prod"]) == 0
    unit = capsys.readouterr().out
    assert f"ExecStart={sys.executable} -m unstick guard --config '/etc/un stick.toml' --context prod\n" in unit
    assert "RestartPreventExitStatus=12 13 64 70 74 77 78\n" in unit
