"""What an action would be about: from what is under the cursor to an order. Pure."""

from __future__ import annotations

from unstick.board.board import Board
from unstick.facts.actions import DrainLocks, FreeProxies, Order, SyncBalances

FREE, DRAIN, SYNC = "free-proxies", "drain-locks", "sync-balances"


def order_of(action: str, key: str | None, board: Board | None) -> Order:
    """The order that ``action`` is, for the page that the row under the cursor would open (or that is open).

    A worker or a container, and a finding, a proxy or a lock of one, narrow it; anything else: all there is.
    """
    container, worker = _about(key or "", board)
    if action == FREE:
        known = board.subjects.workers.find(worker) if board and board.subjects.workers and worker else None
        if known is not None and known.kind != "crawler":
            return FreeProxies()
        return FreeProxies(container, None if container else worker)
    if action == DRAIN:
        return DrainLocks(worker)
    return SyncBalances()


def widened(order: Order) -> Order | None:
    """The same for everybody; ``None`` when it is already."""
    whole: Order = SyncBalances()
    if isinstance(order, FreeProxies):
        whole = FreeProxies(tasks=order.tasks)
    elif isinstance(order, DrainLocks):
        whole = DrainLocks()
    return whole if whole != order and not isinstance(order, SyncBalances) else None


def whose(order: Order) -> str:
    """Of whom, in words.

    >>> whose(FreeProxies(container="8b4f59aa")), whose(DrainLocks())
    ('of container 8b4f59aa', 'of all')
    """
    if container := getattr(order, "container", None):
        return f"of container {container}"
    if worker := getattr(order, "worker", None):
        return f"of worker {worker}"
    return "" if isinstance(order, SyncBalances) else "of all"


def _about(key: str, board: Board | None) -> tuple[str | None, str | None]:
    """The container and the worker that a key names."""
    kind, _, name = key.partition(":")
    if board is None or not name:
        return None, None
    subjects = board.subjects
    container = worker = None
    if kind == "container":
        container = name
    elif kind == "worker":
        worker = name.partition(":")[2]
    elif kind == "finding":
        return _of_finding(name.partition(":")[2], board)
    elif kind == "proxy" and subjects.proxies:
        worker = next((one.worker_id for one in subjects.proxies.items if one.id == name), None)
    elif kind == "lock" and subjects.locks:
        worker = next((one.row.worker_id for one in subjects.locks.items if one.key == name), None)
    return container, worker or None


def _of_finding(name: str, board: Board) -> tuple[str | None, str | None]:
    """Findings of a container or a worker end in its name."""
    workers = board.subjects.workers
    if workers is None or not name:
        return None, None
    if any(container.id == name for container in workers.containers):
        return name, None
    return None, name if workers.find(name) is not None else None
