"""What differs between two instants: who came and went, what was stuck and freed, what grew, what began and ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from unstick.board.board import Board
from unstick.board.workers import Holds
from unstick.facts.level import Level
from unstick.facts.units import clock_time, count, duration, timestamp
from unstick.views.pane import LEVEL_GLYPH, LEVEL_ROLE, Column, Line, PaneView, Role, Row, Span
from unstick.views.words import cell

KEY = "difference"
MOST = 200
"""Rows of one subject; what is left out is counted."""
_COLUMNS = (
    Column("subject", "", 9),
    Column("what", "what", 20, flex=3),
    Column("was", "was", 14, flex=1),
    Column("is", "is", 14, flex=1),
)


class Fact(NamedTuple):
    """One thing as it is at one instant: how it is called, and what is said of it in words."""

    name: str
    words: str
    role: Role = Role.TEXT
    weight: float = 0.0
    """A number that grows and falls: what changed most stands first."""


Facts = dict[str, Fact]

_ENDS = {"proxies": "not stuck", "finding": "over"}
"""What is said of something that is told no more; of other things: that it is gone."""


def differences(one: Board, other: Board) -> PaneView:
    """What is not the same at the earlier and at the later of two boards."""
    before, after = sorted((one, other), key=lambda board: board.frame.at)
    rows: list[Row] = []
    left_out = 0
    for subject, told in SUBJECTS.items():
        changed = list(_changed(subject, told(before), told(after)))
        rows += changed[:MOST]
        left_out += max(0, len(changed) - MOST)
    spent = duration(round(after.frame.at) - round(before.frame.at))
    note = f"{left_out:,} more are not shown" if left_out else "esc closes   b forgets the first instant"
    return PaneView(
        KEY,
        f"From {_when(before, after)} to {clock_time(after.frame.at)}Z ({spent})",
        Level.OK,
        (Span(f"{len(rows) + left_out:,}", Role.STRONG), Span(" differ", Role.DIM)),
        (),
        _COLUMNS,
        tuple(rows),
        (Span(note, Role.DIM),),
        (Span("nothing differs between the two", Role.OK),),
    )


def _when(before: Board, after: Board) -> str:
    days = [(timestamp(board.frame.at) or "")[:10] for board in (before, after)]
    return f"{f'{days[0]} ' if days[0] != days[1] else ''}{clock_time(before.frame.at)}Z"


def _changed(subject: str, before: Facts, after: Facts) -> Iterator[Row]:
    changes = []
    for key in dict.fromkeys((*before, *after)):
        was, now = before.get(key), after.get(key)
        if was is None or now is None or was.words != now.words:
            step = abs((now.weight if now else 0.0) - (was.weight if was else 0.0))
            changes.append((-step, key, was, now))
    for _, key, was, now in sorted(changes, key=lambda change: change[0]):
        told = now or was
        if told is None:
            continue
        cells: tuple[Line, ...] = (
            cell(subject, Role.DIM),
            cell(told.name, Role.STRONG),
            cell(was.words if was else "–", Role.DIM),
            cell(now.words if now else _ENDS.get(subject, "gone"), now.role if now else Role.DIM),
        )
        yield Row(f"{subject}|{key}", Level.OK, cells, (subject, told.name, None, None))


def _findings(board: Board) -> Facts:
    return {
        finding.id: Fact(
            finding.title,
            f"{LEVEL_GLYPH[finding.level]} {finding.level.value}",
            LEVEL_ROLE[finding.level],
            finding.level.rank,
        )
        for finding in board.findings
    }


def _sources(board: Board) -> Facts:
    return {
        state.source.id: Fact(state.source.id, state.state, Role.OK if state.state == "fresh" else Role.UNKNOWN)
        for state in board.sources
        if not state.pending
    }


def _workers(board: Board) -> Facts:
    workers = board.subjects.workers
    return {
        worker.id: Fact(worker.name, ", ".join([worker.life, *_held(worker.holds)]), LEVEL_ROLE[worker.level])
        for worker in (workers.items if workers else ())
    }


def _held(holds: Holds) -> Iterator[str]:
    for number, one, many in ((holds.proxies, "proxy", "proxies"), (holds.locks, "lock", "locks")):
        if number:
            yield f"{number} {one if number == 1 else many}"
    if holds.unacked:
        yield f"{holds.unacked} unacked"


def _numbers(numbers: Mapping[str, int | float | None]) -> Facts:
    return {name: Fact(name, count(number)) for name, number in numbers.items()}


def _proxies(board: Board) -> Facts:
    pool = board.subjects.proxies
    if pool is None:
        return {}
    told = _numbers({"in use": pool.in_use, "stuck": pool.stuck, "blocked": pool.blocked, "free": pool.free})
    for row in pool.items:
        if row.state == "stuck":
            told[f"#{row.id}"] = Fact(f"#{row.id} {row.worker_id or ''}", "stuck", Role.CRITICAL)
    return told


def _queues(board: Board) -> Facts:
    queues = board.subjects.queues
    told = {}
    for queue in queues.items if queues else ():
        parts = [f"{count(queue.ready)} ready", f"{count(queue.in_flight)} running"]
        parts += [f"{count(queue.dead)} dead"] if queue.dead else []
        name = f"{queue.name}  {queue.system}"
        told[queue.key] = Fact(name, ", ".join(parts), LEVEL_ROLE[queue.level], float(queue.ready or 0))
    return told


def _channels(board: Board) -> Facts:
    channels = board.subjects.channels
    return {
        link.key: Fact(
            link.connection.client or link.connection.name,
            f"{count(link.connection.channels)} channels",
            LEVEL_ROLE[link.level],
            float(link.connection.channels or 0),
        )
        for link in (channels.items if channels else ())
        if not link.own
    }


def _sync(board: Board) -> Facts:
    sync = board.subjects.sync
    if sync is None:
        return {}
    overdue = {True: "overdue", False: "in time", None: "unknown"}[sync.overdue]
    differing = sync.drift.differing if sync.drift else None
    return {
        "last success": Fact("last success", clock_time(sync.last_success_at)),
        "state": Fact("state", overdue, LEVEL_ROLE[sync.level]),
    } | _numbers({"errors": sync.errors, "keys that differ": differing})


def _locks(board: Board) -> Facts:
    locks = board.subjects.locks
    if locks is None:
        return {}
    numbers = {"held": locks.total, "expired": locks.expired, "orphaned": locks.orphaned, "endless": locks.endless}
    return _numbers(numbers)


SUBJECTS: dict[str, Callable[[Board], Facts]] = {
    "finding": _findings,
    "source": _sources,
    "proxies": _proxies,
    "locks": _locks,
    "sync": _sync,
    "worker": _workers,
    "channels": _channels,
    "queue": _queues,
}
"""From what is wrong to what merely moves."""
