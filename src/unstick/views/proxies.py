"""The proxy pool, told: one bar, the rows that nobody alive holds, the containers, and the tables of their tasks."""

from __future__ import annotations

from unstick.board.board import Board
from unstick.board.proxies import Proxies, Proxy
from unstick.board.workers import Container
from unstick.facts.crawler import TaskTable
from unstick.facts.level import Level
from unstick.facts.units import count
from unstick.views.pane import LEVEL_ROLE, Bar, Column, Item, Line, PaneView, Role, Row, Spark
from unstick.views.words import absent, age, cell, details, nothing, number, span, tally

ABOUT = "The proxy pool: one bar, the proxies that nobody alive uses, and who holds the others."
COLUMNS = (
    Column("who", "held by", 14, flex=1, about="a container; a proxy and the worker that holds it; a table of tasks"),
    Column("proxies", "proxies", 7, "right", about="how many it holds"),
    Column("tasks", "tasks", 5, "right", priority=1, about="tasks that it works on"),
    Column("seen", "silent", 7, "right", about="how long it is silent, or the proxy held without a task"),
    Column(
        "state",
        "state",
        11,
        flex=1,
        priority=2,
        about="stuck: nobody alive uses it; suspect: not proven yet; gone: no worker of the container lives",
    ),
)


def view(board: Board) -> PaneView:
    """Stuck rows first, then containers."""
    proxies = board.subjects.proxies
    if proxies is None:
        return absent("proxies", "Proxies", "no proxy table; map it in [crawler]")
    counts = tally(
        (proxies.stuck, "stuck", Role.CRITICAL),
        (proxies.free, "free", Role.BAR_FREE),
        (_living(proxies), "used", Role.BAR_USED),
        (proxies.blocked, "blocked", Role.BAR_BLOCKED),
    )
    gone = tuple(_container(c) for c in proxies.containers if c.gone)
    living = tuple(_container(c) for c in proxies.containers if not c.gone)
    tables = tuple(_tasks(table) for table in proxies.tables) if proxies.total is not None else ()
    late, well = [tuple(row for row in tables if bool(row.level.rank) is bad) for bad in (True, False)]
    rows = (*gone, *(_proxy(p) for p in proxies.items), *late, *living, *well)
    return PaneView(
        "proxies",
        "Proxies",
        proxies.level,
        counts,
        _summary(proxies, board),
        COLUMNS,
        rows,
        _note(proxies),
        nothing("nobody holds a proxy", proxies.total),
    )


def _living(proxies: Proxies) -> int | None:
    """Held by the living: with the stuck, the blocked and the free they add up to the pool."""
    return None if proxies.in_use is None else proxies.in_use - (proxies.stuck or 0)


def _summary(proxies: Proxies, board: Board) -> tuple[Item, ...]:
    if proxies.total is None or proxies.in_use is None:
        return ()
    stuck = proxies.stuck or 0
    bar = Bar(
        (
            ("used", float(proxies.in_use - stuck), Role.BAR_USED),
            ("stuck", float(stuck), Role.BAR_STUCK),
            ("blocked", float(proxies.blocked or 0), Role.BAR_BLOCKED),
            ("free", float(proxies.free or 0), Role.BAR_FREE),
        ),
        float(proxies.total),
        legend=False,
    )
    named = (("free", proxies.free), ("stuck", stuck))
    memory = board.memory
    flows = [Spark(n, memory.values(f"proxies:{n}"), _flow(v, memory.values(f"proxies:{n}"))) for n, v in named]
    return (bar, flows[0], flows[1]) if any(flows[1].values) else (bar, flows[0])


def _flow(value: int | None, history: tuple[float | None, ...]) -> str:
    """A count, and by how much it differs from the oldest that is remembered."""
    oldest = next((old for old in history if old is not None), None)
    if value is None or oldest is None or value == oldest:
        return count(value)
    return f"{count(value)} ({value - oldest:+.0f})"


def _note(proxies: Proxies) -> Line:
    parts = []
    if proxies.more > 0:
        parts.append(f"showing {len(proxies.items)} of {len(proxies.items) + proxies.more} candidates")
    if proxies.unowned:
        parts.append(f"{proxies.unowned} in use without a worker")
    expired = [f"{t.expired} expired in {t.name}" for t in proxies.tables if t.expired]
    return (span(" · ".join([*parts, *expired]), Role.WARNING),) if parts or expired else ()


def _proxy(proxy: Proxy) -> Row:
    level = Level.CRITICAL if proxy.state == "stuck" else Level.UNKNOWN
    return Row(
        f"proxy:{proxy.id}",
        level,
        (
            cell(f"#{proxy.id} {proxy.worker_id or '(no worker)'}"),
            number(1),
            number(0),
            age(proxy.held_s, level),
            cell(proxy.state, Role.CRITICAL if level is Level.CRITICAL else Role.DIM),
        ),
        (proxy.worker_id or "", 1, 0, proxy.held_s, proxy.state),
        details("evidence", proxy.evidence),
    )


def tasks_key(table: TaskTable) -> str:
    """The key of a task table's row and of its page."""
    return f"tasks:{table.name}"


def _tasks(table: TaskTable) -> Row:
    level = Level.WARNING if table.expired else Level.OK
    state = f"{count(table.expired)} expired" if table.expired else "processing"
    cells = (
        cell(table.name),
        (),
        number(table.processing),
        (),
        cell(state, LEVEL_ROLE[level] if level.rank else Role.DIM),
    )
    return Row(tasks_key(table), level, cells, (table.name, None, table.processing, None, state))


def _container(container: Container) -> Row:
    level = Level.CRITICAL if container.gone else (Level.OK if container.alive else Level.UNKNOWN)
    unseen = container.last_seen_s is None
    state = "gone" if container.gone else "unseen" if unseen else f"{container.alive}/{container.workers} alive"
    return Row(
        f"container:{container.id}",
        level,
        (
            cell(container.id, Role.STRONG),
            number(container.proxies),
            number(container.tasks),
            age(container.last_seen_s, level),
            cell(state, Role.CRITICAL if container.gone else Role.TEXT),
        ),
        (container.id, container.proxies, container.tasks, container.last_seen_s, state),
    )
