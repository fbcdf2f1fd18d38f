"""Balance sync, told."""

from __future__ import annotations

from unstick.board.board import Board
from unstick.board.sync import Sync
from unstick.facts.level import Level
from unstick.facts.units import clock_time, count, duration
from unstick.views.pane import Column, Item, Line, PaneView, Role, Row, Span, Spark
from unstick.views.runs import timeline
from unstick.views.words import absent, cell

ABOUT = "The balance sync: its runs on a line of time, what its API says, and what the data says."
COLUMNS = (
    Column("fact", "fact", 13, about="what is told"),
    Column("value", "value", 10, flex=1, about="what it is now"),
    Column("note", "", 8, flex=1, priority=1, about="where from, or more of it"),
)


def view(board: Board) -> PaneView:
    """One row per fact of the sync."""
    sync = board.subjects.sync
    if sync is None:
        return absent("sync", "Sync", "set sync.url or map the balance table in [sync]")
    rows = _rows(sync)
    role = Role.TEXT if sync.level is Level.OK else Role.CRITICAL if sync.level is Level.CRITICAL else Role.WARNING
    due = "" if sync.next_due_at is None else f" · next {clock_time(sync.next_due_at, seconds=False)}"
    counts = (
        Span(f"lag {duration(sync.lag_s)}", role if sync.lag_s is not None else Role.UNKNOWN),
        Span(due, Role.DIM),
    )
    return PaneView("sync", "Sync", sync.level, counts, _summary(sync, board), COLUMNS, rows)


def _summary(sync: Sync, board: Board) -> tuple[Item, ...]:
    line = timeline(sync, board.memory, board.frame.at)
    lag = Spark("lag", board.memory.values("sync:lag"), f"{duration(sync.lag_s)} of {duration(sync.every_s)}")
    drift = board.memory.values("sync:drift")
    if sync.drift is None:
        return (line, lag)
    differing = sync.drift.differing + sync.drift.missing + sync.drift.unreadable
    return (line, lag, Spark("drift", drift, f"{differing} of {sync.drift.sampled}"))


def _rows(sync: Sync) -> tuple[Row, ...]:
    late = Level.OK if not sync.overdue else Level.CRITICAL if sync.level is Level.CRITICAL else Level.WARNING
    rows = [
        _row(
            "last success",
            _known(sync.lag_s, f"{duration(sync.lag_s)} ago"),
            f"by {sync.lag_from}" if sync.lag_from else "",
            late,
        ),
        _row("next due", _known(sync.due_in_s, _due(sync.due_in_s)), clock_time(sync.next_due_at), late),
        _row("state", _yes(sync.running, "running", "idle"), f"every {duration(sync.every_s)}"),
        _row("processed", count(sync.processed), f"{count(sync.updated)} updated"),
        _row("errors", count(sync.errors), "", Level.WARNING if sync.errors else Level.OK),
        _row("duration", duration(sync.last_duration_s), ""),
        _row(
            "links",
            f"Redis {_yes(sync.redis_ok, 'up', 'DOWN')}, database {_yes(sync.database_ok, 'up', 'DOWN')}",
            "",
            Level.CRITICAL if False in {sync.redis_ok, sync.database_ok} else Level.OK,
        ),
    ]
    if sync.rows is not None or sync.oldest_row_s is not None:
        rows.append(_row("rows", f"≈{count(sync.rows)}", f"oldest {duration(sync.oldest_row_s)}"))
    rows.append(_drift(sync))
    for key, redis, database in sync.drift.examples if sync.drift else ():
        rows.append(
            _row(
                key,
                f"{redis} in Redis",
                f"{database} in PostgreSQL",
                Level.WARNING if sync.overdue else Level.OK,
                "key",
            )
        )
    return tuple(rows)


def _drift(sync: Sync) -> Row:
    if sync.drift is None:
        return _row("drift", "–", sync.drift_trouble or "not sampled", Level.UNKNOWN)
    drift = sync.drift
    parts = [f"{drift.differing} differ"]
    parts += [f"{n} {word}" for n, word in ((drift.missing, "missing"), (drift.unreadable, "unreadable")) if n]
    largest = f"up to {drift.largest}" if drift.largest else ""
    level = Level.WARNING if sync.overdue and drift.differing else Level.OK
    return _row("drift", f"{', '.join(parts)} of {drift.sampled}", largest, level)


def _row(fact: str, value: str, note: str, level: Level = Level.OK, kind: str = "fact") -> Row:
    """A fact that nobody knows is unknown, whatever its level would be."""
    unknown = value.startswith("–")
    shown: Line = cell(value, Role.UNKNOWN if unknown else Role.TEXT)
    cells = (cell(fact, Role.DIM), shown, cell(note, Role.DIM))
    return Row(f"sync:{kind}:{fact}", Level.UNKNOWN if unknown else level, cells, (fact, value, note))


def _due(seconds: float | None) -> str:
    return f"{duration(-(seconds or 0.0))} ago" if (seconds or 0.0) <= -1 else f"in {duration(seconds)}"


def _known(value: float | None, text: str) -> str:
    return "–" if value is None else text


def _yes(flag: bool | None, yes: str, no: str) -> str:  # noqa: FBT001 - a fact, not a switch
    return "–" if flag is None else yes if flag else no
