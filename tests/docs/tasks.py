"""The five incidents as an operator meets them: how many keystrokes from the board to cause, blast radius and mending."""

from __future__ import annotations

from typing import NamedTuple

SIZES = ((80, 24), (120, 36), (200, 60))
MOST = 3


class Task(NamedTuple):
    """``keys`` lead from the board of ``tape`` at ``second`` to a screen that says all three."""

    page: str
    title: str
    tape: str
    second: float
    keys: tuple[str, ...]
    cause: str
    radius: str
    mend: str


TASKS = (
    Task(
        "proxies-run-dry", "A proxy pool runs dry", "stuck-proxies", 200, ("v",),
        "container 8b4f59aa is gone", "15 proxies, 3 locks", "F free proxies",
    ),
    Task(
        "a-worker-hangs", "A worker hangs", "worker-stall", 200, ("v",),
        "beats but acknowledged nothing", "31 messages, 342 waiting", "Restart the worker",
    ),
    Task(
        "channels-leak", "Channels leak", "channel-leak", 220, ("v",),
        "feature-service leaks channels: 100", "channel_max reached in 51m14s", "Roll the release back",
    ),
    Task(
        "balances-are-late", "Balances are late", "sync-lag", 230, ("v",),
        "balance sync overdue", "138 balances", "S sync",
    ),
    Task(
        "locks-pile-up", "Locks pile up", "lock-pileup", 200, ("v",),
        "worker worker_2 is dead", "32 locks", "D drain locks",
    ),
)  # fmt: skip


def keystrokes() -> str:
    """The table of docs/tasks/README.md."""
    head = "| what happens | recording | keys | keystrokes | cause | what it holds back | what mends it |"
    rows = (
        f"| [{task.title}]({task.page}.md) | `unstick replay snapshots/{task.tape}.tape --at +{task.second:g}s` "
        f"| {' '.join(f'`{key}`'.replace('enter', '↵').replace('down', '↓') for key in task.keys)} "
        f"| {len(task.keys)} | {task.cause} | {task.radius} | {task.mend} |"
        for task in TASKS
    )
    return "\n".join((head, "|---|---|---|---|---|---|---|", *rows)) + "\n"
