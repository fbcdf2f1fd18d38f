"""Plans and receipts, told: text goldens."""

from __future__ import annotations

import json

from unstick.facts.actions import (
    DrainLocks,
    FreeProxies,
    Left,
    Outcome,
    Plan,
    Receipt,
    Result,
    Server,
    State,
    Target,
)
from unstick.views import plan as plans
from unstick.views import receipt as receipts
from unstick.views.pane import Role
from unstick.views.status_text import flat_exactly

SERVER = Server("PostgreSQL", "db:5432/shop", "operator", "7/1/5")
PROXY = Target(
    "proxy", "proxies", "17", "8b4f59aa_3", "would be freed", ("no processing task", "row unchanged for 1h")
)
TASK = Target("task", "catalog_tasks", "9", "8b4f59aa_3", "would return to pending")
PLAN = Plan(
    "4f", FreeProxies(), "prod", True, (SERVER,), 1_700_000_000.0, 60.0, (PROXY, TASK),
    left=(Left("proxy", "proxies", "18", "e1_1", "its worker processes 1 task"),),
    notes=("pool: 100 proxies, 44 in use, 27 blocked, 29 free",), details=("a detail",), cap=1,
)  # fmt: skip


def text(plan: Plan, age_s: float = 5.0) -> list[str]:
    return [flat_exactly(line) for line in plans.lines(plan, age_s)]


def test_a_preview() -> None:
    assert text(PLAN) == [
        "free proxies  in prod  PRODUCTION",
        "on PostgreSQL db:5432/shop as operator",
        "seen 5s ago, may be applied for 55s",
        "pool: 100 proxies, 44 in use, 27 blocked, 29 free",
        "would change 1 proxy and 1 task:",
        "  proxy 17 of 8b4f59aa_3 would be freed",
        "      no processing task; row unchanged for 1h",
        "  task 9 of 8b4f59aa_3 would return to pending",
        "  a detail",
        "stays as it is: 1",
        "  proxy 18 of e1_1: its worker processes 1 task",
        "above the cap of 1: its count must be typed",
    ]
    assert plans.question(PLAN) == "Type 2 to change 1 proxy and 1 task"


def test_an_old_plan_is_loud_about_it() -> None:
    line = list(plans.lines(PLAN, 50.0))[2]
    assert line[0].role is Role.WARNING
    assert flat_exactly(list(plans.lines(PLAN, 500.0))[2]) == "seen 8m20s ago, may be applied for 0s"


def test_a_refused_plan_still_tells_what_it_knows() -> None:
    refused = Plan(
        "x", DrainLocks(), "dev", False, (), 0.0, 60.0, (), refused="why\x1b", notes=("n",), details=("d",)
    )
    assert text(refused) == ["drain locks  in dev", "refused: why^[", "n", "d"]


def test_a_receipt() -> None:
    results = (
        Result("proxy", "proxies", "17", "8b4f59aa_3", State.DONE, "freed"),
        Result("proxy", "proxies", "18", "", State.SKIPPED, "is free already"),
        Result("proxy", "proxies", "19", "[/red]", State.UNKNOWN, "may have been changed"),
    )
    receipt = Receipt(
        "4f", FreeProxies(), "prod", (SERVER,), Outcome.UNKNOWN, 0.5, "nobody knows", results, ("late",)
    )
    assert [flat_exactly(line) for line in receipts.lines(receipt)] == [
        "unknown: nobody knows",
        "  ● proxy 17 of 8b4f59aa_3: freed",
        "  · proxy 18: is free already",
        "  ? proxy 19 of [/red]: may have been changed",
        "note: late",
        "plan 4f in prod, 1970-01-01T00:00:00.500Z",
    ]


def test_json_has_stable_keys() -> None:
    told = json.loads(json.dumps(plans.as_json(PLAN)))
    assert list(told) == [
        *("id", "action", "order", "context", "production", "servers", "made_at", "lives_s", "cap", "refused"),
        *("targets", "left", "notes", "details"),
    ]
    assert told["order"] == {
        "type": "free-proxies",
        "container": None,
        "worker": None,
        "tasks": False,
        "strict": False,
    }
    assert list(told["targets"][0]) == ["kind", "place", "id", "holder", "change", "evidence"]
    receipt = Receipt("4f", FreeProxies(), "prod", (SERVER,), Outcome.APPLIED, 0.5, "done")
    assert list(receipts.as_json(receipt)) == [
        *("plan_id", "action", "context", "servers", "outcome", "at", "text", "results", "notes"),
    ]


def test_the_same_plan_is_recognised_whatever_its_age() -> None:
    again = Plan(
        "other", PLAN.order, "prod", True, PLAN.servers, 1_700_000_009.0, 60.0, PLAN.targets, notes=("another",)
    )
    assert PLAN.same(again)
    assert not PLAN.same(Plan("x", PLAN.order, "prod", True, PLAN.servers, 0.0, 60.0, PLAN.targets[:1]))
