"""The page of the balance sync: what its API says, what the data says, and how both went."""

from __future__ import annotations

from collections.abc import Iterator

from unstick.board.rules import RULES
from unstick.board.sync import Sync
from unstick.facts.level import Level
from unstick.facts.units import clock_time, duration, exact
from unstick.views.pages.model import Fact, Known, Limit, Page, Part, findings, happened
from unstick.views.words import cell

_RULES = tuple(rule.name for rule in RULES if rule.subject == "sync")


def sync(known: Known, key: str) -> Page | None:
    """The one sync, from whichever of its rows."""
    found = known.subjects.sync
    if found is None:
        return None
    sources = [state.source.id for state in known.board.sources if state.source.system == "sync"]
    api = next((one for one in sources if "data" not in one), "")
    data = next((one for one in sources if "data" in one), "")
    return Page(
        key,
        "sync",
        "balance sync",
        found.level,
        cell(f"last success {_ago(found.lag_s)}, due every {duration(found.every_s)}"),
        (
            Part("Runs", tuple(_runs(known, found, api))),
            Part("What is wrong", findings(known, *_RULES), "nothing is"),
            Part("The data", tuple(_data(known, found, data))),
            Part("Keys that differ", tuple(_keys(known, found, data)), "none in the sample"),
            Part("What it leans on", tuple(_links(known, found, api))),
            happened(known, *sources, *_RULES),
        ),
        (
            *known.curve(
                "sync:lag",
                "since the last success",
                "seconds",
                Limit(found.every_s, "due"),
                Limit(1.5 * found.every_s, "overdue", Level.CRITICAL),
            ),
            *known.curve("sync:drift", "balances that differ in the sample", "count"),
        ),
    )


def _runs(known: Known, found: Sync, api: str) -> Iterator[Fact]:
    from_where = api if found.lag_from == "API" else known.of_system("sync")
    yield known.fact("last success", f"{clock_time(found.last_success_at)}Z, {_ago(found.lag_s)}", from_where)
    late = Level.CRITICAL if found.overdue else Level.OK
    yield known.fact("next due", f"{clock_time(found.next_due_at)}Z" if found.next_due_at else "–", api, level=late)
    running = "–" if found.running is None else "running" if found.running else "idle"
    yield known.fact("now", running, api)
    yield known.fact("processed", f"{exact(found.processed)}, {exact(found.updated)} updated", api)
    yield known.fact("errors", exact(found.errors), api, level=Level.WARNING if found.errors else Level.OK)
    yield known.fact("took", duration(found.last_duration_s), api)


def _data(known: Known, found: Sync, data: str) -> Iterator[Fact]:
    yield known.fact("rows", f"about {exact(found.rows)}" if found.rows is not None else "–", data)
    yield known.fact("oldest row", duration(found.oldest_row_s), data)
    drift = found.drift
    if drift is None:
        yield known.fact("sample", found.drift_trouble or "not taken", data, level=Level.UNKNOWN)
        return
    parts = f"{drift.differing} differ, {drift.missing} missing, {drift.unreadable} unreadable of {drift.sampled}"
    yield known.fact("sample", parts, data)
    if drift.largest:
        yield known.fact("largest difference", drift.largest, data)


def _keys(known: Known, found: Sync, data: str) -> Iterator[Fact]:
    for name, redis, database in found.drift.examples if found.drift else ():
        yield known.fact(name, f"{redis} in Redis, {database} in PostgreSQL", data)


def _links(known: Known, found: Sync, api: str) -> Iterator[Fact]:
    for name, flag in (("Redis", found.redis_ok), ("database", found.database_ok)):
        text = "–" if flag is None else "up, says the service" if flag else "DOWN, says the service"
        yield known.fact(name, text, api, level=Level.CRITICAL if flag is False else Level.OK)
    for state in known.board.sources:
        if state.source.system == "sync":
            source = state.source.id
            yield known.fact("asked as", f"{source}: {state.state}", source, jump=f"service:{source}")


def _ago(seconds: float | None) -> str:
    return "–" if seconds is None else f"{duration(seconds)} ago"
