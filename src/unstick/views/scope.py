"""What an action would be about: from what is under the cursor to an order. Pure."""

from __future__ import annotations

import re

from unstick.board.board import Board
from unstick.facts.actions import DrainLocks, FreeProxies, Order, OwnAction, SyncBalances
from unstick.settings import Own
from unstick.views.workers import worker_key

_CLEANED = re.compile(r"\^[@-_?]|\\x[89]")
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
    whole: Order = order
    if isinstance(order, FreeProxies):
        whole = FreeProxies(tasks=order.tasks)
    elif isinstance(order, DrainLocks):
        whole = DrainLocks()
    return whole if whole != order else None


def values_of(key: str | None, board: Board | None) -> dict[str, str]:
    """What the row under the cursor tells an action of one's own: placeholder -> value."""
    kind, _, name = (key or "").partition(":")
    container, worker = _about(key or "", board)
    told = {kind: name} if kind in {"proxy", "service"} else {}
    if board is not None and kind == "lock" and board.subjects.locks:
        found = next((one.row for one in board.subjects.locks.items if one.key == name), None)
        told |= {"lock": found.id, "task": found.task_id} if found else {}
    if board is not None and kind == "queue" and board.subjects.queues:
        queue = next((one for one in board.subjects.queues.items if one.key == name), None)
        told |= {"queue": queue.name} if queue else {}
    if worker and container is None and board is not None and board.subjects.workers:
        known = board.subjects.workers.find(worker)
        container = known.container if known is not None else None
    told |= {"worker": worker} if worker else {}
    return told | ({"container": container} if container else {})


def own_order(own: Own, key: str | None, board: Board | None) -> OwnAction | str:
    """An action of one's own for the row under the cursor; in words what the row does not tell."""
    told = values_of(key, board)
    if lacking := sorted(own.wants - told.keys()):
        return f"{own.name} needs {', '.join(lacking)}: go to a row that tells it"
    if unsure := sorted(name for name in own.wants if not _as_it_is(told[name])):
        return f"{', '.join(unsure)} of this row may be shown otherwise than it is: use unstick run"
    return OwnAction(own.name, tuple((name, told[name]) for name in sorted(own.wants)))


def _as_it_is(text: str) -> bool:
    """Whether nothing that cleaning writes stands in ``text``: then it is what the server said, word for word."""
    return text.isascii() and text.isprintable() and not _CLEANED.search(text)


def whose(order: Order) -> str:
    """Of whom, in words.

    >>> whose(FreeProxies(container="8b4f59aa")), whose(DrainLocks())
    ('of container 8b4f59aa', 'of all')
    """
    if container := getattr(order, "container", None):
        return f"of container {container}"
    if worker := getattr(order, "worker", None):
        return f"of worker {worker}"
    if isinstance(order, OwnAction):
        return f"with {', '.join(f'{name} {value}' for name, value in order.values)}" if order.values else ""
    return "of all" if isinstance(order, FreeProxies | DrainLocks) else ""


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
        workers = subjects.workers.items if subjects.workers else ()
        worker = next((one.whose for one in workers if worker_key(one) == key), None)
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
